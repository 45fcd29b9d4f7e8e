// Command slipway is a Pulumi program that puts containerised services on AWS ECS Fargate behind one HTTPS load balancer,
// with DNS and certificate validation by Cloudflare.
package main

import (
	"slices"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components"
	"slipway/config"
	"slipway/internal/account"
	"slipway/internal/settings"
	"slipway/spec"
)

func main() {
	var source settings.Source
	pulumi.Run(func(ctx *pulumi.Context) error { return deploy(ctx, source, account.New(source)) }, source.Capture)
}

// deploy composes the stack:
//
//	client ── DNS record ─▶ load balancer ──▶ service: tasks on Fargate
//	                         │ certificate      │ logs, secrets, image
//	                        network ────────────┘ cluster
//
// The account tells what the AWS provider does not; with nil nothing stands yet, and the provider is trusted.
func deploy(ctx *pulumi.Context, source settings.Source, in account.Account) error {
	cfg, err := config.Read(source)
	if err != nil {
		return err
	}
	for _, warning := range cfg.Warnings() {
		if err := ctx.Log.Warn(warning, nil); err != nil {
			return err
		}
	}
	existing, err := account.LookUp(ctx, cfg, in)
	if err != nil {
		return err
	}
	name := ctx.Stack()
	tags := components.Tags(cfg.Tags).With("Project", ctx.Project()).With("Stack", ctx.Stack())
	comment := "Pulumi stack " + ctx.Project() + "/" + ctx.Stack()

	network, err := components.NewNetwork(ctx, name, &components.NetworkArgs{
		CIDR:  cfg.Network.CIDR,
		Zones: cfg.Network.Zones,
		IPv6:  cfg.Network.IPv6,
		Tags:  tags,
	})
	if err != nil {
		return err
	}

	certificate, err := components.NewCertificate(ctx, name, &components.CertificateArgs{
		Hostnames: cfg.Hostnames(),
		Standing:  existing.Certificates,
		ZoneID:    pulumi.String(existing.ZoneID),
		Zone:      cfg.Domain,
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
		IPv6:               cfg.Network.IPv6,
		IdleTimeout:        cfg.LoadBalancer.IdleTimeout,
		DeletionProtection: cfg.LoadBalancer.DeletionProtection,
		SSLPolicy:          cfg.LoadBalancer.SSLPolicy,
		Tags:               tags,
	})
	if err != nil {
		return err
	}

	cluster, err := components.NewCluster(ctx, name, &components.ClusterArgs{Tags: tags})
	if err != nil {
		return err
	}

	priorities, attachments, err := cfg.Prioritize(existing.Priorities)
	if err != nil {
		return err
	}
	running := make(map[string]*components.FargateService)
	urls, services, logGroups := pulumi.StringMap{}, pulumi.StringMap{}, pulumi.StringMap{}
	images, canaries, before := pulumi.StringMap{}, pulumi.StringMap{}, pulumi.StringMap{}
	checks := pulumi.Map{}
	for _, s := range cfg.Services {
		s = s.Pinned(existing.Images)
		service, err := components.NewFargateService(ctx, config.ComponentName(name, s.Name), &components.FargateServiceArgs{
			Service:                     s.Name,
			Region:                      existing.Region,
			VPCID:                       network.VPCID,
			SubnetIDs:                   network.PublicSubnetIDs,
			ClusterARN:                  cluster.ARN,
			ListenerARN:                 balancer.ListenerARN,
			LoadBalancerSecurityGroupID: balancer.SecurityGroupID,
			LoadBalancerARNSuffix:       balancer.ARNSuffix,
			Priorities:                  attachments,
			Image:                       s.Image,
			RegistryCredentials:         registryCredentials(s.Registry),
			EntryPoint:                  s.EntryPoint,
			Command:                     s.Command,
			Environment:                 pulumi.ToStringMap(s.Environment),
			Secrets:                     config.Inputs(s.Secrets),
			Port:                        s.Port,
			CPU:                         s.CPU,
			Memory:                      s.Memory,
			Architecture:                s.Architecture,
			Capacity:                    s.Capacity,
			HealthCheck:                 s.HealthCheck,
			Drain:                       s.Drain,
			IdleTimeout:                 cfg.LoadBalancer.IdleTimeout,
			LogRetention:                cfg.LogRetention,
			InstanceCount:               spec.Instances(s.InstanceCount),
			Scaling:                     s.Scaling,
			Serving:                     existing.Tasks(s),
			Deployment:                  s.Deployment,
			Before:                      s.Before,
			Canary:                      s.Canary,
			PermissionsBoundary:         cfg.Boundary(),
			Watcher:                     in,
			Tags:                        tags.With("Service", s.Name),
		})
		if err != nil {
			return err
		}
		running[s.Name] = service
		urls[s.Name] = pulumi.String(s.URL())
		checks[s.Name] = cfg.Checks(s)
		services[s.Name] = service.Name
		images[s.Name] = service.Image
		if s.Canary != nil {
			canaries[s.Name] = pulumi.String(s.Canary.Image.String())
		}
		if s.Before != nil && s.Before.Image != nil {
			before[s.Name] = pulumi.String(s.Before.Image.String())
		}
		logGroups[s.Name] = service.LogGroupName
	}

	routes, err := components.NewRoutes(ctx, name, &components.RoutesArgs{
		ListenerARN: balancer.ListenerARN,
		Priorities:  priorities,
		Services:    running,
		Former:      existing.Former,
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
		if existing.Replacing {
			propagation.Moved(existing.Remembered)
		}
	}
	var records []*cloudflare.Record
	for _, hostname := range slices.Concat(cfg.Hostnames(), existing.Left) {
		record, err := components.NewDNSRecord(ctx, hostname, &components.DNSRecordArgs{
			ZoneID:      pulumi.String(existing.ZoneID),
			Zone:        cfg.Domain,
			Name:        pulumi.String(hostname),
			Target:      routes.Before(hostname, balancer.DNSName),
			TTL:         cfg.DNS.TTL,
			Proxied:     cfg.DNS.Proxied,
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
	ctx.Export("network", pulumi.Map{"cidr": pulumi.String(cfg.Network.CIDR), "ipv6": pulumi.Bool(cfg.Network.IPv6)})
	ctx.Export("dnsTtl", pulumi.Int(cfg.DNS.Remembered()))
	ctx.Export("cluster", cluster.Name)
	ctx.Export("services", services)
	ctx.Export("images", images)
	ctx.Export("canaries", canaries)
	ctx.Export("beforeImages", before)
	ctx.Export("logGroups", logGroups)
	return nil
}

// registryCredentials returns the credentials as a component's argument, or nil if there are none.
func registryCredentials(r *config.Registry) *components.RegistryCredentials {
	if r == nil {
		return nil
	}
	return &components.RegistryCredentials{Username: r.Username, Password: r.Password.Input()}
}
