package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/rogpeppe/go-internal/testscript"
)

// goBlock is a block of Go code of a page.
var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// ownResource replaces the program by the one of a page of docs/.
//
//	ownresource PAGE
func ownResource(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "ownresource")
	if len(args) != 1 {
		ts.Fatalf("usage: ownresource PAGE")
	}
	built, err := withOwnResource(args[0])
	ts.Check(err)
	ts.Check(os.Remove(ts.MkAbs("slipway")))
	ts.Check(os.Symlink(built, ts.MkAbs("slipway")))
}

// withOwnResource builds the program as the page says: its first block of Go goes to the imports, and the second one to the end of deploy.
// More blocks are for another program, bootstrap/; the tests of docs/ read them.
func withOwnResource(name string) (string, error) {
	page, err := os.ReadFile(filepath.Join(root, "docs", name))
	if err != nil {
		return "", err
	}
	blocks := goBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 2 {
		return "", fmt.Errorf("the page %s has %d blocks of Go, and not two or more", name, len(blocks))
	}
	texts := overlay{}
	for before, block := range map[string]string{
		"\t\"slipway/components\"\n": blocks[0][1] + "\n",
		"\n\texportServices(":        "\n" + blocks[1][1],
	} {
		if err := texts.replace("main.go", before, block+before); err != nil {
			return "", err
		}
	}
	return texts.build()
}
