package elbv2

import (
	"errors"
	"fmt"

	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

type listenerArgs struct {
	ARN             string    `json:"arn"`
	LoadBalancerARN string    `json:"loadBalancerArn"`
	Port            int       `json:"port"`
	Tags            tags.Tags `json:"tags"`
}

// names reports whether the arguments name the listener.
func (a *listenerArgs) names(r *cloud.Resource) bool {
	if a.ARN != "" {
		return r.ID == a.ARN
	}
	in := Listener.Inputs(r)
	return in.LoadBalancerARN == a.LoadBalancerARN && *in.Port == a.Port
}

// GetListener returns what a listener is, by its ARN or by its load balancer and port.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeListeners.html
var GetListener = &cloud.Function[listenerArgs]{
	Token: "aws:lb/getListener:getListener",
	Needs: permission.Needs{Invoke: func(o *permission.Operation) {
		o.Any("elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeTags")
	}},
	Call: func(c *cloud.Call, args *listenerArgs) (cloud.Map, error) {
		if args.ARN == "" && (args.LoadBalancerARN == "" || args.Port == 0) {
			return nil, errors.New("both load_balancer_arn and port must be set")
		}
		var found []*cloud.Resource
		for _, r := range c.Tx.List(c.Caller.Scope, ListenerToken) {
			if args.names(r) {
				found = append(found, r)
			}
		}
		if len(found) != 1 {
			// terraform-provider-aws, internal/service/elbv2/listener_data_source.go
			return nil, fmt.Errorf("Search returned %d results, please revise so only one is returned", len(found)) //nolint:staticcheck // the provider's words
		}
		in, out := Listener.Described(found[0]), Listener.Outputs(found[0])
		return cloud.Map{
			"id": found[0].ID, "arn": out.ARN, "loadBalancerArn": in.LoadBalancerARN, "port": float64(*in.Port), "protocol": out.Protocol,
			"certificateArn": in.CertificateARN, "sslPolicy": out.SSLPolicy, "alpnPolicy": in.ALPNPolicy, "tags": untyped.Map(tags.Of(found[0])),
		}, nil
	},
}
