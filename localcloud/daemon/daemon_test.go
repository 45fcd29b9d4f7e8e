package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/cloud"
	"slipway/localcloud/fault"
)

// run runs a daemon on the folder and returns a client of it, and a function that stops it.
func run(t *testing.T, dir string) (Client, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	before, _ := Last(dir)
	go func() {
		ended <- Run(ctx, Options{Dir: dir, Zones: []string{"example.test"}, Patience: 0.01}, slog.New(slog.DiscardHandler))
	}()
	stop := func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	for {
		// Its file is written once everything listens.
		if info, err := Find(t.Context(), dir); err == nil && info.Token != before.Token {
			return Client{Info: info}, stop
		}
		select {
		case err := <-ended:
			t.Fatalf("the daemon ended: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestRestartKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	first, stop := run(t, dir)
	stop()
	if _, err := Find(t.Context(), dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a stopped daemon is found: %v", err)
	}
	second, stop := run(t, dir)
	defer stop()
	for name, port := range first.Info.Providers {
		if second.Info.Providers[name] != port {
			t.Errorf("the port of %s went from %d to %d", name, port, second.Info.Providers[name])
		}
	}
	if second.Info.Registry != first.Info.Registry || second.Info.Proxy != first.Info.Proxy || second.Info.API != first.Info.API || second.Info.CAFile != first.Info.CAFile {
		t.Errorf("after the restart: %+v, before: %+v", second.Info, first.Info)
	}
}

func TestControlWantsTheToken(t *testing.T) {
	c, stop := run(t, t.TempDir())
	defer stop()
	resp, err := http.Get("http://" + c.Info.Control + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the token: %s", resp.Status)
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestForeignProcessIsNoDaemon(t *testing.T) {
	dir := t.TempDir()
	_, stop := run(t, dir)
	stop()
	info, err := Last(dir)
	if err != nil {
		t.Fatal(err)
	}
	info.PID = os.Getpid() // alive, and not a daemon any more
	if err := writeInfo(dir, info); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(t.Context(), dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("this test is taken for a daemon: %v", err)
	}
}

func TestChangeAndDeleteBehindTheEnginesBack(t *testing.T) {
	c, stop := run(t, t.TempDir())
	defer stop()
	for _, err := range []error{
		c.Change(t.Context(), "", "vpc-1", cloud.Map{"tags": nil}),
		c.Delete(t.Context(), "", "vpc-1"),
	} {
		if err == nil || !strings.Contains(err.Error(), "nothing alive has this id") {
			t.Errorf("of what is not there: %v", err)
		}
	}
}

func TestInterruptAndCrashNeedATask(t *testing.T) {
	c, stop := run(t, t.TempDir())
	defer stop()
	for _, act := range []func(context.Context, string) (string, error){c.Interrupt, c.Crash} {
		if id, err := act(t.Context(), "hello"); err == nil || !strings.Contains(err.Error(), "there are no services") {
			t.Errorf("without a service: %q, %v", id, err)
		}
	}
}

func TestSecondDaemonOnAFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	_, stop := run(t, dir)
	defer stop()
	err := Run(t.Context(), Options{Dir: dir}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "another local cloud") {
		t.Errorf("a second daemon: %v", err)
	}
}

func TestFilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	_, stop := run(t, dir)
	stop()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if public := strings.HasPrefix(path, filepath.Join(dir, "ca")); path != dir && !public && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %s", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestStatusPrints(t *testing.T) {
	s := Status{
		Problems:  []string{"load balancer l is failed: no address"},
		Endpoints: []Endpoint{{URL: "https://127.0.0.1:8443", Hostname: "a.example.test"}},
		Services: []Service{{
			Name: "s", Desired: 2, Running: 3, Events: []string{"it started"},
			Deployments: []Deployment{{Status: "PRIMARY", RolloutState: "IN_PROGRESS", TaskDefinition: "d:2"}, {Status: "ACTIVE", RolloutState: "COMPLETED", TaskDefinition: "d:1"}},
		}},
		Alarms:    []Alarm{{Name: "errors", State: "OK", Reason: "none"}},
		DNS:       []Record{{Name: "a.example.test", Type: "CNAME", Content: "b"}},
		Resources: []Resource{{Type: "t", ID: "i", Name: "n"}},
	}
	var b strings.Builder
	if err := s.Print(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"load balancer l is failed: no address",
		"https://127.0.0.1:8443  a.example.test",
		"s        2        3        PRIMARY     IN_PROGRESS  d:2",
		"                           ACTIVE      COMPLETED    d:1",
		"it started",
		"errors  OK     none",
		"a.example.test  CNAME  b",
		"t         n     i",
	} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("no line %q in\n%s", line, b.String())
		}
	}
}

// Faults come by the control API, are shown, and end with the daemon.
func TestFaults(t *testing.T) {
	dir := t.TempDir()
	c, stop := run(t, dir)
	added, err := c.AddFault(t.Context(), fault.Fault{Mode: fault.Slow, Delay: time.Second, Token: "aws:ec2/*"})
	if err != nil {
		t.Fatal(err)
	}
	if added.ID != 1 || added.Nth != 1 || added.Count != 1 || added.Delay != time.Second {
		t.Errorf("added: %+v", added)
	}
	if _, err := c.AddFault(t.Context(), fault.Fault{Mode: "break"}); err == nil || !strings.Contains(err.Error(), "not a mode") {
		t.Errorf("a fault of no mode: %v", err)
	}
	if s, err := c.Status(t.Context()); err != nil || len(s.Faults) != 1 || s.Faults[0].Fault != added {
		t.Errorf("status: %+v, %v", s, err)
	}
	if err := c.ClearFaults(t.Context(), 7); err == nil || !strings.Contains(err.Error(), "none with the id 7") {
		t.Errorf("clear a fault that is not there: %v", err)
	}
	stop()
	c, stop = run(t, dir)
	defer stop()
	if all, err := c.Faults(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("after a restart: %+v, %v", all, err)
	}
}

// Nobody could find a daemon any more whose folder was deleted, so it ends by itself, and its tasks with it.
func TestDeletedFolderEndsTheDaemon(t *testing.T) {
	for name, remove := range map[string]func(dir string) error{
		"deleted":       os.RemoveAll,
		"only its file": func(dir string) error { return os.Remove(infoFile(dir)) },
		"replaced": func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700), writeInfo(dir, Info{Token: "another's"}))
		},
	} {
		dir := filepath.Join(t.TempDir(), "cloud")
		ended := make(chan error, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		go func() {
			ended <- Run(ctx, Options{Dir: dir, Patience: 0.01}, slog.New(slog.DiscardHandler))
		}()
		for look := time.NewTicker(time.Millisecond); ctx.Err() == nil; <-look.C {
			if _, err := Find(ctx, dir); err == nil {
				break
			}
		}
		if err := remove(dir); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err == nil || !strings.Contains(err.Error(), dir+" was deleted") {
			t.Errorf("%s: the daemon ended with %v", name, err)
		}
		cancel()
	}
}

// A search in the wrong folder names the folder.
func TestNotRunningNamesTheFolder(t *testing.T) {
	dir := t.TempDir()
	_, err := Find(t.Context(), dir)
	if !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "looked in "+dir+";") || !strings.Contains(err.Error(), DirVariable) {
		t.Errorf("got %v", err)
	}
}
