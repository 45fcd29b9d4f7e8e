package spec

import (
	"strings"
	"testing"
)

func TestCanaryTasks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ weight, tasks, want int }{
		{0, 0, 1}, {0, 10, 1}, {1, 10, 1}, {10, 10, 1}, {11, 10, 2}, {50, 3, 2}, {100, 6, 6},
	} {
		if got := (&Canary{Weight: test.weight}).Tasks(test.tasks, nil); got != test.want {
			t.Errorf("%d %% of %d tasks are %d, want %d", test.weight, test.tasks, got, test.want)
		}
	}
	scaling := &Scaling{Min: 2, Max: 10, Schedule: map[string]ScheduledScaling{"rush": {Min: 8, Max: 20}, "night": {Min: 1, Max: 4}}}
	if got := (&Canary{Weight: 50}).Tasks(2, scaling); got != 10 {
		t.Errorf("half of 20 tasks at most are %d", got)
	}
}

func TestParseCanaryHeader(t *testing.T) {
	t.Parallel()
	if h, err := ParseCanaryHeader("X-Version:  next one "); err != nil || h != (CanaryHeader{"X-Version", "next one"}) {
		t.Errorf("%+v, %v", h, err)
	}
	for _, text := range []string{"", "X-Canary", "X-Canary:", ": always", "X-Canary: " + strings.Repeat("a", 129), strings.Repeat("X", 41) + ": a", "hOST: a", "X-Canary: a\n", "X-Canary:\ta", "X_Canary: always", "X.Canary: always"} {
		if h, err := ParseCanaryHeader(text); err == nil {
			t.Errorf("%q is %+v", text, h)
		}
	}
}

// The names are in no zone, and still valid in a rule.
func TestAttachmentsAreNobodys(t *testing.T) {
	t.Parallel()
	for _, route := range []Route{AttachmentRoute("hello", HealthCheck{}, false), CanaryRoute("hello", DefaultHealthCheck, false)} {
		if err := CheckHostname(route.Hostname, "example.com"); err == nil {
			t.Errorf("a service could have the route %s", route)
		}
		if err := CheckDomain(route.Hostname); err != nil {
			t.Error(err)
		}
	}
}
