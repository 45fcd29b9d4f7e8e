package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/cloud"
)

type policyDocumentArgs struct {
	PolicyID                string              `json:"policyId"`
	Version                 string              `json:"version"`
	Statements              []documentStatement `json:"statements"`
	SourcePolicyDocuments   []string            `json:"sourcePolicyDocuments"`
	OverridePolicyDocuments []string            `json:"overridePolicyDocuments"`
}

type documentStatement struct {
	Sid           string              `json:"sid"`
	Effect        string              `json:"effect"`
	Actions       []string            `json:"actions"`
	NotActions    []string            `json:"notActions"`
	Resources     []string            `json:"resources"`
	NotResources  []string            `json:"notResources"`
	Principals    []documentPrincipal `json:"principals"`
	NotPrincipals []documentPrincipal `json:"notPrincipals"`
	Conditions    []struct {
		Test     string   `json:"test"`
		Variable string   `json:"variable"`
		Values   []string `json:"values"`
	} `json:"conditions"`
}

type documentPrincipal struct {
	Type        string   `json:"type"`
	Identifiers []string `json:"identifiers"`
}

// getPolicyDocument writes a policy of its parts, laid out as the provider lays it out.
// terraform-provider-aws, data source aws_iam_policy_document
var getPolicyDocument = &cloud.Function[policyDocumentArgs]{
	Token: "aws:iam/getPolicyDocument:getPolicyDocument",
	Needs: permission.Needs{},
	Call: func(_ *cloud.Call, args *policyDocumentArgs) (cloud.Map, error) {
		var doc renderedPolicy
		sids := map[string]bool{}
		for i, text := range args.SourcePolicyDocuments {
			source, err := readRendered(text)
			if err != nil {
				return nil, fmt.Errorf("writing IAM Policy Document: merging source document %d: %w", i, err)
			}
			for j, s := range source.Statement {
				if s.Sid != "" && sids[s.Sid] {
					return nil, fmt.Errorf("writing IAM Policy Document: merging source document %d: duplicate Sid (%s) in source_policy_documents "+
						"(statement %d). Remove the Sid or ensure Sids are unique", i, s.Sid, j)
				}
				sids[s.Sid] = true
			}
			doc.merge(source)
		}
		own, err := args.render()
		if err != nil {
			return nil, fmt.Errorf("writing IAM Policy Document: %w", err)
		}
		doc.merge(own)
		for i, text := range args.OverridePolicyDocuments {
			override, err := readRendered(text)
			if err != nil {
				return nil, fmt.Errorf("writing IAM Policy Document: merging override document %d: %w", i, err)
			}
			doc.merge(override)
		}
		minified, err := json.Marshal(doc)
		if err != nil {
			return nil, fmt.Errorf("writing IAM Policy Document: %w", err)
		}
		var text bytes.Buffer
		if err := json.Indent(&text, minified, "", "  "); err != nil {
			return nil, fmt.Errorf("writing IAM Policy Document: %w", err)
		}
		out, err := cloud.Encode(args)
		if err != nil {
			return nil, err
		}
		out["json"], out["minifiedJson"] = text.String(), string(minified)
		out["id"] = strconv.Itoa(int(crc32.ChecksumIEEE(text.Bytes())))
		out["version"] = own.Version
		return out, nil
	},
}

// renderedPolicy is a policy in the order and with the omissions of the provider's text. A list of one is written as its only
// element.
type renderedPolicy struct {
	Version   string              `json:",omitempty"`
	ID        string              `json:"Id,omitempty"`
	Statement []renderedStatement `json:",omitempty"`
}

type renderedStatement struct {
	Sid          string                          `json:",omitempty"`
	Effect       string                          `json:",omitempty"`
	Action       oneOrMany                       `json:",omitempty"`
	NotAction    oneOrMany                       `json:",omitempty"`
	Resource     oneOrMany                       `json:",omitempty"`
	NotResource  oneOrMany                       `json:",omitempty"`
	Principal    renderedPrincipals              `json:",omitempty"`
	NotPrincipal renderedPrincipals              `json:",omitempty"`
	Condition    map[string]map[string]oneOrMany `json:",omitempty"`
}

type oneOrMany []string

func (l oneOrMany) MarshalJSON() ([]byte, error) {
	if len(l) == 1 {
		return json.Marshal(l[0])
	}
	return json.Marshal([]string(l))
}

type renderedPrincipals map[string]oneOrMany

func (p renderedPrincipals) MarshalJSON() ([]byte, error) {
	if len(p) == 1 && slices.Equal(p["*"], []string{"*"}) {
		return []byte(`"*"`), nil
	}
	return json.Marshal(map[string]oneOrMany(p))
}

// merge adds the other's statements; one with a Sid that is there already takes the place of the earlier one.
func (p *renderedPolicy) merge(other *renderedPolicy) {
	if other.ID != "" {
		p.ID = other.ID
	}
	p.Version = max(p.Version, other.Version)
	for _, s := range other.Statement {
		i := -1
		if s.Sid != "" {
			i = slices.IndexFunc(p.Statement, func(mine renderedStatement) bool { return mine.Sid == s.Sid })
		}
		if i < 0 {
			p.Statement = append(p.Statement, s)
		} else {
			p.Statement[i] = s
		}
	}
}

// readRendered reads a policy that was given as text.
func readRendered(text string) (*renderedPolicy, error) {
	var in policy.Policy
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		return nil, err
	}
	out := &renderedPolicy{Version: in.Version, ID: in.ID}
	for _, s := range in.Statement {
		r := renderedStatement{
			Sid: s.Sid, Effect: s.Effect, Action: oneOrMany(s.Action), NotAction: oneOrMany(s.NotAction),
			Resource: oneOrMany(s.Resource), NotResource: oneOrMany(s.NotResource),
			Principal: rendered(s.Principal), NotPrincipal: rendered(s.NotPrincipal),
		}
		for operator, keys := range s.Condition {
			for key, v := range keys {
				r.condition(operator, key, v)
			}
		}
		out.Statement = append(out.Statement, r)
	}
	return out, nil
}

func rendered(p policy.Principals) renderedPrincipals {
	var out renderedPrincipals
	for kind, ids := range p {
		if out == nil {
			out = renderedPrincipals{}
		}
		out[kind] = descending(ids)
	}
	return out
}

func (s *renderedStatement) condition(operator, key string, v []string) {
	if s.Condition == nil {
		s.Condition = map[string]map[string]oneOrMany{}
	}
	if s.Condition[operator] == nil {
		s.Condition[operator] = map[string]oneOrMany{}
	}
	s.Condition[operator][key] = append(s.Condition[operator][key], v...)
}

// render makes a policy of the function's own arguments.
func (args *policyDocumentArgs) render() (*renderedPolicy, error) {
	out := &renderedPolicy{Version: args.Version, ID: args.PolicyID}
	if out.Version == "" {
		out.Version = "2012-10-17"
	}
	// The provider's own language takes ${ for itself, so policy variables are written &{.
	var err error
	variables := func(l []string) []string {
		replaced := make([]string, len(l))
		for i, s := range l {
			if strings.Contains(s, "&{") && out.Version == "2008-10-17" {
				err = fmt.Errorf("found &{ sequence in (%s), which is not supported in document version 2008-10-17", s)
			}
			replaced[i] = strings.ReplaceAll(s, "&{", "${")
		}
		return replaced
	}
	sids := map[string]bool{}
	for _, in := range args.Statements {
		if in.Sid != "" && sids[in.Sid] {
			return nil, fmt.Errorf("duplicate Sid (%s). Remove the Sid or ensure the Sid is unique", in.Sid)
		}
		sids[in.Sid] = true
		s := renderedStatement{
			Sid: in.Sid, Effect: in.Effect, Action: descending(in.Actions), NotAction: descending(in.NotActions),
			Resource: descending(variables(in.Resources)), NotResource: descending(variables(in.NotResources)),
		}
		switch s.Effect {
		case "":
			s.Effect = "Allow"
		case "Allow", "Deny":
		default:
			return nil, fmt.Errorf(`expected effect to be one of ["Allow" "Deny"], got %s`, s.Effect)
		}
		for _, p := range in.Principals {
			s.Principal = addPrincipal(s.Principal, p.Type, variables(p.Identifiers))
		}
		for _, p := range in.NotPrincipals {
			s.NotPrincipal = addPrincipal(s.NotPrincipal, p.Type, variables(p.Identifiers))
		}
		for _, c := range in.Conditions {
			s.condition(c.Test, c.Variable, variables(c.Values))
		}
		out.Statement = append(out.Statement, s)
	}
	return out, err
}

func addPrincipal(p renderedPrincipals, kind string, ids []string) renderedPrincipals {
	if p == nil {
		p = renderedPrincipals{}
	}
	p[kind] = append(p[kind], descending(ids)...)
	return p
}

// descending returns the list in the order in which the provider writes its sets.
func descending(l []string) oneOrMany {
	l = slices.Sorted(slices.Values(l))
	slices.Reverse(l)
	return l
}
