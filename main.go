// Command slipway is a Pulumi program that puts containerised services on AWS ECS Fargate behind one HTTPS load balancer,
// with DNS and certificate validation by Cloudflare.
package main

import (
	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components"
	"slipway/internal/settings"
)

func main() {
	var source settings.Source
	pulumi.Run(func(ctx *pulumi.Context) error { return deploy(ctx, source, newAccount(source)) }, source.Capture)
}

// deploy composes the stack:
//
//	client ── DNS record ─▶ load balancer ──▶ service: tasks on Fargate
//	                         │ certificate      │ logs, secrets, image
//	                        network ────────────┘ cluster
//
// The account tells what the AWS provider does not; with nil nothing stands yet, and the provider is trusted.
func deploy(ctx *pulumi.Context, source settings.Source, in account) error {
	cfg, err := readConfig(source)
	if err != nil {
		return err
	}
	for _, warning := range cfg.warnings() {
		if err := ctx.Log.Warn(warning, nil); err != nil {
			return err
		}
	}
	existing, err := lookUp(ctx, cfg, in)
	if err != nil {
		return err
	}
	name := ctx.Stack()
	tags := cfg.tags.With("Project", ctx.Project()).With("Stack", ctx.Stack())
	comment := "Pulumi stack " + ctx.Project() + "/" + ctx.Stack()

	network, err := components.NewNetwork(ctx, name, &components.NetworkArgs{
		CIDR:  cfg.network.cidr,
		Zones: cfg.network.zones,
		IPv6:  cfg.network.ipv6,
		Tags:  tags,
	})
	if err != nil {
		return err
	}

	certificate, err := components.NewCertificate(ctx, name, &components.CertificateArgs{
		Hostnames: cfg.hostnames(),
		Standing:  existing.certificates,
		ZoneID:    pulumi.String(existing.zoneID),
		Zone:      cfg.domain,
		Comment:   comment,
		Tags:      tags,
	})
	if err != nil {
		return err
	}

	balancer, err := components.NewLoadBalancer(ctx, name, &components.LoadBalancerArgs{
		VPCID:              network.VPCID,
		SubnetIDs:          network.PublicSubnetIDs,
		CertificateARN:     certificate.ARN,
		MoreCertificates:   certificate.More,
		IPv6:               cfg.network.ipv6,
		IdleTimeout:        cfg.loadBalancer.idleTimeout,
		DeletionProtection: cfg.loadBalancer.deletionProtection,
		SSLPolicy:          cfg.loadBalancer.sslPolicy,
		Tags:               tags,
	})
	if err != nil {
		return err
	}

	cluster, err := components.NewCluster(ctx, name, &components.ClusterArgs{Tags: tags})
	if err != nil {
		return err
	}

	priorities, attachments, err := cfg.prioritize(existing.priorities)
	if err != nil {
		return err
	}
	running := make(map[string]*components.FargateService)
	urls, services, logGroups := pulumi.StringMap{}, pulumi.StringMap{}, pulumi.StringMap{}
	images, canaries, before := pulumi.StringMap{}, pulumi.StringMap{}, pulumi.StringMap{}
	checks := pulumi.Map{}
	for _, s := range cfg.services {
		s = s.pinned(existing.images)
		service, err := components.NewFargateService(ctx, componentName(name, s.name), &components.FargateServiceArgs{
			Service:                     s.name,
			Region:                      existing.region,
			VPCID:                       network.VPCID,
			SubnetIDs:                   network.PublicSubnetIDs,
			ClusterARN:                  cluster.ARN,
			ListenerARN:                 balancer.ListenerARN,
			LoadBalancerSecurityGroupID: balancer.SecurityGroupID,
			LoadBalancerARNSuffix:       balancer.ARNSuffix,
			Priorities:                  attachments,
			Image:                       s.image,
			RegistryCredentials:         s.registry.input(),
			EntryPoint:                  s.entryPoint,
			Command:                     s.command,
			Environment:                 pulumi.ToStringMap(s.environment),
			Secrets:                     inputs(s.secrets),
			Port:                        s.port,
			CPU:                         s.cpu,
			Memory:                      s.memory,
			Architecture:                s.architecture,
			Capacity:                    s.capacity,
			HealthCheck:                 s.healthCheck,
			Drain:                       s.drain,
			IdleTimeout:                 cfg.loadBalancer.idleTimeout,
			LogRetention:                cfg.logRetention,
			InstanceCount:               components.Instances(s.instanceCount),
			Scaling:                     s.scaling,
			Deployment:                  s.deployment,
			Before:                      s.before,
			Canary:                      s.canary,
			PermissionsBoundary:         cfg.boundary(),
			Watcher:                     in,
			Tags:                        tags.With("Service", s.name),
		})
		if err != nil {
			return err
		}
		running[s.name] = service
		urls[s.name] = pulumi.String(s.url())
		checks[s.name] = cfg.checks(s)
		services[s.name] = service.Name
		images[s.name] = service.Image
		if s.canary != nil {
			canaries[s.name] = pulumi.String(s.canary.Image.String())
		}
		if s.before != nil && s.before.Image != nil {
			before[s.name] = pulumi.String(s.before.Image.String())
		}
		logGroups[s.name] = service.LogGroupName
	}

	routes, err := components.NewRoutes(ctx, name, &components.RoutesArgs{
		ListenerARN: balancer.ListenerARN,
		Priorities:  priorities,
		Services:    running,
		Former:      existing.former,
		Tags:        tags,
	})
	if err != nil {
		return err
	}

	var propagation *components.Propagation
	if in != nil {
		if propagation, err = components.NewPropagation(ctx); err != nil {
			return err
		}
		if existing.replacing {
			propagation.Moved(cfg.dns.ttl)
		}
	}
	var records []*cloudflare.Record
	for _, hostname := range cfg.hostnames() {
		record, err := components.NewDNSRecord(ctx, hostname, &components.DNSRecordArgs{
			ZoneID:      pulumi.String(existing.zoneID),
			Zone:        cfg.domain,
			Name:        pulumi.String(hostname),
			Target:      routes.Before(hostname, balancer.DNSName),
			TTL:         cfg.dns.ttl,
			Proxied:     cfg.dns.proxied,
			Propagation: propagation,
			Comment:     comment,
		})
		if err != nil {
			return err
		}
		records = append(records, record)
	}
	propagation.Wait(records)

	ctx.Export("urls", urls)
	ctx.Export("checks", checks)
	ctx.Export("loadBalancerDnsName", balancer.DNSName)
	ctx.Export("cluster", cluster.Name)
	ctx.Export("services", services)
	ctx.Export("images", images)
	ctx.Export("canaries", canaries)
	ctx.Export("beforeImages", before)
	ctx.Export("logGroups", logGroups)
	return nil
}
