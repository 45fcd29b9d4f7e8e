package components

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Platform is what services and jobs stand on. They do not see who made it.
type Platform struct {
	Tasks    Placement // where tasks run
	Cluster  *Cluster
	Listener Listener // empty if there is no load balancer
}

// PlatformOutput is the output by which a stack offers its platform to other stacks. Nothing in it is secret.
type PlatformOutput struct {
	Domain    string   `pulumi:"domain"`    // the zone from which the depth of wildcards counts on the listener
	Hostnames []string `pulumi:"hostnames"` // names in the listener's certificates
	// Open says that stacks may come. A platform that is to be destroyed is closed first.
	Open   bool   `pulumi:"open"`
	Egress string `pulumi:"egress"` // [spec.Egress]; empty with an existing network

	VPCID     string   `pulumi:"vpcId"`
	SubnetIDs []string `pulumi:"subnetIds"`
	PublicIP  bool     `pulumi:"publicIp"`

	ClusterName string `pulumi:"clusterName"`
	ClusterARN  string `pulumi:"clusterArn"`
	Insights    bool   `pulumi:"insights"`

	ListenerARN           string `pulumi:"listenerArn"`
	SecurityGroupID       string `pulumi:"securityGroupId"`
	LoadBalancerARNSuffix string `pulumi:"loadBalancerArnSuffix"`
	DNSName               string `pulumi:"dnsName"`
	IdleTimeout           int    `pulumi:"idleTimeout"`
}

// Output returns the platform in the form of [PlatformOutput], for [pulumi.Context.Export]. The first part of the fields is given.
func (p Platform) Output(o PlatformOutput) pulumi.Map {
	return pulumi.Map{
		"domain": pulumi.String(o.Domain), "hostnames": pulumi.ToStringArray(o.Hostnames), "open": pulumi.Bool(o.Open), "egress": pulumi.String(o.Egress),
		"vpcId": p.Tasks.VPCID, "subnetIds": p.Tasks.SubnetIDs, "publicIp": pulumi.Bool(p.Tasks.PublicIP),
		"clusterName": p.Cluster.Name, "clusterArn": p.Cluster.ARN, "insights": pulumi.Bool(p.Cluster.Insights),
		"listenerArn": p.Listener.ARN, "securityGroupId": p.Listener.SecurityGroupID,
		"loadBalancerArnSuffix": p.Listener.LoadBalancerARNSuffix, "dnsName": p.Listener.DNSName,
		"idleTimeout": pulumi.Int(p.Listener.IdleTimeout),
	}
}

// Check reports an output that lacks something.
func (o PlatformOutput) Check() error {
	for _, text := range []string{
		o.Domain, o.VPCID, o.ClusterName, o.ClusterARN, o.ListenerARN, o.SecurityGroupID, o.LoadBalancerARNSuffix, o.DNSName,
	} {
		if text == "" {
			return errors.New("its output platform is incomplete; run `pulumi up` there, with this version of the program")
		}
	}
	if len(o.Hostnames) == 0 || len(o.SubnetIDs) == 0 || o.IdleTimeout == 0 {
		return errors.New("its output platform is incomplete; run `pulumi up` there, with this version of the program")
	}
	return nil
}

// Join returns the platform for a stack in the region, which shares the listener under a name of [spec.Sharer].
func (o PlatformOutput) Join(region, sharer string) Platform {
	return Platform{
		Tasks: Placement{VPCID: pulumi.String(o.VPCID), SubnetIDs: pulumi.ToStringArray(o.SubnetIDs), PublicIP: o.PublicIP},
		Cluster: &Cluster{
			Name: pulumi.String(o.ClusterName).ToStringOutput(), ARN: pulumi.String(o.ClusterARN).ToStringOutput(), Region: region, Insights: o.Insights,
		},
		Listener: Listener{
			ARN: pulumi.String(o.ListenerARN), SecurityGroupID: pulumi.String(o.SecurityGroupID),
			LoadBalancerARNSuffix: pulumi.String(o.LoadBalancerARNSuffix), DNSName: pulumi.String(o.DNSName).ToStringOutput(),
			IdleTimeout: o.IdleTimeout, Sharer: sharer,
		},
	}
}
