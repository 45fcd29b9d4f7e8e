package iam

import (
	"cmp"
	"slices"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/cloud"
)

type rolePolicy struct {
	Name       string          `json:"name"`
	NamePrefix string          `json:"namePrefix"`
	Role       string          `json:"role"`
	Policy     policy.Document `json:"policy"`
}

type rolePolicyOutputs struct {
	Name string `json:"name"`
}

// RolePolicy is a policy inside a role. Putting a second one of the same name replaces the first.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
var RolePolicy = &cloud.Kind[rolePolicy, rolePolicyOutputs]{
	Spec: cloud.Spec{
		Token:  RolePolicyToken,
		Label:  "IAM Role Policy",
		Import: cloud.ByID,
		Drift: cloud.Drift{Change: cloud.Map{
			"policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["logs:*"],"Resource":["*"]}]}`,
		}, Serves: true, ServesWithout: true},
		Needs:    rolePolicyNeeds,
		JSON:     []string{"policy"},
		Global:   true,
		AutoName: &cloud.AutoName{Property: "name", Max: 128},
		Replace:  []string{"name", "namePrefix", "role"},
		Computed: []string{"name", "namePrefix"},
		Same:     map[string]func(a, b any) bool{"policy": policy.Same},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: check.NotFound("NoSuchEntity", "The role policy with name %s cannot be found."),
	},
	Check: func(in *rolePolicy) []cloud.Failure {
		return slices.Concat(checkName("name", in.Name, 128), in.Policy.Check("policy"))
	},
	Refs: func(_ *cloud.Call, in *rolePolicy) []cloud.Ref {
		return []cloud.Ref{{Token: identity.RoleToken, Value: in.Role}}
	},
	Rules: func(c *cloud.Call, in *rolePolicy) error {
		if _, err := in.Policy.IdentityPolicy(); err != nil {
			return err
		}
		size := in.Policy.Size()
		for _, r := range c.Tx.Where(c.Resource.Scope, RolePolicyToken, "role", in.Role) {
			if r.ID != c.Resource.ID {
				size += cloud.InputsOf[rolePolicy](r).Policy.Size()
			}
		}
		if size > 10240 {
			return cloud.Errorf("LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role %s", in.Role)
		}
		return nil
	},
	Create: func(_ *cloud.Call, in *rolePolicy, out *rolePolicyOutputs) (string, error) {
		out.Name = cmp.Or(in.Name, in.NamePrefix+ids.Suffix())
		return in.Role + ":" + out.Name, nil
	},
}

var rolePolicyNeeds = permission.Needs{
	Create: func(o *permission.Operation) { onRole(o, "iam:PutRolePolicy") },
	Read:   func(o *permission.Operation) { onRole(o, "iam:GetRolePolicy") },
	Update: func(o *permission.Operation) { onRole(o, "iam:PutRolePolicy") },
	Delete: func(o *permission.Operation) { onRole(o, "iam:DeleteRolePolicy") },
}
