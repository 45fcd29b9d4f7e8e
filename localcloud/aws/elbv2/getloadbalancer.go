package elbv2

import (
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

type loadBalancerArgs struct {
	ARN  string    `json:"arn"`
	Name string    `json:"name"`
	Tags tags.Tags `json:"tags"`
}

// GetLoadBalancer returns what a load balancer is. It is found only by its ARN.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html
var GetLoadBalancer = &cloud.Function[loadBalancerArgs]{
	Token: "aws:lb/getLoadBalancer:getLoadBalancer",
	Needs: permission.Needs{Invoke: func(o *permission.Operation) {
		o.Any("elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeTags")
	}},
	Call: func(c *cloud.Call, args *loadBalancerArgs) (cloud.Map, error) {
		if args.ARN == "" || args.Name != "" || len(args.Tags) > 0 {
			return nil, check.Unimplemented("looking for a load balancer by anything but its ARN")
		}
		r := c.Find(cloud.Ref{Token: LoadBalancerToken, Value: args.ARN})
		if r == nil {
			return nil, LoadBalancer.NotFound(args.ARN)
		}
		in, out := LoadBalancer.Described(r), LoadBalancer.Outputs(r)
		return cloud.Map{
			"id": r.ID, "arn": out.ARN, "arnSuffix": out.ARNSuffix, "name": out.Name, "dnsName": out.DNSName, "zoneId": out.ZoneID, "vpcId": out.VPCID,
			"internal": out.Internal, "ipAddressType": out.IPAddressType, "loadBalancerType": in.LoadBalancerType,
			"securityGroups": untyped.OfStrings(out.SecurityGroups), "subnets": untyped.OfStrings(out.Subnets),
			"idleTimeout": float64(in.IdleTimeout), "clientKeepAlive": float64(in.ClientKeepAlive), "enableHttp2": in.EnableHTTP2,
			"enableDeletionProtection": in.EnableDeletionProtection, "dropInvalidHeaderFields": in.DropInvalidHeaderFields,
			"desyncMitigationMode": in.DesyncMitigationMode, "xffHeaderProcessingMode": in.XFFHeaderProcessingMode,
			"tags": untyped.Map(tags.Of(r)),
		}, nil
	},
}
