package mocks

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// LoadBalancerARN is that of [NewBalancer].
const LoadBalancerARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shared/0123456789abcdef"

// Balancer is a load balancer that others keep.
type Balancer struct {
	ARN, VPCID string
	Internal   bool
	Groups     []any
	Protocol   string // of its listener on port 443; empty: none
}

// NewBalancer returns a load balancer in the VPC of [NewVPC], in which everything is right.
func NewBalancer() Balancer {
	return Balancer{ARN: LoadBalancerARN, VPCID: VPCID, Groups: []any{"sg-2", "sg-1"}, Protocol: "HTTPS"}
}

// ListenerARN is the ARN of its listener.
const ListenerARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/shared/0123456789abcdef/0123456789abcdef"

// Functions returns the answers about the load balancer.
func (b Balancer) Functions() map[string]Function {
	return map[string]Function{
		"aws:lb/getLoadBalancer:getLoadBalancer": func(args resource.PropertyMap) (map[string]any, error) {
			if args["arn"].StringValue() != b.ARN {
				return nil, errors.New("LoadBalancerNotFound: One or more load balancers not found")
			}
			return map[string]any{
				"vpcId": b.VPCID, "internal": b.Internal, "securityGroups": b.Groups, "idleTimeout": 90,
				"dnsName": "shared.elb.amazonaws.com", "arnSuffix": "app/shared/0123456789abcdef",
			}, nil
		},
		"aws:lb/getListener:getListener": func(args resource.PropertyMap) (map[string]any, error) {
			if args["loadBalancerArn"].StringValue() != b.ARN || args["port"].NumberValue() != 443 || b.Protocol == "" {
				return nil, errors.New("Search returned 0 results, please revise so only one is returned") //nolint:staticcheck // the provider's words
			}
			return map[string]any{"arn": ListenerARN, "protocol": b.Protocol}, nil
		},
	}
}
