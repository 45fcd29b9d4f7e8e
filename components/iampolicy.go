package components

import "encoding/json"

// policyDocument is an IAM policy.
type policyDocument []policyStatement

type policyStatement struct {
	Sid       string            `json:",omitempty"`
	Effect    string            // "Allow"
	Principal map[string]string `json:",omitempty"` // in trust policies
	Action    []string
	Resource  []string `json:",omitempty"` // not in trust policies
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
