package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"slipway/localcloud/daemon"
)

// How long a daemon may take to come up, and to stop its tasks and go.
const (
	startTimeout = 30 * time.Second
	stopTimeout  = 60 * time.Second
)

// options declares the daemon's flags on the set, with defaults.
func options(flags *flag.FlagSet, defaults daemon.Options) *daemon.Options {
	o := &defaults
	several(flags, &o.Zones, "zone", "a Cloudflare zone that exists; can be given several times")
	several(flags, &o.Plain, "plain",
		"store resources of these kinds without modelling them: `PATTERN` such as aws:sns/*; can be given several times")
	flags.StringVar(&o.Program, "program", o.Program, "the folder of the Pulumi program, whose module has the types of -plain's kinds; default the one in which it was first given")
	flags.Float64Var(&o.Latency, "latency", o.Latency, "how slow operations are: 0 as fast as possible, 1 as slow as AWS")
	flags.Float64Var(&o.Patience, "patience", o.Patience, "factor for timeouts: 1 for those of AWS and its provider")
	o.Network = cmp.Or(o.Network, daemon.NetworkDefault)
	flags.Var(&o.Network, "network", "where tasks are: vpc, as containers in a network that is their VPC, or loopback, as processes at addresses of this machine")
	flags.BoolVar(&o.Internet, "internet", o.Internet, "let tasks in a VPC that have a public address reach the real internet")
	return o
}

// several declares a flag that can be given several times. Its values replace the defaults.
func several(flags *flag.FlagSet, values *[]string, name, usage string) {
	flags.Func(name, usage, func(value string) error {
		if !given(flags, name) {
			*values = nil
		}
		*values = append(*values, value)
		return nil
	})
}

// given reports whether a flag was given already.
func given(flags *flag.FlagSet, name string) bool {
	found := false
	flags.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// asFlags writes the options as flags.
func asFlags(o *daemon.Options) []string {
	args := []string{fmt.Sprintf("-latency=%g", o.Latency), fmt.Sprintf("-patience=%g", o.Patience)}
	args = append(args, "-network="+o.Network.String())
	if o.Internet {
		args = append(args, "-internet")
	}
	for _, z := range o.Zones {
		args = append(args, "-zone="+z)
	}
	for _, p := range o.Plain {
		args = append(args, "-plain="+p)
	}
	if len(o.Plain) > 0 {
		args = append(args, "-program="+o.Program)
	}
	return args
}

func serve(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	o := options(flags, daemon.Options{Dir: dir})
	if err := flags.Parse(args); err != nil {
		return err
	}
	return daemon.Run(ctx, *o, slog.New(slog.NewTextHandler(os.Stderr, nil)))
}

func start(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	// Settings that are not given stay unchanged.
	before := daemon.Options{Patience: 0.1}
	if last, err := daemon.Last(dir); err == nil {
		before = last.Options
	}
	o := options(flags, before)
	settings := flags.String("settings", "", "a stack's settings `FILE`: its line localcloud:plain lists patterns, instead of -plain")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var err error
	if *settings != "" {
		if o.Plain, err = plainOf(*settings); err != nil {
			return err
		}
	}
	if err := findProgram(o); err != nil {
		return err
	}
	if err := unlock(stateDir(dir)); err != nil {
		return err
	}
	build, err := daemon.Build()
	if err != nil {
		return err
	}
	info, err := daemon.Find(ctx, dir)
	if errors.Is(err, daemon.ErrNotRunning) {
		return spawn(ctx, dir, asFlags(o))
	}
	if err != nil {
		return err
	}
	switch {
	case info.Build != build:
		fmt.Fprintln(os.Stderr, "the local cloud is from another build than this command: restarting it")
	case !slices.Equal(asFlags(&info.Options), asFlags(o)):
		fmt.Fprintln(os.Stderr, "the local cloud runs with other settings: restarting it")
	default:
		return nil
	}
	if err := terminate(ctx, info.PID); err != nil {
		return err
	}
	return spawn(ctx, dir, asFlags(o))
}

// findProgram uses the program in this folder, unless another is given, if its types are needed.
func findProgram(o *daemon.Options) (err error) {
	if len(o.Plain) == 0 {
		o.Program = ""
		return nil
	}
	if o.Program, err = filepath.Abs(o.Program); err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	return nil
}

// spawn starts the daemon as a session of its own and waits until it says that it is ready, or ends.
func spawn(ctx context.Context, dir string, args []string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil { //nolint:gosec // the user names the folder
		return fmt.Errorf("start the local cloud: %w", err)
	}
	logName := filepath.Join(dir, "daemon.log")
	logFile, err := os.OpenFile(logName, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // as above
	if err != nil {
		return fmt.Errorf("start the local cloud: %w", err)
	}
	defer func() { _ = logFile.Close() }()
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("start the local cloud: %w", err)
	}
	//nolint:gosec // it starts itself
	cmd := exec.Command(self, append([]string{"-dir", dir, "serve"}, args...)...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the local cloud: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if info, err := daemon.Find(ctx, dir); err == nil && info.PID == cmd.Process.Pid {
			return nil
		}
		select {
		case err := <-ended:
			said, _ := os.ReadFile(logName) //nolint:gosec // as above
			return fmt.Errorf("the local cloud did not start (%w): %s", err, lastLine(said))
		case <-ctx.Done():
			return fmt.Errorf("the local cloud was not ready after %s: see %s", startTimeout, logName)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func lastLine(text []byte) string {
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(lines[len(lines)-1])
}

func stop(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	empty := flags.Bool("empty", false, "fail if anything is left alive")
	unused := flags.Bool("unused", false, "keep it running if stacks are in it, and name them")
	if err := flags.Parse(args); err != nil {
		return err
	}
	info, err := daemon.Find(ctx, dir)
	if errors.Is(err, daemon.ErrNotRunning) && !*empty {
		return nil
	}
	if err != nil {
		return err
	}
	if *unused {
		stacks, err := stacksIn(stateDir(dir))
		if err != nil {
			return err
		}
		if len(stacks) > 0 {
			fmt.Printf("The local cloud keeps running, because these stacks are in it: %s. `pulumi destroy --stack NAME` destroys one, after `eval \"$(%s env)\"`.\n",
				strings.Join(stacks, ", "), invocation(dir))
			return nil
		}
	}
	var left *daemon.Status
	if *empty {
		if left, err = (daemon.Client{Info: info}).Status(ctx); err != nil {
			return err
		}
		left.Resources = slices.DeleteFunc(left.Resources, func(r daemon.Resource) bool { return r.ByHand })
	}
	if err := terminate(ctx, info.PID); err != nil {
		return err
	}
	if left != nil && len(left.Resources) > 0 {
		var b strings.Builder
		if err := left.Print(&b); err != nil {
			return err
		}
		self := invocation(dir)
		return fmt.Errorf("the local cloud is stopped, with %d resources left in it:\n%s\n"+
			"they belong to other stacks, or to a killed update. To destroy a stack: `%s start`, `eval \"$(%s env)\"`, `pulumi stack ls`,"+
			" `pulumi destroy --stack NAME`. To forget everything: `%s reset`",
			len(left.Resources), b.String(), self, self, self)
	}
	if *empty {
		fmt.Println("The local cloud is stopped, and nothing is left in it.")
	}
	return nil
}

// invocation is how this command is called for the folder.
func invocation(dir string) string { return os.Args[0] + " -dir " + dir }

// terminate asks a daemon to stop, and kills it if it does not.
func terminate(ctx context.Context, pid int) error {
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the local cloud (process %d): %w", pid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	for syscall.Kill(pid, 0) == nil && !zombie(pid) {
		select {
		case <-ctx.Done():
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("kill the local cloud (process %d): %w", pid, err)
			}
			return nil
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// zombie reports whether the process has ended and only waits for its parent, which in a container may never notice.
func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, after, ok := bytes.Cut(stat, []byte(") "))
	return ok && bytes.HasPrefix(after, []byte("Z"))
}

func reset(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := stop(ctx, dir, flag.NewFlagSet("stop", flag.ContinueOnError), nil); err != nil {
		return err
	}
	// Only a folder of the local cloud: -dir may name another folder by mistake.
	if _, err := os.Stat(filepath.Join(dir, "cloud.db")); err != nil { //nolint:gosec // the user names the folder
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("reset the local cloud: %w", err)
	}
	if err := os.RemoveAll(dir); err != nil { //nolint:gosec // the user names the folder
		return fmt.Errorf("reset the local cloud: %w", err)
	}
	return nil
}

func env(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	clients := flags.Bool("clients", false, "also point clients such as curl at it: they reach the cloud's hosts by name, and no others")
	if err := flags.Parse(args); err != nil {
		return err
	}
	info, err := daemon.Find(ctx, dir)
	if err != nil {
		return err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("print environment: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("print environment: %w", err)
	}
	home := filepath.Join(dir, "pulumi", "home")
	for _, d := range []string{home, stateDir(dir)} {
		if err := os.MkdirAll(d, 0o700); err != nil { //nolint:gosec // the user names the folder
			return fmt.Errorf("print environment: %w", err)
		}
	}
	exports := [][2]string{
		{"PULUMI_DEBUG_PROVIDERS", fmt.Sprintf("aws:%d,cloudflare:%d", info.Providers["aws"], info.Providers["cloudflare"])},
		// Without the .attrs file for each file of the state. Nothing reads it, it is not written in one step, and with half of one the
		// engine cannot read the state any more (gocloud.dev/blob/fileblob, attrs.go).
		{"PULUMI_BACKEND_URL", "file://" + stateDir(dir) + "?metadata=skip"},
		{"PULUMI_HOME", home},
		{"PULUMI_CONFIG_PASSPHRASE", "local"},
		{"PULUMI_STACK", "local"},
		{"PULUMI_SKIP_UPDATE_CHECK", "1"},
		{daemon.DirVariable, dir},
		{"LOCALCLOUD_REGISTRY", info.Registry},
		// Although it is attached to the providers, the engine downloads the plugins that a stack's state names: hundreds of megabytes,
		// or some seconds of attempts where there is no network (pulumi/pulumi pkg/engine/plugins.go).
		{"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "true"},
		{"AWS_ENDPOINT_URL", info.API},
	}
	// AWS clients need credentials, and the local cloud accepts any.
	if os.Getenv("AWS_ACCESS_KEY_ID") == "" {
		exports = append(exports, [2]string{"AWS_ACCESS_KEY_ID", "local"}, [2]string{"AWS_SECRET_ACCESS_KEY", "local"})
	}
	// They need a region too. Some read one name, some the other.
	region := cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), defaultRegion)
	exports = append(exports, [2]string{"AWS_REGION", region}, [2]string{"AWS_DEFAULT_REGION", region})
	if *clients {
		exports = append(exports, clientEnvironment(&info)...)
	}
	for _, e := range exports {
		fmt.Printf("export %s=%s\n", e[0], quote(e[1]))
	}
	// A CLI in the folder of this command is the one to use.
	bin := filepath.Dir(self)
	if _, err := os.Stat(filepath.Join(bin, "pulumi")); err == nil {
		fmt.Printf("export PATH=%s:\"$PATH\"\n", quote(bin))
	}
	return nil
}

// defaultRegion is the one that a first stack is in.
const defaultRegion = "eu-central-1"

// clientEnvironment sends clients through the cloud's proxy and makes them trust its authority. Some read the proxies in capitals and
// some in lower case. curl reads only http_proxy, because a web server's CGI would make HTTP_PROXY from a header named Proxy
// (https://everything.curl.dev/usingcurl/proxies/env).
func clientEnvironment(info *daemon.Info) [][2]string {
	proxy := "http://" + info.Proxy
	const direct = "localhost,127.0.0.0/8,::1" // this machine needs no proxy, and this one cannot reach it
	return [][2]string{
		{"HTTPS_PROXY", proxy},
		{"https_proxy", proxy},
		{"HTTP_PROXY", proxy},
		{"http_proxy", proxy},
		{"NO_PROXY", direct},
		{"no_proxy", direct},
		{"SSL_CERT_FILE", info.CAFile},
		{"CURL_CA_BUNDLE", info.CAFile}, // if it is set, curl uses nothing else
	}
}

// stateDir is where Pulumi keeps the state of the local stacks.
func stateDir(dir string) string { return filepath.Join(dir, "pulumi", "state") }

// quote writes a string as one word for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
