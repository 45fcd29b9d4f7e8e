package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// A mistake is a script's change of the program: it replaces an expression that is in one of its files exactly once.
type mistake struct {
	name, file, right, wrong string
}

// program replaces the program by one with a mistake.
//
//	program FILE EXPRESSION INSTEAD
func program(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "program")
	all, err := mistakes()
	ts.Check(err)
	made := slices.IndexFunc(all, func(m mistake) bool { return slices.Equal([]string{m.file, m.right, m.wrong}, args) })
	if made < 0 {
		ts.Fatalf("usage: program FILE 'EXPRESSION' 'INSTEAD'")
	}
	built, err := mistaken()
	ts.Check(err)
	ts.Check(os.Remove(ts.MkAbs("slipway")))
	ts.Check(os.Symlink(built, ts.MkAbs("slipway")))
	ts.Setenv("MISTAKE", all[made].name)
}

var programCommand = regexp.MustCompile(`(?m)^program (\S+) '([^']+)' '([^']+)'$`)

// mistakes returns those of all scripts.
func mistakes() ([]mistake, error) {
	scripts, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil {
		return nil, err
	}
	var all []mistake
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			return nil, err
		}
		for _, m := range programCommand.FindAllStringSubmatch(string(text), -1) {
			all = append(all, mistake{fmt.Sprint(len(all) + 1), m[1], m[2], m[3]})
		}
	}
	return all, nil
}

// chooser is a file of the program that has mistakes.
const chooser = `package components

import "os"

func mistaken[T any](name string, right, wrong T) T {
	if os.Getenv("MISTAKE") == name {
		return wrong
	}
	return right
}
`

// mistaken builds the program with every script's mistake in it, once. $MISTAKE chooses the one that it makes: a separate program for
// each would take a minute of a processor to build.
var mistaken = sync.OnceValues(func() (string, error) {
	all, err := mistakes()
	if err != nil {
		return "", err
	}
	texts := overlay{filepath.Join(root, "components", "mistaken.go"): chooser}
	for _, m := range all {
		if err := texts.replace(m.file, m.right, fmt.Sprintf("mistaken(%q, %s, %s)", m.name, m.right, m.wrong)); err != nil {
			return "", err
		}
	}
	return texts.build()
})

// An overlay replaces some of the program's files.
type overlay map[string]string

// replace replaces a text that must be in a file of the program exactly once.
func (texts overlay) replace(name, text, instead string) error {
	file := filepath.Join(root, name)
	if texts[file] == "" {
		ours, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		texts[file] = string(ours)
	}
	if n := strings.Count(texts[file], text); n != 1 {
		return fmt.Errorf("%s holds %q %d times, and not once", name, text, n)
	}
	texts[file] = strings.Replace(texts[file], text, instead, 1)
	return nil
}

// build builds the program with the texts.
func (texts overlay) build() (built string, err error) {
	dir, err := os.MkdirTemp("", "slipway-overlay-")
	if err != nil {
		return "", err
	}
	defer func() {
		if removed := os.RemoveAll(dir); err == nil {
			err = removed
		}
	}()
	replace := map[string]string{}
	for file, text := range texts {
		replace[file] = filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(replace[file], []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	description := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(description, overlay, 0o600); err != nil {
		return "", err
	}
	return binaries.Overlaid(context.Background(), root, description)
}
