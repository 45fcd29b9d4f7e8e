package task

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Whoever the user is, a container with a read-only root writes to its memory and to what tasks share. The former is another's, empty and
// no larger than said; the latter stays.
func TestRoomToWrite(t *testing.T) {
	isolated(t, func(t *testing.T, r *Runner) {
		shared := filepath.Join(t.TempDir(), "efs", "fs-1", "fsap-1")
		for _, user := range []string{"65532", "0"} {
			var j journal
			stopped(t, start(t, r, Spec{ID: "task" + user, Volumes: []string{"files"}, Shared: map[string]string{"files": shared}, Containers: []Container{{
				Name: "main", Essential: true, Image: app(t, v1.Config{WorkingDir: "/work"}), Command: []string{"write", "/tmp/new", "/data/" + user, "/data/deep/new", "/new"}, User: user,
				ReadonlyRootFilesystem: true, Log: j.log,
				Tmpfs:       []Tmpfs{{ContainerPath: "/data/deep", Size: 1}, {ContainerPath: "/tmp", Size: 1}},
				MountPoints: []MountPoint{{SourceVolume: "files", ContainerPath: "/data"}},
			}}}))
			if want := []string{"/tmp/new written", "/data/" + user + " written", "/data/deep/new written"}; !slices.Equal(withoutFailures(j.read()), want) {
				t.Errorf("as %s: %q, want %q", user, j.read(), want)
			}
			if _, err := os.Stat(filepath.Join(shared, user)); err != nil {
				t.Errorf("the file is gone with the task: %v", err)
			}
			if _, err := os.Stat(filepath.Join(shared, "deep", "new")); err == nil {
				t.Error("what was in memory is in the shared files")
			}
		}
	})
}

// withoutFailures leaves out the lines about what could not be written.
func withoutFailures(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !strings.HasSuffix(line, " written") })
}
