package ecsapi

import (
	"encoding/json"
	"errors"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html
func describeTaskDefinition(r *api.Request) (any, error) {
	var in struct {
		TaskDefinition string `json:"taskDefinition"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	var out struct {
		TaskDefinition struct {
			TaskDefinitionARN    string          `json:"taskDefinitionArn"`
			Family               string          `json:"family"`
			Revision             int             `json:"revision"`
			Status               string          `json:"status"`
			NetworkMode          string          `json:"networkMode"`
			CPU                  string          `json:"cpu"`
			Memory               string          `json:"memory"`
			ExecutionRoleARN     string          `json:"executionRoleArn,omitempty"`
			TaskRoleARN          string          `json:"taskRoleArn,omitempty"`
			ContainerDefinitions json.RawMessage `json:"containerDefinitions"` // Pulumi's inputs have ECS's own JSON
		} `json:"taskDefinition"`
	}
	return &out, r.View(func(tx *cloud.Tx) error {
		if err := iam.May(tx, r.Caller, iam.Look{Action: "ecs:DescribeTaskDefinition"}); err != nil {
			return err
		}
		revision, err := ecs.FindRevision(tx, r.Caller.Scope, in.TaskDefinition)
		if errors.Is(err, ecs.ErrNoRevision) {
			return cloud.Errorf("ClientException", "Unable to describe task definition.")
		}
		if err != nil {
			return err
		}
		found := tx.Get(cloud.Key{Scope: r.Caller.Scope, Token: ecs.TaskDefinitionRevision.Token, ID: revision.ARN})
		spec, status := ecs.TaskDefinitionRevision.Inputs(found), cloud.StatusOf[ecs.RevisionStatus](found)
		d := &out.TaskDefinition
		d.TaskDefinitionARN, d.Family, d.Revision, d.Status = found.ID, spec.Family, status.Revision, "INACTIVE"
		if status.Active {
			d.Status = "ACTIVE"
		}
		d.NetworkMode, d.CPU, d.Memory, d.ExecutionRoleARN, d.TaskRoleARN = spec.NetworkMode, spec.CPU, spec.Memory, spec.ExecutionRoleARN, spec.TaskRoleARN
		d.ContainerDefinitions = json.RawMessage(spec.ContainerDefinitions)
		return nil
	})
}
