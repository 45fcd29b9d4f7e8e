package logs

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"time"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

type logGroup struct {
	Name            string    `json:"name"`
	NamePrefix      string    `json:"namePrefix"`
	LogGroupClass   string    `json:"logGroupClass"`
	RetentionInDays int       `json:"retentionInDays"`
	SkipDestroy     bool      `json:"skipDestroy"`
	Tags            tags.Tags `json:"tags"`
}

// LogGroupStatus is the Status of a log group.
type LogGroupStatus struct {
	// Folder has its streams. A new group with the same name has another folder, and so none of the old one's events.
	Folder  string
	Created time.Time
}

var (
	logGroupName = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]+$`)
	// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
	retentions = []int{0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)

type logGroupOutputs struct {
	ARN           string `json:"arn"`
	Name          string `json:"name"`
	LogGroupClass string `json:"logGroupClass"`
}

// LogGroup has the log streams of a service, and their retention.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
var LogGroup = &cloud.Kind[logGroup, logGroupOutputs]{
	Spec: cloud.Spec{
		Token:    LogGroupToken,
		Label:    "CloudWatch Logs Log Group",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"retentionInDays": 1.0}, Serves: true, ServesWithout: true},
		Derived:  tags.All,
		Needs:    logGroupNeeds,
		Defaults: cloud.Map{"retentionInDays": 0.0, "skipDestroy": false},
		AutoName: &cloud.AutoName{Property: "name", Max: 512},
		Replace:  []string{"name", "namePrefix", "logGroupClass"},
		Computed: []string{"logGroupClass", "name", "namePrefix"},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: func(string) *cloud.Error { return LogGroupNotFound() },
	},
	Check: func(in *logGroup) []cloud.Failure {
		var failures []cloud.Failure
		for property, name := range check.InOrder(map[string]string{"name": in.Name, "namePrefix": in.NamePrefix}) {
			switch {
			case name == "":
			case len(name) > 512:
				failures = append(failures, cloud.Failure{Property: property, Reason: fmt.Sprintf("%q cannot be longer than 512 characters", property)})
			case !logGroupName.MatchString(name):
				failures = append(failures, cloud.Failure{
					Property: property,
					Reason:   fmt.Sprintf(`%q isn't a valid log group name (alphanumeric characters, underscores, hyphens, slashes, hash signs and dots are allowed): %q`, property, name),
				})
			}
		}
		if !slices.Contains(retentions, in.RetentionInDays) {
			failures = append(failures, cloud.Failure{
				Property: "retentionInDays", Reason: fmt.Sprintf("expected retention_in_days to be one of %v, got %d", retentions, in.RetentionInDays),
			})
		}
		if classes := []string{"", "STANDARD", "INFREQUENT_ACCESS", "DELIVERY"}; !slices.Contains(classes, in.LogGroupClass) {
			failures = append(failures, cloud.Failure{
				Property: "logGroupClass", Reason: fmt.Sprintf("expected log_group_class to be one of %q, got %s", classes[1:], in.LogGroupClass),
			})
		}
		return failures
	},
	Rules: func(_ *cloud.Call, in *logGroup) error {
		if in.SkipDestroy {
			return fmt.Errorf("skipDestroy of a log group: %w", cloud.ErrUnimplemented)
		}
		return nil
	},
	Create: func(c *cloud.Call, in *logGroup, out *logGroupOutputs) (string, error) {
		name := cmp.Or(in.Name, in.NamePrefix+ids.Suffix())
		if c.Find(cloud.Ref{Token: LogGroupToken, Value: name}) != nil {
			return "", cloud.Errorf("ResourceAlreadyExistsException", "The specified log group already exists")
		}
		c.Resource.SetStatus(LogGroupStatus{Folder: ids.Hex(16), Created: time.Now().UTC()})
		out.Name, out.ARN = name, arns.New(c.Caller.Scope, "logs", "log-group:"+name)
		out.LogGroupClass = cmp.Or(in.LogGroupClass, "STANDARD")
		return name, nil
	},
}

var logGroupNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		name := o.Name("name", "namePrefix")
		o.ARN = o.Regional("logs", "log-group:"+name)
		tags := o.WantedTags()
		onLogGroup(o, "logs:CreateLogGroup")
		o.Tags = tags
		if len(tags) > 0 {
			o.Steps[0].Context, o.Steps[0].TagKeys = permission.RequestTags(tags), untyped.Keys(tags)
			o.Steps = append(o.Steps, cloud.Permission{
				API: "logs:CreateLogGroup", Action: "logs:TagResource", Resource: o.ARN, Context: permission.RequestTags(tags), TagKeys: untyped.Keys(tags),
			})
		}
		if n, _ := o.Resource.Inputs["retentionInDays"].(float64); n > 0 {
			onLogGroup(o, "logs:PutRetentionPolicy")
		}
	},
	Read: func(o *permission.Operation) {
		o.On(o.Regional("logs", "log-group::log-stream:"), "logs:DescribeLogGroups") // it lists them, and names none
		o.Own("logs:ListTagsForResource")
	},
	Update: func(o *permission.Operation) {
		if o.Changes("retentionInDays") {
			if n, _ := o.Resource.Inputs["retentionInDays"].(float64); n > 0 {
				onLogGroup(o, "logs:PutRetentionPolicy")
			} else {
				onLogGroup(o, "logs:DeleteRetentionPolicy")
			}
		}
		o.Retags("logs:TagResource", "logs:UntagResource")
	},
	Delete: func(o *permission.Operation) {
		if !o.Given("skipDestroy") {
			onLogGroup(o, "logs:DeleteLogGroup")
		}
	},
}

// Retention is how long the group keeps an event; zero for ever.
func Retention(group *cloud.Resource) time.Duration {
	return time.Duration(LogGroup.Inputs(group).RetentionInDays) * 24 * time.Hour
}

// LogGroupNotFound is the refusal to read or write a group that does not exist.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
func LogGroupNotFound() *cloud.Error {
	return cloud.Errorf("ResourceNotFoundException", "The specified log group does not exist.")
}

// logGroup adds a call about the log group. All but those about its tags use a name that includes the streams, so a policy must have :*
// behind the group's ARN.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html
func onLogGroup(o *permission.Operation, action string) {
	own := o.ARN
	o.ARN += ":log-stream:"
	o.Own(action)
	o.ARN = own
}
