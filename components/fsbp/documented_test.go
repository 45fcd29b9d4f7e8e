package fsbp

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// The documentation gives a reason for every exception, and for no others.
func TestDocumentationExplainsTheExceptions(t *testing.T) {
	t.Parallel()
	const root = "../.."
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var explained []string
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range regexp.MustCompile(`(?m)^\| ((?:[A-Za-z0-9]+\.\d+(?:, )?)+) \| .+ \|$`).FindAllStringSubmatch(string(text), -1) {
			explained = append(explained, regexp.MustCompile(`[A-Za-z0-9]+\.\d+`).FindAllString(row[1], -1)...)
		}
	}
	exceptions := slices.Concat(StackExceptions, AccountExceptions)
	slices.Sort(explained)
	slices.Sort(exceptions)
	if !slices.Equal(explained, exceptions) {
		t.Errorf("explained are %v\nexceptions are %v", explained, exceptions)
	}
}
