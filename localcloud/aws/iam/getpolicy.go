package iam

import (
	"fmt"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

type policyArgs struct {
	ARN        string    `json:"arn"`
	Name       string    `json:"name"`
	PathPrefix string    `json:"pathPrefix"`
	Tags       tags.Tags `json:"tags"`
}

// GetPolicy describes a managed policy, an account's own or one of AWS's.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicyVersion.html
var GetPolicy = &cloud.Function[policyArgs]{
	Token: "aws:iam/getPolicy:getPolicy",
	Needs: getPolicyNeeds,
	Call: func(c *cloud.Call, args *policyArgs) (cloud.Map, error) {
		if args.ARN == "" || args.Name != "" || args.PathPrefix != "" {
			return nil, check.Unimplemented("a policy that is not sought by its ARN")
		}
		scope := cloud.Scope{Account: c.Caller.Scope.Account}
		document, found := managedPolicy(c.Tx, scope, args.ARN)
		if !found {
			// terraform-provider-aws, internal/service/iam, dataSourcePolicyRead
			return nil, fmt.Errorf("reading IAM Policy (%s): %w", args.ARN, noSuchPolicy(args.ARN))
		}
		out := cloud.Map{
			"id": args.ARN, "arn": args.ARN, "name": arns.Last(args.ARN), "policy": string(document), "path": "/", "description": "",
			"policyId": "", "attachmentCount": 0.0, "tags": cloud.Map{},
		}
		if r := c.Tx.Get(cloud.Key{Scope: scope, Token: PolicyToken, ID: args.ARN}); r != nil {
			in, made := ManagedPolicy.Inputs(r), ManagedPolicy.Outputs(r)
			out["path"], out["description"], out["policyId"] = in.Path, in.Description, made.PolicyID
			out["attachmentCount"], out["tags"] = float64(made.AttachmentCount), untyped.Map(tags.Of(r))
		}
		return out, nil
	},
}

var getPolicyNeeds = permission.Needs{Invoke: func(o *permission.Operation) {
	o.ARN, _ = o.Args["arn"].(string)
	if r := o.Find(cloud.Ref{Token: PolicyToken, Value: o.ARN}); r != nil {
		o.Tags = tags.Of(r)
	}
	o.Own("iam:GetPolicy", "iam:GetPolicyVersion")
}}
