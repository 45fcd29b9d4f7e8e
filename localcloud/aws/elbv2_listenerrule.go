package aws

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"slipway/localcloud/cloud"
)

// Values are what a condition compares with; one of them has to match.
type Values struct {
	Values []string `json:"values"`
}

// HeaderValues are the values of a named header.
type HeaderValues struct {
	Name   string   `json:"httpHeaderName"`
	Values []string `json:"values"`
}

// QueryPair is a query parameter; an empty key stands for any.
type QueryPair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Condition is what a request must be like for a rule to apply. One of its fields is set.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
type Condition struct {
	HostHeader        *Values       `json:"hostHeader"`
	HTTPHeader        *HeaderValues `json:"httpHeader"`
	HTTPRequestMethod *Values       `json:"httpRequestMethod"`
	PathPattern       *Values       `json:"pathPattern"`
	QueryStrings      []QueryPair   `json:"queryStrings"`
	SourceIP          *Values       `json:"sourceIp"`
}

// The limits of a rule.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
const (
	minPriority       = 1
	maxPriority       = 50000
	defaultRule       = 99999 // stands for the default rule in the Terraform provider
	conditionValues   = 5
	conditionWildcard = 6
)

type listenerRule struct {
	ListenerARN string      `json:"listenerArn"`
	Priority    *int        `json:"priority"`
	Actions     []Action    `json:"actions"`
	Conditions  []Condition `json:"conditions"`
	Tags        tags        `json:"tags"`
}

// MaxRules is how many rules a load balancer has at most, default rules aside, unless the quota is raised.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
const MaxRules = 100

// withoutID returns a listener's ARN without its own id: what all listeners of a load balancer have in common.
func withoutID(listener string) string { return listener[:max(0, strings.LastIndex(listener, "/"))] }

// ListenerRule says what a listener does with the requests that meet its conditions. The lowest priority is tried first.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html
var ListenerRule = &cloud.Kind[listenerRule]{
	Spec: cloud.Spec{
		Token:    listenerRuleToken,
		Label:    "ELBv2 Listener Rule",
		Needs:    listenerRuleNeeds,
		Replace:  []string{"listenerArn"},
		Computed: []string{"priority"},
		Sets:     []string{"conditions"},
		Normal:   map[string]func(any) any{"actions": sortedLists, "conditions": sortedLists},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: notFound("RuleNotFound", "One or more rules not found (%s)"),
	},
	Check: func(in *listenerRule) []cloud.Failure {
		f := checkActions("actions", in.Actions)
		switch p := in.Priority; {
		case p == nil:
		case *p == defaultRule:
			f = append(f, notModelled("priority", "changing a listener's default rule"))
		case *p < minPriority || *p > maxPriority:
			f = append(f, cloud.Failure{
				Property: "priority",
				Reason: fmt.Sprintf("%q must be in the range %d-%d for normal rule or %d for the default rule",
					"priority", minPriority, maxPriority, defaultRule),
			})
		}
		for i, c := range in.Conditions {
			f = append(f, c.check(fmt.Sprintf("conditions[%d].", i))...)
		}
		return f
	},
	Refs: func(_ *cloud.Call, in *listenerRule) []cloud.Ref {
		return append(targetGroupRefs(in.Actions), cloud.Ref{Token: listenerToken, Value: in.ListenerARN, Weak: true})
	},
	Outputs: func(c *cloud.Call, in *listenerRule) (cloud.Map, error) {
		s, out := c.Caller.Scope, cloud.Map{"tagsAll": in.Tags.all(c)}
		if err := refuseConditions(in.Conditions); err != nil {
			return nil, err
		}
		actions, err := completeActions("actions", c.Resource.Inputs, in.Actions)
		if err != nil {
			return nil, err
		}
		out["actions"] = actions
		highest, others := 0, 0
		for _, r := range c.Tx.List(s, listenerRuleToken) {
			listener := cloud.InputsOf[listenerRule](r).ListenerARN
			if r.ID != c.Resource.ID && withoutID(listener) == withoutID(in.ListenerARN) { // of the same load balancer
				others++
			}
			if r.ID == c.Resource.ID || listener != in.ListenerARN {
				continue
			}
			other := PriorityOf(r)
			if in.Priority != nil && other == *in.Priority {
				return nil, cloud.Errorf("PriorityInUse", "Priority '%d' is currently in use", other)
			}
			highest = max(highest, other)
		}
		if c.Old == nil && others >= MaxRules {
			return nil, cloud.Errorf("TooManyRules", "The maximum number of rules on load balancer '%s' has been reached",
				strings.Replace(withoutID(in.ListenerARN), ":listener/", ":loadbalancer/", 1))
		}
		if in.Priority == nil && c.Old == nil {
			out["priority"] = float64(highest + 1)
		}
		parent := c.Find(cloud.Ref{Token: listenerToken, Value: in.ListenerARN})
		if err := forwardTo(c, loadBalancerOf(c.Tx, parent), forwardsTo(in.Actions)); err != nil {
			return nil, err
		}
		if c.Old == nil {
			c.Resource.ID = arn(s, "elasticloadbalancing",
				"listener-rule/"+strings.Join(arnParts(in.ListenerARN), "/")+"/"+randomHex(16))
			out["arn"] = c.Resource.ID
		}
		return out, nil
	},
	Delete: func(c *cloud.Call, _ *listenerRule) error { return forwardTo(c, nil, nil) },
}

var listenerRuleNeeds = needs{
	Create: func(o *operation) {
		if !o.given("priority") {
			o.any("elasticloadbalancing:DescribeRules") // for one that is free
		}
		createsPart(o, listenerToken, "listenerArn", "CreateRule", "listener-rule/")
	},
	Read: func(o *operation) { o.any("elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags") },
	Update: func(o *operation) {
		if o.changes("priority") {
			o.own("elasticloadbalancing:SetRulePriorities")
		}
		if o.changes("actions", "conditions") {
			o.own("elasticloadbalancing:ModifyRule")
		}
		retagsELB(o)
	},
	Delete: func(o *operation) { o.own("elasticloadbalancing:DeleteRule") },
}

// PriorityOf returns the priority that a rule has, whoever chose it.
func PriorityOf(rule *cloud.Resource) int {
	p, _ := rule.Outputs["priority"].(float64)
	return int(p)
}

// values returns the condition's values by field; more than one entry is a mistake.
func (c *Condition) values() map[string][]string {
	out := map[string][]string{}
	for field, v := range map[string]*Values{
		"hostHeader": c.HostHeader, "httpRequestMethod": c.HTTPRequestMethod, "pathPattern": c.PathPattern, "sourceIp": c.SourceIP,
	} {
		if v != nil {
			out[field] = v.Values
		}
	}
	if c.HTTPHeader != nil {
		out["httpHeader"] = c.HTTPHeader.Values
	}
	for _, q := range c.QueryStrings {
		out["queryStrings"] = append(out["queryStrings"], q.Key+q.Value)
	}
	return out
}

var (
	headerName    = regexp.MustCompile("^[0-9A-Za-z_!#$%&'*+,.^`|~-]{1,40}$")
	requestMethod = regexp.MustCompile(`^[A-Za-z-_]{1,40}$`)
)

// check holds what the Terraform provider refuses in a condition.
func (c *Condition) check(at string) []cloud.Failure {
	var f []cloud.Failure
	fields := c.values()
	if len(fields) > 1 {
		f = append(f, cloud.Failure{
			Property: strings.TrimSuffix(at, "."),
			Reason:   "Only one of host_header, http_header, http_request_method, path_pattern, query_string or source_ip can be set per condition",
		})
	}
	for _, field := range []string{"hostHeader", "httpHeader", "pathPattern"} {
		for i, v := range fields[field] {
			if v != "" {
				f = append(f, length(fmt.Sprintf("%s%s.values[%d]", at, field, i), v, 1, 128)...)
			}
		}
	}
	invalid := func(property string) {
		f = append(f, cloud.Failure{Property: at + property, Reason: "invalid value for " + at + property})
	}
	if h := c.HTTPHeader; h != nil && h.Name != "" && !headerName.MatchString(h.Name) {
		invalid("httpHeader.httpHeaderName")
	}
	for i, v := range fields["httpRequestMethod"] {
		if v != "" && !requestMethod.MatchString(v) {
			invalid(fmt.Sprintf("httpRequestMethod.values[%d]", i))
		}
	}
	for i, v := range fields["sourceIp"] {
		if p, err := netip.ParsePrefix(v); v != "" && (err != nil || p != p.Masked()) {
			invalid(fmt.Sprintf("sourceIp.values[%d]", i))
		}
	}
	return f
}

// The characters of host names and paths in conditions.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
var (
	hostCharacters = regexp.MustCompile(`^[A-Za-z0-9.*?-]+$`)
	pathCharacters = regexp.MustCompile(`^[A-Za-z0-9_.$/~"'@:+&*?-]+$`)
)

// refuseConditions applies the rules that AWS has for the conditions of one rule together.
func refuseConditions(conditions []Condition) error {
	if len(conditions) == 0 {
		return cloud.Errorf("ValidationError", "A condition must be specified")
	}
	values, wildcards := 0, 0
	var once []string // fields that a rule has at most once
	for _, c := range conditions {
		fields := c.values()
		if len(fields) == 0 {
			return errors.New("one of host_header, http_header, http_request_method, path_pattern, query_string or source_ip must be set per condition")
		}
		for field, texts := range fields {
			if field != "httpHeader" && field != "queryStrings" {
				if slices.Contains(once, field) {
					return cloud.Errorf("ValidationError", "A rule can only have one '%s' condition", hyphenated[field])
				}
				once = append(once, field)
			}
			if len(texts) == 0 {
				return cloud.Errorf("ValidationError", "A condition value must be specified")
			}
			values += len(texts)
			for _, text := range texts {
				if field == "hostHeader" && !hostCharacters.MatchString(text) || field == "pathPattern" && !pathCharacters.MatchString(text) {
					return cloud.Errorf("ValidationError", "Condition value '%s' contains a character that is not valid", text)
				}
				if field == "hostHeader" || field == "pathPattern" || field == "httpHeader" || field == "queryStrings" {
					wildcards += strings.Count(text, "*") + strings.Count(text, "?")
				}
			}
		}
	}
	if values > conditionValues {
		return cloud.Errorf("ValidationError", "A rule can only have '%d' condition values", conditionValues)
	}
	if wildcards > conditionWildcard {
		return cloud.Errorf("ValidationError", "A rule can only have '%d' condition wildcards", conditionWildcard)
	}
	return nil
}

// hyphenated are the API's names of the fields that a rule can have once.
var hyphenated = map[string]string{
	"hostHeader": "host-header", "httpRequestMethod": "http-request-method", "pathPattern": "path-pattern", "sourceIp": "source-ip",
}
