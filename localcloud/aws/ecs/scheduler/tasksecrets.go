package scheduler

import (
	"fmt"
	"strings"

	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/secretsmanager"
	"slipway/localcloud/aws/ssm"
	"slipway/localcloud/cloud"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// pullFailed begins the reason of a task that stops because ECS cannot log in to a registry or read a secret.
const pullFailed = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "

// canceled is how a call ends that gets no answer.
const canceled = "RequestCanceled: request context canceled caused by: context deadline exceeded. Please check your task network configuration."

// secretSource reads the values of a task's secrets with its execution role.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html
type secretSource struct {
	*life
	tx   *cloud.Tx
	role string
	// unreachable says why the task reaches no service of AWS; nil if it does.
	unreachable error
}

// variables returns the values of secret variables, by name. An ARN names a secret of Secrets Manager or a parameter of Systems Manager,
// and any other text a parameter of the task's region.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html
func (s *secretSource) variables(secrets []ecs.ContainerSecret) (map[string]string, error) {
	values := make(map[string]string, len(secrets))
	var parameters []ecs.ContainerSecret
	for _, secret := range secrets {
		if a, err := arn.Parse(secret.ValueFrom); err != nil || a.Service == "ssm" {
			parameters = append(parameters, secret)
			continue
		}
		value, err := s.secret(secret.ValueFrom)
		if err != nil {
			return nil, err
		}
		values[secret.Name] = value
	}
	return values, s.parameters(parameters, values)
}

// secret returns the value of a reference to a secret of Secrets Manager.
func (s *secretSource) secret(valueFrom string) (string, error) {
	const fetching = pullFailed + "unable to retrieve secret from asm: service call has been retried %d time(s): " +
		"failed to fetch secret %s from secrets manager: %s"
	arn := secretsmanager.SecretARN(s.tx, s.key.Scope, valueFrom)
	if s.unreachable != nil {
		return "", startErrorf(fetching, 5, arn, fmt.Sprintf("%s (%v)", canceled, s.unreachable))
	}
	if no := s.deniedSecret("secretsmanager:GetSecretValue", arn); no != "" {
		return "", startErrorf(fetching, 1, arn, no)
	}
	value, err := secretsmanager.SecretValue(s.tx, s.key.Scope, valueFrom)
	if err != nil {
		return "", startErrorf(fetching, 1, arn, message(err))
	}
	return value, nil
}

// parameters adds the values of variables that are in parameters of Systems Manager, which ECS gets together.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html
func (s *secretSource) parameters(secrets []ecs.ContainerSecret, values map[string]string) error {
	const fetching = pullFailed + "unable to retrieve secrets from ssm: service call has been retried %d time(s): %s"
	if len(secrets) > 0 && s.unreachable != nil {
		return startErrorf(fetching, 5, fmt.Sprintf("%s (%v)", canceled, s.unreachable))
	}
	var invalid []string
	for _, secret := range secrets {
		name := ssm.ARNOf(s.key.Scope, secret.ValueFrom)
		if no := s.deniedSecret("ssm:GetParameters", name); no != "" {
			return startErrorf(fetching, 1, no)
		}
		r := ssm.Find(s.tx, s.key.Scope, secret.ValueFrom)
		if r == nil {
			invalid = append(invalid, strings.TrimPrefix(arns.Resource(name), "parameter"))
			continue
		}
		values[secret.Name] = ssm.Value(r)
	}
	if len(invalid) > 0 {
		return startErrorf(fetching, 1, "invalid ssm parameters: "+strings.Join(invalid, ","))
	}
	return nil
}

// deniedSecret is denied for a secret or a parameter. One of another account would need a policy of its own that lets the role in, or to be
// shared, and neither is modelled.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples_cross.html
func (s *secretSource) deniedSecret(action, resource string) string {
	if no := s.denied(s.tx, s.role, action, resource); no != "" {
		return no
	}
	if account := arns.Account(resource); account != "" && account != s.key.Scope.Account {
		return s.refusal(s.role, action, resource, "because no resource-based policy allows the "+action+" action")
	}
	return ""
}
