package task

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/vnet"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// DefaultStopTimeout is how long a container has after SIGTERM if it does not say (API_ContainerDefinition, stopTimeout).
const DefaultStopTimeout = 30 * time.Second

// DefaultStartTimeout is how long a container on Fargate may take to fulfil the condition that others wait for if it does not
// say (startTimeout in "Amazon ECS task definition parameters for Fargate" of the developer guide).
const DefaultStartTimeout = 3 * time.Minute

// Spec is one task: containers that start, live and stop together. Its terms are those of an ECS task definition.
type Spec struct {
	ID string // letters, digits, hyphens and underscores; unique among the runner's tasks
	// Hostname is what the containers see as their host's name; the runner's own if empty. It needs
	// [IsolationNamespaces].
	Hostname string
	// Address is the task's own address, for the containers' /etc/hosts; it may be left out.
	Address netip.Addr
	// Hosts are other hosts in the containers' /etc/hosts.
	Hosts []Host
	// Architecture is the architecture of the task's machine, in the form of images; if empty, that of its images. The programs of
	// images for another one are not run.
	Architecture string
	// Interface is the task's network interface; nil for the machine's own network. It needs [IsolationContainer].
	Interface *Interface
	// Limits are what the containers may use together, where the system has control groups for it ([Runner.Limits]), with
	// [IsolationContainer].
	Limits  Limits
	Volumes []string // names, for MountPoint; each is an empty folder of root's with mode 0755, removed with the task
	// Shared has the folders on this machine of those volumes that outlive the task and that others see too, by the volumes' names. Everybody
	// may write to them.
	Shared     map[string]string
	Containers []Container
}

// Host is a line of /etc/hosts.
type Host struct {
	Address netip.Addr
	Name    string
}

// Limits bound what processes use; 0 is no bound.
type Limits struct {
	CPU    int   // in units of 1/1024 of a processor
	Memory int64 // in bytes; who needs more is killed
	Shares int   // which others of the same task also have: processors that all of them want are divided accordingly
}

// Interface is the network interface of a task, which its containers share: a tap device in a network namespace of the task's own.
type Interface struct {
	Tap vnet.TapConfig
	// Resolvers are the name servers in the containers' /etc/resolv.conf.
	Resolvers []netip.Addr
	// Authorities are certificates in PEM that the network's servers have theirs from. The containers trust them, if their images trust any: they are added to the images' bundles.
	Authorities []byte
	// Attach is given the device's frames, before any container starts. What it returns is closed when all of them have ended.
	Attach func(frames *os.File) (io.Closer, error)
}

// resolver is the content of /etc/resolv.conf.
func (i *Interface) resolver() string {
	var text strings.Builder
	for _, r := range i.Resolvers {
		text.WriteString("nameserver " + r.String() + "\n")
	}
	return text.String()
}

// Container is one container of a task. See API_ContainerDefinition in the Amazon ECS API reference for what the
// fields mean; their zero values mean what a left-out parameter means there, but for Essential.
type Container struct {
	Name string
	// Image finds the image. Its error becomes the text after CannotPullContainerError.
	Image                  func(context.Context) (v1.Image, error)
	EntryPoint             []string // instead of the image's; the image's command is then dropped too
	Command                []string // instead of the image's
	Environment            map[string]string
	User                   string // instead of the image's: user or user:group, names or numbers
	WorkingDirectory       string // instead of the image's
	Essential              bool
	ReadonlyRootFilesystem bool
	// InitProcessEnabled puts an init process before the container's, as linuxParameters.initProcessEnabled does.
	// Without one the container's process is the first of its process namespace, and SIGTERM means nothing to it
	// unless it has a handler: pid_namespaces(7).
	InitProcessEnabled bool
	Memory             int64 // in bytes, of its task's; the container is killed if it needs more. 0 is all of them
	// CPU is what the container gets of its task's processors when the others are busy too, in units of 1/1024 of one. Where any of them
	// has some, 0 is next to nothing.
	CPU          int
	MountPoints  []MountPoint
	Tmpfs        []Tmpfs
	DependsOn    []Dependency
	HealthCheck  *HealthCheck
	StartTimeout time.Duration // how long others wait for this container to fulfil a condition; 0 is DefaultStartTimeout
	StopTimeout  time.Duration // from SIGTERM to SIGKILL; 0 is DefaultStopTimeout
	Restart      *Restart      // nil: its end is its end
	// Log takes the container's output, a line a call, from one goroutine each for stdout and stderr. While it
	// does not return, the container's writes wait. Nil drops the output.
	Log func(LogLine)
}

// Restart makes a container start again when it exits (API_ContainerRestartPolicy), with its image's files as they were at first.
type Restart struct {
	After   time.Duration // how long it must have run; one that exits earlier stays stopped
	Ignored []int         // exit codes after which it stays stopped
}

// MountPoint puts a volume of the task into a container.
type MountPoint struct {
	SourceVolume  string
	ContainerPath string // absolute
	ReadOnly      bool
}

// Tmpfs is a folder in memory that everybody may write to. Where the daemon may not mount, it is a folder on disk.
type Tmpfs struct {
	ContainerPath string // absolute
	Size          int    // MiB
}

// Condition is what a container waits for in another one (API_ContainerDependency).
type Condition string

// The conditions of API_ContainerDependency.
const (
	ConditionStart    Condition = "START"    // it has started
	ConditionComplete Condition = "COMPLETE" // it has exited
	ConditionSuccess  Condition = "SUCCESS"  // it has exited with code 0
	ConditionHealthy  Condition = "HEALTHY"  // its health check has passed
)

// Dependency makes a container start after, and stop before, another one.
type Dependency struct {
	Container string
	Condition Condition
}

// HealthCheck is a command that checks whether a container works (API_HealthCheck).
type HealthCheck struct {
	Command     []string      // CMD and its arguments, or CMD-SHELL and one string for /bin/sh
	Interval    time.Duration // from the end of one check to the next; 0 is 30 s
	Timeout     time.Duration // after which a check has failed; 0 is 5 s
	Retries     int           // failures in a row that make the container unhealthy; 0 is 3
	StartPeriod time.Duration // in which failures do not count
}

func (h HealthCheck) withDefaults() HealthCheck {
	if h.Interval == 0 {
		h.Interval = 30 * time.Second
	}
	if h.Timeout == 0 {
		h.Timeout = 5 * time.Second
	}
	if h.Retries == 0 {
		h.Retries = 3
	}
	return h
}

// safeName keeps names usable as file names and in mount options. ECS allows the same characters in container names.
var safeName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

// check reports everything that is wrong with the spec. The rules are those of RegisterTaskDefinition.
func (s Spec) check() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !safeName.MatchString(s.ID) {
		refuse("task id %q: want letters, digits, hyphens and underscores", s.ID)
	}
	for _, v := range s.Volumes {
		if !safeName.MatchString(v) {
			refuse("volume %q: want letters, digits, hyphens and underscores", v)
		}
	}
	containers := map[string]Container{}
	for _, c := range s.Containers {
		if !safeName.MatchString(c.Name) {
			refuse("container name %q: want letters, digits, hyphens and underscores", c.Name)
		}
		if _, twice := containers[c.Name]; twice {
			refuse("container %s: the name is used twice", c.Name)
		}
		containers[c.Name] = c
	}
	if !slices.ContainsFunc(s.Containers, func(c Container) bool { return c.Essential }) {
		refuse("task %s: at least one container must be essential", s.ID)
	}
	for _, c := range s.Containers {
		if c.Image == nil {
			refuse("container %s: no image", c.Name)
		}
		if h := c.HealthCheck; h != nil && (len(h.Command) < 2 || h.Command[0] != "CMD" && h.Command[0] != "CMD-SHELL") {
			refuse("container %s: health check %q: want CMD or CMD-SHELL and a command", c.Name, h.Command)
		}
		for _, m := range c.MountPoints {
			if !slices.Contains(s.Volumes, m.SourceVolume) {
				refuse("container %s: mount point of unknown volume %q", c.Name, m.SourceVolume)
			}
			if !path.IsAbs(m.ContainerPath) || path.Clean(m.ContainerPath) == "/" {
				refuse("container %s: mount point %q: want an absolute path below the root", c.Name, m.ContainerPath)
			}
		}
		for _, m := range c.Tmpfs {
			if !path.IsAbs(m.ContainerPath) || path.Clean(m.ContainerPath) == "/" || m.Size < 1 {
				refuse("container %s: tmpfs %q of %d MiB: want an absolute path below the root, and a size", c.Name, m.ContainerPath, m.Size)
			}
		}
		for _, d := range c.DependsOn {
			dependency, ok := containers[d.Container]
			switch {
			case !ok:
				refuse("container %s: depends on unknown container %q", c.Name, d.Container)
			case (d.Condition == ConditionComplete || d.Condition == ConditionSuccess) && dependency.Essential:
				refuse("container %s: a dependency container with SUCCESS or COMPLETE condition cannot be an essential container: %s", c.Name, d.Container)
			case d.Condition == ConditionHealthy && dependency.HealthCheck == nil:
				refuse("container %s: depends on %s being HEALTHY, which has no health check", c.Name, d.Container)
			case !slices.Contains([]Condition{ConditionStart, ConditionComplete, ConditionSuccess, ConditionHealthy}, d.Condition):
				refuse("container %s: unknown dependency condition %q", c.Name, d.Condition)
			}
		}
	}
	if len(errs) == 0 && cyclic(containers) {
		refuse("task %s: the containers depend on each other in a circle", s.ID)
	}
	return errors.Join(errs...)
}

// cyclic says whether no order of starting the containers satisfies their dependencies.
func cyclic(containers map[string]Container) bool {
	started := map[string]bool{}
	for len(started) < len(containers) {
		before := len(started)
		for name, c := range containers {
			if !slices.ContainsFunc(c.DependsOn, func(d Dependency) bool { return !started[d.Container] }) {
				started[name] = true
			}
		}
		if len(started) == before {
			return true
		}
	}
	return false
}
