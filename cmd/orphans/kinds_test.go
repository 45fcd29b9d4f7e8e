package main

import (
	"slices"
	"testing"

	"slipway/bootstrap/permissions"
)

// untaggedKinds are those of the program's kinds that no tag can be put on, and why they need not be found.
var untaggedKinds = map[string]string{
	"aws:acm/certificateValidation:CertificateValidation":       "is a wait, and no thing",
	"aws:appautoscaling/policy:Policy":                          "goes with its scalable target",
	"aws:appautoscaling/scheduledAction:ScheduledAction":        "goes with its scalable target",
	"aws:ec2/route:Route":                                       "is found in its route table",
	"aws:ec2/routeTableAssociation:RouteTableAssociation":       "is found in its route table",
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": "is a setting of its cluster, which is put again",
	"aws:iam/rolePolicy:RolePolicy":                             "goes with its role, which shows it in a refresh",
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment":         "goes with its role, which shows it in a refresh",
	"aws:lb/listenerCertificate:ListenerCertificate":            "goes with its listener, to which the next update adds it again",
	"aws:scheduler/schedule:Schedule":                           "goes with its group",
	"aws:secretsmanager/secretVersion:SecretVersion":            "goes with its secret",
}

// keptKinds have tags, and are not deleted.
var keptKinds = []string{
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", // which goes with its VPC
	"aws:appautoscaling/target:Target",
	"aws:ecs/taskDefinition:TaskDefinition",
}

func TestEveryKindOfTheProgramIsKnown(t *testing.T) {
	for token := range permissions.Kinds {
		_, untagged := untaggedKinds[token]
		if known := rank(token) >= 0; known == (untagged || slices.Contains(keptKinds, token)) {
			t.Errorf("%s: put it into kinds, with what its ARN looks like and how it is imported, or say here why not", token)
		}
	}
}

func TestKindOf(t *testing.T) {
	const balancer = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:"
	for arn, want := range map[string]struct{ token, id string }{
		"arn:aws:ec2:eu-central-1:000000000000:egress-only-internet-gateway/eigw-1": {"aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway", "eigw-1"},
		"arn:aws:ec2:eu-central-1:000000000000:vpc/vpc-1":                           {"aws:ec2/vpc:Vpc", "vpc-1"},
		"arn:aws:ec2:eu-central-1:000000000000:vpc-flow-log/fl-1":                   {"aws:ec2/flowLog:FlowLog", "fl-1"},
		"arn:aws:ec2:eu-central-1:000000000000:natgateway/nat-1":                    {"aws:ec2/natGateway:NatGateway", "nat-1"},
		"arn:aws:ec2:eu-central-1:000000000000:elastic-ip/eipalloc-1":               {"aws:ec2/eip:Eip", "eipalloc-1"},
		"arn:aws:ec2:eu-central-1:000000000000:security-group/sg-1":                 {"aws:ec2/securityGroup:SecurityGroup", "sg-1"},
		"arn:aws:ec2:eu-central-1:000000000000:security-group-rule/sgr-1":           {"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "sgr-1"},
		"arn:aws:ecs:eu-central-1:000000000000:cluster/dev-1":                       {"aws:ecs/cluster:Cluster", "dev-1"},
		"arn:aws:ecs:eu-central-1:000000000000:service/dev-1/dev-hello-2":           {"aws:ecs/service:Service", "dev-1/dev-hello-2"},
		"arn:aws:iam::000000000000:role/slipway/dev-hello-task-1":                   {"aws:iam/role:Role", "dev-hello-task-1"},
		"arn:aws:iam::000000000000:role/plain":                                      {"aws:iam/role:Role", "plain"},
		"arn:aws:logs:eu-central-1:000000000000:log-group:dev-hello-1":              {"aws:cloudwatch/logGroup:LogGroup", "dev-hello-1"},
		"arn:aws:secretsmanager:eu-central-1:000000000000:secret:dev-1-AbCdEf":      {"aws:secretsmanager/secret:Secret", "arn:aws:secretsmanager:eu-central-1:000000000000:secret:dev-1-AbCdEf"},
		"arn:aws:scheduler:eu-central-1:000000000000:schedule-group/dev-1":          {"aws:scheduler/scheduleGroup:ScheduleGroup", "dev-1"},
		"arn:aws:servicediscovery:eu-central-1:000000000000:namespace/ns-1":         {"aws:servicediscovery/httpNamespace:HttpNamespace", "ns-1"},
		"arn:aws:states:eu-central-1:000000000000:stateMachine:dev-1":               {"aws:sfn/stateMachine:StateMachine", "arn:aws:states:eu-central-1:000000000000:stateMachine:dev-1"},
		balancer + "loadbalancer/app/dev-1/a":                                       {"aws:lb/loadBalancer:LoadBalancer", balancer + "loadbalancer/app/dev-1/a"},
		balancer + "listener/app/dev-1/a/b":                                         {"aws:lb/listener:Listener", balancer + "listener/app/dev-1/a/b"},
		balancer + "listener-rule/app/dev-1/a/b/c":                                  {"aws:lb/listenerRule:ListenerRule", balancer + "listener-rule/app/dev-1/a/b/c"},
		balancer + "targetgroup/dev-hello-1/a":                                      {"aws:lb/targetGroup:TargetGroup", balancer + "targetgroup/dev-hello-1/a"},
		"arn:aws:acm:eu-central-1:000000000000:certificate/a":                       {"aws:acm/certificate:Certificate", "arn:aws:acm:eu-central-1:000000000000:certificate/a"},
		"arn:aws:sqs:eu-central-1:000000000000:queue":                               {},
		"arn:aws:ec2:eu-central-1:000000000000:vpc-endpoint/vpce-1":                 {},
		"arn:aws:logs": {},
	} {
		k, rest := kindOf(arn)
		switch {
		case k == nil && want.token != "":
			t.Errorf("%s is of no kind", arn)
		case k != nil && (k.tokens[0] != want.token || k.id(arn, rest) != want.id):
			t.Errorf("%s is %s %s, want %v", arn, k.tokens[0], k.id(arn, rest), want)
		}
	}
	if !isKept("arn:aws:ecs:eu-central-1:000000000000:task-definition/slipway-dev-hello:3") || isKept("arn:aws:ecs:eu-central-1:000000000000:service/a/b") {
		t.Error("what is kept is not what is meant to be")
	}
}

// What uses others is deleted before them.
func TestOrderOfDeletion(t *testing.T) {
	for _, order := range [][]string{
		{"aws:ecs/service:Service", "aws:ecs/cluster:Cluster"},
		{"aws:ecs/service:Service", "aws:lb/targetGroup:TargetGroup", "aws:ec2/vpc:Vpc"},
		{"aws:lb/listenerRule:ListenerRule", "aws:lb/listener:Listener", "aws:lb/loadBalancer:LoadBalancer", "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/subnet:Subnet", "aws:ec2/vpc:Vpc"},
		{"aws:lb/listener:Listener", "aws:acm/certificate:Certificate"},
		{"aws:ec2/route:Route", "aws:ec2/routeTable:RouteTable", "aws:ec2/vpc:Vpc"},
		{"aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway", "aws:ec2/vpc:Vpc"},
		{"aws:ec2/natGateway:NatGateway", "aws:ec2/eip:Eip", "aws:ec2/internetGateway:InternetGateway", "aws:ec2/subnet:Subnet"},
		{"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "aws:ec2/securityGroup:SecurityGroup"},
		{"aws:lb/loadBalancer:LoadBalancer", "aws:ec2/internetGateway:InternetGateway", "aws:ec2/vpc:Vpc"},
	} {
		for i := range order[1:] {
			if rank(order[i]) >= rank(order[i+1]) {
				t.Errorf("%s is not deleted before %s", order[i], order[i+1])
			}
		}
	}
}
