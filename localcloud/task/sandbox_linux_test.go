package task

import (
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A task sees its own processes alone: the environment of another one has that one's secrets.
func TestTasksSeeNoOtherTasksProcesses(t *testing.T) {
	isolated(t, func(t *testing.T, r *Runner) {
		image := app(t, v1.Config{User: "65532"})
		var other journal
		start(t, r, Spec{ID: "other", Containers: []Container{{
			Name: "main", Essential: true, Image: image, Command: []string{"serve"}, Environment: map[string]string{"API_KEY": "secret"}, Log: other.log,
		}}})
		eventually(t, "the other task runs", func() bool { return len(other.read()) == 1 })
		for _, user := range []string{"65532", "0"} {
			var j journal
			task := start(t, r, Spec{ID: "curious" + user, Containers: []Container{{
				Name: "main", Essential: true, Image: image, User: user, Command: []string{"peek"}, Environment: map[string]string{"OWN": "1"}, Log: j.log,
			}}})
			eventually(t, "the task has looked", func() bool { return slices.Contains(j.read(), "ready") })
			seen := j.read()
			if len(seen) != 2 || !strings.HasPrefix(seen[0], "1 ") || !strings.Contains(seen[0], "OWN=1") {
				t.Errorf("user %s sees %q, want its own process alone", user, seen)
			}
			task.Stop(StopUserInitiated, "")
		}
	})
}

// What checks a container's health is in its process namespace, as a command that is run in a container is.
func TestHealthChecksSeeTheContainer(t *testing.T) {
	isolated(t, func(t *testing.T, r *Runner) {
		task := start(t, r, Spec{ID: "task", Containers: []Container{{
			Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"serve"},
			HealthCheck: &HealthCheck{Command: []string{"CMD", "/app", "exists", "/proc/self/exe"}, Interval: 10 * time.Millisecond},
		}}})
		await(t, task, "the check passes", func(s Status) bool { return s.Health == HealthHealthy })
	})
}

// dial returns what is said at an address, or "" if nobody listens there.
func dial(address string) string {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return ""
	}
	defer func() { _ = c.Close() }()
	said, _ := io.ReadAll(c)
	return string(said)
}

// Two tasks listen on every address, at the same port: each does so on its own address alone, as on Fargate.
func TestTasksListenOnTheirOwnAddress(t *testing.T) {
	eachIsolation(t, func(t *testing.T, r *Runner) {
		if !r.Listens() || r.isolation == IsolationContainer { // which has no loopback of the machine's
			t.Skip("this system does not let a task's addresses be chosen")
		}
		port := freePort(t)
		tasks := map[string]netip.Addr{"one": netip.MustParseAddr("127.99.1.1"), "two": netip.MustParseAddr("127.99.1.2")}
		for name, address := range tasks {
			var j journal
			start(t, r, Spec{ID: name, Address: address, Containers: []Container{{
				Name: "main", Essential: true, Image: app(t, v1.Config{User: "65532"}), Environment: map[string]string{"NAME": name}, Log: j.log,
				Command: []string{"listen", ":" + port, "ask", "127.0.0.1:" + port, "0.0.0.0:" + port},
			}}})
			eventually(t, "the task listens", func() bool { return slices.Contains(j.read(), "ready") })
			for _, line := range j.read()[:2] {
				if !strings.HasSuffix(line, " says \""+name+"\" <nil>") {
					t.Errorf("within task %s: %s", name, line)
				}
			}
		}
		for name, address := range tasks {
			if said := dial(address.String() + ":" + port); said != name {
				t.Errorf("at %s %q answers, want %q", address, said, name)
			}
		}
		if said := dial("127.0.0.1:" + port); said != "" {
			t.Errorf("at 127.0.0.1 %q answers, want nobody", said)
		}
	})
}

// A program that listens on 127.0.0.1 alone is not reached from outside, here as on Fargate, and keeps no other task from doing the same.
func TestListeningOnLoopbackAlone(t *testing.T) {
	r := best(t)
	if !r.Listens() {
		t.Skip("this system does not let a task's addresses be chosen")
	}
	port := freePort(t)
	for id, address := range map[string]string{"one": "127.99.1.3", "two": "127.99.1.4"} {
		var j journal
		start(t, r, Spec{ID: id, Address: netip.MustParseAddr(address), Containers: []Container{{
			Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"listen", "localhost:" + port}, Log: j.log,
		}}})
		eventually(t, "the task listens", func() bool { return len(j.read()) > 0 })
		if lines := j.read(); lines[0] != "ready" {
			t.Errorf("task %s says %q", id, lines)
		}
		if said := dial(address + ":" + port); said != "" {
			t.Errorf("task %s is reached from outside", id)
		}
	}
}

// A port that is taken at the task's own address is taken.
func TestPortOfTheTaskThatIsTaken(t *testing.T) {
	r := best(t)
	if !r.Listens() {
		t.Skip("this system does not let a task's addresses be chosen")
	}
	port := freePort(t)
	var j journal
	start(t, r, Spec{ID: "task", Address: netip.MustParseAddr("127.99.1.5"), Containers: []Container{{
		Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"listen", ":" + port, "0.0.0.0:" + port}, Log: j.log,
	}}})
	eventually(t, "the task has tried", func() bool { return slices.Contains(j.read(), "ready") })
	if lines := j.read(); !strings.Contains(lines[0], "address already in use") {
		t.Errorf("the second listener: %q", lines)
	}
}

// Root may listen on any port, and nobody else on one below 1024.
func TestPrivilegedPorts(t *testing.T) {
	r := newRunner(t, IsolationNamespaces)
	for user, want := range map[string]string{"0": "ready", "65532": "permission denied"} {
		var j journal
		start(t, r, Spec{ID: user, Address: netip.MustParseAddr("127.99.1.6"), Containers: []Container{{
			Name: "main", Essential: true, Image: app(t, v1.Config{}), User: user, Command: []string{"listen", ":81"}, Log: j.log,
		}}})
		eventually(t, "the task has tried", func() bool { return slices.Contains(j.read(), "ready") })
		if lines := j.read(); !strings.HasSuffix(lines[0], want) {
			t.Errorf("user %s: %q, want %q", user, lines, want)
		}
	}
}

// freePort is a port that nothing listens on, at any address.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Where a task cannot be made to listen on its own address, its log says what to do about it, if that is why it ended.
func TestLogNamesHostWherePortsAreShared(t *testing.T) {
	r := best(t)
	r.listens = false
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for address, want := range map[string]string{":" + port: "listen on $HOST, which is 127.99.1.7", "nowhere": ""} {
		var j journal
		status := stopped(t, start(t, r, Spec{ID: "task", Address: netip.MustParseAddr("127.99.1.7"), Containers: []Container{{
			Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"bind", address}, Log: j.log,
		}}}))
		lines := j.read()
		if code(status.Containers[0]) != 1 || len(lines) == 0 || strings.Contains(lines[len(lines)-1], "$HOST") != (want != "") || !strings.Contains(lines[len(lines)-1], want) {
			t.Errorf("%s: %+v, %q", address, status.Containers[0], lines)
		}
	}
}
