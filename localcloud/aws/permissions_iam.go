package aws

import (
	"reflect"
	"slices"

	"slipway/localcloud/cloud"
)

// bounded adds a call about the operation's resource, a role, that tells which boundary the role has.
func bounded(o *operation, role *cloud.Resource, action string) {
	o.own(action)
	if b, _ := role.Inputs["permissionsBoundary"].(string); b != "" {
		o.with("iam:permissionsboundary", b)
	}
}

// attaches adds a call for each of the policies, which tells which one it is.
func attaches(o *operation, role *cloud.Resource, policies []any, action string) {
	for _, p := range policies {
		bounded(o, role, action)
		if name, ok := p.(string); ok {
			o.with("iam:policyarn", name)
		}
	}
}

// onRole adds a call about the role whose policy the resource is.
func onRole(o *operation, action string) {
	role := o.referred(roleToken, "role")
	if role == nil {
		return
	}
	o.arn, o.tags = role.Text("arn"), tagsOf(role)
	// The calls that only look are told nothing of the boundary.
	switch action {
	case "iam:GetRolePolicy", "iam:ListAttachedRolePolicies":
		o.own(action)
		return
	}
	bounded(o, role, action)
	if p := o.text("policyArn"); p != "" {
		o.with("iam:policyarn", p)
	}
}

// hasInlinePolicies tells whether the role that the operation is about has any.
func hasInlinePolicies(o *operation) bool {
	return len(list(o.Resource.Inputs["inlinePolicies"])) > 0 ||
		slices.ContainsFunc(o.Tx.List(o.Resource.Scope, rolePolicyToken), func(r *cloud.Resource) bool { return r.Inputs["role"] == o.Resource.ID })
}

// without returns the elements of a list that another one does not have.
func without(l, other []any) []any {
	return slices.DeleteFunc(slices.Clone(l), func(e any) bool {
		return slices.ContainsFunc(other, func(o any) bool { return reflect.DeepEqual(e, o) })
	})
}
