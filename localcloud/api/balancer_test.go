package api_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	localacm "slipway/localcloud/aws/acm"
	"slipway/localcloud/ca"
	"slipway/localcloud/cloud"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// front is a load balancer with all its parts, by their names in the tests.
type front struct {
	*world
	arn map[string]string
}

func newFront(t *testing.T) *front {
	t.Helper()
	f := &front{world: newWorld(t), arn: map[string]string{}}
	vpc := f.make("vpc", "aws:ec2/vpc:Vpc", cloud.Map{"cidrBlock": "10.0.0.0/16"})
	f.make("gateway", "aws:ec2/internetGateway:InternetGateway", cloud.Map{"vpcId": vpc})
	var subnets []any
	for i, zone := range []string{"a", "b"} {
		subnets = append(subnets, f.make("subnet "+zone, "aws:ec2/subnet:Subnet", cloud.Map{
			"vpcId": vpc, "cidrBlock": fmt.Sprintf("10.0.%d.0/24", i), "availabilityZone": region + zone,
		}))
	}
	for _, name := range []string{"one", "two", "three"} {
		f.make(name, "aws:lb/loadBalancer:LoadBalancer", cloud.Map{"name": name, "subnets": subnets, "tags": cloud.Map{"Stack": name, "Project": "p"}})
	}
	f.certificate("first", "one.test")
	f.certificate("second", "two.test", "*.two.test")
	f.make("pending", "aws:acm/certificate:Certificate", cloud.Map{
		"domainName": "three.test", "validationMethod": "DNS", "keyAlgorithm": "EC_prime256v1", "tags": cloud.Map{"Stack": "one", "Name": "three"},
	})
	f.make("http", "aws:lb/listener:Listener", cloud.Map{"loadBalancerArn": f.arn["one"], "port": 80.0, "defaultActions": []any{cloud.Map{
		"type": "redirect", "redirect": cloud.Map{"statusCode": "HTTP_301", "protocol": "HTTPS", "port": "443"},
	}}})
	f.make("https", "aws:lb/listener:Listener", cloud.Map{
		"loadBalancerArn": f.arn["one"], "port": 443.0, "protocol": "HTTPS", "certificateArn": f.arn["first"], "defaultActions": []any{cloud.Map{
			"type": "fixed-response", "fixedResponse": cloud.Map{"contentType": "text/plain", "statusCode": "404", "messageBody": "no"},
		}},
	})
	f.make("listed", "aws:lb/listenerCertificate:ListenerCertificate", cloud.Map{"listenerArn": f.arn["https"], "certificateArn": f.arn["second"]})
	for _, g := range []string{"blue", "green"} {
		f.make(g, "aws:lb/targetGroup:TargetGroup", cloud.Map{"name": g, "vpcId": vpc, "targetType": "ip", "protocol": "HTTP", "port": 80.0})
	}
	f.make("rule", "aws:lb/listenerRule:ListenerRule", cloud.Map{
		"listenerArn": f.arn["https"], "priority": 200.0,
		"conditions": []any{
			cloud.Map{"hostHeader": cloud.Map{"values": []any{"one.test"}}},
			cloud.Map{"pathPattern": cloud.Map{"values": []any{"/a/*"}}},
			cloud.Map{"httpHeader": cloud.Map{"httpHeaderName": "X-Canary", "values": []any{"always"}}},
			cloud.Map{"queryStrings": []any{cloud.Map{"key": "k", "value": "v"}}},
		},
		"actions": []any{cloud.Map{"type": "forward", "forward": cloud.Map{"targetGroups": []any{
			cloud.Map{"arn": f.arn["blue"], "weight": 90.0}, cloud.Map{"arn": f.arn["green"], "weight": 10.0},
		}}}},
	})
	f.make("early", "aws:lb/listenerRule:ListenerRule", cloud.Map{
		"listenerArn": f.arn["https"], "priority": 9.0, "tags": cloud.Map{"Service": "hello"},
		"conditions": []any{
			cloud.Map{"httpRequestMethod": cloud.Map{"values": []any{"GET"}}}, cloud.Map{"sourceIp": cloud.Map{"values": []any{"10.0.0.0/8"}}},
		},
		"actions": []any{cloud.Map{"type": "forward", "targetGroupArn": f.arn["blue"]}},
	})
	return f
}

func (f *front) make(what, token string, in cloud.Map) string {
	f.t.Helper()
	f.arn[what] = f.create(token, in).ID
	return f.arn[what]
}

// certificate makes an issued certificate.
func (f *front) certificate(what string, names ...any) {
	f.t.Helper()
	authority, err := ca.Open(f.t.TempDir())
	if err != nil {
		f.t.Fatal(err)
	}
	pair, err := authority.Issue([]string{names[0].(string)})
	if err != nil {
		f.t.Fatal(err)
	}
	r := f.create("aws:acm/certificate:Certificate", cloud.Map{"domainName": names[0], "subjectAlternativeNames": names, "validationMethod": "DNS"})
	f.arn[what] = r.ID
	if err := f.cloud.Store.Update(func(tx *cloud.Tx) error { return localacm.IssueCertificate(tx, r.Key, pair) }); err != nil {
		f.t.Fatal(err)
	}
}

// is returns the tests' name of an ARN.
func (f *front) is(arn *string) string {
	for what, a := range f.arn {
		if a == *arn {
			return what
		}
	}
	return *arn
}

func TestLoadBalancers(t *testing.T) {
	f := newFront(t)
	client := elb.NewFromConfig(f.config())
	var names []string
	pages := elb.NewDescribeLoadBalancersPaginator(client, &elb.DescribeLoadBalancersInput{PageSize: sdk.Int32(2)})
	n := 0
	for ; pages.HasMorePages(); n++ {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range out.LoadBalancers {
			names = append(names, *b.LoadBalancerName)
		}
	}
	if slices.Sort(names); n != 2 || !slices.Equal(names, []string{"one", "three", "two"}) {
		t.Errorf("%d pages of %v", n, names)
	}
	for _, in := range []*elb.DescribeLoadBalancersInput{{LoadBalancerArns: []string{f.arn["one"]}}, {Names: []string{"one"}}} {
		out, err := client.DescribeLoadBalancers(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		b := out.LoadBalancers[0]
		if len(out.LoadBalancers) != 1 || f.is(b.LoadBalancerArn) != "one" || !strings.HasSuffix(*b.DNSName, ".elb.amazonaws.com") || b.State.Code != "provisioning" ||
			b.Scheme != "internet-facing" || b.Type != "application" || f.is(b.VpcId) != "vpc" || b.IpAddressType != "ipv4" ||
			len(b.AvailabilityZones) != 2 || *b.AvailabilityZones[0].ZoneName != region+"a" || len(b.SecurityGroups) != 1 {
			t.Errorf("%+v: %+v", in, b)
		}
	}
}

func TestAccountLimits(t *testing.T) {
	out, err := elb.NewFromConfig(newWorld(t).config()).DescribeAccountLimits(t.Context(), &elb.DescribeAccountLimitsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Limits) != 1 || sdk.ToString(out.Limits[0].Name) != "rules-per-application-load-balancer" || sdk.ToString(out.Limits[0].Max) != "100" {
		t.Errorf("limits %v", out.Limits)
	}
}

func TestTags(t *testing.T) {
	f := newFront(t)
	out, err := elb.NewFromConfig(f.config()).DescribeTags(t.Context(), &elb.DescribeTagsInput{
		ResourceArns: []string{f.arn["one"], f.arn["early"], f.arn["https"], f.arn["blue"]},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range out.TagDescriptions {
		for _, tag := range d.Tags {
			got = append(got, f.is(d.ResourceArn)+" "+*tag.Key+"="+*tag.Value)
		}
	}
	if len(out.TagDescriptions) != 4 || !slices.Equal(got, []string{"one Project=p", "one Stack=one", "early Service=hello"}) {
		t.Errorf("tags %v of %d resources", got, len(out.TagDescriptions))
	}
}

func TestListeners(t *testing.T) {
	f := newFront(t)
	client := elb.NewFromConfig(f.config())
	out, err := client.DescribeListeners(t.Context(), &elb.DescribeListenersInput{LoadBalancerArn: sdk.String(f.arn["one"])})
	if err != nil || len(out.Listeners) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	out, err = client.DescribeListeners(t.Context(), &elb.DescribeListenersInput{ListenerArns: []string{f.arn["https"], f.arn["http"]}})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(out.Listeners, func(a, b elbtypes.Listener) int { return int(*b.Port - *a.Port) })
	secure, plain := out.Listeners[0], out.Listeners[1]
	if *secure.Port != 443 || secure.Protocol != "HTTPS" || *secure.SslPolicy == "" || f.is(secure.Certificates[0].CertificateArn) != "first" ||
		secure.Certificates[0].IsDefault != nil || *secure.DefaultActions[0].FixedResponseConfig.MessageBody != "no" || f.is(secure.LoadBalancerArn) != "one" {
		t.Errorf("the secure one: %+v", secure)
	}
	if a := plain.DefaultActions[0]; *plain.Port != 80 || a.Type != "redirect" || a.RedirectConfig.StatusCode != "HTTP_301" || *a.RedirectConfig.Port != "443" {
		t.Errorf("the plain one: %+v", plain)
	}
	certificates, err := client.DescribeListenerCertificates(t.Context(), &elb.DescribeListenerCertificatesInput{ListenerArn: sdk.String(f.arn["https"])})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range certificates.Certificates {
		got = append(got, fmt.Sprint(f.is(c.CertificateArn), " ", *c.IsDefault))
	}
	if !slices.Equal(got, []string{"first true", "second false"}) {
		t.Errorf("its certificates: %v", got)
	}
}

func TestRules(t *testing.T) {
	f := newFront(t)
	client := elb.NewFromConfig(f.config())
	pages := elb.NewDescribeRulesPaginator(client, &elb.DescribeRulesInput{ListenerArn: sdk.String(f.arn["https"]), PageSize: sdk.Int32(2)})
	var rules []elbtypes.Rule
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, out.Rules...)
	}
	var got []string
	for _, r := range rules {
		var fields []string
		for _, c := range r.Conditions {
			fields = append(fields, *c.Field)
		}
		slices.Sort(fields)
		got = append(got, fmt.Sprint(f.is(r.RuleArn) == "rule", " ", *r.Priority, " ", *r.IsDefault, " ", fields))
	}
	want := []string{
		"false 9 false [http-request-method source-ip]", "true 200 false [host-header http-header path-pattern query-string]", "false default true []",
	}
	if !slices.Equal(got, want) {
		t.Fatalf("rules\n%s, want\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	single, shared := rules[0].Actions[0], rules[1].Actions[0]
	if f.is(single.TargetGroupArn) != "blue" || f.is(single.ForwardConfig.TargetGroups[0].TargetGroupArn) != "blue" {
		t.Errorf("to one target group: %+v", single)
	}
	if groups := shared.ForwardConfig.TargetGroups; shared.TargetGroupArn != nil || len(groups) != 2 || *groups[0].Weight+*groups[1].Weight != 100 {
		t.Errorf("to two target groups: %+v", shared)
	}
	for _, c := range rules[1].Conditions {
		switch *c.Field {
		case "host-header":
			if c.Values[0] != "one.test" || c.HostHeaderConfig.Values[0] != "one.test" {
				t.Errorf("host: %+v", c)
			}
		case "http-header":
			if *c.HttpHeaderConfig.HttpHeaderName != "X-Canary" || c.HttpHeaderConfig.Values[0] != "always" {
				t.Errorf("header: %+v", c)
			}
		case "query-string":
			if q := c.QueryStringConfig.Values[0]; *q.Key != "k" || *q.Value != "v" {
				t.Errorf("query: %+v", c)
			}
		}
	}
	one, err := client.DescribeRules(t.Context(), &elb.DescribeRulesInput{RuleArns: []string{f.arn["early"]}})
	if err != nil || len(one.Rules) != 1 || *one.Rules[0].Priority != "9" {
		t.Errorf("by ARN: %+v, %v", one, err)
	}
}

func TestCertificates(t *testing.T) {
	f := newFront(t)
	client := acm.NewFromConfig(f.config())
	list := func(in *acm.ListCertificatesInput) []string {
		t.Helper()
		var got []string
		for pages := acm.NewListCertificatesPaginator(client, in); pages.HasMorePages(); {
			out, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range out.CertificateSummaryList {
				got = append(got, fmt.Sprint(f.is(c.CertificateArn), " ", c.SubjectAlternativeNameSummaries, " ", c.Status, " ", *c.InUse))
			}
		}
		slices.Sort(got)
		return got
	}
	rsa := []string{"first [one.test] ISSUED true", "second [two.test *.two.test] ISSUED true"}
	if got := list(&acm.ListCertificatesInput{MaxItems: sdk.Int32(1)}); !slices.Equal(got, rsa) {
		t.Errorf("those with RSA: %v", got)
	}
	elliptic := &acm.ListCertificatesInput{Includes: &acmtypes.Filters{KeyTypes: []acmtypes.KeyAlgorithm{"EC_prime256v1"}}}
	if got := list(elliptic); !slices.Equal(got, []string{"pending [three.test] PENDING_VALIDATION false"}) {
		t.Errorf("those with elliptic curves: %v", got)
	}
	elliptic.CertificateStatuses = []acmtypes.CertificateStatus{"ISSUED"}
	if got := list(elliptic); len(got) != 0 {
		t.Errorf("those of them that are issued: %v", got)
	}
	for what, want := range map[string]string{"second": "ISSUED SUCCESS 2 1", "pending": "PENDING_VALIDATION PENDING_VALIDATION 1 0"} {
		out, err := client.DescribeCertificate(t.Context(), &acm.DescribeCertificateInput{CertificateArn: sdk.String(f.arn[what])})
		if err != nil {
			t.Fatal(err)
		}
		c := out.Certificate
		v := c.DomainValidationOptions[0]
		got := fmt.Sprint(c.Status, " ", v.ValidationStatus, " ", len(c.SubjectAlternativeNames), " ", len(c.InUseBy))
		if got != want || c.CreatedAt == nil || (c.NotAfter != nil) != (what == "second") || v.ResourceRecord.Type != "CNAME" || v.ValidationMethod != "DNS" {
			t.Errorf("%s: %s, want %s: %+v", what, got, want, c)
		}
	}
	tagged, err := client.ListTagsForCertificate(t.Context(), &acm.ListTagsForCertificateInput{CertificateArn: sdk.String(f.arn["pending"])})
	if err != nil || len(tagged.Tags) != 2 || *tagged.Tags[0].Key+*tagged.Tags[0].Value+*tagged.Tags[1].Value != "Namethreeone" {
		t.Errorf("its tags: %+v, %v", tagged, err)
	}
}

// Each request is one of IAM's actions.
func TestPermissionsForBalancers(t *testing.T) {
	f := newFront(t)
	asked := func(cfg sdk.Config) map[string]func(context.Context) error {
		lb, certificates := elb.NewFromConfig(cfg), acm.NewFromConfig(cfg)
		return map[string]func(context.Context) error{
			"elasticloadbalancing:DescribeLoadBalancers": func(ctx context.Context) error {
				_, err := lb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{})
				return err
			},
			"elasticloadbalancing:DescribeAccountLimits": func(ctx context.Context) error {
				_, err := lb.DescribeAccountLimits(ctx, &elb.DescribeAccountLimitsInput{})
				return err
			},
			"elasticloadbalancing:DescribeTags": func(ctx context.Context) error {
				_, err := lb.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: []string{f.arn["one"]}})
				return err
			},
			"elasticloadbalancing:DescribeListeners": func(ctx context.Context) error {
				_, err := lb.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: sdk.String(f.arn["one"])})
				return err
			},
			"elasticloadbalancing:DescribeListenerCertificates": func(ctx context.Context) error {
				_, err := lb.DescribeListenerCertificates(ctx, &elb.DescribeListenerCertificatesInput{ListenerArn: sdk.String(f.arn["https"])})
				return err
			},
			"elasticloadbalancing:DescribeRules": func(ctx context.Context) error {
				_, err := lb.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: sdk.String(f.arn["https"])})
				return err
			},
			"acm:ListCertificates": func(ctx context.Context) error {
				_, err := certificates.ListCertificates(ctx, &acm.ListCertificatesInput{})
				return err
			},
			"acm:DescribeCertificate": func(ctx context.Context) error {
				_, err := certificates.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: sdk.String(f.arn["first"])})
				return err
			},
			"acm:ListTagsForCertificate": func(ctx context.Context) error {
				_, err := certificates.ListTagsForCertificate(ctx, &acm.ListTagsForCertificateInput{CertificateArn: sdk.String(f.arn["first"])})
				return err
			},
		}
	}
	n := 0
	for action := range asked(f.config()) {
		n++
		for other, ask := range asked(f.role(fmt.Sprintf("b%d", n), `"`+action+`"`)) {
			err := ask(t.Context())
			if action == other && err != nil {
				t.Errorf("%s is allowed, and refused: %v", other, err)
			}
			if action != other && (!strings.HasPrefix(code(err), "AccessDenied") || !strings.Contains(err.Error(), "is not authorized to perform: "+other)) {
				t.Errorf("%s alone is allowed; %s: %v", action, other, err)
			}
		}
	}
}

func TestRefusalsOfBalancers(t *testing.T) {
	f := newFront(t)
	lb, certificates := elb.NewFromConfig(f.config()), acm.NewFromConfig(f.config())
	ctx, gone := t.Context(), sdk.String("arn:aws:elasticloadbalancing"+arns+"listener/app/gone/1/2")
	ask := func(_ any, err error) error { return err }
	for name, test := range map[string]struct {
		err  error
		code string
	}{
		"no such load balancer":     {ask(lb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{"gone"}})), "LoadBalancerNotFound"},
		"no such name":              {ask(lb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{Names: []string{"gone"}})), "LoadBalancerNotFound"},
		"names and ARNs":            {ask(lb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{Names: []string{"one"}, LoadBalancerArns: []string{f.arn["one"]}})), "ValidationError"},
		"a page of none":            {ask(lb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{PageSize: sdk.Int32(0)})), "ValidationError"},
		"a page of too many":        {ask(lb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{PageSize: sdk.Int32(401)})), "ValidationError"},
		"a marker that is none":     {ask(lb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{Marker: sdk.String("?")})), "ValidationError"},
		"listeners of nothing":      {ask(lb.DescribeListeners(ctx, &elb.DescribeListenersInput{})), "ValidationError"},
		"no such listener":          {ask(lb.DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: []string{*gone}})), "ListenerNotFound"},
		"rules of nothing":          {ask(lb.DescribeRules(ctx, &elb.DescribeRulesInput{})), "ValidationError"},
		"rules of no listener":      {ask(lb.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: gone})), "ListenerNotFound"},
		"no such rule":              {ask(lb.DescribeRules(ctx, &elb.DescribeRulesInput{RuleArns: []string{"gone"}})), "RuleNotFound"},
		"certificates of nothing":   {ask(lb.DescribeListenerCertificates(ctx, &elb.DescribeListenerCertificatesInput{ListenerArn: gone})), "ListenerNotFound"},
		"tags of no listener":       {ask(lb.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: []string{*gone}})), "ListenerNotFound"},
		"tags of something else":    {ask(lb.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: []string{f.arn["vpc"]}})), "ValidationError"},
		"tags of too many":          {ask(lb.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: slices.Repeat([]string{f.arn["one"]}, 21)})), "ValidationError"},
		"no such certificate":       {ask(certificates.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: sdk.String("gone")})), "ResourceNotFoundException"},
		"tags of no certificate":    {ask(certificates.ListTagsForCertificate(ctx, &acm.ListTagsForCertificateInput{CertificateArn: sdk.String("gone")})), "ResourceNotFoundException"},
		"a list of none":            {ask(certificates.ListCertificates(ctx, &acm.ListCertificatesInput{MaxItems: sdk.Int32(0)})), "ValidationException"},
		"an order of certificates":  {ask(certificates.ListCertificates(ctx, &acm.ListCertificatesInput{SortBy: "CREATED_AT", SortOrder: "ASCENDING"})), "InvalidParameterException"},
		"listeners by name":         {ask(lb.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{})), "InvalidAction"},
		"a token that is not valid": {ask(certificates.ListCertificates(ctx, &acm.ListCertificatesInput{NextToken: sdk.String("?")})), "ValidationException"},
	} {
		if code(test.err) != test.code {
			t.Errorf("%s: got %v, want %s", name, errors.Unwrap(test.err), test.code)
		}
	}
}
