package spec

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Sidecar is a container that runs in each task next to the workload's own, such as a collector of traces or a proxy. The containers of a
// task reach each other at localhost, and have the same role.
//
// The workload's own container, and the one that runs before it, start once every sidecar is healthy, or runs if it has no health check.
// When a task stops, they stop first ("Container dependency" in the ECS developer guide).
type Sidecar struct {
	Image               Image
	EntryPoint, Command []string // the image's own if empty
	Environment         map[string]string
	SecretsFrom         map[string]SecretReference // variables whose values ECS reads elsewhere
	User                string                     // ids of a user and perhaps a group; by default [ContainerUser]
	// Optional says that the task goes on if the container ends. ECS starts it again if it has run for a minute.
	Optional bool
	// CPU is what the container gets for sure when all of them are busy, in units of the task's. The rest is the own container's. 0: the same
	// as the others, or next to nothing if another sidecar has some.
	CPU int
	// Memory is how much of the task's the container may use, in MiB. A container that needs more is killed. 0: as much as there is.
	Memory      int
	Tmp         map[string]int        // as [Room].Tmp
	HealthCheck *ContainerHealthCheck // nil: none
}

// Bounds of a [Sidecar], before the task's size is known.
const (
	// MinSidecarMemory is the least that a container can have (memory of ContainerDefinition in the ECS API reference).
	MinSidecarMemory = 6
	MaxSidecarMemory = MaxFargateMemory
	// MinSidecarCPU is the Linux kernel's least share (cpu of ContainerDefinition).
	MinSidecarCPU = 2
	MaxSidecarCPU = MaxFargateCPU
	// maxContainers is how many a task definition has at most ("Amazon ECS service quotas").
	maxContainers = 10
	// maxSidecarName is how long the name of a container can be (name of ContainerDefinition).
	maxSidecarName = 255
)

// ContainerUser is the user and group of a container that says nothing else; it overrides the image's user (control ECS.20 of AWS's
// Foundational Security Best Practices). It is the "nonroot" of distroless images.
const ContainerUser = "65532:65532"

// othersContainers are the beginnings of the names of containers that AWS adds to tasks: Service Connect's proxy, and the agent of
// GuardDuty's Runtime Monitoring.
var othersContainers = []string{"ecs-service-connect", "aws-guardduty-agent"}

// CheckSidecarName reports what cannot be the name of a sidecar.
func CheckSidecarName(name string) error {
	switch {
	case !serviceNamePattern.MatchString(name) || len(name) > maxSidecarName:
		return errors.New("a sidecar's name is lower-case letters, digits and single hyphens, beginning with a letter")
	case name == ContainerName || name == BeforeName:
		return errors.New("is the name of one of the service's own containers; use another one")
	case slices.ContainsFunc(othersContainers, func(others string) bool { return strings.HasPrefix(name, others) }):
		return errors.New("begins like the name of a container that AWS adds to tasks; use another one")
	}
	return nil
}

// containerUserPattern matches ids of a user and a group. Names are left out: only the files of an image say whether one is root's.
var containerUserPattern = regexp.MustCompile(`^[0-9]{1,9}(:[0-9]{1,9})?$`)

// CheckContainerUser reports what is not the id of a user other than root (control ECS.20 of AWS's Foundational Security Best Practices).
func CheckContainerUser(user string) error {
	id, _, _ := strings.Cut(user, ":")
	if n, _ := strconv.Atoi(id); !containerUserPattern.MatchString(user) || n == 0 {
		return errors.New("must be the id of a user that is not root, or that and a group's, such as 10001:10001")
	}
	return nil
}

// RunsAs returns the user and group of the sidecar.
func (s Sidecar) RunsAs() string { return cmp.Or(s.User, ContainerUser) }

func (s Sidecar) withDefaults() Sidecar {
	if s.HealthCheck != nil {
		check := s.HealthCheck.withDefaults()
		s.HealthCheck = &check
	}
	return s
}

// problems reports what ECS would refuse, and what cannot be meant. The memory is the task's, in MiB.
func (s Sidecar) problems(memory int) Problems {
	var found Problems
	found.Add(s.Image.Check(), "image")
	found.Include(argumentProblems(s.EntryPoint, s.Command))
	found.Include(variableProblems(s.Environment, s.SecretsFrom))
	if s.User != "" {
		found.AddValue(s.User, CheckContainerUser(s.User), "user")
	}
	if s.CPU != 0 {
		found.AddRange(s.CPU, MinSidecarCPU, MaxSidecarCPU, "cpu")
	}
	if s.Memory != 0 {
		found.AddRange(s.Memory, MinSidecarMemory, MaxSidecarMemory, "memory")
		found.Include(tmpProblems(s.Tmp, s.Memory, "sidecar"))
	} else {
		found.Include(tmpProblems(s.Tmp, memory, "task"))
	}
	if s.HealthCheck != nil {
		found.Include(s.HealthCheck.Problems(), "healthCheck")
	}
	return found
}

// holds returns how much of the task's memory the other containers do not get, in MiB.
func (s Sidecar) holds() int {
	if s.Memory != 0 {
		return s.Memory // what it has in Tmp is a part of that
	}
	return inMemory(s.Tmp)
}

// SidecarNames returns the names of the sidecars, sorted.
func (w Workload) SidecarNames() []string { return slices.Sorted(maps.Keys(w.Sidecars)) }

// OwnCPU returns the share of the workload's own container, in units of the task's. Where no container has a share, all have the same; next
// to one that has, a container without one would get next to nothing when both are busy (cpu of ContainerDefinition in the ECS API
// reference).
func (w Workload) OwnCPU() int {
	if others := w.sidecarCPU(); others > 0 {
		return w.Size.CPU - others
	}
	return 0
}

// sidecarCPU returns the shares of the sidecars together.
func (w Workload) sidecarCPU() int {
	sum := 0
	for _, s := range w.Sidecars {
		sum += s.CPU
	}
	return sum
}

// sidecarProblems reports what is wrong with the sidecars, each by itself and together.
func (w Workload) sidecarProblems() Problems {
	var found Problems
	own, memory := 1, inMemory(w.Room.Tmp)
	if w.Before != nil {
		own++
	}
	for _, name := range w.SidecarNames() {
		found.Add(CheckSidecarName(name), "sidecars", name)
		found.Include(w.Sidecars[name].problems(w.Size.Memory), "sidecars", name)
		memory += w.Sidecars[name].holds()
	}
	if len(w.Sidecars) == 0 || len(found) > 0 {
		return found
	}
	if memory >= w.Size.Memory {
		found.Add(fmt.Errorf("hold %d MiB, with tmp, and the task has %d: leave some to the service's container", memory, w.Size.Memory), "sidecars")
	}
	if cpu := w.sidecarCPU(); cpu > w.Size.CPU-MinSidecarCPU {
		found.Add(fmt.Errorf("have %d CPU units, and the task has %d: leave some to the service's container", cpu, w.Size.CPU), "sidecars")
	}
	if own+len(w.Sidecars) > maxContainers {
		found.Add(fmt.Errorf("are %d; a task has at most %d containers, and %d are the service's own", len(w.Sidecars), maxContainers, own), "sidecars")
	}
	return found
}

// pinnedSidecars returns the sidecars with every image replaced by the one that its reference was resolved to.
func (w Workload) pinnedSidecars(images map[Image]Image) map[string]Sidecar {
	pinned := maps.Clone(w.Sidecars)
	for name, s := range pinned {
		s.Image = images[s.Image]
		pinned[name] = s
	}
	return pinned
}

// SidecarSecret is the name of a sidecar's secret variable among all those of the workload. A variable's own name has no slash.
func SidecarSecret(sidecar, variable string) string { return sidecar + "/" + variable }

// CheckSidecarSecrets reports secret variables that are wrong, by sidecar, and those of a sidecar that is not there.
func (w Workload) CheckSidecarSecrets(names map[string][]string) Problems {
	var found Problems
	for _, sidecar := range slices.Sorted(maps.Keys(names)) {
		s, there := w.Sidecars[sidecar]
		if !there {
			found.Add(errors.New("has secrets, and is not a sidecar"), "sidecars", sidecar)
			continue
		}
		found.Include(secretVariableProblems(names[sidecar], s.Environment, s.SecretsFrom), "sidecars", sidecar)
	}
	return found
}

// sidecarTime returns how long the sidecars usually take to be healthy, in seconds, and how long ECS waits for them at most.
func (w Workload) sidecarTime() (usual, most int) {
	for _, s := range w.Sidecars {
		if check := s.HealthCheck; check != nil {
			usual, most = max(usual, check.Interval+check.Timeout), startLimit
		}
	}
	return usual, most
}
