package scheduler

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/pace"
)

// turn is the scheduler's look at one service: the state, the conclusions, and the changes to store.
type turn struct {
	*Scheduler
	tx  *cloud.Tx
	now time.Time

	service *cloud.Resource
	name    string
	spec    *ecs.ServiceSpec
	status  ecs.ServiceStatus
	members []*member
	wake    time.Time
}

// member is a task of the service that has not stopped.
type member struct {
	resource *cloud.Resource
	spec     *ecs.TaskSpec
	status   ecs.TaskStatus
	// healthy says that the task serves: it runs, and all of its health checks pass.
	healthy bool
}

// leaving reports whether the task is on its way down.
func (m *member) leaving() bool { return m.status.DesiredStatus == ecs.TaskStopped }

// look does the current work for a service. It returns when to look again without a change; zero for never.
func (s *Scheduler) look(tx *cloud.Tx, key cloud.Key, now time.Time) (wake time.Time, err error) {
	r := tx.Get(key)
	if r == nil {
		return wake, nil
	}
	if ecs.Drained(tx, r) {
		if s.Removed != nil {
			s.Removed(tx, r)
		}
		tx.Delete(r.Key)
		return wake, nil
	}
	t := &turn{
		Scheduler: s, tx: tx, now: now,
		service: r.Clone(), spec: ecs.Service.Inputs(r), status: cloud.StatusOf[ecs.ServiceStatus](r),
	}
	t.name = t.spec.Name
	for _, r := range ecs.TasksOf(tx, r) {
		if status := cloud.Peek[ecs.TaskStatus](r); status.LastStatus != ecs.TaskStopped || status.Failed && !status.Counted {
			t.members = append(t.members, &member{resource: r, spec: ecs.Task.Inputs(r), status: cloud.StatusOf[ecs.TaskStatus](r)})
		}
	}
	for _, m := range t.members {
		t.judge(m)
	}
	t.countFailures()
	t.breakCircuit()
	t.checkAlarms()
	if err := t.move(); err != nil {
		return t.wake, err
	}
	t.settle()
	t.put(r)
	return t.wake, nil
}

// put stores the changes.
func (t *turn) put(before *cloud.Resource) {
	for _, m := range t.members {
		r := m.resource.Clone()
		r.SetStatus(m.status)
		if !bytes.Equal(r.Status, m.resource.Status) {
			t.tx.Put(r)
		}
	}
	t.service.SetStatus(t.status)
	if !bytes.Equal(t.service.Status, before.Status) {
		t.tx.Put(t.service)
	}
}

func (t *turn) record(format string, args ...any) {
	t.status.Record("(service "+t.name+") "+format, args...)
}

// judge finds out whether a task serves, and stops it if its health checks fail although it should serve by now.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html
func (t *turn) judge(m *member) {
	if m.leaving() || m.status.LastStatus != ecs.TaskRunning {
		return
	}
	if m.status.HealthStatus == ecs.HealthUnhealthy {
		t.record("(task %s) failed container health checks.", ecs.TaskID(m.resource.ID))
		t.fail(m, "Task failed container health checks")
		return
	}
	m.healthy = !m.status.Checked || m.status.HealthStatus == ecs.HealthHealthy
	for _, lb := range m.spec.LoadBalancers {
		group := t.tx.Get(cloud.Key{Scope: t.service.Scope, Token: elbv2.TargetGroup.Token, ID: lb.TargetGroupARN})
		if group == nil {
			m.healthy = false
			continue
		}
		target, _ := elbv2.TargetHealth(group, m.status.Address, lb.ContainerPort)
		m.healthy = m.healthy && target.State == elbv2.TargetHealthy
		if target.State != elbv2.TargetUnhealthy {
			continue
		}
		if end := m.status.StartedAt.Add(t.grace()); t.now.Before(end) {
			t.wake = pace.Earlier(t.wake, end)
			continue
		}
		t.record("(task %s) (port %d) is unhealthy in (target-group %s) due to (reason %s).",
			ecs.TaskID(m.resource.ID), lb.ContainerPort, lb.TargetGroupARN, target.Description)
		t.fail(m, fmt.Sprintf("Task failed ELB health checks in (target-group %s)", lb.TargetGroupARN))
		return
	}
}

// grace is how long after a task's start failed health checks of a load balancer do not count.
func (t *turn) grace() time.Duration {
	if g := t.spec.HealthCheckGracePeriodSeconds; g != nil {
		return time.Duration(*g) * time.Second
	}
	return 0
}

// fail stops a task for not being healthy.
func (t *turn) fail(m *member, reason string) {
	m.healthy = false
	m.status.Failed = true
	m.status.DesiredStatus, m.status.StopCode, m.status.StoppedReason = ecs.TaskStopped, ecs.StopServiceScheduler, reason
}

// countFailures counts the failed tasks, and resets the count once a later task serves.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
func (t *turn) countFailures() {
	for i := range t.status.Deployments {
		d := &t.status.Deployments[i]
		for _, m := range t.members {
			switch {
			case m.spec.Deployment != d.ID:
			case m.healthy && m.status.CreatedAt.After(d.FailedAt):
				d.FailedTasks = 0
			case m.status.Failed && !m.status.Counted:
				m.status.Counted = true
				d.FailedTasks++
				d.FailedAt, d.UpdatedAt = t.now, t.now
				t.status.Steady = false
				t.explain(m, d)
			}
		}
	}
}

// explain adds an event about a task that did not start. ECS does not mention those that stopped later.
func (t *turn) explain(m *member, d *ecs.Deployment) {
	if m.status.StopCode != ecs.StopFailedToStart {
		return
	}
	if strings.HasPrefix(m.status.StoppedReason, cannotAssume) {
		t.record("failed to launch a task with (error %s).", m.status.StoppedReason)
	} else {
		t.record("was unable to place a task. Reason: %s.", m.status.StoppedReason)
	}
	const several = 3
	if d.FailedTasks == several {
		t.record("is unable to consistently start tasks successfully. For more information, see the Troubleshooting section.")
	}
}

// breakCircuit gives up the deployment under way once too many of its tasks have failed.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
func (t *turn) breakCircuit() {
	failed, breaker := t.status.Primary(), t.spec.DeploymentCircuitBreaker
	if !breaker.Enable || t.draining() || failed.RolloutState != ecs.RolloutInProgress || failed.FailedTasks < threshold(failed.Desired) {
		return
	}
	t.giveUp(failed, breaker.Rollback, "ECS deployment circuit breaker: ", "tasks failed to start.")
}

// checkAlarms fails the current deployment once one of the alarms that it watches is in ALARM: from when the first of its tasks runs
// until its bake time is over.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
// https://aws.amazon.com/blogs/containers/automate-rollbacks-for-amazon-ecs-rolling-deployments-with-cloudwatch-alarms/
func (t *turn) checkAlarms() {
	d := t.status.Primary()
	runs := slices.ContainsFunc(t.members, func(m *member) bool {
		return m.spec.Deployment == d.ID && m.status.LastStatus == ecs.TaskRunning
	})
	if runs && !t.draining() && cloudwatch.InAlarm(t.tx, t.service.Scope, t.alarms(d)) != "" {
		t.giveUp(d, t.spec.Alarms.Rollback, "ECS deployment alarms: ", "alarm detected.")
	}
}

// alarms returns the alarms that the deployment watches now.
func (t *turn) alarms(d *ecs.Deployment) []string {
	if a := t.spec.Alarms; a == nil || !a.Enable || d.RolloutState != ecs.RolloutInProgress {
		return nil
	}
	return d.Alarms
}

// giveUp marks the current deployment FAILED and rolls back to the last completed one, if it may. The remaining tasks of that one are
// kept. A rollback watches no alarms, because there is nothing before it to roll back to. The messages about the circuit breaker are
// ECS's; those about its alarms are only known from its events.
func (t *turn) giveUp(failed *ecs.Deployment, rollback bool, method, cause string) {
	failed.RolloutState, failed.Reason = ecs.RolloutFailed, method+cause
	failed.UpdatedAt = t.now
	t.record("(deployment %s) deployment failed: %s", failed.ID, cause)
	back := t.status.Completed
	if !rollback || back == nil || back.ID == failed.ID {
		return
	}
	t.record("rolling back to deployment %s.", back.ID)
	failed.Status, failed.Desired = ecs.DeploymentActive, 0
	old := *back
	t.status.Deployments = slices.DeleteFunc(t.status.Deployments, func(d ecs.Deployment) bool { return d.ID == old.ID })
	old.Status, old.RolloutState, old.Desired = ecs.DeploymentPrimary, ecs.RolloutInProgress, t.spec.DesiredCount
	old.Reason = method + "rolling back to deploymentId " + old.ID + "."
	old.FailedTasks, old.UpdatedAt, old.Alarms, old.DeployedAt = 0, t.now, nil, time.Time{}
	t.status.Deployments = slices.Insert(t.status.Deployments, 0, old)
	t.status.Steady = false
	ecs.Restore(t.service, &old)
}

func (t *turn) draining() bool { return t.status.Status == ecs.ServiceDraining }

// move starts and stops tasks within the limits of a deployment.
func (t *turn) move() error {
	d, served := t.status.Primary(), t.served()
	r := rollout{
		Desired:               d.Desired,
		MinimumHealthyPercent: t.spec.DeploymentMinimumHealthyPercent,
		MaximumPercent:        t.spec.DeploymentMaximumPercent,
		Frozen:                d.RolloutState == ecs.RolloutFailed,
	}
	if t.draining() {
		r.Desired, r.Frozen = 0, false
	}
	var current, old, useless []*member
	for _, m := range t.members {
		group, count := &old, &r.Old
		switch {
		case m.leaving():
			continue
		case m.spec.Deployment == d.ID:
			group, count = &current, &r.New
		case !m.healthy && (served == nil || m.spec.Deployment != served.ID):
			useless = append(useless, m) // of a version that never served
			continue
		}
		if m.healthy {
			count.Healthy++
		} else {
			count.Unready++
		}
		*group = append(*group, m)
	}
	r.OldDesired = t.replaced(served, r.Old.total())
	next := r.next()
	t.stop(current, next.StopNew)
	t.stop(old, next.StopOld)
	if !r.Frozen {
		t.stop(useless, len(useless))
	}
	if served != nil {
		if served.Desired = max(0, served.Desired-next.StopOld); r.New.Healthy >= r.Desired {
			served.Desired = 0 // the new tasks have taken over from all of them
		}
		if err := t.launch(served, next.StartOld); err != nil {
			return err
		}
	}
	if again := d.FailedAt.Add(t.Throttle(d.FailedTasks)); next.Start > 0 && t.now.Before(again) {
		t.wake = pace.Earlier(t.wake, again)
		return nil
	}
	return t.launch(d, next.Start)
}

// served returns the completed one of the deployments that are being replaced; nil if there is none.
func (t *turn) served() *ecs.Deployment {
	for i := range t.status.Deployments {
		d := &t.status.Deployments[i]
		if c := t.status.Completed; c != nil && d.ID == c.ID && d.Status == ecs.DeploymentActive {
			return d
		}
	}
	return nil
}

// replaced returns the desired count of the deployment that served, given its current tasks. If more were lost in a row than it should
// have, it cannot keep them, and waits before a retry, so it takes no room from the new ones.
func (t *turn) replaced(served *ecs.Deployment, now int) int {
	if served == nil {
		return 0
	}
	if again := served.FailedAt.Add(t.Throttle(served.FailedTasks)); served.FailedTasks > served.Desired && t.now.Before(again) {
		t.wake = pace.Earlier(t.wake, again)
		return min(now, served.Desired)
	}
	return served.Desired
}

// stop stops n of the tasks: first those that do not serve, then the youngest.
func (t *turn) stop(group []*member, n int) {
	if n == 0 {
		return
	}
	slices.SortStableFunc(group, func(a, b *member) int {
		if a.healthy != b.healthy {
			if a.healthy {
				return 1
			}
			return -1
		}
		return b.status.CreatedAt.Compare(a.status.CreatedAt)
	})
	var ids []string
	for _, m := range group[:n] {
		m.status.DesiredStatus, m.status.StopCode = ecs.TaskStopped, ecs.StopServiceScheduler
		m.status.StoppedReason = "Scaling activity initiated by (deployment " + t.status.Primary().ID + ")"
		ids = append(ids, "(task "+ecs.TaskID(m.resource.ID)+")")
	}
	t.status.Steady = false
	t.record("has stopped %d running tasks: %s.", n, strings.Join(ids, " "))
}

// launch adds n tasks of the deployment.
func (t *turn) launch(d *ecs.Deployment, n int) error {
	if n == 0 {
		return nil
	}
	version, err := d.Spec()
	if err != nil {
		return err
	}
	version.Cluster = t.spec.Cluster
	var places []place
	for _, id := range version.NetworkConfiguration.Subnets {
		if r := t.tx.Get(cloud.Key{Scope: t.service.Scope, Token: ec2.Subnet.Token, ID: id}); r != nil {
			places = append(places, place{Subnet: id, Zone: ec2.Subnet.Outputs(r).AvailabilityZone})
		}
	}
	if len(places) == 0 {
		t.record("was unable to place a task. Reason: the subnets %s do not exist.", strings.Join(version.NetworkConfiguration.Subnets, ", "))
		return nil
	}
	providers, zones, subnets := map[string]int{}, map[string]int{}, map[string]int{}
	for _, m := range t.members {
		if m.leaving() || m.spec.Deployment != d.ID {
			continue
		}
		providers[m.spec.CapacityProvider]++
		subnets[m.spec.SubnetID]++
		for _, p := range places {
			if p.Subnet == m.spec.SubnetID {
				zones[p.Zone]++
			}
		}
	}
	shares := version.Shares(t.tx, t.service.Scope)
	var ids []string
	for range n {
		p, where := provider(shares, providers), spread(places, zones, subnets)
		r, err := ecs.AddTask(t.tx, t.service.Scope, ecs.TaskSpec{
			ClusterARN: ecs.ClusterARN(t.service.Scope, t.spec.Cluster), TaskDefinitionARN: d.TaskDefinition,
			Service: t.service.ID, Deployment: d.ID, CapacityProvider: p,
			SubnetID: where.Subnet, SecurityGroups: version.NetworkConfiguration.SecurityGroups,
			AssignPublicIP: version.NetworkConfiguration.AssignPublicIP, LoadBalancers: version.LoadBalancers,
			EnableExecuteCommand: t.spec.EnableExecuteCommand,
		})
		if err != nil {
			return err
		}
		providers[p]++
		zones[where.Zone]++
		subnets[where.Subnet]++
		t.members = append(t.members, &member{resource: r, spec: ecs.Task.Inputs(r), status: cloud.StatusOf[ecs.TaskStatus](r)})
		ids = append(ids, "(task "+ecs.TaskID(r.ID)+")")
	}
	t.status.Steady = false
	t.record("has started %d tasks: %s.", n, strings.Join(ids, " "))
	return nil
}

// settle counts the tasks of each deployment, removes those that are over and completes the one that is done.
func (t *turn) settle() {
	d := t.status.Primary()
	watched := len(t.alarms(d)) > 0
	var steady bool
	before := 0 // how many of the replaced ones still have tasks
	for i := range t.status.Deployments {
		d := &t.status.Deployments[i]
		pending, running, healthy, left := 0, 0, 0, 0
		for _, m := range t.members {
			if m.spec.Deployment != d.ID {
				continue
			}
			switch m.status.LastStatus {
			case ecs.TaskProvisioning, ecs.TaskPending:
				pending++
			case ecs.TaskRunning:
				running++
			}
			if m.status.LastStatus != ecs.TaskStopping && m.status.LastStatus != ecs.TaskStopped {
				left++
			}
			if m.healthy && !m.leaving() {
				healthy++
			}
		}
		d.Pending, d.Running = pending, running
		switch {
		case d.Status == ecs.DeploymentPrimary:
			steady = d.Desired == healthy && healthy == left
		case left > 0 || d.Desired > 0:
			before++
		case !watched || d.RolloutState != ecs.RolloutCompleted: // what may be gone back to stays until the bake time is over
			d.Status = "" // over
		}
	}
	if steady && before == 0 && !t.draining() && d.RolloutState != ecs.RolloutFailed {
		if d.RolloutState == ecs.RolloutInProgress && !t.bake(d) {
			t.complete(d)
		}
		if !t.status.Steady {
			t.status.Steady = true
			t.record("has reached a steady state.")
		}
	}
	t.status.Deployments = slices.DeleteFunc(t.status.Deployments, func(d ecs.Deployment) bool { return d.Status == "" })
}

// bake reports whether the deployment, all of whose tasks have taken over, is still to be watched.
func (t *turn) bake(d *ecs.Deployment) bool {
	alarms := t.alarms(d)
	if len(alarms) == 0 {
		return false
	}
	if d.DeployedAt.IsZero() {
		d.DeployedAt = t.now
	}
	end := d.DeployedAt.Add(t.Pace.Real(ecs.BakeTime(t.tx, t.service.Scope, alarms)))
	if !t.now.Before(end) {
		return false
	}
	t.wake = pace.Earlier(t.wake, end)
	return true
}

// complete ends a finished deployment, and those that it replaced.
func (t *turn) complete(d *ecs.Deployment) {
	d.RolloutState, d.Reason = ecs.RolloutCompleted, "ECS deployment "+d.ID+" completed."
	d.UpdatedAt = t.now
	for i := range t.status.Deployments {
		if other := &t.status.Deployments[i]; other != d {
			other.Status = ""
		}
	}
	completed := *d
	t.status.Completed = &completed
	t.record("(deployment %s) deployment completed.", d.ID)
}
