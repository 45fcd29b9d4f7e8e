// Package docs has the pages for users. Its tests check that links lead somewhere.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	code    = regexp.MustCompile("(?ms)^```.*?^```")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	dropped = regexp.MustCompile("[^a-z0-9 _-]")
)

// anchor is the fragment that GitHub gives a heading: lower case, without punctuation, with hyphens for spaces ("Basic writing and
// formatting syntax", section links, in GitHub's documentation).
func anchor(heading string) string {
	return strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// prose is a page without its code blocks, in which # begins a comment.
func prose(t *testing.T, path string) string {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return code.ReplaceAllString(string(page), "")
}

func anchors(t *testing.T, path string) []string {
	t.Helper()
	var found []string
	for _, match := range heading.FindAllStringSubmatch(prose(t, path), -1) {
		found = append(found, anchor(match[1]))
	}
	return found
}

func TestLinks(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, "../README.md", "../CONTRIBUTING.md")
	checked := 0
	for _, page := range pages {
		for _, match := range link.FindAllStringSubmatch(prose(t, page), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			checked++
			file, fragment, _ := strings.Cut(match[1], "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", page, match[1])
			} else if fragment != "" && !slices.Contains(anchors(t, target), fragment) {
				t.Errorf("%s links to %s, and %s has no such heading", page, match[1], target)
			}
		}
	}
	if checked < 30 {
		t.Errorf("found %d links; the pages have more", checked)
	}
}

// A newcomer reads the README first, and all of it.
func TestREADMEIsShort(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(page), "\n"); lines > 150 {
		t.Errorf("README.md has %d lines, 150 at most: move what is not for a newcomer to a page of docs/", lines)
	}
}
