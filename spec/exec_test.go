package spec

import (
	"slices"
	"strings"
	"testing"
)

func TestExecCheck(t *testing.T) {
	t.Parallel()
	on, both := Exec{Enabled: true}, Exec{Enabled: true, InProduction: true}
	for _, test := range []struct {
		stack string
		exec  Exec
		want  string // in the error; empty: none
	}{
		{"dev", Exec{}, ""},
		{"prod", Exec{}, ""},
		{"dev", on, ""},
		{"product", on, ""},
		{"pr-7", on, ""},
		{"prod", on, "in the tasks of stack prod; if that is meant, set execInProduction: true too"},
		{"prod-eu", on, "in the tasks of stack prod-eu;"},
		{"production", on, "in the tasks of stack production;"},
		{"prod", both, ""},
		{"dev", both, ""},
		{"dev", Exec{InProduction: true}, "is of no use without exec: true"},
	} {
		err := test.exec.Check(test.stack)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s, %+v: %v, want %q", test.stack, test.exec, err, test.want)
		}
	}
}

// The bound that counts towards a role's policies is none too low, and none of the permissions is wrong by the rules for the user's.
func TestExecPermissions(t *testing.T) {
	t.Parallel()
	if p := (Exec{}).Permissions("arn"); p != nil {
		t.Errorf("without exec: %v", p)
	}
	size := 0
	var actions []string
	for _, p := range (Exec{Enabled: true}).Permissions("arn:aws:logs:ap-southeast-2:123456789012:log-group:" + strings.Repeat("x", MaxName+20)) {
		if err := p.Problems().Err(); err != nil {
			t.Error(err)
		}
		size += p.size()
		actions = append(actions, p.Actions...)
	}
	if size > execPolicy {
		t.Errorf("they have %d characters, more than %d", size, execPolicy)
	}
	sessions := slices.DeleteFunc(actions, func(action string) bool { return !strings.HasPrefix(action, "ssmmessages:") })
	if len(sessions) != 4 {
		t.Errorf("a session needs %v", sessions)
	}
}
