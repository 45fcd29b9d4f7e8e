package fences

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// builds are the Makefile's lines that build a command if one of some folders has changed.
var builds = regexp.MustCompile(`(?m)^\t@tools/build (\S+) (.*)$`)

// The Makefile builds a command again when anything of ours has changed that the command is made of.
func TestMakefileNamesTheFoldersOfCommands(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	found := builds.FindAllStringSubmatch(string(makefile), -1)
	if len(found) == 0 {
		t.Fatal("the Makefile builds nothing by tools/build")
	}
	for _, build := range found {
		command, folders := build[1], strings.Fields(build[2])
		for _, folder := range foldersOf(t, command) {
			if !slices.ContainsFunc(folders, func(f string) bool { return folder == f || strings.HasPrefix(folder, f+"/") }) {
				t.Errorf("%s has something of %s, whose changes do not build it again: the Makefile has only %v", command, folder, folders)
			}
		}
	}
}

// foldersOf returns the folders of our packages that a command is made of, from the repository's.
func foldersOf(t *testing.T, command string) []string {
	t.Helper()
	// A command of the local cloud's module has its folder's name first.
	module := "."
	if first, _, _ := strings.Cut(command, "/"); first == "localcloud" {
		module = first
	}
	relative := strings.TrimPrefix(command, module+"/")
	var folders []string
	for _, imported := range listIn(t, path.Join("../..", module), "-deps", "./"+relative) {
		if folder, ours := strings.CutPrefix(imported, "slipway/"); ours {
			folders = append(folders, folder)
		}
	}
	return folders
}
