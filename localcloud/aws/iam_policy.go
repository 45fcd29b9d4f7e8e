package aws

import "slipway/localcloud/cloud"

// attach counts, with the policy, the roles that have it: by more, or by fewer. AWS's own policies are not counted here.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_Policy.html
func attach(tx *cloud.Tx, s cloud.Scope, by float64, policies ...string) {
	for _, arn := range policies {
		r := tx.Get(cloud.Key{Scope: s, Token: policyToken, ID: arn})
		if r == nil {
			continue
		}
		r = r.Clone()
		n, _ := r.Outputs["attachmentCount"].(float64)
		r.Outputs["attachmentCount"] = n + by
		tx.Put(r)
	}
}

// reattach counts what a role's own list of policies changes, which the role had before the call or is nil.
func (in *role) reattach(c *cloud.Call) error {
	if c.Old != nil {
		old, err := cloud.Decode[role](c.Old.Inputs)
		if err != nil {
			return err
		}
		attach(c.Tx, c.Resource.Scope, -1, old.ManagedPolicyARNs...)
	}
	attach(c.Tx, c.Resource.Scope, 1, in.ManagedPolicyARNs...)
	return nil
}
