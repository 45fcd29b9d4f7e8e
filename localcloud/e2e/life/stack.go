package life

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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

// Stack is one life of a stack. It is for one goroutine at a time.
type Stack struct {
	// Dir is the stack's folder: its project and configuration, and its cloud.
	Dir string

	lab *Lab
	// Cloud speaks to the stack's cloud.
	Cloud daemon.Client
	env   []string
}

// cloudDir is the cloud's folder in the stack's.
const cloudDir = ".localcloud"

// patience makes what AWS gives up after minutes end in seconds, and yet not before the slowest of it has come about on a
// machine with as much to do as a sweep gives it.
const patience = "0.05"

// Configure gives the stack the configuration in a file.
func (s *Stack) Configure(config string) error {
	text, err := os.ReadFile(config)
	if err != nil {
		return fmt.Errorf("configure the stack: %w", err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "Pulumi.local.yaml"), text, 0o600); err != nil {
		return fmt.Errorf("configure the stack: %w", err)
	}
	return nil
}

var export = regexp.MustCompile(`(?m)^export (\w+)='?([^'\n]*)'?`)

// StartCloud starts the stack's cloud if it does not run.
func (s *Stack) StartCloud(ctx context.Context) error {
	if _, err := s.localcloud(ctx, "start", "-zone", "slipway.test", "-patience", patience); err != nil {
		return err
	}
	info, err := daemon.Find(ctx, filepath.Join(s.Dir, cloudDir))
	if err != nil {
		return err
	}
	s.Cloud = daemon.Client{Info: info}
	out, err := s.localcloud(ctx, "env")
	if err != nil {
		return err
	}
	s.env = os.Environ()
	for _, m := range export.FindAllStringSubmatch(out, -1) {
		if m[1] != "PATH" {
			s.env = append(s.env, m[1]+"="+m[2])
		}
	}
	s.env = append(s.env, "PATH="+s.lab.bin("")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return nil
}

// StopCloud stops the stack's cloud; its content is there again after the next start.
func (s *Stack) StopCloud(ctx context.Context) error {
	_, err := s.localcloud(ctx, "stop")
	return err
}

// KillCloud kills the daemon of the stack's cloud, which gets no chance to put anything in order.
func (s *Stack) KillCloud() error {
	if err := syscall.Kill(s.Cloud.Info.PID, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill the local cloud: %w", err)
	}
	return nil
}

// End stops the cloud and removes the stack's folder, after any kind of life.
func (s *Stack) End(ctx context.Context) {
	_ = s.StopCloud(context.WithoutCancel(ctx)) // it may never have started
	_ = os.RemoveAll(s.Dir)
}

func (s *Stack) localcloud(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.lab.bin("localcloud"), append([]string{"-dir", filepath.Join(s.Dir, cloudDir)}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("localcloud %s: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return string(out), nil
}

// Command returns a run of the engine that has not begun, in its own process group. Its language hosts have others ([Hosts]), and are
// killed with it if ctx ends.
func (s *Stack) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.lab.bin("pulumi"), append(args, "--non-interactive", "--color", "never")...)
	cmd.Dir, cmd.Env = s.Dir, s.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		hosts := Hosts(cmd.Process.Pid)
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		for _, host := range hosts {
			_ = syscall.Kill(-host, syscall.SIGKILL) // it may have ended
		}
		return err
	}
	return cmd
}

// Pulumi runs the engine and returns its output. An error is an [*exec.ExitError] if the engine failed.
func (s *Stack) Pulumi(ctx context.Context, args ...string) (string, error) {
	out, err := s.Command(ctx, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("pulumi %s: %w", args[0], err)
	}
	return string(out), err
}

// Rename gives the stack another name, and its configuration too.
func (s *Stack) Rename(ctx context.Context, name string) error {
	if out, err := s.Pulumi(ctx, "stack", "rename", name); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	s.env = append(s.env, "PULUMI_STACK="+name) // of a variable that is there twice the last one counts
	return nil
}

// Up brings the stack up and returns the engine's output.
func (s *Stack) Up(ctx context.Context) (string, error) {
	return s.Pulumi(ctx, "up", "--yes", "--skip-preview", "--suppress-progress")
}

// Destroy destroys the stack and returns the engine's output.
func (s *Stack) Destroy(ctx context.Context) (string, error) {
	return s.Pulumi(ctx, "destroy", "--yes", "--skip-preview", "--suppress-progress")
}

// Converged fails unless the engine has nothing left to do and every one of the services answers.
func (s *Stack) Converged(ctx context.Context, hostnames ...string) error {
	if out, err := s.Pulumi(ctx, "preview", "--expect-no-changes"); err != nil {
		return fmt.Errorf("a second preview is not empty: %w: %s", err, out)
	}
	for _, h := range hostnames {
		if err := s.Answers(ctx, h, answerTimeout); err != nil {
			return err
		}
	}
	return nil
}

// answerTimeout is how long a service may take to answer: its tasks must start and become healthy.
const answerTimeout = time.Minute

// Answers waits, up to a timeout, until a service answers its clients, which use the cloud's name server and trust its authority.
func (s *Stack) Answers(ctx context.Context, hostname string, timeout time.Duration) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		err := get(ctx, client, "https://"+hostname+"/healthz")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", hostname, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// client returns a client that uses the cloud's name server and trusts its authority.
func (s *Stack) client() (*http.Client, error) {
	pem, err := os.ReadFile(s.Cloud.Info.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read the cloud's certificate authority: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		Proxy:           http.ProxyURL(&url.URL{Scheme: "http", Host: s.Cloud.Info.Proxy}),
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}}, nil
}

func get(ctx context.Context, client *http.Client, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection can be used again
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: %s", address, resp.Status)
	}
	return nil
}

// Living returns everything that is alive in the cloud, except for the [Parameter] of somebody else.
func (s *Stack) Living(ctx context.Context) ([]daemon.Resource, error) {
	status, err := s.Cloud.Status(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(status.Resources, func(r daemon.Resource) bool { return r.Type == "aws:ssm/parameter:Parameter" }), nil
}

// Known returns the ids of the resources in the stack's state.
func (s *Stack) Known(ctx context.Context) (map[string]bool, error) {
	out, err := s.Pulumi(ctx, "stack", "export")
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	var state struct {
		Deployment struct{ Resources []struct{ ID string } }
	}
	if err := json.Unmarshal([]byte(out), &state); err != nil {
		return nil, fmt.Errorf("read the stack's state: %w", err)
	}
	known := map[string]bool{}
	for _, r := range state.Deployment.Resources {
		known[r.ID] = true
	}
	return known, nil
}

// Diagnosis returns the text about a resource under "Diagnostics" in the engine's output, or about all resources if the token is empty.
func Diagnosis(output, token, name string) string {
	_, all, _ := strings.Cut(output, "\nDiagnostics:\n")
	if token == "" {
		return all
	}
	// The engine shows aws:ec2/vpc:Vpc as aws:ec2:Vpc.
	pkg, rest, _ := strings.Cut(token, ":")
	module, kind, _ := strings.Cut(rest, ":")
	module, _, _ = strings.Cut(module, "/")
	_, block, found := strings.Cut(all, fmt.Sprintf("  %s:%s:%s (%s):\n", pkg, module, kind, name))
	if !found {
		return ""
	}
	block, _, _ = strings.Cut(block, "\n\n")
	return block
}

// Failed reports whether an error is the engine's own failure, and not one to run it.
func Failed(err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	return ok && exit.Exited()
}
