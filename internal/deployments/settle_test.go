package deployments

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"
)

// look is the answer to one call about the service: a deployment, an error, or none.
type look struct {
	deployment ecstypes.Deployment
	status     string // of the service; ACTIVE if empty
	err        error
	mute       bool
}

// progress is a service with another answer at each call, until the last.
type progress struct {
	fake
	looks []look
	asked int

	loadBalanced bool
	desired      int32
}

func (p *progress) connect(context.Context) (clients, error) { return clients{ecs: p}, nil }

func (p *progress) DescribeServices(ctx context.Context, in *ecs.DescribeServicesInput, o ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	now := p.looks[min(p.asked, len(p.looks)-1)]
	p.asked++
	if now.mute {
		<-ctx.Done()
	}
	if err := ctx.Err(); err != nil {
		return nil, &aws.RequestCanceledError{Err: err}
	}
	if now.err != nil {
		return nil, &smithy.OperationError{ServiceID: "ECS", OperationName: "DescribeServices", Err: now.err}
	}
	old := ecstypes.Deployment{Status: aws.String("ACTIVE"), RolloutState: "IN_PROGRESS", TaskDefinition: aws.String("hello:1")}
	service := ecstypes.Service{DesiredCount: p.desired, Status: aws.String(cmp.Or(now.status, active)), Deployments: []ecstypes.Deployment{old, now.deployment}}
	if p.loadBalanced {
		service.LoadBalancers = []ecstypes.LoadBalancer{{TargetGroupArn: aws.String("group")}}
	}
	p.services = []ecstypes.Service{service}
	return p.fake.DescribeServices(ctx, in, o...)
}

// rollout is the course of the service's deployment of a revision.
func rollout(revision string, state ecstypes.DeploymentRolloutState) look {
	return look{deployment: ecstypes.Deployment{
		Status: aws.String("PRIMARY"), RolloutState: state, RolloutStateReason: aws.String("tasks failed to start."),
		TaskDefinition: aws.String("arn:task-definition/hello:" + revision),
	}}
}

// refusal is an error that AWS answers with.
func refusal(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: "says AWS"}
}

// unreachable is the error of a connection that timed out. To [errors.Is] it is the end of a context.
var unreachable = func() error {
	_, err := (&net.Dialer{Deadline: time.Unix(1, 0)}).Dial("tcp", "127.0.0.1:1")
	return err
}()

func TestSettle(t *testing.T) {
	t.Parallel()
	busy, done, back := rollout("3", "IN_PROGRESS"), rollout("3", "COMPLETED"), rollout("2", "IN_PROGRESS")
	fails := func(err error) look { return look{err: err} }
	for name, test := range map[string]struct {
		looks                     []look
		running, failure, unknown string // the reason of unknown is in the error, not in the failure
	}{
		"completed":        {[]look{busy, busy, done}, "hello:3", "", ""},
		"no rollout state": {[]look{rollout("3", "")}, "hello:3", "", ""},
		"failed":           {[]look{busy, rollout("3", "FAILED")}, "hello:3", "tasks failed to start.", ""},
		"rolled back":      {[]look{busy, back}, "hello:2", "", ""},
		"without end":      {[]look{busy}, "hello:3", "ECS has not ended the deployment after 15m0s", ""},

		"rolled back after a dial time-out":            {[]look{busy, fails(unreachable), back}, "hello:2", "", ""},
		"rolled back after throttling":                 {[]look{fails(refusal("ThrottlingException")), busy, back}, "hello:2", "", ""},
		"rolled back after a server's error":           {[]look{busy, fails(&ecstypes.ServerException{}), back}, "hello:2", "", ""},
		"completed after a question without an answer": {[]look{busy, {mute: true}, done}, "hello:3", "", ""},
		"unreachable from the beginning": {
			[]look{fails(errors.New("no route to host"))}, "", "", "could not find out for 1m0s how its deployment ended: ",
		},
		"unreachable to the end": {
			[]look{busy, fails(unreachable)}, "", "", "could not find out for 1m0s how its deployment ended: no answer within 20s",
		},
		"mute to the end": {
			[]look{busy, {mute: true}}, "", "", "could not find out for 1m0s how its deployment ended: no answer within 20s",
		},
		"without credentials any more": {
			[]look{busy, fails(refusal("ExpiredTokenException"))}, "", "", "could not find out how its deployment ended: ECS DescribeServices: ExpiredTokenException: says AWS",
		},
		"without permission any more": {
			[]look{busy, fails(refusal("AccessDeniedException"))}, "", "", "could not find out how its deployment ended: ECS DescribeServices: AccessDeniedException: says AWS",
		},
		"expired from the beginning": {
			[]look{fails(refusal("ExpiredTokenException"))}, "", "", "could not find out how its deployment ended: ECS DescribeServices: ExpiredTokenException: says AWS",
		},
		"draining": {[]look{busy, {status: "DRAINING"}}, "", "", "could not find out how its deployment ended: the service is not there"},
		"deleted":  {[]look{busy, fails(errNoService)}, "", "", "could not find out how its deployment ended: "},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
				defer cancel()
				running, failure, err := settle(ctx, (&progress{looks: test.looks}).connect, wanted, Tasks{})
				var unknown string
				if e, ok := errors.AsType[*UnknownError](err); ok {
					unknown, err = e.Error(), nil
				}
				told := unknown == test.unknown || strings.HasSuffix(test.unknown, ": ") && strings.HasPrefix(unknown, test.unknown)
				if err != nil || revision(running) != test.running || failure != test.failure || !told {
					t.Errorf("%s, %q, unknown %q, %v; want %s, %q, %q", running, failure, unknown, err, test.running, test.failure, test.unknown)
				}
			})
		})
	}
}

func TestSettleWithoutPermission(t *testing.T) {
	t.Parallel()
	f := rolledBack()
	f.refused = map[string]bool{"DescribeServices": true}
	connect := func(context.Context) (clients, error) { return f.clients(), nil }
	if running, failure, err := settle(t.Context(), connect, wanted, Tasks{}); running != "" || failure != "" || err == nil || !strings.Contains(err.Error(), "DescribeServices: AccessDeniedException: ") {
		t.Errorf("got %q, %v", failure, err)
	}
}

func TestSettleWithoutCredentials(t *testing.T) {
	t.Parallel()
	completed := &progress{looks: []look{rollout("3", "COMPLETED")}}
	instance := &smithy.OperationError{ServiceID: "ec2imds", OperationName: "GetMetadata", Err: unreachable}
	for name, test := range map[string]struct {
		err              error // of the first call for credentials
		running, failure string
		problem          string
	}{
		"none":             {errors.New("no credentials"), "", "", "get AWS credentials: no credentials"},
		"not on EC2":       {instance, "", "", "get AWS credentials: no answer within 20s"},
		"role not allowed": {refusal("AccessDenied"), "", "", "get AWS credentials: AccessDenied: says AWS"},
		"expired":          {refusal("ExpiredToken"), "", "", "could not find out how its deployment ended: get AWS credentials: ExpiredToken: says AWS"},
		"throttled":        {refusal("Throttling"), "hello:3", "", ""},
		"unreachable":      {unreachable, "hello:3", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				connect := func(ctx context.Context) (clients, error) {
					if tries++; tries == 1 {
						return clients{}, test.err
					}
					return completed.connect(ctx)
				}
				running, failure, err := settle(t.Context(), connect, wanted, Tasks{})
				if err == nil {
					err = errors.New("")
				}
				if revision(running) != test.running || failure != test.failure || err.Error() != test.problem {
					t.Errorf("%s, %q, %v; want %s, %q, %s", running, failure, err, test.running, test.failure, test.problem)
				}
			})
		})
	}
}

// A raised count does not start a new deployment after one has ended: Settle waits for the tasks' health.
func TestSettleWaitsForHealthyTasks(t *testing.T) {
	t.Parallel()
	three := Tasks{Least: 3, Begun: 3}
	for name, test := range map[string]struct {
		tasks   Tasks
		desired int32 // that ECS keeps
		state   ecstypes.DeploymentRolloutState
		healthy func(asked int) int // how many are, each time
		failure string
	}{
		"at once":       {three, 3, "COMPLETED", func(int) int { return 3 }, ""},
		"after a while": {three, 3, "COMPLETED", func(asked int) int { return asked / 2 }, ""},
		"never":         {three, 3, "COMPLETED", func(int) int { return 2 }, "2 of 3 tasks are healthy after 5m0s"},
		"not deployed":  {three, 3, "IN_PROGRESS", func(int) int { return 3 }, "ECS has not ended the deployment after 5m0s"},
		"failed":        {three, 3, "FAILED", func(int) int { return 0 }, "tasks failed to start."},

		"scaling has yet to add some":  {three, 1, "COMPLETED", func(asked int) int { return asked / 2 }, ""},
		"more than the least began":    {Tasks{Least: 1, Begun: 3}, 3, "COMPLETED", func(int) int { return 2 }, "2 of 3 tasks are healthy after 5m0s"},
		"scaling has taken some since": {Tasks{Least: 1, Begun: 3}, 2, "COMPLETED", func(int) int { return 2 }, ""},
		"scaling has added some since": {Tasks{Least: 1, Begun: 3}, 5, "COMPLETED", func(int) int { return 3 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				p := &progress{looks: []look{rollout("3", test.state)}}
				p.loadBalanced, p.desired = true, test.desired
				connect := func(context.Context) (clients, error) {
					return clients{ecs: p, elb: healthyTargets(func() int { return test.healthy(p.asked) })}, nil
				}
				running, failure, err := settle(ctx, connect, wanted, test.tasks)
				if err != nil || revision(running) != "hello:3" || failure != test.failure {
					t.Errorf("%s, %q, %v; want %q", running, failure, err, test.failure)
				}
			})
		})
	}
}

// healthyTargets is a target group with so many healthy targets, and one that is not.
type healthyTargets func() int

func (healthy healthyTargets) DescribeTargetHealth(
	context.Context, *elasticloadbalancingv2.DescribeTargetHealthInput, ...func(*elasticloadbalancingv2.Options),
) (*elasticloadbalancingv2.DescribeTargetHealthOutput, error) {
	targets := []elbtypes.TargetHealthDescription{{TargetHealth: &elbtypes.TargetHealth{State: elbtypes.TargetHealthStateEnumInitial}}}
	for range healthy() {
		targets = append(targets, elbtypes.TargetHealthDescription{TargetHealth: &elbtypes.TargetHealth{State: elbtypes.TargetHealthStateEnumHealthy}})
	}
	return &elasticloadbalancingv2.DescribeTargetHealthOutput{TargetHealthDescriptions: targets}, nil
}

// A worker has no load balancer: its tasks are healthy when ECS says so, or when they run, if ECS does not check them.
func TestSettleWaitsForHealthyWorkers(t *testing.T) {
	task := func(revision, status string, health ecstypes.HealthStatus) ecstypes.Task {
		return ecstypes.Task{
			TaskArn: aws.String("arn:task/" + revision + status + string(health)), TaskDefinitionArn: aws.String("arn:task-definition/hello:" + revision),
			DesiredStatus: aws.String("RUNNING"), LastStatus: &status, HealthStatus: health,
		}
	}
	const missing = "0 of 1 tasks are healthy after 5m0s"
	for name, test := range map[string]struct {
		task    ecstypes.Task
		checked bool
		failure string
	}{
		"runs":                   {task("3", "RUNNING", "UNKNOWN"), false, ""},
		"starts":                 {task("3", "PENDING", "UNKNOWN"), false, missing},
		"is healthy":             {task("3", "RUNNING", "HEALTHY"), true, ""},
		"is not checked yet":     {task("3", "RUNNING", "UNKNOWN"), true, missing},
		"is unhealthy":           {task("3", "RUNNING", "UNHEALTHY"), true, missing},
		"is of another revision": {task("2", "RUNNING", "HEALTHY"), true, missing},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				p := &progress{looks: []look{rollout("3", "COMPLETED")}, desired: 1}
				p.tasks = []ecstypes.Task{test.task}
				running, failure, err := settle(ctx, p.connect, wanted, Tasks{Least: 1, Begun: 1, Checked: test.checked})
				if err != nil || revision(running) != "hello:3" || failure != test.failure {
					t.Errorf("%s, %q, %v; want %q", running, failure, err, test.failure)
				}
			})
		})
	}
}

// An interrupted `pulumi up` does not wait for the deployment.
func TestSettleInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		_, _, err := settle(ctx, (&progress{looks: []look{rollout("3", "IN_PROGRESS")}}).connect, wanted, Tasks{})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
