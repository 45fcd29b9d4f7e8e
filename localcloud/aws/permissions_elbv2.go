package aws

import (
	"maps"
	"slices"
	"strings"
)

// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
// terraform-provider-aws, internal/service/elbv2
var elbv2Needs = map[string]needs{
	loadBalancerToken: {
		create: func(o *operation) {
			o.any("elasticloadbalancing:DescribeLoadBalancers") // that there is none of the name
			o.createsELB("CreateLoadBalancer", "loadbalancer/app/"+elbNameOf(o.text("name"), o.text("namePrefix")))
			o.serviceRole("elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing", "elasticloadbalancing:CreateLoadBalancer")
			o.looksAtEC2("CreateLoadBalancer",
				"DescribeAccountAttributes", "DescribeAddresses", "DescribeInternetGateways", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs")
			o.own("elasticloadbalancing:ModifyLoadBalancerAttributes")
		},
		read: func(o *operation) {
			o.any("elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeTags")
		},
		update: func(o *operation) {
			apart := map[string]string{
				"securityGroups": "SetSecurityGroups", "subnets": "SetSubnets", "subnetMappings": "SetSubnets", "ipAddressType": "SetIpAddressType",
			}
			if o.changesMoreThan(append(keys(apart), "tags")...) {
				o.own("elasticloadbalancing:ModifyLoadBalancerAttributes")
			}
			for _, input := range keys(apart) {
				if o.changes(input) {
					o.own("elasticloadbalancing:" + apart[input])
				}
			}
			if o.changes("subnets", "subnetMappings") {
				o.looksAtEC2("SetSubnets", "DescribeSubnets")
			}
			o.retagsELB()
		},
		delete: func(o *operation) { o.own("elasticloadbalancing:DeleteLoadBalancer") },
	},
	listenerToken: {
		create: func(o *operation) {
			o.createsPart(loadBalancerToken, "loadBalancerArn", "CreateListener", "listener/")
			// The provider sets attributes even if the program says nothing of them.
			o.own("elasticloadbalancing:ModifyListenerAttributes")
		},
		read: func(o *operation) {
			o.any("elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeListenerAttributes", "elasticloadbalancing:DescribeTags")
		},
		update: func(o *operation) {
			attribute := func(p string) bool { return strings.HasPrefix(p, "routingHttp") || p == "tcpIdleTimeoutSeconds" }
			if slices.ContainsFunc(o.changed(), attribute) {
				o.own("elasticloadbalancing:ModifyListenerAttributes")
			}
			if slices.ContainsFunc(o.changed(), func(p string) bool { return p != "tags" && !attribute(p) }) {
				o.own("elasticloadbalancing:ModifyListener")
			}
			o.retagsELB()
		},
		delete: func(o *operation) {
			o.own("elasticloadbalancing:DeleteListener")
			o.any("elasticloadbalancing:DescribeListeners")
		},
	},
	listenerRuleToken: {
		create: func(o *operation) {
			if !o.given("priority") {
				o.any("elasticloadbalancing:DescribeRules") // for one that is free
			}
			o.createsPart(listenerToken, "listenerArn", "CreateRule", "listener-rule/")
		},
		read: func(o *operation) { o.any("elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags") },
		update: func(o *operation) {
			if o.changes("priority") {
				o.own("elasticloadbalancing:SetRulePriorities")
			}
			if o.changes("actions", "conditions") {
				o.own("elasticloadbalancing:ModifyRule")
			}
			o.retagsELB()
		},
		delete: func(o *operation) { o.own("elasticloadbalancing:DeleteRule") },
	},
	listenerCertificateToken: {
		create: func(o *operation) {
			o.other(listenerToken, "listenerArn", "elasticloadbalancing:AddListenerCertificates")
		},
		read: func(o *operation) { o.any("elasticloadbalancing:DescribeListenerCertificates") },
		delete: func(o *operation) {
			o.other(listenerToken, "listenerArn", "elasticloadbalancing:RemoveListenerCertificates")
		},
	},
	targetGroupToken: {
		create: func(o *operation) {
			o.any("elasticloadbalancing:DescribeTargetGroups")
			o.createsELB("CreateTargetGroup", "targetgroup/"+elbNameOf(o.text("name"), o.text("namePrefix")))
			o.looksAtEC2("CreateTargetGroup", "DescribeInternetGateways", "DescribeVpcs")
			o.own("elasticloadbalancing:ModifyTargetGroupAttributes")
		},
		read: func(o *operation) {
			o.any("elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTags")
		},
		update: func(o *operation) {
			if o.changes("healthCheck") {
				o.own("elasticloadbalancing:ModifyTargetGroup")
			}
			if o.changesMoreThan("healthCheck", "tags") {
				o.own("elasticloadbalancing:ModifyTargetGroupAttributes")
			}
			o.retagsELB()
		},
		delete: func(o *operation) { o.own("elasticloadbalancing:DeleteTargetGroup") },
	},
}

// createsELB is creates for what has a name and, once it is there, an identifier behind it.
func (o *operation) createsELB(call, resource string) {
	name := o.regional("elasticloadbalancing", resource+"/")
	o.creates("elasticloadbalancing:"+call, name+"*", name+randomHex(16), "elasticloadbalancing:AddTags", "elasticloadbalancing:createaction")
}

// createsPart is creates for what belongs to another resource: that is what making it is about, and only tagging is about the
// part.
func (o *operation) createsPart(token, input, call, kind string) {
	parent := o.text(input)
	name := o.regional("elasticloadbalancing", kind+strings.Join(arnParts(parent), "/")+"/")
	first := len(o.steps)
	o.creates("elasticloadbalancing:"+call, name+"*", name+randomHex(16), "elasticloadbalancing:AddTags", "elasticloadbalancing:createaction")
	made := &o.steps[first]
	made.resource = parent
	if r := o.referred(token, input); r != nil {
		maps.Copy(made.context, resourceTags(made.action, tagsOf(r)))
	}
}

// looksAtEC2 adds what Elastic Load Balancing asks of its caller beside the call itself.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-permissions.html
func (o *operation) looksAtEC2(call string, actions ...string) {
	for _, a := range actions {
		o.any("ec2:" + a)
		o.asPartOf("elasticloadbalancing:" + call)
	}
}

func (o *operation) retagsELB() {
	o.retags("elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags")
}
