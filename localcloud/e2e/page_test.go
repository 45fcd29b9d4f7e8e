package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// shell is a block of commands of a page.
var shell = regexp.MustCompile("(?s)```sh\n(.*?)```")

// page writes the commands of a page of docs/ to a file, as one shell script, in a folder with the repository's bin/ and docs/. It
// leaves out commands that need a container engine or the network, runs `make start` first, and asks no questions.
//
//	page PAGE FILE
func page(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "page")
	text, err := os.ReadFile(filepath.Join(root, "docs", args[0]))
	ts.Check(err)
	var script strings.Builder
	for _, block := range shell.FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(block[1], "docker ") || strings.Contains(block[1], "Dockerfile.") {
			continue
		}
		for line := range strings.Lines(block[1]) {
			switch {
			case strings.HasPrefix(line, "make start"):
				line = ""
			case strings.HasPrefix(line, "pulumi up"), strings.HasPrefix(line, "pulumi destroy"):
				line = strings.TrimSuffix(line, "\n") + " --yes --skip-preview\n"
			}
			script.WriteString(line)
		}
	}
	for _, name := range []string{"bin", "docs"} {
		if err := os.Symlink(filepath.Join(root, name), ts.MkAbs(name)); !os.IsExist(err) {
			ts.Check(err)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(script.String()), 0o600))
}
