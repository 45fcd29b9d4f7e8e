package ci

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// largest is the size of the largest file that belongs into a repository of source code, in bytes.
const largest = 1 << 20

// A program that `go build ./cmd/fleet` leaves in this folder is committed easily, and then every clone keeps its 50 MB.
func TestNoBuiltProgramIsCommitted(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("../.git"); os.IsNotExist(err) {
		t.Skip("the sources are not in a repository of git, so nothing is committed")
	}
	// Git does not trust a repository of another user, such as the one who checked it out for CI, unless it is told to.
	tracked, err := exec.CommandContext(t.Context(), "git", "-c", "safe.directory=*", "-C", "..", "ls-files", "-z").Output()
	if err != nil {
		t.Fatalf("list the files of the repository: %v", err)
	}
	names := strings.Split(strings.TrimRight(string(tracked), "\x00"), "\x00")
	if len(names) < 100 {
		t.Fatalf("there are only %d files", len(names))
	}
	for _, name := range names {
		info, err := os.Lstat(filepath.Join("..", name))
		if err == nil && info.Size() > largest {
			t.Errorf("%s has %d bytes: is it a built program? `git rm --cached` it", name, info.Size())
		}
	}
}
