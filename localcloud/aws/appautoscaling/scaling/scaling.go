// Package scaling does the work of Application Auto Scaling: it follows alarms and schedules.
package scaling

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"slipway/localcloud/aws/appautoscaling"
	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/cloud"
	"slipway/localcloud/pace"
)

// Scaler is Application Auto Scaling: it changes services' desired counts, by the alarms of their target tracking policies and by their
// scheduled actions. All its data is in the store.
// https://docs.aws.amazon.com/autoscaling/application/userguide/what-is-application-auto-scaling.html
type Scaler struct {
	Store  *cloud.Store
	Alarms AlarmValues
	// Pace is that of cooldowns and of schedules at a rate. Dates and times of day are those of the clock.
	Pace  pace.Pace
	Clock *pace.Clock
	Log   *slog.Logger
}

// AlarmValues has what alarms see. [Metrics] does.
type AlarmValues interface {
	// Evaluated returns a channel that is closed when the alarms are evaluated next.
	Evaluated() <-chan struct{}
	// Latest returns the value that an alarm saw last, and whether there was one.
	Latest(alarm cloud.Key) (float64, bool)
}

// Run scales until the context ends, and returns its cause.
func (a *Scaler) Run(ctx context.Context) error {
	evaluated := a.Alarms.Evaluated()
	store := a.Store.Watch()
	defer store.Stop()
	for {
		turned := a.Clock.Turned()
		var wake time.Time
		err := store.Update(func(tx *cloud.Tx) error {
			wake = a.Schedule(tx, a.Clock.Now())
			return nil
		})
		if err != nil {
			return fmt.Errorf("run scheduled actions: %w", err)
		}
		var timer <-chan time.Time
		if wake = a.Clock.Wall(wake); !wake.IsZero() {
			timer = time.After(time.Until(wake))
		}
		select {
		case <-store.C:
		case <-timer:
		case <-turned:
		case <-evaluated:
			evaluated = a.Alarms.Evaluated() // before the look, so that none is missed
			if err := a.scaleAll(); err != nil {
				return fmt.Errorf("scale services: %w", err)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// scaleAll looks at every scalable target. An alarm causes scaling once a minute while it is in ALARM.
func (a *Scaler) scaleAll() error {
	return a.Store.Update(func(tx *cloud.Tx) error {
		for _, target := range tx.Everywhere(appautoscaling.ScalableTarget.Token) {
			a.Scale(tx, target, time.Now().UTC())
		}
		return nil
	})
}

// Schedule carries out the scheduled actions that are due, and returns when the next one will be; zero for never.
func (a *Scaler) Schedule(tx *cloud.Tx, now time.Time) (wake time.Time) {
	for _, r := range tx.Everywhere(appautoscaling.ScheduledAction.Token) {
		due := appautoscaling.Due(r, a.Pace.Real)
		if due.IsZero() || now.Before(due) {
			wake = pace.Earlier(wake, due)
			continue
		}
		r = r.Clone()
		r.SetStatus(appautoscaling.ScheduledActionStatus{Since: now})
		tx.Put(r)
		wake = pace.Earlier(wake, appautoscaling.Due(r, a.Pace.Real))
		a.act(tx, r)
	}
	return wake
}

// act gives a scalable target the bounds of a scheduled action.
func (a *Scaler) act(tx *cloud.Tx, action *cloud.Resource) {
	in := appautoscaling.ScheduledAction.Inputs(action)
	target := tx.Get(cloud.Key{Scope: action.Scope, Token: appautoscaling.ScalableTarget.Token, ID: in.ResourceID})
	if target == nil || appautoscaling.ScalableTarget.Inputs(target).SuspendedState.ScheduledScalingSuspended {
		return
	}
	now := appautoscaling.ScalableTarget.Inputs(target)
	low, high := now.MinCapacity, now.MaxCapacity
	if n := in.ScalableTargetAction.MinCapacity; n != nil {
		low = *n
	}
	if n := in.ScalableTargetAction.MaxCapacity; n != nil {
		high = *n
	}
	if err := appautoscaling.SetBounds(tx, target, low, high, "scheduled action name "+in.Name+" was triggered"); err != nil {
		a.Log.Warn("scheduled action", "name", in.Name, "error", err)
	}
}

// scaling is a policy's wish.
type scaling struct {
	capacity int
	policy   *appautoscaling.ScalingPolicySpec
	alarm    string
}

func (s scaling) cause() string {
	return "monitor alarm " + s.alarm + " in state ALARM triggered policy " + s.policy.Name
}

// Scale follows the policies of a scalable target: it scales out if any of them wants that, and otherwise in if all that may do so want
// it. The largest number of tasks counts.
// https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
func (a *Scaler) Scale(tx *cloud.Tx, target *cloud.Resource, now time.Time) {
	service := appautoscaling.ServiceOf(tx, target)
	if service == nil {
		return
	}
	in := appautoscaling.ScalableTarget.Inputs(target)
	status := cloud.StatusOf[ecs.ServiceStatus](service)
	running := 0 // ECS scales from these, not from the desired count
	for _, d := range status.Deployments {
		running += d.Running
	}
	var out, low []scaling
	mayScaleIn := 0
	for _, r := range appautoscaling.PoliciesOf(tx, target) {
		policy, alarms := appautoscaling.ScalingPolicy.Inputs(r), cloud.StatusOf[appautoscaling.ScalingPolicyStatus](r)
		if s, ok := a.wanted(tx, policy, appautoscaling.AlarmKey(r.Scope, alarms.High), running); ok {
			out = append(out, s)
		}
		if alarms.Low == "" {
			continue
		}
		mayScaleIn++
		if s, ok := a.wanted(tx, policy, appautoscaling.AlarmKey(r.Scope, alarms.Low), running); ok {
			low = append(low, s)
		}
	}
	switch {
	case len(out) > 0:
		if !in.SuspendedState.DynamicScalingOutSuspended {
			a.scaleOut(tx, target, service, most(out), running, now)
		}
	case mayScaleIn > 0 && len(low) == mayScaleIn:
		if !in.SuspendedState.DynamicScalingInSuspended && !deploying(status) {
			a.scaleIn(tx, target, service, most(low), now)
		}
	}
}

// deploying reports whether a deployment is in progress, during which nothing is scaled in.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-auto-scaling.html
func deploying(status ecs.ServiceStatus) bool {
	return slices.ContainsFunc(status.Deployments, func(d ecs.Deployment) bool { return d.RolloutState == ecs.RolloutInProgress })
}

// wanted returns a policy's wish if its alarm is in ALARM: as many tasks as bring the metric to its target, rounded up. A service
// without tasks begins with one.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-auto-scaling.html
func (a *Scaler) wanted(tx *cloud.Tx, policy *appautoscaling.ScalingPolicySpec, alarm cloud.Key, running int) (scaling, bool) {
	value, ok := a.Alarms.Latest(alarm)
	if !ok || cloudwatch.InAlarm(tx, alarm.Scope, []string{alarm.ID}) == "" {
		return scaling{}, false
	}
	capacity := int(math.Ceil(float64(running) * value / policy.TargetTracking.TargetValue))
	if running == 0 {
		capacity = 1
	}
	return scaling{capacity: capacity, policy: policy, alarm: alarm.ID}, true
}

func most(wanted []scaling) scaling {
	return slices.MaxFunc(wanted, func(a, b scaling) int { return cmp.Compare(a.capacity, b.capacity) })
}

// scaleOut adds tasks. During the cooldown of the last scale-out, the tasks added then count towards those to add now.
func (a *Scaler) scaleOut(tx *cloud.Tx, target, service *cloud.Resource, wanted scaling, running int, now time.Time) {
	in, status := appautoscaling.ScalableTarget.Inputs(target), cloud.StatusOf[appautoscaling.ScalableTargetStatus](target)
	desired := ecs.Service.Inputs(service).DesiredCount
	cooldown := a.Pace.Real(time.Duration(wanted.policy.TargetTracking.ScaleOutCooldown) * time.Second)
	capacity, from := wanted.capacity, running
	if now.Before(status.ScaledOut.Add(cooldown)) {
		capacity, from = status.OutFrom+capacity-running, status.OutFrom
	}
	capacity = min(max(capacity, in.MinCapacity), in.MaxCapacity)
	if capacity <= desired {
		return
	}
	status.ScaledOut, status.OutFrom, status.ScaledIn = now, from, time.Time{} // which ends a cooldown of scaling in
	tx.PutStatus(target, status)
	appautoscaling.SetDesiredCount(tx, service, capacity, wanted.cause())
}

// scaleIn removes tasks, unless the cooldown of the last time still lasts.
func (a *Scaler) scaleIn(tx *cloud.Tx, target, service *cloud.Resource, wanted scaling, now time.Time) {
	in, status := appautoscaling.ScalableTarget.Inputs(target), cloud.StatusOf[appautoscaling.ScalableTargetStatus](target)
	desired := ecs.Service.Inputs(service).DesiredCount
	cooldown := a.Pace.Real(time.Duration(wanted.policy.TargetTracking.ScaleInCooldown) * time.Second)
	capacity := min(max(wanted.capacity, in.MinCapacity), in.MaxCapacity)
	if capacity >= desired || now.Before(status.ScaledIn.Add(cooldown)) {
		return
	}
	status.ScaledIn = now
	tx.PutStatus(target, status)
	appautoscaling.SetDesiredCount(tx, service, capacity, wanted.cause())
}
