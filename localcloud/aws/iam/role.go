package iam

import (
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

type role struct {
	Name                string          `json:"name"`
	NamePrefix          string          `json:"namePrefix"`
	Path                string          `json:"path"`
	ForceDetachPolicies bool            `json:"forceDetachPolicies"`
	AssumeRolePolicy    policy.Document `json:"assumeRolePolicy"`
	Description         string          `json:"description"`
	MaxSessionDuration  int             `json:"maxSessionDuration"`
	PermissionsBoundary string          `json:"permissionsBoundary"`
	ManagedPolicyARNs   []string        `json:"managedPolicyArns"`
	InlinePolicies      []struct {
		Name   string          `json:"name"`
		Policy policy.Document `json:"policy"`
	} `json:"inlinePolicies"`
	Tags tags.Tags `json:"tags"`
}

type roleOutputs struct {
	Name       string    `json:"name"`
	ARN        string    `json:"arn"`
	UniqueID   string    `json:"uniqueId"`
	CreateDate string    `json:"createDate"`
	Tags       cloud.Map `json:"tags"`
	TagsAll    cloud.Map `json:"tagsAll"`
}

// Role is an identity that services assume, and its policies then decide what they may do.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
var Role = &cloud.Kind[role, roleOutputs]{
	Spec: cloud.Spec{
		Token:    identity.RoleToken,
		Label:    "IAM Role",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"description": "by hand"}, Serves: true, Left: "it has policies, with which IAM refuses it"},
		Derived:  tags.All,
		Needs:    roleNeeds,
		JSON:     []string{"assumeRolePolicy"},
		Filled:   cloud.Map{"inlinePolicies": []any{}, "managedPolicyArns": []any{}},
		Global:   true,
		Defaults: cloud.Map{"maxSessionDuration": 3600.0, "path": "/", "forceDetachPolicies": false},
		AutoName: &cloud.AutoName{Property: "name", Max: 64},
		Replace:  []string{"name", "namePrefix", "path"},
		Computed: []string{"inlinePolicies", "managedPolicyArns", "name", "namePrefix"},
		Sets:     []string{"managedPolicyArns", "inlinePolicies"},
		Same:     map[string]func(a, b any) bool{"assumeRolePolicy": policy.Same, "inlinePolicies": sameInlinePolicies},
		Latency:  cloud.Latency{Create: 2, Delete: 1},
		Patience: iamPropagation,
		NotFound: check.NotFound("NoSuchEntity", "The role with name %s cannot be found."),
		InUse: func(_, by *cloud.Resource) *cloud.Error {
			if by.Token == RolePolicyToken {
				return cloud.Errorf("DeleteConflict", "Cannot delete entity, must delete policies first.")
			}
			return cloud.Errorf("DeleteConflict", "Cannot delete entity, must detach all policies first.")
		},
		Seen: func(tx *cloud.Tx, r *cloud.Resource) {
			inside := slices.ContainsFunc(tx.List(r.Scope, RolePolicyToken), func(p *cloud.Resource) bool { return p.Inputs["role"] == r.ID })
			if inside != cloud.StatusOf[roleStatus](r).InlinePolicies {
				r = r.Clone()
				r.SetStatus(roleStatus{InlinePolicies: inside})
				tx.Put(r)
			}
		},
	},
	Check: func(in *role) []cloud.Failure {
		failures := slices.Concat(
			checkName("name", in.Name, 64), checkName("namePrefix", in.NamePrefix, 64-ids.SuffixLength),
			in.AssumeRolePolicy.Check("assumeRolePolicy"),
		)
		for i, p := range in.InlinePolicies {
			failures = append(failures, p.Policy.Check(fmt.Sprintf("inlinePolicies[%d].policy", i))...)
		}
		if d := in.MaxSessionDuration; d != 0 && (d < 3600 || d > 43200) {
			failures = append(failures, cloud.Failure{
				Property: "maxSessionDuration", Reason: fmt.Sprintf("expected max_session_duration to be in the range (3600 - 43200), got %d", d),
			})
		}
		if len(in.Path) > 512 {
			failures = append(failures, cloud.Failure{Property: "path", Reason: "expected length of path to be in the range (0 - 512)"})
		}
		if in.PermissionsBoundary != "" && !policyARN.MatchString(in.PermissionsBoundary) {
			failures = append(failures, cloud.Failure{
				Property: "permissionsBoundary", Reason: fmt.Sprintf("(%s) is an invalid ARN: not the ARN of a policy", in.PermissionsBoundary),
			})
		}
		if len(in.Description) > 1000 {
			failures = append(failures, cloud.Failure{Property: "description", Reason: "expected length of description to be in the range (0 - 1000)"})
		}
		return failures
	},
	// A policy stays while a role has it, or has it as its boundary. Rules refuses a missing one, in other words.
	Refs: func(_ *cloud.Call, in *role) []cloud.Ref {
		var refs []cloud.Ref
		for _, arn := range append(slices.Clone(in.ManagedPolicyARNs), in.PermissionsBoundary) {
			refs = append(refs, cloud.Ref{Token: PolicyToken, Value: arn, Lenient: true})
		}
		return refs
	},
	Rules: func(c *cloud.Call, in *role) error {
		if !iamPath.MatchString(in.Path) {
			return cloud.Errorf("ValidationError", "The specified value for path is invalid. It must begin and end with / and contain only "+
				"alphanumeric characters and/or / characters.")
		}
		if b := in.PermissionsBoundary; b != "" {
			if err := attachable(c, b, "Scope ARN:"); err != nil {
				return err
			}
		}
		if _, err := in.AssumeRolePolicy.TrustPolicy(c.Tx); err != nil {
			return err
		}
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
		if in.AssumeRolePolicy.Size() > 2048 {
			return cloud.Errorf("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
		}
		for _, p := range in.InlinePolicies {
			if _, err := p.Policy.IdentityPolicy(); err != nil {
				return err
			}
		}
		for _, name := range in.ManagedPolicyARNs {
			if err := attachable(c, name, "Policy"); err != nil {
				return err
			}
		}
		return nil
	},
	Create: func(c *cloud.Call, in *role, out *roleOutputs) (string, error) {
		if err := out.retag(c); err != nil {
			return "", err
		}
		name := cmp.Or(in.Name, in.NamePrefix+ids.Suffix())
		// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html: names are not distinguished by case.
		for _, r := range c.Tx.List(c.Resource.Scope, identity.RoleToken) {
			if strings.EqualFold(r.ID, name) {
				return "", cloud.Errorf("EntityAlreadyExists", "Role with name %s already exists.", name)
			}
		}
		attach(c.Tx, c.Resource.Scope, 1, in.ManagedPolicyARNs...)
		out.Name, out.ARN = name, arns.Global("iam", c.Caller.Scope.Account, "role"+in.Path+name)
		out.UniqueID, out.CreateDate = "AROA"+ids.Random(17), untyped.Timestamp(time.Now())
		return name, nil
	},
	Update: func(c *cloud.Call, in *role, out *roleOutputs) error {
		attach(c.Tx, c.Resource.Scope, -1, cloud.InputsOf[role](c.Old).ManagedPolicyARNs...)
		attach(c.Tx, c.Resource.Scope, 1, in.ManagedPolicyARNs...)
		return out.retag(c)
	},
	Release: func(c *cloud.Call, in *role) error {
		// Before it deletes the role, the provider detaches all of its policies with force_detach_policies, and deletes inline ones if
		// the last read showed any (terraform-provider-aws, internal/service/iam, resourceRoleDelete).
		var tokens []string
		if in.ForceDetachPolicies || cloud.StatusOf[roleStatus](c.Resource).InlinePolicies {
			tokens = append(tokens, RolePolicyToken)
		}
		if in.ForceDetachPolicies {
			tokens = append(tokens, RolePolicyAttachmentToken)
		}
		return c.Store.Update(func(tx *cloud.Tx) error {
			for _, token := range tokens {
				for _, r := range tx.List(c.Resource.Scope, token) {
					if r.Inputs["role"] != c.Resource.ID {
						continue
					}
					tx.Delete(r.Key)
					if arn, ok := r.Inputs["policyArn"].(string); ok {
						attach(tx, r.Scope, -1, arn)
					}
				}
			}
			return nil
		})
	},
	Delete: func(c *cloud.Call, in *role) error {
		attach(c.Tx, c.Resource.Scope, -1, in.ManagedPolicyARNs...)
		return nil
	},
}

var roleNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		name := o.IAM("role" + o.Text("path") + o.Name("name", "namePrefix"))
		o.Creates("iam:CreateRole", name, name, "iam:TagRole", "")
		if b := o.Text("permissionsBoundary"); b != "" {
			o.Steps[0].Context["iam:permissionsboundary"] = b
		}
		for range untyped.List(o.Resource.Inputs["inlinePolicies"]) {
			bounded(o, o.Resource, "iam:PutRolePolicy")
		}
		attaches(o, o.Resource, untyped.List(o.Resource.Inputs["managedPolicyArns"]), "iam:AttachRolePolicy")
	},
	Read: func(o *permission.Operation) {
		o.Own("iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies")
		if hasInlinePolicies(o) {
			o.Own("iam:GetRolePolicy")
		}
	},
	Update: func(o *permission.Operation) {
		for _, change := range []struct{ input, action string }{
			{"assumeRolePolicy", "iam:UpdateAssumeRolePolicy"},
			{"description", "iam:UpdateRoleDescription"},
			{"maxSessionDuration", "iam:UpdateRole"},
		} {
			if o.Changes(change.input) {
				o.Own(change.action)
			}
		}
		if o.Changes("permissionsBoundary") {
			if b := o.Text("permissionsBoundary"); b != "" {
				o.Own("iam:PutRolePermissionsBoundary")
				o.With("iam:permissionsboundary", b)
			} else {
				bounded(o, o.Old, "iam:DeleteRolePermissionsBoundary")
			}
		}
		if o.Changes("inlinePolicies") {
			was, want := untyped.List(o.Old.Inputs["inlinePolicies"]), untyped.List(o.Resource.Inputs["inlinePolicies"])
			if len(without(was, want)) > 0 {
				bounded(o, o.Resource, "iam:DeleteRolePolicy")
			}
			if len(without(want, was)) > 0 {
				bounded(o, o.Resource, "iam:PutRolePolicy")
			}
		}
		was, want := untyped.List(o.Old.Inputs["managedPolicyArns"]), untyped.List(o.Resource.Inputs["managedPolicyArns"])
		attaches(o, o.Resource, without(was, want), "iam:DetachRolePolicy")
		attaches(o, o.Resource, without(want, was), "iam:AttachRolePolicy")
		o.Retags("iam:TagRole", "iam:UntagRole")
	},
	Delete: func(o *permission.Operation) {
		o.Own("iam:ListInstanceProfilesForRole")
		force := o.Given("forceDetachPolicies")
		if managed := untyped.List(o.Resource.Inputs["managedPolicyArns"]); force || len(managed) > 0 {
			o.Own("iam:ListAttachedRolePolicies")
			for _, r := range o.Tx.List(o.Resource.Scope, RolePolicyAttachmentToken) {
				if r.Inputs["role"] == o.Resource.ID && force {
					managed = append(managed, r.Inputs["policyArn"])
				}
			}
			attaches(o, o.Resource, managed, "iam:DetachRolePolicy")
		}
		if inline := untyped.List(o.Resource.Inputs["inlinePolicies"]); force || len(inline) > 0 {
			o.Own("iam:ListRolePolicies")
			if hasInlinePolicies(o) {
				bounded(o, o.Resource, "iam:DeleteRolePolicy")
			}
		}
		o.Own("iam:DeleteRole")
	},
}

// roleStatus is the provider's memory of a role: whether the last read showed inline policies.
type roleStatus struct{ InlinePolicies bool }

// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html#API_CreateRole_RequestParameters
var iamPath = regexp.MustCompile(`^/([!-~]+/)?$`)

// bounded adds a call about the operation's resource, a role, with the role's boundary.
func bounded(o *permission.Operation, role *cloud.Resource, action string) {
	o.Own(action)
	if b, _ := role.Inputs["permissionsBoundary"].(string); b != "" {
		o.With("iam:permissionsboundary", b)
	}
}

// attaches adds a call for each of the policies, with its ARN.
func attaches(o *permission.Operation, role *cloud.Resource, policies []any, action string) {
	for _, p := range policies {
		bounded(o, role, action)
		if name, ok := p.(string); ok {
			o.With("iam:policyarn", name)
		}
	}
}

// onRole adds a call about the role whose policy the resource is.
func onRole(o *permission.Operation, action string) {
	role := o.Referred(identity.RoleToken, "role")
	if role == nil {
		return
	}
	o.ARN, o.Tags = cloud.OutputsOf[roleOutputs](role).ARN, tags.Of(role)
	// The calls that only read do not have the boundary.
	switch action {
	case "iam:GetRolePolicy", "iam:ListAttachedRolePolicies":
		o.Own(action)
		return
	}
	bounded(o, role, action)
	if p := o.Text("policyArn"); p != "" {
		o.With("iam:policyarn", p)
	}
}

// hasInlinePolicies reports whether the operation's role has any.
func hasInlinePolicies(o *permission.Operation) bool {
	return len(untyped.List(o.Resource.Inputs["inlinePolicies"])) > 0 ||
		slices.ContainsFunc(o.Tx.List(o.Resource.Scope, RolePolicyToken), func(r *cloud.Resource) bool { return r.Inputs["role"] == o.Resource.ID })
}

// without returns the elements of a list that another one does not have.
func without(l, other []any) []any {
	return slices.DeleteFunc(slices.Clone(l), func(e any) bool {
		return slices.ContainsFunc(other, func(o any) bool { return reflect.DeepEqual(e, o) })
	})
}

// sameInlinePolicies is [policy.Same] for a role's inline policies, in any order.
func sameInlinePolicies(a, b any) bool {
	first, second := untyped.List(a), untyped.List(b)
	return len(first) == len(second) && !slices.ContainsFunc(first, func(p any) bool {
		one, _ := p.(cloud.Map)
		return !slices.ContainsFunc(second, func(q any) bool {
			other, _ := q.(cloud.Map)
			return one["name"] == other["name"] && policy.Same(one["policy"], other["policy"])
		})
	})
}
