package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/cloud"
)

// ResourcePolicy parses a policy that belongs to a resource and says who may do what with it. Its errors are worded as S3 words
// them; the service gives them its own code. Other than IAM's, such policies have statement ids of any text.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_identity-vs-resource.html
func (d Document) ResourcePolicy(tx *cloud.Tx) (*Policy, error) {
	if !json.Valid([]byte(d)) {
		return nil, errors.New("This policy contains invalid Json") //nolint:staticcheck // S3's words
	}
	p := new(Policy)
	if err := DecodeStrictly([]byte(d), p); err != nil {
		return nil, fmt.Errorf("Policies must be valid IAM policies: %w", err) //nolint:staticcheck // a sentence like the others
	}
	if v := p.Version; v != "" && v != "2012-10-17" && v != "2008-10-17" {
		return nil, errors.New("The policy must contain a valid version string") //nolint:staticcheck // S3's words
	}
	if len(p.Statement) == 0 {
		return nil, MissingField("Statement")
	}
	for _, s := range p.Statement {
		switch {
		case s.Effect == "":
			return nil, MissingField("Effect")
		case s.Effect != "Allow" && s.Effect != "Deny":
			return nil, fmt.Errorf("Invalid effect: %s", s.Effect) //nolint:staticcheck // S3's words
		case len(s.Principal) == 0 && len(s.NotPrincipal) == 0:
			return nil, MissingField("Principal")
		case len(s.Action) == 0 && len(s.NotAction) == 0:
			return nil, MissingField("Action")
		case len(s.Principal) > 0 && len(s.NotPrincipal) > 0,
			len(s.Action) > 0 && len(s.NotAction) > 0,
			len(s.Resource) > 0 && len(s.NotResource) > 0:
			return nil, errors.New("Policy has a field together with its opposite")
		}
		for _, who := range []Principals{s.Principal, s.NotPrincipal} {
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

// MissingField is the refusal of a policy without the field, in the words of S3.
func MissingField(field string) error {
	return errors.New("Missing required field " + field)
}

// Vendor reports whether all actions belong to one service.
func (s *Statement) Vendor(service string) bool {
	return !slices.ContainsFunc(slices.Concat(s.Action, s.NotAction), func(a string) bool {
		return a != "*" && !strings.HasPrefix(strings.ToLower(a), service+":")
	})
}

// Verdict is what policies say of a request.
type Verdict int

// The verdicts.
const (
	Silent  Verdict = iota // no statement applies
	Permits                // one statement allows it and none refuses it
	Refuses
)

// NamesOf returns every name of the principal with the ARN in a policy: itself and its account.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
func NamesOf(principal string) Principals {
	account := arns.Account(principal)
	return Principals{"AWS": {principal, account, arns.Root(account)}}
}

// Public reports whether the policy lets everyone in. With a condition that ties a permission to fixed accounts, principals or
// resources it is not public.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
func (p *Policy) Public() bool {
	return slices.ContainsFunc(p.Statement, func(s Statement) bool {
		everybody := len(s.NotPrincipal) > 0 || slices.Contains(slices.Concat(s.Principal["AWS"], s.Principal["*"]), "*")
		return s.Effect == "Allow" && everybody && !s.tied()
	})
}

// tied reports whether a condition limits the statement to fixed values of a key about the caller.
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
