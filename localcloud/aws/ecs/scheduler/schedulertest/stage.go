// Package schedulertest has fixtures for tests of the scheduler and of its watchers: a cloud with fake containers and load balancers.
package schedulertest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/localcloud/addr"
	"slipway/localcloud/aws"
	"slipway/localcloud/aws/appautoscaling"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/ecs/scheduler"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/schema"
	"slipway/localcloud/task"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
)

// SetAlarm puts the stage's alarm into a state.
func (s *Stage) SetAlarm(state string) {
	s.T.Helper()
	err := s.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Everywhere(cloudwatch.MetricAlarm.Token)[0].Clone()
		r.SetStatus(cloudwatch.AlarmStatus{State: state})
		tx.Put(r)
		return nil
	})
	if err != nil {
		s.T.Fatal(err)
	}
}

// Watched is a service whose deployments watch the alarm.
func (s *Stage) Watched(revision string, rollback bool, change cloud.Map) cloud.Map {
	in := s.Service(revision, cloud.Map{
		"alarms":             cloud.Map{"enable": true, "rollback": rollback, "alarmNames": []any{"errors"}},
		"waitForSteadyState": false,
	})
	for p, v := range change {
		in[p] = v
	}
	return in
}

// Status returns that of the task with the short id.
func (s *Stage) Status(tx *cloud.Tx, id string) ecs.TaskStatus {
	for _, r := range tx.Everywhere(ecs.Task.Token) {
		if r.Name == id {
			return cloud.StatusOf[ecs.TaskStatus](r)
		}
	}
	return ecs.TaskStatus{}
}

// Container returns what plays the containers of the task with the short id.
func (s *Stage) Container(id string) *FakeTask {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	i := slices.IndexFunc(s.Started, func(f *FakeTask) bool { return f.Spec.ID == id })
	return s.Started[i]
}

// Replaced is a condition: so many tasks run, and the service is in a steady state.
func (s *Stage) Replaced(service *cloud.Resource, revision string, n int) func(*cloud.Tx) bool {
	steady := s.Steady(service, revision, n)
	return func(tx *cloud.Tx) bool { return len(s.Tasks(tx)[ecs.TaskRunning]) == n && steady(tx) }
}

// OpenToTheInternet gives the tasks of the stage a way out.
func (s *Stage) OpenToTheInternet() {
	var gateway, vpc string
	s.Store.View(func(tx *cloud.Tx) {
		r := tx.Everywhere("aws:ec2/internetGateway:InternetGateway")[0]
		gateway, vpc = r.ID, r.Inputs["vpcId"].(string)
	})
	table := s.Make("aws:ec2/routeTable:RouteTable", cloud.Map{"vpcId": vpc}).ID
	s.Make("aws:ec2/route:Route", cloud.Map{"routeTableId": table, "gatewayId": gateway, "destinationCidrBlock": "0.0.0.0/0"})
	for _, subnet := range s.Subnets {
		s.Make("aws:ec2/routeTableAssociation:RouteTableAssociation", cloud.Map{"routeTableId": table, "subnetId": subnet})
	}
	s.Make("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", cloud.Map{
		"securityGroupId": s.Group, "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0",
	})
}

// Addresses returns the addresses of the running tasks.
func (s *Stage) Addresses() (out []string) {
	s.Store.View(func(tx *cloud.Tx) {
		for _, r := range s.Tasks(tx)[ecs.TaskRunning] {
			for _, ni := range ec2.InterfacesOf(tx, r.Scope, r.ID) {
				out = append(out, net.JoinHostPort(cloud.StatusOf[ec2.InterfaceStatus](ni).Address, "8080"))
			}
		}
	})
	return out
}

// Stage is a cloud with a scheduler, in which containers and load balancers are make-believe.
type Stage struct {
	*cloud.Cloud
	T         testing.TB
	Scheduler *scheduler.Scheduler
	Stop      func() // ends the scheduler

	Cluster, Group, BalancerGroup string
	Subnets                       []any

	Mu      sync.Mutex
	Started []*FakeTask
	// Behave is a task's behaviour after its start; nil lets it run.
	Behave func(*FakeTask)
	// Sick reports whether a task, by its image, fails the load balancer's health checks.
	Sick func(image string) bool
	// KeepDraining keeps targets that drain for ever.
	KeepDraining bool
}

// NewStage makes a cloud with a network, a load balancer and a cluster, and runs its scheduler.
func NewStage(t testing.TB) *Stage {
	t.Helper()
	store, err := cloud.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s := &Stage{Cloud: cloud.New(store, cloud.Options{Schema: schema.SDKs{}}), T: t, Sick: func(string) bool { return false }}
	s.Add(aws.Kinds()...)
	s.network()
	s.NewScheduler()
	s.Run()
	ctx, cancel := context.WithCancel(context.Background())
	var balancing sync.WaitGroup
	balancing.Go(func() { s.balance(ctx) })
	t.Cleanup(func() {
		cancel()
		balancing.Wait()
		s.Stop()
	})
	return s
}

// NewScheduler makes a scheduler to which everything is allowed.
func (s *Stage) NewScheduler() {
	s.Scheduler = scheduler.New(scheduler.Options{Store: s.Store, Addresses: addr.New(), Images: FakeImages{}, Logs: FakeLogs{}, Removed: appautoscaling.ServiceRemoved})
	s.Scheduler.Start = s.startTask
	s.Scheduler.CanAssume = func(*cloud.Tx, cloud.Scope, string, string) bool { return true }
	s.Scheduler.Allowed = func(*cloud.Tx, cloud.Scope, string, string, string) bool { return true }
	s.Scheduler.Egress = func(*cloud.Tx, cloud.Scope, *ec2.Interface, int) error { return nil }
	s.Scheduler.Throttle = func(int) time.Duration { return 0 }
}

// Run runs the scheduler until stop is called.
func (s *Stage) Run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Scheduler.Run(ctx) }()
	s.Stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			s.T.Errorf("scheduler: %v", err)
		}
	})
}

// Make makes a resource as the engine would, and must not be refused.
func (s *Stage) Make(token string, in cloud.Map) *cloud.Resource {
	s.T.Helper()
	r, err := s.try(token, in)
	if err != nil {
		s.T.Fatal(err)
	}
	return r
}

func (s *Stage) try(token string, in cloud.Map) (*cloud.Resource, error) {
	s.T.Helper()
	checked, failures, err := s.Check(token, in)
	if err != nil || len(failures) > 0 {
		s.T.Fatal(failures, err)
	}
	return s.Create(s.T.Context(), awstest.Caller, token, checked, 0)
}

// Edit changes some inputs of a resource.
func (s *Stage) Edit(r *cloud.Resource, change cloud.Map) (*cloud.Resource, error) {
	s.T.Helper()
	in := maps.Clone(s.Now(r).Inputs)
	maps.Copy(in, change)
	return s.Update(s.T.Context(), awstest.Caller, r.Token, r.ID, in, 0)
}

// Now returns the resource's current state.
func (s *Stage) Now(r *cloud.Resource) (out *cloud.Resource) {
	s.Store.View(func(tx *cloud.Tx) { out = tx.Get(r.Key) })
	return out
}

// network makes a VPC with two zones, a load balancer and a cluster.
func (s *Stage) network() {
	vpc := s.Make("aws:ec2/vpc:Vpc", cloud.Map{"cidrBlock": "10.0.0.0/16"}).ID
	s.Make("aws:ec2/internetGateway:InternetGateway", cloud.Map{"vpcId": vpc})
	for i, zone := range []string{"a", "b"} {
		s.Subnets = append(s.Subnets, s.Make("aws:ec2/subnet:Subnet", cloud.Map{
			"vpcId": vpc, "cidrBlock": fmt.Sprintf("10.0.%d.0/24", i), "availabilityZone": "eu-central-1" + zone,
		}).ID)
	}
	s.Group = s.Make("aws:ec2/securityGroup:SecurityGroup", cloud.Map{"vpcId": vpc, "name": "tasks"}).ID
	s.BalancerGroup = s.targetGroup("tasks", vpc, "ipv4")
	s.Cluster = s.Make("aws:ecs/cluster:Cluster", cloud.Map{"name": "main"}).ID
	s.Make("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders", cloud.Map{
		"clusterName": "main", "capacityProviders": []any{ecs.Fargate, ecs.FargateSpot},
	})
}

// targetGroup makes a target group. That a load balancer forwards to it is said here as the kinds of listeners say it.
func (s *Stage) targetGroup(name, vpc, addresses string) string {
	id := s.Make("aws:lb/targetGroup:TargetGroup", cloud.Map{
		"name": name, "vpcId": vpc, "targetType": "ip", "protocol": "HTTP", "port": 80.0, "ipAddressType": addresses,
	}).ID
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Get(cloud.Key{Scope: awstest.Caller.Scope, Token: elbv2.TargetGroup.Token, ID: id}).Clone()
		r.Outputs["loadBalancerArns"] = []any{awstest.BalancerARN}
		tx.Put(r)
		return nil
	}); err != nil {
		s.T.Fatal(err)
	}
	return id
}

// UseIPv6 moves the stage's services to IPv6-only subnets, with a target group whose targets have addresses of the given type.
func (s *Stage) UseIPv6(addresses string) {
	vpc := s.Make("aws:ec2/vpc:Vpc", cloud.Map{"cidrBlock": "10.6.0.0/16", "assignGeneratedIpv6CidrBlock": true})
	block := netip.MustParsePrefix(vpc.Outputs["ipv6CidrBlock"].(string)).Addr().As16()
	s.Subnets = nil
	for i, zone := range []string{"a", "b"} {
		const subnet = 7
		block[subnet] = byte(i)
		s.Subnets = append(s.Subnets, s.Make("aws:ec2/subnet:Subnet", cloud.Map{
			"vpcId": vpc.ID, "ipv6Native": true, "ipv6CidrBlock": netip.PrefixFrom(netip.AddrFrom16(block), 64).String(),
			"assignIpv6AddressOnCreation": true, "enableResourceNameDnsAaaaRecordOnLaunch": true, "availabilityZone": "eu-central-1" + zone,
		}).ID)
	}
	s.Group = s.Make("aws:ec2/securityGroup:SecurityGroup", cloud.Map{"vpcId": vpc.ID, "name": "tasks"}).ID
	group := s.targetGroup("tasks-6", vpc.ID, addresses)
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.BalancerGroup = group
}

// Names in the task definitions of tests.
const (
	ExecutionRole = "arn:aws:iam::000000000000:role/execution"
	ECRHost       = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/"
	SecretARN     = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:hello-AbCdEf"
)

// Revision registers a task definition of one container with the image, and returns its ARN. More fields of the container
// may be given as JSON.
func (s *Stage) Revision(image, more string) string {
	s.T.Helper()
	return s.Make("aws:ecs/taskDefinition:TaskDefinition", cloud.Map{
		"family": "hello", "cpu": "256", "memory": "512", "networkMode": "awsvpc", "requiresCompatibilities": []any{"FARGATE"},
		"executionRoleArn": ExecutionRole, "taskRoleArn": "arn:aws:iam::000000000000:role/task", "skipDestroy": true,
		"containerDefinitions": fmt.Sprintf(`[{"name": "main", "image": %q, "portMappings": [{"containerPort": 8080}] %s}]`, image, more),
	}).ID
}

// Service returns the inputs of a service, with some changed.
func (s *Stage) Service(revision string, change cloud.Map) cloud.Map {
	in := cloud.Map{
		"name": "hello", "cluster": s.Cluster, "taskDefinition": revision, "desiredCount": 2.0,
		"capacityProviderStrategies": []any{cloud.Map{"capacityProvider": ecs.Fargate, "weight": 1.0}},
		"networkConfiguration":       cloud.Map{"subnets": s.Subnets, "securityGroups": []any{s.Group}, "assignPublicIp": true},
		"loadBalancers":              []any{cloud.Map{"targetGroupArn": s.BalancerGroup, "containerName": "main", "containerPort": 8080.0}},
		"deploymentCircuitBreaker":   cloud.Map{"enable": true, "rollback": true},
		"waitForSteadyState":         true,
	}
	maps.Copy(in, change)
	return in
}

// Await waits until the condition holds.
func (s *Stage) Await(what string, condition func(*cloud.Tx) bool) {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(s.T.Context(), awstest.Patience)
	defer cancel()
	if err := s.Store.Wait(ctx, func(tx *cloud.Tx) (bool, error) { return condition(tx), nil }); err != nil {
		s.T.Fatalf("waiting for %s: %v\n%s", what, err, s.Report())
	}
}

// Report describes the state for a failed test.
func (s *Stage) Report() string {
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

// Steady is a condition for await: the service's tasks, so many of them, all run the revision and serve.
func (s *Stage) Steady(service *cloud.Resource, revision string, n int) func(*cloud.Tx) bool {
	return func(tx *cloud.Tx) bool {
		status := cloud.StatusOf[ecs.ServiceStatus](tx.Get(service.Key))
		d := status.Primary()
		return len(status.Deployments) == 1 && status.Steady && d.TaskDefinition == revision && d.Running == n && d.Desired == n
	}
}

// Tasks returns the tasks that have not stopped, by status.
func (s *Stage) Tasks(tx *cloud.Tx) map[string][]*cloud.Resource {
	out := map[string][]*cloud.Resource{}
	for _, r := range tx.Everywhere(ecs.Task.Token) {
		last := cloud.StatusOf[ecs.TaskStatus](r).LastStatus
		out[last] = append(out[last], r)
	}
	return out
}

// Primary returns the deployment that the service is moving to.
func Primary(service *cloud.Resource) *ecs.Deployment {
	status := cloud.StatusOf[ecs.ServiceStatus](service)
	return status.Primary()
}

// Events returns the service's history.
func (s *Stage) Events(service *cloud.Resource) string {
	var out []string
	for _, e := range cloud.StatusOf[ecs.ServiceStatus](s.Now(service)).Events {
		out = append(out, e.Message)
	}
	return strings.Join(out, "\n")
}

// balance plays the load balancer's controller.
func (s *Stage) balance(ctx context.Context) {
	store := s.Store.Watch(ecs.Task.Token, ecs.Service.Token)
	defer store.Stop()
	for {
		_ = store.Update(func(tx *cloud.Tx) error {
			s.Mu.Lock()
			id := s.BalancerGroup
			s.Mu.Unlock()
			group := tx.Get(cloud.Key{Scope: awstest.Caller.Scope, Token: elbv2.TargetGroup.Token, ID: id})
			if group == nil {
				return nil
			}
			status := cloud.StatusOf[elbv2.TargetGroupStatus](group)
			for i := range status.Targets {
				target := &status.Targets[i]
				s.Mu.Lock()
				sick := s.Sick(s.imageAt(tx, target.ID))
				s.Mu.Unlock()
				switch {
				case target.State == elbv2.TargetDraining:
				case sick:
					target.State, target.Description = elbv2.TargetUnhealthy, "Health checks failed with these codes: [500]"
				default:
					target.State = elbv2.TargetHealthy
				}
			}
			s.Mu.Lock()
			if !s.KeepDraining {
				status.Targets = slices.DeleteFunc(status.Targets, func(t elbv2.Target) bool { return t.State == elbv2.TargetDraining })
			}
			s.Mu.Unlock()
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
func (s *Stage) imageAt(tx *cloud.Tx, ip string) string {
	for _, r := range tx.Everywhere(ecs.Task.Token) {
		if cloud.StatusOf[ecs.TaskStatus](r).Address != ip || !ecs.TaskAlive(r) {
			continue
		}
		if revision, err := ecs.FindRevision(tx, r.Scope, ecs.Task.Inputs(r).TaskDefinitionARN); err == nil {
			return revision.Containers[0].Image
		}
	}
	return ""
}

// startTask plays the task runner.
func (s *Stage) startTask(spec task.Spec) (scheduler.Containers, error) {
	f := &FakeTask{
		Spec: spec, image: s.imageOf(spec.ID), changed: make(chan struct{}), done: make(chan struct{}),
		status: task.Status{State: task.StatePending, Containers: []task.ContainerStatus{{Name: "main", State: task.StatePending, Health: task.HealthUnknown}}},
	}
	s.Mu.Lock()
	s.Started = append(s.Started, f)
	behave := s.Behave
	s.Mu.Unlock()
	if behave == nil {
		behave = (*FakeTask).Run
	}
	go behave(f)
	return f, nil
}

// imageOf returns the image of the task with the short id.
func (s *Stage) imageOf(id string) (image string) {
	s.Store.View(func(tx *cloud.Tx) {
		for _, r := range tx.Everywhere(ecs.Task.Token) {
			if r.Name != id {
				continue
			}
			if revision, err := ecs.FindRevision(tx, r.Scope, ecs.Task.Inputs(r).TaskDefinitionARN); err == nil {
				image = revision.Containers[0].Image
			}
		}
	})
	return image
}

// OnBad makes tasks with the image bad behave differently from the others.
func (s *Stage) OnBad(behave func(*FakeTask)) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.Behave = func(f *FakeTask) {
		if f.image == "bad" {
			behave(f)
		} else {
			f.Run()
		}
	}
}

// StartedWith counts the tasks that were started with the image.
func (s *Stage) StartedWith(image string) int {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	n := 0
	for _, f := range s.Started {
		if f.image == image {
			n++
		}
	}
	return n
}

// FakeTask plays the containers of a task.
type FakeTask struct {
	Spec  task.Spec
	image string

	Mu       sync.Mutex
	status   task.Status
	Measured task.Usage
	OnStop   func() // called before it is stopped; may be nil
	changed  chan struct{}
	done     chan struct{}
}

// Usage returns the measured use.
func (f *FakeTask) Usage() (task.Usage, error) {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	return f.Measured, nil
}

// Crash ends the task as a kill does.
func (f *FakeTask) Crash() (string, error) {
	f.Exit(137)
	return "main", nil
}

// Exec ends with code 7, and says on stdout what was to be run in which container.
func (f *FakeTask) Exec(_ context.Context, container string, args []string, _, stdout, _ *os.File) (int, error) {
	const code = 7
	_, err := fmt.Fprintf(stdout, "%s in %s of %s", args, container, f.Spec.ID)
	return code, err
}

// Watch returns the status, and a channel that is closed when it changes.
func (f *FakeTask) Watch() (task.Status, <-chan struct{}) {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	s := f.status
	s.Containers = slices.Clone(s.Containers)
	return s, f.changed
}

// Done returns a channel that is closed when the task has ended.
func (f *FakeTask) Done() <-chan struct{} { return f.done }

// Change alters the status.
func (f *FakeTask) Change(change func(*task.Status)) {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	change(&f.status)
	close(f.changed)
	f.changed = make(chan struct{})
}

// Run makes the containers run.
func (f *FakeTask) Run() {
	f.Change(func(s *task.Status) {
		if s.State == task.StatePending {
			s.State, s.Containers[0].State = task.StateRunning, task.StateRunning
		}
	})
}

// Exit plays an essential container that ends by itself.
func (f *FakeTask) Exit(code int) {
	f.End(task.StopEssentialContainerExited, "Essential container in task exited", code)
}

// Stop ends the task on request.
func (f *FakeTask) Stop(code task.StopCode, reason string) {
	f.Mu.Lock()
	onStop := f.OnStop
	f.Mu.Unlock()
	if onStop != nil {
		onStop()
	}
	f.End(code, reason, 143)
}

// End ends the task.
func (f *FakeTask) End(code task.StopCode, reason string, exitCode int) {
	f.Change(func(s *task.Status) {
		if s.State == task.StateStopped {
			return
		}
		s.State, s.StopCode, s.StoppedReason = task.StateStopped, code, reason
		s.Containers[0].State, s.Containers[0].ExitCode = task.StateStopped, &exitCode
		close(f.done)
	})
}

// FakeImages has every image, or fails.
type FakeImages struct{ Err error }

// Image implements [scheduler.ImageSource].
func (i FakeImages) Image(string, v1.Platform) (v1.Image, error) { return empty.Image, i.Err }

// FakeLogs accepts every line, or fails.
type FakeLogs struct{ Err error }

// Writer implements [scheduler.LogStreams].
func (l FakeLogs) Writer(cloud.Scope, string, string) (io.WriteCloser, error) {
	return struct {
		io.Writer
		io.Closer
	}{io.Discard, io.NopCloser(nil)}, l.Err
}

// Running returns the names of the running tasks.
func (s *Stage) Running() (names []string) {
	s.Store.View(func(tx *cloud.Tx) {
		for _, r := range s.Tasks(tx)[ecs.TaskRunning] {
			names = append(names, r.Name)
		}
	})
	return names
}
