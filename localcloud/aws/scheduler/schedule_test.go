package scheduler_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/scheduler"
	"slipway/localcloud/aws/scheduler/invoker"
	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/cloud"
)

const machine = "arn:aws:states:eu-central-1:000000000000:stateMachine:purge"

// stage is a cloud with a state machine, and with a role for schedules that may do an action.
func stage(t *testing.T, action string) (c *awstest.Tester, role string) {
	t.Helper()
	kinds := append(append(iam.Kinds(), sfn.Kinds()...), scheduler.Kinds()...)
	c = awstest.New(t, kinds...)
	c.Make(sfn.StateMachineToken, cloud.Map{
		"name": "purge", "definition": `{"StartAt":"Done","States":{"Done":{"Type":"Succeed"}}}`,
		"roleArn": c.Make(identity.RoleToken, cloud.Map{"name": "run", "assumeRolePolicy": awstest.TrustOfService("states.amazonaws.com")}).Outputs["arn"],
	})
	r := c.Make(identity.RoleToken, cloud.Map{
		"name": "schedule", "assumeRolePolicy": awstest.TrustOf(`{"Effect":"Allow","Principal":{"Service":"scheduler.amazonaws.com"},"Action":["sts:AssumeRole"],` +
			`"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:scheduler:eu-central-1:000000000000:schedule-group/default"}}}`),
		"inlinePolicies": []any{cloud.Map{"name": "start", "policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["` + action + `"],"Resource":["` + machine + `"]}]}`}},
	})
	return c, r.Outputs["arn"].(string)
}

// nightly are the inputs of a schedule, some of them changed.
func nightly(role string, change cloud.Map) cloud.Map {
	in := cloud.Map{
		"name": "purge", "scheduleExpression": "cron(0 3 * * ? *)", "scheduleExpressionTimezone": "Europe/Berlin",
		"flexibleTimeWindow": cloud.Map{"mode": "OFF"}, "target": cloud.Map{"arn": machine, "roleArn": role},
	}
	for p, v := range change {
		in[p] = v
	}
	return in
}

func TestScheduleRefusals(t *testing.T) {
	c, role := stage(t, "states:StartExecution")
	r := c.Make(scheduler.ScheduleToken, nightly(role, nil))
	if r.ID != "default/purge" || r.Outputs["arn"] != "arn:aws:scheduler:eu-central-1:000000000000:schedule/default/purge" {
		t.Errorf("made %s: %v", r.ID, r.Outputs)
	}
	_, err := c.Try(scheduler.ScheduleToken, nightly(role, nil))
	c.Refused(err, "ConflictException", "already exists")
	for _, test := range []struct {
		change      cloud.Map
		code, words string
	}{
		{cloud.Map{"scheduleExpression": "cron(0 3 * * *)"}, "ValidationException", "Invalid Schedule Expression cron(0 3 * * *)."},
		{cloud.Map{"scheduleExpressionTimezone": "Mars"}, "ValidationException", "Invalid ScheduleExpressionTimezone Mars."},
		{
			cloud.Map{"target": cloud.Map{"arn": machine, "roleArn": "arn:aws:iam::000000000000:role/run"}},
			"ValidationException", "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
		},
		{cloud.Map{"groupName": "mine"}, "ResourceNotFoundException", "Schedule group mine does not exist."},
		{cloud.Map{"state": "ON"}, "Check", "expected state to be one of"},
		{cloud.Map{"name": "a b"}, "Check", "invalid value for name"},
		{cloud.Map{"target": cloud.Map{"arn": "purge", "roleArn": role}}, "Check", "is an invalid ARN"},
		{
			cloud.Map{"target": cloud.Map{"arn": machine, "roleArn": role, "retryPolicy": cloud.Map{"maximumEventAgeInSeconds": 59.0}}},
			"Check", "in the range (60 - 86400), got 59",
		},
	} {
		in := nightly(role, test.change)
		if test.change["name"] == nil {
			in["name"] = "other"
		}
		_, err := c.Try(scheduler.ScheduleToken, in)
		c.Refused(err, test.code, test.words)
	}
	for _, change := range []cloud.Map{
		{"flexibleTimeWindow": cloud.Map{"mode": "FLEXIBLE", "maximumWindowInMinutes": 5.0}},
		{"endDate": "2027-01-01T00:00:00Z"},
		{"target": cloud.Map{"arn": "arn:aws:sqs:eu-central-1:000000000000:queue", "roleArn": role}},
	} {
		change["name"] = "other"
		if _, err := c.Try(scheduler.ScheduleToken, nightly(role, change)); !errors.Is(err, cloud.ErrUnimplemented) {
			t.Errorf("%v: %v", change, err)
		}
	}
}

// A group takes its schedules along. The role must trust EventBridge Scheduler for it.
func TestScheduleGroup(t *testing.T) {
	c, role := stage(t, "states:StartExecution")
	group := c.Make(scheduler.ScheduleGroupToken, cloud.Map{"name": "jobs"})
	_, err := c.Try(scheduler.ScheduleGroupToken, cloud.Map{"name": "jobs"})
	c.Refused(err, "ConflictException", "Schedule group jobs already exists.")
	_, err = c.Try(scheduler.ScheduleGroupToken, cloud.Map{"name": "default"})
	c.Refused(err, "ConflictException", "Schedule group default already exists.")
	_, err = c.Try(scheduler.ScheduleToken, nightly(role, cloud.Map{"groupName": "jobs"}))
	c.Refused(err, "ValidationException", "must allow AWS EventBridge Scheduler to assume the role")
	trusting := c.Make(identity.RoleToken, cloud.Map{"name": "jobs", "assumeRolePolicy": awstest.TrustOfService("scheduler.amazonaws.com")})
	r := c.Make(scheduler.ScheduleToken, nightly(trusting.Outputs["arn"].(string), cloud.Map{"groupName": "jobs"}))
	if r.ID != "jobs/purge" || group.Outputs["arn"] != "arn:aws:scheduler:eu-central-1:000000000000:schedule-group/jobs" {
		t.Errorf("made %s in %v", r.ID, group.Outputs)
	}
	other := c.Make(scheduler.ScheduleToken, nightly(role, nil))
	if err := c.Delete(t.Context(), cloud.Caller{Scope: group.Scope}, scheduler.ScheduleGroupToken, group.ID, 1); err != nil {
		t.Fatal(err)
	}
	if left := c.IDs(scheduler.ScheduleToken); len(left) != 1 || left[other.ID] != other.Scope {
		t.Errorf("left are %v", left)
	}
}

// A schedule starts its target once each time, by its time zone, also when the clock jumps over several times; and never while it is disabled.
func TestInvocations(t *testing.T) {
	c, role := stage(t, "states:StartExecution")
	r := c.Make(scheduler.ScheduleToken, nightly(role, nil))
	v := &invoker.Invoker{Store: c.Store, Log: slog.New(slog.DiscardHandler)}
	look := func(at string) (wake string, executions int) {
		t.Helper()
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		err = c.Store.Update(func(tx *cloud.Tx) error {
			next, err := v.Look(tx, now)
			wake, executions = next.UTC().Format(time.RFC3339), len(tx.Everywhere(sfn.Execution.Token))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return wake, executions
	}
	for _, test := range []struct {
		at, wake   string
		executions int
	}{
		{"2026-12-01T00:00:00Z", "2026-12-01T02:00:00Z", 0}, // three in Berlin
		{"2026-12-01T01:59:59Z", "2026-12-01T02:00:00Z", 0},
		{"2026-12-01T02:00:00Z", "2026-12-02T02:00:00Z", 1},
		{"2026-12-01T02:00:01Z", "2026-12-02T02:00:00Z", 1},
		{"2026-12-05T12:00:00Z", "2026-12-06T02:00:00Z", 2},
	} {
		if wake, n := look(test.at); wake != test.wake || n != test.executions {
			t.Errorf("at %s: next at %s with %d executions, want %s and %d", test.at, wake, n, test.wake, test.executions)
		}
	}
	if _, err := c.Edit(r, cloud.Map{"state": "DISABLED"}); err != nil {
		t.Fatal(err)
	}
	if wake, n := look("2026-12-09T12:00:00Z"); n != 2 || wake != "0001-01-01T00:00:00Z" {
		t.Errorf("disabled: next at %s with %d executions", wake, n)
	}
}

// A role that may not start the target is refused as AWS refuses it.
func TestRefusedInvocation(t *testing.T) {
	c, role := stage(t, "states:StopExecution")
	r := c.Make(scheduler.ScheduleToken, nightly(role, cloud.Map{"scheduleExpression": "rate(1 hour)"}))
	v := &invoker.Invoker{Store: c.Store, Log: slog.New(slog.DiscardHandler)}
	now := time.Now()
	if err := c.Store.Update(func(tx *cloud.Tx) error {
		for _, at := range []time.Time{now, now.Add(time.Hour)} {
			if _, err := v.Look(tx, at); err != nil {
				return err
			}
		}
		refused := cloud.StatusOf[scheduler.ScheduleStatus](tx.Get(r.Key)).Refused
		if want := "assumed-role/schedule/purge is not authorized to perform: states:StartExecution on resource: " + machine; !strings.Contains(refused, want) {
			t.Errorf("refused: %s\nwant %s", refused, want)
		}
		if n := len(tx.Everywhere(sfn.Execution.Token)); n != 0 {
			t.Errorf("%d executions began", n)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
