// Package elbv2 has the kinds of Elastic Load Balancing, a file each. What callers must be allowed follows, for the calls,
// the provider's own source, and for actions, resources and condition keys the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
// terraform-provider-aws, internal/service/elbv2
package elbv2

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

// The tokens of the kinds.
const (
	LoadBalancerToken = "aws:lb/loadBalancer:LoadBalancer"
	TargetGroupToken  = "aws:lb/targetGroup:TargetGroup"
	ListenerToken     = "aws:lb/listener:Listener"
	ListenerRuleToken = "aws:lb/listenerRule:ListenerRule"

	ListenerCertificateToken = "aws:lb/listenerCertificate:ListenerCertificate"
)

// Kinds returns the kinds and functions of the service.
func Kinds() []any {
	return []any{LoadBalancer, TargetGroup, Listener, ListenerRule, ListenerCertificate, GetLoadBalancer, GetListener}
}

// hostedZones are the Route 53 zones of the DNS names of application load balancers.
// https://docs.aws.amazon.com/general/latest/gr/elb.html
var hostedZones = map[string]string{
	"eu-central-1": "Z215JYRZR1TBD5", "eu-west-1": "Z32O12XQLNTSW2", "eu-west-2": "ZHURV8PSTC4K8", "eu-west-3": "Z3Q77PNBQS71R4",
	"eu-north-1": "Z23TAZ6LKFMNIO", "eu-south-1": "Z3ULH7SSC9OV64",
	"us-east-1": "Z35SXDOTRQ7X7K", "us-east-2": "Z3AADJGX6KTTL2", "us-west-1": "Z368ELLRRE2KJ0", "us-west-2": "Z1H1FL5HABSF5",
	"ca-central-1": "ZQSVJUPU6J1EY", "sa-east-1": "Z2P70J7HTTTPLU",
	"ap-northeast-1": "Z14GRHDCWA56QT", "ap-southeast-1": "Z1LMS91P8CMLE5", "ap-southeast-2": "Z1GM3OXH4ZPM65", "ap-south-1": "ZP97RAFLXTNZK",
}

var (
	validName = regexp.MustCompile(`^[0-9A-Za-z-]+$`)
	maxName   = 32
)

// checkName applies the rules that load balancers and target groups have in common for name and namePrefix.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
func checkName(name, prefix string) []cloud.Failure {
	var f []cloud.Failure
	fail := func(property, format string, args ...any) {
		f = append(f, cloud.Failure{Property: property, Reason: fmt.Sprintf(format, args...)})
	}
	if name != "" && prefix != "" {
		fail("namePrefix", `"namePrefix": conflicts with name`)
	}
	for _, given := range []struct {
		property, value string
		max             int
	}{{"name", name, maxName}, {"namePrefix", prefix, maxName - generatedLength}} {
		if given.value == "" {
			continue
		}
		if len(given.value) > given.max {
			fail(given.property, "%q cannot be longer than %d characters: %q", given.property, given.max, given.value)
		}
		if !validName.MatchString(given.value) {
			fail(given.property, "only alphanumeric characters and hyphens allowed in %q: %q", given.property, given.value)
		}
		if strings.HasPrefix(given.value, "-") {
			fail(given.property, "%q cannot begin with a hyphen: %q", given.property, given.value)
		}
		if given.property == "name" && strings.HasSuffix(given.value, "-") {
			fail(given.property, "%q cannot end with a hyphen: %q", given.property, given.value)
		}
	}
	return f
}

// generatedLength is how long the unique part is that the Terraform provider appends to a prefix.
const generatedLength = 26

// nameOf returns the name of the new load balancer or target group.
func nameOf(name, prefix string) string {
	if name != "" {
		return name
	}
	return cmp.Or(prefix, "tf-") + ids.Hex(generatedLength)
}

// loadBalancerOf returns the load balancer of a listener or of a rule's listener, or nil.
func loadBalancerOf(tx *cloud.Tx, r *cloud.Resource) *cloud.Resource {
	switch r.Token {
	case ListenerRuleToken:
		if r = tx.Get(cloud.Key{Scope: r.Scope, Token: ListenerToken, ID: cloud.InputsOf[listenerRule](r).ListenerARN}); r == nil {
			return nil
		}
		fallthrough
	case ListenerToken:
		return tx.Get(cloud.Key{Scope: r.Scope, Token: LoadBalancerToken, ID: cloud.InputsOf[listener](r).LoadBalancerARN})
	}
	return nil
}

// groupsOf returns the ARNs of the target groups that a listener or a rule forwards to.
func groupsOf(r *cloud.Resource) []string {
	if r.Token == ListenerToken {
		return forwardsTo(cloud.InputsOf[listener](r).DefaultActions)
	}
	return forwardsTo(cloud.InputsOf[listenerRule](r).Actions)
}

// forwardTo records with the target groups which load balancer forwards to them: the given one to those that the listener
// or rule being created, updated or deleted names, besides what the other listeners and rules say. A target group can have
// one load balancer only.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
func forwardTo(c *cloud.Call, balancer *cloud.Resource, groups []string) error {
	users := map[string][]string{}
	use := func(group, balancer string) {
		if !slices.Contains(users[group], balancer) {
			users[group] = append(users[group], balancer)
		}
	}
	for _, token := range []string{ListenerToken, ListenerRuleToken} {
		for _, r := range c.Tx.List(c.Resource.Scope, token) {
			if r.Key == c.Resource.Key {
				continue
			}
			if b := loadBalancerOf(c.Tx, r); b != nil {
				for _, g := range groupsOf(r) {
					use(g, b.ID)
				}
			}
		}
	}
	for _, id := range groups {
		group := c.Tx.Get(cloud.Key{Scope: c.Resource.Scope, Token: TargetGroupToken, ID: id})
		if cloud.InputsOf[targetGroup](group).VPCID != cloud.OutputsOf[loadBalancerOutputs](balancer).VPCID {
			return cloud.Errorf("InvalidConfigurationRequest",
				"The following target groups are not in the same VPC as the load balancer: %s", id)
		}
		if err := checkFamily(group, cloud.InputsOf[loadBalancer](balancer)); err != nil {
			return err
		}
		use(id, balancer.ID)
		if len(users[id]) > 1 {
			return cloud.Errorf("TargetGroupAssociationLimit",
				"The following target groups cannot be associated with more than one load balancer: %s", id)
		}
	}
	for _, group := range c.Tx.List(c.Resource.Scope, TargetGroupToken) {
		out := *cloud.OutputsOf[targetGroupOutputs](group)
		if now := users[group.ID]; !slices.Equal(out.LoadBalancerARNs, now) {
			out.LoadBalancerARNs = append([]string{}, now...)
			group = group.Clone()
			cloud.SetOutputs(group, &out)
			c.Tx.Put(group)
		}
	}
	return nil
}

// creates is creates for a resource with a name and, after its creation, an identifier behind it.
func creates(o *permission.Operation, call, resource string) {
	name := o.Regional("elasticloadbalancing", resource+"/")
	o.Creates("elasticloadbalancing:"+call, name+"*", name+ids.Hex(16), "elasticloadbalancing:AddTags", "elasticloadbalancing:createaction")
}

// createsPart is creates for what belongs to another resource: that is what making it is about, and only tagging is about the
// part.
func createsPart(o *permission.Operation, token, input, call, kind string) {
	parent := o.Text(input)
	name := o.Regional("elasticloadbalancing", kind+strings.Join(arns.Parts(parent), "/")+"/")
	first := len(o.Steps)
	o.Creates("elasticloadbalancing:"+call, name+"*", name+ids.Hex(16), "elasticloadbalancing:AddTags", "elasticloadbalancing:createaction")
	made := &o.Steps[first]
	made.Resource = parent
	if r := o.Referred(token, input); r != nil {
		maps.Copy(made.Context, permission.ResourceTags(made.Action, tags.Of(r)))
	}
}

// looksAtEC2 adds the permissions that Elastic Load Balancing needs from its caller in addition to the call itself.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-permissions.html
func looksAtEC2(o *permission.Operation, call string, actions ...string) {
	for _, a := range actions {
		o.Any("ec2:" + a)
		o.AsPartOf("elasticloadbalancing:" + call)
	}
}

func retags(o *permission.Operation) {
	o.Retags("elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags")
}

// checkFamily refuses targets with IPv6 addresses to a load balancer that has none. The sentence is not AWS's.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-ip-address-type
func checkFamily(group *cloud.Resource, balancer *loadBalancer) error {
	if cloud.OutputsOf[targetGroupOutputs](group).IPAddressType == addressIPv6 && !balancer.dualStack() {
		return cloud.Errorf("InvalidConfigurationRequest",
			"The following target groups have IP address type ipv6, for which the load balancer must have IP address type dualstack: %s", group.ID)
	}
	return nil
}
