package iam

import (
	"strings"

	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/cloud"
)

type rolePolicyAttachment struct {
	Role      string `json:"role"`
	PolicyARN string `json:"policyArn"`
}

// RolePolicyAttachment gives a role a policy that exists by itself.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html
var RolePolicyAttachment = &cloud.Kind[rolePolicyAttachment, struct{}]{
	Spec: cloud.Spec{
		Token:   RolePolicyAttachmentToken,
		Label:   "IAM Role Policy Attachment",
		Drift:   cloud.Drift{Unchanged: "it has nothing but its two ends", ServesWithout: true},
		Needs:   rolePolicyAttachmentNeeds,
		Global:  true,
		Replace: []string{"role", "policyArn"},
		Latency: cloud.Latency{Create: 1, Delete: 1},
		// https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/iam_role_policy_attachment#import
		Import: &cloud.Import{
			ID: func(r *cloud.Resource) string {
				in := cloud.InputsOf[rolePolicyAttachment](r)
				return in.Role + "/" + in.PolicyARN
			},
			Find: func(tx *cloud.Tx, s cloud.Scope, id string) string {
				role, policy, _ := strings.Cut(id, "/")
				for _, r := range tx.List(s, RolePolicyAttachmentToken) {
					if in := cloud.InputsOf[rolePolicyAttachment](r); in.Role == role && in.PolicyARN == policy {
						return r.ID
					}
				}
				return ""
			},
		},
	},
	Refs: func(_ *cloud.Call, in *rolePolicyAttachment) []cloud.Ref {
		refs := []cloud.Ref{{Token: identity.RoleToken, Value: in.Role}}
		if !strings.HasPrefix(in.PolicyARN, AwsManaged) {
			refs = append(refs, cloud.Ref{Token: PolicyToken, Value: in.PolicyARN})
		}
		return refs
	},
	Rules: func(c *cloud.Call, in *rolePolicyAttachment) error {
		if err := attachable(c, in.PolicyARN, "Policy"); err != nil {
			return err
		}
		attached := 0
		for _, r := range c.Tx.List(c.Resource.Scope, RolePolicyAttachmentToken) {
			if cloud.InputsOf[rolePolicyAttachment](r).Role == in.Role && r.ID != c.Resource.ID {
				attached++
			}
		}
		if attached >= 10 {
			return cloud.Errorf("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")
		}
		return nil
	},
	Create: func(c *cloud.Call, in *rolePolicyAttachment, _ *struct{}) (string, error) {
		attach(c.Tx, c.Resource.Scope, 1, in.PolicyARN)
		return in.Role + "-" + ids.Suffix(), nil // made up by the provider: an attachment has no id
	},
	Delete: func(c *cloud.Call, in *rolePolicyAttachment) error {
		attach(c.Tx, c.Resource.Scope, -1, in.PolicyARN)
		return nil
	},
}

var rolePolicyAttachmentNeeds = permission.Needs{
	Create: func(o *permission.Operation) { onRole(o, "iam:AttachRolePolicy") },
	Read:   func(o *permission.Operation) { onRole(o, "iam:ListAttachedRolePolicies") },
	Delete: func(o *permission.Operation) { onRole(o, "iam:DetachRolePolicy") },
}
