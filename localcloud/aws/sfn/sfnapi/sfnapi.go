// Package sfnapi answers the API of AWS Step Functions.
package sfnapi

import (
	"cmp"
	"slices"
	"time"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/cloud"
)

// Service answers Step Functions' API.
var Service = api.Service{Target: "AWSStepFunctions", Operations: map[string]api.Operation{"ListExecutions": listExecutions}}

// https://docs.aws.amazon.com/step-functions/latest/apireference/API_ExecutionListItem.html
type execution struct {
	ARN             string    `json:"executionArn"`
	StateMachineARN string    `json:"stateMachineArn"`
	Name            string    `json:"name"`
	Status          string    `json:"status"`
	StartDate       api.Epoch `json:"startDate"`
	StopDate        api.Epoch `json:"stopDate"`
}

// https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
func listExecutions(r *api.Request) (any, error) {
	in := struct {
		StateMachineARN string `json:"stateMachineArn"`
		StatusFilter    string `json:"statusFilter"`
		MaxResults      int    `json:"maxResults"`
	}{}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	out := struct {
		Executions []execution `json:"executions"`
	}{[]execution{}}
	return &out, r.View(func(tx *cloud.Tx) error {
		machine := tx.Get(cloud.Key{Scope: r.Caller.Scope, Token: sfn.StateMachine.Token, ID: in.StateMachineARN})
		if err := iam.May(tx, r.Caller, iam.Look{Action: "states:ListExecutions", Resource: in.StateMachineARN, Of: machine}); err != nil {
			return err
		}
		if machine == nil {
			return sfn.StateMachine.NotFound(in.StateMachineARN)
		}
		for _, e := range sfn.ExecutionsOf(tx, machine) {
			status := cloud.StatusOf[sfn.ExecutionStatus](e)
			if in.StatusFilter == "" || in.StatusFilter == status.Status {
				out.Executions = append(out.Executions, execution{
					e.ID, machine.ID, e.Name, status.Status, api.Epoch(status.StartedAt), api.Epoch(status.StoppedAt),
				})
			}
		}
		slices.SortFunc(out.Executions, func(a, b execution) int { // the latest first
			return time.Time(b.StartDate).Compare(time.Time(a.StartDate))
		})
		const most = 1000 // and as many as are kept here
		out.Executions = out.Executions[:min(len(out.Executions), cmp.Or(in.MaxResults, most))]
		return nil
	})
}
