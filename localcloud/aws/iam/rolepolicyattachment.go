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
var RolePolicyAttachment = &cloud.OldKind[rolePolicyAttachment]{
	Spec: cloud.Spec{
		Token:   RolePolicyAttachmentToken,
		Label:   "IAM Role Policy Attachment",
		Needs:   rolePolicyAttachmentNeeds,
		Global:  true,
		Replace: []string{"role", "policyArn"},
		Latency: cloud.Latency{Create: 1, Delete: 1},
		// https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/iam_role_policy_attachment#import
		Import: func(tx *cloud.Tx, s cloud.Scope, id string) string {
			role, policy, _ := strings.Cut(id, "/")
			for _, r := range tx.List(s, RolePolicyAttachmentToken) {
				if r.Inputs["role"] == role && r.Inputs["policyArn"] == policy {
					return r.ID
				}
			}
			return ""
		},
	},
	Refs: func(_ *cloud.Call, in *rolePolicyAttachment) []cloud.Ref {
		refs := []cloud.Ref{{Token: identity.RoleToken, Value: in.Role}}
		if !strings.HasPrefix(in.PolicyARN, AwsManaged) {
			refs = append(refs, cloud.Ref{Token: PolicyToken, Value: in.PolicyARN})
		}
		return refs
	},
	Outputs: func(c *cloud.Call, in *rolePolicyAttachment) (cloud.Map, error) {
		if err := attachable(c, in.PolicyARN, "Policy"); err != nil {
			return nil, err
		}
		attached := 0
		for _, r := range c.Tx.List(c.Resource.Scope, RolePolicyAttachmentToken) {
			if r.Inputs["role"] == in.Role && r.ID != c.Resource.ID {
				attached++
			}
		}
		if attached >= 10 {
			return nil, cloud.Errorf("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")
		}
		if c.Old == nil {
			c.Resource.ID = in.Role + "-" + ids.Suffix() // made up by the provider: an attachment has no id
			attach(c.Tx, c.Resource.Scope, 1, in.PolicyARN)
		}
		return nil, nil
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
