package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"slipway/internal/awsconfig"
)

// Status is how far a run is, in Step Functions' words.
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_ExecutionListItem.html
type Status string

// Statuses of a run.
const (
	Running        Status = "RUNNING"
	Succeeded      Status = "SUCCEEDED"
	Failed         Status = "FAILED"
	TimedOut       Status = "TIMED_OUT"
	Aborted        Status = "ABORTED"
	PendingRedrive Status = "PENDING_REDRIVE"
)

// LastRun is the last scheduled run of a job; the zero value if it has not run in the last 90 days, for which Step Functions keeps runs.
type LastRun struct {
	Status  Status
	Started time.Time
	Stopped time.Time // zero while it runs
}

// Failed reports whether the run ended, and not well.
func (r LastRun) Failed() bool {
	return r.Status != "" && r.Status != Running && r.Status != Succeeded
}

// Last returns the last run of a job's state machine. It takes the permission states:ListExecutions.
func Last(ctx context.Context, options awsconfig.Options, stateMachineARN string) (LastRun, error) {
	cfg, err := options.Load(ctx)
	if err != nil {
		return LastRun{}, fmt.Errorf("get AWS credentials: %s", awsconfig.Reason(err))
	}
	client := sfn.NewFromConfig(cfg, func(o *sfn.Options) { o.BaseEndpoint = cmp.Or(options.Endpoint("sfn"), o.BaseEndpoint) })
	// The latest comes first (ListExecutions in the API reference of Step Functions).
	out, err := client.ListExecutions(ctx, &sfn.ListExecutionsInput{StateMachineArn: &stateMachineARN, MaxResults: 1})
	if _, gone := errors.AsType[*sfntypes.StateMachineDoesNotExist](err); gone {
		return LastRun{}, errors.New("its state machine is gone; run `pulumi up --refresh`")
	}
	if err != nil {
		return LastRun{}, fmt.Errorf("look up its last run; that needs states:ListExecutions: %s", awsconfig.Reason(err))
	}
	if len(out.Executions) == 0 {
		return LastRun{}, nil
	}
	e := out.Executions[0]
	return LastRun{Status: Status(e.Status), Started: aws.ToTime(e.StartDate), Stopped: aws.ToTime(e.StopDate)}, nil
}
