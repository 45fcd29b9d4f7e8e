package ecs

import (
	"path/filepath"
	"testing"
)

// No root directory leads out of the file system's own folder.
func TestFolderOfRootDirectory(t *testing.T) {
	for directory, want := range map[string]string{
		"":                   "fs-01234567/root",
		"/":                  "fs-01234567/root",
		"/a/b/":              "fs-01234567/root/a/b",
		"a":                  "fs-01234567/root/a",
		"/../../../home/me":  "fs-01234567/root/home/me",
		"../../fs-89abcdef/": "fs-01234567/root/fs-89abcdef",
	} {
		v := &efsVolume{FileSystemID: "fs-01234567", RootDirectory: directory}
		if got := filepath.ToSlash(filepath.Join(v.folder()...)); got != want {
			t.Errorf("%q is at %s, want %s", directory, got, want)
		}
	}
}
