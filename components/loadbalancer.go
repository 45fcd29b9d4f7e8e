package components

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

const (
	httpPort  = 80
	httpsPort = 443
)

// LoadBalancerArgs describe a [LoadBalancer]. Each field of spec.LoadBalancer that is not given has its default.
type LoadBalancerArgs struct {
	spec.LoadBalancer
	In             Placement          // subnets in at least two zones, with a route to the internet
	CertificateARN pulumi.StringInput // issued by ACM in the same region
	// MoreCertificates has the ARNs of further certificates, each by one of its names. The load balancer uses the one with the name
	// that a client asks for (server name indication).
	MoreCertificates map[string]pulumi.StringOutput
	// IPv6 makes the load balancer answer on IPv6 too. The subnets need IPv6 blocks for that.
	IPv6 bool
	Tags Tags
}

// LoadBalancer is an internet-facing application load balancer. It answers HTTPS requests with 404 until a service adds a
// rule to the listener, and redirects HTTP to HTTPS.
type LoadBalancer struct {
	pulumi.ResourceState

	name string
	args LoadBalancerArgs

	DNSName         pulumi.StringOutput // has the listeners and their certificates as dependencies
	ARNSuffix       pulumi.StringOutput // its id in CloudWatch: "app/name/id"
	ListenerARN     pulumi.StringOutput // of the HTTPS listener
	SecurityGroupID pulumi.StringOutput // lets out only what services add
}

// NewLoadBalancer creates a load balancer with its listeners.
func NewLoadBalancer(ctx *pulumi.Context, name string, args *LoadBalancerArgs, opts ...pulumi.ResourceOption) (*LoadBalancer, error) {
	if args == nil {
		return nil, errors.New("load balancer: args are missing")
	}
	balancer := &LoadBalancer{name: name, args: *args}
	balancer.args.LoadBalancer = args.WithDefaults()
	if err := balancer.check(); err != nil {
		return nil, fmt.Errorf("load balancer %s: %w", name, err)
	}
	if err := ctx.RegisterComponentResource("slipway:index:LoadBalancer", name, balancer, opts...); err != nil {
		return nil, err
	}
	group, err := balancer.newSecurityGroup(ctx)
	if err != nil {
		return nil, err
	}
	alb, err := balancer.newBalancer(ctx, group)
	if err != nil {
		return nil, err
	}
	https, serving, err := balancer.newListeners(ctx, alb)
	if err != nil {
		return nil, err
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

// Listener returns the HTTPS listener that sends requests to services.
func (b *LoadBalancer) Listener() Listener {
	return Listener{
		ARN: b.ListenerARN, SecurityGroupID: b.SecurityGroupID, LoadBalancerARNSuffix: b.ARNSuffix, DNSName: b.DNSName,
		IdleTimeout: b.args.IdleTimeout,
	}
}

// check reports what is missing or wrong.
func (b *LoadBalancer) check() error {
	problems := []error{spec.CheckName(b.name), b.args.In.check(), b.args.Problems().Err(), b.args.Tags.problems().Err()}
	if b.args.CertificateARN == nil {
		problems = append(problems, errors.New("the certificate's ARN is missing"))
	}
	return errors.Join(problems...)
}

// parent is the option that makes a resource part of the load balancer.
func (b *LoadBalancer) parent() pulumi.ResourceOption { return pulumi.Parent(b) }

func (b *LoadBalancer) newSecurityGroup(ctx *pulumi.Context) (*ec2.SecurityGroup, error) {
	group, err := newSecurityGroup(ctx, b.name+"-load-balancer", "Load balancer: HTTP and HTTPS from anywhere, out to its services",
		b.args.In.VPCID, b.args.Tags, b.parent())
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
		if _, err := allowTCPFrom(ctx, b.name+"-"+rule.suffix, group.ID(), rule.from, rule.port, b.args.Tags, b.parent()); err != nil {
			return nil, err
		}
	}
	return group, nil
}

func (b *LoadBalancer) newBalancer(ctx *pulumi.Context, group *ec2.SecurityGroup) (*lb.LoadBalancer, error) {
	addressType := "ipv4"
	if b.args.IPv6 {
		addressType = "dualstack"
	}
	return lb.NewLoadBalancer(ctx, b.name, &lb.LoadBalancerArgs{
		LoadBalancerType:         pulumi.String("application"),
		Internal:                 pulumi.Bool(false),
		IpAddressType:            pulumi.String(addressType),
		Subnets:                  b.args.In.SubnetIDs,
		SecurityGroups:           pulumi.StringArray{group.ID()},
		IdleTimeout:              pulumi.Int(b.args.IdleTimeout),
		DropInvalidHeaderFields:  pulumi.Bool(true),
		DesyncMitigationMode:     pulumi.String("defensive"),
		EnableDeletionProtection: pulumi.Bool(b.args.DeletionProtection),
		Tags:                     b.args.Tags.named(b.name),
	},
		b.parent(),
		// A load balancer cannot leave its VPC. Another VPC means another security group, and that replaces the load balancer: the new
		// one comes first.
		pulumi.ReplaceOnChanges([]string{"securityGroups"}),
		// AWS would refuse the deletion at the end. The engine refuses to delete or replace it in the preview, before anything else is
		// deleted.
		pulumi.Protect(b.args.DeletionProtection),
	)
}

// newListeners creates the listeners. It returns the HTTPS one, and everything that must exist before clients come.
func (b *LoadBalancer) newListeners(ctx *pulumi.Context, alb *lb.LoadBalancer) (https *lb.Listener, serving []pulumi.Resource, err error) {
	https, err = lb.NewListener(ctx, b.name+"-https", &lb.ListenerArgs{
		LoadBalancerArn: alb.Arn,
		Port:            pulumi.Int(httpsPort),
		Protocol:        pulumi.String("HTTPS"),
		SslPolicy:       pulumi.String(b.args.SSLPolicy),
		CertificateArn:  b.args.CertificateARN,
		DefaultActions: lb.ListenerDefaultActionArray{lb.ListenerDefaultActionArgs{
			Type: pulumi.String("fixed-response"),
			FixedResponse: lb.ListenerDefaultActionFixedResponseArgs{
				StatusCode:  pulumi.String("404"),
				ContentType: pulumi.String("application/json"),
				MessageBody: pulumi.String(`{"message": "Not Found"}`),
			},
		}},
		Tags: b.args.Tags.named(b.name + "-https"),
	}, b.parent())
	if err != nil {
		return nil, nil, err
	}
	http, err := lb.NewListener(ctx, b.name+"-http", &lb.ListenerArgs{
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
		Tags: b.args.Tags.named(b.name + "-http"),
	}, b.parent())
	if err != nil {
		return nil, nil, err
	}
	serving = []pulumi.Resource{https, http}
	for _, key := range slices.Sorted(maps.Keys(b.args.MoreCertificates)) {
		certificate, err := lb.NewListenerCertificate(ctx, b.name+"-https/"+key, &lb.ListenerCertificateArgs{
			ListenerArn:    https.Arn,
			CertificateArn: b.args.MoreCertificates[key],
		}, b.parent())
		if err != nil {
			return nil, nil, err
		}
		serving = append(serving, certificate)
	}
	return https, serving, nil
}
