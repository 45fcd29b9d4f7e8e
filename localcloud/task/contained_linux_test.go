package task

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"slipway/localcloud/vnet"
)

// containing is a runner of tasks with network interfaces.
func containing(t *testing.T) *Runner {
	t.Helper()
	return newRunner(t, IsolationContainer)
}

// on is a network interface in a network.
func on(n *vnet.Network, address string) *Interface {
	prefix := netip.MustParsePrefix(address)
	hardware := net.HardwareAddr{2, 0, 0, 0, 0, prefix.Addr().As4()[3]}
	return &Interface{
		Tap: vnet.TapConfig{
			Name: "eth0", Hardware: hardware, Addresses: []netip.Prefix{prefix}, Gateways: []netip.Addr{prefix.Masked().Addr().Next()}, MTU: n.MTU(),
		},
		Resolvers: []netip.Addr{netip.MustParseAddr("10.0.0.2")},
		Attach: func(frames *os.File) (io.Closer, error) {
			return n.AttachEthernet(vnet.InterfaceConfig{Name: address, Addresses: []netip.Addr{prefix.Addr()}}, hardware, frames)
		},
	}
}

// virtual is a network with a host that dials.
func virtual(t *testing.T) (*vnet.Network, func(address string) string) {
	t.Helper()
	n := vnet.New(vnet.Config{})
	h, err := n.AttachHost(vnet.InterfaceConfig{Name: "host", Addresses: []netip.Addr{netip.MustParseAddr("10.0.2.9")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n, func(address string) string {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		c, err := h.DialContext(ctx, "tcp", address)
		if err != nil {
			return err.Error()
		}
		defer func() { _ = c.Close() }()
		said, _ := io.ReadAll(c)
		return string(said)
	}
}

// Tasks listen on every address, at the same port, which may be one below 1024 for root; on 127.0.0.1 they hear their own containers alone.
func TestTasksWithNetworkInterfaces(t *testing.T) {
	r := containing(t)
	n, ask := virtual(t)
	for id, address := range map[string]string{"one": "10.0.1.4/24", "two": "10.0.1.5/24"} {
		var main, side journal // two containers' lines come in no order
		start(t, r, Spec{ID: id, Address: netip.MustParsePrefix(address).Addr(), Interface: on(n, address), Containers: []Container{
			{
				Name: "main", Essential: true, Image: app(t, v1.Config{User: "65532"}), Environment: map[string]string{"NAME": id}, Log: main.log,
				Command: []string{"listen", ":8080", "127.0.0.1:8081", ":81", "ask", "127.0.0.1:8080"},
			},
			{
				Name: "side", Image: app(t, v1.Config{}), User: "0", Environment: map[string]string{"NAME": id + "'s side"}, Log: side.log,
				Command: []string{"listen", ":80"}, DependsOn: []Dependency{{"main", ConditionStart}},
			},
		}})
		eventually(t, "both listen", func() bool { return len(main.read()) == 3 && len(side.read()) == 1 })
		want := []string{"listen tcp :81: bind: permission denied", fmt.Sprintf("127.0.0.1:8080 says %q <nil>", id), "ready"}
		if lines := main.read(); !slices.Equal(lines, want) {
			t.Errorf("task %s says %q, want %q", id, lines, want)
		}
	}
	for at, want := range map[string]string{
		"10.0.1.4:8080": "one", "10.0.1.5:8080": "two", "10.0.1.4:80": "one's side", "10.0.1.5:80": "two's side", "10.0.1.4:8081": "connection refused",
	} {
		if said := ask(at); !strings.HasSuffix(said, want) {
			t.Errorf("at %s %q answers, want %q", at, said, want)
		}
	}
}

// A task reaches neither what listens on this machine nor anything outside.
func TestTaskReachesItsNetworkAlone(t *testing.T) {
	r := containing(t)
	n, _ := virtual(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var j journal
	start(t, r, Spec{ID: "task", Interface: on(n, "10.0.1.4/24"), Containers: []Container{{
		Name: "main", Essential: true, Image: app(t, v1.Config{}), Log: j.log, Command: []string{"listen", "ask", l.Addr().String(), "10.0.2.9:80"},
	}}})
	eventually(t, "the task has tried", func() bool { return slices.Contains(j.read(), "ready") })
	for _, line := range j.read()[:2] {
		if !strings.Contains(line, "connection refused") {
			t.Errorf("the task says %q", line)
		}
	}
}

// The interface is closed, and its address free, when the task has stopped.
func TestInterfaceGoesWithTheTask(t *testing.T) {
	r := containing(t)
	n, _ := virtual(t)
	for range 2 {
		task := start(t, r, Spec{ID: "task", Interface: on(n, "10.0.1.4/24"), Containers: []Container{{
			Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"serve"},
		}}})
		await(t, task, "running", func(s Status) bool { return s.State == StateRunning })
		if _, ok := n.Owner(netip.MustParseAddr("10.0.1.4")); !ok {
			t.Error("a task that runs has no interface")
		}
		task.Kill()
		stopped(t, task)
		if _, ok := n.Owner(netip.MustParseAddr("10.0.1.4")); ok {
			t.Error("a task that has stopped has an interface")
		}
	}
	failing := on(n, "10.0.1.4/24")
	failing.Attach = func(frames *os.File) (io.Closer, error) {
		return nil, errors.Join(errors.New("no room"), frames.Close())
	}
	s := stopped(t, start(t, r, Spec{ID: "task", Interface: failing, Containers: []Container{{
		Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"serve"},
	}}}))
	if s.StopCode != StopTaskFailedToStart || !strings.Contains(s.StoppedReason, "no room") {
		t.Errorf("without room for an interface, the task stopped as %+v", s)
	}
}

// A process of a container can neither mount nor make namespaces, and gains no rights.
func TestContainerIsConfined(t *testing.T) {
	r := containing(t)
	for user, capabilities := range map[string]string{"0": "CapEff: 00000000a00425fb", "65532": "CapEff: 0000000000000000"} {
		_, lines := run(t, r, Container{Image: app(t, v1.Config{}), User: user, Command: []string{"escape"}})
		want := []string{"mount: operation not permitted", "unshare: operation not permitted", capabilities, "NoNewPrivs: 1", "Seccomp: 2"}
		if !slices.Equal(lines, want) {
			t.Errorf("user %s: %q, want %q", user, lines, want)
		}
	}
}

// The health check, and whatever else is started in a container later, is the container's user and in its namespaces.
func TestLaterProcessesAreInTheContainer(t *testing.T) {
	r := containing(t)
	for _, user := range []string{"65532", "0"} {
		t.Run(user, func(t *testing.T) { laterProcess(t, r, user) })
	}
}

func laterProcess(t *testing.T, r *Runner, user string) {
	n, _ := virtual(t)
	task := start(t, r, Spec{ID: "task" + user, Interface: on(n, "10.0.1.4/24"), Hostname: "ip-10-0-1-4", Containers: []Container{{
		Name: "main", Essential: true, Image: app(t, v1.Config{User: user}), Command: []string{"serve"},
	}}})
	await(t, task, "running", func(s Status) bool { return s.State == StateRunning })
	r2, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r2.Close()
	null, _ := os.Open(os.DevNull)
	defer null.Close()
	stdin, stdinWriter, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdinWriter.Close()
	code, err := task.Exec(t.Context(), "main", []string{"/app", "self"}, stdin, w, w)
	if _, err := stdinWriter.WriteString("x"); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("writing to a command that has ended: %v, want that nobody reads", err)
	}
	_ = w.Close()
	said, _ := io.ReadAll(r2)
	if err != nil || code != 0 || !strings.Contains(string(said), "uid="+user+" gid=") || !strings.Contains(string(said), "host=ip-10-0-1-4") || strings.Contains(string(said), "pid=1 ") {
		t.Errorf("exec ends with %d, %v and says %q", code, err, said)
	}
	for container, args := range map[string][]string{"main": {"/none"}, "other": {"/app"}} {
		if _, err := task.Exec(t.Context(), container, args, null, null, null); err == nil {
			t.Errorf("%q runs in container %s", args, container)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if code, err := task.Exec(ctx, "main", []string{"/app", "ignore"}, null, null, null); err == nil || code == 0 {
		t.Errorf("a command that was told to end ends with %d, %v", code, err)
	}
}

// A container that needs more memory than its task has, or than it has itself, is killed for it, as on Fargate.
func TestContainersAreKeptToTheirMemory(t *testing.T) {
	r := limiting(t)
	const mebibyte = 1 << 20
	for name, c := range map[string]struct{ task, container int64 }{"task": {64 * mebibyte, 0}, "container": {1024 * mebibyte, 64 * mebibyte}} {
		var other journal
		task := start(t, r, Spec{ID: name, Limits: Limits{Memory: c.task}, Containers: []Container{
			{Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"eat"}, Memory: c.container},
			{Name: "other", Image: app(t, v1.Config{}), Command: []string{"serve"}, Log: other.log},
		}})
		s := stopped(t, task)
		main := s.Containers[0]
		if s.StopCode != StopEssentialContainerExited || main.ExitCode == nil || *main.ExitCode != 137 ||
			main.Reason != "OutOfMemoryError: Container killed due to memory usage" {
			t.Errorf("%s: it stopped as %+v", name, s)
		}
		if lines := other.read(); c.container > 0 && !slices.Contains(lines, "stopping") {
			t.Errorf("%s: the other container says %q", name, lines)
		}
	}
	// What is killed for another reason had memory enough.
	task := start(t, r, Spec{ID: "crash", Limits: Limits{Memory: 64 * mebibyte}, Containers: []Container{{
		Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"serve"},
	}}})
	await(t, task, "running", func(s Status) bool { return s.State == StateRunning })
	if _, err := task.Crash(); err != nil {
		t.Fatal(err)
	}
	if s := stopped(t, task); s.Containers[0].Reason != "" || *s.Containers[0].ExitCode != 137 {
		t.Errorf("a crash is %+v", s.Containers[0])
	}
}

// A task gets its share of a processor and no more.
func TestTasksAreKeptToTheirProcessors(t *testing.T) {
	r := limiting(t)
	task := start(t, r, Spec{ID: "task", Limits: Limits{CPU: 128}, Containers: []Container{{
		Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"burn"},
	}}})
	eventually(t, "the task is throttled", func() bool {
		stat, _ := os.ReadFile(filepath.Join(task.group.cpu, "cpu.stat"))
		return strings.Contains(string(stat), "nr_throttled ") && !strings.Contains(string(stat), "nr_throttled 0\n")
	})
	folders := task.group.folders()
	task.Kill()
	stopped(t, task)
	for _, folder := range folders {
		if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", folder, err)
		}
	}
}

// Where a container has a share of the processors, the others have the least share.
func TestContainersShareProcessors(t *testing.T) {
	r := limiting(t)
	for name, c := range map[string]struct {
		cpu          int
		main, helper string
	}{"sharing": {448, "448", "2"}, "alike": {0, "1024", "1024"}} {
		if r.limits().version2 && c.cpu > 0 {
			c.main, c.helper = "18", "1"
		} else if r.limits().version2 {
			c.main, c.helper = "100", "100"
		}
		task := start(t, r, Spec{ID: name, Containers: []Container{
			{Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"serve"}, CPU: c.cpu},
			{Name: "helper", Image: app(t, v1.Config{}), Command: []string{"serve"}},
		}})
		for container, want := range map[string]string{"main": c.main, "helper": c.helper} {
			file := "cpu.shares"
			if r.limits().version2 {
				file = "cpu.weight"
			}
			got, err := os.ReadFile(filepath.Join(task.container(container).group.cpu, file))
			if err != nil || strings.TrimSpace(string(got)) != want {
				t.Errorf("%s: container %s has %q, %v; want %s", name, container, got, err, want)
			}
		}
		task.Kill()
		stopped(t, task)
	}
}

// What a daemon has left that was killed goes with the start of the next one.
func TestGroupsOfTheDeadGo(t *testing.T) {
	r := limiting(t)
	gone := exec.Command(os.Args[0], "-test.run=^$")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(filepath.Dir(r.limits().memory), fmt.Sprintf("localcloud-%d-0", gone.Process.Pid))
	for _, folder := range []string{left, filepath.Join(left, "task")} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	limiting(t)
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", left, err)
	}
	if _, err := os.Stat(r.limits().memory); err != nil {
		t.Errorf("what belongs to one that lives is gone: %v", err)
	}
}

// limiting is a runner that keeps containers to their limits.
func limiting(t *testing.T) *Runner {
	t.Helper()
	r := containing(t)
	if err := r.Limits(); err != nil {
		t.Skip(err)
	}
	return r
}

// A task that floods its network slows others down at most.
func TestFloodingTask(t *testing.T) {
	r := containing(t)
	n, ask := virtual(t)
	var shouting, answering journal
	task := start(t, r, Spec{ID: "shout", Interface: on(n, "10.0.1.4/24"), Containers: []Container{{
		Name: "main", Essential: true, Image: app(t, v1.Config{}), Log: shouting.log, Command: []string{"shout", "10.0.2.9:9", "10.0.1.5:9", "10.0.9.9:9"},
	}}})
	start(t, r, Spec{ID: "answer", Interface: on(n, "10.0.1.5/24"), Containers: []Container{{
		Name: "main", Essential: true, Image: app(t, v1.Config{}), Log: answering.log, Command: []string{"listen", ":80"}, Environment: map[string]string{"NAME": "answer"},
	}}})
	eventually(t, "both run", func() bool { return len(shouting.read()) > 0 && len(answering.read()) > 0 })
	i, ok := n.Owner(netip.MustParseAddr("10.0.1.4"))
	if !ok {
		t.Fatal("the task has no interface")
	}
	const many = 10_000
	eventually(t, "the flood is there", func() bool { return i.Counters().SentPackets > many })
	for range 5 {
		if said := ask("10.0.1.5:80"); said != "answer" {
			t.Fatalf("while a task floods, another one answers %q", said)
		}
	}
	task.Kill()
	stopped(t, task)
}

// BenchmarkTaskWithInterface is BenchmarkTask for a task in a network, and the time from its start until it runs.
func BenchmarkTaskWithInterface(b *testing.B) {
	r, err := NewRunner(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	if err := r.Containers(); err != nil {
		b.Skip(err)
	}
	n := vnet.New(vnet.Config{})
	spec := Spec{ID: "task", Interface: on(n, "10.0.1.4/24"), Containers: []Container{{
		Name: "main", Essential: true, Image: app(b, v1.Config{}), Command: []string{"env"}, ReadonlyRootFilesystem: true,
	}}}
	var starting time.Duration
	for b.Loop() {
		task, err := r.Start(spec)
		if err != nil {
			b.Fatal(err)
		}
		<-task.Done()
		s := task.Status()
		starting += s.StartedAt.Sub(s.CreatedAt)
	}
	b.ReportMetric(float64(starting.Milliseconds())/float64(b.N), "ms-to-start")
}

// BenchmarkHundredTasks is the time until a hundred tasks with network interfaces run, and the memory that this process has then.
func BenchmarkHundredTasks(b *testing.B) {
	r, err := NewRunner(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	if err := r.Containers(); err != nil {
		b.Skip(err)
	}
	n := vnet.New(vnet.Config{})
	for b.Loop() {
		var tasks []*Task
		for i := range 100 {
			task, err := r.Start(Spec{ID: fmt.Sprint("task", i), Interface: on(n, fmt.Sprintf("10.0.1.%d/24", 4+i)), Containers: []Container{{
				Name: "main", Essential: true, Image: app(b, v1.Config{}), Command: []string{"serve"}, ReadonlyRootFilesystem: true,
			}}})
			if err != nil {
				b.Fatal(err)
			}
			tasks = append(tasks, task)
		}
		for _, task := range tasks {
			for {
				s, changed := task.Watch()
				if s.State == StateRunning {
					break
				}
				<-changed
			}
		}
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			b.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(status), "VmRSS:")
		var kibibytes float64
		if _, err := fmt.Sscan(rest, &kibibytes); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(kibibytes/1024, "MiB")
		for _, task := range tasks {
			task.Kill()
			<-task.Done()
		}
	}
}
