package aws

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"slipway/localcloud/cloud"
)

// resourcePolicy parses a policy that belongs to a resource and says who may do what with it. Its errors are worded as S3 words
// them; the service gives them its own code. Other than IAM's, such policies have statement ids of any text.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_identity-vs-resource.html
func (d document) resourcePolicy(tx *cloud.Tx) (*Policy, error) {
	if !json.Valid([]byte(d)) {
		return nil, errors.New("This policy contains invalid Json") //nolint:staticcheck // S3's words
	}
	p := new(Policy)
	if err := decodeStrictly([]byte(d), p); err != nil {
		return nil, fmt.Errorf("Policies must be valid IAM policies: %w", err) //nolint:staticcheck // a sentence like the others
	}
	if v := p.Version; v != "" && v != "2012-10-17" && v != "2008-10-17" {
		return nil, errors.New("The policy must contain a valid version string") //nolint:staticcheck // S3's words
	}
	if len(p.Statement) == 0 {
		return nil, missingField("Statement")
	}
	for _, s := range p.Statement {
		switch {
		case s.Effect == "":
			return nil, missingField("Effect")
		case s.Effect != "Allow" && s.Effect != "Deny":
			return nil, fmt.Errorf("Invalid effect: %s", s.Effect) //nolint:staticcheck // S3's words
		case len(s.Principal) == 0 && len(s.NotPrincipal) == 0:
			return nil, missingField("Principal")
		case len(s.Action) == 0 && len(s.NotAction) == 0:
			return nil, missingField("Action")
		case len(s.Principal) > 0 && len(s.NotPrincipal) > 0,
			len(s.Action) > 0 && len(s.NotAction) > 0,
			len(s.Resource) > 0 && len(s.NotResource) > 0:
			return nil, errors.New("Policy has a field together with its opposite")
		}
		for _, who := range []principals{s.Principal, s.NotPrincipal} {
			for kind, ids := range who {
				for _, id := range ids {
					if kind != "*" && !exists(tx, kind, id) {
						return nil, errors.New("Invalid principal in policy") //nolint:staticcheck // S3's words
					}
				}
			}
		}
		if err := s.modelled(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func missingField(field string) error {
	return errors.New("Missing required field " + field)
}

// vendor tells whether all actions are of one service.
func (s *Statement) vendor(service string) bool {
	return !slices.ContainsFunc(slices.Concat(s.Action, s.NotAction), func(a string) bool {
		return a != "*" && !strings.HasPrefix(strings.ToLower(a), service+":")
	})
}

// verdict is what policies say of a request.
type verdict int

const (
	silent  verdict = iota // no statement applies
	permits                // one does and none refuses
	refuses
)

// accountOf returns the account in an ARN, or "".
func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}

// rootOf returns the ARN that stands for everybody in an account.
func rootOf(account string) string { return "arn:aws:iam::" + account + ":root" }

// namesOf returns every name by which a policy may mean the principal with the ARN: itself and its account.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
func namesOf(principal string) principals {
	account := accountOf(principal)
	return principals{"AWS": {principal, account, rootOf(account)}}
}

// callerName returns the ARN by which refusals name who calls: a role's session, or an account's root.
func callerName(c *cloud.Call) string {
	return cmp.Or(c.Caller.Identity, rootOf(c.Caller.Scope.Account))
}

// callerPrincipal returns the ARN by which policies name who calls: of the role that the session is of, or the account's root.
func callerPrincipal(c *cloud.Call) string {
	if c.Caller.Identity != "" {
		if role, _ := sessionRole(c.Tx, c.Caller.Identity); role != nil {
			return role.Text("arn")
		}
	}
	return callerName(c)
}

// public tells whether the policy lets in everybody. A condition that ties a permission to fixed accounts, principals or
// resources keeps it from being public.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
func (p *Policy) public() bool {
	return slices.ContainsFunc(p.Statement, func(s Statement) bool {
		everybody := len(s.NotPrincipal) > 0 || slices.Contains(slices.Concat(s.Principal["AWS"], s.Principal["*"]), "*")
		return s.Effect == "Allow" && everybody && !s.tied()
	})
}

// tied tells whether a condition narrows the statement to fixed values of a key that says who or what calls.
func (s *Statement) tied() bool {
	for operator, keys := range s.Condition {
		if !slices.Contains([]string{"StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike"}, operator) {
			continue
		}
		for key, values := range keys {
			fixed := !slices.ContainsFunc(values, func(v string) bool { return strings.ContainsAny(v, "*?$") })
			if fixed && slices.Contains([]string{"aws:principalarn", "aws:sourceaccount", "aws:sourcearn"}, strings.ToLower(key)) {
				return true
			}
		}
	}
	return false
}
