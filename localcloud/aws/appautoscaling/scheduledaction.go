package appautoscaling

import (
	"cmp"
	"fmt"
	"time"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/schedule"
	"slipway/localcloud/cloud"
)

// ScheduledActionSpec says when a scalable target gets which bounds.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScheduledAction.html
type ScheduledActionSpec struct {
	scalable
	Name                 string `json:"name"`
	Schedule             string `json:"schedule"`
	Timezone             string `json:"timezone"`
	StartTime            string `json:"startTime"`
	EndTime              string `json:"endTime"`
	ScalableTargetAction struct {
		MinCapacity *int `json:"minCapacity"`
		MaxCapacity *int `json:"maxCapacity"`
	} `json:"scalableTargetAction"`
}

// ScheduledActionStatus is the Status of a scheduled action.
type ScheduledActionStatus struct {
	// Since is when it came due last, or was made or changed: what comes next counts from then.
	Since time.Time
}

type scheduledActionOutputs struct {
	ARN string `json:"arn"`
}

// ScheduledAction changes the bounds of a scalable target at a time, and the number of tasks if it is out of them.
var ScheduledAction = &cloud.Kind[ScheduledActionSpec, scheduledActionOutputs]{
	Spec: cloud.Spec{
		Token:    ScheduledActionToken,
		Label:    "Application Auto Scaling Scheduled Action",
		Import:   cloud.NotImported,
		Drift:    cloud.Drift{Change: cloud.Map{"schedule": "cron(0 9 * * ? *)"}, Serves: true, ServesWithout: true},
		Needs:    scalingNeeds("DescribeScheduledActions", "PutScheduledAction", "DeleteScheduledAction"),
		Defaults: cloud.Map{"timezone": "UTC"},
		AutoName: &cloud.AutoName{Property: "name"},
		Replace:  []string{"name", "resourceId", "scalableDimension", "serviceNamespace"},
		Normal:   map[string]func(any) any{"startTime": inUTC, "endTime": inUTC},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: check.NotFound("ObjectNotFoundException", "No scheduled action found: %s"),
	},
	Check: func(in *ScheduledActionSpec) []cloud.Failure {
		f := in.check()
		for property, text := range check.InOrder(map[string]string{"startTime": in.StartTime, "endTime": in.EndTime}) {
			if _, err := time.Parse(time.RFC3339, text); text != "" && err != nil {
				f = append(f, cloud.Failure{Property: property, Reason: fmt.Sprintf("expected %q to be a valid RFC3339 date, got %q: %v", property, text, err)})
			}
		}
		for property, n := range check.InOrder(map[string]*int{"minCapacity": in.ScalableTargetAction.MinCapacity, "maxCapacity": in.ScalableTargetAction.MaxCapacity}) {
			f = append(f, check.AtLeast("scalableTargetAction."+property, n, 0)...)
		}
		return f
	},
	Refs: func(_ *cloud.Call, in *ScheduledActionSpec) []cloud.Ref { return []cloud.Ref{in.target()} },
	Rules: func(_ *cloud.Call, in *ScheduledActionSpec) error {
		low, high := in.ScalableTargetAction.MinCapacity, in.ScalableTargetAction.MaxCapacity
		switch {
		case in.Name == "":
			return cloud.Errorf("ValidationException", "1 validation error detected: Value '' at 'scheduledActionName' failed to satisfy constraint: Member must have length greater than or equal to 1")
		case low == nil && high == nil:
			return cloud.Errorf("ValidationException", "At least one of minimum and maximum capacity must be specified in a scalable target action")
		case low != nil && high != nil:
			if err := checkBounds(*low, *high); err != nil {
				return err
			}
		}
		if _, err := schedule.Parse(in.Schedule, cmp.Or(in.Timezone, "UTC")); err != nil {
			return cloud.Errorf("ValidationException", "%v", err)
		}
		return nil
	},
	Create: func(c *cloud.Call, in *ScheduledActionSpec, out *scheduledActionOutputs) (string, error) {
		s := c.Caller.Scope
		out.ARN = arns.New(s, "autoscaling", fmt.Sprintf("scheduledAction:%s:resource/%s/%s:scheduledActionName/%s", ids.UUID(), scalableNamespace, in.ResourceID, in.Name))
		c.Resource.SetStatus(ScheduledActionStatus{Since: time.Now().UTC()})
		return in.Name + "-" + in.ServiceNamespace + "-" + in.ResourceID, nil
	},
	Update: func(c *cloud.Call, in *ScheduledActionSpec, _ *scheduledActionOutputs) error {
		if cloud.InputsOf[ScheduledActionSpec](c.Old).timing() != in.timing() {
			c.Resource.SetStatus(ScheduledActionStatus{Since: time.Now().UTC()})
		}
		return nil
	},
}

// inUTC returns a time without its zone.
func inUTC(v any) any {
	text, _ := v.(string)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return v
	}
	return t.UTC().Format(time.RFC3339)
}

// timing is what decides when a scheduled action comes due.
func (in *ScheduledActionSpec) timing() [4]string {
	return [4]string{in.Schedule, in.Timezone, in.StartTime, in.EndTime}
}

// Due returns when a scheduled action is next due; zero for never. Intervals are on the cloud's clock, and scale converts them to real
// time.
// https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scheduled-scaling.html
func Due(action *cloud.Resource, scale func(time.Duration) time.Duration) time.Time {
	in := ScheduledAction.Inputs(action)
	s, err := schedule.Parse(in.Schedule, cmp.Or(in.Timezone, "UTC"))
	if err != nil {
		panic("scheduled action " + action.Key.String() + ": " + err.Error()) // parsed before it was stored
	}
	since := cloud.StatusOf[ScheduledActionStatus](action).Since
	start, _ := time.Parse(time.RFC3339, in.StartTime) // zero if there is none
	end, _ := time.Parse(time.RFC3339, in.EndTime)
	var next time.Time
	switch {
	case !s.At.IsZero():
		return s.After(since)
	case since.Before(start): // it comes due then, and from then on by its schedule
		next = start
	case s.Every > 0:
		next = since.Add(scale(s.Every))
	default:
		next = s.After(since)
	}
	if !end.IsZero() && next.After(end) {
		return time.Time{}
	}
	return next
}
