// Package identity finds the roles of callers, and their names in policies and refusals.
package identity

import (
	"cmp"
	"strings"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/cloud"
)

// ErrInvalidToken is the answer to a session of a role that is gone.
func ErrInvalidToken() *cloud.Error {
	return cloud.Errorf("InvalidClientTokenId", "The security token included in the request is invalid.")
}

// SessionRole returns the role that the session with the ARN is of, and the session's name; nil if the role has gone.
func SessionRole(tx *cloud.Tx, session string) (*cloud.Resource, string) {
	role, name, _ := strings.Cut(strings.TrimPrefix(arns.Resource(session), "assumed-role/"), "/")
	return tx.Get(cloud.Key{Scope: cloud.Scope{Account: arns.Account(session)}, Token: RoleToken, ID: role}), name
}

// RoleToken is the token of roles.
const RoleToken = "aws:iam/role:Role"

// RoleByARN returns the role of any account, or nil.
func RoleByARN(tx *cloud.Tx, name string) *cloud.Resource {
	for _, r := range tx.Everywhere(RoleToken) {
		if r.Outputs["arn"] == name {
			return r
		}
	}
	return nil
}

// CallerName returns the caller's ARN in refusals: a role's session, or an account's root.
func CallerName(c *cloud.Call) string {
	return cmp.Or(c.Caller.Identity, arns.Root(c.Caller.Scope.Account))
}

// CallerPrincipal returns the caller's ARN in policies: that of the session's role, or the account's root.
func CallerPrincipal(c *cloud.Call) string {
	if c.Caller.Identity != "" {
		if role, _ := SessionRole(c.Tx, c.Caller.Identity); role != nil {
			return role.Text("arn")
		}
	}
	return CallerName(c)
}
