package task

import (
	"os/exec"
	"syscall"
	"testing"
)

func TestFatal(t *testing.T) {
	ignoring := leftOver(t, t.TempDir(), func(at string) string { return at })
	if fatal(ignoring.Process.Pid, syscall.SIGTERM) {
		t.Error("SIGTERM is said to end a process that ignores it")
	}
	sleeping := exec.Command("sleep", "60")
	if err := sleeping.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sleeping.Process.Kill() })
	if !fatal(sleeping.Process.Pid, syscall.SIGTERM) {
		t.Error("SIGTERM is said not to end a process without a handler")
	}
}
