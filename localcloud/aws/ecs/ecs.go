// Package ecs has the kinds of Amazon ECS on Fargate, a file each. What callers must be allowed follows, for the calls, the
// provider's own source, and for actions, resources and condition keys the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
// terraform-provider-aws, internal/service/ecs
package ecs

import (
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

// The tokens of the kinds.
const (
	ClusterToken                  = "aws:ecs/cluster:Cluster"
	ClusterCapacityProvidersToken = "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders"
	TaskDefinitionToken           = "aws:ecs/taskDefinition:TaskDefinition"
	TaskDefinitionRevisionToken   = "aws:ecs/taskDefinitionRevision:TaskDefinitionRevision"
	ServiceToken                  = "aws:ecs/service:Service"
	taskToken                     = "aws:ecs/task:Task"
)

// Kinds returns the kinds and functions of the service.
func Kinds() []any {
	return []any{Cluster, ClusterCapacityProviders, TaskDefinition, TaskDefinitionRevision, Service, Task, getService}
}

func creates(o *permission.Operation, call, incomplete, complete string) {
	o.Creates("ecs:"+call, o.Regional("ecs", incomplete), o.Regional("ecs", complete), "ecs:TagResource", "ecs:createaction")
}

func retags(o *permission.Operation) { o.Retags("ecs:TagResource", "ecs:UntagResource") }

func listsTags(o *permission.Operation) { o.Own("ecs:ListTagsForResource") }

// cluster is the ARN of the cluster that the resource is in.
func clusterARNOf(o *permission.Operation) string {
	return ClusterARN(o.Caller.Scope, o.Text("cluster"))
}

// onCluster adds calls that are about the cluster that the resource names.
func onCluster(o *permission.Operation, actions ...string) {
	o.ARN, o.Tags = ClusterARN(o.Caller.Scope, o.Text("clusterName")), nil
	if r := o.Find(cloud.Ref{Token: ClusterToken, Value: o.ARN}); r != nil {
		o.Tags = tags.Of(r)
	}
	o.Own(actions...)
}

// ownService adds calls about the service that name its cluster.
func ownService(o *permission.Operation, actions ...string) {
	first := len(o.Steps)
	o.Own(actions...)
	inCluster(o, clusterARNOf(o), first)
}

func inCluster(o *permission.Operation, cluster string, first int) {
	for _, s := range o.Steps[first:] {
		s.Context["ecs:cluster"] = cluster
	}
}

// passes adds the permission to give the service the role that an input names, if it names one.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
func passes(o *permission.Operation, input, service, api string) {
	if role := o.Text(input); role != "" {
		o.On(role, "iam:PassRole")
		o.With("iam:passedtoservice", service).AsPartOf(api)
	}
}
