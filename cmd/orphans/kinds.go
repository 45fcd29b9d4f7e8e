package main

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// kind is a kind of resource that carries tags.
type kind struct {
	// tokens are Pulumi's names of it; where an ARN can mean one of several, each is tried.
	tokens []string
	// prefix is what the ARNs begin with, after partition and before region and account: service and resource type.
	service, resource string
	// id makes what Pulumi imports by, of an ARN and of the part after the resource type.
	id func(arn, rest string) string
	// named says that the provider makes up the physical name. Once imported, the name counts as one that the program
	// gave, and the next update replaces the resource by one with a made-up name, which makes an import useless.
	// https://github.com/pulumi/pulumi/issues/9210
	named bool
	// within names the input for what the resource is part of, which cannot be changed: only if the program's is known can an
	// existing resource be what the program wants.
	within string
}

// kinds are those that the program makes, in an order in which they can be deleted: what uses others comes before them. By
// which id each is imported, its page in the registry says, under "Import":
// https://www.pulumi.com/registry/packages/aws/api-docs/
var kinds = []kind{
	{tokens: []string{"aws:cloudwatch/metricAlarm:MetricAlarm"}, service: "cloudwatch", resource: "alarm:", id: byRest, named: true},
	{tokens: []string{"aws:ecs/service:Service"}, service: "ecs", resource: "service/", id: byRest, named: true},
	{tokens: []string{"aws:lb/listenerRule:ListenerRule"}, service: "elasticloadbalancing", resource: "listener-rule/", id: byARN, within: "listenerArn"},
	{tokens: []string{"aws:lb/listener:Listener"}, service: "elasticloadbalancing", resource: "listener/", id: byARN, within: "loadBalancerArn"},
	{tokens: []string{"aws:lb/loadBalancer:LoadBalancer"}, service: "elasticloadbalancing", resource: "loadbalancer/", id: byARN, named: true},
	{tokens: []string{"aws:lb/targetGroup:TargetGroup"}, service: "elasticloadbalancing", resource: "targetgroup/", id: byARN, named: true},
	{tokens: []string{"aws:acm/certificate:Certificate"}, service: "acm", resource: "certificate/", id: byARN},
	{tokens: []string{"aws:ecs/cluster:Cluster"}, service: "ecs", resource: "cluster/", id: byRest, named: true},
	{tokens: []string{"aws:iam/role:Role"}, service: "iam", resource: "role/", id: byLastName, named: true},
	{tokens: []string{"aws:cloudwatch/logGroup:LogGroup"}, service: "logs", resource: "log-group:", id: byRest, named: true},
	{tokens: []string{"aws:secretsmanager/secret:Secret"}, service: "secretsmanager", resource: "secret:", id: byARN, named: true},
	{
		tokens: []string{
			"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
		},
		service: "ec2", resource: "security-group-rule/", id: byRest, within: "securityGroupId",
	},
	{tokens: []string{"aws:ec2/securityGroup:SecurityGroup"}, service: "ec2", resource: "security-group/", id: byRest, named: true},
	{tokens: []string{"aws:ec2/routeTable:RouteTable"}, service: "ec2", resource: "route-table/", id: byRest, within: "vpcId"},
	{tokens: []string{"aws:ec2/internetGateway:InternetGateway"}, service: "ec2", resource: "internet-gateway/", id: byRest, within: "vpcId"},
	{tokens: []string{"aws:ec2/subnet:Subnet"}, service: "ec2", resource: "subnet/", id: byRest, within: "vpcId"},
	{tokens: []string{"aws:ec2/vpc:Vpc"}, service: "ec2", resource: "vpc/", id: byRest},
}

// kept are what carries a stack's tags and is not meant to go with it: the revisions of task definitions, which cost nothing and
// are what ECS rolls back to, what ECS makes and removes for a service, and the limits within which it is scaled, which the next update
// registers again: the ARN does not tell by what they are imported.
var kept = []struct{ service, resource string }{
	{"ecs", "task-definition/"},
	{"ecs", "task/"},
	{"ecs", "service-revision/"},
	{"ecs", "service-deployment/"},
	{"ec2", "network-interface/"},
	{"application-autoscaling", "scalable-target/"},
}

func byARN(arn, _ string) string   { return arn }
func byRest(_, rest string) string { return rest }

// byLastName is for names with a path before them.
func byLastName(_, rest string) string { return rest[strings.LastIndex(rest, "/")+1:] }

// rank is where a token's kind is in the order of deletion. What has no tags belongs to something that has, and goes first.
func rank(token string) int {
	return slices.IndexFunc(kinds, func(k kind) bool { return slices.Contains(k.tokens, token) })
}

// kindOf finds the kind of what has an ARN, and what follows the resource's type in it; nil if the program makes no such kind.
func kindOf(text string) (*kind, string) {
	named, err := arn.Parse(text)
	if err != nil {
		return nil, ""
	}
	for i := range kinds {
		if rest, ok := strings.CutPrefix(named.Resource, kinds[i].resource); ok && kinds[i].service == named.Service {
			return &kinds[i], rest
		}
	}
	return nil, ""
}

// isKept tells whether what has an ARN is not meant to go with its stack.
func isKept(text string) bool {
	named, err := arn.Parse(text)
	if err != nil {
		return false
	}
	for _, k := range kept {
		if k.service == named.Service && strings.HasPrefix(named.Resource, k.resource) {
			return true
		}
	}
	return false
}
