package docs

import (
	"os"
	"strings"
	"testing"
)

// What the Troubleshooting table quotes of the program's own errors is what the program says: each text below is in the table and in
// the source that has it.
func TestTroubleshootingQuotesTheProgram(t *testing.T) {
	table := troubleshooting(t)
	for quoted, source := range map[string]string{
		"no rule priority is left": "../spec/priority.go",
		"get AWS credentials":      "../internal/standing/standing.go",
		"look up the rules and certificates of the stack's load balancer": "../internal/standing/standing.go",
		"ECS rolled the deployment back":                                  "../components/rollback.go",
		"does not run task definition":                                    "../components/rollback.go",
		" how its deployment ended":                                       "../internal/deployments/settle.go",
		"could not ask AWS why":                                           "../internal/deployments/deployments.go",
		"look up the quota of rules of a load balancer":                   "../internal/standing/quota.go",
		"is not asked: ":                                                  "../internal/stack/endpoint.go",
		"cannot be read from its history any more":                        "../cmd/promote/images.go",
		"nothing answers on port":                                         "../internal/deployments/hints.go",
	} {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), quoted) {
			t.Errorf("%s does not say %q any more", source, quoted)
		}
		if !strings.Contains(table, quoted) {
			t.Errorf("the table does not have %q", quoted)
		}
	}
}

// troubleshooting returns the section with the table.
func troubleshooting(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "## Troubleshooting\n")
	if !found {
		t.Fatal("operating.md has no section Troubleshooting")
	}
	return table
}
