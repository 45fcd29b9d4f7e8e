package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/localcloud/addr"
	"slipway/localcloud/aws"
	"slipway/localcloud/aws/appautoscaling"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/logs"
	"slipway/localcloud/aws/sts"
	"slipway/localcloud/cloud"
	"slipway/localcloud/registry"
	"slipway/localcloud/schema"
	"slipway/localcloud/task"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
)

var tester = cloud.Caller{Scope: cloud.Scope{Account: sts.DefaultAccount, Region: "eu-central-1"}}

// ecsStage is a cloud with a scheduler, in which containers and load balancers are make-believe.
type ecsStage struct {
	*cloud.Cloud
	t         *testing.T
	scheduler *Scheduler
	stop      func() // ends the scheduler

	cluster, group, balancerGroup string
	subnets                       []any

	mu      sync.Mutex
	started []*fakeTask
	// behave says what a task does once it has been started; nil lets it run.
	behave func(*fakeTask)
	// sick says whether a task, by its image, fails the load balancer's health checks.
	sick func(image string) bool
	// keepDraining keeps targets that drain for ever.
	keepDraining bool
}

func newECSStage(t *testing.T) *ecsStage {
	t.Helper()
	store, err := cloud.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s := &ecsStage{Cloud: cloud.New(store, cloud.Options{Schema: schema.SDKs{}}), t: t, sick: func(string) bool { return false }}
	s.Add(aws.Kinds()...)
	s.network()
	s.newScheduler()
	s.run()
	ctx, cancel := context.WithCancel(context.Background())
	var balancing sync.WaitGroup
	balancing.Go(func() { s.balance(ctx) })
	t.Cleanup(func() {
		cancel()
		balancing.Wait()
		s.stop()
	})
	return s
}

// newScheduler makes a scheduler to which everything is allowed.
func (s *ecsStage) newScheduler() {
	s.scheduler = NewScheduler(SchedulerOptions{Store: s.Store, Addresses: addr.New(), Images: fakeImages{}, Logs: fakeLogs{}, Removed: appautoscaling.ServiceRemoved})
	s.scheduler.start = s.startTask
	s.scheduler.canAssume = func(*cloud.Tx, cloud.Scope, string, string) bool { return true }
	s.scheduler.allowed = func(*cloud.Tx, cloud.Scope, string, string, string) bool { return true }
	s.scheduler.egress = func(*cloud.Tx, cloud.Scope, *ec2.Interface, int) error { return nil }
	s.scheduler.throttle = func(int) time.Duration { return 0 }
}

// run runs the scheduler until stop is called.
func (s *ecsStage) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.scheduler.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("scheduler: %v", err)
		}
	})
}

func (s *ecsStage) create(token string, in cloud.Map) *cloud.Resource {
	s.t.Helper()
	r, err := s.try(token, in)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *ecsStage) try(token string, in cloud.Map) (*cloud.Resource, error) {
	s.t.Helper()
	checked, failures, err := s.Check(token, in)
	if err != nil || len(failures) > 0 {
		s.t.Fatal(failures, err)
	}
	return s.Create(s.t.Context(), tester, token, checked, 0)
}

func (s *ecsStage) update(r *cloud.Resource, change cloud.Map) (*cloud.Resource, error) {
	s.t.Helper()
	in := maps.Clone(s.now(r).Inputs)
	maps.Copy(in, change)
	return s.Update(s.t.Context(), tester, r.Token, r.ID, in, 0)
}

func (s *ecsStage) now(r *cloud.Resource) (out *cloud.Resource) {
	s.Store.View(func(tx *cloud.Tx) { out = tx.Get(r.Key) })
	return out
}

// network makes a VPC with two zones, a load balancer and a cluster.
func (s *ecsStage) network() {
	vpc := s.create("aws:ec2/vpc:Vpc", cloud.Map{"cidrBlock": "10.0.0.0/16"}).ID
	s.create("aws:ec2/internetGateway:InternetGateway", cloud.Map{"vpcId": vpc})
	for i, zone := range []string{"a", "b"} {
		s.subnets = append(s.subnets, s.create("aws:ec2/subnet:Subnet", cloud.Map{
			"vpcId": vpc, "cidrBlock": fmt.Sprintf("10.0.%d.0/24", i), "availabilityZone": "eu-central-1" + zone,
		}).ID)
	}
	s.group = s.create("aws:ec2/securityGroup:SecurityGroup", cloud.Map{"vpcId": vpc, "name": "tasks"}).ID
	s.balancerGroup = s.create("aws:lb/targetGroup:TargetGroup", cloud.Map{
		"name": "tasks", "vpcId": vpc, "targetType": "ip", "protocol": "HTTP", "port": 80.0,
	}).ID
	// That a load balancer forwards to the group is said here as the kinds of listeners say it.
	err := s.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Get(cloud.Key{Scope: tester.Scope, Token: elbv2.TargetGroup.Token, ID: s.balancerGroup}).Clone()
		r.Outputs["loadBalancerArns"] = []any{balancerARN}
		tx.Put(r)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.cluster = s.create("aws:ecs/cluster:Cluster", cloud.Map{"name": "main"}).ID
	s.create("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders", cloud.Map{
		"clusterName": "main", "capacityProviders": []any{ecs.Fargate, ecs.FargateSpot},
	})
}

const (
	executionRole = "arn:aws:iam::000000000000:role/execution"
	ecrHost       = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/"
	secretARN     = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:hello-AbCdEf"
)

// revision registers a task definition of one container with the image, and returns its ARN. More fields of the container
// may be given as JSON.
func (s *ecsStage) revision(image, more string) string {
	s.t.Helper()
	return s.create("aws:ecs/taskDefinition:TaskDefinition", cloud.Map{
		"family": "hello", "cpu": "256", "memory": "512", "networkMode": "awsvpc", "requiresCompatibilities": []any{"FARGATE"},
		"executionRoleArn": executionRole, "taskRoleArn": "arn:aws:iam::000000000000:role/task", "skipDestroy": true,
		"containerDefinitions": fmt.Sprintf(`[{"name": "main", "image": %q, "portMappings": [{"containerPort": 8080}] %s}]`, image, more),
	}).ID
}

func (s *ecsStage) service(revision string, change cloud.Map) cloud.Map {
	in := cloud.Map{
		"name": "hello", "cluster": s.cluster, "taskDefinition": revision, "desiredCount": 2.0,
		"capacityProviderStrategies": []any{cloud.Map{"capacityProvider": ecs.Fargate, "weight": 1.0}},
		"networkConfiguration":       cloud.Map{"subnets": s.subnets, "securityGroups": []any{s.group}, "assignPublicIp": true},
		"loadBalancers":              []any{cloud.Map{"targetGroupArn": s.balancerGroup, "containerName": "main", "containerPort": 8080.0}},
		"deploymentCircuitBreaker":   cloud.Map{"enable": true, "rollback": true},
		"waitForSteadyState":         true,
	}
	maps.Copy(in, change)
	return in
}

// await waits until the condition holds.
func (s *ecsStage) await(what string, condition func(*cloud.Tx) bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	if err := s.Store.Wait(ctx, func(tx *cloud.Tx) (bool, error) { return condition(tx), nil }); err != nil {
		s.t.Fatalf("waiting for %s: %v\n%s", what, err, s.report())
	}
}

// report is what there is to know when a test fails.
func (s *ecsStage) report() string {
	var out strings.Builder
	s.Store.View(func(tx *cloud.Tx) {
		for _, r := range tx.Everywhere(ecs.Service.Token) {
			status := cloud.StatusOf[ecs.ServiceStatus](r)
			for _, d := range status.Deployments {
				fmt.Fprintf(&out, "%s %s %s desired %d running %d failed %d: %s\n", d.ID, d.Status, d.RolloutState, d.Desired, d.Running, d.FailedTasks, d.Reason)
			}
			for _, e := range status.Events {
				fmt.Fprintln(&out, e.Message)
			}
		}
		for _, r := range tx.Everywhere(ecs.Task.Token) {
			status := cloud.StatusOf[ecs.TaskStatus](r)
			fmt.Fprintln(&out, r.Name, status.LastStatus, status.DesiredStatus, status.StoppedReason)
		}
	})
	return out.String()
}

// steady is a condition for await: the service's tasks, so many of them, all run the revision and serve.
func (s *ecsStage) steady(service *cloud.Resource, revision string, n int) func(*cloud.Tx) bool {
	return func(tx *cloud.Tx) bool {
		status := cloud.StatusOf[ecs.ServiceStatus](tx.Get(service.Key))
		d := status.Primary()
		return len(status.Deployments) == 1 && status.Steady && d.TaskDefinition == revision && d.Running == n && d.Desired == n
	}
}

// tasks returns the tasks that have not stopped, by status.
func (s *ecsStage) tasks(tx *cloud.Tx) map[string][]*cloud.Resource {
	out := map[string][]*cloud.Resource{}
	for _, r := range tx.Everywhere(ecs.Task.Token) {
		last := cloud.StatusOf[ecs.TaskStatus](r).LastStatus
		out[last] = append(out[last], r)
	}
	return out
}

// primary returns the deployment that the service is moving to.
func primary(service *cloud.Resource) *ecs.Deployment {
	status := cloud.StatusOf[ecs.ServiceStatus](service)
	return status.Primary()
}

// events returns the service's history.
func (s *ecsStage) events(service *cloud.Resource) string {
	var out []string
	for _, e := range cloud.StatusOf[ecs.ServiceStatus](s.now(service)).Events {
		out = append(out, e.Message)
	}
	return strings.Join(out, "\n")
}

// balance plays the load balancer's controller.
func (s *ecsStage) balance(ctx context.Context) {
	store := s.Store.Watch(ecs.Task.Token, ecs.Service.Token)
	defer store.Stop()
	for {
		_ = store.Update(func(tx *cloud.Tx) error {
			group := tx.Get(cloud.Key{Scope: tester.Scope, Token: elbv2.TargetGroup.Token, ID: s.balancerGroup})
			if group == nil {
				return nil
			}
			status := cloud.StatusOf[elbv2.TargetGroupStatus](group)
			for i := range status.Targets {
				target := &status.Targets[i]
				s.mu.Lock()
				sick := s.sick(s.imageAt(tx, target.ID))
				s.mu.Unlock()
				switch {
				case target.State == elbv2.TargetDraining:
				case sick:
					target.State, target.Description = elbv2.TargetUnhealthy, "Health checks failed with these codes: [500]"
				default:
					target.State = elbv2.TargetHealthy
				}
			}
			s.mu.Lock()
			if !s.keepDraining {
				status.Targets = slices.DeleteFunc(status.Targets, func(t elbv2.Target) bool { return t.State == elbv2.TargetDraining })
			}
			s.mu.Unlock()
			before := string(group.Status)
			group = group.Clone()
			group.SetStatus(status)
			if string(group.Status) != before {
				tx.Put(group)
			}
			return nil
		})
		select {
		case <-store.C:
		case <-ctx.Done():
			return
		}
	}
}

// imageAt returns the image that runs at an address.
func (s *ecsStage) imageAt(tx *cloud.Tx, ip string) string {
	for _, r := range tx.Everywhere(ecs.Task.Token) {
		if cloud.StatusOf[ecs.TaskStatus](r).PrivateIP != ip || !ecs.TaskAlive(r) {
			continue
		}
		if revision, err := ecs.FindRevision(tx, r.Scope, ecs.Task.Of(r).TaskDefinitionARN); err == nil {
			return revision.Containers[0].Image
		}
	}
	return ""
}

// startTask plays the task runner.
func (s *ecsStage) startTask(spec task.Spec) (containers, error) {
	f := &fakeTask{
		spec: spec, image: s.imageOf(spec.ID), changed: make(chan struct{}), done: make(chan struct{}),
		status: task.Status{State: task.StatePending, Containers: []task.ContainerStatus{{Name: "main", State: task.StatePending, Health: task.HealthUnknown}}},
	}
	s.mu.Lock()
	s.started = append(s.started, f)
	behave := s.behave
	s.mu.Unlock()
	if behave == nil {
		behave = (*fakeTask).run
	}
	go behave(f)
	return f, nil
}

// imageOf returns the image of the task with the short id.
func (s *ecsStage) imageOf(id string) (image string) {
	s.Store.View(func(tx *cloud.Tx) {
		for _, r := range tx.Everywhere(ecs.Task.Token) {
			if r.Name != id {
				continue
			}
			if revision, err := ecs.FindRevision(tx, r.Scope, ecs.Task.Of(r).TaskDefinitionARN); err == nil {
				image = revision.Containers[0].Image
			}
		}
	})
	return image
}

// onBad makes tasks with the image bad behave differently from the others.
func (s *ecsStage) onBad(behave func(*fakeTask)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behave = func(f *fakeTask) {
		if f.image == "bad" {
			behave(f)
		} else {
			f.run()
		}
	}
}

func (s *ecsStage) startedWith(image string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, f := range s.started {
		if f.image == image {
			n++
		}
	}
	return n
}

// fakeTask plays the containers of a task.
type fakeTask struct {
	spec  task.Spec
	image string

	mu      sync.Mutex
	status  task.Status
	usage   task.Usage
	onStop  func() // called before it is stopped; may be nil
	changed chan struct{}
	done    chan struct{}
}

func (f *fakeTask) Usage() (task.Usage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.usage, nil
}

func (f *fakeTask) Crash() (string, error) {
	f.exit(137)
	return "main", nil
}

func (f *fakeTask) Watch() (task.Status, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status
	s.Containers = slices.Clone(s.Containers)
	return s, f.changed
}

func (f *fakeTask) Done() <-chan struct{} { return f.done }

func (f *fakeTask) change(change func(*task.Status)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.status)
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeTask) run() {
	f.change(func(s *task.Status) {
		if s.State == task.StatePending {
			s.State, s.Containers[0].State = task.StateRunning, task.StateRunning
		}
	})
}

// exit plays an essential container that ends by itself.
func (f *fakeTask) exit(code int) {
	f.end(task.StopEssentialContainerExited, "Essential container in task exited", code)
}

func (f *fakeTask) Stop(code task.StopCode, reason string) {
	f.mu.Lock()
	onStop := f.onStop
	f.mu.Unlock()
	if onStop != nil {
		onStop()
	}
	f.end(code, reason, 143)
}

func (f *fakeTask) end(code task.StopCode, reason string, exitCode int) {
	f.change(func(s *task.Status) {
		if s.State == task.StateStopped {
			return
		}
		s.State, s.StopCode, s.StoppedReason = task.StateStopped, code, reason
		s.Containers[0].State, s.Containers[0].ExitCode = task.StateStopped, &exitCode
		close(f.done)
	})
}

type fakeImages struct{ err error }

func (i fakeImages) Image(string, v1.Platform) (v1.Image, error) { return empty.Image, i.err }

type fakeLogs struct{ err error }

func (l fakeLogs) Writer(cloud.Scope, string, string) (io.WriteCloser, error) {
	return struct {
		io.Writer
		io.Closer
	}{io.Discard, io.NopCloser(nil)}, l.err
}

func TestServiceReachesASteadyState(t *testing.T) {
	s := newECSStage(t)
	revision := s.revision("good", `, "environment": [{"name": "PORT", "value": "8080"}]`)
	service := s.create(ecs.Service.Token, s.service(revision, cloud.Map{
		"desiredCount": 4.0, "capacityProviderStrategies": []any{
			cloud.Map{"capacityProvider": ecs.Fargate, "base": 1.0, "weight": 1.0},
			cloud.Map{"capacityProvider": ecs.FargateSpot, "weight": 2.0},
		},
	}))
	s.await("a steady state", s.steady(service, revision, 4))
	s.Store.View(func(tx *cloud.Tx) {
		d := primary(tx.Get(service.Key))
		if d.RolloutState != ecs.RolloutCompleted || d.Reason != "ECS deployment "+d.ID+" completed." {
			t.Errorf("deployment %+v", d)
		}
		subnets, providers := map[string]int{}, map[string]int{}
		for _, r := range s.tasks(tx)[ecs.TaskRunning] {
			spec := ecs.Task.Of(r)
			subnets[spec.SubnetID]++
			providers[spec.CapacityProvider]++
			interfaces := ec2.InterfacesOf(tx, r.Scope, r.ID)
			if len(interfaces) != 1 {
				t.Fatalf("task %s has %d network interfaces", r.Name, len(interfaces))
			}
			ni := ec2.NetworkInterface.Of(interfaces[0])
			loopback := cloud.StatusOf[ec2.InterfaceStatus](interfaces[0]).Loopback
			if ni.PublicIP == "" || !slices.Equal(ni.SecurityGroups, []string{s.group}) || !strings.HasPrefix(loopback, "127.") {
				t.Errorf("interface %+v at %s", ni, loopback)
			}
		}
		if len(subnets) != 2 || subnets[s.subnets[0].(string)] != 2 {
			t.Errorf("tasks by subnet: %v", subnets)
		}
		if providers[ecs.Fargate] != 2 || providers[ecs.FargateSpot] != 2 {
			t.Errorf("tasks by capacity provider: %v", providers)
		}
	})
	for _, f := range s.started {
		env := f.spec.Containers[0].Environment
		if env["PORT"] != "8080" || env["HOST"] != f.spec.Address.String() || env["AWS_REGION"] != "eu-central-1" {
			t.Errorf("environment %v of a task at %s", env, f.spec.Address)
		}
	}
	events := s.events(service)
	for _, want := range []string{
		"(service hello) has started 4 tasks: (task ", "(service hello) registered 1 targets in (target-group " + s.balancerGroup + ")",
		"deployment completed.", "(service hello) has reached a steady state.",
	} {
		if !strings.Contains(events, want) {
			t.Errorf("no %q in\n%s", want, events)
		}
	}
}

func TestRollingUpdateKeepsTheLimitsAndDrains(t *testing.T) {
	s := newECSStage(t)
	first, second := s.revision("v1", ""), s.revision("v2", "")
	service := s.create(ecs.Service.Token, s.service(first, cloud.Map{"desiredCount": 3.0}))
	s.await("the first version", s.steady(service, first, 3))

	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		store := s.Store.Watch()
		defer store.Stop()
		for {
			store.View(func(tx *cloud.Tx) {
				status := cloud.StatusOf[elbv2.TargetGroupStatus](tx.Get(cloud.Key{Scope: tester.Scope, Token: elbv2.TargetGroup.Token, ID: s.balancerGroup}))
				healthy := 0
				for _, target := range status.Targets {
					if target.State == elbv2.TargetHealthy {
						healthy++
					}
				}
				byStatus := s.tasks(tx)
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
	updated, err := s.update(service, cloud.Map{"taskDefinition": second})
	cancel()
	watching.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if updated.Outputs["taskDefinition"] != second {
		t.Errorf("the service runs %v", updated.Outputs["taskDefinition"])
	}
	s.await("the second version", s.steady(service, second, 3))
	if events := s.events(service); !strings.Contains(events, "has begun draining connections on 1 tasks.") ||
		!strings.Contains(events, "deregistered 1 targets in (target-group "+s.balancerGroup+")") {
		t.Errorf("events:\n%s", events)
	}
}

func TestTargetsDrainBeforeContainersStop(t *testing.T) {
	s := newECSStage(t)
	revision := s.revision("v1", "")
	service := s.create(ecs.Service.Token, s.service(revision, cloud.Map{"desiredCount": 1.0}))
	s.await("a steady state", s.steady(service, revision, 1))
	s.mu.Lock()
	s.keepDraining = true
	f := s.started[0]
	s.mu.Unlock()
	if _, err := s.update(service, cloud.Map{"desiredCount": 0.0, "waitForSteadyState": false}); err != nil {
		t.Fatal(err)
	}
	s.await("the task to drain", func(tx *cloud.Tx) bool { return len(s.tasks(tx)[ecs.TaskDeactivating]) == 1 })
	if status, _ := f.Watch(); status.State != task.StateRunning {
		t.Errorf("the containers are %s while their target drains", status.State)
	}
	s.mu.Lock()
	s.keepDraining = false
	s.mu.Unlock()
	// Any change makes the balancer look again.
	if _, err := s.update(service, cloud.Map{"deploymentMaximumPercent": 150.0}); err != nil {
		t.Fatal(err)
	}
	s.await("the task to stop", func(tx *cloud.Tx) bool { return len(s.tasks(tx)[ecs.TaskStopped]) == 1 })
	s.Store.View(func(tx *cloud.Tx) {
		status := cloud.StatusOf[ecs.TaskStatus](s.tasks(tx)[ecs.TaskStopped][0])
		if status.StopCode != ecs.StopServiceScheduler || !strings.HasPrefix(status.StoppedReason, "Scaling activity initiated by (deployment ecs-svc/") ||
			*status.Containers[0].ExitCode != 143 || status.Failed {
			t.Errorf("it stopped as %+v", status)
		}
	})
}

func TestFailedDeploymentsAreRolledBack(t *testing.T) {
	for _, tt := range []struct {
		name     string
		sabotage func(*ecsStage)
		change   cloud.Map
		reason   string
	}{
		{"crash at start", func(s *ecsStage) { s.onBad(func(f *fakeTask) { f.run(); f.exit(1) }) }, nil, "Essential container in task exited"},
		{"never starts", func(s *ecsStage) {
			s.onBad(func(f *fakeTask) {
				f.end(task.StopTaskFailedToStart, "CannotStartContainerError: no such file", 127)
			})
		}, nil, "CannotStartContainerError: no such file"},
		{"never healthy", func(s *ecsStage) {
			s.mu.Lock()
			s.sick = func(image string) bool { return image == "bad" }
			s.mu.Unlock()
		}, nil, "Task failed ELB health checks in (target-group "},
		{"unhealthy container", func(s *ecsStage) {
			s.onBad(func(f *fakeTask) {
				f.run()
				f.change(func(s *task.Status) { s.Containers[0].Health = task.HealthUnhealthy })
			})
		}, nil, "Task failed container health checks"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newECSStage(t)
			good := s.revision("good", "")
			bad := s.revision("bad", `, "healthCheck": {"command": ["CMD", "/app"]}`)
			if tt.name != "unhealthy container" {
				bad = s.revision("bad", "")
			}
			service := s.create(ecs.Service.Token, s.service(good, nil))
			s.await("the good version", s.steady(service, good, 2))
			before := s.running()
			tt.sabotage(s)
			updated, err := s.update(service, cloud.Map{"taskDefinition": bad})
			if err != nil {
				t.Fatalf("the provider's wait ends with %v, want no error", err)
			}
			if updated.Inputs["taskDefinition"] != good || updated.Outputs["taskDefinition"] != good {
				t.Errorf("a describe shows %v", updated.Outputs["taskDefinition"])
			}
			s.await("the good version again", s.steady(service, good, 2))
			if after := s.running(); !slices.Equal(before, after) {
				t.Errorf("the good tasks were %v and are %v", before, after)
			}
			events := s.events(service)
			for _, want := range []string{"deployment failed: tasks failed to start.", "rolling back to deployment ecs-svc/"} {
				if !strings.Contains(events, want) {
					t.Errorf("no %q in\n%s", want, events)
				}
			}
			found := false
			s.Store.View(func(tx *cloud.Tx) {
				for _, r := range s.tasks(tx)[ecs.TaskStopped] {
					found = found || strings.HasPrefix(cloud.StatusOf[ecs.TaskStatus](r).StoppedReason, tt.reason)
				}
			})
			if !found {
				t.Errorf("no task stopped for %q:\n%s", tt.reason, s.report())
			}
			// Mended, it goes through.
			mended := s.revision("mended", "")
			if updated, err := s.update(service, cloud.Map{"taskDefinition": mended}); err != nil || updated.Outputs["taskDefinition"] != mended {
				t.Errorf("after a mended update it runs %v, %v", updated.Outputs["taskDefinition"], err)
			}
		})
	}
}

// running returns the names of the running tasks.
func (s *ecsStage) running() (names []string) {
	s.Store.View(func(tx *cloud.Tx) {
		for _, r := range s.tasks(tx)[ecs.TaskRunning] {
			names = append(names, r.Name)
		}
	})
	return names
}

func TestFirstDeploymentCannotBeRolledBack(t *testing.T) {
	s := newECSStage(t)
	s.onBad(func(f *fakeTask) { f.exit(3) })
	in := s.service(s.revision("bad", ""), nil)
	checked, _, err := s.Check(ecs.Service.Token, in)
	if err != nil {
		t.Fatal(err)
	}
	service, err := s.Create(t.Context(), tester, ecs.Service.Token, checked, time.Second)
	if err == nil || !strings.Contains(err.Error(), "timeout while waiting for state to become 'tfSTABLE' (last state: 'tfPENDING', timeout: 1s)") ||
		!strings.Contains(err.Error(), "Essential container in task exited (main: exit code 3)") {
		t.Errorf("the provider says %v", err)
	}
	s.await("the circuit breaker", func(tx *cloud.Tx) bool { return primary(tx.Get(service.Key)).RolloutState == ecs.RolloutFailed })
	d := primary(s.now(service))
	if d.Reason != "ECS deployment circuit breaker: tasks failed to start." {
		t.Errorf("deployment %+v", d)
	}
	// What was under way when the breaker tripped counts too, but then it is over.
	if n := s.startedWith("bad"); n < 3 || n > 4 {
		t.Errorf("%d tasks were started", n)
	}
}

func TestStartFailures(t *testing.T) {
	const group = `, "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "hello", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "web"}}`
	const secret = `, "secrets": [{"name": "KEY", "valueFrom": "` + secretARN + `:key::"}]`
	const denied = "AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role/execution/"
	refuse := func(action string) func(*Scheduler) {
		return func(s *Scheduler) {
			s.allowed = func(_ *cloud.Tx, _ cloud.Scope, role, a, _ string) bool { return role != executionRole || a != action }
		}
	}
	cutOff := func(s *Scheduler) {
		s.egress = func(*cloud.Tx, cloud.Scope, *ec2.Interface, int) error { return errors.New("no route to 0.0.0.0/0") }
	}
	notThere := func(s *Scheduler) {
		s.Images = fakeImages{fmt.Errorf("failed to resolve ref x: x: %w", registry.ErrNotFound)}
	}
	const pull = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
	for _, tt := range []struct {
		name, image, more string
		sabotage          func(*Scheduler)
		reason            []string // the beginning and what else is in it
	}{
		{"execution role", "x", "", func(s *Scheduler) {
			s.canAssume = func(_ *cloud.Tx, _ cloud.Scope, role, by string) bool {
				return role != executionRole || by != "ecs-tasks.amazonaws.com"
			}
		}, []string{"ECS was unable to assume the role '" + executionRole + "' that was provided for this task."}},
		{"no route to ECR", ecrHost + "hello:1", "", cutOff, []string{
			pull + "unable to retrieve ecr registry auth: service call has been retried 3 time(s): RequestError: send request failed caused by: Post \"https://api.ecr.eu-central-1.amazonaws.com/\"",
			"i/o timeout", "(no route to 0.0.0.0/0)",
		}},
		{"no route to secrets", "x", secret, cutOff, []string{pull + "unable to retrieve secret from asm: service call has been retried 5 time(s)", "no route to 0.0.0.0/0"}},
		{"no route to a registry", "x", "", cutOff, []string{"CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref x", "i/o timeout"}},
		{"log in", ecrHost + "hello:1", "", refuse("ecr:GetAuthorizationToken"), []string{
			pull + "unable to retrieve ecr registry auth: service call has been retried 1 time(s): " + denied, "is not authorized to perform: ecr:GetAuthorizationToken on resource: *",
		}},
		{"secret's permission", "x", secret, refuse("secretsmanager:GetSecretValue"), []string{
			pull + "unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret " + secretARN + " from secrets manager: " + denied,
			"is not authorized to perform: secretsmanager:GetSecretValue on resource: " + secretARN,
		}},
		{"no secret", "x", secret, func(*Scheduler) {}, []string{pull, "ResourceNotFoundException: Secrets Manager can't find the specified secret"}},
		{"pull", ecrHost + "hello:1", "", refuse("ecr:BatchGetImage"), []string{"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref " + ecrHost + "hello:1", "403 Forbidden"}},
		{"no image", "x", "", notThere, []string{"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref x: x: not found"}},
		{"architecture", "x", "", func(s *Scheduler) { s.Images = fakeImages{fmt.Errorf("%w 'linux/amd64'", registry.ErrPlatform)} }, []string{
			"CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'",
		}},
		{"layers", ecrHost + "hello:1", "", refuse("ecr:GetDownloadUrlForLayer"), []string{"CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy", "ecr:GetDownloadUrlForLayer"}},
		{"log stream's permission", "x", group, refuse("logs:CreateLogStream"), []string{
			"ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: " + denied,
			"logs:CreateLogStream on resource: arn:aws:logs:eu-central-1:000000000000:log-group:hello:log-stream:web/main/", ": exit status 1",
		}},
		{"no log group", "x", group, func(s *Scheduler) { s.Logs = fakeLogs{logs.LogGroupNotFound()} }, []string{
			"ResourceInitializationError: failed to validate logger args: ", "ResourceNotFoundException: The specified log group does not exist. : exit status 1",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newECSStage(t)
			s.stop()
			s.newScheduler()
			tt.sabotage(s.scheduler)
			s.run()
			service := s.create(ecs.Service.Token, s.service(s.revision(tt.image, tt.more), cloud.Map{"waitForSteadyState": false}))
			s.await("the failure of the deployment", func(tx *cloud.Tx) bool {
				return primary(tx.Get(service.Key)).RolloutState == ecs.RolloutFailed
			})
			s.await("its tasks to stop", func(tx *cloud.Tx) bool {
				return len(s.tasks(tx)[ecs.TaskStopped]) == len(tx.Everywhere(ecs.Task.Token)) && len(tx.Everywhere(ec2.NetworkInterface.Token)) == 0
			})
			var status ecs.TaskStatus
			s.Store.View(func(tx *cloud.Tx) { status = cloud.StatusOf[ecs.TaskStatus](s.tasks(tx)[ecs.TaskStopped][0]) })
			if status.StopCode != ecs.StopFailedToStart || !strings.HasPrefix(status.StoppedReason, tt.reason[0]) {
				t.Errorf("%s: %s\nwant %s", status.StopCode, status.StoppedReason, tt.reason[0])
			}
			for _, words := range tt.reason[1:] {
				if !strings.Contains(status.StoppedReason, words) {
					t.Errorf("no %q in %s", words, status.StoppedReason)
				}
			}
			if !strings.Contains(s.events(service), status.StoppedReason[:60]) {
				t.Errorf("the events do not tell:\n%s", s.events(service))
			}
			if len(s.started) > 0 {
				t.Error("containers were started")
			}
		})
	}
}

func TestScaling(t *testing.T) {
	s := newECSStage(t)
	revision := s.revision("v1", "")
	service := s.create(ecs.Service.Token, s.service(revision, nil))
	s.await("two tasks", s.steady(service, revision, 2))
	first := s.running()
	for _, n := range []int{6, 2, 0, 1} {
		if _, err := s.update(service, cloud.Map{"desiredCount": float64(n)}); err != nil {
			t.Fatal(err)
		}
		s.await(fmt.Sprintf("%d tasks", n), s.steady(service, revision, n))
		if n == 2 && !slices.Equal(s.running(), first) {
			t.Errorf("scaling in stopped old tasks: %v are left of %v", s.running(), first)
		}
	}
	if d := cloud.StatusOf[ecs.ServiceStatus](s.now(service)).Deployments; len(d) != 1 {
		t.Errorf("scaling made deployments: %+v", d)
	}
}

func TestCrashedTasksAreReplaced(t *testing.T) {
	s := newECSStage(t)
	revision := s.revision("v1", "")
	service := s.create(ecs.Service.Token, s.service(revision, nil))
	s.await("two tasks", s.steady(service, revision, 2))
	before := s.running()
	s.mu.Lock()
	crashing := s.started[0]
	s.mu.Unlock()
	crashing.exit(2)
	s.await("a replacement", func(tx *cloud.Tx) bool {
		return len(s.tasks(tx)[ecs.TaskStopped]) == 1 && s.steady(service, revision, 2)(tx)
	})
	if slices.Equal(before, s.running()) {
		t.Error("the same tasks run")
	}
	s.Store.View(func(tx *cloud.Tx) {
		status := cloud.StatusOf[ecs.TaskStatus](s.tasks(tx)[ecs.TaskStopped][0])
		if status.StopCode != ecs.StopEssentialContainerExited || *status.Containers[0].ExitCode != 2 || !status.Failed {
			t.Errorf("it stopped as %+v", status)
		}
	})
}

// While a new version does not come up, the old one stays whole: what it loses comes back, and it scales out.
// https://aws.amazon.com/about-aws/whats-new/2025/11/amazon-ecs-service-availability-rolling-deployments
func TestOldVersionStaysWholeDuringADeployment(t *testing.T) {
	s := newECSStage(t)
	s.onBad(func(*fakeTask) {}) // it starts for ever
	first, second := s.revision("v1", ""), s.revision("bad", "")
	service := s.create(ecs.Service.Token, s.service(first, nil))
	s.await("the first version", s.steady(service, first, 2))
	if _, err := s.update(service, cloud.Map{"taskDefinition": second, "waitForSteadyState": false}); err != nil {
		t.Fatal(err)
	}
	versions := func(old, pending int) func(*cloud.Tx) bool {
		return func(tx *cloud.Tx) bool {
			running, starting := 0, 0
			for status, tasks := range s.tasks(tx) {
				for _, r := range tasks {
					switch spec := ecs.Task.Of(r); {
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
	s.await("the new tasks beside the old ones", versions(2, 2))
	for i := range 2 { // as many as there are
		s.mu.Lock()
		crashing := s.started[i]
		s.mu.Unlock()
		crashing.exit(2)
	}
	s.await("the old tasks to come back", func(tx *cloud.Tx) bool {
		return len(s.tasks(tx)[ecs.TaskStopped]) == 2 && versions(2, 2)(tx)
	})
	s.await("the old deployment's numbers", func(tx *cloud.Tx) bool {
		d := cloud.StatusOf[ecs.ServiceStatus](tx.Get(service.Key)).Deployments
		return len(d) == 2 && d[0].Desired == 2 && d[1].Desired == 2 && d[1].Running == 2
	})
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		appautoscaling.SetDesiredCount(tx, tx.Get(service.Key), 3, "a test")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.await("both to scale out", versions(3, 3))

	// Once another version comes up, nothing is left of either.
	third := s.revision("v3", "")
	if _, err := s.update(service, cloud.Map{"taskDefinition": third}); err != nil {
		t.Fatal(err)
	}
	s.await("the third version", s.steady(service, third, 3))
	if d := cloud.StatusOf[ecs.ServiceStatus](s.now(service)).Deployments; len(d) != 1 || d[0].Desired != 3 {
		t.Errorf("left are %+v", d)
	}
}

// An old version that cannot come back leaves the room to the new one.
func TestOldVersionThatFailsDoesNotHoldADeploymentUp(t *testing.T) {
	s := newECSStage(t)
	s.scheduler.throttle = func(failed int) time.Duration { return time.Duration(failed) * time.Millisecond }
	first, second := s.revision("bad", ""), s.revision("v2", "")
	service := s.create(ecs.Service.Token, s.service(first, cloud.Map{"deploymentMinimumHealthyPercent": 50.0, "deploymentMaximumPercent": 100.0}))
	s.await("the first version", s.steady(service, first, 2))
	s.onBad(func(f *fakeTask) { f.run(); f.exit(1) })
	s.mu.Lock()
	crashing := slices.Clone(s.started)
	s.mu.Unlock()
	if _, err := s.update(service, cloud.Map{"taskDefinition": second, "waitForSteadyState": false}); err != nil {
		t.Fatal(err)
	}
	for _, f := range crashing {
		f.exit(1)
	}
	s.await("the second version", s.steady(service, second, 2))
}

func TestGracePeriodHoldsBackHealthChecks(t *testing.T) {
	s := newECSStage(t)
	s.mu.Lock()
	s.sick = func(string) bool { return true }
	s.mu.Unlock()
	service := s.create(ecs.Service.Token, s.service(s.revision("v1", ""), cloud.Map{"desiredCount": 1.0, "healthCheckGracePeriodSeconds": 1.0}))
	s.await("a task to fail its checks", func(tx *cloud.Tx) bool { return len(s.tasks(tx)[ecs.TaskStopped]) > 0 })
	s.Store.View(func(tx *cloud.Tx) {
		status := cloud.StatusOf[ecs.TaskStatus](s.tasks(tx)[ecs.TaskStopped][0])
		if lived := status.StoppedAt.Sub(status.StartedAt); lived < time.Second {
			t.Errorf("it was stopped after %s: %s", lived, status.StoppedReason)
		}
	})
	if events := s.events(service); !strings.Contains(events, "(port 8080) is unhealthy in (target-group "+s.balancerGroup+") due to (reason Health checks failed with these codes: [500]).") {
		t.Errorf("events:\n%s", events)
	}
}

func TestDeletedServicesLeaveNothing(t *testing.T) {
	s := newECSStage(t)
	revision := s.revision("v1", "")
	service := s.create(ecs.Service.Token, s.service(revision, nil))
	s.await("two tasks", s.steady(service, revision, 2))
	if err := s.Delete(t.Context(), tester, service.Token, service.ID, patience); err != nil {
		t.Fatal(err)
	}
	providers := "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders"
	if err := s.Delete(t.Context(), tester, providers, "main", patience); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), tester, ecs.Cluster.Token, s.cluster, patience); err != nil {
		t.Fatal(err)
	}
	s.Store.View(func(tx *cloud.Tx) {
		for _, token := range []string{ecs.Service.Token, ecs.Task.Token, ecs.Cluster.Token, providers, ec2.NetworkInterface.Token} {
			if left := tx.Everywhere(token); len(left) > 0 {
				t.Errorf("left: %s", left[0].ID)
			}
		}
		group := tx.Get(cloud.Key{Scope: tester.Scope, Token: elbv2.TargetGroup.Token, ID: s.balancerGroup})
		if targets := cloud.StatusOf[elbv2.TargetGroupStatus](group).Targets; len(targets) > 0 {
			t.Errorf("targets are left: %+v", targets)
		}
	})
	for _, f := range s.started {
		select {
		case <-f.Done():
		default:
			t.Errorf("task %s still runs", f.spec.ID)
		}
	}
}

func TestUnreadableTaskDefinitionStopsNothingElse(t *testing.T) {
	s := newECSStage(t)
	revision := s.revision("v1", "")
	service := s.create(ecs.Service.Token, s.service(revision, nil))
	s.await("two tasks", s.steady(service, revision, 2))
	err := s.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Get(cloud.Key{Scope: tester.Scope, Token: ecs.TaskDefinitionRevision.Token, ID: revision}).Clone()
		r.Inputs["containerDefinitions"] = "{"
		tx.Put(r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	crashing := s.started[0]
	s.mu.Unlock()
	crashing.exit(1)
	s.await("a task that cannot start", func(tx *cloud.Tx) bool {
		return slices.ContainsFunc(s.tasks(tx)[ecs.TaskStopped], func(r *cloud.Resource) bool {
			status := cloud.StatusOf[ecs.TaskStatus](r)
			return status.StopCode == ecs.StopFailedToStart && strings.Contains(status.StoppedReason, revision)
		})
	})
	s.Store.View(func(tx *cloud.Tx) {
		if n := len(s.tasks(tx)[ecs.TaskRunning]); n != 1 {
			t.Errorf("%d tasks still run, want the one that did not crash", n)
		}
	})
	s.stop() // reports whether the scheduler has failed
}

func TestInterruptedDeletionGoesOn(t *testing.T) {
	s := newECSStage(t)
	revision := s.revision("v1", "")
	service := s.create(ecs.Service.Token, s.service(revision, nil))
	s.await("two tasks", s.steady(service, revision, 2))
	s.mu.Lock()
	s.keepDraining = true
	s.mu.Unlock()
	ctx, interrupt := context.WithCancel(t.Context())
	deleted := make(chan error, 1)
	go func() { deleted <- s.Delete(ctx, tester, service.Token, service.ID, patience) }()
	s.await("tasks that drain", func(tx *cloud.Tx) bool { return len(s.tasks(tx)[ecs.TaskDeactivating]) == 2 })
	interrupt()
	if err := <-deleted; !errors.Is(err, context.Canceled) {
		t.Fatalf("the interrupted deletion: %v", err)
	}
	s.mu.Lock()
	s.keepDraining = false
	s.mu.Unlock()
	// Any change makes the load balancer's controller look again.
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		tx.Put(tx.Get(cloud.Key{Scope: tester.Scope, Token: elbv2.TargetGroup.Token, ID: s.balancerGroup}).Clone())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.await("the end of the service", func(tx *cloud.Tx) bool { return tx.Get(service.Key) == nil })
	again := s.create(ecs.Service.Token, s.service(revision, nil))
	s.await("two tasks of the next service", s.steady(again, revision, 2))
}

func TestRestartStartsAnew(t *testing.T) {
	s := newECSStage(t)
	revision := s.revision("v1", "")
	service := s.create(ecs.Service.Token, s.service(revision, nil))
	s.await("two tasks", s.steady(service, revision, 2))
	s.stop()
	before := s.running()
	s.newScheduler()
	s.run()
	s.await("two new tasks", func(tx *cloud.Tx) bool {
		return len(s.tasks(tx)[ecs.TaskStopped]) == 2 && s.steady(service, revision, 2)(tx)
	})
	for _, name := range s.running() {
		if slices.Contains(before, name) {
			t.Errorf("task %s of the first run runs on", name)
		}
	}
	s.Store.View(func(tx *cloud.Tx) {
		for _, r := range s.tasks(tx)[ecs.TaskStopped] {
			if reason := cloud.StatusOf[ecs.TaskStatus](r).StoppedReason; reason != "The local cloud was restarted." {
				t.Errorf("it stopped because %q", reason)
			}
		}
		if n := len(tx.Everywhere(ec2.NetworkInterface.Token)); n != 2 {
			t.Errorf("%d network interfaces", n)
		}
		if d := primary(tx.Get(service.Key)); d.FailedTasks != 0 {
			t.Errorf("%d failed tasks", d.FailedTasks)
		}
	})
}
