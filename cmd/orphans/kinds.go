package main

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// kind is a kind of resource with tags.
type kind struct {
	// tokens are its types in Pulumi; if an ARN can mean one of several, each is tried.
	tokens []string
	// prefix is the service and resource type in the ARN.
	service, resource string
	// id makes the id for Pulumi's import from an ARN and its part after the resource type.
	id func(arn, rest string) string
	// named says that the provider generates the physical name. After an import, the name counts as given by the program, and the next
	// update replaces the resource by one with a generated name. So an import is useless.
	// https://github.com/pulumi/pulumi/issues/9210
	named bool
	// within names the input for the resource's parent, which cannot be changed: an existing resource can only be the wanted one if the
	// program's value is known.
	within string
}

// kinds are the program's kinds in order of deletion: a resource that uses others comes before them. Each kind's page in the registry
// has its id for an import, under "Import":
// https://www.pulumi.com/registry/packages/aws/api-docs/
var kinds = []kind{
	{tokens: []string{"aws:cloudwatch/metricAlarm:MetricAlarm"}, service: "cloudwatch", resource: "alarm:", id: byRest, named: true},
	{tokens: []string{"aws:ecs/service:Service"}, service: "ecs", resource: "service/", id: byRest, named: true},
	{tokens: []string{"aws:scheduler/scheduleGroup:ScheduleGroup"}, service: "scheduler", resource: "schedule-group/", id: byRest, named: true},
	{tokens: []string{"aws:sfn/stateMachine:StateMachine"}, service: "states", resource: "stateMachine:", id: byARN, named: true},
	{tokens: []string{"aws:lb/listenerRule:ListenerRule"}, service: "elasticloadbalancing", resource: "listener-rule/", id: byARN, within: "listenerArn"},
	{tokens: []string{"aws:lb/listener:Listener"}, service: "elasticloadbalancing", resource: "listener/", id: byARN, within: "loadBalancerArn"},
	{tokens: []string{"aws:lb/loadBalancer:LoadBalancer"}, service: "elasticloadbalancing", resource: "loadbalancer/", id: byARN, named: true},
	{tokens: []string{"aws:lb/targetGroup:TargetGroup"}, service: "elasticloadbalancing", resource: "targetgroup/", id: byARN, named: true},
	{tokens: []string{"aws:acm/certificate:Certificate"}, service: "acm", resource: "certificate/", id: byARN},
	{tokens: []string{"aws:servicediscovery/httpNamespace:HttpNamespace"}, service: "servicediscovery", resource: "namespace/", id: byRest, named: true},
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
	{tokens: []string{"aws:ec2/flowLog:FlowLog"}, service: "ec2", resource: "vpc-flow-log/", id: byRest, within: "vpcId"},
	{tokens: []string{"aws:ec2/natGateway:NatGateway"}, service: "ec2", resource: "natgateway/", id: byRest, within: "subnetId"},
	{tokens: []string{"aws:ec2/eip:Eip"}, service: "ec2", resource: "elastic-ip/", id: byRest},
	{
		tokens:  []string{"aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway"},
		service: "ec2", resource: "egress-only-internet-gateway/", id: byRest, within: "vpcId",
	},
	{tokens: []string{"aws:ec2/routeTable:RouteTable"}, service: "ec2", resource: "route-table/", id: byRest, within: "vpcId"},
	{tokens: []string{"aws:ec2/internetGateway:InternetGateway"}, service: "ec2", resource: "internet-gateway/", id: byRest, within: "vpcId"},
	{tokens: []string{"aws:ec2/subnet:Subnet"}, service: "ec2", resource: "subnet/", id: byRest, within: "vpcId"},
	{tokens: []string{"aws:ec2/vpc:Vpc"}, service: "ec2", resource: "vpc/", id: byRest},
}

// kept are resources with a stack's tags that stay when it goes: the revisions of task definitions, which cost nothing and to which ECS
// rolls back; what ECS makes and removes for a service; and scalable targets, which the next update registers again, because their ARN
// does not contain their id for an import.
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

// byLastName is for names after a path.
func byLastName(_, rest string) string { return rest[strings.LastIndex(rest, "/")+1:] }

// rank is the place of a token's kind in the order of deletion. A resource without tags belongs to one with tags, and goes first.
func rank(token string) int {
	return slices.IndexFunc(kinds, func(k kind) bool { return slices.Contains(k.tokens, token) })
}

// kindOf finds the kind of an ARN, and the ARN's part after the resource type; nil if the program makes no such kind.
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

// isKept reports whether the resource of an ARN stays when its stack goes.
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
