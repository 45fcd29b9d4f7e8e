package spec

import (
	"strings"
	"testing"
)

func TestRoomProblems(t *testing.T) {
	t.Parallel()
	files := Volume{FileSystemID: "fs-0123456789abcdef0", AccessPointID: "fsap-01234567"}
	for want, room := range map[string]Room{
		"":                                            {Tmp: map[string]int{"/tmp": 64, "/var/cache/a b": 1}, Volumes: map[string]Volume{"/data": files}, Storage: 21, OpenFiles: 1},
		"tmp.tmp: must be an absolute path":           {Tmp: map[string]int{"tmp": 1}},
		"tmp./: must be an absolute path":             {Tmp: map[string]int{"/": 1}},
		"tmp./a/: must be an absolute path":           {Tmp: map[string]int{"/a/": 1}},
		"tmp./a/../b: must be an absolute path":       {Tmp: map[string]int{"/a/../b": 1}},
		"tmp./dev/shm: is the container runtime's":    {Tmp: map[string]int{"/dev/shm": 1}},
		"tmp./tmp: 0: must be at least 1 MiB":         {Tmp: map[string]int{"/tmp": 0}},
		"tmp: has 512 MiB, and is a part of the task": {Tmp: map[string]int{"/tmp": 511, "/run": 1}},
		"tmp./data: is in volumes too":                {Tmp: map[string]int{"/data": 1}, Volumes: map[string]Volume{"/data": files}},
		`volumes./data.fileSystemId: "fs": must be`:   {Volumes: map[string]Volume{"/data": {"fs", files.AccessPointID}}},
		`volumes./data.accessPointId: "": must be th`: {Volumes: map[string]Volume{"/data": {FileSystemID: files.FileSystemID}}},
		"volumes./proc: is the container runtime's":   {Volumes: map[string]Volume{"/proc": files}},
		"storage: 20: must be from 21 to 200":         {Storage: 20},
		"ulimits.nofile: 1048577: must be from 1 to":  {OpenFiles: 1_048_577},
	} {
		err := room.Problems(512).Err()
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestWatchProblems(t *testing.T) {
	t.Parallel()
	for want, watch := range map[string]map[string]int{
		"":                                  {"/app/web": 5, "/a_b.c-d": 86_400},
		"watch.app: must be a path of para": {"app": 30},
		"watch./app/: must be a path of pa": {"/app/": 30},
		"watch./app: 4: must be from 5 to ": {"/app": 4},
	} {
		err := Workload{Watch: watch}.watchProblems().Err()
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
