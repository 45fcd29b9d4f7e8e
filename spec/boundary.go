package spec

import (
	"errors"
	"regexp"
)

// policyARNPattern matches the ARNs of managed policies, an account's own and AWS's ("IAM identifiers" in the IAM user guide).
var policyARNPattern = regexp.MustCompile(`^arn:aws(-[a-z]+)*:iam::([0-9]{12}|aws):policy/([!-~]+/)*[A-Za-z0-9+=,.@_-]{1,128}$`)

// maxPolicyARN is the length of a PermissionsBoundary (PutRolePermissionsBoundary in the IAM API reference).
const maxPolicyARN = 2048

// CheckBoundary reports what is not the ARN of a managed policy, as a permissions boundary must be.
func CheckBoundary(arn string) error {
	if len(arn) > maxPolicyARN || !policyARNPattern.MatchString(arn) {
		return errors.New("must be the ARN of a managed policy, such as arn:aws:iam::123456789012:policy/slipway-boundary")
	}
	return nil
}
