package components

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// newFlowLogs records which connections the VPC's network interfaces accept and reject, in a log group (control EC2.6 of AWS's Foundational
// Security Best Practices).
func (n *Network) newFlowLogs(ctx *pulumi.Context, vpc *ec2.Vpc) error {
	if !n.args.FlowLogs.Enabled() {
		return nil
	}
	name := spec.FlowLogsRole.Of(n.name)
	group, err := cloudwatch.NewLogGroup(ctx, name, &cloudwatch.LogGroupArgs{
		RetentionInDays: pulumi.Int(n.args.FlowLogs.RetentionDays),
		Tags:            n.args.Tags.named(name),
	}, n.parent())
	if err != nil {
		return err
	}
	role, err := iam.NewRole(ctx, name, &iam.RoleArgs{
		Path:                pulumi.String(spec.RolePath),
		Description:         pulumi.String("Used by VPC flow logs to write records"),
		AssumeRolePolicy:    document(group.Arn, trustFlowLogs),
		PermissionsBoundary: n.args.Boundary,
		Tags:                n.args.Tags.named(name),
	}, n.parent())
	if err != nil {
		return err
	}
	policy, err := iam.NewRolePolicy(ctx, name, &iam.RolePolicyArgs{Role: role.Name, Policy: document(group.Arn, writeFlowLogs)}, n.parent())
	if err != nil {
		return err
	}
	_, err = ec2.NewFlowLog(ctx, name, &ec2.FlowLogArgs{
		VpcId:          vpc.ID(),
		TrafficType:    pulumi.String("ALL"),
		LogDestination: group.Arn,
		IamRoleArn:     role.Arn,
		Tags:           n.args.Tags.named(name),
	}, n.parent(), pulumi.DependsOn([]pulumi.Resource{policy}))
	return err
}

// document returns the policy for a resource as JSON.
func document(arn pulumi.StringOutput, policy func(arn string) policyDocument) pulumi.StringOutput {
	return arn.ApplyT(func(arn string) (string, error) { return policy(arn).JSON() }).(pulumi.StringOutput)
}

// trustFlowLogs lets flow logs of the account that has the log group assume a role, and nobody else ("IAM role for publishing flow logs to
// CloudWatch Logs" in the Amazon VPC user guide).
func trustFlowLogs(logGroupARN string) policyDocument {
	at := placeOf(logGroupARN)
	return policyDocument{{
		Effect: "Allow", Principal: map[string]string{"Service": "vpc-flow-logs.amazonaws.com"}, Action: []string{"sts:AssumeRole"},
		Condition: map[string]map[string][]string{
			"StringEquals": {"aws:SourceAccount": {at.account}},
			"ArnLike":      {"aws:SourceArn": {at.arn("ec2", "vpc-flow-log/*")}},
		},
	}}
}

// writeFlowLogs lets flow logs write to a log group. That page has the actions; they also create groups, which is not needed here.
func writeFlowLogs(logGroupARN string) policyDocument {
	return policyDocument{
		{
			Sid: "WriteFlowLogs", Effect: "Allow", Action: []string{"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"},
			Resource: []string{logGroupARN, logGroupARN + ":*"},
		},
		{Sid: "FindLogGroup", Effect: "Allow", Action: []string{"logs:DescribeLogGroups"}, Resource: []string{"*"}}, // lists them and names none
	}
}
