package elbv2api

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Rule.html
type rule struct {
	ARN        string      `xml:"RuleArn"`
	Priority   string      `xml:"Priority"`
	IsDefault  bool        `xml:"IsDefault"`
	Conditions []condition `xml:"Conditions>member"`
	Actions    []action    `xml:"Actions>member"`
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html
type condition struct {
	Field   string   `xml:"Field"`
	Values  []string `xml:"Values>member"` // only for hosts and paths
	Host    *values  `xml:"HostHeaderConfig"`
	Path    *values  `xml:"PathPatternConfig"`
	Method  *values  `xml:"HttpRequestMethodConfig"`
	Source  *values  `xml:"SourceIpConfig"`
	Header  *header  `xml:"HttpHeaderConfig"`
	Queries *queries `xml:"QueryStringConfig"`
}

type values struct {
	Values []string `xml:"Values>member"`
}

type header struct {
	Name   string   `xml:"HttpHeaderName"`
	Values []string `xml:"Values>member"`
}

type queries struct {
	Values []query `xml:"Values>member"`
}

type query struct {
	Key   string `xml:"Key,omitempty"`
	Value string `xml:"Value"`
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeRules.html
func describeRules(r *api.Request) (any, error) {
	parent, arns := r.Form.Get("ListenerArn"), r.List("RuleArns")
	if err := r.Only("ListenerArn", "RuleArns", "Marker", "PageSize"); err != nil {
		return nil, err
	}
	if (parent == "") == (len(arns) == 0) {
		return nil, cloud.Errorf("ValidationError", "You must specify either listener rule ARNs or a listener ARN")
	}
	var out struct {
		Rules []rule `xml:"Rules>member"`
		Next  string `xml:"NextMarker,omitempty"`
	}
	return &out, r.View(func(tx *cloud.Tx) error {
		if err := look(r, tx); err != nil {
			return err
		}
		found, err := named(r, tx, elbv2.ListenerRule.Token, arns, elbv2.ListenerRule.NotFound)
		if err != nil {
			return err
		}
		var all []rule
		if parent != "" {
			l, err := named(r, tx, elbv2.Listener.Token, []string{parent}, elbv2.Listener.NotFound)
			if err != nil {
				return err
			}
			all = append(all, defaultRuleOf(l[0]))
			found = parts(tx.List(r.Caller.Scope, elbv2.ListenerRule.Token), "listenerArn", parent)
		}
		for _, f := range found {
			all = append(all, ruleOf(f))
		}
		out.Rules, out.Next, err = paged(r, all, func(r rule) string { return fmt.Sprintf("%7s %s", r.Priority, r.ARN) })
		return err
	})
}

// defaultRuleOf is a listener's default action, which AWS returns as a rule without conditions.
func defaultRuleOf(l *cloud.Resource) rule {
	sum := sha256.Sum256([]byte(l.ID))
	return rule{
		ARN:      strings.Replace(l.ID, ":listener/", ":listener-rule/", 1) + "/" + hex.EncodeToString(sum[:8]),
		Priority: "default", IsDefault: true, Actions: actionsOf(elbv2.Listener.Described(l).DefaultActions),
	}
}

func ruleOf(r *cloud.Resource) rule {
	in := elbv2.ListenerRule.Described(r)
	out := rule{ARN: r.ID, Priority: strconv.Itoa(elbv2.PriorityOf(r)), Actions: actionsOf(in.Actions)}
	for _, c := range in.Conditions {
		out.Conditions = append(out.Conditions, conditionOf(c))
	}
	return out
}

func conditionOf(c elbv2.Condition) condition {
	switch {
	case c.HostHeader != nil:
		return condition{Field: "host-header", Values: c.HostHeader.Values, Host: &values{c.HostHeader.Values}}
	case c.PathPattern != nil:
		return condition{Field: "path-pattern", Values: c.PathPattern.Values, Path: &values{c.PathPattern.Values}}
	case c.HTTPRequestMethod != nil:
		return condition{Field: "http-request-method", Method: &values{c.HTTPRequestMethod.Values}}
	case c.SourceIP != nil:
		return condition{Field: "source-ip", Source: &values{c.SourceIP.Values}}
	case c.HTTPHeader != nil:
		return condition{Field: "http-header", Header: &header{c.HTTPHeader.Name, c.HTTPHeader.Values}}
	}
	q := &queries{}
	for _, pair := range c.QueryStrings {
		q.Values = append(q.Values, query{pair.Key, pair.Value})
	}
	return condition{Field: "query-string", Queries: q}
}
