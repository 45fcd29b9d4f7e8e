package components

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

const (
	httpPort  = 80
	httpsPort = 443
)

// LoadBalancerArgs describe a [LoadBalancer].
type LoadBalancerArgs struct {
	VPCID          pulumi.StringInput
	SubnetIDs      pulumi.StringArrayInput // in at least two zones, with a route to the internet
	CertificateARN pulumi.StringInput      // issued by ACM in the same region
	// MoreCertificates are the ARNs of further ones, by a name of each. The load balancer takes the one that has the name that a client
	// asks for (server name indication).
	MoreCertificates map[string]pulumi.StringOutput
	// IPv6 makes the load balancer answer on IPv6 too. The subnets need IPv6 blocks for that.
	IPv6 bool
	// IdleTimeout is after how many seconds a connection on which nothing is sent is closed, by default [spec.DefaultIdleTimeout].
	IdleTimeout int
	// DeletionProtection makes AWS refuse to delete the load balancer.
	DeletionProtection bool
	// SSLPolicy is the security policy of the HTTPS listener, by default [spec.DefaultSSLPolicy].
	SSLPolicy string
	Tags      Tags
}

// LoadBalancer is an internet-facing application load balancer. It answers HTTPS requests with 404 until a service adds a
// rule to the listener, and redirects HTTP to HTTPS.
type LoadBalancer struct {
	pulumi.ResourceState

	DNSName         pulumi.StringOutput // carries the listeners and their certificates as dependencies
	ARNSuffix       pulumi.StringOutput // by which CloudWatch knows it: "app/name/id"
	ListenerARN     pulumi.StringOutput // of the HTTPS listener
	SecurityGroupID pulumi.StringOutput // lets nothing out but what services add to it
}

// NewLoadBalancer creates a load balancer with its listeners.
func NewLoadBalancer(ctx *pulumi.Context, name string, args *LoadBalancerArgs, opts ...pulumi.ResourceOption) (*LoadBalancer, error) {
	if args == nil {
		return nil, errors.New("load balancer: args are missing")
	}
	idleTimeout, sslPolicy := cmp.Or(args.IdleTimeout, spec.DefaultIdleTimeout), cmp.Or(args.SSLPolicy, spec.DefaultSSLPolicy)
	addressType := "ipv4"
	if args.IPv6 {
		addressType = "dualstack"
	}
	if args.VPCID == nil || args.SubnetIDs == nil || args.CertificateARN == nil {
		return nil, fmt.Errorf("load balancer %s: the VPC id, the subnet ids and the certificate's ARN are all needed", name)
	}
	if err := spec.CheckName(name); err != nil {
		return nil, fmt.Errorf("load balancer: %w", err)
	}
	if err := spec.CheckRange(idleTimeout, 1, spec.MaxIdleTimeout); err != nil {
		return nil, fmt.Errorf("load balancer %s: the idle timeout %w", name, err)
	}

	balancer := &LoadBalancer{}
	if err := ctx.RegisterComponentResource("slipway:index:LoadBalancer", name, balancer, opts...); err != nil {
		return nil, err
	}
	parent := pulumi.Parent(balancer)

	group, err := newSecurityGroup(ctx, name+"-load-balancer", "Load balancer: HTTP and HTTPS from anywhere, out to its services",
		args.VPCID, args.Tags, parent)
	if err != nil {
		return nil, err
	}
	for _, rule := range []struct {
		suffix string
		from   peer
		port   int
	}{
		{"http-ipv4", peer{ipv4: everyIPv4}, httpPort},
		{"http-ipv6", peer{ipv6: everyIPv6}, httpPort},
		{"https-ipv4", peer{ipv4: everyIPv4}, httpsPort},
		{"https-ipv6", peer{ipv6: everyIPv6}, httpsPort},
	} {
		if _, err := allowTCPFrom(ctx, name+"-"+rule.suffix, group.ID(), rule.from, rule.port, args.Tags, parent); err != nil {
			return nil, err
		}
	}

	alb, err := lb.NewLoadBalancer(ctx, name, &lb.LoadBalancerArgs{
		LoadBalancerType:         pulumi.String("application"),
		Internal:                 pulumi.Bool(false),
		IpAddressType:            pulumi.String(addressType),
		Subnets:                  args.SubnetIDs,
		SecurityGroups:           pulumi.StringArray{group.ID()},
		IdleTimeout:              pulumi.Int(idleTimeout),
		DropInvalidHeaderFields:  pulumi.Bool(true),
		DesyncMitigationMode:     pulumi.String("defensive"),
		EnableDeletionProtection: pulumi.Bool(args.DeletionProtection),
		Tags:                     args.Tags.named(name),
	},
		parent,
		// It cannot leave its VPC. One in another VPC, which has another security group, comes up beside it.
		pulumi.ReplaceOnChanges([]string{"securityGroups"}),
		// What AWS would refuse to delete, in the end, the engine refuses to delete or replace in the preview, before anything else goes.
		pulumi.Protect(args.DeletionProtection),
	)
	if err != nil {
		return nil, err
	}

	https, err := lb.NewListener(ctx, name+"-https", &lb.ListenerArgs{
		LoadBalancerArn: alb.Arn,
		Port:            pulumi.Int(httpsPort),
		Protocol:        pulumi.String("HTTPS"),
		SslPolicy:       pulumi.String(sslPolicy),
		CertificateArn:  args.CertificateARN,
		DefaultActions: lb.ListenerDefaultActionArray{lb.ListenerDefaultActionArgs{
			Type: pulumi.String("fixed-response"),
			FixedResponse: lb.ListenerDefaultActionFixedResponseArgs{
				StatusCode:  pulumi.String("404"),
				ContentType: pulumi.String("application/json"),
				MessageBody: pulumi.String(`{"message": "Not Found"}`),
			},
		}},
		Tags: args.Tags.named(name + "-https"),
	}, parent)
	if err != nil {
		return nil, err
	}
	http, err := lb.NewListener(ctx, name+"-http", &lb.ListenerArgs{
		LoadBalancerArn: alb.Arn,
		Port:            pulumi.Int(httpPort),
		Protocol:        pulumi.String("HTTP"),
		DefaultActions: lb.ListenerDefaultActionArray{lb.ListenerDefaultActionArgs{
			Type: pulumi.String("redirect"),
			Redirect: lb.ListenerDefaultActionRedirectArgs{
				StatusCode: pulumi.String("HTTP_301"),
				Protocol:   pulumi.String("HTTPS"),
				Port:       pulumi.String(strconv.Itoa(httpsPort)),
			},
		}},
		Tags: args.Tags.named(name + "-http"),
	}, parent)
	if err != nil {
		return nil, err
	}
	serving := []pulumi.Resource{https, http}

	for _, key := range slices.Sorted(maps.Keys(args.MoreCertificates)) {
		certificate, err := lb.NewListenerCertificate(ctx, name+"-https/"+key, &lb.ListenerCertificateArgs{
			ListenerArn:    https.Arn,
			CertificateArn: args.MoreCertificates[key],
		}, parent)
		if err != nil {
			return nil, err
		}
		serving = append(serving, certificate)
	}

	balancer.DNSName = after(alb.DnsName, serving...)
	balancer.ARNSuffix = alb.ArnSuffix
	balancer.ListenerARN = https.Arn
	balancer.SecurityGroupID = group.ID().ToStringOutput()
	return balancer, ctx.RegisterResourceOutputs(balancer, pulumi.Map{
		"dnsName":         balancer.DNSName,
		"arnSuffix":       balancer.ARNSuffix,
		"listenerArn":     balancer.ListenerARN,
		"securityGroupId": balancer.SecurityGroupID,
	})
}
