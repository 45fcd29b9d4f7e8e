// Package iam has the kinds of AWS IAM, and says what roles may do, a file each. What callers must be allowed follows, for
// the calls, the provider's own source, and for actions, resources and condition keys the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
// terraform-provider-aws, internal/service/iam
package iam

import (
	"fmt"
	"regexp"
	"time"

	"slipway/localcloud/cloud"
)

// The tokens of the kinds, except that of roles, which is in identity.
const (
	RolePolicyToken           = "aws:iam/rolePolicy:RolePolicy"
	RolePolicyAttachmentToken = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
	PolicyToken               = "aws:iam/policy:Policy"
)

// Kinds returns the kinds and functions of the service.
func Kinds() []any {
	return []any{Role, RolePolicy, RolePolicyAttachment, ManagedPolicy, OpenIDConnectProvider, getPolicyDocument, GetPolicy, GetRole, GetRoles}
}

// iamPropagation is how long the provider waits until the next call sees a change in IAM.
const iamPropagation = 2 * time.Minute

var iamName = regexp.MustCompile(`^[\w+=,.@-]+$`)

func checkName(property, name string, limit int) []cloud.Failure {
	switch {
	case name == "":
	case len(name) > limit:
		return []cloud.Failure{{Property: property, Reason: fmt.Sprintf("expected length of %s to be in the range (1 - %d), got %s", property, limit, name)}}
	case !iamName.MatchString(name):
		return []cloud.Failure{{Property: property, Reason: fmt.Sprintf(`invalid value for %s (must match [\w+=,.@-])`, property)}}
	}
	return nil
}
