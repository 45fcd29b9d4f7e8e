package ecr

import (
	"errors"
	"fmt"
	"strings"

	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/cloud"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

type repositoryPolicy struct {
	Repository string          `json:"repository"`
	Policy     policy.Document `json:"policy"`
}

// RepositoryPolicy says who else may use a repository's images. A repository has at most one, which goes with it.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
var RepositoryPolicy = &cloud.Kind[repositoryPolicy, ofRegistry]{
	Spec: cloud.Spec{
		Token:  RepositoryPolicyToken,
		Label:  "ECR Repository Policy",
		Import: cloud.ByID,
		Drift: cloud.Drift{Change: cloud.Map{
			"policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":["ecr:BatchGetImage"]}]}`,
		}, Serves: true, ServesWithout: true},
		Needs:   repositorySettingNeeds("ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy"),
		Replace: []string{"repository"},
		Same:    map[string]func(a, b any) bool{"policy": policy.Same},
		Latency: cloud.Latency{Create: 1, Delete: 1},
	},
	Check: func(in *repositoryPolicy) []cloud.Failure { return in.Policy.Check("policy") },
	Refs: func(_ *cloud.Call, in *repositoryPolicy) []cloud.Ref {
		return []cloud.Ref{{Token: RepositoryToken, Value: in.Repository, Weak: true}}
	},
	Rules: func(c *cloud.Call, in *repositoryPolicy) error { return checkRepositoryPolicy(in.Policy, c.Tx) },
	Create: func(c *cloud.Call, in *repositoryPolicy, out *ofRegistry) (string, error) {
		out.RegistryID = c.Caller.Scope.Account
		return in.Repository, nil
	},
}

// checkRepositoryPolicy checks a policy as ECR does, with one message for everything. The statements of such a policy name no resource:
// they apply to the repository.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
func checkRepositoryPolicy(d policy.Document, tx *cloud.Tx) error {
	invalid := func(why string) error {
		e := invalidParameter("PolicyText", "Invalid repository policy provided")
		e.Message += " (" + why + ")"
		return e
	}
	p, err := d.ResourcePolicy(tx)
	if errors.Is(err, cloud.ErrUnimplemented) {
		return err
	}
	if err != nil {
		return invalid(err.Error())
	}
	for _, s := range p.Statement {
		switch {
		case len(s.Resource) > 0 || len(s.NotResource) > 0:
			return invalid("a statement names a resource")
		case !s.Vendor("ecr"):
			return invalid("an action is not one of ecr")
		}
	}
	return nil
}

// RepositoryDenial says why a principal, given whether its own policies allow an action on a repository, may not perform it: the end of
// the sentence that begins with "User: … is not authorized to perform: …". It is empty if the principal may. Within an account either
// policy is enough; across accounts both must allow it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
func RepositoryDenial(tx *cloud.Tx, repositoryARN, principal, action string, allowed bool) string {
	v := verdict(tx, repositoryARN, principal, action)
	of, _ := arn.Parse(repositoryARN) // the cloud has made it
	own := arns.Account(principal) == of.AccountID
	switch {
	case v == policy.Refuses:
		return "with an explicit deny in a resource-based policy"
	case !allowed && (!own || v != policy.Permits):
		return fmt.Sprintf("because no identity-based policy allows the %s action", action)
	case !own && v != policy.Permits:
		return fmt.Sprintf("because no resource-based policy allows the %s action", action)
	}
	return ""
}

// MayUse refuses an action on a repository to a caller who may not take it.
func MayUse(tx *cloud.Tx, who cloud.Caller, registry cloud.Scope, name, action string) error {
	resource := arns.New(registry, "ecr", "repository/"+name)
	look := iam.Look{Action: action, Resource: resource, Of: tx.Get(cloud.Key{Scope: registry, Token: RepositoryToken, ID: name})}
	return iam.MayWith(tx, who, look, registry.Account, func(principal string, _ policy.Request) policy.Verdict {
		return verdict(tx, resource, principal, action)
	})
}

// verdict is what a repository's own policy says.
func verdict(tx *cloud.Tx, repositoryARN, principal, action string) policy.Verdict {
	of, _ := arn.Parse(repositoryARN) // the cloud has made it
	key := cloud.Key{
		Scope: cloud.Scope{Account: of.AccountID, Region: of.Region}, Token: RepositoryPolicyToken, ID: strings.TrimPrefix(of.Resource, "repository/"),
	}
	if r := tx.Get(key); r != nil {
		if p, err := RepositoryPolicy.Inputs(r).Policy.ResourcePolicy(tx); err == nil { // checked when it was stored
			return policy.Decide([]*policy.Policy{p}, policy.Request{Action: action, Resource: repositoryARN, Principal: policy.NamesOf(principal), Context: map[string]string{
				"aws:principalarn": principal, "aws:principalaccount": arns.Account(principal),
				"aws:requestedregion": key.Scope.Region, "aws:securetransport": "true",
			}})
		}
	}
	return policy.Silent
}
