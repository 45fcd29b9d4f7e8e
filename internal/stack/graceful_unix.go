//go:build unix

package stack

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// graceful makes Pulumi end cleanly when a context does. The Automation API's own command kills Pulumi ten seconds after it interrupted
// it. That leaves a locked stack and resources that are not in the state. Also, a ^C reaches Pulumi twice, from the terminal and from
// the Automation API, and two mean to end at once.
func graceful(c auto.PulumiCommand) auto.PulumiCommand { return gracefulCommand{c} }

type gracefulCommand struct{ auto.PulumiCommand }

// Run runs `pulumi` as the Automation API does, but in its own process group, so the terminal's signals do not reach it. When ctx ends,
// Run interrupts it once and waits. It passes on each later ^C, and the second one ends Pulumi at once.
func (gracefulCommand) Run(ctx context.Context, dir string, stdin io.Reader, stdouts, stderrs []io.Writer, env []string, args ...string,
) (stdout, stderr string, code int, err error) {
	if err := ctx.Err(); err != nil {
		return "", "", -1, err
	}
	var out, complaint bytes.Buffer
	cmd := exec.Command("pulumi", append([]string{"--non-interactive"}, args...)...) //nolint:gosec // The arguments are the Automation API's.
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), env...), "PULUMI_AUTOMATION_API=true")
	cmd.Stdin = stdin
	cmd.Stdout = io.MultiWriter(append(stdouts, &out)...)
	cmd.Stderr = io.MultiWriter(append(stderrs, &complaint)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return "", "", -1, err
	}

	ended := make(chan struct{})
	passing := make(chan struct{})
	go func() {
		defer close(passing)
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		// Only from here on, so the signal that ended ctx is not passed on twice.
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, os.Interrupt)
		defer signal.Stop(signals)
		for {
			_ = cmd.Process.Signal(os.Interrupt)
			select {
			case <-ended:
				return
			case <-signals:
			}
		}
	}()
	err = cmd.Wait()
	close(ended)
	<-passing
	return out.String(), complaint.String(), cmd.ProcessState.ExitCode(), err
}
