// Package standing finds out what a stack's load balancer holds in AWS already: which numbers its listener's rules have, and which
// names are in its certificates. Pulumi's AWS provider has functions for a single rule or certificate only.
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
)

// Listener is what an HTTPS listener holds.
type Listener struct {
	Balancers int // that have the tags
	Rules     []Rule
	// Certificates are the names in each of its certificates, the default one's first.
	Certificates [][]string
}

// Rule is a rule of a listener. Of one that is for something else than one host name, with one path or every path, both are empty.
type Rule struct {
	Priority       int
	Hostname, Path string // every path is "/*"
	Name           string // its tag "Name"
}

// everyPath is the path of a rule that has no condition on paths.
const everyPath = "/*"

// Find returns what the HTTPS listener of the load balancer holds that has the tags. It is empty if there is none. Should there be
// several, as when one replaces another, it is what they hold together.
func Find(ctx context.Context, options awsconfig.Options, tags map[string]string) (Listener, error) {
	cfg, err := options.Load(ctx)
	if err != nil {
		return Listener{}, fmt.Errorf("get AWS credentials: %w", err)
	}
	s := search{
		elb: elb.NewFromConfig(cfg, func(o *elb.Options) { o.BaseEndpoint = cmp.Or(options.Endpoint("elbv2"), o.BaseEndpoint) }),
		acm: acm.NewFromConfig(cfg, func(o *acm.Options) { o.BaseEndpoint = cmp.Or(options.Endpoint("acm"), o.BaseEndpoint) }),
	}
	found, err := s.listener(ctx, tags)
	if err != nil {
		err = fmt.Errorf("look up the rules and certificates of the stack's load balancer: %s", awsconfig.Reason(err))
		if ignored := options.Ignored(); len(ignored) > 0 {
			err = fmt.Errorf("%w (asked without the provider's %s)", err, strings.Join(ignored, ", "))
		}
		return Listener{}, err
	}
	return found, nil
}

type search struct {
	elb *elb.Client
	acm *acm.Client
}

func (s search) listener(ctx context.Context, tags map[string]string) (Listener, error) {
	var found Listener
	balancers, err := s.balancers(ctx, tags)
	if err != nil {
		return found, err
	}
	found.Balancers = len(balancers)
	for _, balancer := range balancers {
		listener, err := s.https(ctx, balancer)
		if err != nil {
			return found, err
		}
		if listener == "" {
			continue
		}
		rules, err := s.rules(ctx, listener)
		if err != nil {
			return found, err
		}
		certificates, err := s.certificates(ctx, listener)
		if err != nil {
			return found, err
		}
		found.Rules = append(found.Rules, rules...)
		found.Certificates = append(found.Certificates, certificates...)
	}
	return found, nil
}

// maxTagged is how many resources DescribeTags takes at once (DescribeTags in Elastic Load Balancing's API reference).
const maxTagged = 20

// balancers returns the ARNs of the load balancers that have the tags.
func (s search) balancers(ctx context.Context, tags map[string]string) ([]string, error) {
	var all, found []string
	for pages := elb.NewDescribeLoadBalancersPaginator(s.elb, &elb.DescribeLoadBalancersInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, balancer := range page.LoadBalancers {
			all = append(all, aws.ToString(balancer.LoadBalancerArn))
		}
	}
	err := s.tags(ctx, all, func(arn string, has []types.Tag) {
		if hasTags(has, tags) {
			found = append(found, arn)
		}
	})
	return found, err
}

// tags tells of the tags of each resource that is still there. AWS refuses a question about several if one of them is gone.
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

// isGone reports whether what was asked about is not there any more.
func isGone(err error) bool {
	api, answered := errors.AsType[smithy.APIError](err)
	return answered && slices.Contains([]string{"LoadBalancerNotFound", "ListenerNotFound", "RuleNotFound"}, api.ErrorCode())
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
			rule := Rule{Priority: priority}
			rule.Hostname, rule.Path = route(described.Conditions)
			arn := aws.ToString(described.RuleArn)
			arns, rules[arn] = append(arns, arn), &rule
		}
	}
	err := s.tags(ctx, arns, func(arn string, tags []types.Tag) {
		for _, tag := range tags {
			if rule := rules[arn]; rule != nil && aws.ToString(tag.Key) == "Name" {
				rule.Name = aws.ToString(tag.Value)
			}
		}
	})
	all := make([]Rule, len(arns))
	for i, arn := range arns {
		all[i] = *rules[arn]
	}
	return all, err
}

// route returns the one host name and the one path that the conditions ask for. Whatever header they ask for too makes no difference.
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

// certificates returns the names in the listener's certificates, the default one's first.
func (s search) certificates(ctx context.Context, listener string) ([][]string, error) {
	var arns []string
	for pages := elb.NewDescribeListenerCertificatesPaginator(s.elb, &elb.DescribeListenerCertificatesInput{ListenerArn: &listener}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
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
	names := make([][]string, 0, len(arns))
	for _, arn := range arns {
		out, err := s.acm.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &arn})
		if err != nil {
			return nil, err
		}
		names = append(names, out.Certificate.SubjectAlternativeNames)
	}
	return names, nil
}
