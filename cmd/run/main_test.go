package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"slipway/internal/cli"
	"slipway/internal/jobs"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args      []string
		arguments []string
		refused   string // empty: accepted
	}{
		{[]string{"dev", "migrate"}, nil, ""},
		{[]string{"-C", "x", "dev", "migrate", "--", "-C", "--", "y"}, []string{"-C", "--", "y"}, ""},
		{[]string{"dev", "migrate", "--"}, nil, ""},
		{[]string{"dev"}, nil, "name a stack and one of its jobs"},
		{[]string{"--", "dev", "migrate"}, nil, "name a stack and one of its jobs"},
		{[]string{"dev", "migrate", "42"}, nil, "the job's own arguments come after --"},
		{[]string{"dev", "-C"}, nil, "flags come before the names"},
		{[]string{"-x", "dev", "migrate"}, nil, "flag provided but not defined"},
	} {
		var stderr strings.Builder
		o, err := parse(test.args, &stderr)
		if test.refused != "" {
			if !errors.Is(err, cli.ErrUsage) || !strings.Contains(stderr.String(), test.refused) {
				t.Errorf("%v: %v, %s", test.args, err, stderr.String())
			}
			continue
		}
		if err != nil || o.stack != "dev" || o.job != "migrate" || !slices.Equal(o.arguments, test.arguments) {
			t.Errorf("%v: %+v (%v)", test.args, o, err)
		}
	}
}

// The command ends as the job does.
func TestFinish(t *testing.T) {
	t.Parallel()
	if err := finish(jobs.Result{}, nil); err != nil {
		t.Error(err)
	}
	if err := finish(jobs.Result{ExitCode: 3, Reason: "exited"}, nil); err == nil || err.Error() != "exited" {
		t.Error(err)
	}
	failure := errors.New("no task")
	if err := finish(jobs.Result{ExitCode: 1}, failure); !errors.Is(err, failure) {
		t.Error(err)
	}
}
