package ecsapi

import (
	"slipway/localcloud/api"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/cloud"

	awsarn "github.com/aws/aws-sdk-go-v2/aws/arn"
)

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
func runTask(r *api.Request) (any, error) {
	var in ecs.RunTask
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	out := struct {
		Tasks    []task    `json:"tasks"`
		Failures []failure `json:"failures"`
	}{[]task{}, []failure{}}
	return &out, r.Store.Update(func(tx *cloud.Tx) error {
		cluster, err := clusterOf(r, tx, in.Cluster)
		if err != nil {
			return err
		}
		revision, err := in.Revision(tx, r.Caller.Scope)
		if err != nil {
			return err
		}
		if err := mayRun(tx, r.Caller, cluster, revision); err != nil {
			return err
		}
		tasks, err := in.Run(tx, r.Caller.Scope)
		for _, t := range tasks {
			out.Tasks = append(out.Tasks, taskOf(tx, t))
		}
		return err
	})
}

// mayRun refuses a caller who may not run tasks of the definition, or give them its roles.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security_iam_id-based-policy-examples.html
func mayRun(tx *cloud.Tx, who cloud.Caller, cluster *cloud.Resource, revision *ecs.Revision) error {
	err := iam.May(tx, who, iam.Look{Action: "ecs:RunTask", Resource: revision.ARN, Context: inCluster(cluster.ID)})
	for _, role := range []string{revision.TaskRoleARN, revision.ExecutionRoleARN} {
		if err == nil && role != "" {
			err = iam.May(tx, who, iam.Look{
				Action: "iam:PassRole", Resource: role, Context: map[string]string{"iam:passedtoservice": "ecs-tasks.amazonaws.com"},
			})
		}
	}
	return err
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html
func stopTask(r *api.Request) (any, error) {
	var in struct {
		Cluster string `json:"cluster"`
		Task    string `json:"task"`
		Reason  string `json:"reason"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	var out struct {
		Task task `json:"task"`
	}
	return &out, r.Store.Update(func(tx *cloud.Tx) error {
		cluster, err := clusterOf(r, tx, in.Cluster)
		if err != nil {
			return err
		}
		arn := in.Task
		if !awsarn.IsARN(arn) {
			arn = ecs.TaskARN(r.Caller.Scope, cluster.ID, arn)
		}
		if err := iam.May(tx, r.Caller, iam.Look{Action: "ecs:StopTask", Resource: arn, Context: inCluster(cluster.ID)}); err != nil {
			return err
		}
		found := tx.Get(cloud.Key{Scope: r.Caller.Scope, Token: ecs.Task.Token, ID: arn})
		if found == nil {
			return ecs.ErrNoTask()
		}
		out.Task = taskOf(tx, ecs.StopTask(tx, found, in.Reason))
		return nil
	})
}
