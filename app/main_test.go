package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs the tests, or main itself for the tests that need a process of their own.
func TestMain(m *testing.M) {
	if os.Getenv("APP_TEST_MAIN") != "" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// command is the app as a process, with nothing but env in its environment.
func command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append([]string{"APP_TEST_MAIN=1"}, env...)
	return cmd
}

// freePort is a port of the loopback address that nothing listened on a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

func TestProcess(t *testing.T) {
	env := []string{"HOST=127.0.0.1", "PORT=" + freePort(t), "DRAIN_DELAY=1ms"}
	healthcheck := func() error { return command(t, env, "healthcheck").Run() }
	if healthcheck() == nil {
		t.Error("health check of nothing succeeded")
	}

	cmd := command(t, env)
	next := startAndFollow(t, cmd)
	next("serving")
	if err := healthcheck(); err != nil {
		t.Errorf("health check: %v", err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	next("draining")
	next("stopped")
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit status 0", err)
	}
}

func TestProcessEndsAtSecondSignal(t *testing.T) {
	cmd := command(t, []string{"HOST=127.0.0.1", "PORT=" + freePort(t), "DRAIN_DELAY=1m"})
	next := startAndFollow(t, cmd)
	next("serving")
	_ = cmd.Process.Signal(syscall.SIGTERM)
	next("draining")

	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	until(t, "the process to end", func() bool {
		_ = cmd.Process.Signal(syscall.SIGTERM) // more than once, as the first is handled beside the draining
		select {
		case err = <-ended:
			return true
		default:
			return false
		}
	})
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("ended with %v, want a further SIGTERM to kill", err)
	}
}

func TestProcessRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)

	for name, test := range map[string]struct {
		env  []string
		args []string
		want string
	}{
		"configuration": {env: []string{"PORT=none"}, want: `PORT="none"`},
		"arguments":     {args: []string{"serve"}, want: `unknown arguments ["serve"]`},
		"taken port":    {env: []string{"HOST=127.0.0.1", "PORT=" + port}, want: "listen on HOST and PORT"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := command(t, test.env, test.args...)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			exit, ok := errors.AsType[*exec.ExitError](cmd.Run())
			if !ok || exit.ExitCode() != 1 {
				t.Errorf("ended with %v, want exit status 1", exit)
			}
			if !strings.Contains(stderr.String(), test.want) {
				t.Errorf("said %q, want it to say %q", stderr.String(), test.want)
			}
		})
	}
}

// startAndFollow starts cmd and returns a function that reads its log up to a message. Every line has to be JSON.
func startAndFollow(t *testing.T, cmd *exec.Cmd) (next func(message string)) {
	t.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	return func(message string) {
		t.Helper()
		for lines.Scan() {
			var line struct{ Msg string }
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				t.Fatalf("log line %q: %v", lines.Text(), err)
			}
			if line.Msg == message {
				return
			}
		}
		t.Fatalf("log ended before %q: %v", message, lines.Err())
	}
}
