package api

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealthDescription.html
type targetHealth struct {
	ID          string            `xml:"Target>Id"`
	Port        int               `xml:"Target>Port"`
	State       elbv2.TargetState `xml:"TargetHealth>State"`
	Reason      string            `xml:"TargetHealth>Reason,omitempty"`
	Description string            `xml:"TargetHealth>Description,omitempty"`
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html
func describeTargetHealth(r *request) (any, error) {
	const group = "TargetGroupArn"
	if err := r.only(group); err != nil {
		return nil, err
	}
	var out struct {
		Targets []targetHealth `xml:"TargetHealthDescriptions>member"`
	}
	return &out, r.view(func(tx *cloud.Tx) error {
		if err := r.may(tx, iam.Look{Action: "elasticloadbalancing:DescribeTargetHealth"}); err != nil {
			return err
		}
		found := tx.Get(cloud.Key{Scope: r.caller.Scope, Token: elbv2.TargetGroup.Token, ID: r.form.Get(group)})
		if found == nil {
			return cloud.Errorf("TargetGroupNotFound", "Target groups '[%s]' not found", r.form.Get(group))
		}
		for _, t := range cloud.StatusOf[elbv2.TargetGroupStatus](found).Targets {
			out.Targets = append(out.Targets, targetHealth{t.ID, t.Port, t.State, t.Reason, t.Description})
		}
		return nil
	})
}

// elbPage is the page size of Elastic Load Balancing's lists.
const elbPage = 400

// elbPaged returns the page of a list that the request asks for, and the marker of the next one.
func elbPaged[T any](r *request, all []T, key func(T) string) ([]T, string, error) {
	size := elbPage
	if given := r.form.Get("PageSize"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 || n > elbPage {
			return nil, "", cloud.Errorf("ValidationError", "1 validation error detected: Value '%s' at 'pageSize' failed to satisfy constraint: "+
				"Member must have value between 1 and %d", given, elbPage)
		}
		size = n
	}
	some, next, ok := pageOf(all, key, size, r.form.Get("Marker"))
	if !ok {
		return nil, "", cloud.Errorf("ValidationError", "The marker is not valid")
	}
	return some, next, nil
}

// look refuses a caller who may not call the operation. None of these can be allowed for one resource and not for another.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
func (r *request) look(tx *cloud.Tx) error {
	return r.may(tx, iam.Look{Action: "elasticloadbalancing:" + r.form.Get("Action")})
}

// named returns the resources of a kind with the ids, or refuses one that is not there.
func (r *request) named(tx *cloud.Tx, token string, ids []string, missing func(string) *cloud.Error) ([]*cloud.Resource, error) {
	var out []*cloud.Resource
	for _, id := range ids {
		found := tx.Get(cloud.Key{Scope: r.caller.Scope, Token: token, ID: id})
		if found == nil {
			return nil, missing(id)
		}
		out = append(out, found)
	}
	return out, nil
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Limit.html
type limit struct {
	Name string `xml:"Name"`
	Max  int    `xml:"Max"`
}

// describeAccountLimits tells of those limits that the local cloud has.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeAccountLimits.html
func describeAccountLimits(r *request) (any, error) {
	if err := r.only("Marker", "PageSize"); err != nil {
		return nil, err
	}
	var out struct {
		Limits []limit `xml:"Limits>member"`
	}
	out.Limits = []limit{{"rules-per-application-load-balancer", elbv2.MaxRules}}
	return &out, r.view(r.look)
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancer.html
type loadBalancer struct {
	ARN            string   `xml:"LoadBalancerArn"`
	Name           string   `xml:"LoadBalancerName"`
	DNSName        string   `xml:"DNSName"`
	HostedZone     string   `xml:"CanonicalHostedZoneId"`
	Scheme         string   `xml:"Scheme"`
	Type           string   `xml:"Type"`
	VPC            string   `xml:"VpcId"`
	AddressType    string   `xml:"IpAddressType"`
	State          string   `xml:"State>Code"`
	Reason         string   `xml:"State>Reason,omitempty"`
	SecurityGroups []string `xml:"SecurityGroups>member"`
	Zones          []zone   `xml:"AvailabilityZones>member"`
}

type zone struct {
	Name   string `xml:"ZoneName"`
	Subnet string `xml:"SubnetId"`
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html
func describeLoadBalancers(r *request) (any, error) {
	arns, names := r.list("LoadBalancerArns"), r.list("Names")
	if err := r.only("LoadBalancerArns", "Names", "Marker", "PageSize"); err != nil {
		return nil, err
	}
	if len(arns) > 0 && len(names) > 0 {
		return nil, cloud.Errorf("ValidationError", "Load balancer names and load balancer ARNs cannot be specified at the same time")
	}
	var out struct {
		LoadBalancers []loadBalancer `xml:"LoadBalancers>member"`
		Next          string         `xml:"NextMarker,omitempty"`
	}
	return &out, r.view(func(tx *cloud.Tx) error {
		if err := r.look(tx); err != nil {
			return err
		}
		all := tx.List(r.caller.Scope, elbv2.LoadBalancer.Token)
		for _, name := range names {
			i := slices.IndexFunc(all, func(b *cloud.Resource) bool { return elbv2.LoadBalancer.Outputs(b).Name == name })
			if i < 0 {
				return elbv2.LoadBalancer.NotFound(name)
			}
			arns = append(arns, all[i].ID)
		}
		if len(arns) > 0 {
			var err error
			if all, err = r.named(tx, elbv2.LoadBalancer.Token, arns, elbv2.LoadBalancer.NotFound); err != nil {
				return err
			}
		}
		some, next, err := elbPaged(r, all, func(b *cloud.Resource) string { return b.ID })
		if err != nil {
			return err
		}
		for _, b := range some {
			out.LoadBalancers = append(out.LoadBalancers, loadBalancerOf(tx, b))
		}
		out.Next = next
		return nil
	})
}

func loadBalancerOf(tx *cloud.Tx, r *cloud.Resource) loadBalancer {
	in, out, status := elbv2.LoadBalancer.Described(r), elbv2.LoadBalancer.Outputs(r), cloud.StatusOf[elbv2.LoadBalancerStatus](r)
	b := loadBalancer{
		ARN: r.ID, Name: in.Name, DNSName: out.DNSName, HostedZone: out.ZoneID, Scheme: "internet-facing", Type: in.LoadBalancerType,
		VPC: out.VPCID, AddressType: in.IPAddressType, State: string(status.State), Reason: status.Reason, SecurityGroups: in.SecurityGroups,
	}
	if in.Internal {
		b.Scheme = "internal"
	}
	for _, id := range in.Subnets {
		name := ""
		if s := tx.Get(cloud.Key{Scope: r.Scope, Token: ec2.Subnet.Token, ID: id}); s != nil {
			name = ec2.Subnet.Outputs(s).AvailabilityZone
		}
		b.Zones = append(b.Zones, zone{name, id})
	}
	return b
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TagDescription.html
type tagDescription struct {
	ARN  string `xml:"ResourceArn"`
	Tags []tag  `xml:"Tags>member"`
}

type tag struct {
	Key   string `xml:"Key"`
	Value string `xml:"Value"`
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html
func describeTags(r *request) (any, error) {
	const most = 20
	arns := r.list("ResourceArns")
	if err := r.only("ResourceArns"); err != nil {
		return nil, err
	}
	if len(arns) == 0 || len(arns) > most {
		return nil, cloud.Errorf("ValidationError", "The number of resource ARNs must be between 1 and %d, got %d", most, len(arns))
	}
	var out struct {
		Tags []tagDescription `xml:"TagDescriptions>member"`
	}
	return &out, r.view(func(tx *cloud.Tx) error {
		if err := r.look(tx); err != nil {
			return err
		}
		for _, arn := range arns {
			kind := elbKindOf(arn)
			if kind == nil {
				return cloud.Errorf("ValidationError", "'%s' is not a valid resource ARN", arn)
			}
			found, err := r.named(tx, kind.token, []string{arn}, kind.missing)
			if err != nil {
				return err
			}
			d := tagDescription{ARN: arn}
			tags, _ := found[0].Outputs["tagsAll"].(cloud.Map)
			for key, value := range tags {
				v, _ := value.(string)
				d.Tags = append(d.Tags, tag{key, v})
			}
			slices.SortFunc(d.Tags, func(a, b tag) int { return cmp.Compare(a.Key, b.Key) })
			out.Tags = append(out.Tags, d)
		}
		return nil
	})
}

// elbKind is a kind of resource that Elastic Load Balancing tells the tags of.
type elbKind struct {
	in      string // its ARNs
	token   string
	missing func(string) *cloud.Error
}

func elbKindOf(arn string) *elbKind {
	for _, k := range []elbKind{
		{":loadbalancer/", elbv2.LoadBalancer.Token, elbv2.LoadBalancer.NotFound},
		{":targetgroup/", elbv2.TargetGroup.Token, elbv2.TargetGroup.NotFound},
		{":listener/", elbv2.Listener.Token, elbv2.Listener.NotFound},
		{":listener-rule/", elbv2.ListenerRule.Token, elbv2.ListenerRule.NotFound},
	} {
		if strings.Contains(arn, k.in) {
			return &k
		}
	}
	return nil
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Listener.html
type listener struct {
	ARN             string        `xml:"ListenerArn"`
	LoadBalancerARN string        `xml:"LoadBalancerArn"`
	Port            int           `xml:"Port"`
	Protocol        string        `xml:"Protocol"`
	SSLPolicy       string        `xml:"SslPolicy,omitempty"`
	Certificates    []certificate `xml:"Certificates>member"`
	Default         []action      `xml:"DefaultActions>member"`
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Certificate.html
type certificate struct {
	ARN       string `xml:"CertificateArn"`
	IsDefault *bool  `xml:"IsDefault"` // told only where listener certificates are described
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeListeners.html
func describeListeners(r *request) (any, error) {
	balancer, arns := r.form.Get("LoadBalancerArn"), r.list("ListenerArns")
	if err := r.only("LoadBalancerArn", "ListenerArns", "Marker", "PageSize"); err != nil {
		return nil, err
	}
	if (balancer == "") == (len(arns) == 0) {
		return nil, cloud.Errorf("ValidationError", "You must specify either listener ARNs or a load balancer ARN")
	}
	var out struct {
		Listeners []listener `xml:"Listeners>member"`
		Next      string     `xml:"NextMarker,omitempty"`
	}
	return &out, r.view(func(tx *cloud.Tx) error {
		if err := r.look(tx); err != nil {
			return err
		}
		all, err := r.named(tx, elbv2.Listener.Token, arns, elbv2.Listener.NotFound)
		if err != nil {
			return err
		}
		if balancer != "" {
			if _, err := r.named(tx, elbv2.LoadBalancer.Token, []string{balancer}, elbv2.LoadBalancer.NotFound); err != nil {
				return err
			}
			all = parts(tx.List(r.caller.Scope, elbv2.Listener.Token), "loadBalancerArn", balancer)
		}
		some, next, err := elbPaged(r, all, func(l *cloud.Resource) string { return l.ID })
		if err != nil {
			return err
		}
		for _, l := range some {
			out.Listeners = append(out.Listeners, listenerOf(l))
		}
		out.Next = next
		return nil
	})
}

// parts returns those that belong to what an input names.
func parts(all []*cloud.Resource, input, of string) []*cloud.Resource {
	return slices.DeleteFunc(slices.Clone(all), func(r *cloud.Resource) bool { return r.Inputs[input] != of })
}

func listenerOf(r *cloud.Resource) listener {
	in := elbv2.Listener.Described(r)
	l := listener{
		ARN: r.ID, LoadBalancerARN: in.LoadBalancerARN, Port: *in.Port, Protocol: in.Protocol, SSLPolicy: in.SSLPolicy, Default: actionsOf(in.DefaultActions),
	}
	if in.CertificateARN != "" {
		l.Certificates = []certificate{{ARN: in.CertificateARN}}
	}
	return l
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeListenerCertificates.html
func describeListenerCertificates(r *request) (any, error) {
	const arn = "ListenerArn"
	if err := r.only(arn, "Marker", "PageSize"); err != nil {
		return nil, err
	}
	var out struct {
		Certificates []certificate `xml:"Certificates>member"`
		Next         string        `xml:"NextMarker,omitempty"`
	}
	return &out, r.view(func(tx *cloud.Tx) error {
		if err := r.look(tx); err != nil {
			return err
		}
		found, err := r.named(tx, elbv2.Listener.Token, []string{r.form.Get(arn)}, elbv2.Listener.NotFound)
		if err != nil {
			return err
		}
		var all []certificate
		yes, no := true, false
		if first := elbv2.Listener.Inputs(found[0]).CertificateARN; first != "" {
			all = append(all, certificate{first, &yes})
		}
		for _, listed := range elbv2.CertificatesOf(tx, found[0]) {
			all = append(all, certificate{listed, &no})
		}
		out.Certificates, out.Next, err = elbPaged(r, all, func(c certificate) string { return fmt.Sprint(!*c.IsDefault, c.ARN) })
		return err
	})
}

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
	Values  []string `xml:"Values>member"` // of hosts and paths alone
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
func describeRules(r *request) (any, error) {
	parent, arns := r.form.Get("ListenerArn"), r.list("RuleArns")
	if err := r.only("ListenerArn", "RuleArns", "Marker", "PageSize"); err != nil {
		return nil, err
	}
	if (parent == "") == (len(arns) == 0) {
		return nil, cloud.Errorf("ValidationError", "You must specify either listener rule ARNs or a listener ARN")
	}
	var out struct {
		Rules []rule `xml:"Rules>member"`
		Next  string `xml:"NextMarker,omitempty"`
	}
	return &out, r.view(func(tx *cloud.Tx) error {
		if err := r.look(tx); err != nil {
			return err
		}
		found, err := r.named(tx, elbv2.ListenerRule.Token, arns, elbv2.ListenerRule.NotFound)
		if err != nil {
			return err
		}
		var all []rule
		if parent != "" {
			l, err := r.named(tx, elbv2.Listener.Token, []string{parent}, elbv2.Listener.NotFound)
			if err != nil {
				return err
			}
			all = append(all, defaultRuleOf(l[0]))
			found = parts(tx.List(r.caller.Scope, elbv2.ListenerRule.Token), "listenerArn", parent)
		}
		for _, f := range found {
			all = append(all, ruleOf(f))
		}
		out.Rules, out.Next, err = elbPaged(r, all, func(r rule) string { return fmt.Sprintf("%7s %s", r.Priority, r.ARN) })
		return err
	})
}

// defaultRuleOf is what a listener does by default, which AWS tells as a rule without conditions.
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

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html
type action struct {
	Type           string    `xml:"Type"`
	Order          int       `xml:"Order"`
	TargetGroupARN string    `xml:"TargetGroupArn,omitempty"`
	Forward        *forward  `xml:"ForwardConfig"`
	Redirect       *redirect `xml:"RedirectConfig"`
	Fixed          *fixed    `xml:"FixedResponseConfig"`
}

type forward struct {
	Groups []weighted `xml:"TargetGroups>member"`
	Sticky bool       `xml:"TargetGroupStickinessConfig>Enabled"`
}

type weighted struct {
	ARN    string `xml:"TargetGroupArn"`
	Weight int    `xml:"Weight"`
}

type redirect struct {
	Protocol   string `xml:"Protocol"`
	Host       string `xml:"Host"`
	Port       string `xml:"Port"`
	Path       string `xml:"Path"`
	Query      string `xml:"Query"`
	StatusCode string `xml:"StatusCode"`
}

type fixed struct {
	ContentType string `xml:"ContentType"`
	MessageBody string `xml:"MessageBody"`
	StatusCode  string `xml:"StatusCode"`
}

// actionsOf tells of a single target group in both of the ways there are, as AWS does.
func actionsOf(in []elbv2.Action) []action {
	var out []action
	for _, a := range in {
		told := action{Type: a.Type, Order: 1}
		if a.Order != nil {
			told.Order = *a.Order
		}
		if shares := a.Shares(); len(shares) > 0 {
			told.Forward = &forward{}
			for _, s := range shares {
				told.Forward.Groups = append(told.Forward.Groups, weighted{s.ARN, s.Weight})
			}
			if len(shares) == 1 {
				told.TargetGroupARN = shares[0].ARN
			}
		}
		if r := a.Redirect; r != nil {
			told.Redirect = &redirect{Protocol: r.Protocol, Host: r.Host, Port: r.Port, Path: r.Path, StatusCode: r.StatusCode}
			if r.Query != nil {
				told.Redirect.Query = *r.Query
			}
		}
		if f := a.FixedResponse; f != nil {
			told.Fixed = &fixed{f.ContentType, f.MessageBody, f.StatusCode}
		}
		out = append(out, told)
	}
	return out
}
