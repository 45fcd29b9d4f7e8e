package executions_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/aws/sfn/executions"
	"slipway/localcloud/cloud"
	"slipway/localcloud/pace"
)

// stage is a whole stack with an executor. The test is the scheduler: it says how tasks end.
type stage struct {
	*awstest.Tester
	clock *pace.Clock
	made  map[string]*cloud.Resource
	role  string
}

func newStage(t *testing.T, policy string) *stage {
	t.Helper()
	c, made := awstest.DefaultStack(t, nil)
	role := c.Make(identity.RoleToken, cloud.Map{
		"name": "executions", "assumeRolePolicy": awstest.TrustOfService("states.amazonaws.com"),
		"inlinePolicies": []any{cloud.Map{"name": "run", "policy": awstest.TrustOf(`{"Effect":"Allow","Action":["events:*"],"Resource":["*"]},` + policy)}},
	})
	s := &stage{Tester: c, clock: pace.NewClock(0), made: made, role: role.Outputs["arn"].(string)}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- (&executions.Executor{Store: c.Store, Clock: s.clock}).Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return s
}

// everything allows a state machine's role to run tasks.
const everything = `{"Effect":"Allow","Action":["ecs:*","iam:PassRole"],"Resource":["*"]}`

// start begins an execution of a state machine with the states, the first of which is called A.
func (s *stage) start(states string) cloud.Key {
	s.T.Helper()
	machine := s.Make(sfn.StateMachineToken, cloud.Map{
		"name": "machine", "roleArn": s.role, "definition": `{"StartAt":"A","States":{` + strings.ReplaceAll(states, "TASK", s.task()) + `}}`,
	})
	var key cloud.Key
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		r, err := sfn.Start(tx, machine, "", s.clock.Now())
		key = r.Key
		return err
	}); err != nil {
		s.T.Fatal(err)
	}
	return key
}

// task is the part of a Task state that runs the stack's task definition.
func (s *stage) task() string {
	return fmt.Sprintf(`"Type":"Task","Resource":"arn:aws:states:::ecs:runTask.sync","Parameters":{"Cluster":"main","TaskDefinition":%q,"LaunchType":"FARGATE",`+
		`"NetworkConfiguration":{"AwsvpcConfiguration":{"AssignPublicIp":"ENABLED","Subnets":[%q],"SecurityGroups":[%q]}}}`,
		s.made[ecs.TaskDefinitionToken].Outputs["arn"], s.made[ec2.SubnetToken].ID, s.made[ec2.SecurityGroupToken].ID)
}

// wait waits for a condition.
func (s *stage) wait(what string, holds func(*cloud.Tx) bool) {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(s.T.Context(), 30*time.Second)
	defer cancel()
	if err := s.Store.Wait(ctx, func(tx *cloud.Tx) (bool, error) { return holds(tx), nil }); err != nil {
		s.T.Fatalf("%s: %v", what, err)
	}
}

// running waits until so many tasks have begun, and returns the last one.
func (s *stage) running(n int) (task *cloud.Resource) {
	s.T.Helper()
	s.wait("a task", func(tx *cloud.Tx) bool {
		var all int
		for _, r := range tx.Everywhere(ecs.Task.Token) {
			all++
			if cloud.StatusOf[ecs.TaskStatus](r).DesiredStatus == ecs.TaskRunning {
				task = r
			}
		}
		return all == n && task != nil
	})
	return task
}

// exit ends a task with an exit code.
func (s *stage) exit(task *cloud.Resource, code int) {
	s.T.Helper()
	s.stop(task, ecs.StopEssentialContainerExited, code)
}

// stop ends a task for a reason, with an exit code.
func (s *stage) stop(task *cloud.Resource, why string, code int) {
	s.T.Helper()
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Get(task.Key).Clone()
		status := cloud.StatusOf[ecs.TaskStatus](r)
		status.LastStatus, status.DesiredStatus, status.StopCode = ecs.TaskStopped, ecs.TaskStopped, why
		status.Containers = []ecs.ContainerStatus{{Name: "main", ExitCode: &code}}
		r.SetStatus(status)
		tx.Put(r)
		return nil
	}); err != nil {
		s.T.Fatal(err)
	}
}

// end waits until the execution has ended, and returns how.
func (s *stage) end(key cloud.Key) (last sfn.ExecutionStatus) {
	s.T.Helper()
	s.wait("the end of the execution", func(tx *cloud.Tx) bool {
		last = cloud.StatusOf[sfn.ExecutionStatus](tx.Get(key))
		return last.Status != sfn.Running
	})
	return last
}

// A run succeeds if the container's exit code is 0, and otherwise fails with what ECS says of the task.
func TestRunOfATask(t *testing.T) {
	for code, want := range map[int]sfn.ExecutionStatus{0: {Status: sfn.Succeeded}, 3: {Status: sfn.Failed, Error: "States.TaskFailed"}} {
		s := newStage(t, everything)
		key := s.start(`"A":{TASK,"End":true}`)
		task := s.running(1)
		if spec := ecs.Task.Inputs(task); spec.StartedBy != "AWS Step Functions" || spec.Service != "" {
			t.Errorf("started %+v", spec)
		}
		s.exit(task, code)
		got := s.end(key)
		if got.Status != want.Status || got.Error != want.Error || (code == 3) != strings.Contains(got.Cause, `"ExitCode":3`) || got.StoppedAt.IsZero() {
			t.Errorf("with exit code %d it ended %+v", code, got)
		}
	}
}

// A run on Spot capacity that is interrupted has failed, and is run again.
func TestSpot(t *testing.T) {
	const spot = `"CapacityProviderStrategy":[{"CapacityProvider":"FARGATE_SPOT","Weight":1}]`
	s := newStage(t, everything)
	key := s.start(`"A":{` + strings.Replace(s.task(), `"LaunchType":"FARGATE"`, spot, 1) + `,"End":true,"Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":60,"BackoffRate":2,"MaxAttempts":1}]}`)
	first := s.running(1)
	if spec := ecs.Task.Inputs(first); spec.CapacityProvider != ecs.FargateSpot {
		t.Errorf("started %+v", spec)
	}
	s.stop(first, ecs.StopSpotInterruption, 143)
	s.turnUntil(2, time.Minute)
	s.exit(s.running(2), 0)
	if got := s.end(key); got.Status != sfn.Succeeded {
		t.Errorf("it ended %+v", got)
	}
	s = newStage(t, everything)
	key = s.start(`"A":{` + strings.Replace(s.task(), `"LaunchType":"FARGATE"`, `"LaunchType":"FARGATE",`+spot, 1) + `,"End":true}`)
	if got := s.end(key); got.Error != "ECS.InvalidParameterException" || !strings.HasPrefix(got.Cause, "Specifying both a launch type and capacity provider strategy is not supported.") {
		t.Errorf("with a launch type too it ended %+v", got)
	}
	s = newStage(t, everything)
	key = s.start(`"A":{` + strings.Replace(s.task(), `"LaunchType":"FARGATE"`, strings.Replace(spot, "FARGATE_SPOT", "more", 1), 1) + `,"End":true}`)
	if got := s.end(key); !strings.Contains(got.Cause, "cannot contain a capacity provider that is not associated with the cluster.") {
		t.Errorf("on what the cluster does not have it ended %+v", got)
	}
}

// A run that fails is run again, after a minute of the cloud's clock.
func TestRetry(t *testing.T) {
	s := newStage(t, everything)
	key := s.start(`"A":{TASK,"End":true,"Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":60,"BackoffRate":2,"MaxAttempts":2}]}`)
	s.exit(s.running(1), 1)
	s.turnUntil(2, time.Minute)
	s.exit(s.running(2), 1)
	s.turnUntil(3, 2*time.Minute)
	s.exit(s.running(3), 1)
	if got := s.end(key); got.Status != sfn.Failed {
		t.Errorf("it ended %+v", got)
	}
}

// turnUntil turns the clock, again and again, until so many tasks have begun: the executor may only now begin to wait.
func (s *stage) turnUntil(tasks int, by time.Duration) {
	s.T.Helper()
	for begun := 0; begun < tasks; <-time.After(time.Millisecond) {
		if _, err := s.clock.Turn(by); err != nil {
			s.T.Fatal(err)
		}
		s.Store.View(func(tx *cloud.Tx) { begun = len(tx.Everywhere(ecs.Task.Token)) })
	}
}

// limited is a run for no longer than ten minutes, as the program has it.
const limited = `"A":{"Type":"Parallel","End":true,"Catch":[{"ErrorEquals":["Finished"],"Next":"B"}],"Branches":[` +
	`{"StartAt":"T","States":{"T":{TASK,"Next":"F"},"F":{"Type":"Fail","Error":"Finished"}}},` +
	`{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":600,"Next":"F"},"F":{"Type":"Fail","Error":"TimedOut","Cause":"too long"}}}]},"B":{"Type":"Succeed"}`

// The branch that ends first ends the other one.
func TestTimeout(t *testing.T) {
	s := newStage(t, everything)
	key := s.start(limited)
	s.exit(s.running(1), 0)
	if got := s.end(key); got.Status != sfn.Succeeded {
		t.Errorf("in time, it ended %+v", got)
	}

	s = newStage(t, everything)
	key = s.start(limited)
	task := s.running(1)
	var got sfn.ExecutionStatus
	for got.Status != sfn.Failed { // the wait may only now begin
		if _, err := s.clock.Turn(10 * time.Minute); err != nil {
			t.Fatal(err)
		}
		s.Store.View(func(tx *cloud.Tx) { got = cloud.StatusOf[sfn.ExecutionStatus](tx.Get(key)) })
		<-time.After(time.Millisecond)
	}
	if got.Error != "TimedOut" || got.Cause != "too long" {
		t.Errorf("it ended %+v", got)
	}
	s.Store.View(func(tx *cloud.Tx) {
		status := cloud.StatusOf[ecs.TaskStatus](tx.Get(task.Key))
		if status.DesiredStatus != ecs.TaskStopped || !strings.Contains(status.StoppedReason, "which was managing this resource was aborted") {
			t.Errorf("the task is %+v", status)
		}
	})
}

// A run that is to be alone is skipped while a task of the family runs.
func TestAlone(t *testing.T) {
	const alone = `"A":{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:ecs:listTasks","Parameters":{"Cluster":"main","Family":"hello","DesiredStatus":"RUNNING"},"ResultPath":"$.running","Next":"B"},` +
		`"B":{"Type":"Choice","Choices":[{"Variable":"$.running.TaskArns[0]","IsPresent":true,"Next":"C"}],"Default":"D"},"C":{"Type":"Succeed"},"D":{TASK,"End":true}`
	s := newStage(t, everything)
	first := s.start(alone)
	task := s.running(1)
	var second cloud.Key
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		machine := tx.Get(cloud.Key{Scope: first.Scope, Token: sfn.StateMachine.Token, ID: sfn.Execution.Inputs(tx.Get(first)).StateMachineARN})
		r, err := sfn.Start(tx, machine, "", s.clock.Now())
		second = r.Key
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if got := s.end(second); got.Status != sfn.Succeeded {
		t.Errorf("the second ended %+v", got)
	}
	s.running(1)
	s.exit(task, 0)
	if got := s.end(first); got.Status != sfn.Succeeded {
		t.Errorf("the first ended %+v", got)
	}
}

// Each right that the role lacks fails the run, in ECS's words.
func TestRoleOfExecutions(t *testing.T) {
	for _, test := range []struct{ policy, want string }{
		{`{"Effect":"Allow","Action":["iam:PassRole"],"Resource":["*"]}`, "is not authorized to perform: ecs:RunTask on resource: arn:aws:ecs:eu-central-1:000000000000:task-definition/hello:1"},
		{`{"Effect":"Allow","Action":["ecs:RunTask"],"Resource":["*"]}`, "is not authorized to perform: iam:PassRole on resource: arn:aws:iam::000000000000:role/task"},
		{
			`{"Effect":"Allow","Action":["ecs:RunTask"],"Resource":["*"],"Condition":{"ArnEquals":{"ecs:cluster":"arn:aws:ecs:eu-central-1:000000000000:cluster/other"}}}`,
			"is not authorized to perform: ecs:RunTask",
		},
	} {
		s := newStage(t, test.policy)
		got := s.end(s.start(`"A":{TASK,"End":true}`))
		if got.Status != sfn.Failed || got.Error != "ECS.AccessDeniedException" || !strings.Contains(got.Cause, test.want) {
			t.Errorf("it ended %+v\nwant %s", got, test.want)
		}
	}
}
