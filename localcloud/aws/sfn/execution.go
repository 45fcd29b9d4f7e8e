package sfn

import (
	"slices"
	"time"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/cloud"
)

// ExecutionSpec describes an execution of a state machine. It never changes.
type ExecutionSpec struct {
	StateMachineARN string `json:"stateMachineArn"`
	Name            string `json:"name"`
	Input           string `json:"input"`
	// Definition and RoleARN are those of the state machine when the execution began.
	Definition string `json:"definition"`
	RoleARN    string `json:"roleArn"`
}

// What an execution's Status can be.
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
const (
	Running   = "RUNNING"
	Succeeded = "SUCCEEDED"
	Failed    = "FAILED"
	Aborted   = "ABORTED"
)

// ExecutionStatus is the Status of an execution.
type ExecutionStatus struct {
	Status       string
	Error, Cause string `json:",omitempty"`
	StartedAt    time.Time
	StoppedAt    time.Time `json:",omitzero"`
	// Begun is the wall's time of the start.
	Begun time.Time
}

// Execution is one run of a state machine. Its id is its ARN. Step Functions keeps its record for 90 days; here the last of each state
// machine are kept.
var Execution = &cloud.Kind[ExecutionSpec, struct{}]{
	Spec: cloud.Spec{
		Token: executionToken,
		Label: "Step Functions Execution",
		Alive: func(r *cloud.Resource) bool { return cloud.Peek[ExecutionStatus](r).Status == Running },
	},
}

// mostExecutions are kept of a state machine.
const mostExecutions = 100

// ExecutionsOf returns the executions of a state machine, by ARN.
func ExecutionsOf(tx *cloud.Tx, machine *cloud.Resource) []*cloud.Resource {
	return tx.Where(machine.Scope, executionToken, "stateMachineArn", machine.ID)
}

// Start begins an execution of a state machine, at a time by the cloud's clock. The executor of package executions runs it.
func Start(tx *cloud.Tx, machine *cloud.Resource, input string, now time.Time) (*cloud.Resource, error) {
	in := StateMachine.Inputs(machine)
	spec := ExecutionSpec{
		StateMachineARN: machine.ID, Name: ids.UUID(), Input: input, Definition: in.Definition, RoleARN: in.RoleARN,
	}
	props, err := cloud.Encode(spec)
	if err != nil {
		return nil, err
	}
	name := arns.Resource(machine.ID)[len("stateMachine:"):]
	r := &cloud.Resource{
		Key:  cloud.Key{Scope: machine.Scope, Token: executionToken, ID: arns.New(machine.Scope, "states", "execution:"+name+":"+spec.Name)},
		Name: spec.Name, Inputs: props, Outputs: props,
	}
	r.SetStatus(ExecutionStatus{Status: Running, StartedAt: now, Begun: time.Now().UTC()})
	tx.Put(r)
	return r, nil
}

// End gives an execution that runs its last status, at a time by the cloud's clock.
func End(tx *cloud.Tx, execution *cloud.Resource, last ExecutionStatus, now time.Time) {
	status := cloud.StatusOf[ExecutionStatus](execution)
	if status.Status != Running {
		return
	}
	last.StartedAt, last.StoppedAt, last.Begun = status.StartedAt, now, status.Begun
	tx.PutStatus(execution, last)
	old := slices.DeleteFunc(ExecutionsOf(tx, stateMachineOf(execution)), func(r *cloud.Resource) bool { return Execution.Alive(r) })
	slices.SortFunc(old, func(a, b *cloud.Resource) int {
		return cloud.Peek[ExecutionStatus](b).StoppedAt.Compare(cloud.Peek[ExecutionStatus](a).StoppedAt)
	})
	for _, r := range old[min(len(old), mostExecutions):] {
		tx.Delete(r.Key)
	}
}

// stateMachineOf returns a resource with the key of an execution's state machine, which may be gone.
func stateMachineOf(execution *cloud.Resource) *cloud.Resource {
	return &cloud.Resource{Key: cloud.Key{Scope: execution.Scope, Token: StateMachineToken, ID: Execution.Inputs(execution).StateMachineARN}}
}
