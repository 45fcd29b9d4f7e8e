package awstest

import (
	"fmt"
	"strings"

	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/cloud"
)

// TrustOf is a policy of the statements.
func TrustOf(statements string) string {
	return `{"Version":"2012-10-17","Statement":[` + statements + `]}`
}

// PolicyFor is a repository's policy with one statement.
func PolicyFor(effect, principal string, actions ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"new statement","Effect":"%s","Principal":%s,"Action":["%s"]}]}`,
		effect, principal, strings.Join(actions, `","`))
}

// Github issues the tokens of GitHub's jobs.
const Github = "https://token.actions.githubusercontent.com"

// Policies that roles have.
const (
	TrustTasks = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	ReadSecret = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:*:*:secret:db-*"}]}`
	ForTasks   = iam.AwsManaged + "service-role/AmazonECSTaskExecutionRolePolicy"
)

// NewRole makes a role that tasks can assume.
func NewRole(c *Tester) *cloud.Resource {
	return c.Make(identity.RoleToken, cloud.Map{"name": "task", "assumeRolePolicy": TrustTasks})
}

// Session is a caller with a role, of the account that tests work in.
var Session = cloud.Caller{Scope: Here.Scope, Identity: "arn:aws:sts::000000000000:assumed-role/ci/session"}

// Everything is a statement that allows everything, and User begins the refusal of a session.
const (
	Everything = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	User       = "User: arn:aws:sts::000000000000:assumed-role/ci/session is not authorized to perform: "
)

// Allow is a statement that allows one action on one resource.
func Allow(action, resource, rest string) string {
	return fmt.Sprintf(`{"Effect":"Allow","Action":[%q],"Resource":[%q]%s}`, action, resource, rest)
}

// BucketPolicyFor is a bucket's policy with one statement.
func BucketPolicyFor(effect, principal, action, resource string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"one statement","Effect":"%s","Principal":%s,"Action":"%s","Resource":"%s"}]}`,
		effect, principal, action, resource)
}
