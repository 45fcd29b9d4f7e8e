package aws

import (
	"slipway/localcloud/cloud"
)

func createsECS(o *operation, call, incomplete, complete string) {
	o.creates("ecs:"+call, o.regional("ecs", incomplete), o.regional("ecs", complete), "ecs:TagResource", "ecs:createaction")
}

func retagsECS(o *operation) { o.retags("ecs:TagResource", "ecs:UntagResource") }

func listsTagsECS(o *operation) { o.own("ecs:ListTagsForResource") }

// cluster is the ARN of the cluster that the resource is in.
func clusterARNOf(o *operation) string { return ClusterARN(o.Caller.Scope, o.text("cluster")) }

// onCluster adds calls that are about the cluster that the resource names.
func onCluster(o *operation, actions ...string) {
	o.arn, o.tags = ClusterARN(o.Caller.Scope, o.text("clusterName")), nil
	if r := o.Find(cloud.Ref{Token: clusterToken, Value: o.arn}); r != nil {
		o.tags = tagsOf(r)
	}
	o.own(actions...)
}

// ownService adds calls that are about the service, and tell which cluster it is in.
func ownService(o *operation, actions ...string) {
	first := len(o.steps)
	o.own(actions...)
	inCluster(o, clusterARNOf(o), first)
}

func inCluster(o *operation, cluster string, first int) {
	for _, s := range o.steps[first:] {
		s.Context["ecs:cluster"] = cluster
	}
}

// passes adds the permission to give the service the role that an input names, if it names one.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
func passes(o *operation, input, service, api string) {
	if role := o.text(input); role != "" {
		o.on(role, "iam:PassRole")
		o.with("iam:passedtoservice", service).asPartOf(api)
	}
}
