package iam

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type customerPolicy struct {
	Name        string          `json:"name"`
	NamePrefix  string          `json:"namePrefix"`
	Path        string          `json:"path"`
	Description string          `json:"description"`
	Policy      policy.Document `json:"policy"`
	Tags        tags.Tags       `json:"tags"`
}

type managedPolicyOutputs struct {
	Name     string `json:"name"`
	ARN      string `json:"arn"`
	PolicyID string `json:"policyId"`
	// AttachmentCount is how many roles have the policy.
	AttachmentCount int `json:"attachmentCount"`
}

// ManagedPolicy is an account's own policy, to be attached to its roles.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html
var ManagedPolicy = &cloud.Kind[customerPolicy, managedPolicyOutputs]{
	Spec: cloud.Spec{
		Token:  PolicyToken,
		Label:  "IAM Policy",
		Import: cloud.ByID,
		Drift: cloud.Drift{Change: cloud.Map{
			"policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["logs:*"],"Resource":["*"]}]}`,
		}, Serves: true, Refused: "DeleteConflict"},
		Derived:  tags.All,
		Needs:    managedPolicyNeeds,
		JSON:     []string{"policy"},
		Global:   true,
		Defaults: cloud.Map{"path": "/"},
		AutoName: &cloud.AutoName{Property: "name", Max: 128},
		Replace:  []string{"name", "namePrefix", "path", "description"},
		Computed: []string{"name", "namePrefix"},
		Same:     map[string]func(a, b any) bool{"policy": policy.Same},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		Patience: iamPropagation,
		NotFound: noSuchPolicy,
		InUse: func(_, _ *cloud.Resource) *cloud.Error {
			return cloud.Errorf("DeleteConflict", "Cannot delete a policy attached to entities.")
		},
	},
	Check: func(in *customerPolicy) []cloud.Failure {
		return slices.Concat(
			checkName("name", in.Name, 128), checkName("namePrefix", in.NamePrefix, 128-ids.SuffixLength), in.Policy.Check("policy"),
		)
	},
	Rules: func(_ *cloud.Call, in *customerPolicy) error {
		if _, err := in.Policy.IdentityPolicy(); err != nil {
			return err
		}
		if in.Policy.Size() > 6144 {
			return cloud.Errorf("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
		}
		return nil
	},
	Create: func(c *cloud.Call, in *customerPolicy, out *managedPolicyOutputs) (string, error) {
		name := cmp.Or(in.Name, in.NamePrefix+ids.Suffix())
		for _, r := range c.Tx.List(c.Resource.Scope, PolicyToken) {
			if strings.EqualFold(cloud.OutputsOf[managedPolicyOutputs](r).Name, name) {
				return "", cloud.Errorf("EntityAlreadyExists", "A policy called %s already exists. Duplicate names are not allowed.", name)
			}
		}
		out.Name, out.ARN = name, arns.Global("iam", c.Caller.Scope.Account, "policy"+in.Path+name)
		out.PolicyID = "ANPA" + ids.Random(17)
		return out.ARN, nil
	},
}

var managedPolicyNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		name := o.IAM("policy" + o.Text("path") + o.Name("name", "namePrefix"))
		o.Creates("iam:CreatePolicy", name, name, "iam:TagPolicy", "")
	},
	Read: func(o *permission.Operation) { o.Own("iam:GetPolicy", "iam:GetPolicyVersion") },
	// The number of a policy's versions is not modelled. It counts as the maximum: one must be deleted before a new one is made, and
	// all before the policy.
	Update: func(o *permission.Operation) {
		if o.Changes("policy") {
			o.Own("iam:ListPolicyVersions", "iam:DeletePolicyVersion", "iam:CreatePolicyVersion")
		}
		o.Retags("iam:TagPolicy", "iam:UntagPolicy")
	},
	Delete: func(o *permission.Operation) {
		o.Own("iam:ListPolicyVersions", "iam:DeletePolicyVersion", "iam:DeletePolicy")
	},
}

// attachable refuses a missing policy, in words that begin with its purpose. More than a thousand of AWS's own policies, ReadOnlyAccess
// among them, are not here.
func attachable(c *cloud.Call, name, what string) error {
	_, ok := managedPolicy(c.Tx, c.Resource.Scope, name)
	switch {
	case ok:
		return nil
	case strings.HasPrefix(name, AwsManaged):
		return check.Unimplemented("AWS's managed policy " + name)
	}
	return cloud.Errorf("NoSuchEntity", "%s %s does not exist or is not attachable.", what, name)
}

// managedPolicy returns the text of a policy by its ARN.
func managedPolicy(tx *cloud.Tx, s cloud.Scope, name string) (policy.Document, bool) {
	if d, ok := awsPolicies[name]; ok {
		return d, true
	}
	r := tx.Get(cloud.Key{Scope: s, Token: PolicyToken, ID: name})
	if r == nil {
		return "", false
	}
	return ManagedPolicy.Inputs(r).Policy, true
}

func noSuchPolicy(name string) *cloud.Error {
	return cloud.Errorf("NoSuchEntity", "Policy %s does not exist or is not attachable.", name)
}

// policyARN is of AWS's own policies, which have no account, and of an account's.
var policyARN = regexp.MustCompile(`^arn:aws:iam::(aws|\d{12}):policy/.+$`)

// attach counts, with the policy, the roles that have it: by more, or by fewer. AWS's own policies are not counted here.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_Policy.html
func attach(tx *cloud.Tx, s cloud.Scope, by int, policies ...string) {
	for _, arn := range policies {
		r := tx.Get(cloud.Key{Scope: s, Token: PolicyToken, ID: arn})
		if r == nil {
			continue
		}
		out := *ManagedPolicy.Outputs(r)
		out.AttachmentCount += by
		r = r.Clone()
		cloud.SetOutputs(r, &out)
		tx.Put(r)
	}
}
