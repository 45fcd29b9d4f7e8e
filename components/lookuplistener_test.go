package components

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
)

// lookUpListener looks a listener up in a cloud, and describes it.
func lookUpListener(cloud *mocks.Cloud, args *LookupListenerArgs) (got string, err error) {
	name := make(chan string, 1)
	err = cloud.Run(func(ctx *pulumi.Context) error {
		found, err := LookupListener(ctx, args)
		if err != nil {
			return err
		}
		l := found.Listener("dev-1")
		got = fmt.Sprint(l.ARN, l.SecurityGroupID, l.LoadBalancerARNSuffix, l.IdleTimeout, l.Sharer, found.ARN)
		l.DNSName.ApplyT(func(dns string) string {
			name <- dns
			return dns
		})
		return l.check()
	})
	if registered := cloud.Listing(); registered != "" {
		return got, fmt.Errorf("registered %s", registered)
	}
	if err == nil {
		got += " " + <-name
	}
	return got, err
}

func TestLookupListener(t *testing.T) {
	t.Parallel()
	cloud := mocks.Cloud{Functions: mocks.NewBalancer().Functions()}
	got, err := lookUpListener(&cloud, &LookupListenerArgs{mocks.LoadBalancerARN, mocks.VPCID})
	want := fmt.Sprint(pulumi.String(mocks.ListenerARN), pulumi.String("sg-1"), pulumi.String("app/shared/0123456789abcdef"), 90, "dev-1", mocks.ListenerARN) + " shared.elb.amazonaws.com"
	if err != nil || got != want {
		t.Errorf("%s (%v), want %s", got, err, want)
	}
}

func TestLookupListenerRefuses(t *testing.T) {
	t.Parallel()
	args := &LookupListenerArgs{mocks.LoadBalancerARN, mocks.VPCID}
	for name, test := range map[string]struct {
		args   *LookupListenerArgs
		change func(*mocks.Balancer)
		denied string
		want   string
	}{
		"no args":     {nil, nil, "", "args are missing"},
		"no ARN":      {&LookupListenerArgs{"web", mocks.VPCID}, nil, "", `arn: "web": must be the ARN of an application load balancer`},
		"no VPC":      {&LookupListenerArgs{mocks.LoadBalancerARN, ""}, nil, "", `vpcId: "": must be the id of a VPC`},
		"none":        {args, func(b *mocks.Balancer) { b.ARN = "" }, "", "arn: look up the load balancer in the stack's region: LoadBalancerNotFound"},
		"elsewhere":   {args, func(b *mocks.Balancer) { b.VPCID = "vpc-1" }, "", "arn: is in vpc-1, and the tasks in " + mocks.VPCID},
		"internal":    {args, func(b *mocks.Balancer) { b.Internal = true }, "", "arn: is internal"},
		"no group":    {args, func(b *mocks.Balancer) { b.Groups = nil }, "", "arn: has no security group"},
		"no listener": {args, func(b *mocks.Balancer) { b.Protocol = "" }, "", "arn: has no listener on port 443"},
		"HTTP":        {args, func(b *mocks.Balancer) { b.Protocol = "HTTP" }, "", "arn: has a listener for HTTP on port 443"},
		"denied":      {args, nil, "aws:lb/getListener:getListener", "arn: look up its listener on port 443: denied"},
	} {
		balancer := mocks.NewBalancer()
		if test.change != nil {
			test.change(&balancer)
		}
		cloud := mocks.Cloud{Functions: balancer.Functions(), Fail: func(token, _ string) error {
			if token == test.denied {
				return errors.New("denied")
			}
			return nil
		}}
		if _, err := lookUpListener(&cloud, test.args); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}
