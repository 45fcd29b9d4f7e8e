package aws

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"slipway/localcloud/cloud"
)

const (
	loadBalancerToken = "aws:lb/loadBalancer:LoadBalancer"
	targetGroupToken  = "aws:lb/targetGroup:TargetGroup"
	listenerToken     = "aws:lb/listener:Listener"
	listenerRuleToken = "aws:lb/listenerRule:ListenerRule"

	listenerCertificateToken = "aws:lb/listenerCertificate:ListenerCertificate"
)

func elbv2Kinds() []any {
	return []any{LoadBalancer, TargetGroup, Listener, ListenerRule, ListenerCertificate}
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
	elbName       = regexp.MustCompile(`^[0-9A-Za-z-]+$`)
	elbNameLength = 32
)

// checkELBName applies the rules that load balancers and target groups have in common for name and namePrefix.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
func checkELBName(name, prefix string) []cloud.Failure {
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
	}{{"name", name, elbNameLength}, {"namePrefix", prefix, elbNameLength - generatedLength}} {
		if given.value == "" {
			continue
		}
		if len(given.value) > given.max {
			fail(given.property, "%q cannot be longer than %d characters: %q", given.property, given.max, given.value)
		}
		if !elbName.MatchString(given.value) {
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

// elbNameOf returns the name of the new load balancer or target group.
func elbNameOf(name, prefix string) string {
	if name != "" {
		return name
	}
	return cmp.Or(prefix, "tf-") + randomHex(generatedLength)
}

// notModelled is the refusal of an input that the real provider takes.
func notModelled(property, what string) cloud.Failure {
	return cloud.Failure{Property: property, Reason: what + ": " + cloud.ErrUnimplemented.Error()}
}

// arnParts splits what follows the kind in the ARN of a load balancer, a listener or a rule: app, the name, and the ids.
func arnParts(arn string) []string {
	_, path, _ := strings.Cut(arn, "/")
	return strings.Split(path, "/")
}

// loadBalancerOf returns the load balancer of a listener or of a rule's listener, or nil.
func loadBalancerOf(tx *cloud.Tx, r *cloud.Resource) *cloud.Resource {
	switch r.Token {
	case listenerRuleToken:
		if r = tx.Get(cloud.Key{Scope: r.Scope, Token: listenerToken, ID: cloud.InputsOf[listenerRule](r).ListenerARN}); r == nil {
			return nil
		}
		fallthrough
	case listenerToken:
		return tx.Get(cloud.Key{Scope: r.Scope, Token: loadBalancerToken, ID: cloud.InputsOf[listener](r).LoadBalancerARN})
	}
	return nil
}

// groupsOf returns the ARNs of the target groups that a listener or a rule forwards to.
func groupsOf(r *cloud.Resource) []string {
	if r.Token == listenerToken {
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
	for _, token := range []string{listenerToken, listenerRuleToken} {
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
		group := c.Tx.Get(cloud.Key{Scope: c.Resource.Scope, Token: targetGroupToken, ID: id})
		if group.Inputs["vpcId"] != balancer.Outputs["vpcId"] {
			return cloud.Errorf("InvalidConfigurationRequest",
				"The following target groups are not in the same VPC as the load balancer: %s", id)
		}
		use(id, balancer.ID)
		if len(users[id]) > 1 {
			return cloud.Errorf("TargetGroupAssociationLimit",
				"The following target groups cannot be associated with more than one load balancer: %s", id)
		}
	}
	for _, group := range c.Tx.List(c.Resource.Scope, targetGroupToken) {
		now := []any{}
		for _, b := range users[group.ID] {
			now = append(now, b)
		}
		was, _ := group.Outputs["loadBalancerArns"].([]any)
		if !slices.Equal(was, now) {
			group = group.Clone()
			group.Outputs["loadBalancerArns"] = now
			c.Tx.Put(group)
		}
	}
	return nil
}

// Described returns a resource as a call that describes it would: every property that has a value, the defaults filled in.
func Described[T any](_ *cloud.Kind[T], r *cloud.Resource) *T {
	return cloud.OutputsOf[T](r)
}
