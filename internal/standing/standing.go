// Package standing finds out what a stack's load balancer has in AWS already: the numbers of its listener's rules, how many tasks they
// lead to, and the names in its certificates; and what certificates and clusters are that others keep. Pulumi's AWS provider only has
// functions for a single rule, and none for the rest.
package standing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"

	"slipway/internal/awsconfig"
	"slipway/spec"
)

// Sought identifies the stack's load balancer, and says what to find out about it.
type Sought struct {
	// Tags are those of the stack's resources.
	Tags map[string]string
	// DNSName is the load balancer's name after the stack's last successful update, or "". After a rename or a change of region, the
	// stack's tags do not find it.
	DNSName string
	// ListenerARN is the HTTPS listener of a platform or of others, which is sought instead of the load balancer; "" is none.
	ListenerARN string
	// Counted reports whether a route's targets are counted, which takes a call for each target group; nil is none.
	Counted func(hostname, path string) bool
}

// Listener is the content of an HTTPS listener.
type Listener struct {
	Balancers []Balancer
	Rules     []Rule
	// Certificates has the names in each of its certificates, the default one first, and CertificateARNs their ARNs.
	Certificates    [][]string
	CertificateARNs []string
}

// Balancer is a load balancer of the stack.
type Balancer struct {
	DNSName string
	Tagged  bool // it has the stack's tags and region; otherwise it is from before a rename or a move
}

// Rule is a rule of a listener. Host name and path are empty unless the rule is for one host name and one path, or every path.
type Rule struct {
	Priority       int
	Hostname, Path string // every path is "/*"
	Header         bool   // it has a condition on a header too
	Name, Service  string // its tags of these names
	Project, Stack string // as above: whose rule it is
	Targets        int    // tasks that it sends requests to, if they were counted
	Balancer       int    // index of its load balancer

	groups []string // ARNs of the target groups that get requests
}

// Owner returns whose rule it is: "project/stack".
func (r Rule) Owner() string { return r.Project + "/" + r.Stack }

// everyPath is the path of a rule that has no condition on paths.
const everyPath = "/*"

// Find returns the content of the sought load balancer's HTTPS listener. It is empty if there is none. If there are several, as during
// a replacement, it is their content together.
func Find(ctx context.Context, options awsconfig.Options, sought Sought) (Listener, error) {
	cfg, err := options.Load(ctx)
	if err != nil {
		return Listener{}, fmt.Errorf("get AWS credentials: %w", err)
	}
	var found Listener
	regions := sought.regions(cfg.Region)
	if sought.ListenerARN != "" {
		regions = []string{cfg.Region} // in which a platform is
	}
	for _, region := range regions {
		s := search{
			elb: elb.NewFromConfig(cfg, func(o *elb.Options) {
				o.Region, o.BaseEndpoint = region, cmp.Or(options.Endpoint("elbv2"), o.BaseEndpoint)
			}),
			acm: acm.NewFromConfig(cfg, func(o *acm.Options) {
				o.Region, o.BaseEndpoint = region, cmp.Or(options.Endpoint("acm"), o.BaseEndpoint)
			}),
			Sought: sought, region: region, home: cfg.Region,
		}
		if err := s.listener(ctx, &found); err != nil {
			err = fmt.Errorf("look up the rules and certificates of the stack's load balancer%s: %s", s.elsewhere(), awsconfig.Reason(err))
			if ignored := options.Ignored(); len(ignored) > 0 {
				err = fmt.Errorf("%w (asked without the provider's %s)", err, strings.Join(ignored, ", "))
			}
			return Listener{}, err
		}
	}
	return found, nil
}

// regions returns the regions to search: first the load balancer's last region if it is a different one, then the stack's region.
func (s Sought) regions(home string) []string {
	// A load balancer's DNS name is name-id.region.elb.amazonaws.com, with .cn after it in China.
	_, domain, _ := strings.Cut(s.DNSName, ".")
	if region, _, known := strings.Cut(domain, ".elb.amazonaws.com"); known && region != home {
		return []string{region, home}
	}
	return []string{home}
}

// search looks for a load balancer in a region.
type search struct {
	Sought
	elb          *elb.Client
	acm          *acm.Client
	region, home string
}

// elsewhere names the region for an error, if it is not the stack's.
func (s search) elsewhere() string {
	if s.region == s.home {
		return ""
	}
	return " in " + s.region + ", where it was"
}

func (s search) listener(ctx context.Context, found *Listener) error {
	if s.ListenerARN != "" {
		found.Balancers = append(found.Balancers, Balancer{DNSName: s.DNSName, Tagged: true})
		return s.content(ctx, s.ListenerARN, found)
	}
	balancers, err := s.balancers(ctx)
	if err != nil {
		return err
	}
	for _, balancer := range balancers {
		found.Balancers = append(found.Balancers, balancer.Balancer)
		listener, err := s.https(ctx, balancer.arn)
		if err != nil {
			return err
		}
		if listener == "" {
			continue
		}
		if err := s.content(ctx, listener, found); err != nil {
			return err
		}
	}
	return nil
}

// content adds the content of a listener of the last load balancer that was found.
func (s search) content(ctx context.Context, listener string, found *Listener) error {
	rules, err := s.rules(ctx, listener)
	if err != nil {
		return err
	}
	for i := range rules {
		rules[i].Balancer = len(found.Balancers) - 1
	}
	if err := s.count(ctx, rules); err != nil {
		return err
	}
	certificates, arns, err := s.certificates(ctx, listener)
	if err != nil {
		return err
	}
	found.CertificateARNs = append(found.CertificateARNs, arns...)
	found.Rules = append(found.Rules, rules...)
	found.Certificates = append(found.Certificates, certificates...)
	return nil
}

// maxTagged is how many resources DescribeTags takes at once (DescribeTags in Elastic Load Balancing's API reference).
const maxTagged = 20

// candidate is a load balancer that may belong to the stack.
type candidate struct {
	Balancer
	arn string
}

// balancers returns the sought load balancers.
func (s search) balancers(ctx context.Context) ([]candidate, error) {
	var all []candidate
	for pages := elb.NewDescribeLoadBalancersPaginator(s.elb, &elb.DescribeLoadBalancersInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, balancer := range page.LoadBalancers {
			all = append(all, candidate{arn: aws.ToString(balancer.LoadBalancerArn), Balancer: Balancer{
				DNSName: aws.ToString(balancer.DNSName),
			}})
		}
	}
	arns := make([]string, len(all))
	for i, c := range all {
		arns[i] = c.arn
	}
	err := s.tags(ctx, arns, func(arn string, has []types.Tag) {
		i := slices.Index(arns, arn)
		all[i].Tagged = s.region == s.home && hasTags(has, s.Tags)
	})
	return slices.DeleteFunc(all, func(c candidate) bool { return !c.Tagged && (s.DNSName == "" || c.DNSName != s.DNSName) }), err
}

// tags returns the tags of each resource that still exists. AWS refuses a call about several if one of them is gone.
func (s search) tags(ctx context.Context, arns []string, tell func(arn string, tags []types.Tag)) error {
	for some := range slices.Chunk(arns, maxTagged) {
		out, err := s.elb.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: some})
		switch {
		case isGone(err) && len(some) == 1:
			continue
		case isGone(err):
			for _, arn := range some {
				if err := s.tags(ctx, []string{arn}, tell); err != nil {
					return err
				}
			}
			continue
		case err != nil:
			return err
		}
		for _, described := range out.TagDescriptions {
			tell(aws.ToString(described.ResourceArn), described.Tags)
		}
	}
	return nil
}

// isGone reports whether the resource of the call no longer exists.
func isGone(err error) bool {
	api, answered := errors.AsType[smithy.APIError](err)
	return answered && slices.Contains([]string{"LoadBalancerNotFound", "ListenerNotFound", "RuleNotFound", "TargetGroupNotFound", "ResourceNotFoundException"}, api.ErrorCode())
}

func hasTags(has []types.Tag, want map[string]string) bool {
	left := len(want)
	for _, tag := range has {
		if value, wanted := want[aws.ToString(tag.Key)]; wanted && value == aws.ToString(tag.Value) {
			left--
		}
	}
	return left == 0
}

// https returns the ARN of the load balancer's HTTPS listener, or "" if it has none.
func (s search) https(ctx context.Context, balancer string) (string, error) {
	for pages := elb.NewDescribeListenersPaginator(s.elb, &elb.DescribeListenersInput{LoadBalancerArn: &balancer}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if isGone(err) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		for _, listener := range page.Listeners {
			if listener.Protocol == types.ProtocolEnumHttps {
				return aws.ToString(listener.ListenerArn), nil
			}
		}
	}
	return "", nil
}

func (s search) rules(ctx context.Context, listener string) ([]Rule, error) {
	var arns []string
	rules := make(map[string]*Rule)
	for pages := elb.NewDescribeRulesPaginator(s.elb, &elb.DescribeRulesInput{ListenerArn: &listener}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if isGone(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, described := range page.Rules {
			priority, err := strconv.Atoi(aws.ToString(described.Priority))
			if err != nil { // "default"
				continue
			}
			rule := Rule{Priority: priority, groups: groups(described.Actions)}
			rule.Hostname, rule.Path = route(described.Conditions)
			rule.Header = slices.ContainsFunc(described.Conditions, func(c types.RuleCondition) bool { return aws.ToString(c.Field) == "http-header" })
			arn := aws.ToString(described.RuleArn)
			arns, rules[arn] = append(arns, arn), &rule
		}
	}
	err := s.tags(ctx, arns, func(arn string, tags []types.Tag) {
		for _, tag := range tags {
			switch rule := rules[arn]; aws.ToString(tag.Key) {
			case "Name":
				rule.Name = aws.ToString(tag.Value)
			case spec.ServiceTag:
				rule.Service = aws.ToString(tag.Value)
			case "Project":
				rule.Project = aws.ToString(tag.Value)
			case "Stack":
				rule.Stack = aws.ToString(tag.Value)
			}
		}
	})
	all := make([]Rule, len(arns))
	for i, arn := range arns {
		all[i] = *rules[arn]
	}
	return all, err
}

// groups returns the ARNs of the target groups to which the actions send requests.
func groups(actions []types.Action) []string {
	var groups []string
	for _, action := range actions {
		if action.ForwardConfig == nil {
			continue
		}
		for _, group := range action.ForwardConfig.TargetGroups {
			if group.Weight == nil || *group.Weight > 0 {
				groups = append(groups, aws.ToString(group.TargetGroupArn))
			}
		}
	}
	return groups
}

// count counts the targets of the rules whose routes are counted.
func (s search) count(ctx context.Context, rules []Rule) error {
	counted := make(map[string]int)
	for i, rule := range rules {
		if s.Counted == nil || rule.Hostname == "" || !s.Counted(rule.Hostname, rule.Path) {
			continue
		}
		for _, group := range rule.groups {
			if _, known := counted[group]; !known {
				targets, err := s.targets(ctx, group)
				if err != nil {
					return err
				}
				counted[group] = targets
			}
			rules[i].Targets += counted[group]
		}
	}
	return nil
}

// leaving are the states of a target that gets no requests now or soon ("Target health status" in the user guide for Application Load
// Balancers).
var leaving = []types.TargetHealthStateEnum{types.TargetHealthStateEnumDraining, types.TargetHealthStateEnumUnused}

// targets returns how many targets of a group are not leaving.
func (s search) targets(ctx context.Context, group string) (int, error) {
	out, err := s.elb.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &group})
	if isGone(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	staying := 0
	for _, target := range out.TargetHealthDescriptions {
		if target.TargetHealth == nil || !slices.Contains(leaving, target.TargetHealth.State) {
			staying++
		}
	}
	return staying, nil
}

// route returns the single host name and path in the conditions. A header in them makes no difference.
func route(conditions []types.RuleCondition) (hostname, path string) {
	path = everyPath
	for _, condition := range conditions {
		var into *string
		values := condition.Values
		switch aws.ToString(condition.Field) {
		case "host-header":
			into = &hostname
			if condition.HostHeaderConfig != nil {
				values = condition.HostHeaderConfig.Values
			}
		case "path-pattern":
			into = &path
			if condition.PathPatternConfig != nil {
				values = condition.PathPatternConfig.Values
			}
		case "http-header":
			continue
		default:
			return "", ""
		}
		if len(values) != 1 {
			return "", ""
		}
		*into = values[0]
	}
	if hostname == "" {
		return "", ""
	}
	return hostname, path
}

// certificates returns the names in the listener's certificates, the default one first, and their ARNs.
func (s search) certificates(ctx context.Context, listener string) (names [][]string, found []string, err error) {
	var arns []string
	for pages := elb.NewDescribeListenerCertificatesPaginator(s.elb, &elb.DescribeListenerCertificatesInput{ListenerArn: &listener}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, err
		}
		for _, certificate := range page.Certificates {
			arn := aws.ToString(certificate.CertificateArn)
			listed := slices.Index(arns, arn) // the default one can be listed twice
			switch {
			case aws.ToBool(certificate.IsDefault):
				if listed >= 0 {
					arns = slices.Delete(arns, listed, listed+1)
				}
				arns = slices.Insert(arns, 0, arn)
			case listed < 0:
				arns = append(arns, arn)
			}
		}
	}
	for _, arn := range arns {
		if strings.Contains(arn, ":server-certificate/") { // somebody's in IAM, which ACM does not know
			continue
		}
		out, err := s.acm.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &arn})
		if isGone(err) { // another stack deleted it just now
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		names, found = append(names, out.Certificate.SubjectAlternativeNames), append(found, arn)
	}
	return names, found, nil
}
