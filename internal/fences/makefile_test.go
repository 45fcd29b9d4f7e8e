package fences

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// builds are the Makefile's lines that build a command if one of some folders has changed.
var builds = regexp.MustCompile(`(?m)^\t@tools/build (\S+) (.*)$`)

// The Makefile builds a command again when one of its own packages has changed.
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

// foldersOf returns the folders of a command's own packages, relative to the repository.
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

// racing is the Makefile's line with the packages whose tests run with the race detector.
var racing = regexp.MustCompile(`(?m)^RACING\s*:= (.*)$`)

// What starts goroutines is tested with the race detector, unless it is made of the providers' SDKs.
func TestMakefileFindsRaces(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	line := racing.FindStringSubmatch(string(makefile))
	if line == nil {
		t.Fatal("the Makefile names no packages to find races in")
	}
	listed := strings.Fields(line[1])
	for _, line := range list(t, "-f", `{{.ImportPath}} {{.Dir}} {{join .GoFiles " "}}`, "./...") {
		columns := strings.Fields(line)
		pkg, dir, files := columns[0], columns[1], columns[2:]
		starts := slices.ContainsFunc(files, func(file string) bool { return startsGoroutines(t, filepath.Join(dir, file)) })
		if fits(pkg, "slipway/components", "slipway/components/*") {
			continue
		}
		if starts != slices.Contains(listed, pkg) {
			t.Errorf("%s starts goroutines: %v; the Makefile finds races in %v", pkg, starts, listed)
		}
	}
}

// startsGoroutines reports whether a file has a go statement, or calls the Go of a group that waits for goroutines.
func startsGoroutines(t *testing.T, file string) bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	starts := false
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			starts = true
		case *ast.CallExpr:
			called, isMethod := n.Fun.(*ast.SelectorExpr)
			starts = starts || isMethod && called.Sel.Name == "Go"
		}
		return !starts
	})
	return starts
}
