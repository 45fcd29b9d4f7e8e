package permissions

import "slices"

// Operations are the actions with which the AWS provider manages a kind of resource. It reads a resource after it created or updated
// it, and while it waits for it. So the actions of Read belong to all operations and are not repeated. An import only reads.
//
// Actions for properties that the program never sets are left out.
type Operations struct {
	Create, Read []string
	// Update has the actions for a changed property, by property; [otherwise] is for the others.
	Update map[string][]string
	// Tags has the actions for changed tags, with or without other changes. Each update calls some of them as soon as a tag comes, goes
	// or gets another value.
	Tags   []string
	Delete []string
}

// otherwise stands for every property that is not named.
const otherwise = ""

// always gives every property's change the same actions.
func always(actions ...string) map[string][]string { return map[string][]string{otherwise: actions} }

// All returns the actions of all operations, sorted.
func (o Operations) All() []string {
	all := slices.Concat(o.Create, o.Read, o.Tags, o.Delete)
	for _, actions := range o.Update {
		all = append(all, actions...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Functions are the actions with which the AWS provider answers a function, by the function's token.
var Functions = map[string][]string{
	"aws:ecr/getImage:getImage":                           {"ecr:DescribeImages", "ecr:DescribeRepositories"},
	"aws:ec2/getRouteTable:getRouteTable":                 {"ec2:DescribeRouteTables"},
	"aws:ec2/getRouteTables:getRouteTables":               {"ec2:DescribeRouteTables"},
	"aws:ec2/getSecurityGroup:getSecurityGroup":           {"ec2:DescribeSecurityGroups"},
	"aws:ec2/getSubnet:getSubnet":                         {"ec2:DescribeSubnets"},
	"aws:ec2/getSubnets:getSubnets":                       {"ec2:DescribeSubnets"},
	"aws:ec2/getVpc:getVpc":                               {"ec2:DescribeVpcs", "ec2:DescribeVpcAttribute", "ec2:DescribeRouteTables"}, // and the main one
	"aws:ecs/getService:getService":                       {"ecs:DescribeServices"},
	"aws:iam/getPolicy:getPolicy":                         {"iam:GetPolicy", "iam:GetPolicyVersion"},
	"aws:lb/getListener:getListener":                      {"elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeTags"},
	"aws:lb/getLoadBalancer:getLoadBalancer":              {"elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeTags"},
	"aws:index/getAvailabilityZones:getAvailabilityZones": {"ec2:DescribeAvailabilityZones"},
	"aws:index/getCallerIdentity:getCallerIdentity":       {}, // everybody may
	"aws:index/getRegion:getRegion":                       {}, // the provider knows its region
}

// Deployments are the actions with which the program finds out how a deployment ended, and why it failed: the calls of
// internal/deployments.
var Deployments = []string{
	"ecs:DescribeServices", "ecs:DescribeTaskDefinition", "ecs:DescribeTasks", "ecs:ListTasks",
	"elasticloadbalancing:DescribeTargetHealth", "logs:GetLogEvents",
}

// Jobs are the actions with which a job is run on demand, or before a deployment, and with which cmd/fleet shows the last runs: the calls of
// internal/jobs, but for those that Deployments has.
var Jobs = []string{"ecs:RunTask", "ecs:StopTask", "iam:PassRole", "states:ListExecutions"}

// Lookups are the actions with which the program itself finds out, also in a preview, what exists already: certificates, a listener's
// rules, how many tasks they lead to, the quota of rules, and a cluster that others keep.
var Lookups = []string{
	"acm:DescribeCertificate", "acm:ListCertificates", "ecs:DescribeClusters",
	"elasticloadbalancing:DescribeAccountLimits", "elasticloadbalancing:DescribeListenerCertificates", "elasticloadbalancing:DescribeListeners",
	"elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags",
	"elasticloadbalancing:DescribeTargetHealth",
	"states:ValidateStateMachineDefinition", // the AWS provider, to tell what changes
}

// Orphans are the actions, in addition to a refresh's, with which cmd/orphans finds resources that are not in a stack's state: those
// with its tags, its roles, which the tagging API does not list, and the routes in route tables.
var Orphans = []string{"ec2:DescribeRouteTables", "iam:GetRole", "iam:ListRoles", "tag:GetResources"}

// Kinds are the kinds of resources that the program registers, by token.
var Kinds = map[string]Operations{
	"aws:acm/certificate:Certificate": {
		Create: []string{"acm:RequestCertificate", "acm:AddTagsToCertificate"},
		Read:   []string{"acm:DescribeCertificate", "acm:ListTagsForCertificate"},
		Tags:   []string{"acm:AddTagsToCertificate", "acm:RemoveTagsFromCertificate"},
		Delete: []string{"acm:DeleteCertificate"},
	},
	"aws:acm/certificateValidation:CertificateValidation": { // no more than the wait until the certificate is issued
		Read: []string{"acm:DescribeCertificate"},
	},
	"aws:appautoscaling/policy:Policy": {
		Create: []string{"application-autoscaling:PutScalingPolicy"},
		Read:   []string{"application-autoscaling:DescribeScalingPolicies"},
		Update: always("application-autoscaling:PutScalingPolicy"),
		Delete: []string{"application-autoscaling:DeleteScalingPolicy"},
	},
	"aws:appautoscaling/scheduledAction:ScheduledAction": {
		Create: []string{"application-autoscaling:PutScheduledAction"},
		Read:   []string{"application-autoscaling:DescribeScheduledActions"},
		Update: always("application-autoscaling:PutScheduledAction"),
		Delete: []string{"application-autoscaling:DeleteScheduledAction"},
	},
	// Application Auto Scaling checks that its caller may scale the service itself ("Permissions validation for Application Auto
	// Scaling API calls on target resources" in its user guide).
	"aws:appautoscaling/target:Target": {
		Create: []string{
			"application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource",
			"iam:CreateServiceLinkedRole", // with the account's first scaled service
			"ecs:DescribeServices", "ecs:UpdateService", "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm",
		},
		Read: []string{"application-autoscaling:DescribeScalableTargets", "application-autoscaling:ListTagsForResource"},
		Update: always(
			"application-autoscaling:RegisterScalableTarget",
			"iam:PassRole", // the provider names the service-linked role that it has read (github.com/aws-controllers-k8s/sagemaker-controller/pull/98)
			"ecs:DescribeServices", "ecs:UpdateService", "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm",
		),
		Tags:   []string{"application-autoscaling:TagResource", "application-autoscaling:UntagResource"},
		Delete: []string{"application-autoscaling:DeregisterScalableTarget"},
	},
	"aws:cloudwatch/logGroup:LogGroup": {
		Create: []string{"logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:TagResource"},
		Read:   []string{"logs:DescribeLogGroups", "logs:ListTagsForResource"},
		Update: map[string][]string{
			"retentionInDays": {"logs:PutRetentionPolicy"},
		},
		Tags:   []string{"logs:TagResource", "logs:UntagResource"},
		Delete: []string{"logs:DeleteLogGroup"},
	},
	"aws:cloudwatch/metricAlarm:MetricAlarm": {
		Create: []string{"cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"},
		Read:   []string{"cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"},
		Update: always("cloudwatch:PutMetricAlarm"),
		Tags:   []string{"cloudwatch:TagResource", "cloudwatch:UntagResource"},
		Delete: []string{"cloudwatch:DeleteAlarms"},
	},
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": { // adopted, and deleted with the VPC
		Create: []string{"ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress", "ec2:CreateTags"},
		Read:   []string{"ec2:DescribeSecurityGroups"},
		Update: always("ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"),
		Tags:   []string{"ec2:CreateTags", "ec2:DeleteTags"},
	},
	"aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway": {
		Create: []string{"ec2:CreateEgressOnlyInternetGateway", "ec2:CreateTags"},
		Read:   []string{"ec2:DescribeEgressOnlyInternetGateways"},
		Tags:   []string{"ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:DeleteEgressOnlyInternetGateway"},
	},
	"aws:ec2/eip:Eip": {
		Create: []string{"ec2:AllocateAddress", "ec2:CreateTags"},
		Read:   []string{"ec2:DescribeAddresses", "ec2:DescribeAddressesAttribute"},
		Tags:   []string{"ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:DisassociateAddress", "ec2:ReleaseAddress"}, // of one whose NAT gateway a refresh found
	},
	"aws:ec2/flowLog:FlowLog": {
		Create: []string{"ec2:CreateFlowLogs", "ec2:CreateTags", "iam:PassRole"},
		Read:   []string{"ec2:DescribeFlowLogs"},
		Tags:   []string{"ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:DeleteFlowLogs"},
	},
	"aws:ec2/internetGateway:InternetGateway": {
		Create: []string{"ec2:CreateInternetGateway", "ec2:AttachInternetGateway", "ec2:CreateTags"},
		Read:   []string{"ec2:DescribeInternetGateways"},
		Update: map[string][]string{
			"vpcId": {"ec2:AttachInternetGateway", "ec2:DetachInternetGateway"},
		},
		Tags:   []string{"ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:DetachInternetGateway", "ec2:DeleteInternetGateway"},
	},
	"aws:ec2/natGateway:NatGateway": {
		Create: []string{"ec2:CreateNatGateway", "ec2:CreateTags"},
		Read:   []string{"ec2:DescribeNatGateways"},
		Tags:   []string{"ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:DeleteNatGateway"},
	},
	"aws:ec2/route:Route": {
		Create: []string{"ec2:CreateRoute"},
		Read:   []string{"ec2:DescribeRouteTables"},
		Update: always("ec2:ReplaceRoute"),
		Delete: []string{"ec2:DeleteRoute"},
	},
	"aws:ec2/routeTable:RouteTable": {
		Create: []string{"ec2:CreateRouteTable", "ec2:CreateTags"},
		Read:   []string{"ec2:DescribeRouteTables"},
		Tags:   []string{"ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:DisassociateRouteTable", "ec2:DeleteRouteTable"},
	},
	"aws:ec2/routeTableAssociation:RouteTableAssociation": {
		Create: []string{"ec2:AssociateRouteTable"},
		Read:   []string{"ec2:DescribeRouteTables"},
		Update: map[string][]string{
			"routeTableId": {"ec2:ReplaceRouteTableAssociation"},
		},
		Delete: []string{"ec2:DisassociateRouteTable"},
	},
	"aws:ec2/securityGroup:SecurityGroup": {
		Create: []string{"ec2:CreateSecurityGroup", "ec2:RevokeSecurityGroupEgress", "ec2:CreateTags"}, // EC2 gives a new group an egress rule
		Read:   []string{"ec2:DescribeSecurityGroups"},
		Tags:   []string{"ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:DescribeNetworkInterfaces", "ec2:DeleteSecurityGroup"}, // looks for interfaces that Lambda left in the group
	},
	"aws:ec2/subnet:Subnet": {
		Create: []string{"ec2:CreateSubnet", "ec2:ModifySubnetAttribute", "ec2:CreateTags"},
		Read:   []string{"ec2:DescribeSubnets"},
		Update: map[string][]string{
			"ipv6CidrBlock": {"ec2:AssociateSubnetCidrBlock", "ec2:DisassociateSubnetCidrBlock"},
			otherwise:       {"ec2:ModifySubnetAttribute"},
		},
		Tags:   []string{"ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:DescribeNetworkInterfaces", "ec2:DeleteSubnet"},
	},
	"aws:ec2/vpc:Vpc": {
		Create: []string{"ec2:CreateVpc", "ec2:ModifyVpcAttribute", "ec2:CreateTags"},
		Read: []string{ // and what the VPC came with
			"ec2:DescribeVpcs", "ec2:DescribeVpcAttribute", "ec2:DescribeNetworkAcls", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups",
		},
		Update: map[string][]string{
			"assignGeneratedIpv6CidrBlock": {"ec2:AssociateVpcCidrBlock", "ec2:DisassociateVpcCidrBlock"},
			otherwise:                      {"ec2:ModifyVpcAttribute"},
		},
		Tags:   []string{"ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:DeleteVpc"},
	},
	"aws:ecs/cluster:Cluster": {
		Create: []string{"ecs:CreateCluster", "ecs:TagResource", "iam:CreateServiceLinkedRole"}, // with the account's first cluster
		Read:   []string{"ecs:DescribeClusters"},
		Update: map[string][]string{"settings": {"ecs:UpdateCluster", "ecs:ListTagsForResource"}},
		Tags:   []string{"ecs:TagResource", "ecs:UntagResource", "ecs:ListTagsForResource"}, // its update reads nothing else
		Delete: []string{"ecs:DeleteCluster"},
	},
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": {
		Create: []string{"ecs:PutClusterCapacityProviders"},
		Read:   []string{"ecs:DescribeClusters"},
		Update: always("ecs:PutClusterCapacityProviders"),
		Delete: []string{"ecs:PutClusterCapacityProviders"},
	},
	"aws:ecs/service:Service": {
		Create: []string{"ecs:CreateService", "ecs:TagResource"},
		Read:   []string{"ecs:DescribeServices"},
		Update: always("ecs:UpdateService"),
		Tags:   []string{"ecs:TagResource", "ecs:UntagResource"},
		Delete: []string{"ecs:UpdateService", "ecs:DeleteService"}, // scaled down to nothing first
	},
	"aws:ecs/taskDefinition:TaskDefinition": { // never deregistered: see skipDestroy
		Create: []string{"ecs:RegisterTaskDefinition", "ecs:TagResource", "iam:PassRole"},
		Read:   []string{"ecs:DescribeTaskDefinition"},
		Tags:   []string{"ecs:TagResource", "ecs:UntagResource", "ecs:ListTagsForResource"}, // its update reads nothing else
	},
	"aws:iam/role:Role": {
		Create: []string{"iam:CreateRole", "iam:TagRole"},
		Read:   []string{"iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"},
		Update: map[string][]string{
			"assumeRolePolicy":    {"iam:UpdateAssumeRolePolicy"},
			"description":         {"iam:UpdateRoleDescription"},
			"permissionsBoundary": {"iam:PutRolePermissionsBoundary"},
		},
		Tags:   []string{"iam:TagRole", "iam:UntagRole"},
		Delete: []string{"iam:ListInstanceProfilesForRole", "iam:DeleteRolePolicy", "iam:DeleteRole"}, // of policies that a refresh found
	},
	"aws:iam/rolePolicy:RolePolicy": {
		Create: []string{"iam:PutRolePolicy"},
		Read:   []string{"iam:GetRolePolicy"},
		Update: always("iam:PutRolePolicy"),
		Delete: []string{"iam:DeleteRolePolicy"},
	},
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
		Create: []string{"iam:AttachRolePolicy"},
		Read:   []string{"iam:ListAttachedRolePolicies"},
		Delete: []string{"iam:DetachRolePolicy"},
	},
	"aws:lb/listener:Listener": {
		Create: []string{"elasticloadbalancing:CreateListener", "elasticloadbalancing:ModifyListenerAttributes", "elasticloadbalancing:AddTags"},
		Read:   []string{"elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeListenerAttributes", "elasticloadbalancing:DescribeTags"},
		Update: map[string][]string{
			otherwise: {"elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyListenerAttributes"},
		},
		Tags:   []string{"elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"},
		Delete: []string{"elasticloadbalancing:DeleteListener"},
	},
	"aws:lb/listenerCertificate:ListenerCertificate": {
		Create: []string{"elasticloadbalancing:AddListenerCertificates"},
		Read:   []string{"elasticloadbalancing:DescribeListenerCertificates"},
		Delete: []string{"elasticloadbalancing:RemoveListenerCertificates"},
	},
	"aws:lb/listenerRule:ListenerRule": {
		Create: []string{"elasticloadbalancing:CreateRule", "elasticloadbalancing:AddTags"},
		Read:   []string{"elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags"},
		Update: map[string][]string{
			"priority": {"elasticloadbalancing:SetRulePriorities"},
			otherwise:  {"elasticloadbalancing:ModifyRule"},
		},
		Tags:   []string{"elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"},
		Delete: []string{"elasticloadbalancing:DeleteRule"},
	},
	"aws:lb/loadBalancer:LoadBalancer": {
		Create: []string{
			"elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:AddTags",
			"iam:CreateServiceLinkedRole", // with the account's first load balancer
			"ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeInternetGateways",
			"ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
		},
		Read: []string{
			"elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancerAttributes",
			"elasticloadbalancing:DescribeCapacityReservation", "elasticloadbalancing:DescribeTags",
		},
		Update: map[string][]string{
			"ipAddressType":  {"elasticloadbalancing:SetIpAddressType"},
			"securityGroups": {"elasticloadbalancing:SetSecurityGroups"},
			"subnets":        {"elasticloadbalancing:SetSubnets", "ec2:DescribeSubnets"},
			otherwise:        {"elasticloadbalancing:ModifyLoadBalancerAttributes"},
		},
		Tags:   []string{"elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"},
		Delete: []string{"elasticloadbalancing:DeleteLoadBalancer", "ec2:DescribeNetworkInterfaces"}, // looks for interfaces that it left behind
	},
	"aws:lb/targetGroup:TargetGroup": {
		Create: []string{
			"elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes", "elasticloadbalancing:AddTags",
			"ec2:DescribeInternetGateways", "ec2:DescribeVpcs",
		},
		Read: []string{
			"elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTags",
		},
		Update: map[string][]string{
			"healthCheck": {"elasticloadbalancing:ModifyTargetGroup"},
			otherwise:     {"elasticloadbalancing:ModifyTargetGroupAttributes"},
		},
		Tags:   []string{"elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"},
		Delete: []string{"elasticloadbalancing:DeleteTargetGroup"},
	},
	"aws:scheduler/schedule:Schedule": {
		Create: []string{"scheduler:CreateSchedule", "iam:PassRole"},
		Read:   []string{"scheduler:GetSchedule"},
		Update: always("scheduler:UpdateSchedule", "iam:PassRole"),
		Delete: []string{"scheduler:DeleteSchedule"},
	},
	"aws:scheduler/scheduleGroup:ScheduleGroup": {
		Create: []string{"scheduler:CreateScheduleGroup", "scheduler:TagResource"},
		Read:   []string{"scheduler:GetScheduleGroup", "scheduler:ListTagsForResource"},
		Tags:   []string{"scheduler:TagResource", "scheduler:UntagResource"},
		Delete: []string{"scheduler:DeleteScheduleGroup", "scheduler:DeleteSchedule"},
	},
	"aws:secretsmanager/secret:Secret": {
		Create: []string{"secretsmanager:CreateSecret", "secretsmanager:TagResource"},
		Read:   []string{"secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"},
		Update: map[string][]string{
			"description": {"secretsmanager:UpdateSecret"},
		},
		Tags:   []string{"secretsmanager:TagResource", "secretsmanager:UntagResource"},
		Delete: []string{"secretsmanager:DeleteSecret"},
	},
	"aws:secretsmanager/secretVersion:SecretVersion": { // a new value is a new version, and an old one is deleted with its secret
		Create: []string{"secretsmanager:PutSecretValue"},
		Read:   []string{"secretsmanager:GetSecretValue"},
		Delete: []string{"secretsmanager:UpdateSecretVersionStage"},
	},
	"aws:sfn/stateMachine:StateMachine": {
		Create: []string{"states:ValidateStateMachineDefinition", "states:CreateStateMachine", "states:TagResource", "iam:PassRole"},
		Read:   []string{"states:DescribeStateMachine", "states:ListStateMachineVersions", "states:ListTagsForResource"},
		Update: map[string][]string{
			"definition": {"states:ValidateStateMachineDefinition", "states:UpdateStateMachine", "iam:PassRole"},
			otherwise:    {"states:UpdateStateMachine", "iam:PassRole"},
		},
		Tags:   []string{"states:TagResource", "states:UntagResource"},
		Delete: []string{"states:DeleteStateMachine"},
	},
	"aws:servicediscovery/httpNamespace:HttpNamespace": {
		Create: []string{"servicediscovery:CreateHttpNamespace", "servicediscovery:GetOperation", "servicediscovery:TagResource"},
		Read:   []string{"servicediscovery:GetNamespace", "servicediscovery:ListTagsForResource"},
		Tags:   []string{"servicediscovery:TagResource", "servicediscovery:UntagResource"},
		Delete: []string{"servicediscovery:DeleteNamespace", "servicediscovery:GetOperation"},
	},
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {
		Create: []string{"ec2:AuthorizeSecurityGroupEgress", "ec2:CreateTags"},
		Read:   []string{"ec2:DescribeSecurityGroupRules"},
		Update: always("ec2:ModifySecurityGroupRules"),
		Tags:   []string{"ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:RevokeSecurityGroupEgress"},
	},
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
		Create: []string{"ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags"},
		Read:   []string{"ec2:DescribeSecurityGroupRules"},
		Update: always("ec2:ModifySecurityGroupRules"),
		Tags:   []string{"ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:RevokeSecurityGroupIngress"},
	},
}
