package sfn

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

// StateMachineSpec describes a wanted state machine.
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
type StateMachineSpec struct {
	Name                    string    `json:"name"`
	NamePrefix              string    `json:"namePrefix"`
	Definition              string    `json:"definition"`
	RoleARN                 string    `json:"roleArn"`
	Type                    string    `json:"type"`
	Publish                 bool      `json:"publish"`
	LoggingConfiguration    any       `json:"loggingConfiguration"`
	TracingConfiguration    any       `json:"tracingConfiguration"`
	EncryptionConfiguration any       `json:"encryptionConfiguration"`
	Tags                    tags.Tags `json:"tags"`
}

type stateMachineOutputs struct {
	ARN                    string `json:"arn"`
	CreationDate           string `json:"creationDate"`
	Description            string `json:"description"`
	RevisionID             string `json:"revisionId"`
	Status                 string `json:"status"`
	StateMachineVersionARN string `json:"stateMachineVersionArn"`
	VersionDescription     string `json:"versionDescription"`
}

// deleteTimeout is how long the provider waits for a deletion (terraform-provider-aws, internal/service/sfn/state_machine.go).
const deleteTimeout = 5 * time.Minute

// states is the service that takes on the role of a state machine.
const states = "states.amazonaws.com"

var machineName = regexp.MustCompile(`^[0-9A-Za-z_-]{1,80}$`)

// StateMachine runs a workflow for each execution. Its id is its ARN.
var StateMachine = &cloud.Kind[StateMachineSpec, stateMachineOutputs]{
	Spec: cloud.Spec{
		Token:    StateMachineToken,
		Label:    "Step Functions State Machine",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"tags": cloud.Map{"By": "hand"}}, Serves: true, ServesWithout: true},
		Derived:  tags.All,
		Needs:    stateMachineNeeds,
		AutoName: &cloud.AutoName{Property: "name", Max: 80},
		Replace:  []string{"name", "namePrefix", "type"},
		Defaults: cloud.Map{"type": "STANDARD", "publish": false},
		Filled: cloud.Map{
			"loggingConfiguration":    cloud.Map{"level": "OFF", "includeExecutionData": false},
			"tracingConfiguration":    cloud.Map{"enabled": false},
			"encryptionConfiguration": cloud.Map{"type": "AWS_OWNED_KEY"},
		},
		Computed: []string{"encryptionConfiguration", "loggingConfiguration", "name", "namePrefix", "tracingConfiguration"},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: check.NotFound("StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'"),
	},
	Check: func(in *StateMachineSpec) []cloud.Failure {
		f := check.OneOf("type", in.Type, "STANDARD", "EXPRESS")
		if in.Name != "" && !machineName.MatchString(in.Name) {
			f = append(f, cloud.Failure{Property: "name", Reason: "the name should only contain 0-9, A-Z, a-z, - and _"})
		}
		if in.RoleARN != "" && !arns.Pattern.MatchString(in.RoleARN) {
			f = append(f, cloud.Failure{Property: "roleArn", Reason: `"role_arn" (` + in.RoleARN + `) is an invalid ARN`})
		}
		return f
	},
	Rules: func(c *cloud.Call, in *StateMachineSpec) error {
		what := check.First(map[string]bool{
			"an EXPRESS state machine": in.Type == "EXPRESS", "publish": in.Publish, "namePrefix": in.NamePrefix != "",
			"loggingConfiguration": in.LoggingConfiguration != nil, "tracingConfiguration": in.TracingConfiguration != nil,
			"encryptionConfiguration": in.EncryptionConfiguration != nil,
		})
		if what != "" {
			return check.Unimplemented(what)
		}
		m, err := Parse(in.Definition)
		if err != nil {
			return err
		}
		s := c.Caller.Scope
		if !iam.CanAssumeFor(c.Tx, s, in.RoleARN, states, arns.New(s, "states", "stateMachine:"+in.Name)) {
			return cloud.Errorf("AccessDeniedException",
				"Neither the global service principal %s, nor the regional one is authorized to assume the provided role.", states)
		}
		// Step Functions hears of the end of a task by a rule of EventBridge, which it makes with the role.
		// https://docs.aws.amazon.com/step-functions/latest/dg/ecs-iam.html
		for _, action := range []string{"events:PutTargets", "events:PutRule", "events:DescribeRule"} {
			if m.Uses(RunTaskSync) && !iam.Allowed(c.Tx, s, in.RoleARN, action, arns.New(s, "events", "rule/StepFunctionsGetEventsForECSTaskRule")) {
				return cloud.Errorf("AccessDeniedException", "'%s' is not authorized to create managed-rule.", in.RoleARN)
			}
		}
		return nil
	},
	Create: func(c *cloud.Call, in *StateMachineSpec, out *stateMachineOutputs) (string, error) {
		out.ARN = arns.New(c.Caller.Scope, "states", "stateMachine:"+in.Name)
		if c.Find(cloud.Ref{Token: StateMachineToken, Value: out.ARN}) != nil {
			return "", cloud.Errorf("StateMachineAlreadyExists", "State Machine Already Exists: '%s'", out.ARN)
		}
		out.CreationDate, out.Status, out.RevisionID = time.Now().UTC().Format(time.RFC3339), "ACTIVE", ids.UUID()
		return out.ARN, nil
	},
	Update: func(_ *cloud.Call, _ *StateMachineSpec, out *stateMachineOutputs) error {
		out.RevisionID = ids.UUID()
		return nil
	},
	// A state machine goes when all of its executions have ended, which they do at their next transition: one that runs a task makes none
	// until that has ended (DeleteStateMachine in the API reference). The provider waits five minutes for it.
	Release: func(c *cloud.Call, _ *StateMachineSpec) error {
		err := c.Await(deleteTimeout, func(tx *cloud.Tx) (bool, error) {
			return !slices.ContainsFunc(ExecutionsOf(tx, c.Resource), Execution.Alive), nil
		})
		if errors.Is(err, cloud.ErrTimeout) {
			return fmt.Errorf("waiting for Step Functions State Machine (%s) delete: %w: an execution runs (last state: 'DELETING', timeout: %s)", c.Resource.ID, err, deleteTimeout)
		}
		return err
	},
}

var stateMachineNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		o.Any("states:ValidateStateMachineDefinition")
		arn := o.Regional("states", "stateMachine:"+o.Name("name", "namePrefix"))
		o.Creates("states:CreateStateMachine", arn, arn, "states:TagResource", "")
		passes(o)
	},
	Read: func(o *permission.Operation) {
		o.Own("states:DescribeStateMachine", "states:ListStateMachineVersions", "states:ListTagsForResource")
	},
	Update: func(o *permission.Operation) {
		if o.Changes("definition") {
			o.Any("states:ValidateStateMachineDefinition")
		}
		if o.ChangesMoreThan("tags") {
			o.Own("states:UpdateStateMachine")
			passes(o)
		}
		o.Retags("states:TagResource", "states:UntagResource")
	},
	Delete: func(o *permission.Operation) { o.Own("states:DeleteStateMachine", "states:DescribeStateMachine") },
}

// passes adds the permission to give the state machine its role.
func passes(o *permission.Operation) {
	o.On(o.Text("roleArn"), "iam:PassRole")
	o.With("iam:passedtoservice", states).AsPartOf("states:CreateStateMachine")
}
