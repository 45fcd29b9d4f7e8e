package permissions

import (
	"fmt"
	"slices"
)

// PullFromAccounts returns the policy of an ECR repository that lets other accounts pull its images and look their tags up.
// Which of an account's roles do is for that account to say ("Private repository policies in Amazon ECR").
func PullFromAccounts(partition string, accounts []string) Document {
	actions := append(slices.Clone(pull), Functions["aws:ecr/getImage:getImage"]...)
	slices.Sort(actions)
	return Document{{
		Sid: "PullFromOtherAccounts", Effect: allow, Principal: roots(partition, accounts), Action: actions,
	}}
}

// roots returns the principal that stands for whoever the accounts themselves let act.
func roots(partition string, accounts []string) map[string][]string {
	return map[string][]string{"AWS": iamARNs(partition, accounts, "root")}
}

func iamARNs(partition string, accounts []string, resource string) []string {
	arns := make([]string, len(accounts))
	for i, account := range accounts {
		arns[i] = fmt.Sprintf("arn:%s:iam::%s:%s", partition, account, resource)
	}
	return arns
}

// ShareWithRole returns what a resource's own policy says to give a role of that name in other accounts an access. It names the
// accounts as its principals and the role in a condition, because a role that is not there yet cannot be a principal. The
// statements' Sids get the prefix.
func ShareWithRole(access Document, prefix, partition string, accounts []string, role string) Document {
	shared := slices.Clone(access)
	for i := range shared {
		shared[i].Sid = prefix + shared[i].Sid
		shared[i].Principal = roots(partition, accounts)
		shared[i].Condition = Condition{"ArnEquals": {"aws:PrincipalArn": iamARNs(partition, accounts, "role/"+role)}}
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
