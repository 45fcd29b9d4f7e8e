package iam

import (
	"cmp"
	"maps"

	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

// Look is a request that only reads.
type Look struct {
	Action string
	// Resource is the ARN of the read resource; empty for an action that cannot be allowed for a single resource.
	Resource string
	// Of is the resource whose tags count; nil if none do.
	Of *cloud.Resource
	// Context are further condition keys.
	Context map[string]string
}

// May refuses a request to a caller with a role that does not allow it.
func May(tx *cloud.Tx, who cloud.Caller, l Look) error {
	return MayWith(tx, who, l, who.Scope.Account, func(string, policy.Request) policy.Verdict { return policy.Silent })
}

// MayWith is May for a resource with a policy of its own, which belongs to an account. Within the account either policy is enough; across
// accounts both must allow it. A root of the account may do what the resource's policy does not refuse.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
func MayWith(tx *cloud.Tx, who cloud.Caller, l Look, owner string, own func(principal string, r policy.Request) policy.Verdict) error {
	if who.Identity == "" {
		return nil
	}
	role, _ := identity.SessionRole(tx, who.Identity)
	if role == nil {
		return identity.ErrInvalidToken()
	}
	p := cloud.Permission{API: l.Action, Action: l.Action, Resource: cmp.Or(l.Resource, "*"), Context: map[string]string{}}
	if l.Of != nil {
		p.Context = permission.ResourceTags(l.Action, tags.Of(l.Of))
	}
	maps.Copy(p.Context, l.Context)
	request, within := RequestFor(p, &cloud.Call{Tx: tx, Caller: who}, role), owner == role.Scope.Account
	why := AuthorityOf(tx, role).Denial(request)
	switch own(Role.Outputs(role).ARN, request) {
	case policy.Refuses:
		why = "with an explicit deny in a resource-based policy"
	case policy.Permits:
		if within && why == noIdentityPolicy(l.Action) {
			why = ""
		}
	case policy.Silent:
		if !within && why == "" {
			why = "because no resource-based policy allows the " + l.Action + " action"
		}
	}
	if why != "" {
		return denied(p, who.Identity, why)
	}
	return nil
}
