// Package ecsapi answers the API of Amazon ECS.
package ecsapi

import (
	"slipway/localcloud/api"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/cloud"

	awsarn "github.com/aws/aws-sdk-go-v2/aws/arn"
)

// Service answers ECS's API.
var Service = api.Service{Target: "AmazonEC2ContainerServiceV20141113", Operations: map[string]api.Operation{
	"DescribeClusters":       describeClusters,
	"DescribeServices":       describeServices,
	"DescribeTaskDefinition": describeTaskDefinition,
	"DescribeTasks":          describeTasks,
	"ExecuteCommand":         executeCommand,
	"ListTasks":              listTasks,
	"RunTask":                runTask,
	"StopTask":               stopTask,
}}

// failure is a requested resource that does not exist.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Failure.html
type failure struct {
	ARN    string `json:"arn"`
	Reason string `json:"reason"`
}

// clusterOf returns the cluster with the name or ARN.
func clusterOf(r *api.Request, tx *cloud.Tx, nameOrARN string) (*cloud.Resource, error) {
	arn := ecs.ClusterARN(r.Caller.Scope, nameOrARN)
	found := tx.Get(cloud.Key{Scope: r.Caller.Scope, Token: ecs.Cluster.Token, ID: arn})
	if found == nil {
		return nil, ecs.Cluster.NotFound(arn)
	}
	return found, nil
}

// findService returns the service of the cluster with the name or ARN, nil if there is none, to a caller who may look at it.
func findService(r *api.Request, tx *cloud.Tx, cluster *cloud.Resource, nameOrARN, action string) (string, *cloud.Resource, error) {
	arn := nameOrARN
	if !awsarn.IsARN(arn) {
		arn = ecs.ServiceARN(r.Caller.Scope, cluster.ID, nameOrARN)
	}
	found := tx.Get(cloud.Key{Scope: r.Caller.Scope, Token: ecs.Service.Token, ID: arn})
	return arn, found, iam.May(tx, r.Caller, iam.Look{Action: action, Resource: arn, Of: found, Context: inCluster(cluster.ID)})
}

// inCluster is the condition key with a resource's cluster.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
func inCluster(arn string) map[string]string { return map[string]string{"ecs:cluster": arn} }
