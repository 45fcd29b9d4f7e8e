package iam

import (
	"slipway/localcloud/aws/internal/policy"
)

// AwsManaged begins the names of the policies that AWS has in every account.
const AwsManaged = "arn:aws:iam::aws:policy/"

// awsPolicies are those of them that the local cloud has.
var awsPolicies = map[string]policy.Document{
	// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonECSTaskExecutionRolePolicy.html
	AwsManaged + "service-role/AmazonECSTaskExecutionRolePolicy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` +
		`"ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage",` +
		`"logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}`,
	// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AdministratorAccess.html
	AwsManaged + "AdministratorAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
	// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonS3ReadOnlyAccess.html, version 3
	AwsManaged + "AmazonS3ReadOnlyAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` +
		`"s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"],"Resource":"*"}]}`,
	// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/PowerUserAccess.html, version 12
	AwsManaged + "PowerUserAccess": `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},` +
		`{"Effect":"Allow","Action":["account:GetAccountInformation","account:GetGovCloudAccountInformation","account:GetPrimaryEmail",` +
		`"account:ListRegions","iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles",` +
		`"organizations:DescribeEffectivePolicy","organizations:DescribeOrganization"],"Resource":"*"}]}`,
}
