package spec

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Room is where a task's containers can write. The files of their images stay as they are.
type Room struct {
	Tmp       map[string]int    // by path: MiB of the task's memory, empty at first and gone with the task
	Volumes   map[string]Volume // by path: file systems that outlive tasks
	Storage   int               // GiB for images; 0: Fargate's own 20
	OpenFiles int               // how many files a container may have open; 0: Fargate's own 65,535
}

// Volume is a file system of Amazon EFS, reached by one of its access points.
type Volume struct{ FileSystemID, AccessPointID string }

// MountActions are what a task does with a volume: it reads and writes ("Using IAM to control access to file systems" in the EFS user
// guide). Nothing changes them.
var MountActions = []string{"elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"}

// Bounds of a [Room].
const (
	// MinStorage and MaxStorage are the bounds of a task's storage, in GiB (EphemeralStorage in the ECS API reference).
	MinStorage = 21
	MaxStorage = 200
	// MaxOpenFiles is Linux's own limit (fs.nr_open), which no container's can exceed.
	MaxOpenFiles = 1_048_576
)

var (
	fileSystemPattern  = regexp.MustCompile(`^fs-([0-9a-f]{8}|[0-9a-f]{17})$`)   // CreateFileSystem in the EFS API reference
	accessPointPattern = regexp.MustCompile(`^fsap-([0-9a-f]{8}|[0-9a-f]{17})$`) // CreateAccessPoint
)

// CheckFileSystem reports what is not the id of a file system.
func CheckFileSystem(id string) error {
	if !fileSystemPattern.MatchString(id) {
		return errors.New("must be the id of a file system of Amazon EFS, such as fs-0123456789abcdef0")
	}
	return nil
}

// CheckAccessPoint reports what is not the id of an access point.
func CheckAccessPoint(id string) error {
	if !accessPointPattern.MatchString(id) {
		return errors.New("must be the id of an access point of Amazon EFS, such as fsap-0123456789abcdef0")
	}
	return nil
}

// CheckMountPath reports a path at which nothing can be mounted.
func CheckMountPath(at string) error {
	switch {
	case !strings.HasPrefix(at, "/") || path.Clean(at) != at || at == "/" || strings.ContainsAny(at, ":\x00"):
		return errors.New("must be an absolute path of a folder, such as /data, without a trailing slash")
	case slices.ContainsFunc([]string{"/dev", "/proc", "/sys"}, func(own string) bool { return within(at, own) }):
		return errors.New("is the container runtime's own")
	}
	return nil
}

// within reports whether a path is a folder, or something in it.
func within(at, folder string) bool { return at == folder || strings.HasPrefix(at, folder+"/") }

// Mounts returns the paths at which there is something to write to, sorted.
func (r Room) Mounts() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for _, paths := range []func(func(string) bool){maps.Keys(r.Tmp), maps.Keys(r.Volumes)} {
			for at := range paths {
				if !yield(at) {
					return
				}
			}
		}
	})
}

// Problems reports what ECS would refuse, or what cannot be meant. The memory is the task's, in MiB.
func (r Room) Problems(memory int) Problems {
	found := tmpProblems(r.Tmp, memory, "task")
	for _, at := range slices.Sorted(maps.Keys(r.Tmp)) {
		if _, both := r.Volumes[at]; both {
			found.Add(errors.New("is in volumes too"), "tmp", at)
		}
	}
	for _, at := range slices.Sorted(maps.Keys(r.Volumes)) {
		found.Add(CheckMountPath(at), "volumes", at)
		v := r.Volumes[at]
		found.AddValue(v.FileSystemID, CheckFileSystem(v.FileSystemID), "volumes", at, "fileSystemId")
		found.AddValue(v.AccessPointID, CheckAccessPoint(v.AccessPointID), "volumes", at, "accessPointId")
	}
	if r.Storage != 0 {
		found.AddRange(r.Storage, MinStorage, MaxStorage, "storage")
	}
	if r.OpenFiles != 0 {
		found.AddRange(r.OpenFiles, 1, MaxOpenFiles, "ulimits", "nofile")
	}
	return found
}

// tmpProblems reports wrong folders in memory, and too big ones: they are a part of the memory that somebody has, in MiB.
func tmpProblems(tmp map[string]int, memory int, whose string) Problems {
	var found Problems
	for _, at := range slices.Sorted(maps.Keys(tmp)) {
		found.Add(CheckMountPath(at), "tmp", at)
		if tmp[at] < 1 {
			found.AddValue(tmp[at], errors.New("must be at least 1 MiB"), "tmp", at)
		}
	}
	if total := inMemory(tmp); total >= memory && total > 0 {
		found.Add(fmt.Errorf("has %d MiB, and is a part of the %s's memory, which has %d: leave some to the container", total, whose, memory), "tmp")
	}
	return found
}

// inMemory returns how much folders in memory hold together, in MiB.
func inMemory(tmp map[string]int) int {
	total := 0
	for _, size := range tmp {
		total += size
	}
	return total
}

// FileSystems returns the different volumes, sorted.
func (r Room) FileSystems() []Volume {
	all := slices.SortedFunc(maps.Values(r.Volumes), func(a, b Volume) int {
		return strings.Compare(a.FileSystemID+a.AccessPointID, b.FileSystemID+b.AccessPointID)
	})
	return slices.Compact(all)
}

// Name is the volume's name in a task definition.
func (v Volume) Name() string { return v.FileSystemID + "-" + v.AccessPointID }
