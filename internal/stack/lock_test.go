package stack

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestLocks(t *testing.T) {
	state := t.TempDir()
	p, err := OpenProject(t.Context(), project(t, map[string]string{"whoami": `{"user":"ada","url":"file://` + filepath.ToSlash(state) + `?no_tmp_dir=true"}`}))
	if err != nil {
		t.Fatal(err)
	}
	locks, err := p.Locks(t.Context())
	if err != nil || !locks.Visible() {
		t.Fatalf("the locks of a folder are not visible: %v", err)
	}
	none := func(when string) {
		t.Helper()
		if lock, locked, err := locks.Of("dev"); locked || err != nil {
			t.Errorf("%s there is a lock: %+v, %v", when, lock, err)
		}
	}
	none("before any update")

	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	since := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	take := func(lock Lock) (file string) {
		t.Helper()
		dir := filepath.Join(state, ".pulumi", "locks", "organization", "slipway", "dev")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(lock)
		if err != nil {
			t.Fatal(err)
		}
		file = filepath.Join(dir, "8e56ed67.json")
		write(t, file, string(text))
		write(t, file+".attrs", "{}")
		return file
	}
	for name, lock := range map[string]Lock{
		"a process that runs":        {Username: "ada", Hostname: hostname, PID: os.Getpid(), Since: since},
		"a process that is gone":     {Username: "ada", Hostname: hostname, PID: endedProcess(t), Since: since, Abandoned: true},
		"a process somewhere else":   {Username: "ada", Hostname: "not-" + hostname, PID: endedProcess(t), Since: since},
		"somebody who left no words": {},
	} {
		take(lock)
		if got, locked, err := locks.Of("dev"); !locked || err != nil || got != lock {
			t.Errorf("%s: the lock is %+v, %t, %v; want %+v", name, got, locked, err, lock)
		}
		if got, locked, _ := locks.Of("organization/slipway/dev"); !locked || got != lock {
			t.Errorf("%s: by its full name the stack is not locked", name)
		}
	}
	if _, locked, _ := locks.Of("prod"); locked {
		t.Error("the lock of dev is taken for one of prod")
	}

	file := take(Lock{})
	write(t, file, `{"pid":`)
	none("while one is written")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	none("after the update")
}

// endedProcess is the id of a process that has ended.
func endedProcess(t *testing.T) int {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run", "^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func TestLocksOf(t *testing.T) {
	t.Setenv("HOME", "/home/ada")
	for backend, want := range map[string]string{
		"file:///srv/state":               "/srv/state/.pulumi/locks/organization/slipway",
		"file:///srv/my%20state":          "/srv/my state/.pulumi/locks/organization/slipway",
		"file://~":                        "/home/ada/.pulumi/locks/organization/slipway",
		"file://~/state?no_tmp_dir=true":  "/home/ada/state/.pulumi/locks/organization/slipway",
		"s3://bucket?region=eu-central-1": "",
		"https://app.pulumi.com/ada":      "",
	} {
		locks, err := locksOf(backend, "slipway")
		if err != nil || locks.dir != want || locks.Visible() != (want != "") {
			t.Errorf("the locks of %s are in %q, %v; want %q", backend, locks.dir, err, want)
		}
		if want == "" {
			if _, locked, err := locks.Of("dev"); locked || err != nil {
				t.Errorf("%s: a lock is seen, %v", backend, err)
			}
		}
	}
	if _, err := locksOf("file:///%zz", "slipway"); err == nil {
		t.Error("a URL that is none is taken")
	}
}
