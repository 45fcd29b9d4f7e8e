// Package stack brings the repository's program up on its own local cloud, in its own folder, with the users' commands.
package stack

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"slipway/localcloud/daemon"
)

// Repository has the images.
const Repository = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/hello"

// Stack is the stack that Pulumi.local.yaml configures.
type Stack struct {
	root, dir   string
	log         io.Writer
	environment []string
	client      daemon.Client
}

// Start lays the stack out in the folder dir, which exists and is empty, and starts its cloud. Root is the repository's folder, with
// its binaries in bin. What the commands print goes to log too. Call Stop even after an error.
func Start(ctx context.Context, root, dir string, log io.Writer) (*Stack, error) {
	root, err := filepath.Abs(root)
	s := &Stack{root: root, dir: dir, log: log}
	if err != nil {
		return s, err
	}
	if err := LayOut(root, dir, ".", "bin/slipway"); err != nil {
		return s, err
	}
	config, err := os.ReadFile(filepath.Join(root, "Pulumi.local.yaml"))
	if err != nil {
		return s, err
	}
	if err := os.WriteFile(filepath.Join(dir, "Pulumi.local.yaml"), config, 0o600); err != nil {
		return s, err
	}
	s.environment = append(os.Environ(), "PATH="+filepath.Join(root, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	if _, err := s.localcloud(ctx, "start", "-zone", "slipway.test"); err != nil {
		return s, err
	}
	exports, err := s.localcloud(ctx, "env")
	if err != nil {
		return s, err
	}
	s.environment = append(s.environment, Environment(exports)...)
	info, err := daemon.Find(ctx, s.cloud())
	if err != nil {
		return s, err
	}
	s.client = daemon.Client{Info: info}
	return s, s.pulumi(ctx, "stack", "select", "--create", "local")
}

// LayOut puts a project of the repository into a folder, with its built program: a new build each time would take long.
func LayOut(root, dir, source, built string) error {
	project, err := os.ReadFile(filepath.Join(root, source, "Pulumi.yaml"))
	if err != nil {
		return err
	}
	option, binary := "buildTarget: "+built, filepath.Base(built)
	changed := strings.Replace(string(project), option, "binary: ./"+binary, 1)
	if changed == string(project) {
		return fmt.Errorf("%s/Pulumi.yaml no longer says %q", source, option)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte(changed), 0o600); err != nil {
		return err
	}
	return os.Symlink(filepath.Join(root, "bin", binary), filepath.Join(dir, binary))
}

var export = regexp.MustCompile(`(?m)^export (\w+)='(.*)'$`)

// Environment returns, as NAME=VALUE, the exports of `localcloud env`, except the PATH.
func Environment(exports string) []string {
	var out []string
	for _, m := range export.FindAllStringSubmatch(exports, -1) {
		out = append(out, m[1]+"="+m[2])
	}
	return out
}

// Configure sets values of the stack's configuration, by their paths.
func (s *Stack) Configure(ctx context.Context, values map[string]string) error {
	args := []string{"config", "set-all", "--path"}
	for path, value := range values {
		args = append(args, "--plaintext", path+"="+value)
	}
	return s.pulumi(ctx, args...)
}

// Unset removes a value from the stack's configuration.
func (s *Stack) Unset(ctx context.Context, path string) error {
	return s.pulumi(ctx, "config", "rm", "--path", path)
}

// Up makes the stack what its configuration says.
func (s *Stack) Up(ctx context.Context) error {
	return s.pulumi(ctx, "up", "--yes", "--skip-preview")
}

// Destroy takes the stack down and fails if that leaves anything in the cloud.
func (s *Stack) Destroy(ctx context.Context) error {
	if err := s.pulumi(ctx, "destroy", "--yes", "--skip-preview"); err != nil {
		return err
	}
	_, err := s.localcloud(ctx, "stop", "-empty")
	return err
}

// Stop stops the cloud if it runs.
func (s *Stack) Stop(ctx context.Context) error {
	_, err := s.localcloud(ctx, "stop")
	return err
}

// Push builds a Go program as a version and pushes it as the service's image under a tag. The program is that of a folder of
// the repository; variables, such as main.version, are set in it.
func (s *Stack) Push(ctx context.Context, tag, folder string, variables map[string]string) error {
	binary := filepath.Join(s.dir, "app-"+tag)
	flags := "-s -w"
	for name, value := range variables {
		flags += fmt.Sprintf(" -X '%s=%s'", name, value)
	}
	build := s.command(ctx, "go", "build", "-C", filepath.Join(s.root, folder), "-o", binary, "-ldflags", flags, ".")
	build.Env = append(slices.Clone(build.Env), "CGO_ENABLED=0")
	if _, err := s.run(build); err != nil {
		return err
	}
	_, err := s.run(s.command(ctx, filepath.Join(s.root, "bin", "image"), "-dockerfile", filepath.Join(s.root, "Dockerfile"),
		"-file", "/out/app="+binary, "-arg", "VERSION="+tag, s.client.Info.Registry+"/"+Repository+":"+tag))
	return err
}

// Cloud speaks to the stack's cloud.
func (s *Stack) Cloud() daemon.Client { return s.client }

// Clients says how clients reach the services by name: the proxy, and the trusted authority.
func (s *Stack) Clients() (proxy *url.URL, roots *x509.CertPool, err error) {
	pem, err := os.ReadFile(s.client.Info.CAFile)
	if err != nil {
		return nil, nil, fmt.Errorf("read the cloud's certificate authority: %w", err)
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &url.URL{Scheme: "http", Host: s.client.Info.Proxy}, roots, nil
}

func (s *Stack) cloud() string { return filepath.Join(s.dir, ".localcloud") }

func (s *Stack) pulumi(ctx context.Context, args ...string) error {
	_, err := s.run(s.command(ctx, filepath.Join(s.root, "bin", "pulumi"), append(args, "--non-interactive")...))
	return err
}

func (s *Stack) localcloud(ctx context.Context, args ...string) (stdout string, err error) {
	return s.run(s.command(ctx, filepath.Join(s.root, "bin", "localcloud"), append([]string{"-dir", s.cloud()}, args...)...))
}

// command returns a command that runs in the stack's folder. It is interrupted if ctx ends, so that it can clean up.
func (s *Stack) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = s.dir, s.environment
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = time.Minute
	// Out of the terminal's process group: what its user interrupts is us, and we interrupt the command, once.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// Failure is a command that failed.
type Failure struct {
	Command string
	Output  string // its standard output, and then its standard error
	Err     error
}

func (f *Failure) Error() string { return f.Command + ": " + f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// run runs a command. If it fails, the error is a [Failure].
func (s *Stack) run(cmd *exec.Cmd) (stdout string, err error) {
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, s.log), &errors
	err = cmd.Run()
	_, _ = s.log.Write(errors.Bytes()) // a log that cannot be written is no reason to stop
	if err != nil {
		command := strings.Join(append([]string{filepath.Base(cmd.Path)}, cmd.Args[1:]...), " ")
		return "", &Failure{Command: command, Output: out.String() + errors.String(), Err: err}
	}
	return out.String(), nil
}
