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

// JSON returns the document as IAM takes it.
func (d policyDocument) JSON() (string, error) {
	document, err := json.Marshal(struct {
		Version   string
		Statement []policyStatement
	}{"2012-10-17", d})
	return string(document), err
}

// trustECSTasks lets ECS give a role to tasks. It names no account: a role can be handed to ECS only by someone who may
// pass it (iam:PassRole), and that does not work across accounts.
var trustECSTasks = policyDocument{{
	Effect:    "Allow",
	Principal: map[string]string{"Service": "ecs-tasks.amazonaws.com"},
	Action:    []string{"sts:AssumeRole"},
}}

// executionPolicy is what ECS itself needs in order to start a task: to pull its image, write its logs and read its
// secrets. It is AmazonECSTaskExecutionRolePolicy cut down to the service's own log group, secrets and repository.
func executionPolicy(logGroupARN string, secretARNs []string, repository *ECRRepository) policyDocument {
	policy := policyDocument{{
		Sid:      "WriteLogs",
		Effect:   "Allow",
		Action:   []string{"logs:CreateLogStream", "logs:PutLogEvents"},
		Resource: []string{logGroupARN + ":*"}, // the group's streams
	}}
	if len(secretARNs) > 0 {
		policy = append(policy, policyStatement{
			Sid:      "ReadSecrets",
			Effect:   "Allow",
			Action:   []string{"secretsmanager:GetSecretValue"},
			Resource: secretARNs,
		})
	}
	if repository != nil {
		policy = append(policy,
			policyStatement{
				Sid:      "PullImage",
				Effect:   "Allow",
				Action:   []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
				Resource: []string{repository.ARN()},
			},
			policyStatement{
				Sid:      "LogInToRegistry",
				Effect:   "Allow",
				Action:   []string{"ecr:GetAuthorizationToken"},
				Resource: []string{"*"}, // this action takes no resource
			})
	}
	return policy
}
