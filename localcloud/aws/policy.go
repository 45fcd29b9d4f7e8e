package aws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"slipway/localcloud/cloud"
	"slipway/localcloud/wildcard"
)

// Policy is a policy document of IAM.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
type Policy struct {
	Version   string
	ID        string `json:"Id"`
	Statement statements
}

// Statement is one permission, or one refusal.
type Statement struct {
	Sid          string
	Effect       string
	Principal    principals
	NotPrincipal principals
	Action       values
	NotAction    values
	Resource     values
	NotResource  values
	Condition    conditions
}

// statements is a list of statements, or a single one.
type statements []Statement

func (s *statements) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte("{")) {
		raw = slices.Concat([]byte("["), raw, []byte("]"))
	}
	return decodeStrictly(raw, (*[]Statement)(s))
}

// values is a list of strings, or a single one; IAM takes a boolean or a number for its text.
type values []string

func (v *values) UnmarshalJSON(raw []byte) error {
	if !bytes.HasPrefix(raw, []byte("[")) {
		raw = slices.Concat([]byte("["), raw, []byte("]"))
	}
	var list []any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&list); err != nil {
		return err
	}
	*v = make(values, len(list))
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

// principals says who a statement is about, by type of principal: AWS, Service, Federated. The star alone is everybody.
type principals map[string]values

func (p *principals) UnmarshalJSON(raw []byte) error {
	if bytes.Equal(raw, []byte(`"*"`)) {
		*p = principals{"*": {"*"}}
		return nil
	}
	return decodeStrictly(raw, (*map[string]values)(p))
}

func decodeStrictly(raw []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

// document is an input that holds a policy: its text, or an object that the provider makes the text of.
type document string

func (d *document) UnmarshalJSON(raw []byte) error {
	if !bytes.HasPrefix(raw, []byte(`"`)) {
		*d = document(raw)
		return nil
	}
	return json.Unmarshal(raw, (*string)(d))
}

// check is what the provider finds wrong with a document before it calls IAM.
func (d document) check(property string) []cloud.Failure {
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

// size is how much of a quota the document takes up: IAM does not count white space.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
func (d document) size() int {
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

// parse reads a document and finds what identity policies and trust policies must both not have.
func (d document) parse() (*Policy, error) {
	if !json.Valid([]byte(d)) {
		return nil, malformed("This policy contains invalid Json")
	}
	p := new(Policy)
	if err := decodeStrictly([]byte(d), p); err != nil || len(p.Statement) == 0 {
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

// identityPolicy parses a policy that is attached to a role.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_identity-vs-resource.html
func (d document) identityPolicy() (*Policy, error) {
	p, err := d.parse()
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

// trustPolicy parses a policy that says who may assume a role.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html
func (d document) trustPolicy(tx *cloud.Tx) (*Policy, error) {
	p, err := d.parse()
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
		for kind, ids := range s.Principal {
			for _, id := range ids {
				if !exists(tx, kind, id) {
					return nil, malformed(`Invalid principal in policy: "%s":"%s"`, strings.ToUpper(kind), id)
				}
			}
		}
	}
	return p, nil
}

var (
	accountID     = regexp.MustCompile(`^\d{12}$`)
	accountRoot   = regexp.MustCompile(`^arn:aws:iam::\d{12}:root$`)
	federatedARN  = regexp.MustCompile(`^arn:aws:iam::\d{12}:(oidc|saml)-provider/.+$`)
	regionalLabel = regexp.MustCompile(`\.[a-z]{2}(-[a-z]+)+-\d\.`)
)

// services are those that may be given roles; IAM refuses every other name.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
var services = []string{
	"apigateway", "application-autoscaling", "appmesh", "autoscaling", "backup", "batch", "cloudformation", "cloudfront", "cloudtrail",
	"codebuild", "codedeploy", "codepipeline", "config", "delivery.logs", "dms", "ec2", "ecr", "ecs", "ecs-tasks", "ecs.application-autoscaling",
	"eks", "eks-fargate-pods", "elasticfilesystem", "elasticloadbalancing", "events", "firehose", "glue", "kinesisanalytics", "lambda",
	"logs", "monitoring", "monitoring.rds", "pipes", "pods.eks", "rds", "s3", "scheduler", "secretsmanager", "servicediscovery", "sns", "spotfleet",
	"sqs", "ssm", "states", "transfer", "vpc-flow-logs", "wafv2",
}

// exists tells whether there is such a principal, which IAM looks up when a trust policy names it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
func exists(tx *cloud.Tx, kind, id string) bool {
	switch kind {
	case "AWS":
		return id == "*" || accountID.MatchString(id) || accountRoot.MatchString(id) || roleByARN(tx, id) != nil
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

// request is what a policy is asked about.
type request struct {
	action, resource string
	principal        principals          // in trust policies: every name by which a policy may mean who asks
	context          map[string]string   // by condition key, in lower case
	lists            map[string][]string // the same of keys that have several values
}

// applies tells whether the statement is about the request.
func (s *Statement) applies(r request) bool {
	anyOf := func(match func(pattern, value string) bool, patterns values, value string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return match(p, value) })
	}
	actionMatches := func(pattern, value string) bool {
		return wildcard.Match(strings.ToLower(pattern), strings.ToLower(value))
	}
	switch {
	case len(s.Action) > 0 && !anyOf(actionMatches, s.Action, r.action),
		len(s.NotAction) > 0 && anyOf(actionMatches, s.NotAction, r.action),
		len(s.Resource) > 0 && !anyOf(arnMatches, s.Resource, r.resource),
		len(s.NotResource) > 0 && anyOf(arnMatches, s.NotResource, r.resource),
		len(s.Principal) > 0 && !s.Principal.has(r.principal),
		len(s.NotPrincipal) > 0 && s.NotPrincipal.has(r.principal):
		return false
	}
	return s.Condition.hold(r)
}

// has tells whether the principals of a policy include who asks, by any name.
func (p principals) has(who principals) bool {
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

// decide asks all policies: an applying refusal wins over every permission, and without a permission nothing is allowed.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
func decide(policies []*Policy, r request) verdict {
	v := silent
	for _, p := range policies {
		for _, s := range p.Statement {
			if s.applies(r) {
				if s.Effect == "Deny" {
					return refuses
				}
				v = permits
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

// Allowed tells whether the role's policies, inline and attached, let it perform the action on the resource, and its permissions
// boundary, if it has one, does so too. A role that does not exist may do nothing.
func Allowed(tx *cloud.Tx, s cloud.Scope, roleARN, action, resource string) bool {
	role := roleByARN(tx, roleARN)
	if role == nil {
		return false
	}
	return authorityOf(tx, role).denial(request{action: action, resource: resource, context: map[string]string{
		"aws:principalarn": roleARN, "aws:principalaccount": role.Scope.Account, "aws:requestedregion": s.Region, "aws:securetransport": "true",
	}}) == ""
}

// CanAssume tells whether the role's trust policy lets a service, such as "ecs-tasks.amazonaws.com", assume the role on behalf
// of the scope's account. A condition on one resource of the service does not hold, as it does not for ECS.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
func CanAssume(tx *cloud.Tx, s cloud.Scope, roleARN, principal string) bool {
	r := roleByARN(tx, roleARN)
	if r == nil {
		return false
	}
	service, _, _ := strings.Cut(principal, ".")
	service = strings.TrimSuffix(service, "-tasks") // the ARNs of tasks are of the service ecs
	return trust(r, request{action: "sts:AssumeRole", principal: principals{"Service": {principal}}, context: map[string]string{
		"aws:sourceaccount": s.Account, "aws:sourcearn": arn(s, service, "*"), "aws:securetransport": "true",
	}}) == permits
}

// trust tells what a role's trust policy says of a request to assume it.
func trust(role *cloud.Resource, r request) verdict {
	p, err := Role.Of(role).AssumeRolePolicy.parse()
	if err != nil {
		return silent // checked when it was stored
	}
	return decide([]*Policy{p}, r)
}

// authority is everything that says what a role may do.
type authority struct {
	policies []*Policy
	boundary *Policy // nil for a role without one
}

func authorityOf(tx *cloud.Tx, role *cloud.Resource) authority {
	var a authority
	in := Role.Of(role)
	for _, p := range in.InlinePolicies {
		a.add(p.Policy)
	}
	for _, r := range tx.List(role.Scope, rolePolicyToken) {
		if p := RolePolicy.Of(r); p.Role == role.ID {
			a.add(p.Policy)
		}
	}
	attached := slices.Clone(in.ManagedPolicyARNs)
	for _, r := range tx.List(role.Scope, rolePolicyAttachmentToken) {
		if at := RolePolicyAttachment.Of(r); at.Role == role.ID {
			attached = append(attached, at.PolicyARN)
		}
	}
	for _, name := range attached {
		if d, ok := managedPolicy(tx, role.Scope, name); ok {
			a.add(d)
		}
	}
	if in.PermissionsBoundary != "" {
		a.boundary = new(Policy) // one that has gone allows nothing
		if d, ok := managedPolicy(tx, role.Scope, in.PermissionsBoundary); ok {
			if p, err := d.identityPolicy(); err == nil {
				a.boundary = p
			}
		}
	}
	return a
}

func (a *authority) add(d document) {
	if p, err := d.identityPolicy(); err == nil { // checked when it was stored
		a.policies = append(a.policies, p)
	}
}

// denial tells why the role may not do what is asked: the end of the sentence that begins with "User: … is not authorized to
// perform: …". It is empty if the role may. A boundary allows nothing by itself.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
func (a authority) denial(r request) string {
	identity, boundary := decide(a.policies, r), permits
	if a.boundary != nil {
		boundary = decide([]*Policy{a.boundary}, r)
	}
	switch {
	case identity == refuses:
		return "with an explicit deny in an identity-based policy"
	case boundary == refuses:
		return "with an explicit deny in a permissions boundary"
	case identity == silent:
		return "because no identity-based policy allows the " + r.action + " action"
	case boundary == silent:
		return "because no permissions boundary allows the " + r.action + " action"
	}
	return ""
}
