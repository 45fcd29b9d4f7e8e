package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// goBlock is a block of Go code of a page.
var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// ownResource replaces the program by the one of docs/add-your-own-resource.md.
//
//	ownresource
func ownResource(ts *testscript.TestScript, neg bool, _ []string) {
	refuse(ts, neg, "ownresource")
	built, err := withOwnResource()
	ts.Check(err)
	ts.Check(os.Remove(ts.MkAbs("slipway")))
	ts.Check(os.Symlink(built, ts.MkAbs("slipway")))
}

// withOwnResource builds the program as the page says: the first block goes to the imports, and the second one to the end of deploy.
// The third one is for another program, bootstrap/; the tests of docs/ read it.
var withOwnResource = sync.OnceValues(func() (string, error) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "add-your-own-resource.md"))
	if err != nil {
		return "", err
	}
	blocks := goBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 3 {
		return "", fmt.Errorf("the page has %d blocks of Go, and not three", len(blocks))
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
})
