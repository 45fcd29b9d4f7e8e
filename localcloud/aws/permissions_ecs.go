package aws

import (
	"strings"

	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
// terraform-provider-aws, internal/service/ecs
var ecsNeeds = map[string]needs{
	clusterToken: {
		create: func(o *operation) {
			o.createsECS("CreateCluster", "cluster/"+o.text("name"), "cluster/"+o.text("name"))
			o.serviceRole("ecs.amazonaws.com", "AWSServiceRoleForECS", "ecs:CreateCluster")
		},
		read: func(o *operation) { o.own("ecs:DescribeClusters") },
		update: func(o *operation) {
			if o.changesMoreThan("tags") {
				o.own("ecs:UpdateCluster", "ecs:DescribeClusters")
			}
			o.retagsECS()
		},
		updated: (*operation).listsTagsECS,
		delete:  func(o *operation) { o.own("ecs:DeleteCluster", "ecs:DescribeClusters") },
	},
	// The cluster always has capacity providers: to delete them is to put none.
	clusterCapacityProvidersToken: {
		create: func(o *operation) { o.onCluster("ecs:PutClusterCapacityProviders") },
		read:   func(o *operation) { o.onCluster("ecs:DescribeClusters") },
		update: func(o *operation) { o.onCluster("ecs:PutClusterCapacityProviders") },
		delete: func(o *operation) { o.onCluster("ecs:PutClusterCapacityProviders", "ecs:DescribeClusters") },
	},
	taskDefinitionToken: {
		create: func(o *operation) {
			o.createsECS("RegisterTaskDefinition", "task-definition/"+o.text("family")+":*", "task-definition/"+o.text("family")+":1")
			o.passes("executionRoleArn", "ecs-tasks.amazonaws.com", "ecs:RegisterTaskDefinition")
			o.passes("taskRoleArn", "ecs-tasks.amazonaws.com", "ecs:RegisterTaskDefinition")
		},
		read: func(o *operation) { o.any("ecs:DescribeTaskDefinition") },
		// Nothing but tags changes, and whether the resource is skipped when it is destroyed.
		update:  (*operation).retagsECS,
		updated: (*operation).listsTagsECS,
		delete: func(o *operation) {
			if !o.given("skipDestroy") {
				o.any("ecs:DeregisterTaskDefinition")
			}
		},
	},
	serviceToken: {
		create: func(o *operation) {
			name := "service/" + clusterNameOf(o.cluster()) + "/" + o.text("name")
			o.createsECS("CreateService", name, name)
			o.inCluster(o.cluster(), 0)
			o.passes("iamRole", "ecs.amazonaws.com", "ecs:CreateService")
		},
		read: func(o *operation) { o.ownService("ecs:DescribeServices") },
		update: func(o *operation) {
			if o.changesMoreThan("tags") {
				o.ownService("ecs:UpdateService")
			}
			o.retagsECS()
		},
		delete: func(o *operation) { o.ownService("ecs:UpdateService", "ecs:DeleteService", "ecs:DescribeServices") },
	},
	getService.Token: {invoke: func(o *operation) {
		cluster, _ := o.args["clusterArn"].(string)
		service, _ := o.args["serviceName"].(string)
		cluster = ClusterARN(o.Caller.Scope, cluster)
		if !strings.HasPrefix(service, "arn:") {
			service = o.regional("ecs", "service/"+clusterNameOf(cluster)+"/"+service)
		}
		o.arn = service
		if r := o.Find(cloud.Ref{Token: serviceToken, Value: service}); r != nil {
			o.tags = tagsOf(r)
		}
		o.own("ecs:DescribeServices")
		o.with("ecs:cluster", cluster)
	}},
}

func (o *operation) createsECS(call, incomplete, complete string) {
	o.creates("ecs:"+call, o.regional("ecs", incomplete), o.regional("ecs", complete), "ecs:TagResource", "ecs:createaction")
}

func (o *operation) retagsECS() { o.retags("ecs:TagResource", "ecs:UntagResource") }

func (o *operation) listsTagsECS() { o.own("ecs:ListTagsForResource") }

// cluster is the ARN of the cluster that the resource is in.
func (o *operation) cluster() string { return ClusterARN(o.Caller.Scope, o.text("cluster")) }

// onCluster adds calls that are about the cluster that the resource names.
func (o *operation) onCluster(actions ...string) {
	o.arn, o.tags = ClusterARN(o.Caller.Scope, o.text("clusterName")), nil
	if r := o.Find(cloud.Ref{Token: clusterToken, Value: o.arn}); r != nil {
		o.tags = tagsOf(r)
	}
	o.own(actions...)
}

// ownService adds calls that are about the service, and tell which cluster it is in.
func (o *operation) ownService(actions ...string) {
	first := len(o.steps)
	o.own(actions...)
	o.inCluster(o.cluster(), first)
}

func (o *operation) inCluster(cluster string, first int) {
	for _, s := range o.steps[first:] {
		s.context["ecs:cluster"] = cluster
	}
}

// passes adds the permission to give the service the role that an input names, if it names one.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
func (o *operation) passes(input, service, api string) {
	if role := o.text(input); role != "" {
		o.on(role, "iam:PassRole")
		o.with("iam:passedtoservice", service).asPartOf(api)
	}
}
