// Package policy reads policies and decides requests by them.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/cloud"
	"slipway/localcloud/wildcard"
)

// Policy is a policy document of IAM.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
type Policy struct {
	Version   string
	ID        string `json:"Id"`
	Statement Statements
}

// Statement is one permission, or one refusal.
type Statement struct {
	Sid          string
	Effect       string
	Principal    Principals
	NotPrincipal Principals
	Action       Values
	NotAction    Values
	Resource     Values
	NotResource  Values
	Condition    conditions
}

// Statements is a list of statements, or a single one.
type Statements []Statement

// UnmarshalJSON implements [json.Unmarshaler].
func (s *Statements) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte("{")) {
		raw = slices.Concat([]byte("["), raw, []byte("]"))
	}
	return DecodeStrictly(raw, (*[]Statement)(s))
}

// Values is a list of strings, or a single one; IAM takes a boolean or a number for its text.
type Values []string

// UnmarshalJSON implements [json.Unmarshaler].
func (v *Values) UnmarshalJSON(raw []byte) error {
	if !bytes.HasPrefix(raw, []byte("[")) {
		raw = slices.Concat([]byte("["), raw, []byte("]"))
	}
	var list []any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&list); err != nil {
		return err
	}
	*v = make(Values, len(list))
	for i, e := range list {
		switch e := e.(type) {
		case string:
			(*v)[i] = e
		case bool, json.Number:
			(*v)[i] = fmt.Sprint(e)
		default:
			return fmt.Errorf("a %T where a string was expected", e)
		}
	}
	return nil
}

// Principals are a statement's principals, by type: AWS, Service, Federated. A single star is everyone.
type Principals map[string]Values

// UnmarshalJSON implements [json.Unmarshaler].
func (p *Principals) UnmarshalJSON(raw []byte) error {
	if bytes.Equal(raw, []byte(`"*"`)) {
		*p = Principals{"*": {"*"}}
		return nil
	}
	return DecodeStrictly(raw, (*map[string]Values)(p))
}

// DecodeStrictly reads JSON and refuses fields that are not known.
func DecodeStrictly(raw []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

// Document is an input that holds a policy: its text, or an object that the provider makes the text of.
type Document string

// UnmarshalJSON implements [json.Unmarshaler].
func (d *Document) UnmarshalJSON(raw []byte) error {
	if !bytes.HasPrefix(raw, []byte(`"`)) {
		*d = Document(raw)
		return nil
	}
	return json.Unmarshal(raw, (*string)(d))
}

// Check returns the provider's refusal of a document before it calls IAM.
func (d Document) Check(property string) []cloud.Failure {
	if d == "" {
		return nil
	}
	fail := func(reason string) []cloud.Failure {
		return []cloud.Failure{{Property: property, Reason: "contains an invalid JSON policy: " + reason}}
	}
	switch {
	case strings.ContainsRune(" \t\r\n", rune(d[0])):
		return fail("leading space characters are not allowed")
	case d[0] != '{':
		return fail("not a JSON object")
	case !json.Valid([]byte(d)):
		return fail("not valid JSON")
	}
	return nil
}

// Size is how much of a quota the document takes up: IAM does not count white space.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
func (d Document) Size() int {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(d)); err != nil {
		return len(d)
	}
	return b.Len()
}

func malformed(format string, args ...any) error {
	return cloud.Errorf("MalformedPolicyDocument", format, args...)
}

var (
	errSyntax = malformed("Syntax errors in policy.")
	sid       = regexp.MustCompile(`^[0-9A-Za-z]*$`)
)

// Parse reads a document and finds what identity policies and trust policies must both not have.
func (d Document) Parse() (*Policy, error) {
	if !json.Valid([]byte(d)) {
		return nil, malformed("This policy contains invalid Json")
	}
	p := new(Policy)
	if err := DecodeStrictly([]byte(d), p); err != nil || len(p.Statement) == 0 {
		return nil, errSyntax
	}
	if p.Version != "" && p.Version != "2012-10-17" && p.Version != "2008-10-17" {
		return nil, errSyntax
	}
	seen := map[string]bool{}
	for _, s := range p.Statement {
		switch {
		case s.Effect != "Allow" && s.Effect != "Deny",
			len(s.Action) > 0 && len(s.NotAction) > 0,
			len(s.Resource) > 0 && len(s.NotResource) > 0,
			len(s.Principal) > 0 && len(s.NotPrincipal) > 0:
			return nil, errSyntax
		case !sid.MatchString(s.Sid):
			return nil, malformed("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
		case s.Sid != "" && seen[s.Sid]:
			return nil, malformed("Statement IDs (SID) in a single policy must be unique.")
		case len(s.Action) == 0 && len(s.NotAction) == 0:
			return nil, malformed("Policy statement must contain actions.")
		}
		seen[s.Sid] = true
		for _, a := range slices.Concat(s.Action, s.NotAction) {
			switch vendor, _, ok := strings.Cut(a, ":"); {
			case a == "*":
			case !ok || vendor == "":
				return nil, malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
			case strings.Count(a, ":") > 1:
				return nil, malformed("Actions/Condition can contain only one colon.")
			}
		}
		if err := s.modelled(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// IdentityPolicy parses a policy that is attached to a role.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_identity-vs-resource.html
func (d Document) IdentityPolicy() (*Policy, error) {
	p, err := d.Parse()
	if err != nil {
		return nil, err
	}
	if p.Version != "2012-10-17" {
		return nil, malformed("Policy document must be version 2012-10-17 or greater.")
	}
	for _, s := range p.Statement {
		switch {
		case len(s.Principal) > 0 || len(s.NotPrincipal) > 0:
			return nil, malformed("Policy document should not specify a principal.")
		case len(s.Resource) == 0 && len(s.NotResource) == 0:
			return nil, malformed("Policy statement must contain resources.")
		}
		for _, r := range slices.Concat(s.Resource, s.NotResource) {
			partition, _, _ := strings.Cut(strings.TrimPrefix(r, "arn:"), ":")
			switch {
			case r == "*":
			case !strings.HasPrefix(r, "arn:"):
				return nil, malformed(`Resource %s must be in ARN format or "*".`, r)
			case partition != "aws" && !strings.ContainsAny(partition, "*?"):
				return nil, malformed(`Partition "%s" is not valid for resource "%s".`, partition, r)
			}
		}
	}
	return p, nil
}

// TrustPolicy parses a policy that says who may assume a role.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html
func (d Document) TrustPolicy(tx *cloud.Tx) (*Policy, error) {
	p, err := d.Parse()
	if err != nil {
		return nil, err
	}
	for _, s := range p.Statement {
		switch {
		case len(s.Principal) == 0 && len(s.NotPrincipal) == 0:
			return nil, malformed("Missing required field Principal")
		case len(s.Resource) > 0 || len(s.NotResource) > 0:
			return nil, malformed("Has prohibited field Resource")
		}
		for _, a := range slices.Concat(s.Action, s.NotAction) {
			if !wildcard.Match("sts:*", strings.ToLower(a)) && a != "*" {
				return nil, malformed("AssumeRole policy may only specify STS AssumeRole actions.")
			}
		}
		for _, kind := range slices.Sorted(maps.Keys(s.Principal)) {
			for _, id := range s.Principal[kind] {
				if !exists(tx, kind, id) {
					return nil, malformed(`Invalid principal in policy: "%s":"%s"`, strings.ToUpper(kind), id)
				}
			}
		}
	}
	return p, nil
}

// The forms of principals. AccountID is that of an account.
var (
	AccountID     = regexp.MustCompile(`^\d{12}$`)
	accountRoot   = regexp.MustCompile(`^arn:aws:iam::\d{12}:root$`)
	federatedARN  = regexp.MustCompile(`^arn:aws:iam::\d{12}:(oidc|saml)-provider/.+$`)
	regionalLabel = regexp.MustCompile(`\.[a-z]{2}(-[a-z]+)+-\d\.`)
)

// services are those that may have roles; IAM refuses every other name.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
var services = []string{
	"apigateway", "application-autoscaling", "appmesh", "autoscaling", "backup", "batch", "cloudformation", "cloudfront", "cloudtrail",
	"codebuild", "codedeploy", "codepipeline", "config", "delivery.logs", "dms", "ec2", "ecr", "ecs", "ecs-tasks", "ecs.application-autoscaling",
	"eks", "eks-fargate-pods", "elasticfilesystem", "elasticloadbalancing", "events", "firehose", "glue", "kinesisanalytics", "lambda",
	"logs", "monitoring", "monitoring.rds", "pipes", "pods.eks", "rds", "s3", "scheduler", "secretsmanager", "servicediscovery", "sns", "spotfleet",
	"sqs", "ssm", "states", "transfer", "vpc-flow-logs", "wafv2",
}

// exists reports whether a principal exists; IAM looks it up when a trust policy names it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
func exists(tx *cloud.Tx, kind, id string) bool {
	switch kind {
	case "AWS":
		return id == "*" || AccountID.MatchString(id) || accountRoot.MatchString(id) || identity.RoleByARN(tx, id) != nil
	case "Service":
		name, ok := strings.CutSuffix(regionalLabel.ReplaceAllString(id, "."), ".amazonaws.com")
		return ok && slices.Contains(services, name)
	case "Federated":
		return federatedARN.MatchString(id) || slices.Contains([]string{
			"accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com",
		}, id)
	}
	return false // a lone "*" among them: IAM takes it in no trust policy
}

// modelled refuses by name what evaluating the statement would need and the local cloud does not have, so that it is never
// taken for granted.
func (s *Statement) modelled() error {
	if err := s.Condition.modelled(); err != nil {
		return err
	}
	for _, r := range slices.Concat(s.Resource, s.NotResource) {
		if variable.MatchString(r) {
			return fmt.Errorf("the variable in a policy's resource %s: %w", r, cloud.ErrUnimplemented)
		}
	}
	return nil
}

// variable finds a policy variable; the three characters are ways to write themselves.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
var variable = regexp.MustCompile(`\$\{[^*?$]`)

// Request is a request for policies to decide.
type Request struct {
	Action, Resource string
	Principal        Principals          // in trust policies: every name of the caller in policies
	Context          map[string]string   // by condition key, in lower case
	Lists            map[string][]string // the same of keys that have several values
}

// applies reports whether the statement applies to the request.
func (s *Statement) applies(r Request) bool {
	anyOf := func(match func(pattern, value string) bool, patterns Values, value string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return match(p, value) })
	}
	actionMatches := func(pattern, value string) bool {
		return wildcard.Match(strings.ToLower(pattern), strings.ToLower(value))
	}
	switch {
	case len(s.Action) > 0 && !anyOf(actionMatches, s.Action, r.Action),
		len(s.NotAction) > 0 && anyOf(actionMatches, s.NotAction, r.Action),
		len(s.Resource) > 0 && !anyOf(arnMatches, s.Resource, r.Resource),
		len(s.NotResource) > 0 && anyOf(arnMatches, s.NotResource, r.Resource),
		len(s.Principal) > 0 && !s.Principal.has(r.Principal),
		len(s.NotPrincipal) > 0 && s.NotPrincipal.has(r.Principal):
		return false
	}
	return s.Condition.hold(r)
}

// has reports whether the principals of a policy include the caller, by any name.
func (p Principals) has(who Principals) bool {
	if slices.Contains(p["*"], "*") || len(who["AWS"]) > 0 && slices.Contains(p["AWS"], "*") {
		return true
	}
	for kind, names := range who {
		if slices.ContainsFunc(names, func(n string) bool { return slices.Contains(p[kind], n) }) {
			return true
		}
	}
	return false
}

// Decide uses all policies: an applying refusal wins over every permission, and without a permission nothing is allowed.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
func Decide(policies []*Policy, r Request) Verdict {
	v := Silent
	for _, p := range policies {
		for _, s := range p.Statement {
			if s.applies(r) {
				if s.Effect == "Deny" {
					return Refuses
				}
				v = Permits
			}
		}
	}
	return v
}

// arnMatches compares resource names by their six parts, so that a * stays within its own; an incomplete pattern is completed
// with wildcards.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
func arnMatches(pattern, value string) bool {
	if pattern == "*" || pattern == value {
		return true
	}
	patterns, parts := strings.SplitN(pattern, ":", 6), strings.SplitN(value, ":", 6)
	for len(patterns) < 6 {
		patterns = append(patterns, "*")
	}
	if len(parts) < 6 {
		return false
	}
	for i := range parts {
		if !wildcard.Match(patterns[i], parts[i]) {
			return false
		}
	}
	return true
}
