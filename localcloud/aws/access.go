package aws

import (
	"cmp"
	"maps"

	"slipway/localcloud/cloud"
)

// What AWS's own APIs ask of IAM and STS, beside what the provider does: see package api.

// AssumeRole makes a caller take on a role, which is given as the provider's option assumeRole is.
func (c *Callers) AssumeRole(who cloud.Caller, option cloud.Map) (cloud.Caller, error) {
	o, err := cloud.Decode[roleOption](option)
	if err != nil {
		return cloud.Caller{}, err
	}
	from := principal{account: who.Scope.Account, session: who.Identity}
	if who.Identity != "" {
		c.Store.View(func(tx *cloud.Tx) { from.role, _ = sessionRole(tx, who.Identity) })
		if from.role == nil {
			return cloud.Caller{}, errInvalidToken()
		}
	}
	next, err := c.assume(from, who.Scope.Region, o)
	return next.caller(who.Scope.Region), err
}

// AssumeRoleWithWebIdentity makes the holder of a token take on a role, both given as in the provider's option of that name.
func (c *Callers) AssumeRoleWithWebIdentity(region string, option cloud.Map) (cloud.Caller, error) {
	o, err := cloud.Decode[roleOption](option)
	if err != nil {
		return cloud.Caller{}, err
	}
	next, err := c.assumeWithWebIdentity(region, o)
	return next.caller(region), err
}

func (p principal) caller(region string) cloud.Caller {
	return cloud.Caller{Scope: cloud.Scope{Account: p.account, Region: region}, Identity: p.session}
}

// Identity returns a caller's ARN and unique id.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func Identity(tx *cloud.Tx, who cloud.Caller) (arn, userID string, err error) {
	if who.Identity == "" {
		return rootOf(who.Scope.Account), who.Scope.Account, nil
	}
	role, name := sessionRole(tx, who.Identity)
	if role == nil {
		return "", "", errInvalidToken()
	}
	return who.Identity, role.Text("uniqueId") + ":" + name, nil
}

// Look is a request that only reads.
type Look struct {
	Action string
	// Resource is the ARN of what is read; empty for an action that cannot be allowed for one resource and not for another.
	Resource string
	// Of is the resource whose tags count; nil if none do.
	Of *cloud.Resource
	// Context are further condition keys.
	Context map[string]string
}

// May refuses a request to a caller with a role that does not allow it.
func (l Look) May(tx *cloud.Tx, who cloud.Caller) error {
	if who.Identity == "" {
		return nil
	}
	role, _ := sessionRole(tx, who.Identity)
	if role == nil {
		return errInvalidToken()
	}
	p := cloud.Permission{API: l.Action, Action: l.Action, Resource: cmp.Or(l.Resource, "*"), Context: map[string]string{}}
	if l.Of != nil {
		p.Context = resourceTags(l.Action, tagsOf(l.Of))
	}
	maps.Copy(p.Context, l.Context)
	if why := authorityOf(tx, role).denial(requestFor(p, &cloud.Call{Tx: tx, Caller: who}, role)); why != "" {
		return denied(p, who.Identity, why)
	}
	return nil
}

// errInvalidToken is the answer to a session of a role that is gone.
func errInvalidToken() *cloud.Error {
	return cloud.Errorf("InvalidClientTokenId", "The security token included in the request is invalid.")
}
