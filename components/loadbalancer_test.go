package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
)

func loadBalancer(change func(*LoadBalancerArgs)) pulumi.RunFunc {
	args := &LoadBalancerArgs{
		In:             Placement{VPCID: pulumi.String("vpc"), SubnetIDs: pulumi.ToStringArray([]string{"subnet-1", "subnet-2"})},
		CertificateARN: pulumi.String("certificate"),
		IPv6:           true,
	}
	change(args)
	return func(ctx *pulumi.Context) error {
		_, err := NewLoadBalancer(ctx, "dev", args)
		return err
	}
}

func TestLoadBalancer(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(loadBalancer(func(*LoadBalancerArgs) {})); err != nil {
		t.Fatal(err)
	}
	// The security group has no inline rules, and allows nothing out until a service adds a rule.
	cloud.Expect(t, `
slipway:index:LoadBalancer dev
aws:ec2/securityGroup:SecurityGroup dev-load-balancer {"description":"Load balancer: HTTP and HTTPS from anywhere, out to its services","vpcId":"vpc"}
aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule dev-http-ipv4 {"cidrIpv4":"0.0.0.0/0","fromPort":80,"ipProtocol":"tcp","securityGroupId":"SecurityGroup/dev-load-balancer","toPort":80}
aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule dev-http-ipv6 {"cidrIpv6":"::/0","fromPort":80,"ipProtocol":"tcp","securityGroupId":"SecurityGroup/dev-load-balancer","toPort":80}
aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule dev-https-ipv4 {"cidrIpv4":"0.0.0.0/0","fromPort":443,"ipProtocol":"tcp","securityGroupId":"SecurityGroup/dev-load-balancer","toPort":443}
aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule dev-https-ipv6 {"cidrIpv6":"::/0","fromPort":443,"ipProtocol":"tcp","securityGroupId":"SecurityGroup/dev-load-balancer","toPort":443}
aws:lb/loadBalancer:LoadBalancer dev {"desyncMitigationMode":"defensive","dropInvalidHeaderFields":true,"enableDeletionProtection":false,"idleTimeout":60,"internal":false,"ipAddressType":"dualstack","loadBalancerType":"application","securityGroups":["SecurityGroup/dev-load-balancer"],"subnets":["subnet-1","subnet-2"]}
aws:lb/listener:Listener dev-http {"defaultActions":[{"redirect":{"port":"443","protocol":"HTTPS","statusCode":"HTTP_301"},"type":"redirect"}],"loadBalancerArn":"arn:LoadBalancer/dev","port":80,"protocol":"HTTP"}
aws:lb/listener:Listener dev-https {"certificateArn":"certificate","defaultActions":[{"fixedResponse":{"contentType":"application/json","messageBody":"{\"message\": \"Not Found\"}","statusCode":"404"},"type":"fixed-response"}],"loadBalancerArn":"arn:LoadBalancer/dev","port":443,"protocol":"HTTPS","sslPolicy":"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"}
`)
}

func TestLoadBalancerOptions(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(loadBalancer(func(args *LoadBalancerArgs) {
		args.IPv6, args.IdleTimeout, args.DeletionProtection, args.SSLPolicy = false, 300, true, "ELBSecurityPolicy-TLS13-1-3-2021-06"
	})); err != nil {
		t.Fatal(err)
	}
	balancer := cloud.Resource("aws:lb/loadBalancer:LoadBalancer", "dev").Inputs
	listener := cloud.Resource("aws:lb/listener:Listener", "dev-https").Inputs
	if balancer["ipAddressType"].StringValue() != "ipv4" || balancer["idleTimeout"].NumberValue() != 300 ||
		!balancer["enableDeletionProtection"].BoolValue() || listener["sslPolicy"].StringValue() != "ELBSecurityPolicy-TLS13-1-3-2021-06" {
		t.Errorf("options are not passed on: %v, %v", balancer, listener)
	}
	if !cloud.Resource("aws:lb/loadBalancer:LoadBalancer", "dev").RPC.GetProtect() {
		t.Error("the engine would begin to replace or to destroy what AWS refuses to delete")
	}
}

// More certificates are on the same listener, each with a separate resource: adding or removing one leaves the others.
func TestLoadBalancerWithMoreCertificates(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(loadBalancer(func(args *LoadBalancerArgs) {
		args.MoreCertificates = map[string]pulumi.StringOutput{"k.example.com": pulumi.String("second").ToStringOutput()}
	})); err != nil {
		t.Fatal(err)
	}
	const want = `{"certificateArn":"second","listenerArn":"arn:Listener/dev-https"}`
	if got := mocks.JSON(cloud.Resource("aws:lb/listenerCertificate:ListenerCertificate", "dev-https/k.example.com").Inputs); got != want {
		t.Errorf("the certificate is %s, want %s", got, want)
	}
}

// A resource that cannot leave its network is replaced with it, but not one from before the program said so.
func TestReplacedWithTheNetwork(t *testing.T) {
	t.Parallel()
	var balancers, services, networks mocks.Cloud
	for cloud, program := range map[*mocks.Cloud]pulumi.RunFunc{
		&balancers: loadBalancer(func(*LoadBalancerArgs) {}),
		&services:  fargateService(nil),
		&networks: func(ctx *pulumi.Context) error {
			_, err := NewNetwork(ctx, "dev", &NetworkArgs{})
			return err
		},
	} {
		if err := cloud.Run(program); err != nil {
			t.Fatal(err)
		}
	}
	for want, r := range map[string]mocks.Resource{
		"securityGroups":                  balancers.Resource("aws:lb/loadBalancer:LoadBalancer", "dev"),
		"loadBalancers[*].targetGroupArn": services.Resource(serviceType, "dev-hello"),
		"healthCheck":                     services.Resource("aws:lb/targetGroup:TargetGroup", "dev-hello"),
		"vpcId":                           networks.Resource("aws:ec2/internetGateway:InternetGateway", "dev"),
		"assignGeneratedIpv6CidrBlock":    networks.Resource("aws:ec2/vpc:Vpc", "dev"),
	} {
		if got := r.RPC.GetReplaceOnChanges(); len(got) != 1 || got[0] != want {
			t.Errorf("%s %s is replaced on changes of %v, want %s", r.Type, r.Name, got, want)
		}
	}
	if got := services.Resource(serviceType, "dev-hello").RPC.GetReplacementTrigger().GetStringValue(); got != "arn:TargetGroup/dev-hello" {
		t.Errorf("the service is replaced with %q", got)
	}
}

func TestLoadBalancerRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*LoadBalancerArgs)
		want   string
	}{
		"no VPC":         {func(args *LoadBalancerArgs) { args.In.VPCID = nil }, "needs a VPC id and subnet ids"},
		"no subnets":     {func(args *LoadBalancerArgs) { args.In.SubnetIDs = nil }, "needs a VPC id and subnet ids"},
		"idle for long":  {func(args *LoadBalancerArgs) { args.IdleTimeout = 4001 }, "load balancer dev: idleTimeout: 4001: must be from 1 to 4000"},
		"no certificate": {func(args *LoadBalancerArgs) { args.CertificateARN = nil }, "the certificate's ARN is missing"},
	} {
		var cloud mocks.Cloud
		if err := cloud.Run(loadBalancer(test.change)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, test.want)
		}
		cloud.Expect(t, "")
	}
	var cloud mocks.Cloud
	err := cloud.Run(func(ctx *pulumi.Context) error {
		_, err := NewLoadBalancer(ctx, "dev", nil)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "args are missing") {
		t.Errorf("no args: %v", err)
	}
}
