package task

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// processesWith counts the machine's processes that have an argument.
func processesWith(t *testing.T, argument string) int {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(out), argument)
}

func TestCloseLeavesNoProcess(t *testing.T) {
	// Elsewhere the child that left its process group is not found.
	r := newRunner(t, IsolationNamespaces)
	marker := fmt.Sprintf("marker-%d-%s", os.Getpid(), t.Name())
	var j journal
	start(t, r, Spec{ID: "task", Containers: []Container{
		{Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"spawn", marker}, Log: j.log},
	}})
	eventually(t, "the child runs", func() bool { return len(j.read()) == 1 })
	if n := processesWith(t, marker); n != 2 {
		t.Fatalf("%d processes run, want 2", n)
	}
	r.Close(t.Context())
	eventually(t, "no process is left", func() bool { return processesWith(t, marker) == 0 })
	if left, err := filepath.Glob(filepath.Join(r.dir, "tasks", "*")); err != nil || len(left) != 0 {
		t.Errorf("left on disk: %q, %v", left, err)
	}
}

// daemon is the process of TestNoTaskOutlivesItsDaemon that is killed.
func daemon() {
	img, err := buildImage(v1.Config{}, os.Getenv("TASK_TEST_PROGRAM"))
	if err != nil {
		panic(err)
	}
	r, err := NewRunner(".")
	if err != nil {
		panic(err)
	}
	r.isolation = Isolation(os.Getenv("TASK_TEST_ISOLATION"))
	_, err = r.Start(Spec{ID: "task", Containers: []Container{{
		Name: "main", Essential: true, Command: []string{"ignore", r.dir},
		Image: func(context.Context) (v1.Image, error) { return img, nil },
		Log:   func(l LogLine) { fmt.Println(string(l.Text)) },
	}}})
	if err != nil {
		panic(err)
	}
	select {}
}

func TestNoTaskOutlivesItsDaemon(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	eachIsolation(t, func(t *testing.T, r *Runner) {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "TASK_TEST_DAEMON=1", "TASK_TEST_PROGRAM="+program, "TASK_TEST_ISOLATION="+string(r.isolation))
		cmd.Dir = r.dir
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
			t.Fatalf("the daemon's task said %q, %v", line, err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		if _, err := CleanUp(r.dir); err != nil {
			t.Fatal(err)
		}
		eventually(t, "no process is left", func() bool { return processesWith(t, "ignore "+r.dir) == 0 })
		if _, err := os.Stat(filepath.Join(r.dir, "tasks")); !os.IsNotExist(err) {
			t.Errorf("the task's folder is still there: %v", err)
		}
	})
}

// leftOver starts a process as an earlier runner without Linux's help would have left it.
func leftOver(t *testing.T, dir string, started func(string) string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, "ignore")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	at, err := startTime(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	content, err := json.Marshal(identity{cmd.Process.Pid, started(at)})
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "tasks", fmt.Sprint(cmd.Process.Pid), "main")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, processFile), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestCleanUpKillsLeftOversAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	ours := leftOver(t, dir, func(at string) string { return at })
	// A stranger that was given the number of a process of ours.
	stranger := leftOver(t, dir, func(string) string { return "long ago" })
	killed, err := CleanUp(dir)
	if err != nil || killed != 1 {
		t.Fatalf("CleanUp = %d, %v, want 1 killed", killed, err)
	}
	if err := ours.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the left-over process ended with %v, want killed", err)
	}
	if err := stranger.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the stranger was killed: %v", err)
	}
	if killed, err := CleanUp(dir); err != nil || killed != 0 {
		t.Errorf("second CleanUp = %d, %v, want nothing to do", killed, err)
	}
}

func TestCleanUpOfNothing(t *testing.T) {
	if killed, err := CleanUp(filepath.Join(t.TempDir(), "missing")); killed != 0 || err != nil {
		t.Errorf("CleanUp = %d, %v", killed, err)
	}
}
