package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// block matches a fenced block of a page, with its language.
var block = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// What readers copy is YAML, and a comment of a command hides no other command.
func TestBlocksCanBeCopied(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, page := range append(pages, "../README.md", "../CONTRIBUTING.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range block.FindAllStringSubmatch(string(text), -1) {
			tried++
			switch language, body := found[1], found[2]; language {
			case "yaml":
				var value any
				if err := yaml.Unmarshal([]byte(body), &value); err != nil {
					t.Errorf("%s: %v in\n%s", page, err, body)
				}
			case "sh":
				for line := range strings.Lines(body) {
					command, comment, _ := strings.Cut(line, " # ")
					first, _, _ := strings.Cut(strings.TrimSpace(command), " ")
					if first != "" && strings.Contains(" "+comment, " "+first+" ") && strings.Contains(comment, " # ") {
						t.Errorf("%s: a comment hides a command in\n%s", page, line)
					}
				}
			}
		}
	}
	if tried == 0 {
		t.Error("no page has a block")
	}
}
