package components

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/internal/function"
	"slipway/spec"
)

// LookupListenerArgs describe what is sought.
type LookupListenerArgs struct {
	LoadBalancerARN string
	VPCID           string // in which the tasks are
}

// ExistingListener is the HTTPS listener of a load balancer that others keep.
type ExistingListener struct {
	ARN, DNSName string // DNSName is the load balancer's

	securityGroupID, arnSuffix string
	idleTimeout                int
}

// Listener returns the source of requests for a stack that shares it under a name of [spec.Sharer].
func (l *ExistingListener) Listener(sharer string) Listener {
	return Listener{
		ARN: pulumi.String(l.ARN), SecurityGroupID: pulumi.String(l.securityGroupID), LoadBalancerARNSuffix: pulumi.String(l.arnSuffix),
		DNSName: pulumi.String(l.DNSName).ToStringOutput(), IdleTimeout: l.idleTimeout, Sharer: sharer,
	}
}

// LookupListener finds the HTTPS listener of an application load balancer that others keep, and checks it. Neither is a resource of the
// stack. Services add rules to the listener, and a rule to the load balancer's first security group, which lets requests out to their
// tasks. A stack deletes those and nothing else.
//
// The listener is the one on port 443, where clients of https look for it.
func LookupListener(ctx *pulumi.Context, args *LookupListenerArgs) (*ExistingListener, error) {
	if args == nil {
		return nil, errors.New("listener: args are missing")
	}
	var problems spec.Problems
	problems.AddValue(args.LoadBalancerARN, spec.CheckLoadBalancerARN(args.LoadBalancerARN), "arn")
	problems.AddValue(args.VPCID, spec.CheckVPC(args.VPCID), "vpcId")
	if err := problems.Err(); err != nil {
		return nil, err
	}
	balancer, err := lb.LookupLoadBalancer(ctx, &lb.LookupLoadBalancerArgs{Arn: &args.LoadBalancerARN})
	if err != nil {
		problems.Add(fmt.Errorf("look up the load balancer in the stack's region: %w", function.Error(err)), "arn")
		return nil, problems.Err()
	}
	listener, err := lookupHTTPS(ctx, args.LoadBalancerARN)
	if err != nil {
		problems.Add(fmt.Errorf("look up its listener on port 443: %w", err), "arn")
		return nil, problems.Err()
	}
	found := spec.FoundLoadBalancer{
		VPCID: balancer.VpcId, Internal: balancer.Internal, SecurityGroups: balancer.SecurityGroups, Listener: listener.Protocol,
	}
	if err := found.Problems(args.VPCID).Err(); err != nil {
		return nil, err
	}
	return &ExistingListener{
		ARN: listener.Arn, DNSName: balancer.DnsName, securityGroupID: slices.Sorted(slices.Values(balancer.SecurityGroups))[0],
		arnSuffix: balancer.ArnSuffix, idleTimeout: balancer.IdleTimeout,
	}, nil
}

// noListener is in the AWS provider's error for a port without a listener (listener_data_source.go in internal/service/elbv2 of
// hashicorp/terraform-provider-aws).
const noListener = "Search returned 0 results"

// lookupHTTPS returns a load balancer's listener on port 443, without a protocol if there is none.
func lookupHTTPS(ctx *pulumi.Context, balancer string) (*lb.LookupListenerResult, error) {
	port := httpsPort
	listener, err := lb.LookupListener(ctx, &lb.LookupListenerArgs{LoadBalancerArn: &balancer, Port: &port})
	if err != nil && strings.Contains(err.Error(), noListener) {
		return &lb.LookupListenerResult{}, nil
	}
	if err != nil {
		return nil, function.Error(err)
	}
	return listener, nil
}
