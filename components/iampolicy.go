package components

import (
	"encoding/json"

	"slipway/spec"
)

// policyDocument is an IAM policy.
type policyDocument []policyStatement

type policyStatement struct {
	Sid       string            `json:",omitempty"`
	Effect    string            // "Allow"
	Principal map[string]string `json:",omitempty"` // in trust policies
	Action    []string
	Resource  []string                       `json:",omitempty"` // not in trust policies
	Condition map[string]map[string][]string `json:",omitempty"` // by operator and key
}

// JSON returns the document in IAM's form.
func (d policyDocument) JSON() (string, error) {
	document, err := json.Marshal(struct {
		Version   string
		Statement []policyStatement
	}{"2012-10-17", d})
	return string(document), err
}

// trustECSTasks lets ECS give a role to tasks. It names no account: only a caller who may pass a role can give it to ECS
// (iam:PassRole), and that does not work across accounts.
var trustECSTasks = policyDocument{{
	Effect:    "Allow",
	Principal: map[string]string{"Service": "ecs-tasks.amazonaws.com"},
	Action:    []string{"sts:AssumeRole"},
}}

// allow lets tasks do what a service's settings say.
func allow(p spec.Permission) policyDocument {
	return policyDocument{{Effect: "Allow", Action: p.Actions, Resource: p.Resources}}
}

// watchParameters lets tasks read the parameters below a path, of their account.
func watchParameters(path, region string) policyDocument {
	arn := "arn:*:ssm:" + region + ":*:parameter" + path
	return policyDocument{{
		Sid:      "WatchParameters",
		Effect:   "Allow",
		Action:   []string{"ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"},
		Resource: []string{arn, arn + "/*"},
	}}
}

// mountVolume lets tasks read and write a file system of Amazon EFS by an access point ("Using IAM to control access to file systems" in
// the EFS user guide). The ids are unique, so no account has to be known.
func mountVolume(v spec.Volume, region string) policyDocument {
	const arn = "arn:*:elasticfilesystem:"
	return policyDocument{{
		Sid:       "MountVolume",
		Effect:    "Allow",
		Action:    spec.MountActions,
		Resource:  []string{arn + region + ":*:file-system/" + v.FileSystemID},
		Condition: map[string]map[string][]string{"StringLike": {"elasticfilesystem:AccessPointArn": {arn + region + ":*:access-point/" + v.AccessPointID}}},
	}}
}

// What ECS itself needs to start a service's tasks: AmazonECSTaskExecutionRolePolicy, reduced to the service's own log group, secrets
// and repository, and the secrets and parameters that it names.

// writeLogs lets ECS log to a log group's streams.
func writeLogs(logGroupARN string) policyDocument {
	return policyDocument{{
		Sid:      "WriteLogs",
		Effect:   "Allow",
		Action:   []string{"logs:CreateLogStream", "logs:PutLogEvents"},
		Resource: []string{logGroupARN + ":*"},
	}}
}

// readSecret lets ECS read a secret.
func readSecret(secretARN string) policyDocument {
	return policyDocument{{
		Sid:      "ReadSecret",
		Effect:   "Allow",
		Action:   []string{"secretsmanager:GetSecretValue"},
		Resource: []string{secretARN},
	}}
}

// readParameter lets ECS read a parameter of Systems Manager.
func readParameter(parameterARN string) policyDocument {
	return policyDocument{{
		Sid:      "ReadParameter",
		Effect:   "Allow",
		Action:   []string{"ssm:GetParameters"},
		Resource: []string{parameterARN},
	}}
}

// pullImage lets ECS pull images from an ECR repository.
func pullImage(repositoryARN string) policyDocument {
	return policyDocument{
		{
			Sid:      "PullImage",
			Effect:   "Allow",
			Action:   []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
			Resource: []string{repositoryARN},
		},
		{
			Sid:      "LogInToRegistry",
			Effect:   "Allow",
			Action:   []string{"ecr:GetAuthorizationToken"},
			Resource: []string{"*"}, // this action takes no resource
		},
	}
}
