package task

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

func TestParseGroups(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		own  string
		want map[string]string
	}{
		"version 2": {"0::/user.slice/user-1000.slice/user@1000.service/app.slice\n", map[string]string{"": "/user.slice/user-1000.slice/user@1000.service/app.slice"}},
		"version 1": {
			"4:memory:/docker/1\n3:cpu,cpuacct:/docker/2\n1:name=systemd:/a:b\n0::/\n",
			map[string]string{"memory": "/docker/1", "cpu": "/docker/2", "cpuacct": "/docker/2", "name=systemd": "/a:b", "": "/"},
		},
		"none":      {"", map[string]string{}},
		"malformed": {"memory\n", map[string]string{}},
	} {
		if got := parseGroups(c.own); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A group of version 2 that has groups below it hands its resources on, and one of a container, which has processes, does not: the kernel
// refuses a process where they are handed on (cgroups(7), "no internal processes").
func TestGroupsOfVersion2(t *testing.T) {
	t.Parallel()
	const handedOn = "+memory +cpu"
	for name, c := range map[string]struct {
		task      Limits
		container Limits
		want      map[string]string
	}{
		"limits of both": {Limits{CPU: 512, Memory: 1 << 30}, Limits{Memory: 1 << 29}, map[string]string{
			"task/memory.max": "1073741824", "task/memory.swap.max": "0", "task/cpu.max": "50000 100000",
			"task/one/memory.max": "536870912", "task/one/memory.swap.max": "0", "task/one/cgroup.procs": "4711",
		}},
		"a task's": {Limits{CPU: 512, Memory: 1 << 30}, Limits{}, map[string]string{
			"task/memory.max": "1073741824", "task/memory.swap.max": "0", "task/cpu.max": "50000 100000", "task/one/cgroup.procs": "4711",
		}},
		"a container's": {Limits{}, Limits{Memory: 1 << 29}, map[string]string{
			"task/one/memory.max": "536870912", "task/one/memory.swap.max": "0", "task/one/cgroup.procs": "4711",
		}},
		"a container's share": {Limits{}, Limits{Shares: 1024}, map[string]string{"task/one/cpu.weight": "39", "task/one/cgroup.procs": "4711"}},
		"the least share":     {Limits{}, Limits{Shares: 2}, map[string]string{"task/one/cpu.weight": "1", "task/one/cgroup.procs": "4711"}},
		"the largest share":   {Limits{}, Limits{Shares: 1 << 20}, map[string]string{"task/one/cpu.weight": "10000", "task/one/cgroup.procs": "4711"}},
		"none":                {Limits{}, Limits{}, map[string]string{"task/one/cgroup.procs": "4711"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "localcloud-1-0")
			l := &limiter{version2: true, memory: folder, cpu: folder, mkdir: mkdirVersion2}
			if err := l.begin(); err != nil {
				t.Fatal(err)
			}
			task, err := l.group("task", c.task)
			if err != nil {
				t.Fatal(err)
			}
			container, err := task.below("one", c.container)
			if err != nil {
				t.Fatal(err)
			}
			if err := container.enter(4711); err != nil {
				t.Fatal(err)
			}
			c.want["cgroup.subtree_control"], c.want["task/cgroup.subtree_control"] = handedOn, handedOn
			if got := writtenBelow(t, folder); !maps.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// mkdirVersion2 makes a folder with files in it, as the kernel does.
func mkdirVersion2(folder string, mode os.FileMode) error {
	if err := os.Mkdir(folder, mode); err != nil {
		return err
	}
	for _, file := range []string{"cgroup.procs", "cgroup.subtree_control", "cpu.max", "cpu.weight", "memory.max", "memory.swap.max"} {
		if err := os.WriteFile(filepath.Join(folder, file), nil, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// writtenBelow returns the files below a folder that have been written.
func writtenBelow(t *testing.T, folder string) map[string]string {
	t.Helper()
	written := map[string]string{}
	for _, pattern := range []string{"*", "*/*", "*/*/*"} {
		files, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil || len(content) == 0 {
				continue // a folder, or as it was made
			}
			name, err := filepath.Rel(folder, file)
			if err != nil {
				t.Fatal(err)
			}
			written[name] = string(content)
		}
	}
	return written
}
