package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Each key of the config has a row in docs/configuration.md, and each row has a key.
func TestSettingsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	stack, service, ok := strings.Cut(string(page), "\n## A service\n")
	if !ok {
		t.Fatal("the page has no part about a service")
	}
	service, rest, _ := strings.Cut(service, "\n## ")
	title, job, _ := strings.Cut(rest, "\n")
	job, _, _ = strings.Cut(job, "\n## ")
	if title != "A job" {
		t.Fatalf("the part after that about a service is %q, not about a job", title)
	}
	documented := slices.Concat(keysOfTable(stack, ""), keysOfTable(service, "services.hello."), keysOfTable(job, "jobs.purge."))
	var settings []string
	for _, s := range allSettings {
		if s.kind != anObject || s.path == "services" || s.path == "jobs" {
			settings = append(settings, regexp.MustCompile(`\.(schedule|sidecars|tmp|volumes|watch)\.[^.]+`).ReplaceAllString(s.path, ".$1.<name>"))
		}
	}
	for _, key := range settings {
		if !slices.Contains(documented, key) {
			t.Errorf("docs/configuration.md has no row for %s", key)
		}
	}
	for _, key := range documented {
		if !slices.Contains(settings, key) {
			t.Errorf("docs/configuration.md has a row for %s, which is not a key", key)
		}
	}
}

// keysOfTable returns the keys that the first cells of the rows have as code, with a prefix.
func keysOfTable(text, prefix string) []string {
	var keys []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`.+?`) \\|").FindAllStringSubmatch(text, -1) {
		for _, key := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			keys = append(keys, prefix+key[1])
		}
	}
	return keys
}

// Pulumi.yaml declares each key at the root, and its description of an object names each member.
func TestPulumiYAMLNamesEachSetting(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../Pulumi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var project struct {
		Config map[string]struct{ Description string }
	}
	if err := yaml.Unmarshal(raw, &project); err != nil {
		t.Fatal(err)
	}
	roots := 0
	for _, s := range allSettings {
		own := strings.TrimPrefix(strings.TrimPrefix(s.path, "services.hello."), "jobs.purge.")
		path := strings.Split(own, ".")
		root, member := path[0], ""
		switch {
		case own != s.path && len(path) == 1:
			root, _, _ = strings.Cut(s.path, ".")
			member = path[0]
		case strings.HasPrefix(s.path, "services."), strings.HasPrefix(s.path, "jobs."), len(path) > 2:
			continue
		case len(path) == 2:
			member = path[1]
		default:
			roots++
		}
		declared, ok := project.Config[root]
		if !ok {
			t.Errorf("Pulumi.yaml does not declare %s", root)
		} else if member != "" && !regexp.MustCompile(`\b`+member+`\b`).MatchString(declared.Description) {
			t.Errorf("Pulumi.yaml's description of %s does not name %s", root, member)
		}
	}
	if len(project.Config) != roots {
		t.Errorf("Pulumi.yaml declares %d keys; the config has %d", len(project.Config), roots)
	}
}
