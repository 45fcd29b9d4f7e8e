package aws

import (
	"reflect"
	"slices"

	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
// terraform-provider-aws, internal/service/iam
var iamNeeds = map[string]needs{
	roleToken: {
		create: func(o *operation) {
			name := o.iam("role" + o.text("path") + o.name("name", "namePrefix"))
			o.creates("iam:CreateRole", name, name, "iam:TagRole", "")
			if b := o.text("permissionsBoundary"); b != "" {
				o.steps[0].context["iam:permissionsboundary"] = b
			}
			for range list(o.Resource.Inputs["inlinePolicies"]) {
				o.bounded(o.Resource, "iam:PutRolePolicy")
			}
			o.attaches(o.Resource, list(o.Resource.Inputs["managedPolicyArns"]), "iam:AttachRolePolicy")
		},
		read: func(o *operation) {
			o.own("iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies")
			if o.hasInlinePolicies() {
				o.own("iam:GetRolePolicy")
			}
		},
		update: func(o *operation) {
			for _, change := range []struct{ input, action string }{
				{"assumeRolePolicy", "iam:UpdateAssumeRolePolicy"},
				{"description", "iam:UpdateRoleDescription"},
				{"maxSessionDuration", "iam:UpdateRole"},
			} {
				if o.changes(change.input) {
					o.own(change.action)
				}
			}
			if o.changes("permissionsBoundary") {
				if b := o.text("permissionsBoundary"); b != "" {
					o.own("iam:PutRolePermissionsBoundary")
					o.with("iam:permissionsboundary", b)
				} else {
					o.bounded(o.Old, "iam:DeleteRolePermissionsBoundary")
				}
			}
			if o.changes("inlinePolicies") {
				was, want := list(o.Old.Inputs["inlinePolicies"]), list(o.Resource.Inputs["inlinePolicies"])
				if len(without(was, want)) > 0 {
					o.bounded(o.Resource, "iam:DeleteRolePolicy")
				}
				if len(without(want, was)) > 0 {
					o.bounded(o.Resource, "iam:PutRolePolicy")
				}
			}
			was, want := list(o.Old.Inputs["managedPolicyArns"]), list(o.Resource.Inputs["managedPolicyArns"])
			o.attaches(o.Resource, without(was, want), "iam:DetachRolePolicy")
			o.attaches(o.Resource, without(want, was), "iam:AttachRolePolicy")
			o.retags("iam:TagRole", "iam:UntagRole")
		},
		delete: func(o *operation) {
			o.own("iam:ListInstanceProfilesForRole")
			force := o.given("forceDetachPolicies")
			if managed := list(o.Resource.Inputs["managedPolicyArns"]); force || len(managed) > 0 {
				o.own("iam:ListAttachedRolePolicies")
				for _, r := range o.Tx.List(o.Resource.Scope, rolePolicyAttachmentToken) {
					if r.Inputs["role"] == o.Resource.ID && force {
						managed = append(managed, r.Inputs["policyArn"])
					}
				}
				o.attaches(o.Resource, managed, "iam:DetachRolePolicy")
			}
			if inline := list(o.Resource.Inputs["inlinePolicies"]); force || len(inline) > 0 {
				o.own("iam:ListRolePolicies")
				if o.hasInlinePolicies() {
					o.bounded(o.Resource, "iam:DeleteRolePolicy")
				}
			}
			o.own("iam:DeleteRole")
		},
	},
	rolePolicyToken: {
		create: func(o *operation) { o.onRole("iam:PutRolePolicy") },
		read:   func(o *operation) { o.onRole("iam:GetRolePolicy") },
		update: func(o *operation) { o.onRole("iam:PutRolePolicy") },
		delete: func(o *operation) { o.onRole("iam:DeleteRolePolicy") },
	},
	rolePolicyAttachmentToken: {
		create: func(o *operation) { o.onRole("iam:AttachRolePolicy") },
		read:   func(o *operation) { o.onRole("iam:ListAttachedRolePolicies") },
		delete: func(o *operation) { o.onRole("iam:DetachRolePolicy") },
	},
	policyToken: {
		create: func(o *operation) {
			name := o.iam("policy" + o.text("path") + o.name("name", "namePrefix"))
			o.creates("iam:CreatePolicy", name, name, "iam:TagPolicy", "")
		},
		read: func(o *operation) { o.own("iam:GetPolicy", "iam:GetPolicyVersion") },
		// How many versions a policy has is not modelled. It is taken to have as many as it can, of which one must go before there
		// is another one, and all before the policy itself can.
		update: func(o *operation) {
			if o.changes("policy") {
				o.own("iam:ListPolicyVersions", "iam:DeletePolicyVersion", "iam:CreatePolicyVersion")
			}
			o.retags("iam:TagPolicy", "iam:UntagPolicy")
		},
		delete: func(o *operation) { o.own("iam:ListPolicyVersions", "iam:DeletePolicyVersion", "iam:DeletePolicy") },
	},
	openIDConnectProviderToken: {
		create: func(o *operation) {
			name := o.iam("oidc-provider/" + issuerHost(o.text("url")))
			o.creates("iam:CreateOpenIDConnectProvider", name, name, "iam:TagOpenIDConnectProvider", "")
		},
		read: func(o *operation) { o.own("iam:GetOpenIDConnectProvider") },
		update: func(o *operation) {
			if o.changes("thumbprintLists") {
				o.own("iam:UpdateOpenIDConnectProviderThumbprint")
			}
			was, want := list(o.Old.Inputs["clientIdLists"]), list(o.Resource.Inputs["clientIdLists"])
			if len(without(want, was)) > 0 {
				o.own("iam:AddClientIDToOpenIDConnectProvider")
			}
			if len(without(was, want)) > 0 {
				o.own("iam:RemoveClientIDFromOpenIDConnectProvider")
			}
			o.retags("iam:TagOpenIDConnectProvider", "iam:UntagOpenIDConnectProvider")
		},
		delete: func(o *operation) { o.own("iam:DeleteOpenIDConnectProvider") },
	},
	getPolicyDocument.Token: {}, // written by the provider itself

	getRoles.Token: {invoke: func(o *operation) { o.any("iam:ListRoles") }},
	getRole.Token: {invoke: func(o *operation) {
		name, _ := o.args["name"].(string)
		o.arn = o.iam("role/" + name)
		if r := o.Find(cloud.Ref{Token: roleToken, Value: name}); r != nil {
			o.arn, o.tags = outputText(r, "arn"), tagsOf(r)
		}
		o.own("iam:GetRole")
	}},
}

// bounded adds a call about the operation's resource, a role, that tells which boundary the role has.
func (o *operation) bounded(role *cloud.Resource, action string) {
	o.own(action)
	if b, _ := role.Inputs["permissionsBoundary"].(string); b != "" {
		o.with("iam:permissionsboundary", b)
	}
}

// attaches adds a call for each of the policies, which tells which one it is.
func (o *operation) attaches(role *cloud.Resource, policies []any, action string) {
	for _, p := range policies {
		o.bounded(role, action)
		if name, ok := p.(string); ok {
			o.with("iam:policyarn", name)
		}
	}
}

// onRole adds a call about the role whose policy the resource is.
func (o *operation) onRole(action string) {
	role := o.referred(roleToken, "role")
	if role == nil {
		return
	}
	o.arn, o.tags = outputText(role, "arn"), tagsOf(role)
	// The calls that only look are told nothing of the boundary.
	switch action {
	case "iam:GetRolePolicy", "iam:ListAttachedRolePolicies":
		o.own(action)
		return
	}
	o.bounded(role, action)
	if p := o.text("policyArn"); p != "" {
		o.with("iam:policyarn", p)
	}
}

// hasInlinePolicies tells whether the role that the operation is about has any.
func (o *operation) hasInlinePolicies() bool {
	return len(list(o.Resource.Inputs["inlinePolicies"])) > 0 ||
		slices.ContainsFunc(o.Tx.List(o.Resource.Scope, rolePolicyToken), func(r *cloud.Resource) bool { return r.Inputs["role"] == o.Resource.ID })
}

// without returns the elements of a list that another one does not have.
func without(l, other []any) []any {
	return slices.DeleteFunc(slices.Clone(l), func(e any) bool {
		return slices.ContainsFunc(other, func(o any) bool { return reflect.DeepEqual(e, o) })
	})
}
