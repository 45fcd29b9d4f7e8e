package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"slipway/localcloud/cloud"
	"slipway/localcloud/wildcard"
)

// conditions are what must hold for a statement to apply: by operator and by condition key, the values that it is compared with.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
type conditions map[string]map[string]Values

// ContextKeys are the condition keys that requests inside the local cloud carry, in lower case, as keys are compared. Each is in
// the requests for which the Service Authorization Reference lists it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
var ContextKeys = append([]string{
	"aws:principalaccount", "aws:principalarn", "aws:requestedregion", "aws:resourceaccount", "aws:securetransport", "aws:sourceaccount",
	"aws:sourcearn", "aws:requesttag/*", "aws:resourcetag/*", "aws:tagkeys",
	"iam:awsservicename", "iam:passedtoservice", "iam:permissionsboundary", "iam:policyarn",
	"ec2:createaction", "ecs:createaction", "elasticloadbalancing:createaction", "ecs:cluster",
	"elasticfilesystem:accesspointarn", // of mounts, about which the local cloud asks no policy
	"ec2:resourcetag/*", "ecr:resourcetag/*", "ecs:resourcetag/*", "elasticloadbalancing:resourcetag/*", "iam:resourcetag/*",
	"s3:prefix", "secretsmanager:resourcetag/*",
	"sts:externalid", "sts:rolesessionname",
}, issuerKeys()...)

// listKeys are those of them that have several values.
var listKeys = []string{"aws:tagkeys"}

// operators compare the value of a condition key with one of the policy's values.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
var operators = map[string]struct {
	match func(pattern, value string) bool
	not   bool // holds if no value of the policy matches
}{
	"StringEquals":              {match: equal},
	"StringNotEquals":           {match: equal, not: true},
	"StringEqualsIgnoreCase":    {match: strings.EqualFold},
	"StringNotEqualsIgnoreCase": {match: strings.EqualFold, not: true},
	"StringLike":                {match: wildcard.Match},
	"StringNotLike":             {match: wildcard.Match, not: true},
	"ArnEquals":                 {match: arnMatches},
	"ArnLike":                   {match: arnMatches},
	"ArnNotEquals":              {match: arnMatches, not: true},
	"ArnNotLike":                {match: arnMatches, not: true},
	"Bool":                      {match: strings.EqualFold},
}

func equal(a, b string) bool { return a == b }

// An operator may be qualified: for keys of several values, and for keys that need not be there.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
const (
	forAnyValue  = "ForAnyValue:"
	forAllValues = "ForAllValues:"
	ifExists     = "IfExists"
	// null holds if the key is missing, or if it is not.
	null = "Null"
)

func plainOperator(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(strings.TrimSuffix(name, ifExists), forAnyValue), forAllValues)
}

// modelled refuses by name what evaluating the conditions would need and the local cloud does not have.
func (c conditions) modelled() error {
	for _, operator := range slices.Sorted(maps.Keys(c)) {
		if _, ok := operators[plainOperator(operator)]; !ok && operator != null {
			return fmt.Errorf("the condition operator %s of a policy: %w", operator, cloud.ErrUnimplemented)
		}
		for _, key := range slices.Sorted(maps.Keys(c[operator])) {
			if !slices.ContainsFunc(ContextKeys, func(k string) bool { return wildcard.Match(k, strings.ToLower(key)) }) {
				return fmt.Errorf("the condition key %s of a policy: %w", key, cloud.ErrUnimplemented)
			}
			for _, p := range c[operator][key] {
				if variable.MatchString(p) {
					return fmt.Errorf("the variable in a policy's condition value %s: %w", p, cloud.ErrUnimplemented)
				}
			}
		}
	}
	return nil
}

// hold reports whether every condition holds for the request.
func (c conditions) hold(r Request) bool {
	for operator, keys := range c {
		for key, patterns := range keys {
			if !holds(operator, patterns, r.values(strings.ToLower(key))) {
				return false
			}
		}
	}
	return true
}

// values returns the values of a condition key; none for one that the request lacks.
func (r Request) values(key string) []string {
	if slices.Contains(listKeys, key) {
		return r.Lists[key]
	}
	if v, ok := r.Context[key]; ok {
		return []string{v}
	}
	return nil
}

// holds compares a request's values of one key with those of a policy. A missing key fails a positive operator, and satisfies a negated
// one and one for all values.
func holds(operator string, patterns, have []string) bool {
	if operator == null {
		return slices.ContainsFunc(patterns, func(p string) bool { return strings.EqualFold(p, "true") == (len(have) == 0) })
	}
	o := operators[plainOperator(operator)]
	matching := func(v string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return o.match(p, v) }) != o.not
	}
	switch {
	case strings.HasPrefix(operator, forAllValues):
		return !slices.ContainsFunc(have, func(v string) bool { return !matching(v) })
	case len(have) == 0:
		return strings.HasSuffix(operator, ifExists) || o.not && !strings.HasPrefix(operator, forAnyValue)
	}
	return slices.ContainsFunc(have, matching)
}
