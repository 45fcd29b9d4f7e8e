package task

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"slipway/localcloud/imagetest"
)

// patience is how long tests wait for what must happen.
const patience = 20 * time.Second

// program is testdata/program, built without cgo so that it runs from scratch; the test binary itself would not with
// -race.
var program string

func TestMain(m *testing.M) {
	if os.Getenv("TASK_TEST_DAEMON") != "" {
		daemon()
		return
	}
	code, err := func() (int, error) {
		dir, err := os.MkdirTemp("", "task-test-*")
		if err != nil {
			return 1, err
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "program")
		build := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, "./testdata/program")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return 1, fmt.Errorf("build the test program: %w\n%s", err, out)
		}
		return m.Run(), nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// buildImage returns an image whose program is a file.
func buildImage(config v1.Config, program string) (v1.Image, error) {
	config.Entrypoint = []string{"/app"}
	return imagetest.New(config, map[string]string{"/app": program})
}

// apps are the images that were made, by their configurations.
var apps sync.Map

// app is an image whose program is the test program.
func app(t testing.TB, config v1.Config) func(context.Context) (v1.Image, error) {
	t.Helper()
	key := fmt.Sprintf("%+v", config)
	if built, ok := apps.Load(key); ok {
		return func(context.Context) (v1.Image, error) { return built.(v1.Image), nil }
	}
	img, err := buildImage(config, program)
	if err != nil {
		t.Fatal(err)
	}
	apps.Store(key, img)
	return func(context.Context) (v1.Image, error) { return img, nil }
}

func newRunner(t *testing.T, level Isolation) *Runner {
	t.Helper()
	r, err := NewRunner(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if level == IsolationContainer {
		if err := r.Containers(); err != nil {
			t.Skip(err)
		}
		r.isolation = level
	}
	if r.isolation != level {
		if r.isolation == IsolationNone || level == IsolationNamespaces {
			t.Skipf("this system allows isolation %q only", r.isolation)
		}
		r.isolation = level
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		r.Close(ctx)
	})
	return r
}

// best is the strongest isolation of this system.
func best(t *testing.T) *Runner {
	t.Helper()
	r, err := NewRunner(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return newRunner(t, r.isolation)
}

// eachIsolation runs a test at every isolation that the system allows.
func eachIsolation(t *testing.T, test func(*testing.T, *Runner)) {
	for _, level := range []Isolation{IsolationContainer, IsolationNamespaces, IsolationChroot, IsolationNone} {
		t.Run(string(level), func(t *testing.T) { test(t, newRunner(t, level)) })
	}
}

// isolated runs a test at each isolation in which a container sees its own file system and processes alone.
func isolated(t *testing.T, test func(*testing.T, *Runner)) {
	for _, level := range []Isolation{IsolationContainer, IsolationNamespaces} {
		t.Run(string(level), func(t *testing.T) { test(t, newRunner(t, level)) })
	}
}

// journal is a log that tests read.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) log(l LogLine) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, string(l.Text))
}

func (j *journal) read() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

func start(t *testing.T, r *Runner, spec Spec) *Task {
	t.Helper()
	task, err := r.Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(patience); !condition(); <-look.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after %s", what, patience)
		}
	}
}

// await waits until the task's status is as wanted.
func await(t *testing.T, task *Task, what string, condition func(Status) bool) Status {
	t.Helper()
	timeout := time.After(patience)
	for {
		status, changed := task.Watch()
		if condition(status) {
			return status
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("%s: not after %s: %+v", what, patience, status)
		}
	}
}

func stopped(t *testing.T, task *Task) Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := task.Wait(ctx); err != nil {
		t.Fatalf("%v: %+v", err, task.Status())
	}
	return task.Status()
}

// run runs one essential container to its end and returns how it ended and what it said.
func run(t *testing.T, r *Runner, c Container) (ContainerStatus, []string) {
	t.Helper()
	var j journal
	c.Name, c.Essential, c.Log = "main", true, j.log
	status := stopped(t, start(t, r, Spec{ID: "task", Containers: []Container{c}}))
	return status.Containers[0], j.read()
}

func code(c ContainerStatus) int {
	if c.ExitCode == nil {
		return -1
	}
	return *c.ExitCode
}

func TestEnvironmentIsTheImagesAndTheContainersAlone(t *testing.T) {
	t.Setenv("SECRET_OF_THE_DAEMON", "1")
	eachIsolation(t, func(t *testing.T, r *Runner) {
		_, lines := run(t, r, Container{
			Image:       app(t, v1.Config{Env: []string{"FROM_IMAGE=1", "BOTH=image"}}),
			Command:     []string{"env"},
			Environment: map[string]string{"Z": "last", "BOTH": "container", "A": "with = and spaces"},
		})
		want := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "FROM_IMAGE=1", "A=with = and spaces", "BOTH=container", "Z=last"}
		if !slices.Equal(lines, want) {
			t.Errorf("environment = %q, want %q", lines, want)
		}
	})
}

func TestEmptyEnvironment(t *testing.T) {
	bare := func(ctx context.Context) (v1.Image, error) {
		img, err := app(t, v1.Config{})(ctx)
		if err != nil {
			return nil, err
		}
		return mutate.Config(img, v1.Config{Entrypoint: []string{"/app"}}) // without the PATH that every Dockerfile's image has
	}
	_, lines := run(t, best(t), Container{Image: bare, Command: []string{"env"}})
	if len(lines) != 0 {
		t.Errorf("environment = %q, want none", lines)
	}
}

func TestExit(t *testing.T) {
	eachIsolation(t, func(t *testing.T, r *Runner) {
		for _, want := range []string{"0", "3"} {
			task := start(t, r, Spec{ID: "exit" + want, Containers: []Container{
				{Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"exit", want}},
			}})
			s := stopped(t, task)
			c := s.Containers[0]
			if fmt.Sprint(code(c)) != want || c.Reason != "" || c.State != StateStopped {
				t.Errorf("container = %+v, want exit code %s", c, want)
			}
			if s.StopCode != StopEssentialContainerExited || s.StoppedReason != "Essential container in task exited" {
				t.Errorf("task stopped with %s, %q", s.StopCode, s.StoppedReason)
			}
			if s.StartedAt.IsZero() || s.StoppedAt.Before(s.StartedAt) {
				t.Errorf("task ran from %s to %s", s.StartedAt, s.StoppedAt)
			}
		}
	})
}

func TestStop(t *testing.T) {
	tests := map[string]struct {
		behaviour string
		code      int
		said      []string
	}{
		"SIGTERM honoured": {"serve", 0, []string{"ready", "stopping"}},
		"SIGTERM ignored":  {"ignore", 137, []string{"ready"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			eachIsolation(t, func(t *testing.T, r *Runner) {
				var j journal
				task := start(t, r, Spec{ID: "task", Containers: []Container{{
					Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{tt.behaviour},
					StopTimeout: 200 * time.Millisecond, Log: j.log,
				}}})
				eventually(t, "the program is ready", func() bool { return len(j.read()) == 1 })
				task.Stop(StopServiceSchedulerInitiated, "Scaling activity initiated by deployment")
				task.Stop(StopUserInitiated, "too late to be the reason")
				s := stopped(t, task)
				if got := code(s.Containers[0]); got != tt.code {
					t.Errorf("exit code = %d, want %d", got, tt.code)
				}
				if s.StopCode != StopServiceSchedulerInitiated || s.StoppedReason != "Scaling activity initiated by deployment" {
					t.Errorf("stopped with %s, %q, want the first reason", s.StopCode, s.StoppedReason)
				}
				if !slices.Equal(j.read(), tt.said) {
					t.Errorf("log = %q, want %q", j.read(), tt.said)
				}
			})
		})
	}
}

// SIGTERM may come before the program has a handler for it. Under an init process that ends it; it must not be lost.
func TestStopWhileTheProgramStarts(t *testing.T) {
	task := start(t, best(t), Spec{ID: "task", Containers: []Container{
		{Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"serve"}, InitProcessEnabled: true},
	}})
	await(t, task, "task runs", func(s Status) bool { return s.State == StateRunning })
	task.Stop(StopUserInitiated, "")
	s := stopped(t, task)
	// 143 before there is any handler, 2 while there is Go's own, 0 with the program's.
	if got := code(s.Containers[0]); got != 143 && got != 2 && got != 0 {
		t.Errorf("exit code = %d, want one of an end by SIGTERM", got)
	}
	if ran := s.StoppedAt.Sub(s.StartedAt); ran >= DefaultStopTimeout {
		t.Errorf("the task took %s to stop", ran)
	}
}

func TestStopBeforeTheImageIsThere(t *testing.T) {
	pulling := make(chan struct{})
	task := start(t, best(t), Spec{ID: "task", Containers: []Container{{
		Name: "main", Essential: true, Image: func(ctx context.Context) (v1.Image, error) {
			close(pulling)
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}}})
	<-pulling
	task.Stop(StopUserInitiated, "changed my mind")
	s := stopped(t, task)
	if s.StoppedReason != "changed my mind" || s.Containers[0].Reason != "" || s.Containers[0].ExitCode != nil || !s.StartedAt.IsZero() {
		t.Errorf("status = %+v, want a task that never started", s)
	}
}

func TestUserAndPlace(t *testing.T) {
	config := v1.Config{WorkingDir: "/work", User: "65532:65533"}
	groups := "groups=[]"
	if os.Geteuid() != 0 { // whose own groups cannot be left
		own, err := os.Getgroups()
		if err != nil {
			t.Fatal(err)
		}
		nobody := slices.Repeat([]int{65534}, len(own))
		groups = fmt.Sprint("groups=", nobody)
	}
	tests := map[Isolation]string{
		IsolationContainer:  "uid=65532 gid=65533 " + groups + " pid=1 host=ip-10-0-1-7 dir=/work",
		IsolationNamespaces: "uid=65532 gid=65533 groups=[] pid=1 host=ip-10-0-1-7 dir=/work",
		IsolationChroot:     "uid=65532 gid=65533 groups=[] ",
	}
	for level, want := range tests {
		t.Run(string(level), func(t *testing.T) {
			r := newRunner(t, level)
			var j journal
			stopped(t, start(t, r, Spec{ID: "task", Hostname: "ip-10-0-1-7", Containers: []Container{{
				Name: "main", Essential: true, Image: app(t, config), Command: []string{"self"}, Log: j.log,
			}}}))
			if lines := j.read(); len(lines) != 1 || !strings.HasPrefix(lines[0], want) {
				t.Errorf("self = %q, want %q", lines, want)
			}
		})
	}
}

func TestReadonlyRootFilesystem(t *testing.T) {
	isolated(t, func(t *testing.T, r *Runner) {
		paths := []string{"write", "/new", "/app", "/etc/hosts", "/tmp/new", "/work/new", "/dev/shm/new", "/dev/new", "/proc/sys/kernel/hostname", "/data/new", "/frozen/new"}
		spec := func(user string, readonly bool, j *journal) Spec {
			return Spec{ID: "task", Volumes: []string{"data"}, Containers: []Container{{
				Name: "main", Essential: true, Image: app(t, v1.Config{WorkingDir: "/work"}), Command: paths, User: user,
				ReadonlyRootFilesystem: readonly, Log: j.log,
				MountPoints: []MountPoint{
					{SourceVolume: "data", ContainerPath: "/data"},
					{SourceVolume: "data", ContainerPath: "/frozen", ReadOnly: true},
				},
			}}}
		}
		tests := map[string]struct {
			user     string
			readonly bool
			written  []string
		}{
			// Volumes belong to root with mode 0755 (Amazon ECS developer guide, "Use bind mounts with Amazon ECS").
			"user, read-only": {"65532", true, []string{"/dev/shm/new"}},
			"root, read-only": {"0", true, []string{"/dev/shm/new", "/dev/new", "/data/new"}},
			"user, writable":  {"65532", false, []string{"/dev/shm/new"}},
			"root, writable":  {"", false, []string{"/new", "/etc/hosts", "/work/new", "/dev/shm/new", "/dev/new", "/data/new"}},
		}
		if own := tests["user, writable"]; r.isolation == IsolationContainer && os.Geteuid() != 0 {
			own.written = []string{"/new", "/work/new", "/dev/shm/new"} // the user has all folders there
			tests["user, writable"] = own
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				var j journal
				stopped(t, start(t, r, spec(tt.user, tt.readonly, &j)))
				var written []string
				for _, l := range j.read() {
					if name, ok := strings.CutSuffix(l, " written"); ok {
						written = append(written, name)
					}
				}
				if !slices.Equal(written, tt.written) {
					t.Errorf("written = %q, want %q; log: %q", written, tt.written, j.read())
				}
			})
		}
		images, err := filepath.Glob(filepath.Join(r.dir, "images", "*"))
		want := 1
		if r.isolation == IsolationContainer && os.Geteuid() != 0 {
			want = 2 // each user's own, as it has all files
		}
		if err != nil || len(images) != want {
			t.Fatalf("images = %q, %v, want %d that tasks share", images, err, want)
		}
		if _, err := os.Stat(filepath.Join(images[0], "new")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a task has written to the shared image: %v", err)
		}
	})
}

func TestOwnCopyKeepsTasksApart(t *testing.T) {
	for _, level := range []Isolation{IsolationChroot, IsolationNone} {
		t.Run(string(level), func(t *testing.T) {
			r := newRunner(t, level)
			for range 2 {
				c, lines := run(t, r, Container{Image: app(t, v1.Config{WorkingDir: "/work"}), Command: []string{"write", "here"}})
				if code(c) != 0 || !slices.Equal(lines, []string{"here written"}) {
					t.Errorf("%+v said %q", c, lines)
				}
			}
		})
	}
}

func TestFilesRuntimesAdd(t *testing.T) {
	isolated(t, func(t *testing.T, r *Runner) {
		for _, name := range []string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev/null", "/dev/urandom", "/proc/self/exe"} {
			if c, _ := run(t, r, Container{Image: app(t, v1.Config{}), Command: []string{"exists", name}, ReadonlyRootFilesystem: true, User: "65532"}); code(c) != 0 {
				t.Errorf("%s is missing: %+v", name, c)
			}
		}
		if c, _ := run(t, r, Container{Image: app(t, v1.Config{}), Command: []string{"exists", r.dir}}); code(c) != 1 {
			t.Errorf("the machine's own files are visible: %+v", c)
		}
	})
}

func TestLongLinesComeInPieces(t *testing.T) {
	var mu sync.Mutex
	lengths := map[bool][]int{}
	var last string
	stopped(t, start(t, best(t), Spec{ID: "task", Containers: []Container{{
		Name: "main", Essential: true, Image: app(t, v1.Config{}),
		Command: []string{"line", "1", "0", fmt.Sprint(MaxLine - 1), fmt.Sprint(2*MaxLine + 5)},
		Log: func(l LogLine) {
			mu.Lock()
			defer mu.Unlock()
			lengths[l.Stderr] = append(lengths[l.Stderr], len(l.Text))
			if !l.Stderr {
				last = string(l.Text)
			}
			if l.Time.IsZero() {
				t.Error("a line has no time")
			}
		},
	}}}))
	want := []int{1, MaxLine - 1, MaxLine, MaxLine, 5}
	if !slices.Equal(lengths[true], want) {
		t.Errorf("stderr's lines have lengths %d, want %d", lengths[true], want)
	}
	if want := append(want, len("no line feed")); !slices.Equal(lengths[false], want) || last != "no line feed" {
		t.Errorf("stdout's lines have lengths %d and end with %q, want %d", lengths[false], last, want)
	}
}

func TestFloodWaitsForTheLog(t *testing.T) {
	full := make(chan struct{})
	release := make(chan struct{})
	r := best(t)
	t.Cleanup(func() { close(release) }) // before the runner's own
	lines := 0
	task := start(t, r, Spec{ID: "task", Containers: []Container{{
		Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"flood"},
		Log: func(LogLine) {
			if lines++; lines == 100_000 {
				close(full)
				<-release
			}
		},
	}}})
	<-full
	// Blocked in a write, the program no longer uses the processor, whose time is counted in ticks of 10 ms.
	var before Usage
	since := time.Now()
	eventually(t, "the flood stops", func() bool {
		now, err := task.Usage()
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip("usage is not measured on this system")
		} else if err != nil {
			t.Fatal(err)
		}
		if now.CPU != before.CPU || now.Memory == 0 {
			before, since = now, time.Now()
		}
		return time.Since(since) > 50*time.Millisecond
	})
}

func TestDependencies(t *testing.T) {
	var j journal
	say := func(name string) func(LogLine) {
		return func(l LogLine) { j.log(LogLine{Text: []byte(name + " " + string(l.Text))}) }
	}
	img := app(t, v1.Config{})
	task := start(t, best(t), Spec{ID: "task", Volumes: []string{"data"}, Containers: []Container{
		{
			Name: "main", Essential: true, Image: img, Command: []string{"serve"}, Log: say("main"),
			DependsOn: []Dependency{{"migrate", ConditionSuccess}, {"warm", ConditionComplete}, {"proxy", ConditionHealthy}},
		},
		{Name: "migrate", Image: img, Command: []string{"write", "note"}, Log: say("migrate")},
		{Name: "warm", Image: img, Command: []string{"exit", "7"}, Log: say("warm"), DependsOn: []Dependency{{"migrate", ConditionSuccess}}},
		{
			Name: "proxy", Essential: true, Image: img, Command: []string{"serve"}, Log: say("proxy"),
			DependsOn:   []Dependency{{"warm", ConditionStart}},
			HealthCheck: &HealthCheck{Command: []string{"CMD", "/app", "exists", "app"}, Interval: 10 * time.Millisecond},
		},
	}})
	s := await(t, task, "task runs", func(s Status) bool { return s.State == StateRunning })
	for i, want := range []State{StateRunning, StateStopped, StateStopped, StateRunning} {
		if s.Containers[i].State != want {
			t.Errorf("container %s is %s, want %s", s.Containers[i].Name, s.Containers[i].State, want)
		}
	}
	eventually(t, "main is ready", func() bool { return slices.Contains(j.read(), "main ready") })
	task.Stop(StopUserInitiated, "")
	stopped(t, task)
	want := []string{"migrate note written", "warm exiting", "proxy ready", "main ready", "main stopping", "proxy stopping"}
	// warm and proxy are free to overtake each other.
	overtaken := slices.Clone(want)
	overtaken[1], overtaken[2] = want[2], want[1]
	if got := j.read(); !slices.Equal(got, want) && !slices.Equal(got, overtaken) {
		t.Errorf("order = %q, want %q", got, want)
	}
}

func TestFailedDependencyKeepsTheTaskFromStarting(t *testing.T) {
	img := app(t, v1.Config{})
	missing := func(context.Context) (v1.Image, error) { return nil, errors.New("not found") }
	tests := map[string]struct {
		dependency Container
		condition  Condition
		init, why  string
	}{
		"exits with an error": {
			Container{Image: img, Command: []string{"exit", "3"}},
			ConditionSuccess,
			"init (STOPPED->RUNNING) - Exit: 3", "dependency did not exit successfully",
		},
		"has no image": {Container{Image: missing}, ConditionComplete, "init (STOPPED->RUNNING)", "dependency did not start"},
		"takes too long": {
			// It is told to stop before its program may have begun to listen for that.
			Container{Image: img, Command: []string{"serve"}, StartTimeout: 10 * time.Millisecond, StopTimeout: time.Second},
			ConditionComplete,
			"init (RUNNING->RUNNING)", "dependency has timed out",
		},
		"stops before healthy": {
			Container{Image: img, Command: []string{"exit", "0"}, HealthCheck: &HealthCheck{Command: []string{"CMD", "/app", "exists", "/no"}}},
			ConditionHealthy, "init (STOPPED->RUNNING) - Exit: 0", "dependency stopped before it was healthy",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.dependency.Name = "init"
			s := stopped(t, start(t, best(t), Spec{ID: "task", Containers: []Container{
				{Name: "main", Essential: true, Image: img, Command: []string{"serve"}, DependsOn: []Dependency{{"init", tt.condition}}},
				tt.dependency,
			}}))
			want := "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency [" + tt.init +
				"] for target [main (NONE->RUNNING)] as " + tt.why + "."
			if c := s.Containers[0]; c.Reason != want || code(c) != 143 {
				t.Errorf("main = %+v, want exit code 143 and reason %q", c, want)
			}
			if !s.StartedAt.IsZero() || s.StopCode != StopEssentialContainerExited {
				t.Errorf("task = %+v, want one that never ran", s)
			}
		})
	}
}

func TestEssentialContainerTakesTheOthersWithIt(t *testing.T) {
	eachIsolation(t, func(t *testing.T, r *Runner) {
		img := app(t, v1.Config{})
		var sidecar journal
		task := start(t, r, Spec{ID: "task", Containers: []Container{
			{Name: "sidecar", Image: img, Command: []string{"serve"}, Log: sidecar.log},
			{Name: "helper", Image: img, Command: []string{"exit", "1"}},
			{Name: "main", Essential: true, Image: img, Command: []string{"ignore"}},
		}})
		s := await(t, task, "helper has exited", func(s Status) bool { return s.State == StateRunning && s.Containers[1].State == StateStopped })
		eventually(t, "the sidecar is ready", func() bool { return len(sidecar.read()) == 1 })
		crash, err := os.FindProcess(s.Containers[2].PID)
		if err != nil {
			t.Fatal(err)
		}
		if err := crash.Kill(); err != nil {
			t.Fatal(err)
		}
		s = stopped(t, task)
		if code(s.Containers[2]) != 137 || code(s.Containers[0]) != 0 || s.StopCode != StopEssentialContainerExited {
			t.Errorf("task = %+v, want main killed and the sidecar stopped in order", s)
		}
	})
}

func TestCannotStart(t *testing.T) {
	const start = "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: failed to create shim task: " +
		"OCI runtime create failed: runc create failed: unable to start container process: "
	img := app(t, v1.Config{})
	tests := map[string]struct {
		container Container
		want      string
	}{
		"no such file": {Container{EntryPoint: []string{"/nope", "x"}}, start + `exec: "/nope": stat /nope: no such file or directory: unknown`},
		"not in PATH":  {Container{EntryPoint: []string{"nope"}}, start + `exec: "nope": executable file not found in $PATH: unknown`},
		"not a program": {
			Container{EntryPoint: []string{"/etc"}, WorkingDirectory: "/etc"}, start + `exec: "/etc": permission denied: unknown`,
		},
		"no such directory": {Container{WorkingDirectory: "/nope"}, start + `chdir to cwd ("/nope") set in config.json failed: no such file or directory: unknown`},
		"no command":        {Container{EntryPoint: []string{}}, start + "no command specified: unknown"},
		"image": {
			Container{Image: func(context.Context) (v1.Image, error) { return nil, errors.New("failed to resolve ref x: not found") }},
			"CannotPullContainerError: failed to resolve ref x: not found",
		},
	}
	if r := best(t); r.Isolation() != IsolationNone {
		tests["user"] = struct {
			container Container
			want      string
		}{Container{User: "nobody"}, start + "unable to find user nobody: no matching entries in passwd: unknown"}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			eachIsolation(t, func(t *testing.T, r *Runner) {
				if name == "user" && r.isolation == IsolationNone {
					t.Skip("without isolation the user is the daemon's")
				}
				if strings.HasPrefix(name, "not a") && r.isolation != IsolationNamespaces {
					t.Skip("the directory is one that namespaces add")
				}
				c := tt.container
				c.Name, c.Essential = "main", true
				if c.Image == nil {
					c.Image = img
				}
				task, err := r.Start(Spec{ID: "task", Containers: []Container{c}})
				if err != nil {
					t.Fatal(err)
				}
				s := stopped(t, task)
				if s.Containers[0].Reason != tt.want || s.StopCode != StopTaskFailedToStart || s.Containers[0].ExitCode != nil {
					t.Errorf("task = %+v\nwant reason %q", s, tt.want)
				}
			})
		})
	}
}

func TestHealth(t *testing.T) {
	r := best(t)
	img := app(t, v1.Config{})
	check := func(path string) *HealthCheck {
		return &HealthCheck{Command: []string{"CMD", "/app", "exists", path}, Interval: 5 * time.Millisecond, Retries: 2}
	}
	task := start(t, r, Spec{ID: "task", Containers: []Container{
		{Name: "good", Essential: true, Image: img, Command: []string{"serve"}, HealthCheck: check("app")},
		{Name: "bad", Image: img, Command: []string{"serve"}, HealthCheck: check("nope")},
	}})
	s := await(t, task, "health is known", func(s Status) bool {
		return s.Containers[0].Health != HealthUnknown && s.Containers[1].Health != HealthUnknown
	})
	if s.Containers[0].Health != HealthHealthy || s.Containers[1].Health != HealthUnhealthy {
		t.Errorf("health = %+v", s.Containers)
	}
	if s.Health != HealthHealthy {
		t.Errorf("task is %s, want HEALTHY as its essential container is", s.Health)
	}
}

func TestHangingHealthCheckFails(t *testing.T) {
	task := start(t, best(t), Spec{ID: "task", Containers: []Container{{
		Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"serve"},
		HealthCheck: &HealthCheck{Command: []string{"CMD", "/app", "ignore"}, Interval: time.Millisecond, Timeout: 10 * time.Millisecond, Retries: 1},
	}}})
	await(t, task, "unhealthy", func(s Status) bool { return s.Health == HealthUnhealthy })
}

func TestUsage(t *testing.T) {
	eachIsolation(t, func(t *testing.T, r *Runner) {
		task := start(t, r, Spec{ID: "task", Containers: []Container{
			{Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"burn"}},
		}})
		eventually(t, "50 ms of processor time and a megabyte of memory", func() bool {
			u, err := task.Usage()
			if errors.Is(err, errors.ErrUnsupported) {
				t.Skip("usage is not measured on this system")
			} else if err != nil {
				t.Fatal(err)
			}
			return u.CPU >= 50*time.Millisecond && u.Memory >= 1<<20
		})
		task.Kill()
		stopped(t, task)
		if u, err := task.Usage(); err != nil || u.CPU < 50*time.Millisecond || u.Memory != 0 {
			t.Errorf("usage after the end = %+v, %v, want the processor time used and no memory", u, err)
		}
	})
}

func TestStartRefusals(t *testing.T) {
	img := app(t, v1.Config{})
	main := Container{Name: "main", Essential: true, Image: img}
	with := func(change func(*Container)) Spec {
		c := main
		change(&c)
		return Spec{ID: "task", Containers: []Container{c, {Name: "init", Image: img}}}
	}
	tests := map[string]struct {
		spec Spec
		want string
	}{
		"id":                {Spec{ID: "../up", Containers: []Container{main}}, `task id "../up"`},
		"no container":      {Spec{ID: "task"}, "at least one container must be essential"},
		"two of a name":     {Spec{ID: "task", Containers: []Container{main, main}}, "the name is used twice"},
		"no image":          {with(func(c *Container) { c.Image = nil }), "container main: no image"},
		"volume":            {with(func(c *Container) { c.MountPoints = []MountPoint{{SourceVolume: "v", ContainerPath: "/v"}} }), `unknown volume "v"`},
		"unknown":           {with(func(c *Container) { c.DependsOn = []Dependency{{"x", ConditionStart}} }), `depends on unknown container "x"`},
		"condition":         {with(func(c *Container) { c.DependsOn = []Dependency{{"init", "DONE"}} }), `unknown dependency condition "DONE"`},
		"no health check":   {with(func(c *Container) { c.DependsOn = []Dependency{{"init", ConditionHealthy}} }), "which has no health check"},
		"circle":            {with(func(c *Container) { c.DependsOn = []Dependency{{"main", ConditionStart}} }), "in a circle"},
		"essential success": {with(func(c *Container) { c.DependsOn = []Dependency{{"main", ConditionSuccess}} }), "cannot be an essential container"},
		"health command":    {with(func(c *Container) { c.HealthCheck = &HealthCheck{Command: []string{"NONE"}} }), "want CMD or CMD-SHELL"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := best(t).Start(tt.spec); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Start = %v, want an error with %q", err, tt.want)
			}
		})
	}
	t.Run("twice", func(t *testing.T) {
		r := best(t)
		spec := Spec{ID: "task", Containers: []Container{{Name: "main", Essential: true, Image: img, Command: []string{"serve"}, InitProcessEnabled: true}}}
		start(t, r, spec)
		if _, err := r.Start(spec); err == nil || !strings.Contains(err.Error(), "is running") {
			t.Errorf("second Start = %v, want a refusal", err)
		}
		r.Close(t.Context())
		if _, err := r.Start(spec); err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("Start after Close = %v, want a refusal", err)
		}
	})
}

func TestCrash(t *testing.T) {
	eachIsolation(t, func(t *testing.T, r *Runner) {
		var j journal
		task := start(t, r, Spec{ID: "task", Containers: []Container{
			{Name: "side", Image: app(t, v1.Config{}), Command: []string{"serve"}, Log: j.log},
			{Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"serve"}, Log: j.log},
		}})
		await(t, task, "running", func(s Status) bool { return s.State == StateRunning })
		eventually(t, "both handle SIGTERM", func() bool { return len(j.read()) == 2 })
		if name, err := task.Crash(); err != nil || name != "main" {
			t.Fatalf("crashed %q, %v", name, err)
		}
		stopped(t, task)
		s := task.Status()
		if s.StopCode != StopEssentialContainerExited || *s.Containers[1].ExitCode != 137 {
			t.Errorf("it stopped as %+v", s)
		}
		if _, err := task.Crash(); err == nil {
			t.Error("a task that has stopped crashes")
		}
	})
}

// A program that this machine, or that of the task, cannot run has been started and has exited, and its log says why.
func TestExecFormatError(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte("\x7fELF of no machine"), 0o700); err != nil {
		t.Fatal(err)
	}
	eachIsolation(t, func(t *testing.T, r *Runner) {
		for name, test := range map[string]struct {
			architecture string
			image        func(context.Context) (v1.Image, error)
		}{
			"foreign":  {"s390x", app(t, v1.Config{})},
			"mistaken": {runtime.GOARCH, func(context.Context) (v1.Image, error) { return buildImage(v1.Config{}, garbage) }},
		} {
			var j journal
			s := stopped(t, start(t, r, Spec{ID: name, Architecture: test.architecture, Containers: []Container{{
				Name: "main", Essential: true, Image: test.image, Command: []string{"exit", "0"}, Log: j.log,
			}}}))
			if c := s.Containers[0]; code(c) != 1 || c.Reason != "" || s.StopCode != StopEssentialContainerExited || s.StoppedReason != essentialExited {
				t.Errorf("%s: %+v", name, s)
			}
			if lines := j.read(); !slices.Equal(lines, []string{"exec /app: exec format error"}) {
				t.Errorf("%s: log = %q", name, lines)
			}
		}
	})
}

// A container with a policy starts again after it has run for long enough, unless it exits with a code that does not count. The task runs on,
// although the container is essential, and its dependants are not started twice.
func TestContainersStartAgain(t *testing.T) {
	isolated(t, func(t *testing.T, r *Runner) {
		for name, c := range map[string]struct {
			restart *Restart
			again   bool
		}{
			"no policy":  {nil, false},
			"too early":  {&Restart{After: time.Hour}, false},
			"ignored":    {&Restart{Ignored: []int{137}}, false},
			"in a while": {&Restart{Ignored: []int{0}}, true},
		} {
			var main, after journal
			id := strings.ReplaceAll(name, " ", "-")
			task := start(t, r, Spec{ID: id, Containers: []Container{
				{Name: "main", Essential: true, Image: app(t, v1.Config{}), Command: []string{"serve"}, Restart: c.restart, Log: main.log, ReadonlyRootFilesystem: true},
				{Name: "after", Image: app(t, v1.Config{}), Command: []string{"serve"}, DependsOn: []Dependency{{"main", ConditionStart}}, Log: after.log},
			}})
			first := await(t, task, "running", func(s Status) bool { return s.State == StateRunning }).Containers[0].PID
			eventually(t, "both serve", func() bool { return len(main.read()) == 1 && len(after.read()) == 1 })
			if _, err := task.Crash(); err != nil {
				t.Fatal(err)
			}
			if !c.again {
				if s := stopped(t, task); s.StopCode != StopEssentialContainerExited || *s.Containers[0].ExitCode != 137 {
					t.Errorf("%s: it stopped as %+v", name, s)
				}
				continue
			}
			s := await(t, task, "running again", func(s Status) bool { return s.Containers[0].State == StateRunning && s.Containers[0].PID != first })
			if s.State != StateRunning || s.Containers[0].ExitCode != nil {
				t.Errorf("%s: then it is %+v", name, s)
			}
			eventually(t, "it serves again", func() bool { return len(main.read()) == 2 })
			task.Stop(StopUserInitiated, "enough")
			if s := stopped(t, task); *s.Containers[0].ExitCode != 0 {
				t.Errorf("%s: at last it is %+v", name, s)
			}
			if got, want := after.read(), []string{"ready", "stopping"}; !slices.Equal(got, want) {
				t.Errorf("%s: its dependant says %q, want %q", name, got, want)
			}
		}
	})
}
