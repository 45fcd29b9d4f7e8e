package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// policyARNPattern matches the ARNs of managed policies, an account's own and AWS's ("IAM identifiers" in the IAM user guide).
var policyARNPattern = regexp.MustCompile(`^arn:aws(-[a-z]+)*:iam::([0-9]{12}|aws):policy/([!-~]+/)*[A-Za-z0-9+=,.@_-]{1,128}$`)

// maxPolicyARN is the length of a PermissionsBoundary (PutRolePermissionsBoundary in the IAM API reference).
const maxPolicyARN = 2048

func isManagedPolicy(arn string) bool {
	return len(arn) <= maxPolicyARN && policyARNPattern.MatchString(arn)
}

// CheckBoundary reports what is not the ARN of a managed policy, as a permissions boundary must be.
func CheckBoundary(arn string) error {
	if !isManagedPolicy(arn) {
		return errors.New("must be the ARN of a managed policy, such as arn:aws:iam::123456789012:policy/slipway-boundary")
	}
	return nil
}

// PolicyDocument is the text of an IAM policy, as far as it is needed to find out what the policy can never allow.
type PolicyDocument struct {
	statements []policyStatement
}

type policyStatement struct {
	Effect            string
	Action, NotAction patterns
	Resource          patterns
	NotResource       patterns
	Condition         conditions
}

// conditions are values by operator and by condition key. Only those of some keys are read.
type conditions map[string]map[string]json.RawMessage

// patterns are one text or a list of texts.
type patterns []string

// UnmarshalJSON implements [json.Unmarshaler].
func (p *patterns) UnmarshalJSON(raw []byte) error {
	return json.Unmarshal(listed(raw), (*[]string)(p))
}

// listed returns a single value as a list: IAM takes either ("IAM JSON policy elements reference").
func listed(raw []byte) []byte {
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		return raw
	}
	return slices.Concat([]byte("["), raw, []byte("]"))
}

// ParsePolicy reads a policy.
func ParsePolicy(text string) (PolicyDocument, error) {
	var read struct{ Statement json.RawMessage }
	var document PolicyDocument
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		return document, fmt.Errorf("read the policy: %w", err)
	}
	if err := json.Unmarshal(listed(read.Statement), &document.statements); err != nil {
		return document, fmt.Errorf("read the policy: %w", err)
	}
	return document, nil
}

// Forbids reports whether a permissions boundary leaves nothing of a call, whatever the request ("Permissions boundaries for IAM
// entities" in the IAM user guide). Action and resource may have wildcards: a boundary that leaves a part of them does not forbid them.
func (d PolicyDocument) Forbids(c Call) bool {
	allowed := false
	for _, s := range d.statements {
		switch {
		case s.Effect == "Deny" && len(s.Condition) == 0 && s.covers(c.Action, c.Resource):
			return true
		case s.Effect == "Allow" && s.meets(c.Action, c.Resource) && s.Condition.admit(c.Role):
			allowed = true
		}
	}
	return !allowed
}

// ForbidsAll reports whether the boundary leaves nothing of what another policy allows a role.
func (d PolicyDocument) ForbidsAll(role Role, other PolicyDocument) bool {
	for _, s := range other.statements {
		if s.Effect != "Allow" {
			continue
		}
		if len(s.Action) == 0 || len(s.Resource) == 0 {
			return false // allows all but what it names
		}
		for _, action := range s.Action {
			if slices.ContainsFunc(s.Resource, func(resource string) bool { return !d.Forbids(Call{Role: role, Action: action, Resource: resource}) }) {
				return false
			}
		}
	}
	return true
}

// admit reports whether the conditions can hold for a request by the role. They are compared with its ARN; any other condition may hold.
// "AWS global condition context keys" in the IAM user guide: aws:PrincipalArn of a role's session is the ARN of the role.
func (c conditions) admit(role Role) bool {
	for operator, keys := range c {
		if !slices.Contains([]string{"ArnEquals", "ArnLike", "StringEquals", "StringLike"}, operator) {
			continue
		}
		for key, raw := range keys {
			var arns patterns
			if strings.EqualFold(key, "aws:PrincipalArn") && json.Unmarshal(raw, &arns) == nil &&
				!slices.ContainsFunc(arns, func(arn string) bool { return wildcardsMeet(arn, role.arns()) }) {
				return false
			}
		}
	}
	return true
}

// meets reports whether some request that matches the patterns matches the statement. What a statement excludes by its NotAction and
// NotResource is not looked at.
func (s policyStatement) meets(action, resource string) bool {
	return (len(s.Action) == 0 || slices.ContainsFunc(s.Action, func(a string) bool { return OverlapsAction(a, action) })) &&
		(len(s.Resource) == 0 || slices.ContainsFunc(s.Resource, func(r string) bool { return wildcardsMeet(r, resource) }))
}

// covers reports whether every request that matches the patterns matches the statement.
func (s policyStatement) covers(action, resource string) bool {
	return slices.ContainsFunc(s.Action, func(a string) bool { return includes(strings.ToLower(a), strings.ToLower(action)) }) &&
		slices.ContainsFunc(s.Resource, func(r string) bool { return includes(r, resource) })
}
