package iam

import (
	"maps"
	"slices"
	"strings"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/cloud"
)

// Allowed reports whether the role's policies, inline and attached, allow the action on the resource, and its permissions boundary, if
// it has one, does too. A role that does not exist may do nothing.
func Allowed(tx *cloud.Tx, s cloud.Scope, roleARN, action, resource string) bool {
	return Denial(tx, s, roleARN, action, resource, nil) == ""
}

// Denial says why the role may not perform the action on the resource, as [Authority.Denial] does, given further condition keys of the
// request.
func Denial(tx *cloud.Tx, s cloud.Scope, roleARN, action, resource string, keys map[string]string) string {
	role := identity.RoleByARN(tx, roleARN)
	if role == nil {
		return "because no identity-based policy allows the " + action + " action"
	}
	context := map[string]string{
		"aws:principalarn": roleARN, "aws:principalaccount": role.Scope.Account, "aws:requestedregion": s.Region, "aws:securetransport": "true",
	}
	maps.Copy(context, keys)
	return AuthorityOf(tx, role).Denial(policy.Request{Action: action, Resource: resource, Context: context})
}

// CanAssume reports whether the role's trust policy lets a service, such as "ecs-tasks.amazonaws.com", assume the role on behalf of the
// scope's account. A condition on one resource of the service does not hold, as it does not for ECS.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
func CanAssume(tx *cloud.Tx, s cloud.Scope, roleARN, principal string) bool {
	service, _, _ := strings.Cut(principal, ".")
	service = strings.TrimSuffix(service, "-tasks") // the ARNs of tasks are of the service ecs
	return CanAssumeFor(tx, s, roleARN, principal, arns.New(s, service, "*"))
}

// CanAssumeFor is CanAssume for a service that acts for a resource with an ARN.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
func CanAssumeFor(tx *cloud.Tx, s cloud.Scope, roleARN, principal, source string) bool {
	r := identity.RoleByARN(tx, roleARN)
	if r == nil {
		return false
	}
	return Trust(r, policy.Request{Action: "sts:AssumeRole", Principal: policy.Principals{"Service": {principal}}, Context: map[string]string{
		"aws:sourceaccount": s.Account, "aws:sourcearn": source, "aws:securetransport": "true",
	}}) == policy.Permits
}

// Trust returns the decision of a role's trust policy on a request to assume it.
func Trust(role *cloud.Resource, r policy.Request) policy.Verdict {
	p, err := Role.Inputs(role).AssumeRolePolicy.Parse()
	if err != nil {
		return policy.Silent // checked when it was stored
	}
	return policy.Decide([]*policy.Policy{p}, r)
}

// Authority has everything that decides what a role may do.
type Authority struct {
	Policies []*policy.Policy
	boundary *policy.Policy // nil for a role without one
}

// AuthorityOf returns the current authority of a role.
func AuthorityOf(tx *cloud.Tx, role *cloud.Resource) Authority {
	var a Authority
	in := Role.Inputs(role)
	for _, p := range in.InlinePolicies {
		a.add(p.Policy)
	}
	for _, r := range tx.List(role.Scope, RolePolicyToken) {
		if p := RolePolicy.Inputs(r); p.Role == role.ID {
			a.add(p.Policy)
		}
	}
	attached := slices.Clone(in.ManagedPolicyARNs)
	for _, r := range tx.List(role.Scope, RolePolicyAttachmentToken) {
		if at := RolePolicyAttachment.Inputs(r); at.Role == role.ID {
			attached = append(attached, at.PolicyARN)
		}
	}
	for _, name := range attached {
		if d, ok := managedPolicy(tx, role.Scope, name); ok {
			a.add(d)
		}
	}
	if in.PermissionsBoundary != "" {
		a.boundary = new(policy.Policy) // a deleted one allows nothing
		if d, ok := managedPolicy(tx, role.Scope, in.PermissionsBoundary); ok {
			if p, err := d.IdentityPolicy(); err == nil {
				a.boundary = p
			}
		}
	}
	return a
}

func (a *Authority) add(d policy.Document) {
	if p, err := d.IdentityPolicy(); err == nil { // checked when it was stored
		a.Policies = append(a.Policies, p)
	}
}

// Denial says why the role may not perform a request: the end of the sentence that begins with "User: … is not authorized to perform:
// …". It is empty if the role may. A boundary allows nothing by itself.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
func (a Authority) Denial(r policy.Request) string {
	identity, boundary := policy.Decide(a.Policies, r), policy.Permits
	if a.boundary != nil {
		boundary = policy.Decide([]*policy.Policy{a.boundary}, r)
	}
	switch {
	case identity == policy.Refuses:
		return "with an explicit deny in an identity-based policy"
	case boundary == policy.Refuses:
		return "with an explicit deny in a permissions boundary"
	case identity == policy.Silent:
		return noIdentityPolicy(r.Action)
	case boundary == policy.Silent:
		return "because no permissions boundary allows the " + r.Action + " action"
	}
	return ""
}

// noIdentityPolicy is the denial of what nothing allows.
func noIdentityPolicy(action string) string {
	return "because no identity-based policy allows the " + action + " action"
}
