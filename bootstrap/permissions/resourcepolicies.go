package permissions

import (
	"fmt"
	"maps"
	"slices"
)

// PullFromAccounts returns the policy of an ECR repository that lets other accounts pull its images and look up their tags. Each
// account decides which of its roles may ("Private repository policies in Amazon ECR").
func PullFromAccounts(partition string, accounts []string) Document {
	actions := append(slices.Clone(pull), Functions["aws:ecr/getImage:getImage"]...)
	slices.Sort(actions)
	return Document{{
		Sid: "PullFromOtherAccounts", Effect: allow, Principal: roots(partition, accounts...), Action: actions,
	}}
}

// roots returns the principal for everyone whom the accounts themselves allow to act.
func roots(partition string, accounts ...string) map[string][]string {
	arns := make([]string, len(accounts))
	for i, account := range accounts {
		arns[i] = iamARN(partition, account, "root")
	}
	return map[string][]string{"AWS": arns}
}

func iamARN(partition, account, resource string) string {
	return fmt.Sprintf("arn:%s:iam::%s:%s", partition, account, resource)
}

// ShareWithRoles returns the statements of a resource policy that give roles with those names in another account access. It names the
// account as its principal and the roles in a condition, because a role that does not exist yet cannot be a principal. The statements'
// Sids end in the account.
func ShareWithRoles(access Document, partition, account string, roles ...string) Document {
	arns := make([]string, len(roles))
	for i, role := range roles {
		arns[i] = iamARN(partition, account, "role/"+role)
	}
	shared := slices.Clone(access)
	for i := range shared {
		s := &shared[i]
		s.Sid += account
		s.Principal = roots(partition, account)
		condition := Condition{"ArnEquals": {"aws:PrincipalArn": arns}}
		maps.Copy(condition, s.Condition)
		s.Condition = condition
	}
	return shared
}

// RequireTLS returns the policy of an S3 bucket that refuses requests without TLS (control S3.5 of AWS's Foundational Security
// Best Practices).
func RequireTLS(bucketARN string) Document {
	return Document{{
		Sid:       "RequireTLS",
		Effect:    deny,
		Principal: map[string][]string{"AWS": {"*"}},
		Action:    []string{"s3:*"},
		Resource:  []string{bucketARN, bucketARN + "/*"},
		Condition: Condition{"Bool": {"aws:SecureTransport": {"false"}}},
	}}
}
