package elbv2

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/cloud"
)

// Values are a condition's values; one of them must match.
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

// Condition is a condition for a rule to apply to a request. One of its fields is set.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
type Condition struct {
	HostHeader        *Values       `json:"hostHeader"`
	HTTPHeader        *HeaderValues `json:"httpHeader"`
	HTTPRequestMethod *Values       `json:"httpRequestMethod"`
	PathPattern       *Values       `json:"pathPattern"`
	QueryStrings      []QueryPair   `json:"queryStrings"`
	SourceIP          *Values       `json:"sourceIp"`
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

// check has the Terraform provider's refusals in a condition.
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
				f = append(f, check.Length(fmt.Sprintf("%s%s.values[%d]", at, field, i), v, 1, 128)...)
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
		for _, field := range slices.Sorted(maps.Keys(fields)) {
			texts := fields[field]
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
