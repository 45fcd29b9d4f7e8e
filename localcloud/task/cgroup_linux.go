package task

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// limiter makes the control groups that keep tasks to their sizes, below the daemon's own one. Version 2 has one tree for all resources, and
// version 1 a tree for each (cgroups(7)).
type limiter struct {
	version2    bool
	memory, cpu string // the folders below which it makes groups; with version 2 they are the same
	mkdir       func(folder string, mode os.FileMode) error
}

// Groups of this machine, and of this process.
const (
	groupsFolder = "/sys/fs/cgroup"
	ownGroups    = "/proc/self/cgroup"
)

// subtreeControl is the file of a group of version 2 that says which resources the groups below it have limits of.
const subtreeControl = "cgroup.subtree_control"

// newLimiter returns nil and why if this system delegates no control groups to the daemon's user. The name, which has the daemon's number in
// it, tells its groups from another daemon's.
func newLimiter(name string) (*limiter, error) {
	own, err := os.ReadFile(ownGroups)
	if err != nil {
		return nil, err
	}
	paths := parseGroups(string(own))
	var l *limiter
	var at unix.Statfs_t
	if unix.Statfs(groupsFolder, &at) == nil && at.Type == unix.CGROUP2_SUPER_MAGIC {
		folder := filepath.Join(groupsFolder, paths[""])
		if err := delegate(folder); err != nil {
			return nil, err
		}
		l = &limiter{version2: true, mkdir: os.Mkdir, memory: filepath.Join(folder, name), cpu: filepath.Join(folder, name)}
	} else {
		l = &limiter{mkdir: os.Mkdir}
		for controller, folder := range map[string]*string{"memory": &l.memory, "cpu": &l.cpu} {
			path, ok := paths[controller]
			if !ok {
				return nil, fmt.Errorf("there is no control group for %s", controller)
			}
			*folder = filepath.Join(groupsFolder, controller, path, name)
		}
	}
	if err := l.begin(); err != nil {
		return nil, err
	}
	return l, nil
}

// parseGroups returns the paths of a process's groups by controller; that of version 2 has none.
func parseGroups(own string) map[string]string {
	paths := map[string]string{}
	for line := range strings.Lines(own) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 {
			continue
		}
		for controller := range strings.SplitSeq(fields[1], ",") {
			paths[controller] = fields[2]
		}
	}
	return paths
}

// delegate lets a group of version 2 have groups with limits below it. Then it can have no processes itself (cgroups(7), "no internal
// processes"), so that this one moves into a group of its own.
func delegate(folder string) error {
	enabled, err := os.ReadFile(filepath.Join(folder, subtreeControl))
	if err != nil {
		return err
	}
	has := strings.Fields(string(enabled))
	if slices.Contains(has, "memory") && slices.Contains(has, "cpu") {
		return nil
	}
	own := filepath.Join(folder, "localcloud-daemon")
	if err := os.Mkdir(own, 0o755); err != nil && !errors.Is(err, fs.ErrExist) { //nolint:gosec // the kernel's own mode
		return err
	}
	if err := writeGroup(own, "cgroup.procs", strconv.Itoa(os.Getpid())); err != nil {
		return err
	}
	return writeGroup(folder, subtreeControl, "+memory +cpu")
}

// begin makes the folders, and removes those of daemons that were killed.
func (l *limiter) begin() error {
	for _, folder := range l.folders() {
		others, _ := filepath.Glob(filepath.Join(filepath.Dir(folder), "localcloud-*-*"))
		for _, other := range others {
			if pid, err := strconv.Atoi(strings.Split(filepath.Base(other), "-")[1]); err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
				removeGroups(other)
			}
		}
		if err := l.mkdir(folder, 0o755); err != nil {
			return err
		}
		if l.version2 {
			if err := writeGroup(folder, subtreeControl, "+memory +cpu"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *limiter) folders() []string { return slices.Compact([]string{l.memory, l.cpu}) }

// close removes all groups, whose processes have ended.
func (l *limiter) close() {
	if l == nil {
		return
	}
	for _, folder := range l.folders() {
		removeGroups(folder)
	}
}

// removeGroups removes a group and those below it, as far as they are empty.
func removeGroups(folder string) {
	below, _ := filepath.Glob(filepath.Join(folder, "*", "cgroup.procs"))
	for _, file := range below {
		removeGroups(filepath.Dir(file))
	}
	_ = os.Remove(folder) // later, if it is not empty
}

// group are the control groups of a task, or of a container of one.
type group struct {
	limiter     *limiter
	memory, cpu string
}

// group makes the group of a task, below which its containers have theirs. A limit of 0 is none.
func (l *limiter) group(name string, limits Limits) (*group, error) {
	if l == nil {
		return nil, nil
	}
	g, err := (&group{limiter: l, memory: l.memory, cpu: l.cpu}).below(name, limits)
	if err != nil || !l.version2 {
		return g, err
	}
	// Here alone: a group that has processes, as a container's has, cannot have this (cgroups(7), "no internal processes").
	return g, writeGroup(g.memory, subtreeControl, "+memory +cpu")
}

// below makes a group below another one. Those below share its limits.
func (g *group) below(name string, limits Limits) (*group, error) {
	if g == nil {
		return nil, nil
	}
	b := &group{limiter: g.limiter, memory: filepath.Join(g.memory, name), cpu: filepath.Join(g.cpu, name)}
	for _, folder := range b.folders() {
		if err := g.limiter.mkdir(folder, 0o755); err != nil {
			return nil, err
		}
	}
	return b, b.limit(limits)
}

func (g *group) folders() []string { return slices.Compact([]string{g.memory, g.cpu}) }

// period is how often a task gets its share of processors, in microseconds: the kernel's default.
const period = 100_000

func (g *group) limit(limits Limits) error {
	memory, swap, cpu, quota := "memory.max", "memory.swap.max", "cpu.max", "%d %d"
	if !g.limiter.version2 {
		memory, swap, cpu, quota = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "cpu.cfs_quota_us", "%d"
	}
	if limits.Memory > 0 {
		bytes := strconv.FormatInt(limits.Memory, 10)
		if err := writeGroup(g.memory, memory, bytes); err != nil {
			return err
		}
		if g.limiter.version2 {
			bytes = "0"
		}
		// Fargate has no swap. Neither may this kernel.
		if err := writeGroup(g.memory, swap, bytes); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EOPNOTSUPP) {
			return err
		}
	}
	if limits.Shares > 0 {
		if err := g.share(limits.Shares); err != nil {
			return err
		}
	}
	if limits.CPU <= 0 {
		return nil
	}
	const unitsOfOne = 1024
	each := limits.CPU * period / unitsOfOne
	if g.limiter.version2 {
		return writeGroup(g.cpu, cpu, fmt.Sprintf(quota, each, period))
	}
	return writeGroup(g.cpu, cpu, fmt.Sprintf(quota, each))
}

// share gives the group shares, from 2 to 262144, which version 2 has as weights from 1 to 10000: this is how container runtimes convert
// them (ConvertCPUSharesToCgroupV2Value in https://github.com/opencontainers/cgroups).
func (g *group) share(shares int) error {
	const leastWeight, mostWeight, mostShares = 1, 10_000, 1 << 18
	shares = min(shares, mostShares)
	if !g.limiter.version2 {
		return writeGroup(g.cpu, "cpu.shares", strconv.Itoa(shares))
	}
	weight := leastWeight + (shares-leastShares)*(mostWeight-leastWeight)/(mostShares-leastShares)
	return writeGroup(g.cpu, "cpu.weight", strconv.Itoa(weight))
}

// enter puts a process into the group, with those that it will start.
func (g *group) enter(pid int) error {
	if g == nil {
		return nil
	}
	for _, folder := range g.folders() {
		if err := writeGroup(folder, "cgroup.procs", strconv.Itoa(pid)); err != nil {
			return err
		}
	}
	return nil
}

// killed reports whether the kernel has killed a process of the group for want of memory.
func (g *group) killed() bool {
	if g == nil {
		return false
	}
	file := "memory.events"
	if !g.limiter.version2 {
		file = "memory.oom_control"
	}
	content, err := os.ReadFile(filepath.Join(g.memory, file))
	if err != nil {
		return false
	}
	for line := range bytes.Lines(content) {
		if number, ok := bytes.CutPrefix(line, []byte("oom_kill ")); ok {
			n, err := strconv.Atoi(string(bytes.TrimSpace(number)))
			return err == nil && n > 0
		}
	}
	return false
}

// close removes the group and those below it, whose processes have ended.
func (g *group) close() {
	if g == nil {
		return
	}
	for _, folder := range g.folders() {
		removeGroups(folder)
	}
}

func writeGroup(folder, file, content string) error {
	f, err := os.OpenFile(filepath.Join(folder, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Close())
}
