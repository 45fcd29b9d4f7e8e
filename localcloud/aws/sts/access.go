package sts

import (
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/cloud"
)

// The calls of AWS's own APIs to IAM and STS, in addition to the provider's: see package stsapi.

// AssumeRole makes a caller assume a role, in the form of the provider's option assumeRole.
func (c *Callers) AssumeRole(who cloud.Caller, option cloud.Map) (cloud.Caller, error) {
	o, err := cloud.Decode[roleOption](option)
	if err != nil {
		return cloud.Caller{}, err
	}
	from := principal{account: who.Scope.Account, session: who.Identity}
	if who.Identity != "" {
		c.Store.View(func(tx *cloud.Tx) { from.role, _ = identity.SessionRole(tx, who.Identity) })
		if from.role == nil {
			return cloud.Caller{}, identity.ErrInvalidToken()
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
		return arns.Root(who.Scope.Account), who.Scope.Account, nil
	}
	role, name := identity.SessionRole(tx, who.Identity)
	if role == nil {
		return "", "", identity.ErrInvalidToken()
	}
	return who.Identity, iam.Role.Outputs(role).UniqueID + ":" + name, nil
}
