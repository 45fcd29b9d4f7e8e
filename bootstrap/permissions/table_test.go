package permissions

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/table.json anew")

// written is the file that the local cloud's own table is held against: neither imports the other.
const written = "testdata/table.json"

// What is in the table, and what the deploy role may do by it, is written down: after a change, `go test ./bootstrap/permissions -update`.
func TestTableIsWritten(t *testing.T) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "\t")
	if err := encoder.Encode(struct {
		Kinds  map[string]Operations
		Deploy Document
	}{Kinds, deployDocument(t)}); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(written, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(written)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, text.Bytes()) {
		t.Errorf("%s is of another table: go test ./bootstrap/permissions -run TestTableIsWritten -update", written)
	}
}

// measured returns the actions that IAM is asked about by the calls that the provider was seen to make.
func measured(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/provider-calls.txt")
	if err != nil {
		t.Fatal(err)
	}
	prefixes := map[string]string{"elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"}
	var actions []string
	for line := range strings.Lines(string(text)) {
		service, call, found := strings.Cut(strings.TrimSpace(line), ":")
		if strings.HasPrefix(line, "#") || !found {
			continue
		}
		if prefix, other := prefixes[service]; other {
			service = prefix
		}
		actions = append(actions, service+":"+call)
	}
	return actions
}

// Whatever the provider was seen to call, the deploy role may.
func TestMeasuredCallsAreGranted(t *testing.T) {
	refused := map[string]string{
		"sts:GetCallerIdentity":             "everybody may (GetCallerIdentity in the STS API reference)",
		"iam:DeleteRolePermissionsBoundary": "a role without its boundary is what the boundary is against",
	}
	granted := actions(deployDocument(t))
	all := measured(t)
	if len(all) < 100 {
		t.Errorf("only %d calls were measured", len(all))
	}
	for _, action := range all {
		_, refused := refused[action]
		if granted := slices.Contains(granted, action); granted == refused {
			t.Errorf("%s is granted: %v", action, granted)
		}
	}
	for action := range refused {
		if !slices.Contains(all, action) {
			t.Errorf("nobody called %s", action)
		}
	}
}
