package stack

import (
	"strings"
	"testing"
)

func TestShortType(t *testing.T) {
	for token, want := range map[string]string{
		"aws:ecs/service:Service": "aws:ecs:Service",
		"slipway:index:Network":   "slipway:index:Network",
		"pulumi:providers:aws":    "pulumi:providers:aws",
		"nonsense":                "nonsense",
		"a:b":                     "a:b",
	} {
		if got := ShortType(token); got != want {
			t.Errorf("%s is %s, want %s", token, got, want)
		}
	}
}

func TestPlainDiagnostic(t *testing.T) {
	if got := plain("<{%reset%}><{%fg 1%}>error: <{%reset%}>AccessDenied\n  and more<{%reset%}>"); got != "error: AccessDenied" {
		t.Errorf("it is %q", got)
	}
}

// The engine ends without a word, as it does when it cannot even begin.
func TestDriftOfAnEngineThatFails(t *testing.T) {
	s := open(t, project(t, nil))
	if _, err := s.Drift(t.Context()); err == nil || !strings.Contains(err.Error(), "looking for drift of stack dev") {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(commands(t), "refresh --preview-only") {
		t.Errorf("it was asked for %s", commands(t))
	}
}
