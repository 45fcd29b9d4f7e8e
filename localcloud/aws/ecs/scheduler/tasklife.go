package scheduler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/cloud"
	"slipway/localcloud/task"
)

// life is a task from PROVISIONING to STOPPED.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
type life struct {
	*Scheduler
	key  cloud.Key
	id   string
	spec *ecs.TaskSpec
	// checked lists the essential containers that have a health check.
	checked []string
	// address is where the task is reached: in its VPC, or at a loopback address.
	address netip.Addr
	eni     cloud.Key // its network interface
	logs    []io.Closer
	// endpoint is the task's, once its revision is known; nil if there is none.
	endpoint *ecs.TaskEndpoint
	// revision is the task definition that it runs.
	revision *ecs.Revision
}

// live takes the task through its life. Its error comes from the store: a task's own errors are in the task's status, and do not stop
// the others. When ctx ends first, the task stays unchanged.
func (s *Scheduler) live(ctx context.Context, key cloud.Key) error {
	l := &life{Scheduler: s, key: key, id: ecs.TaskID(key.ID)}
	s.Store.View(func(tx *cloud.Tx) { l.spec = ecs.Task.Inputs(tx.Get(key)) })
	defer l.release()

	// Wanted ends when the task must stop.
	wanted, unwanted := context.WithCancel(ctx)
	defer unwanted()
	go func() {
		_ = s.Store.Wait(wanted, func(tx *cloud.Tx) (bool, error) { return l.status(tx).DesiredStatus != ecs.TaskRunning, nil })
		unwanted()
	}()

	running, err := l.begin(wanted)
	if err == nil {
		defer l.enter(running)()
		err = l.serve(wanted, running)
	}
	if ctx.Err() != nil {
		return nil
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		if err := l.fail(ecs.StopFailedToStart, err.Error()); err != nil {
			return err
		}
	}
	if err := l.end(ctx, running); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// enter makes the task's containers known to those who ask the scheduler about them, until leave is called.
func (l *life) enter(running Containers) (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Scheduler.running[l.key] = runningTask{Containers: running, spec: l.spec, revision: l.revision}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.Scheduler.running, l.key)
	}
}

// release frees the task's parts of this machine.
func (l *life) release() {
	if l.address.IsValid() && l.Interface == nil {
		l.Addresses.Release(l.address)
	}
	if l.endpoint != nil {
		l.endpoint.Close()
	}
	for _, w := range l.logs {
		_ = w.Close() // as with every line: what cannot be written is lost
	}
}

// status is the task's as the transaction sees it.
func (l *life) status(tx *cloud.Tx) *ecs.TaskStatus {
	r := tx.Get(l.key)
	if r == nil { // only a cluster's deletion removes tasks, and only stopped ones
		return &ecs.TaskStatus{LastStatus: ecs.TaskStopped, DesiredStatus: ecs.TaskStopped}
	}
	return cloud.Peek[ecs.TaskStatus](r)
}

// change changes the task's status in a transaction.
func (l *life) change(f func(tx *cloud.Tx, status *ecs.TaskStatus) error) error {
	return l.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Get(l.key)
		if r == nil {
			return nil
		}
		status := cloud.StatusOf[ecs.TaskStatus](r)
		before := *cloud.Peek[ecs.TaskStatus](r)
		if err := f(tx, &status); err != nil {
			return err
		}
		if !reflect.DeepEqual(status, before) {
			r = r.Clone()
			r.SetStatus(status)
			tx.Put(r)
		}
		return nil
	})
}

// record adds an event to the task's service, if there still is one.
func (l *life) record(tx *cloud.Tx, format string, args ...any) {
	r := tx.Get(cloud.Key{Scope: l.key.Scope, Token: ecs.Service.Token, ID: l.spec.Service})
	if r == nil {
		return
	}
	r = r.Clone()
	status := cloud.StatusOf[ecs.ServiceStatus](r)
	status.Record("(service "+ecs.Service.Inputs(r).Name+") "+format, args...)
	r.SetStatus(status)
	tx.Put(r)
}

// fail marks the task as stopping by itself, which its deployment counts as a failure. It changes nothing if the task had to stop
// anyway.
func (l *life) fail(code, reason string) error {
	return l.change(func(_ *cloud.Tx, status *ecs.TaskStatus) error {
		if status.DesiredStatus == ecs.TaskRunning {
			status.DesiredStatus, status.StopCode, status.StoppedReason, status.Failed = ecs.TaskStopped, code, reason, true
		}
		return nil
	})
}

// begin provisions the task and starts its containers.
func (l *life) begin(ctx context.Context) (Containers, error) {
	spec, err := l.prepare(ctx)
	if err != nil {
		return nil, err
	}
	running, err := l.Start(spec)
	if err != nil {
		return nil, &startError{"CannotStartContainerError: " + err.Error()}
	}
	return running, nil
}

// pause waits out the share of the latency model that a step of the task's start takes.
func (l *life) pause(ctx context.Context, seconds float64) error {
	d := time.Duration(seconds * l.Latency * float64(time.Second))
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// serve follows the containers until they stop by themselves or ctx ends.
func (l *life) serve(ctx context.Context, running Containers) error {
	for {
		now, changed := running.Watch()
		if err := l.follow(now); err != nil {
			return err
		}
		if now.State == task.StateStopping || now.State == task.StateStopped {
			return l.fail(string(now.StopCode), now.StoppedReason)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow stores how the containers are. Once all of them run, the task is RUNNING and a target of its load balancers.
func (l *life) follow(now task.Status) error {
	return l.change(func(tx *cloud.Tx, status *ecs.TaskStatus) error {
		status.Containers = containerStatuses(now)
		status.HealthStatus = l.health(now)
		if now.State != task.StateRunning || status.LastStatus != ecs.TaskPending || status.DesiredStatus != ecs.TaskRunning {
			return nil
		}
		status.LastStatus, status.StartedAt = ecs.TaskRunning, time.Now().UTC()
		for _, lb := range l.spec.LoadBalancers {
			group := tx.Get(cloud.Key{Scope: l.key.Scope, Token: elbv2.TargetGroup.Token, ID: lb.TargetGroupARN})
			if group == nil {
				continue
			}
			if err := elbv2.CheckTarget(group, status.Address); err != nil {
				l.refused(tx, status, lb.TargetGroupARN, err)
				return nil
			}
			elbv2.RegisterTarget(tx, group, status.Address, lb.ContainerPort)
			l.record(tx, "registered 1 targets in (target-group %s)", lb.TargetGroupARN)
		}
		return nil
	})
}

// refused stops a task that a target group does not take. What ECS does then, apart from its event, is not documented.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
func (l *life) refused(tx *cloud.Tx, status *ecs.TaskStatus, group string, err error) {
	l.record(tx, "failed to register targets in (target-group %s) with (error %s)", group, message(err))
	status.DesiredStatus, status.StopCode, status.Failed = ecs.TaskStopped, ecs.StopServiceScheduler, true
	status.StoppedReason = fmt.Sprintf("Task failed to register in (target-group %s): %s", group, message(err))
}

func containerStatuses(now task.Status) []ecs.ContainerStatus {
	var out []ecs.ContainerStatus
	for _, c := range now.Containers {
		out = append(out, ecs.ContainerStatus{
			Name: c.Name, LastStatus: string(c.State), HealthStatus: string(c.Health), ExitCode: c.ExitCode, Reason: c.Reason,
		})
	}
	return out
}

// health is the combined result of the essential containers' health checks.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html
func (l *life) health(now task.Status) string {
	health := ecs.HealthUnknown
	for _, c := range now.Containers {
		if !slices.Contains(l.checked, c.Name) {
			continue
		}
		switch c.Health {
		case task.HealthUnhealthy:
			return ecs.HealthUnhealthy
		case task.HealthUnknown:
			health = ""
		case task.HealthHealthy:
			if health == ecs.HealthUnknown {
				health = ecs.HealthHealthy
			}
		}
	}
	if health == "" {
		return ecs.HealthUnknown
	}
	return health
}

// end takes the task down: out of its target groups, then, when the load balancers are done with it, its containers, last
// its network interface.
func (l *life) end(ctx context.Context, running Containers) error {
	var leaving []string
	interrupted := false
	err := l.change(func(tx *cloud.Tx, status *ecs.TaskStatus) error {
		interrupted = status.StopCode == ecs.StopSpotInterruption
		if leaving = deregister(tx, l.key.Scope, l.spec, status.Address); len(leaving) > 0 {
			status.LastStatus = ecs.TaskDeactivating
			l.record(tx, "has begun draining connections on 1 tasks.")
			l.record(tx, "deregistered 1 targets in (target-group %s)", strings.Join(leaving, ", "))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if running != nil {
		// The notice of an interruption is the SIGTERM itself, which does not wait for connections to drain: the machine is gone
		// two minutes later. The task is deregistered before even so.
		// https://aws.amazon.com/about-aws/whats-new/2023/02/amazon-elastic-container-service-accuracy-service-load-balancing/
		// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
		if !interrupted {
			if err := l.drain(ctx, leaving, running); err != nil {
				return err
			}
		}
		if err := l.halt(ctx, running); err != nil {
			return err
		}
	}
	return l.Store.Update(func(tx *cloud.Tx) error {
		if r := tx.Get(l.key); r != nil {
			finish(tx, r, cloud.StatusOf[ecs.TaskStatus](r))
		}
		return nil
	})
}

// drain waits until no target group has the task any more, unless it stops before.
func (l *life) drain(ctx context.Context, groups []string, running Containers) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	errStopped := errors.New("the task has stopped")
	go func() {
		select {
		case <-running.Done():
			cancel(errStopped)
		case <-ctx.Done():
		}
	}()
	err := l.Store.Wait(ctx, func(tx *cloud.Tx) (bool, error) {
		ip := l.status(tx).Address
		return !slices.ContainsFunc(l.spec.LoadBalancers, func(lb ecs.ServiceLoadBalancer) bool {
			group := tx.Get(cloud.Key{Scope: l.key.Scope, Token: elbv2.TargetGroup.Token, ID: lb.TargetGroupARN})
			if group == nil || !slices.Contains(groups, lb.TargetGroupARN) {
				return false
			}
			_, still := elbv2.TargetHealth(group, ip, lb.ContainerPort)
			return still
		}), nil
	})
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

// halt stops the containers, with their stop timeouts, and waits until they have.
func (l *life) halt(ctx context.Context, running Containers) error {
	var code, reason string
	err := l.change(func(_ *cloud.Tx, status *ecs.TaskStatus) error {
		status.LastStatus = ecs.TaskStopping
		code, reason = status.StopCode, status.StoppedReason
		return nil
	})
	if err != nil {
		return err
	}
	running.Stop(task.StopCode(code), reason)
	select {
	case <-running.Done():
	case <-ctx.Done():
		return ctx.Err()
	}
	last, _ := running.Watch()
	return l.change(func(_ *cloud.Tx, status *ecs.TaskStatus) error {
		status.Containers = containerStatuses(last)
		return nil
	})
}

// provision gives the task its network interface and its place on this machine.
func (l *life) provision(ports []int) (*ec2.Interface, error) {
	if l.Interface == nil {
		var err error
		if l.address, err = l.Addresses.Allocate(ports...); err != nil {
			return nil, &startError{err.Error()}
		}
	}
	var ni *ec2.Interface
	err := l.change(func(tx *cloud.Tx, status *ecs.TaskStatus) error {
		r, err := ec2.AddInterface(tx, l.key.Scope, ec2.Interface{
			SubnetID: l.spec.SubnetID, SecurityGroups: l.groups(tx), Owner: l.key.ID,
			Description: arns.New(l.key.Scope, "ecs", "attachment/"+l.id),
		}, l.spec.AssignPublicIP)
		if err != nil {
			return &startError{fmt.Sprintf("Unexpected EC2 error while attempting to Create Network Interface: %s", message(err))}
		}
		if ni = ec2.NetworkInterface.Inputs(r); l.Interface != nil {
			if l.address, err = netip.ParseAddr(ni.Address()); err != nil {
				return err
			}
		}
		l.eni = r.Key
		r = r.Clone()
		r.SetStatus(ec2.InterfaceStatus{Address: l.address.String()})
		tx.Put(r)
		status.Address = ni.Address()
		return nil
	})
	return ni, err
}

// groups returns the security groups of the task: the given ones, else the default one of the VPC.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
func (l *life) groups(tx *cloud.Tx) []string {
	if len(l.spec.SecurityGroups) > 0 {
		return l.spec.SecurityGroups
	}
	subnet := tx.Get(cloud.Key{Scope: l.key.Scope, Token: ec2.Subnet.Token, ID: l.spec.SubnetID})
	if subnet == nil {
		return nil
	}
	if r := tx.Get(cloud.Key{Scope: l.key.Scope, Token: ec2.VPC.Token, ID: ec2.Subnet.Inputs(subnet).VPCID}); r != nil {
		return []string{ec2.VPC.Outputs(r).DefaultSecurityGroupID}
	}
	return nil
}
