package task

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// logGrace is how long output is waited for after a container's end, should some process that left its process group
// hold the pipe open. A busy machine may take seconds to hand over what was written before.
const logGrace = 5 * time.Second

// errStopping says that the task must stop before the container has started.
var errStopping = errors.New("the task is stopping")

// failure is why a container could not start, with what this makes of its task if it is essential.
type failure struct {
	reason        string
	exitCode      *int
	stopCode      StopCode
	stoppedReason string
}

func (f *failure) Error() string { return f.reason }

// The reasons are worded as AWS words them: Amazon ECS developer guide, "Stopped tasks error codes".

func cannotPull(err error) *failure {
	reason := "CannotPullContainerError: " + err.Error()
	return &failure{reason: reason, stopCode: StopTaskFailedToStart, stoppedReason: reason}
}

func cannotCreate(err error) *failure {
	reason := "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: " + err.Error()
	return &failure{reason: reason, stopCode: StopTaskFailedToStart, stoppedReason: reason}
}

func cannotStart(err error) *failure {
	return cannotCreate(fmt.Errorf("failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: %w: unknown", err))
}

// cannotExecute logs what the container runtime does when the kernel does not know the program's format, and returns the failure: the
// container was started by then, and has exited (https://repost.aws/knowledge-center/ecs-task-exec-format-error).
func cannotExecute(cmd command, o *output) error {
	name := "the image's program"
	if len(cmd.args) > 0 {
		name = cmd.args[0]
	}
	_, _ = fmt.Fprintf(o.stderr, "exec %s: %s\n", name, syscall.ENOEXEC) // a line finds room in an empty pipe
	code := 1
	return &failure{exitCode: &code, stopCode: StopEssentialContainerExited, stoppedReason: essentialExited}
}

// unresolvable is the failure of a container whose dependency can never be fulfilled. The agent stops it with the code
// of SIGTERM (aws/amazon-ecs-agent pull request 3218), so to its task it has exited.
func unresolvable(c *container, dependency *container, why string) *failure {
	code := 128 + int(syscall.SIGTERM)
	f := &failure{exitCode: &code, stopCode: StopEssentialContainerExited, stoppedReason: essentialExited}
	f.reason = fmt.Sprintf("CannotStartContainerError: dependency graph: failed to resolve container ordering dependency [%s] for target [%s (NONE->RUNNING)] as %s.",
		dependency, c.spec.Name, why)
	return f
}

// String shows a container that others wait for as the agent does, but for the image.
func (c *container) String() string {
	c.task.mu.Lock()
	defer c.task.mu.Unlock()
	text := fmt.Sprintf("%s (%s->RUNNING)", c.spec.Name, c.status.State)
	if c.status.ExitCode != nil {
		text += fmt.Sprintf(" - Exit: %d", *c.status.ExitCode)
	}
	return text
}

// outOfMemory is the reason of a container that was killed because it, or its task, had no memory left.
// https://repost.aws/knowledge-center/ecs-resolve-outofmemory-errors
const outOfMemory = "OutOfMemoryError: Container killed due to memory usage"

// killedCode is the exit code of what SIGKILL has ended.
const killedCode = 128 + int(syscall.SIGKILL)

const essentialExited = "Essential container in task exited"

// container is a container of a task.
type container struct {
	task *Task
	spec Container
	dir  string
	// group keeps it to its limits; nil without.
	group *group

	started chan struct{} // closed when its process has started
	healthy chan struct{} // closed when its health check first passes
	stopped chan struct{} // closed when it has stopped, or will never start

	hasStarted, becameHealthy func() // close started and healthy, once

	// Guarded by the task's mutex.
	status    ContainerStatus
	process   *os.Process // while RUNNING
	box       sandbox     // of the process
	command   command     // that it runs
	startedAt time.Time
	cpu       time.Duration // what its ended process has used
}

func newContainer(t *Task, spec Container) *container {
	c := &container{
		task:    t,
		spec:    spec,
		dir:     filepath.Join(t.dir, spec.Name),
		started: make(chan struct{}),
		healthy: make(chan struct{}),
		stopped: make(chan struct{}),
		status:  ContainerStatus{Name: spec.Name, State: StatePending, Health: HealthUnknown},
	}
	c.hasStarted = sync.OnceFunc(func() { close(c.started) })
	c.becameHealthy = sync.OnceFunc(func() { close(c.healthy) })
	return c
}

// run takes the container through its life.
func (c *container) run() {
	defer close(c.stopped)
	if err := c.live(); err != nil {
		f := new(failure)
		if !errors.As(err, &f) { // the task was stopping before the container could start
			c.task.update(func() { c.status.State = StateStopped })
			return
		}
		if c.spec.Essential {
			c.task.Stop(f.stopCode, f.stoppedReason)
		}
		c.task.update(func() {
			c.status.State, c.status.Reason, c.status.ExitCode = StateStopped, f.reason, f.exitCode
		})
	}
}

// live starts the container and sees to it until it ends. An error says why it did not start.
func (c *container) live() error {
	for _, d := range c.spec.DependsOn {
		if err := c.await(d); err != nil {
			return err
		}
	}
	img, err := c.spec.Image(c.task.pulling)
	if c.task.pulling.Err() != nil {
		return errStopping
	}
	if err != nil {
		return cannotPull(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return cannotPull(err)
	}
	s := surroundings{
		dir: c.dir, image: img, images: c.task.runner.images, readonly: c.spec.ReadonlyRootFilesystem,
		hostname: c.task.spec.Hostname, hosts: hosts(c.task.spec), network: c.task.network,
		group: c.group,
	}
	if s.space, err = c.task.place.space(); err != nil {
		return cannotCreate(err)
	}
	if i := c.task.spec.Interface; i != nil {
		text := i.resolver()
		s.resolver, s.authorities = &text, i.Authorities
	}
	for _, m := range c.spec.MountPoints {
		s.mounts = append(s.mounts, mount{source: c.task.volume(m.SourceVolume), target: m.ContainerPath, readonly: m.ReadOnly})
	}
	for _, m := range c.spec.Tmpfs {
		s.mounts = append(s.mounts, mount{target: m.ContainerPath, memory: m.Size})
	}
	// What is mounted in another comes after that.
	slices.SortFunc(s.mounts, func(a, b mount) int { return strings.Compare(a.target, b.target) })
	cmd := commandOf(c.spec, config.Config)
	s.user = cmd.user
	wanted := c.task.spec.Architecture
	foreign := wanted != "" && config.Architecture != "" && config.Architecture != wanted
	for n := 1; ; n++ {
		again, err := c.once(s, cmd, foreign)
		if err != nil || !again {
			return err
		}
		s.dir = filepath.Join(c.dir, fmt.Sprintf("again-%d", n)) // what it wrote to its root is gone
		if err := os.Mkdir(s.dir, 0o700); err != nil {
			return cannotCreate(err)
		}
	}
}

// once starts the container and returns when it has ended. Again says that it is to start once more. A foreign one is for another
// architecture.
func (c *container) once(s surroundings, cmd command, foreign bool) (again bool, err error) {
	box, err := newSandbox(c.task.isolation, s)
	if f, ok := errors.AsType[*failure](err); ok {
		return false, f
	}
	if err != nil {
		return false, cannotCreate(err)
	}
	defer box.close()
	return c.execute(box, cmd, foreign)
}

// execute starts the container's process and returns when it has ended.
func (c *container) execute(box sandbox, cmd command, foreign bool) (again bool, err error) {
	log := c.spec.Log
	var shared *sharedPorts
	if log != nil && c.task.place == nil && !c.task.runner.listens && c.task.spec.Address.IsValid() {
		shared = &sharedPorts{log: log}
		log = shared.line
	}
	output, err := newOutput(log)
	if err != nil {
		return false, cannotCreate(err)
	}
	cmd.stdin, cmd.stdout, cmd.stderr = output.null, output.stdout, output.stderr
	var process *os.Process
	if err = syscall.ENOEXEC; !foreign {
		process, err = box.start(cmd)
	}
	if errors.Is(err, syscall.ENOEXEC) {
		err = cannotExecute(cmd, output)
	}
	output.started()
	if err == nil {
		if err = record(c.dir, process.Pid); err != nil {
			// A process that could not be cleaned up must not run, unless it has ended by itself already.
			if _, gone := startTime(process.Pid); gone != nil {
				err = nil
			} else {
				err = errors.Join(err, killGroup(process.Pid))
				_, _ = process.Wait()
			}
		}
	}
	if err != nil {
		output.drain()
		if f, ok := errors.AsType[*failure](err); ok {
			return false, f
		}
		return false, cannotStart(err)
	}
	c.task.update(func() {
		c.startedAt, c.process, c.box, c.command = time.Now(), process, box, cmd
		c.status.State, c.status.PID = StateRunning, process.Pid
	})
	c.hasStarted()

	exited := make(chan struct{})
	var state *os.ProcessState
	go func() {
		defer close(exited)
		state, _ = process.Wait() // it is our child and nothing else waits for it
	}()
	var checking sync.WaitGroup
	if c.spec.HealthCheck != nil {
		checking.Go(func() { c.checkHealth(box, cmd, output.null, exited) })
	}
	endedByInit := false
	select {
	case <-exited:
	case <-c.task.stopping:
		endedByInit = c.terminate(process, exited)
	}
	// Children of the process, where it had no process namespace that ended with it.
	_ = killGroup(process.Pid)
	checking.Wait()
	output.drain()

	code := exitCode(state)
	if endedByInit {
		code = 128 + int(syscall.SIGTERM)
	}
	if shared != nil && code != 0 {
		shared.explain(c.task.spec.Address)
	}
	again = c.startsAgain(code)
	if c.spec.Essential && !again {
		c.task.Stop(StopEssentialContainerExited, essentialExited)
	}
	reason := ""
	if code == killedCode && c.group.killed() {
		reason = outOfMemory
	}
	c.task.update(func() {
		c.cpu += state.UserTime() + state.SystemTime()
		c.process, c.status.PID = nil, 0
		if again {
			c.status.State, c.status.Health = StatePending, HealthUnknown
			return
		}
		c.status.State, c.status.ExitCode, c.status.Reason = StateStopped, &code, reason
	})
	return again, nil
}

// startsAgain reports whether the container starts once more after it has exited by itself.
func (c *container) startsAgain(code int) bool {
	select {
	case <-c.task.stopping:
		return false
	default:
	}
	r := c.spec.Restart
	c.task.mu.Lock()
	defer c.task.mu.Unlock()
	return r != nil && time.Since(c.startedAt) >= r.After && !slices.Contains(r.Ignored, code)
}

// await waits until the dependency is fulfilled. An error says that it never will be.
func (c *container) await(d Dependency) error {
	dependency := c.task.container(d.Container)
	select {
	case <-dependency.started:
	case <-dependency.stopped:
	case <-c.task.stopping:
		return errStopping
	}
	timeout := time.NewTimer(cmp.Or(dependency.spec.StartTimeout, DefaultStartTimeout))
	defer timeout.Stop()
	var fulfilled <-chan struct{}
	switch d.Condition {
	case ConditionStart:
		fulfilled = dependency.started
	case ConditionHealthy:
		fulfilled = dependency.healthy
	}
	select {
	case <-fulfilled:
		return nil
	case <-dependency.stopped:
	case <-timeout.C:
		return unresolvable(c, dependency, "dependency has timed out")
	case <-c.task.stopping:
		return errStopping
	}
	c.task.mu.Lock()
	code := dependency.status.ExitCode
	ran := !dependency.startedAt.IsZero()
	c.task.mu.Unlock()
	switch {
	case !ran:
		return unresolvable(c, dependency, "dependency did not start")
	case d.Condition == ConditionSuccess && *code != 0:
		return unresolvable(c, dependency, "dependency did not exit successfully")
	case d.Condition == ConditionHealthy:
		return unresolvable(c, dependency, "dependency stopped before it was healthy")
	}
	return nil
}

// terminate stops the process: after the containers that depend on this one, by SIGTERM, then by SIGKILL. It returns
// true if SIGTERM would have ended the process had it been an init process's child, as it was to seem.
func (c *container) terminate(process *os.Process, exited <-chan struct{}) bool {
	c.task.update(func() { c.status.State = StateStopping })
	for _, other := range c.task.containers {
		if slices.ContainsFunc(other.spec.DependsOn, func(d Dependency) bool { return d.Container == c.spec.Name }) {
			select {
			case <-other.stopped:
			case <-exited:
				return false
			}
		}
	}
	if c.spec.InitProcessEnabled && fatal(process.Pid, syscall.SIGTERM) {
		_ = process.Kill()
		<-exited
		return true
	}
	timer := time.NewTimer(cmp.Or(c.spec.StopTimeout, DefaultStopTimeout))
	defer timer.Stop()
	// Fails only if the process has ended, and then that is what we see next.
	_ = process.Signal(syscall.SIGTERM)
	select {
	case <-exited:
		return false
	case <-timer.C:
	case <-c.task.killed:
	}
	_ = process.Kill()
	<-exited
	return false
}

// exitCode is the code as a shell and ECS give it: that of a signal is 128 and its number, 137 for SIGKILL.
func exitCode(state *os.ProcessState) int {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return state.ExitCode()
}

// hosts is the /etc/hosts of a task's containers.
func hosts(s Spec) string {
	content := "127.0.0.1 localhost\n"
	if s.Hostname != "" && s.Address.IsValid() {
		content += s.Address.String() + " " + s.Hostname + "\n"
	}
	for _, h := range s.Hosts {
		content += h.Address.String() + " " + h.Name + "\n"
	}
	return content
}

// output carries what a container writes to its log.
type output struct {
	null           *os.File
	stdout, stderr *os.File // the container's ends
	readers        [2]*os.File
	copying        sync.WaitGroup
}

func newOutput(log func(LogLine)) (*output, error) {
	o := &output{}
	var err error
	if o.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	if o.readers[0], o.stdout, err = os.Pipe(); err != nil {
		return nil, errors.Join(err, o.null.Close())
	}
	if o.readers[1], o.stderr, err = os.Pipe(); err != nil {
		return nil, errors.Join(err, o.null.Close(), o.readers[0].Close(), o.stdout.Close())
	}
	for i, r := range o.readers {
		o.copying.Go(func() { copyLines(r, i == 1, log) })
	}
	return o, nil
}

// started closes our copies of what the process has now.
func (o *output) started() {
	_ = o.stdout.Close()
	_ = o.stderr.Close()
}

// drain waits until everything written has been logged.
func (o *output) drain() {
	end := time.AfterFunc(logGrace, func() {
		for _, r := range o.readers {
			_ = r.SetReadDeadline(time.Now())
		}
	})
	o.copying.Wait()
	end.Stop()
	for _, r := range o.readers {
		_ = r.Close()
	}
	_ = o.null.Close()
}
