// Package invoker does the work of EventBridge Scheduler: it invokes the targets of schedules that come due.
package invoker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/scheduler"
	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/cloud"
	"slipway/localcloud/pace"
)

// Invoker invokes the targets of all schedules. All its data is in the store.
type Invoker struct {
	Store *cloud.Store
	// Clock is that by which schedules come due, and Pace that of schedules at a rate.
	Clock *pace.Clock
	Pace  pace.Pace
	Log   *slog.Logger
}

// Run invokes targets until ctx ends, and returns its cause. EventBridge Scheduler invokes a target within 60 seconds of its time, and
// this one at once.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
func (v *Invoker) Run(ctx context.Context) error {
	store := v.Store.Watch()
	defer store.Stop()
	for {
		turned := v.Clock.Turned()
		var wake time.Time
		err := store.Update(func(tx *cloud.Tx) (err error) {
			wake, err = v.Look(tx, v.Clock.Now())
			return err
		})
		if err != nil {
			return fmt.Errorf("invoke the targets of schedules: %w", err)
		}
		var timer <-chan time.Time
		if wake = v.Clock.Wall(wake); !wake.IsZero() {
			timer = time.After(time.Until(wake))
		}
		select {
		case <-store.C:
		case <-timer:
		case <-turned:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Look invokes the targets of the schedules that are due, and returns when the next one will be; zero for never. A schedule that came
// due more than once, because the clock was turned, invokes its target once.
func (v *Invoker) Look(tx *cloud.Tx, now time.Time) (wake time.Time, err error) {
	for _, r := range tx.Everywhere(scheduler.Schedule.Token) {
		status := cloud.StatusOf[scheduler.ScheduleStatus](r)
		if status.Since.IsZero() { // it is new, or was changed
			status.Since = now
			tx.PutStatus(r, status)
			r = tx.Get(r.Key)
		}
		due := scheduler.Due(r, v.Pace.Real)
		if due.IsZero() || now.Before(due) {
			wake = pace.Earlier(wake, due)
			continue
		}
		if status.Refused, err = v.invoke(tx, r, now); err != nil {
			return wake, err
		}
		if status.Refused != "" {
			v.Log.Warn("schedule", "name", r.Name, "refused", status.Refused)
		}
		status.Since = now
		tx.PutStatus(r, status)
		wake = pace.Earlier(wake, scheduler.Due(tx.Get(r.Key), v.Pace.Real))
	}
	return wake, nil
}

// invoke starts an execution of the schedule's target with the schedule's role. It returns why that was refused. EventBridge Scheduler
// would try again, and fail each time.
func (v *Invoker) invoke(tx *cloud.Tx, r *cloud.Resource, now time.Time) (refused string, err error) {
	target := scheduler.Schedule.Inputs(r).Target
	if why := iam.Denial(tx, r.Scope, target.RoleARN, "states:StartExecution", target.ARN, nil); why != "" {
		user := arns.Global("sts", r.Scope.Account, "assumed-role/"+arns.Last(target.RoleARN)+"/"+r.Name)
		return iam.AccessDenied("AccessDeniedException", user, "states:StartExecution", target.ARN, why).Error(), nil
	}
	machine := tx.Get(cloud.Key{Scope: r.Scope, Token: sfn.StateMachine.Token, ID: target.ARN})
	if machine == nil {
		return sfn.StateMachine.NotFound(target.ARN).Error(), nil
	}
	_, err = sfn.Start(tx, machine, target.Input, now)
	return "", err
}
