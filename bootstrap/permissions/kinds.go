package permissions

import "slices"

// Operations are the actions by which the AWS provider manages a kind of resource. It reads a resource after it created or
// updated it, and while it waits for it, so that the actions of Read belong to all of them and are not repeated.
//
// What only a property that the program never sets leads to is left out.
type Operations struct {
	Create, Read, Update, Delete []string
}

// All returns the actions of all operations, sorted.
func (o Operations) All() []string {
	all := slices.Concat(o.Create, o.Read, o.Update, o.Delete)
	slices.Sort(all)
	return slices.Compact(all)
}

// Functions are the actions by which the AWS provider answers a function, by the function's token.
var Functions = map[string][]string{
	"aws:ecr/getImage:getImage":                           {"ecr:DescribeImages", "ecr:DescribeRepositories"},
	"aws:ecs/getService:getService":                       {"ecs:DescribeServices"},
	"aws:index/getAvailabilityZones:getAvailabilityZones": {"ec2:DescribeAvailabilityZones"},
	"aws:index/getRegion:getRegion":                       {}, // the provider knows its region
}

// Rollout are the actions by which the program finds out how a deployment ended, and why it failed: what internal/rollout asks.
var Rollout = []string{
	"ecs:DescribeServices", "ecs:DescribeTaskDefinition", "ecs:DescribeTasks", "ecs:ListTasks",
	"elasticloadbalancing:DescribeTargetHealth", "logs:GetLogEvents",
}

// Orphans are the actions by which cmd/orphans finds what a stack's state does not know, beside those of a refresh: what has its tags,
// its roles, which the tagging API does not list, and what route tables hold.
var Orphans = []string{"ec2:DescribeRouteTables", "iam:GetRole", "iam:ListRoles", "tag:GetResources"}

// Kinds are the kinds of resources that the program registers, by token.
var Kinds = map[string]Operations{
	"aws:acm/certificate:Certificate": {
		Create: []string{"acm:RequestCertificate", "acm:AddTagsToCertificate"},
		Read:   []string{"acm:DescribeCertificate", "acm:ListTagsForCertificate"},
		Update: []string{"acm:AddTagsToCertificate", "acm:RemoveTagsFromCertificate"},
		Delete: []string{"acm:DeleteCertificate"},
	},
	"aws:acm/certificateValidation:CertificateValidation": { // no more than the wait until the certificate is issued
		Read: []string{"acm:DescribeCertificate"},
	},
	"aws:appautoscaling/policy:Policy": {
		Create: []string{"application-autoscaling:PutScalingPolicy"},
		Read:   []string{"application-autoscaling:DescribeScalingPolicies"},
		Update: []string{"application-autoscaling:PutScalingPolicy"},
		Delete: []string{"application-autoscaling:DeleteScalingPolicy"},
	},
	"aws:appautoscaling/scheduledAction:ScheduledAction": {
		Create: []string{"application-autoscaling:PutScheduledAction"},
		Read:   []string{"application-autoscaling:DescribeScheduledActions"},
		Update: []string{"application-autoscaling:PutScheduledAction"},
		Delete: []string{"application-autoscaling:DeleteScheduledAction"},
	},
	// Application Auto Scaling tries whether its caller may scale the service itself ("Permissions validation for Application
	// Auto Scaling API calls on target resources" in its user guide).
	"aws:appautoscaling/target:Target": {
		Create: []string{
			"application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource",
			"iam:CreateServiceLinkedRole", // with the account's first scaled service
			"ecs:DescribeServices", "ecs:UpdateService", "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm",
		},
		Read: []string{"application-autoscaling:DescribeScalableTargets", "application-autoscaling:ListTagsForResource"},
		Update: []string{
			"application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource", "application-autoscaling:UntagResource",
			"iam:PassRole", // the provider names the service-linked role that it has read (github.com/aws-controllers-k8s/sagemaker-controller/pull/98)
			"ecs:DescribeServices", "ecs:UpdateService", "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm",
		},
		Delete: []string{"application-autoscaling:DeregisterScalableTarget"},
	},
	"aws:cloudwatch/logGroup:LogGroup": {
		Create: []string{"logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:TagResource"},
		Read:   []string{"logs:DescribeLogGroups", "logs:ListTagsForResource"},
		Update: []string{"logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource"},
		Delete: []string{"logs:DeleteLogGroup"},
	},
	"aws:cloudwatch/metricAlarm:MetricAlarm": {
		Create: []string{"cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"},
		Read:   []string{"cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"},
		Update: []string{"cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"},
		Delete: []string{"cloudwatch:DeleteAlarms"},
	},
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": { // adopted, and left behind for the VPC to take along
		Create: []string{"ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress", "ec2:CreateTags"},
		Read:   []string{"ec2:DescribeSecurityGroups"},
		Update: []string{"ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress", "ec2:CreateTags", "ec2:DeleteTags"},
	},
	"aws:ec2/internetGateway:InternetGateway": {
		Create: []string{"ec2:CreateInternetGateway", "ec2:AttachInternetGateway", "ec2:CreateTags"},
		Read:   []string{"ec2:DescribeInternetGateways"},
		Update: []string{"ec2:AttachInternetGateway", "ec2:DetachInternetGateway", "ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:DetachInternetGateway", "ec2:DeleteInternetGateway"},
	},
	"aws:ec2/route:Route": {
		Create: []string{"ec2:CreateRoute"},
		Read:   []string{"ec2:DescribeRouteTables"},
		Update: []string{"ec2:ReplaceRoute"},
		Delete: []string{"ec2:DeleteRoute"},
	},
	"aws:ec2/routeTable:RouteTable": {
		Create: []string{"ec2:CreateRouteTable", "ec2:CreateTags"},
		Read:   []string{"ec2:DescribeRouteTables"},
		Update: []string{"ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:DisassociateRouteTable", "ec2:DeleteRouteTable"},
	},
	"aws:ec2/routeTableAssociation:RouteTableAssociation": {
		Create: []string{"ec2:AssociateRouteTable"},
		Read:   []string{"ec2:DescribeRouteTables"},
		Update: []string{"ec2:ReplaceRouteTableAssociation"},
		Delete: []string{"ec2:DisassociateRouteTable"},
	},
	"aws:ec2/securityGroup:SecurityGroup": {
		Create: []string{"ec2:CreateSecurityGroup", "ec2:RevokeSecurityGroupEgress", "ec2:CreateTags"}, // EC2 gives a new group an egress rule
		Read:   []string{"ec2:DescribeSecurityGroups"},
		Update: []string{"ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:DescribeNetworkInterfaces", "ec2:DeleteSecurityGroup"}, // looks for interfaces that Lambda left in the group
	},
	"aws:ec2/subnet:Subnet": {
		Create: []string{"ec2:CreateSubnet", "ec2:ModifySubnetAttribute", "ec2:CreateTags"},
		Read:   []string{"ec2:DescribeSubnets"},
		Update: []string{
			"ec2:AssociateSubnetCidrBlock", "ec2:DisassociateSubnetCidrBlock", "ec2:ModifySubnetAttribute", "ec2:CreateTags", "ec2:DeleteTags",
		},
		Delete: []string{"ec2:DescribeNetworkInterfaces", "ec2:DeleteSubnet"},
	},
	"aws:ec2/vpc:Vpc": {
		Create: []string{"ec2:CreateVpc", "ec2:ModifyVpcAttribute", "ec2:CreateTags"},
		Read: []string{ // and what the VPC came with
			"ec2:DescribeVpcs", "ec2:DescribeVpcAttribute", "ec2:DescribeNetworkAcls", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups",
		},
		Update: []string{
			"ec2:AssociateVpcCidrBlock", "ec2:DisassociateVpcCidrBlock", "ec2:ModifyVpcAttribute", "ec2:CreateTags", "ec2:DeleteTags",
		},
		Delete: []string{"ec2:DeleteVpc"},
	},
	"aws:ecs/cluster:Cluster": {
		Create: []string{"ecs:CreateCluster", "ecs:TagResource", "iam:CreateServiceLinkedRole"}, // with the account's first cluster
		Read:   []string{"ecs:DescribeClusters"},
		Update: []string{"ecs:TagResource", "ecs:UntagResource"},
		Delete: []string{"ecs:DeleteCluster"},
	},
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": {
		Create: []string{"ecs:PutClusterCapacityProviders"},
		Read:   []string{"ecs:DescribeClusters"},
		Update: []string{"ecs:PutClusterCapacityProviders"},
		Delete: []string{"ecs:PutClusterCapacityProviders"},
	},
	"aws:ecs/service:Service": {
		Create: []string{"ecs:CreateService", "ecs:TagResource"},
		Read:   []string{"ecs:DescribeServices"},
		Update: []string{"ecs:UpdateService", "ecs:TagResource", "ecs:UntagResource"},
		Delete: []string{"ecs:UpdateService", "ecs:DeleteService"}, // scaled down to nothing first
	},
	"aws:ecs/taskDefinition:TaskDefinition": { // never deregistered: see skipDestroy
		Create: []string{"ecs:RegisterTaskDefinition", "ecs:TagResource", "iam:PassRole"},
		Read:   []string{"ecs:DescribeTaskDefinition"},
		Update: []string{"ecs:TagResource", "ecs:UntagResource"},
	},
	"aws:iam/role:Role": {
		Create: []string{"iam:CreateRole", "iam:TagRole"},
		Read:   []string{"iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"},
		Update: []string{
			"iam:UpdateAssumeRolePolicy", "iam:UpdateRoleDescription", "iam:PutRolePermissionsBoundary", "iam:TagRole", "iam:UntagRole",
		},
		Delete: []string{"iam:ListInstanceProfilesForRole", "iam:DeleteRolePolicy", "iam:DeleteRole"}, // of policies that a refresh found
	},
	"aws:iam/rolePolicy:RolePolicy": {
		Create: []string{"iam:PutRolePolicy"},
		Read:   []string{"iam:GetRolePolicy"},
		Update: []string{"iam:PutRolePolicy"},
		Delete: []string{"iam:DeleteRolePolicy"},
	},
	"aws:lb/listener:Listener": {
		Create: []string{"elasticloadbalancing:CreateListener", "elasticloadbalancing:ModifyListenerAttributes", "elasticloadbalancing:AddTags"},
		Read:   []string{"elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeListenerAttributes", "elasticloadbalancing:DescribeTags"},
		Update: []string{
			"elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyListenerAttributes",
			"elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags",
		},
		Delete: []string{"elasticloadbalancing:DeleteListener"},
	},
	"aws:lb/listenerRule:ListenerRule": {
		Create: []string{"elasticloadbalancing:CreateRule", "elasticloadbalancing:AddTags"},
		Read:   []string{"elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags"},
		Update: []string{
			"elasticloadbalancing:ModifyRule", "elasticloadbalancing:SetRulePriorities", "elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags",
		},
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
		Update: []string{
			"elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:SetIpAddressType", "elasticloadbalancing:SetSecurityGroups",
			"elasticloadbalancing:SetSubnets", "ec2:DescribeSubnets", "elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags",
		},
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
		Update: []string{
			"elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes",
			"elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags",
		},
		Delete: []string{"elasticloadbalancing:DeleteTargetGroup"},
	},
	"aws:secretsmanager/secret:Secret": {
		Create: []string{"secretsmanager:CreateSecret", "secretsmanager:TagResource"},
		Read:   []string{"secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"},
		Update: []string{"secretsmanager:UpdateSecret", "secretsmanager:TagResource", "secretsmanager:UntagResource"},
		Delete: []string{"secretsmanager:DeleteSecret"},
	},
	"aws:secretsmanager/secretVersion:SecretVersion": { // another value is another version, and an old one goes with its secret
		Create: []string{"secretsmanager:PutSecretValue"},
		Read:   []string{"secretsmanager:GetSecretValue"},
		Delete: []string{"secretsmanager:UpdateSecretVersionStage"},
	},
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {
		Create: []string{"ec2:AuthorizeSecurityGroupEgress", "ec2:CreateTags"},
		Read:   []string{"ec2:DescribeSecurityGroupRules"},
		Update: []string{"ec2:ModifySecurityGroupRules", "ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:RevokeSecurityGroupEgress"},
	},
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
		Create: []string{"ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags"},
		Read:   []string{"ec2:DescribeSecurityGroupRules"},
		Update: []string{"ec2:ModifySecurityGroupRules", "ec2:CreateTags", "ec2:DeleteTags"},
		Delete: []string{"ec2:RevokeSecurityGroupIngress"},
	},
}
