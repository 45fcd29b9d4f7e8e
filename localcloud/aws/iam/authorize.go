package iam

import (
	"cmp"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/cloud"
)

// Authorize refuses an operation to a caller with a role that lacks a permission for it, before anything is done.
func Authorize(c *cloud.Call, permissions []cloud.Permission) error {
	role, _ := identity.SessionRole(c.Tx, c.Caller.Identity)
	if role == nil {
		return identity.ErrInvalidToken()
	}
	rights := AuthorityOf(c.Tx, role)
	for _, p := range permissions {
		if why := rights.Denial(RequestFor(p, c, role)); why != "" {
			return denied(p, c.Caller.Identity, why)
		}
	}
	return nil
}

// RequestFor is the request for a permission, with the condition keys that every request has.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
func RequestFor(p cloud.Permission, c *cloud.Call, role *cloud.Resource) policy.Request {
	region := c.Caller.Scope.Region
	if strings.HasPrefix(p.Action, "iam:") && p.Action != "iam:PassRole" {
		region = "us-east-1" // IAM's region, for all regions; passing a role makes no call to it
	}
	r := policy.Request{Action: p.Action, Resource: p.Resource, Lists: map[string][]string{}, Context: map[string]string{
		"aws:principalarn": Role.Outputs(role).ARN, "aws:principalaccount": role.Scope.Account,
		"aws:resourceaccount": cmp.Or(arns.Account(p.Resource), c.Caller.Scope.Account), "aws:requestedregion": region, "aws:securetransport": "true",
	}}
	maps.Copy(r.Context, p.Context)
	if p.TagKeys != nil {
		r.Lists["aws:tagkeys"] = p.TagKeys
	}
	return r
}

// Clients are the services by the prefix of their actions: their name in the SDK, and the code of their refusals.
var Clients = map[string]struct{ name, Code string }{
	"acm":                     {"ACM", "AccessDeniedException"},
	"ec2":                     {"EC2", "UnauthorizedOperation"},
	"ecr":                     {"ECR", "AccessDeniedException"},
	"ecs":                     {"ECS", "AccessDeniedException"},
	"application-autoscaling": {"Application Auto Scaling", "AccessDeniedException"},
	"cloudwatch":              {"CloudWatch", "AccessDenied"},
	"elasticloadbalancing":    {"Elastic Load Balancing v2", "AccessDenied"},
	"iam":                     {"IAM", "AccessDenied"},
	"sqs":                     {"SQS", "AccessDenied"},
	"logs":                    {"CloudWatch Logs", "AccessDeniedException"},
	"s3":                      {"S3", "AccessDenied"},
	"scheduler":               {"Scheduler", "AccessDeniedException"},
	"secretsmanager":          {"Secrets Manager", "AccessDeniedException"},
	"servicediscovery":        {"ServiceDiscovery", "AccessDeniedException"},
	"ssm":                     {"SSM", "AccessDeniedException"},
	"states":                  {"SFN", "AccessDeniedException"},
	"tag":                     {"Resource Groups Tagging API", "AccessDeniedException"},
}

// denied is the refusal of a permission in the words of its service.
func denied(p cloud.Permission, who, why string) error {
	prefix, call, _ := strings.Cut(p.API, ":")
	client := Clients[prefix]
	resource := p.Resource
	if prefix == "s3" {
		resource = strconv.Quote(resource)
	}
	err := AccessDenied(client.Code, who, p.Action, resource, why)
	if prefix == "ec2" {
		// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
		err.Message = "You are not authorized to perform this operation. " + err.Message
	}
	return fmt.Errorf("operation error %s: %s, %w", client.name, call, err)
}

// AccessDenied is the services' refusal. They name a resource if it could have been allowed by itself.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
func AccessDenied(code, who, action, resource, why string) *cloud.Error {
	if resource != "*" {
		action += " on resource: " + resource
	}
	return cloud.Errorf(code, "User: %s is not authorized to perform: %s %s", who, action, why)
}
