package deployments

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

func TestHints(t *testing.T) {
	t.Parallel()
	const (
		mute = "nothing answers on port 8080; does it listen on $PORT, at every address rather than at 127.0.0.1?"
		late = "no answer came from port 8080 in time; does healthCheck.path need longer than healthCheck.timeout?"
		slow = "every task was stopped within 30s of its start; if it takes longer to start, raise healthCheck.gracePeriod, which is 10s"
	)
	unhealthy := func(why string) []ecstypes.ServiceEvent {
		return []ecstypes.ServiceEvent{event(1, "(task 1) (port 8080) is unhealthy in (target-group %s) due to (reason %s).", group, why)}
	}
	killed := func(after time.Duration) []ecstypes.Task {
		task := task("1", 5, "Task failed ELB health checks in (target-group "+group+")", aws.Int32(2), nil)
		task.StartedAt, task.StoppingAt = aws.Time(noon), aws.Time(noon.Add(after))
		return []ecstypes.Task{task}
	}
	exited := task("2", 1, "Essential container in task exited", aws.Int32(3), nil)
	target := func(state elbtypes.TargetHealthStateEnum, description string) []elbtypes.TargetHealthDescription {
		return []elbtypes.TargetHealthDescription{{
			Target:       &elbtypes.TargetDescription{Id: aws.String("10.0.1.5"), Port: aws.Int32(8080)},
			TargetHealth: &elbtypes.TargetHealth{State: state, Description: &description},
		}}
	}
	for name, test := range map[string]struct {
		tasks   []ecstypes.Task
		events  []ecstypes.ServiceEvent
		targets []elbtypes.TargetHealthDescription
		want    []string
	}{
		"nothing":                     {},
		"wrong port":                  {events: unhealthy("Health checks failed"), want: []string{mute}},
		"wrong port, by the target":   {targets: target("unhealthy", "Health checks failed"), want: []string{mute}},
		"registering":                 {targets: target("initial", "Initial health checks in progress")},
		"slow to answer":              {events: unhealthy("Request timed out"), want: []string{late}},
		"slow to start":               {tasks: killed(30 * time.Second), events: unhealthy("Health checks failed"), want: []string{mute, slow}},
		"healthy once":                {tasks: killed(time.Hour), events: unhealthy("Health checks failed"), want: []string{mute}},
		"exits":                       {tasks: []ecstypes.Task{exited}, events: unhealthy("Health checks failed")},
		"wrong path":                  {events: unhealthy("Health checks failed with these codes: [404]"), want: []string{"the health check gets 404; is healthCheck.path right?"}},
		"wrong path, by the target":   {targets: target("unhealthy", "Health checks failed with these codes: [302]"), want: []string{"the health check gets 302; is healthCheck.path right?"}},
		"fails":                       {tasks: killed(30 * time.Second), events: unhealthy("Health checks failed with these codes: [500]")},
		"answers, and not any longer": {events: append(unhealthy("Health checks failed"), unhealthy("Health checks failed with these codes: [503]")...)},
	} {
		f := findingsOf(test.tasks, test.events, noon, test.targets)
		if got := f.lines(10 * time.Second); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		f = findingsOf(nil, test.events, noon.Add(time.Hour), nil)
		if got := f.lines(10 * time.Second); got != nil {
			t.Errorf("%s, of an earlier deployment: %q", name, got)
		}
	}
}

// A task that is stopping has no exit code yet. That is not another reason.
func TestStoppingTasksAreNoReasonOfTheirOwn(t *testing.T) {
	t.Parallel()
	const reason = "Task failed ELB health checks in (target-group " + group + ")"
	f := &fake{services: []ecstypes.Service{{}}, tasks: []ecstypes.Task{
		task("1", 2, reason, nil, nil), task("2", 1, reason, aws.Int32(2), nil), task("3", 0, "another", nil, nil),
	}}
	want := "stopped tasks of the wanted revision:\n  2 × Task failed ELB health checks in (target-group hello); container main: exit code 2\n  another\n"
	if got := f.clients().explain(t.Context(), wanted); !strings.Contains(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
