package scheduler

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/schedule"
	"slipway/localcloud/cloud"
)

// ScheduleSpec describes a wanted schedule.
// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
type ScheduleSpec struct {
	Name               string `json:"name"`
	NamePrefix         string `json:"namePrefix"`
	GroupName          string `json:"groupName"`
	Description        string `json:"description"`
	Expression         string `json:"scheduleExpression"`
	TimeZone           string `json:"scheduleExpressionTimezone"`
	StartDate          string `json:"startDate"`
	EndDate            string `json:"endDate"`
	KMSKeyARN          string `json:"kmsKeyArn"`
	State              string `json:"state"`
	FlexibleTimeWindow struct {
		Mode    string `json:"mode"`
		Minutes int    `json:"maximumWindowInMinutes"`
	} `json:"flexibleTimeWindow"`
	Target struct {
		ARN         string `json:"arn"`
		RoleARN     string `json:"roleArn"`
		Input       string `json:"input"`
		RetryPolicy *struct {
			Age      *int `json:"maximumEventAgeInSeconds"`
			Attempts *int `json:"maximumRetryAttempts"`
		} `json:"retryPolicy"`

		// Not modelled: refused unless empty.
		DeadLetterConfig            any `json:"deadLetterConfig"`
		ECSParameters               any `json:"ecsParameters"`
		EventbridgeParameters       any `json:"eventbridgeParameters"`
		KinesisParameters           any `json:"kinesisParameters"`
		SagemakerPipelineParameters any `json:"sagemakerPipelineParameters"`
		SQSParameters               any `json:"sqsParameters"`
	} `json:"target"`
}

type scheduleOutputs struct {
	ARN       string `json:"arn"`
	GroupName string `json:"groupName"`
}

// ScheduleStatus is the Status of a schedule.
type ScheduleStatus struct {
	// Since is when it came due last, or was made or changed, by the cloud's clock: what comes next counts from then.
	Since time.Time
	// Refused says why the last invocation failed; empty if it did not.
	Refused string `json:",omitempty"`
}

const (
	defaultGroup = "default"
	// principal is the service that takes on a schedule's role.
	principal = "scheduler.amazonaws.com"
)

var scheduleName = regexp.MustCompile(`^[0-9A-Za-z_.-]{1,64}$`)

// Schedule invokes a target at times. Its id is its group's name and its own.
var Schedule = &cloud.Kind[ScheduleSpec, scheduleOutputs]{
	Spec: cloud.Spec{
		Token:    ScheduleToken,
		Label:    "EventBridge Scheduler Schedule",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"state": "DISABLED"}, Serves: true, ServesWithout: true},
		Needs:    scheduleNeeds,
		AutoName: &cloud.AutoName{Property: "name", Max: 64},
		Replace:  []string{"groupName", "name", "namePrefix"},
		Defaults: cloud.Map{"scheduleExpressionTimezone": "UTC", "state": "ENABLED"},
		Computed: []string{"groupName", "name", "namePrefix"},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: check.NotFound("ResourceNotFoundException", "Schedule %s does not exist."),
	},
	Check: func(in *ScheduleSpec) []cloud.Failure {
		f := check.OneOf("state", in.State, "ENABLED", "DISABLED")
		f = append(f, check.OneOf("flexibleTimeWindow.mode", in.FlexibleTimeWindow.Mode, "OFF", "FLEXIBLE")...)
		f = append(f, checkName(in.Name)...)
		if r := in.Target.RetryPolicy; r != nil {
			if r.Age != nil {
				f = append(f, check.Between("target.retryPolicy.maximumEventAgeInSeconds", *r.Age, 60, 86400)...)
			}
			if r.Attempts != nil {
				f = append(f, check.Between("target.retryPolicy.maximumRetryAttempts", *r.Attempts, 0, 185)...)
			}
		}
		for property, a := range check.InOrder(map[string]string{"target.arn": in.Target.ARN, "target.roleArn": in.Target.RoleARN}) {
			if a != "" && !arns.Pattern.MatchString(a) {
				f = append(f, cloud.Failure{Property: property, Reason: fmt.Sprintf("%q (%s) is an invalid ARN", property, a)})
			}
		}
		return f
	},
	Rules: func(c *cloud.Call, in *ScheduleSpec) error {
		t := in.Target
		what := check.First(map[string]bool{
			"namePrefix": in.NamePrefix != "", "kmsKeyArn": in.KMSKeyARN != "",
			"startDate and endDate": in.StartDate != "" || in.EndDate != "", "a flexible time window": in.FlexibleTimeWindow.Mode == "FLEXIBLE",
			"a target that is not a state machine": !strings.HasPrefix(arns.Resource(t.ARN), "stateMachine:"),
			"deadLetterConfig":                     t.DeadLetterConfig != nil, "ecsParameters": t.ECSParameters != nil,
			"eventbridgeParameters": t.EventbridgeParameters != nil, "kinesisParameters": t.KinesisParameters != nil,
			"sagemakerPipelineParameters": t.SagemakerPipelineParameters != nil, "sqsParameters": t.SQSParameters != nil,
		})
		if what != "" {
			return check.Unimplemented(what)
		}
		if _, err := time.LoadLocation(in.TimeZone); err != nil {
			return cloud.Errorf("ValidationException", "Invalid ScheduleExpressionTimezone %s.", in.TimeZone)
		}
		if _, err := schedule.Parse(in.Expression, in.TimeZone); err != nil {
			return cloud.Errorf("ValidationException", "Invalid Schedule Expression %s. (%v)", in.Expression, err)
		}
		// The group is no reference, which would keep it: it takes its schedules along when it goes.
		if group := cmp.Or(in.GroupName, defaultGroup); group != defaultGroup && c.Find(cloud.Ref{Token: ScheduleGroupToken, Value: group}) == nil {
			return ScheduleGroup.NotFound(group)
		}
		s := c.Caller.Scope
		if !iam.CanAssumeFor(c.Tx, s, t.RoleARN, principal, groupARN(s, in.GroupName)) {
			return cloud.Errorf("ValidationException", "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")
		}
		return nil
	},
	Create: func(c *cloud.Call, in *ScheduleSpec, out *scheduleOutputs) (string, error) {
		out.GroupName = cmp.Or(in.GroupName, defaultGroup)
		out.ARN = arns.New(c.Caller.Scope, "scheduler", "schedule/"+out.GroupName+"/"+in.Name)
		id := out.GroupName + "/" + in.Name
		if c.Find(cloud.Ref{Token: ScheduleToken, Value: id}) != nil {
			return "", cloud.Errorf("ConflictException", "Schedule %s already exists.", in.Name)
		}
		c.Resource.SetStatus(ScheduleStatus{})
		return id, nil
	},
	Update: func(c *cloud.Call, in *ScheduleSpec, _ *scheduleOutputs) error {
		if old := cloud.InputsOf[ScheduleSpec](c.Old); old.Expression != in.Expression || old.TimeZone != in.TimeZone || old.State != in.State {
			c.Resource.SetStatus(ScheduleStatus{})
		}
		return nil
	},
}

func checkName(name string) []cloud.Failure {
	if name == "" || scheduleName.MatchString(name) {
		return nil
	}
	return []cloud.Failure{{Property: "name", Reason: `The name must consist of alphanumerics, hyphens, and underscores. (invalid value for name)`}}
}

var scheduleNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		o.ARN = o.Regional("scheduler", "schedule/"+cmp.Or(o.Text("groupName"), defaultGroup)+"/"+o.Name("name", "namePrefix"))
		o.Own("scheduler:CreateSchedule")
		passes(o, "scheduler:CreateSchedule")
	},
	Read: func(o *permission.Operation) { o.Own("scheduler:GetSchedule") },
	Update: func(o *permission.Operation) {
		o.Own("scheduler:UpdateSchedule")
		passes(o, "scheduler:UpdateSchedule")
	},
	Delete: func(o *permission.Operation) { o.Own("scheduler:DeleteSchedule") },
}

// passes adds the permission to give the schedule its role.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html
func passes(o *permission.Operation, api string) {
	target, _ := o.Resource.Inputs["target"].(cloud.Map)
	if role, _ := target["roleArn"].(string); role != "" {
		o.On(role, "iam:PassRole")
		o.With("iam:passedtoservice", principal).AsPartOf(api)
	}
}

// Due returns when a schedule is next due, by the cloud's clock; zero for never. Intervals have the cloud's pace, to which scale
// converts them.
func Due(r *cloud.Resource, scale func(time.Duration) time.Duration) time.Time {
	in, since := Schedule.Inputs(r), cloud.StatusOf[ScheduleStatus](r).Since
	s, err := schedule.Parse(in.Expression, in.TimeZone)
	if err != nil || in.State != "ENABLED" || since.IsZero() {
		return time.Time{}
	}
	if s.Every > 0 {
		return since.Add(scale(s.Every))
	}
	return s.After(since)
}
