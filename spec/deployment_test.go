package spec

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestStrategies(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		strategy Strategy
		tasks    int
		maximum  int
	}{
		{"", 2, 150},
		{Rolling, 0, 200},
		{Rolling, 1, 200},
		{Rolling, 2, 150},
		{Rolling, 3, 150},
		{Rolling, 10, 150},
		{AllAtOnce, 1, 200},
		{AllAtOnce, 10, 200},
		{OneAtATime, 1, 200},
		{OneAtATime, 3, 134},
		{OneAtATime, 10, 110},
		{OneAtATime, 199, 101},
	} {
		minimum, maximum := Deployment{Strategy: test.strategy}.WithDefaults().Percentages(test.tasks)
		if minimum != 100 || maximum != test.maximum {
			t.Errorf("%s of %d tasks: %d/%d, want 100/%d", test.strategy, test.tasks, minimum, maximum, test.maximum)
		}
	}
}

// Every named strategy keeps all tasks serving and makes progress; one-at-a-time starts one.
func TestStrategiesDropNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := Deployment{Strategy: rapid.SampledFrom([]Strategy{Rolling, AllAtOnce, OneAtATime}).Draw(t, "strategy")}
		most := 5000
		if d.Strategy == OneAtATime {
			most = mostOneAtATime - 1
		}
		tasks := rapid.IntRange(0, most).Draw(t, "tasks")
		if err := d.Problems(tasks, nil).Err(); err != nil {
			t.Fatalf("%+v: %v", d, err)
		}
		minimum, maximum := d.Percentages(tasks)
		if err := (Deployment{MinimumHealthyPercent: minimum, MaximumPercent: maximum}).Problems(tasks, nil).Err(); err != nil {
			t.Fatalf("%+v is %d/%d: %v", d, minimum, maximum, err)
		}
		if more := tasks*maximum/100 - tasks; d.Strategy == OneAtATime && tasks > 0 && more != 1 {
			t.Fatalf("%+v starts %d tasks of %d at a time", d, more, tasks)
		}
	})
}

// What works with the fewest tasks works with more, so a service that scales is checked once.
func TestMoreTasksLeaveMoreRoom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := Deployment{
			MinimumHealthyPercent: rapid.IntRange(1, 100).Draw(t, "minimum"),
			MaximumPercent:        rapid.IntRange(100, 250).Draw(t, "maximum"),
		}
		fewest := rapid.IntRange(1, 50).Draw(t, "fewest")
		if d.Problems(fewest, nil).Err() != nil {
			t.Skip("does not work with the fewest")
		}
		more := fewest + rapid.IntRange(0, 200).Draw(t, "more")
		if err := d.Problems(more, nil).Err(); err != nil {
			t.Fatalf("%+v works with %d tasks and not with %d: %v", d, fewest, more, err)
		}
	})
}

func TestDeploymentCheck(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		deployment Deployment
		tasks      int
		problem    string
	}{
		{Deployment{}, 1, ""},
		{Deployment{MinimumHealthyPercent: 100, MaximumPercent: 200}, 1, ""},
		{Deployment{MinimumHealthyPercent: 100, MaximumPercent: 150}, 2, ""},
		{Deployment{MinimumHealthyPercent: 50, MaximumPercent: 100}, 2, ""},
		{Deployment{MaximumPercent: 200}, 0, "dropped"},
		{Deployment{MinimumHealthyPercent: 100, MaximumPercent: 150}, 1, "no room"},
		{Deployment{MinimumHealthyPercent: 100, MaximumPercent: 100}, 4, "no room"},
		{Deployment{MinimumHealthyPercent: 1, MaximumPercent: 100}, 1, "no room"},
		{Deployment{MaximumPercent: 100}, 4, "dropped"},
		{Deployment{MaximumPercent: 200}, 1, "dropped"},
		{Deployment{MinimumHealthyPercent: -1, MaximumPercent: 200}, 1, "minimumHealthyPercent: -1: must be from 0 to 100"},
		{Deployment{MinimumHealthyPercent: 101, MaximumPercent: 200}, 1, "minimumHealthyPercent: 101: must be from 0 to 100"},
		{Deployment{MinimumHealthyPercent: 100}, 1, "maximumPercent: 0: must be from 100 to 1000"},
		{Deployment{MinimumHealthyPercent: 100, MaximumPercent: 1001}, 1, "maximumPercent: 1001: must be from 100 to 1000"},
		{Deployment{Strategy: "slow"}, 1, `strategy: "slow": must be rolling`},
		{Deployment{Strategy: Rolling, MaximumPercent: 200}, 1, "exclude each other"},
		{Deployment{Strategy: OneAtATime}, 200, "fewer than 200 tasks"},
		{Deployment{ErrorPercent: 100}, 1, "errorPercent: 100: must be from 1 to 99"},
	} {
		err := test.deployment.Problems(test.tasks, nil).Err()
		if (err == nil) != (test.problem == "") || err != nil && !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%+v of %d tasks: %v, want %q", test.deployment, test.tasks, err, test.problem)
		}
	}
}
