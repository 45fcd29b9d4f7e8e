package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/localcloud/aws/appautoscaling"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/ecs/scheduler"
	"slipway/localcloud/aws/ecs/scheduler/schedulertest"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/logs"
	"slipway/localcloud/cloud"
	"slipway/localcloud/registry"
	"slipway/localcloud/task"
)

func TestServiceReachesASteadyState(t *testing.T) {
	s := schedulertest.NewStage(t)
	revision := s.Revision("good", `, "environment": [{"name": "PORT", "value": "8080"}]`)
	service := s.Make(ecs.Service.Token, s.Service(revision, cloud.Map{
		"desiredCount": 4.0, "capacityProviderStrategies": []any{
			cloud.Map{"capacityProvider": ecs.Fargate, "base": 1.0, "weight": 1.0},
			cloud.Map{"capacityProvider": ecs.FargateSpot, "weight": 2.0},
		},
	}))
	s.Await("a steady state", s.Steady(service, revision, 4))
	s.Store.View(func(tx *cloud.Tx) {
		d := schedulertest.Primary(tx.Get(service.Key))
		if d.RolloutState != ecs.RolloutCompleted || d.Reason != "ECS deployment "+d.ID+" completed." {
			t.Errorf("deployment %+v", d)
		}
		subnets, providers := map[string]int{}, map[string]int{}
		for _, r := range s.Tasks(tx)[ecs.TaskRunning] {
			spec := ecs.Task.Inputs(r)
			subnets[spec.SubnetID]++
			providers[spec.CapacityProvider]++
			interfaces := ec2.InterfacesOf(tx, r.Scope, r.ID)
			if len(interfaces) != 1 {
				t.Fatalf("task %s has %d network interfaces", r.Name, len(interfaces))
			}
			ni := ec2.NetworkInterface.Inputs(interfaces[0])
			loopback := cloud.StatusOf[ec2.InterfaceStatus](interfaces[0]).Address
			if ni.PublicIP == "" || !slices.Equal(ni.SecurityGroups, []string{s.Group}) || !strings.HasPrefix(loopback, "127.") {
				t.Errorf("interface %+v at %s", ni, loopback)
			}
		}
		if len(subnets) != 2 || subnets[s.Subnets[0].(string)] != 2 {
			t.Errorf("tasks by subnet: %v", subnets)
		}
		if providers[ecs.Fargate] != 2 || providers[ecs.FargateSpot] != 2 {
			t.Errorf("tasks by capacity provider: %v", providers)
		}
	})
	for _, f := range s.Started {
		env := f.Spec.Containers[0].Environment
		if env["PORT"] != "8080" || env["HOST"] != f.Spec.Address.String() || env["AWS_REGION"] != "eu-central-1" {
			t.Errorf("environment %v of a task at %s", env, f.Spec.Address)
		}
	}
	events := s.Events(service)
	for _, want := range []string{
		"(service hello) has started 4 tasks: (task ", "(service hello) registered 1 targets in (target-group " + s.BalancerGroup + ")",
		"deployment completed.", "(service hello) has reached a steady state.",
	} {
		if !strings.Contains(events, want) {
			t.Errorf("no %q in\n%s", want, events)
		}
	}
}

// ECS Exec is for the tasks that start from then on.
func TestExecIsForNewTasks(t *testing.T) {
	s := schedulertest.NewStage(t)
	revision := s.Revision("good", "")
	service := s.Make(ecs.Service.Token, s.Service(revision, cloud.Map{"desiredCount": 1.0}))
	s.Await("a steady state", s.Steady(service, revision, 1))
	if _, err := s.Edit(service, cloud.Map{"enableExecuteCommand": true, "desiredCount": 2.0}); err != nil {
		t.Fatal(err)
	}
	s.Await("a steady state", s.Steady(service, revision, 2))
	enabled := map[bool]int{}
	s.Store.View(func(tx *cloud.Tx) {
		for _, r := range s.Tasks(tx)[ecs.TaskRunning] {
			enabled[ecs.Task.Inputs(r).EnableExecuteCommand]++
		}
	})
	if enabled[true] != 1 || enabled[false] != 1 {
		t.Errorf("%v", enabled)
	}
}

func TestRollingUpdateKeepsTheLimitsAndDrains(t *testing.T) {
	s := schedulertest.NewStage(t)
	first, second := s.Revision("v1", ""), s.Revision("v2", "")
	service := s.Make(ecs.Service.Token, s.Service(first, cloud.Map{"desiredCount": 3.0}))
	s.Await("the first version", s.Steady(service, first, 3))

	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		store := s.Store.Watch()
		defer store.Stop()
		for {
			store.View(func(tx *cloud.Tx) {
				status := cloud.StatusOf[elbv2.TargetGroupStatus](tx.Get(cloud.Key{Scope: awstest.Caller.Scope, Token: elbv2.TargetGroup.Token, ID: s.BalancerGroup}))
				healthy := 0
				for _, target := range status.Targets {
					if target.State == elbv2.TargetHealthy {
						healthy++
					}
				}
				byStatus := s.Tasks(tx)
				total := len(byStatus[ecs.TaskProvisioning]) + len(byStatus[ecs.TaskPending]) + len(byStatus[ecs.TaskRunning])
				if healthy < 3 || total > 6 {
					t.Errorf("%d healthy and %d tasks in the middle of a deployment", healthy, total)
				}
			})
			select {
			case <-store.C:
			case <-ctx.Done():
				return
			}
		}
	})
	updated, err := s.Edit(service, cloud.Map{"taskDefinition": second})
	cancel()
	watching.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if updated.Outputs["taskDefinition"] != second {
		t.Errorf("the service runs %v", updated.Outputs["taskDefinition"])
	}
	s.Await("the second version", s.Steady(service, second, 3))
	if events := s.Events(service); !strings.Contains(events, "has begun draining connections on 1 tasks.") ||
		!strings.Contains(events, "deregistered 1 targets in (target-group "+s.BalancerGroup+")") {
		t.Errorf("events:\n%s", events)
	}
}

func TestTargetsDrainBeforeContainersStop(t *testing.T) {
	s := schedulertest.NewStage(t)
	revision := s.Revision("v1", "")
	service := s.Make(ecs.Service.Token, s.Service(revision, cloud.Map{"desiredCount": 1.0}))
	s.Await("a steady state", s.Steady(service, revision, 1))
	s.Mu.Lock()
	s.KeepDraining = true
	f := s.Started[0]
	s.Mu.Unlock()
	if _, err := s.Edit(service, cloud.Map{"desiredCount": 0.0, "waitForSteadyState": false}); err != nil {
		t.Fatal(err)
	}
	s.Await("the task to drain", func(tx *cloud.Tx) bool { return len(s.Tasks(tx)[ecs.TaskDeactivating]) == 1 })
	if status, _ := f.Watch(); status.State != task.StateRunning {
		t.Errorf("the containers are %s while their target drains", status.State)
	}
	s.Mu.Lock()
	s.KeepDraining = false
	s.Mu.Unlock()
	// Any change makes the balancer look again.
	if _, err := s.Edit(service, cloud.Map{"deploymentMaximumPercent": 150.0}); err != nil {
		t.Fatal(err)
	}
	s.Await("the task to stop", func(tx *cloud.Tx) bool { return len(s.Tasks(tx)[ecs.TaskStopped]) == 1 })
	s.Store.View(func(tx *cloud.Tx) {
		status := cloud.StatusOf[ecs.TaskStatus](s.Tasks(tx)[ecs.TaskStopped][0])
		if status.StopCode != ecs.StopServiceScheduler || !strings.HasPrefix(status.StoppedReason, "Scaling activity initiated by (deployment ecs-svc/") ||
			*status.Containers[0].ExitCode != 143 || status.Failed {
			t.Errorf("it stopped as %+v", status)
		}
	})
}

func TestFailedDeploymentsAreRolledBack(t *testing.T) {
	for _, tt := range []struct {
		name     string
		sabotage func(*schedulertest.Stage)
		change   cloud.Map
		reason   string
	}{
		{"crash at start", func(s *schedulertest.Stage) { s.OnBad(func(f *schedulertest.FakeTask) { f.Run(); f.Exit(1) }) }, nil, "Essential container in task exited"},
		{"never starts", func(s *schedulertest.Stage) {
			s.OnBad(func(f *schedulertest.FakeTask) {
				f.End(task.StopTaskFailedToStart, "CannotStartContainerError: no such file", 127)
			})
		}, nil, "CannotStartContainerError: no such file"},
		{"never healthy", func(s *schedulertest.Stage) {
			s.Mu.Lock()
			s.Sick = func(image string) bool { return image == "bad" }
			s.Mu.Unlock()
		}, nil, "Task failed ELB health checks in (target-group "},
		{"unhealthy container", func(s *schedulertest.Stage) {
			s.OnBad(func(f *schedulertest.FakeTask) {
				f.Run()
				f.Change(func(s *task.Status) { s.Containers[0].Health = task.HealthUnhealthy })
			})
		}, nil, "Task failed container health checks"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := schedulertest.NewStage(t)
			good := s.Revision("good", "")
			bad := s.Revision("bad", `, "healthCheck": {"command": ["CMD", "/app"]}`)
			if tt.name != "unhealthy container" {
				bad = s.Revision("bad", "")
			}
			service := s.Make(ecs.Service.Token, s.Service(good, nil))
			s.Await("the good version", s.Steady(service, good, 2))
			before := s.Running()
			tt.sabotage(s)
			updated, err := s.Edit(service, cloud.Map{"taskDefinition": bad})
			if err != nil {
				t.Fatalf("the provider's wait ends with %v, want no error", err)
			}
			if updated.Inputs["taskDefinition"] != good || updated.Outputs["taskDefinition"] != good {
				t.Errorf("a describe shows %v", updated.Outputs["taskDefinition"])
			}
			s.Await("the good version again", s.Steady(service, good, 2))
			if after := s.Running(); !slices.Equal(before, after) {
				t.Errorf("the good tasks were %v and are %v", before, after)
			}
			events := s.Events(service)
			for _, want := range []string{"deployment failed: tasks failed to start.", "rolling back to deployment ecs-svc/"} {
				if !strings.Contains(events, want) {
					t.Errorf("no %q in\n%s", want, events)
				}
			}
			found := false
			s.Store.View(func(tx *cloud.Tx) {
				for _, r := range s.Tasks(tx)[ecs.TaskStopped] {
					found = found || strings.HasPrefix(cloud.StatusOf[ecs.TaskStatus](r).StoppedReason, tt.reason)
				}
			})
			if !found {
				t.Errorf("no task stopped for %q:\n%s", tt.reason, s.Report())
			}
			// The fixed version is deployed.
			fixed := s.Revision("fixed", "")
			if updated, err := s.Edit(service, cloud.Map{"taskDefinition": fixed}); err != nil || updated.Outputs["taskDefinition"] != fixed {
				t.Errorf("after a fixed update it runs %v, %v", updated.Outputs["taskDefinition"], err)
			}
		})
	}
}

func TestFirstDeploymentCannotBeRolledBack(t *testing.T) {
	s := schedulertest.NewStage(t)
	s.OnBad(func(f *schedulertest.FakeTask) { f.Exit(3) })
	in := s.Service(s.Revision("bad", ""), nil)
	checked, _, err := s.Check(ecs.Service.Token, in)
	if err != nil {
		t.Fatal(err)
	}
	service, err := s.Create(t.Context(), awstest.Caller, ecs.Service.Token, checked, 5*time.Second) // a busy machine takes a second to fail a task
	if err == nil || !strings.Contains(err.Error(), "timeout while waiting for state to become 'tfSTABLE' (last state: 'tfPENDING', timeout: 5s)") ||
		!strings.Contains(err.Error(), "Essential container in task exited (main: exit code 3)") {
		t.Errorf("the provider says %v", err)
	}
	s.Await("the circuit breaker", func(tx *cloud.Tx) bool {
		return schedulertest.Primary(tx.Get(service.Key)).RolloutState == ecs.RolloutFailed
	})
	d := schedulertest.Primary(s.Now(service))
	if d.Reason != "ECS deployment circuit breaker: tasks failed to start." {
		t.Errorf("deployment %+v", d)
	}
	// What was under way when the breaker tripped counts too, but then it is over.
	if n := s.StartedWith("bad"); n < 3 || n > 4 {
		t.Errorf("%d tasks were started", n)
	}
}

func TestStartFailures(t *testing.T) {
	const group = `, "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "hello", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "web"}}`
	const secret = `, "secrets": [{"name": "KEY", "valueFrom": "` + schedulertest.SecretARN + `:key::"}]`
	const flag = "arn:aws:ssm:eu-central-1:000000000000:parameter/app/flag"
	const parameter = `, "secrets": [{"name": "FLAG", "valueFrom": "` + flag + `"}, {"name": "MORE", "valueFrom": "more"}]`
	const foreign = `, "secrets": [{"name": "KEY", "valueFrom": "arn:aws:secretsmanager:eu-west-1:111111111111:secret:theirs-AbCdEf"}]`
	const denied = "AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role/execution/"
	refuse := func(action string) func(*scheduler.Scheduler) {
		return func(s *scheduler.Scheduler) {
			s.Allowed = func(_ *cloud.Tx, _ cloud.Scope, role, a, _ string) bool {
				return role != schedulertest.ExecutionRole || a != action
			}
		}
	}
	cutOff := func(s *scheduler.Scheduler) {
		s.Egress = func(*cloud.Tx, cloud.Scope, *ec2.Interface, int) error { return errors.New("no route to 0.0.0.0/0") }
	}
	notThere := func(s *scheduler.Scheduler) {
		s.Images = schedulertest.FakeImages{Err: fmt.Errorf("failed to resolve ref x: x: %w", registry.ErrNotFound)}
	}
	const pull = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
	for _, tt := range []struct {
		name, image, more string
		sabotage          func(*scheduler.Scheduler)
		reason            []string // the beginning and what else is in it
	}{
		{"execution role", "x", "", func(s *scheduler.Scheduler) {
			s.CanAssume = func(_ *cloud.Tx, _ cloud.Scope, role, by string) bool {
				return role != schedulertest.ExecutionRole || by != "ecs-tasks.amazonaws.com"
			}
		}, []string{"ECS was unable to assume the role '" + schedulertest.ExecutionRole + "' that was provided for this task."}},
		{"no route to ECR", schedulertest.ECRHost + "hello:1", "", cutOff, []string{
			pull + "unable to retrieve ecr registry auth: service call has been retried 3 time(s): RequestError: send request failed caused by: Post \"https://api.ecr.eu-central-1.amazonaws.com/\"",
			"i/o timeout", "(no route to 0.0.0.0/0)",
		}},
		{"no route to secrets", "x", secret, cutOff, []string{pull + "unable to retrieve secret from asm: service call has been retried 5 time(s)", "no route to 0.0.0.0/0"}},
		{"no route to a registry", "x", "", cutOff, []string{"CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref x", "i/o timeout"}},
		{"log in", schedulertest.ECRHost + "hello:1", "", refuse("ecr:GetAuthorizationToken"), []string{
			pull + "unable to retrieve ecr registry auth: service call has been retried 1 time(s): " + denied, "is not authorized to perform: ecr:GetAuthorizationToken on resource: *",
		}},
		{"secret's permission", "x", secret, refuse("secretsmanager:GetSecretValue"), []string{
			pull + "unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret " + schedulertest.SecretARN + " from secrets manager: " + denied,
			"is not authorized to perform: secretsmanager:GetSecretValue on resource: " + schedulertest.SecretARN,
		}},
		{"no secret", "x", secret, func(*scheduler.Scheduler) {}, []string{pull, "ResourceNotFoundException: Secrets Manager can't find the specified secret"}},
		{"no route to parameters", "x", parameter, cutOff, []string{pull + "unable to retrieve secrets from ssm: service call has been retried 5 time(s): RequestCanceled", "no route to 0.0.0.0/0"}},
		{"parameter's permission", "x", parameter, refuse("ssm:GetParameters"), []string{
			pull + "unable to retrieve secrets from ssm: service call has been retried 1 time(s): " + denied,
			"is not authorized to perform: ssm:GetParameters on resource: " + flag + " because no identity-based policy allows the ssm:GetParameters action",
		}},
		{"no parameters", "x", parameter, func(*scheduler.Scheduler) {}, []string{
			pull + "unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm parameters: /app/flag,/more",
		}},
		{"another account's secret", "x", foreign, func(*scheduler.Scheduler) {}, []string{
			pull + "unable to retrieve secret from asm", "because no resource-based policy allows the secretsmanager:GetSecretValue action",
		}},
		{"pull", schedulertest.ECRHost + "hello:1", "", refuse("ecr:BatchGetImage"), []string{"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref " + schedulertest.ECRHost + "hello:1", "403 Forbidden"}},
		{"no image", "x", "", notThere, []string{"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref x: x: not found"}},
		{"architecture", "x", "", func(s *scheduler.Scheduler) {
			s.Images = schedulertest.FakeImages{Err: fmt.Errorf("%w 'linux/amd64'", registry.ErrPlatform)}
		}, []string{
			"CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'",
		}},
		{"layers", schedulertest.ECRHost + "hello:1", "", refuse("ecr:GetDownloadUrlForLayer"), []string{"CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy", "ecr:GetDownloadUrlForLayer"}},
		{"log stream's permission", "x", group, refuse("logs:CreateLogStream"), []string{
			"ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: " + denied,
			"logs:CreateLogStream on resource: arn:aws:logs:eu-central-1:000000000000:log-group:hello:log-stream:web/main/", ": exit status 1",
		}},
		{"no log group", "x", group, func(s *scheduler.Scheduler) { s.Logs = schedulertest.FakeLogs{Err: logs.LogGroupNotFound()} }, []string{
			"ResourceInitializationError: failed to validate logger args: ", "ResourceNotFoundException: The specified log group does not exist. : exit status 1",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := schedulertest.NewStage(t)
			s.Stop()
			s.NewScheduler()
			tt.sabotage(s.Scheduler)
			s.Run()
			service := s.Make(ecs.Service.Token, s.Service(s.Revision(tt.image, tt.more), cloud.Map{"waitForSteadyState": false}))
			s.Await("the failure of the deployment", func(tx *cloud.Tx) bool {
				return schedulertest.Primary(tx.Get(service.Key)).RolloutState == ecs.RolloutFailed
			})
			s.Await("its tasks to stop", func(tx *cloud.Tx) bool {
				return len(s.Tasks(tx)[ecs.TaskStopped]) == len(tx.Everywhere(ecs.Task.Token)) && len(tx.Everywhere(ec2.NetworkInterface.Token)) == 0
			})
			var status ecs.TaskStatus
			s.Store.View(func(tx *cloud.Tx) { status = cloud.StatusOf[ecs.TaskStatus](s.Tasks(tx)[ecs.TaskStopped][0]) })
			if status.StopCode != ecs.StopFailedToStart || !strings.HasPrefix(status.StoppedReason, tt.reason[0]) {
				t.Errorf("%s: %s\nwant %s", status.StopCode, status.StoppedReason, tt.reason[0])
			}
			for _, words := range tt.reason[1:] {
				if !strings.Contains(status.StoppedReason, words) {
					t.Errorf("no %q in %s", words, status.StoppedReason)
				}
			}
			if !strings.Contains(s.Events(service), status.StoppedReason[:60]) {
				t.Errorf("the events do not tell:\n%s", s.Events(service))
			}
			if len(s.Started) > 0 {
				t.Error("containers were started")
			}
		})
	}
}

func TestScaling(t *testing.T) {
	s := schedulertest.NewStage(t)
	revision := s.Revision("v1", "")
	service := s.Make(ecs.Service.Token, s.Service(revision, nil))
	s.Await("two tasks", s.Steady(service, revision, 2))
	first := s.Running()
	for _, n := range []int{6, 2, 0, 1} {
		if _, err := s.Edit(service, cloud.Map{"desiredCount": float64(n)}); err != nil {
			t.Fatal(err)
		}
		s.Await(fmt.Sprintf("%d tasks", n), s.Steady(service, revision, n))
		if n == 2 && !slices.Equal(s.Running(), first) {
			t.Errorf("scaling in stopped old tasks: %v are left of %v", s.Running(), first)
		}
	}
	if d := cloud.StatusOf[ecs.ServiceStatus](s.Now(service)).Deployments; len(d) != 1 {
		t.Errorf("scaling made deployments: %+v", d)
	}
}

func TestCrashedTasksAreReplaced(t *testing.T) {
	s := schedulertest.NewStage(t)
	revision := s.Revision("v1", "")
	service := s.Make(ecs.Service.Token, s.Service(revision, nil))
	s.Await("two tasks", s.Steady(service, revision, 2))
	before := s.Running()
	s.Mu.Lock()
	crashing := s.Started[0]
	s.Mu.Unlock()
	crashing.Exit(2)
	s.Await("a replacement", func(tx *cloud.Tx) bool {
		return len(s.Tasks(tx)[ecs.TaskStopped]) == 1 && s.Steady(service, revision, 2)(tx)
	})
	if slices.Equal(before, s.Running()) {
		t.Error("the same tasks run")
	}
	s.Store.View(func(tx *cloud.Tx) {
		status := cloud.StatusOf[ecs.TaskStatus](s.Tasks(tx)[ecs.TaskStopped][0])
		if status.StopCode != ecs.StopEssentialContainerExited || *status.Containers[0].ExitCode != 2 || !status.Failed {
			t.Errorf("it stopped as %+v", status)
		}
	})
}

// While a new version does not come up, the old one stays whole: what it loses comes back, and it scales out.
// https://aws.amazon.com/about-aws/whats-new/2025/11/amazon-ecs-service-availability-rolling-deployments
func TestOldVersionStaysWholeDuringADeployment(t *testing.T) {
	s := schedulertest.NewStage(t)
	s.OnBad(func(*schedulertest.FakeTask) {}) // it starts for ever
	first, second := s.Revision("v1", ""), s.Revision("bad", "")
	service := s.Make(ecs.Service.Token, s.Service(first, nil))
	s.Await("the first version", s.Steady(service, first, 2))
	if _, err := s.Edit(service, cloud.Map{"taskDefinition": second, "waitForSteadyState": false}); err != nil {
		t.Fatal(err)
	}
	versions := func(old, pending int) func(*cloud.Tx) bool {
		return func(tx *cloud.Tx) bool {
			running, starting := 0, 0
			for status, tasks := range s.Tasks(tx) {
				for _, r := range tasks {
					switch spec := ecs.Task.Inputs(r); {
					case spec.TaskDefinitionARN == first && status == ecs.TaskRunning:
						running++
					case spec.TaskDefinitionARN == second && status == ecs.TaskPending:
						starting++
					}
				}
			}
			return running == old && starting == pending
		}
	}
	s.Await("the new tasks beside the old ones", versions(2, 2))
	for i := range 2 { // as many as there are
		s.Mu.Lock()
		crashing := s.Started[i]
		s.Mu.Unlock()
		crashing.Exit(2)
	}
	s.Await("the old tasks to come back", func(tx *cloud.Tx) bool {
		return len(s.Tasks(tx)[ecs.TaskStopped]) == 2 && versions(2, 2)(tx)
	})
	s.Await("the old deployment's numbers", func(tx *cloud.Tx) bool {
		d := cloud.StatusOf[ecs.ServiceStatus](tx.Get(service.Key)).Deployments
		return len(d) == 2 && d[0].Desired == 2 && d[1].Desired == 2 && d[1].Running == 2
	})
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		appautoscaling.SetDesiredCount(tx, tx.Get(service.Key), 3, "a test")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.Await("both to scale out", versions(3, 3))

	// Once another version comes up, nothing is left of either.
	third := s.Revision("v3", "")
	if _, err := s.Edit(service, cloud.Map{"taskDefinition": third}); err != nil {
		t.Fatal(err)
	}
	s.Await("the third version", s.Steady(service, third, 3))
	if d := cloud.StatusOf[ecs.ServiceStatus](s.Now(service)).Deployments; len(d) != 1 || d[0].Desired != 3 {
		t.Errorf("left are %+v", d)
	}
}

// An old version that cannot come back leaves the room to the new one.
func TestOldVersionThatFailsDoesNotHoldADeploymentUp(t *testing.T) {
	s := schedulertest.NewStage(t)
	s.Scheduler.Throttle = func(failed int) time.Duration { return time.Duration(failed) * time.Millisecond }
	first, second := s.Revision("bad", ""), s.Revision("v2", "")
	service := s.Make(ecs.Service.Token, s.Service(first, cloud.Map{"deploymentMinimumHealthyPercent": 50.0, "deploymentMaximumPercent": 100.0}))
	s.Await("the first version", s.Steady(service, first, 2))
	s.OnBad(func(f *schedulertest.FakeTask) { f.Run(); f.Exit(1) })
	s.Mu.Lock()
	crashing := slices.Clone(s.Started)
	s.Mu.Unlock()
	if _, err := s.Edit(service, cloud.Map{"taskDefinition": second, "waitForSteadyState": false}); err != nil {
		t.Fatal(err)
	}
	for _, f := range crashing {
		f.Exit(1)
	}
	s.Await("the second version", s.Steady(service, second, 2))
}

func TestGracePeriodHoldsBackHealthChecks(t *testing.T) {
	s := schedulertest.NewStage(t)
	s.Mu.Lock()
	s.Sick = func(string) bool { return true }
	s.Mu.Unlock()
	service := s.Make(ecs.Service.Token, s.Service(s.Revision("v1", ""), cloud.Map{"desiredCount": 1.0, "healthCheckGracePeriodSeconds": 1.0}))
	s.Await("a task to fail its checks", func(tx *cloud.Tx) bool { return len(s.Tasks(tx)[ecs.TaskStopped]) > 0 })
	s.Store.View(func(tx *cloud.Tx) {
		status := cloud.StatusOf[ecs.TaskStatus](s.Tasks(tx)[ecs.TaskStopped][0])
		if lived := status.StoppedAt.Sub(status.StartedAt); lived < time.Second {
			t.Errorf("it was stopped after %s: %s", lived, status.StoppedReason)
		}
	})
	if events := s.Events(service); !strings.Contains(events, "(port 8080) is unhealthy in (target-group "+s.BalancerGroup+") due to (reason Health checks failed with these codes: [500]).") {
		t.Errorf("events:\n%s", events)
	}
}

func TestDeletedServicesLeaveNothing(t *testing.T) {
	s := schedulertest.NewStage(t)
	revision := s.Revision("v1", "")
	service := s.Make(ecs.Service.Token, s.Service(revision, nil))
	s.Await("two tasks", s.Steady(service, revision, 2))
	if err := s.Delete(t.Context(), awstest.Caller, service.Token, service.ID, awstest.Patience); err != nil {
		t.Fatal(err)
	}
	providers := "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders"
	if err := s.Delete(t.Context(), awstest.Caller, providers, "main", awstest.Patience); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), awstest.Caller, ecs.Cluster.Token, s.Cluster, awstest.Patience); err != nil {
		t.Fatal(err)
	}
	s.Store.View(func(tx *cloud.Tx) {
		for _, token := range []string{ecs.Service.Token, ecs.Task.Token, ecs.Cluster.Token, providers, ec2.NetworkInterface.Token} {
			if left := tx.Everywhere(token); len(left) > 0 {
				t.Errorf("left: %s", left[0].ID)
			}
		}
		group := tx.Get(cloud.Key{Scope: awstest.Caller.Scope, Token: elbv2.TargetGroup.Token, ID: s.BalancerGroup})
		if targets := cloud.StatusOf[elbv2.TargetGroupStatus](group).Targets; len(targets) > 0 {
			t.Errorf("targets are left: %+v", targets)
		}
	})
	for _, f := range s.Started {
		select {
		case <-f.Done():
		default:
			t.Errorf("task %s still runs", f.Spec.ID)
		}
	}
}

func TestUnreadableTaskDefinitionStopsNothingElse(t *testing.T) {
	s := schedulertest.NewStage(t)
	revision := s.Revision("v1", "")
	service := s.Make(ecs.Service.Token, s.Service(revision, nil))
	s.Await("two tasks", s.Steady(service, revision, 2))
	err := s.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Get(cloud.Key{Scope: awstest.Caller.Scope, Token: ecs.TaskDefinitionRevision.Token, ID: revision}).Clone()
		r.Inputs["containerDefinitions"] = "{"
		tx.Put(r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Mu.Lock()
	crashing := s.Started[0]
	s.Mu.Unlock()
	crashing.Exit(1)
	s.Await("a task that cannot start", func(tx *cloud.Tx) bool {
		return slices.ContainsFunc(s.Tasks(tx)[ecs.TaskStopped], func(r *cloud.Resource) bool {
			status := cloud.StatusOf[ecs.TaskStatus](r)
			return status.StopCode == ecs.StopFailedToStart && strings.Contains(status.StoppedReason, revision)
		})
	})
	s.Store.View(func(tx *cloud.Tx) {
		if n := len(s.Tasks(tx)[ecs.TaskRunning]); n != 1 {
			t.Errorf("%d tasks still run, want the one that did not crash", n)
		}
	})
	s.Stop() // reports whether the scheduler has failed
}

func TestInterruptedDeletionGoesOn(t *testing.T) {
	s := schedulertest.NewStage(t)
	revision := s.Revision("v1", "")
	service := s.Make(ecs.Service.Token, s.Service(revision, nil))
	s.Await("two tasks", s.Steady(service, revision, 2))
	s.Mu.Lock()
	s.KeepDraining = true
	s.Mu.Unlock()
	ctx, interrupt := context.WithCancel(t.Context())
	deleted := make(chan error, 1)
	go func() { deleted <- s.Delete(ctx, awstest.Caller, service.Token, service.ID, awstest.Patience) }()
	s.Await("tasks that drain", func(tx *cloud.Tx) bool { return len(s.Tasks(tx)[ecs.TaskDeactivating]) == 2 })
	interrupt()
	if err := <-deleted; !errors.Is(err, context.Canceled) {
		t.Fatalf("the interrupted deletion: %v", err)
	}
	s.Mu.Lock()
	s.KeepDraining = false
	s.Mu.Unlock()
	// Any change makes the load balancer's controller look again.
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		tx.Put(tx.Get(cloud.Key{Scope: awstest.Caller.Scope, Token: elbv2.TargetGroup.Token, ID: s.BalancerGroup}).Clone())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.Await("the end of the service", func(tx *cloud.Tx) bool { return tx.Get(service.Key) == nil })
	again := s.Make(ecs.Service.Token, s.Service(revision, nil))
	s.Await("two tasks of the next service", s.Steady(again, revision, 2))
}

func TestRestartStartsAnew(t *testing.T) {
	s := schedulertest.NewStage(t)
	revision := s.Revision("v1", "")
	service := s.Make(ecs.Service.Token, s.Service(revision, nil))
	s.Await("two tasks", s.Steady(service, revision, 2))
	s.Stop()
	before := s.Running()
	s.NewScheduler()
	s.Run()
	s.Await("two new tasks", func(tx *cloud.Tx) bool {
		return len(s.Tasks(tx)[ecs.TaskStopped]) == 2 && s.Steady(service, revision, 2)(tx)
	})
	for _, name := range s.Running() {
		if slices.Contains(before, name) {
			t.Errorf("task %s of the first run runs on", name)
		}
	}
	s.Store.View(func(tx *cloud.Tx) {
		for _, r := range s.Tasks(tx)[ecs.TaskStopped] {
			if reason := cloud.StatusOf[ecs.TaskStatus](r).StoppedReason; reason != "The local cloud was restarted." {
				t.Errorf("it stopped because %q", reason)
			}
		}
		if n := len(tx.Everywhere(ec2.NetworkInterface.Token)); n != 2 {
			t.Errorf("%d network interfaces", n)
		}
		if d := schedulertest.Primary(tx.Get(service.Key)); d.FailedTasks != 0 {
			t.Errorf("%d failed tasks", d.FailedTasks)
		}
	})
}
