// Package task runs the containers of ECS tasks as processes of this machine.
//
// A [Runner] takes a [Spec], which reads like an ECS task definition, and carries its containers through the life that
// ECS gives them: dependencies, health checks, essential containers, SIGTERM and SIGKILL. [Runner.Isolation] says how
// close to a Fargate task their surroundings are. No process outlives its runner.
package task

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Runner runs tasks in a folder that is its own. It is safe for concurrent use.
type Runner struct {
	dir       string
	isolation Isolation
	listens   bool
	images    *cache
	// containers is why there is no IsolationContainer, if there is none.
	containers func() error
	// limiter limits what tasks use; nil, and why, if it cannot.
	limiter func() (*limiter, error)

	mu     sync.Mutex
	tasks  map[string]*Task
	closed bool
}

// NewRunner makes a runner that keeps extracted images and running tasks below dir. If an earlier runner may have died
// there call [CleanUp] first.
func NewRunner(dir string) (*Runner, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("make task runner: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make task runner: %w", err)
	}
	level, err := isolation(dir)
	if err != nil {
		return nil, fmt.Errorf("make task runner in %s: %w", dir, err)
	}
	r := &Runner{
		dir:       dir,
		isolation: level,
		listens:   canWatch(),
		images:    &cache{dir: filepath.Join(dir, "images")},
		tasks:     map[string]*Task{},
	}
	r.containers = sync.OnceValue(func() error { return tryContainer(dir) })
	r.limiter = sync.OnceValues(func() (*limiter, error) {
		return newLimiter(fmt.Sprintf("localcloud-%d-%08x", os.Getpid(), crc32.ChecksumIEEE([]byte(dir))))
	})
	return r, nil
}

// Containers returns nil if tasks can have network interfaces, and [IsolationContainer], and otherwise what this system does not let its
// users do. It finds out by trying, once.
func (r *Runner) Containers() error { return r.containers() }

// Limits returns nil if the system lets tasks be kept to their [Limits], and otherwise why not. It finds out by trying, once.
func (r *Runner) Limits() error {
	_, err := r.limiter()
	return err
}

// limits returns what limits tasks; nil if they are not limited.
func (r *Runner) limits() *limiter {
	l, err := r.limiter()
	if err != nil {
		return nil
	}
	return l
}

// Isolation says how far this system lets tasks be isolated.
func (r *Runner) Isolation() Isolation { return r.isolation }

// Listens reports whether a task that listens on every address, or on 127.0.0.1, really listens only on its own address. If not, tasks
// share the machine's ports, and only what listens at [Spec.Address] gets along with the others.
func (r *Runner) Listens() bool { return r.listens }

// Start begins to run a task and returns at once; the error is about the spec. What goes wrong later, such as an image
// that is missing, is in the task's [Status].
func (r *Runner) Start(spec Spec) (*Task, error) {
	if err := spec.check(); err != nil {
		return nil, fmt.Errorf("start task: %w", err)
	}
	if spec.Interface != nil {
		if err := r.Containers(); err != nil {
			return nil, fmt.Errorf("start task %s with a network interface: %w", spec.ID, err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, fmt.Errorf("start task %s: the runner is closed", spec.ID)
	}
	if _, running := r.tasks[spec.ID]; running {
		return nil, fmt.Errorf("start task %s: a task of this id is running", spec.ID)
	}
	t, err := newTask(r, spec)
	if err != nil {
		return nil, fmt.Errorf("start task %s: %w", spec.ID, errors.Join(err, removeAll(t.dir)))
	}
	r.tasks[spec.ID] = t
	go t.run()
	return t, nil
}

// Close stops all tasks and returns when none is left. Each has its containers' stop timeouts until ctx ends, and then
// no time at all.
func (r *Runner) Close(ctx context.Context) {
	r.mu.Lock()
	r.closed = true
	tasks := make([]*Task, 0, len(r.tasks))
	for _, t := range r.tasks {
		tasks = append(tasks, t)
	}
	r.mu.Unlock()
	for _, t := range tasks {
		t.Stop(StopTerminationNotice, "Task runner closed")
	}
	for _, t := range tasks {
		select {
		case <-t.done:
		case <-ctx.Done():
			t.Kill()
			<-t.done
		}
	}
	if l := r.limits(); l != nil {
		l.close()
	}
}

// Task is a task that was started.
type Task struct {
	runner     *Runner
	spec       Spec
	dir        string
	containers []*container
	network    *network // nil for the machine's own
	isolation  Isolation
	place      *place // of IsolationContainer
	group      *group // nil without limits

	// pulling ends when the task must stop.
	pulling  context.Context
	stopping <-chan struct{} // closed when the containers must stop
	stop     context.CancelFunc
	killed   chan struct{} // closed when they must stop at once
	kill     func()
	done     chan struct{}

	mu      sync.Mutex
	status  Status        // but for the containers
	changed chan struct{} // closed at the next change
}

func newTask(r *Runner, spec Spec) (*Task, error) {
	t := &Task{
		runner: r,
		spec:   spec,
		dir:    filepath.Join(r.dir, "tasks", spec.ID),

		isolation: r.isolation,
		killed:    make(chan struct{}),
		done:      make(chan struct{}),
		status:    Status{State: StatePending, CreatedAt: time.Now()},
		changed:   make(chan struct{}),
	}
	t.pulling, t.stop = context.WithCancel(context.Background())
	t.stopping = t.pulling.Done()
	t.kill = sync.OnceFunc(func() { close(t.killed) })
	switch {
	case spec.Interface != nil || r.isolation == IsolationContainer:
		t.isolation, t.place = IsolationContainer, newPlace(spec.Interface)
	case r.listens:
		t.network = newNetwork(spec.Address)
	}
	for _, c := range spec.Containers {
		t.containers = append(t.containers, newContainer(t, c))
	}
	if err := t.limit(); err != nil {
		return t, fmt.Errorf("limit what it uses: %w", err)
	}
	for _, c := range t.containers {
		if err := os.MkdirAll(c.dir, 0o700); err != nil {
			return t, err
		}
	}
	for _, v := range spec.Volumes {
		if shared := spec.Shared[v]; shared != "" {
			if err := shareFolder(shared); err != nil {
				return t, err
			}
			continue
		}
		if err := os.MkdirAll(t.volume(v), 0o700); err != nil {
			return t, err
		}
		mode := os.FileMode(0o755) // what a volume has on Fargate
		if t.isolation == IsolationContainer && os.Geteuid() != 0 {
			mode = 0o555 // it seems to belong to every user, and root may write to it all the same
		}
		if err := os.Chmod(t.volume(v), mode); err != nil {
			return t, err
		}
	}
	return t, nil
}

// limit makes the control groups of the task and its containers, if there are any.
func (t *Task) limit() (err error) {
	l := t.runner.limits()
	if l == nil || t.isolation != IsolationContainer {
		return nil
	}
	if t.group, err = l.group(t.spec.ID, t.spec.Limits); err != nil {
		return err
	}
	for _, c := range t.containers {
		if c.group, err = t.group.below(c.spec.Name, Limits{Memory: c.spec.Memory, Shares: t.shares(c.spec.CPU)}); err != nil {
			t.group.close()
			return err
		}
	}
	return nil
}

// leastShares is the kernel's least. The agent gives it to containers with less, also to those without any (cpu in
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html).
const leastShares = 2

// shares returns those of a container; 0 where all of the task's are alike.
func (t *Task) shares(cpu int) int {
	if !slices.ContainsFunc(t.spec.Containers, func(c Container) bool { return c.CPU > 0 }) {
		return 0
	}
	return max(cpu, leastShares)
}

func (t *Task) volume(name string) string {
	if shared := t.spec.Shared[name]; shared != "" {
		return shared
	}
	return filepath.Join(t.dir, "volumes", name)
}

// shareFolder makes a folder that outlives tasks, if it is not there. Any user of theirs may write to it: an access point decides as whom.
func shareFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the containers' users are not ours
		return err
	}
	return os.Chmod(dir, 0o777) //nolint:gosec // as above
}

// run takes the task from its first container's start to its last one's end.
func (t *Task) run() {
	var running sync.WaitGroup
	for _, c := range t.containers {
		running.Go(c.run)
	}
	running.Wait()
	t.place.close()
	t.group.close()
	// What cannot be removed now a later CleanUp removes.
	_ = removeAll(t.dir)
	t.stop()
	t.runner.mu.Lock()
	delete(t.runner.tasks, t.spec.ID)
	t.runner.mu.Unlock()
	t.update(func() {
		t.status.State = StateStopped
		t.status.StoppedAt = time.Now()
	})
	close(t.done)
}

// Stop asks the task to stop, for a reason that its status will give, and returns at once. If it is stopping already,
// the first reason stays.
func (t *Task) Stop(code StopCode, reason string) {
	t.update(func() {
		if t.status.State == StateStopping || t.status.State == StateStopped {
			return
		}
		t.status.State = StateStopping
		t.status.StopCode, t.status.StoppedReason = code, reason
	})
	t.stop()
}

// Kill makes the task stop without any stop timeout.
func (t *Task) Kill() {
	t.Stop(StopUserInitiated, "Task killed")
	t.kill()
}

// Crash kills the process of an essential container, as a fault of its own would, and returns the container's name. It is an
// error if none runs.
func (t *Task) Crash() (container string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.containers {
		if c.spec.Essential && c.process != nil {
			if err := c.process.Kill(); err != nil {
				return "", fmt.Errorf("kill container %s of task %s: %w", c.spec.Name, t.spec.ID, err)
			}
			return c.spec.Name, nil
		}
	}
	return "", fmt.Errorf("kill a container of task %s: no essential one is running", t.spec.ID)
}

// Done is closed when the task is STOPPED: all its processes have ended, and all their output was logged.
func (t *Task) Done() <-chan struct{} { return t.done }

// Wait waits until the task is STOPPED.
func (t *Task) Wait(ctx context.Context) error {
	select {
	case <-t.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for task %s to stop: %w", t.spec.ID, ctx.Err())
	}
}

// Status returns the task's status.
func (t *Task) Status() Status {
	status, _ := t.Watch()
	return status
}

// Watch returns the task's status; the channel is closed when that has changed.
func (t *Task) Watch() (Status, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.status
	s.Health = HealthHealthy
	for _, c := range t.containers {
		s.Containers = append(s.Containers, c.status)
		switch {
		case !c.spec.Essential:
		case c.status.Health == HealthUnhealthy:
			s.Health = HealthUnhealthy
		case c.status.Health == HealthUnknown && s.Health == HealthHealthy:
			s.Health = HealthUnknown
		}
	}
	return s, t.changed
}

// Usage measures what the task uses now. It is an [errors.ErrUnsupported] on systems other than Linux.
func (t *Task) Usage() (Usage, error) {
	groups := map[int]bool{}
	var ended time.Duration
	t.mu.Lock()
	for _, c := range t.containers {
		ended += c.cpu
		if c.status.State == StateRunning {
			groups[c.status.PID] = true
		}
	}
	t.mu.Unlock()
	u, err := usage(groups)
	if err != nil {
		return Usage{}, fmt.Errorf("measure task %s: %w", t.spec.ID, err)
	}
	u.CPU += ended
	return u, nil
}

// update changes the status and wakes its watchers.
func (t *Task) update(change func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change()
	// RUNNING as the agent counts it: a container that has run and stopped does not hold the others up.
	started := func(c *container) bool { return !c.startedAt.IsZero() }
	if t.status.State == StatePending && !slices.ContainsFunc(t.containers, func(c *container) bool { return !started(c) && c.status.State != StateStopped }) {
		t.status.State = StateRunning
		t.status.StartedAt = time.Now()
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// container returns the container of a name that the spec's check has found.
func (t *Task) container(name string) *container {
	return t.containers[slices.IndexFunc(t.containers, func(c *container) bool { return c.spec.Name == name })]
}
