package iam

import (
	"cmp"
	"maps"

	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/permission"
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
	if why := AuthorityOf(tx, role).Denial(RequestFor(p, &cloud.Call{Tx: tx, Caller: who}, role)); why != "" {
		return denied(p, who.Identity, why)
	}
	return nil
}
