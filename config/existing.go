package config

import (
	"slipway/internal/settings"
	"slipway/spec"
)

// What the stack uses and others keep.

// ofOwnNetwork are the settings of a network that the stack makes.
var ofOwnNetwork = []string{"cidr", "zones", "ipv6", "egress", "flowLogs"}

// readExistingNetwork reads which network of others the stack uses; nil if it makes its own.
func readExistingNetwork(o *settings.Object) *spec.ExistingNetwork {
	ids, tags := o.Section("subnetIds"), o.Section("subnetTags")
	n := spec.ExistingNetwork{
		VPCID:  o.Text("vpcId", "", spec.CheckVPC),
		Public: spec.Subnets{IDs: ids.Set("public", spec.CheckSubnet), Tags: tags.Scalars("public")},
		Tasks:  spec.Subnets{IDs: ids.Set("tasks", spec.CheckSubnet), Tags: tags.Scalars("tasks")},
	}
	ids.Close()
	tags.Close()
	switch chosen := o.Has("subnetIds") || o.Has("subnetTags"); {
	case !o.Has("vpcId") && !chosen:
		return nil
	case !o.Has("vpcId"):
		o.Missing("vpcId", "it is the VPC of the subnets in subnetIds and subnetTags")
	case !chosen:
		o.Missing("subnetIds", "it names subnets of the VPC: public ones for the load balancer, tasks for the tasks; subnetTags finds them by tags")
	}
	report(o, n.Problems())
	for _, key := range ofOwnNetwork {
		if o.Has(key) {
			o.Problems.Add(o.Path(key), "%s and vpcId exclude each other: an existing network stays as it is", key)
		}
	}
	return &n
}

// ofOwnBalancer are the settings of a load balancer that the stack makes.
var ofOwnBalancer = []string{"idleTimeout", "deletionProtection", "sslPolicy", "hostnames"}

// readExistingBalancer reads whose load balancer the stack uses, and whose certificate; empty if it makes its own.
func readExistingBalancer(o *settings.Object) (balancer, certificate string) {
	balancer, certificate = o.Text("arn", "", spec.CheckLoadBalancerARN), o.Text("certificateArn", "", spec.CheckCertificateARN)
	for _, key := range ofOwnBalancer {
		if o.Has("arn") && o.Has(key) {
			o.Problems.Add(o.Path(key), "%s and arn exclude each other: an existing load balancer stays as it is", key)
		}
	}
	return balancer, certificate
}

// readCluster reads in whose cluster the tasks run, empty if the stack makes its own, and whether its own one counts them.
func readCluster(o *settings.Object) (existing string, insights bool) {
	defer o.Close()
	existing, insights = o.Text("name", "", spec.CheckCluster), o.Boolean("insights", false)
	if o.Has("name") && o.Has("insights") {
		o.Problems.Add(o.Path("insights"), "insights and name exclude each other: an existing cluster stays as it is")
	}
	return existing, insights
}

// checkExistingBalancer reports a load balancer of others without the network that it is in.
func (c *Config) checkExistingBalancer(balancer *settings.Object) {
	if c.LoadBalancerARN != "" && c.ExistingNetwork == nil {
		balancer.Problems.Add(balancer.Path("arn"), "needs network.vpcId: a load balancer reaches only tasks in its own VPC")
	}
}

// checkExistingNetwork reports an existing network without subnets for what the stack makes in it.
func (c *Config) checkExistingNetwork(network *settings.Object) {
	if c.ExistingNetwork == nil {
		return
	}
	switch chosen := c.ExistingNetwork; {
	case !chosen.Public.Given() && !chosen.Tasks.Given():
		network.Problems.Add(network.Path("subnetIds"), "names no subnets: it takes those of the tasks, and public ones for the load balancer")
	case c.HasLoadBalancer() && c.LoadBalancerARN == "" && !chosen.Public.Given():
		network.Problems.Add(network.Path("subnetIds", "public"), "is missing; it names at least two subnets for the load balancer, each with a route to an internet gateway")
	}
}
