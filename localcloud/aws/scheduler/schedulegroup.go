package scheduler

import (
	"cmp"
	"strings"
	"time"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type scheduleGroup struct {
	Name       string    `json:"name"`
	NamePrefix string    `json:"namePrefix"`
	Tags       tags.Tags `json:"tags"`
}

type scheduleGroupOutputs struct {
	ARN                  string `json:"arn"`
	Name                 string `json:"name"`
	State                string `json:"state"`
	CreationDate         string `json:"creationDate"`
	LastModificationDate string `json:"lastModificationDate"`
}

// ScheduleGroup has schedules and their tags: a schedule itself can have none. Its id is its name.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-group.html
var ScheduleGroup = &cloud.Kind[scheduleGroup, scheduleGroupOutputs]{
	Spec: cloud.Spec{
		Token:    ScheduleGroupToken,
		Label:    "EventBridge Scheduler Schedule Group",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"tags": cloud.Map{"By": "hand"}}, Serves: true, ServesWithout: true},
		Derived:  tags.All,
		Needs:    scheduleGroupNeeds,
		AutoName: &cloud.AutoName{Property: "name", Max: 64},
		Replace:  []string{"name", "namePrefix"},
		Computed: []string{"name", "namePrefix"},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: check.NotFound("ResourceNotFoundException", "Schedule group %s does not exist."),
	},
	Check: func(in *scheduleGroup) []cloud.Failure { return checkName(in.Name) },
	Create: func(c *cloud.Call, in *scheduleGroup, out *scheduleGroupOutputs) (string, error) {
		name := cmp.Or(in.Name, in.NamePrefix+ids.Suffix())
		if name == defaultGroup || c.Find(cloud.Ref{Token: ScheduleGroupToken, Value: name}) != nil {
			return "", cloud.Errorf("ConflictException", "Schedule group %s already exists.", name)
		}
		now := time.Now().UTC().Format(time.RFC3339)
		out.Name, out.ARN, out.State, out.CreationDate, out.LastModificationDate = name, groupARN(c.Caller.Scope, name), "ACTIVE", now, now
		return name, nil
	},
	// EventBridge Scheduler deletes the schedules of a group with it, which takes a while; here they go at once.
	// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-group-delete.html
	Delete: func(c *cloud.Call, _ *scheduleGroup) error {
		for _, r := range c.Tx.List(c.Caller.Scope, ScheduleToken) {
			if strings.HasPrefix(r.ID, c.Resource.ID+"/") {
				c.Tx.Delete(r.Key)
			}
		}
		return nil
	},
}

// The deletion of a group also takes the permission to delete schedules (Service Authorization Reference, table of API operations).
var scheduleGroupNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		arn := o.Regional("scheduler", "schedule-group/"+o.Name("name", "namePrefix"))
		o.Creates("scheduler:CreateScheduleGroup", arn, arn, "scheduler:TagResource", "")
	},
	Read:   func(o *permission.Operation) { o.Own("scheduler:GetScheduleGroup", "scheduler:ListTagsForResource") },
	Update: func(o *permission.Operation) { o.Retags("scheduler:TagResource", "scheduler:UntagResource") },
	Delete: func(o *permission.Operation) {
		o.Own("scheduler:DeleteScheduleGroup")
		o.On(o.Regional("scheduler", "schedule/"+o.Resource.ID+"/*"), "scheduler:DeleteSchedule")
	},
}

// groupARN returns the ARN of a schedule group; an empty name is that of the default group.
func groupARN(s cloud.Scope, name string) string {
	return arns.New(s, "scheduler", "schedule-group/"+cmp.Or(name, defaultGroup))
}
