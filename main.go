// Command slipway is a Pulumi program that puts containerised services on AWS ECS Fargate behind one HTTPS load balancer,
// with DNS and certificate validation by Cloudflare.
package main

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components"
	"slipway/config"
	"slipway/internal/account"
	"slipway/internal/settings"
)

func main() {
	var source settings.Source
	pulumi.Run(func(ctx *pulumi.Context) error {
		if account.OnlyProviders() {
			return account.ConfigureProviders(ctx, source)
		}
		return deploy(ctx, source, account.New(source))
	}, source.Capture)
}

// deploy composes the stack:
//
//	client ── DNS record ─▶ load balancer ──▶ service: tasks on Fargate     worker: tasks on Fargate     job: a task on Fargate
//	                         │ certificate      │ logs, secrets, image        │ logs, secrets, image       │ logs, secrets, image
//	                        network ────────────┘ cluster ────────────────────┴────────────────────────────┘
//
// Services that call each other find their names in a namespace.
//
// The account answers what the AWS provider cannot. With nil nothing exists yet, and the provider is trusted.
func deploy(ctx *pulumi.Context, source settings.Source, in account.Account) error {
	cfg, existing, err := prepare(ctx, source, in)
	if err != nil {
		return err
	}
	name := ctx.Stack()
	tags := components.Tags(cfg.Tags).With("Project", ctx.Project()).With("Stack", ctx.Stack())

	platform, err := newPlatform(ctx, cfg, existing, tags)
	if err != nil {
		return err
	}
	priorities, err := cfg.Prioritize(existing.Zone, existing.Priorities)
	if err != nil {
		return err
	}
	jobs, err := newJobs(ctx, cfg, existing, platform, tags)
	if err != nil {
		return err
	}
	namespace, err := newNamespace(ctx, cfg, platform, tags)
	if err != nil {
		return err
	}
	services, err := cfg.InOrder()
	if err != nil {
		return err
	}
	running := make(map[string]*components.FargateService)
	for _, s := range services {
		service, err := components.NewFargateService(ctx, config.ComponentName(name, s.Name), &components.FargateServiceArgs{
			Service: s.Pinned(existing.Images), Cluster: platform.Cluster, In: platform.Tasks, Access: access(cfg, s.Secrets, s.SidecarSecrets, s.Registry),
			Calls:    calls(cfg, s, namespace, running),
			Listener: platform.Listener, Priorities: priorities.Attachments, Serving: existing.Tasks(s), Watcher: in, Tags: tags,
			Jobs: jobsOf(cfg, s, name, tags), Gate: s.Gate, Others: jobs, Runner: in,
		})
		if err != nil {
			return err
		}
		running[s.Name] = service
		maps.Copy(jobs, service.Jobs)
	}
	exportServices(ctx, cfg, existing, running)
	exportJobs(ctx, jobs)
	ctx.Export("vpcId", platform.Tasks.VPCID)
	ctx.Export("cluster", platform.Cluster.Name)
	if cfg.IsPlatform() {
		ctx.Export("platform", platform.Output(components.PlatformOutput{
			Domain: cfg.Domain, Hostnames: cfg.PlatformNames, Open: cfg.LoadBalancer.DeletionProtection, Egress: string(cfg.Network.Egress),
		}))
		ctx.Export("loadBalancerDnsName", platform.Listener.DNSName)
	}
	if !cfg.TakesRequests() {
		ctx.Export("network", networkOutput(cfg, existing))
		return nil
	}

	routes, err := components.NewRoutes(ctx, name, &components.RoutesArgs{
		ListenerARN: platform.Listener.ARN, Priorities: priorities.Routes, Redraw: existing.Redraw(priorities.Routes),
		Services: running, Former: existing.Former, Tags: tags,
	})
	if err != nil {
		return err
	}
	propagated, err := components.NewRecords(ctx, &components.RecordsArgs{
		DNS: cfg.DNS, ZoneID: pulumi.String(existing.ZoneID), Zone: cfg.Domain, Hostnames: slices.Concat(cfg.Hostnames(), existing.Left),
		Target: func(hostname string) pulumi.StringInput { return routes.Before(hostname, platform.Listener.DNSName) },
		Wait:   in != nil, Replaced: existing.Replacing, Remembered: existing.Remembered, Comment: comment(ctx),
	})
	if err != nil {
		return err
	}
	ctx.Export("loadBalancerDnsName", once(propagated, platform.Listener.DNSName))
	ctx.Export("network", once(propagated, networkOutput(cfg, existing)))
	ctx.Export("dnsTtl", once(propagated, pulumi.Int(cfg.DNS.Remembered())))
	return nil
}

// newPlatform creates what the stack's services and jobs stand on, unless another stack has it. A stack that has nothing but workers and
// jobs has no load balancer.
func newPlatform(ctx *pulumi.Context, cfg *config.Config, existing account.Existing, tags components.Tags) (components.Platform, error) {
	if existing.Platform != nil {
		return joinPlatform(ctx, cfg, existing, tags)
	}
	network, err := newNetwork(ctx, cfg, existing, tags)
	if err != nil {
		return components.Platform{}, err
	}
	cluster, err := newCluster(ctx, cfg, existing, tags)
	if err != nil {
		return components.Platform{}, err
	}
	platform := components.Platform{Tasks: network.Tasks(), Cluster: cluster}
	if !cfg.HasLoadBalancer() {
		return platform, nil
	}
	if existing.Listener != nil {
		platform.Listener, err = certify(ctx, cfg, existing, existing.Listener.Listener(cfg.Sharer), tags)
		return platform, err
	}
	balancer, err := newLoadBalancer(ctx, cfg, existing, network, tags)
	if err != nil {
		return components.Platform{}, err
	}
	platform.Listener = balancer.Listener()
	return platform, nil
}

// joinPlatform returns another stack's platform, with certificates of this stack on its listener for names that it has none for.
func joinPlatform(ctx *pulumi.Context, cfg *config.Config, existing account.Existing, tags components.Tags) (components.Platform, error) {
	platform := existing.Platform.Join(existing.Region, cfg.Sharer)
	var err error
	platform.Listener, err = certify(ctx, cfg, existing, platform.Listener, tags)
	return platform, err
}

// certify adds certificates of this stack to a listener that it shares.
func certify(
	ctx *pulumi.Context, cfg *config.Config, existing account.Existing, listener components.Listener, tags components.Tags,
) (components.Listener, error) {
	hostnames := existing.Uncertified(cfg)
	if len(hostnames) == 0 {
		return listener, nil
	}
	certificate, err := components.NewCertificate(ctx, ctx.Stack(), &components.CertificateArgs{
		Hostnames: hostnames, Listener: listener.ARN, ZoneID: pulumi.String(existing.ZoneID), Zone: cfg.Domain, Comment: comment(ctx), Tags: tags,
	})
	if err != nil {
		return components.Listener{}, err
	}
	return listener.With(certificate), nil
}

// newLoadBalancer creates the load balancer with its certificates.
func newLoadBalancer(
	ctx *pulumi.Context, cfg *config.Config, existing account.Existing, network network, tags components.Tags,
) (*components.LoadBalancer, error) {
	args := &components.LoadBalancerArgs{LoadBalancer: cfg.LoadBalancer, In: network.Public(), IPv6: hasIPv6(cfg, existing), Tags: tags}
	if cfg.CertificateARN != "" {
		args.CertificateARN = pulumi.String(cfg.CertificateARN)
		return components.NewLoadBalancer(ctx, ctx.Stack(), args, protection(cfg)...)
	}
	certificate, err := components.NewCertificate(ctx, ctx.Stack(), &components.CertificateArgs{
		Hostnames: cfg.CertificateNames(), Standing: existing.Certificates, ZoneID: pulumi.String(existing.ZoneID), Zone: cfg.Domain,
		Comment: comment(ctx), Tags: tags,
	})
	if err != nil {
		return nil, err
	}
	args.CertificateARN, args.MoreCertificates = certificate.ARN, certificate.More
	return components.NewLoadBalancer(ctx, ctx.Stack(), args, protection(cfg)...)
}

// protection is of every part of a platform, and not only of its load balancer: pulumi destroy begins with the listeners, and other stacks'
// rules would go with them. The certificates need none: they outlast the listeners.
func protection(cfg *config.Config) []pulumi.ResourceOption {
	if !cfg.IsPlatform() {
		return nil
	}
	return []pulumi.ResourceOption{pulumi.Protect(cfg.LoadBalancer.DeletionProtection)}
}

// network has places for what a stack puts into a VPC: its own one, or one that others keep.
type network interface {
	Public() components.Placement // for a load balancer
	Tasks() components.Placement
}

func newNetwork(ctx *pulumi.Context, cfg *config.Config, existing account.Existing, tags components.Tags) (network, error) {
	if existing.Network != nil {
		return existing.Network, nil
	}
	return components.NewNetwork(ctx, ctx.Stack(), &components.NetworkArgs{Network: cfg.Network, Boundary: boundary(cfg), Tags: tags}, protection(cfg)...)
}

func newCluster(ctx *pulumi.Context, cfg *config.Config, existing account.Existing, tags components.Tags) (*components.Cluster, error) {
	if existing.Cluster != nil {
		return existing.Cluster, nil
	}
	return components.NewCluster(ctx, ctx.Stack(), &components.ClusterArgs{
		Region: existing.Region, Insights: cfg.ScalesByQueue() || cfg.Insights, Tags: tags,
	}, protection(cfg)...)
}

// hasIPv6 reports whether the load balancer answers on IPv6 too.
func hasIPv6(cfg *config.Config, existing account.Existing) bool {
	if existing.Network != nil {
		return existing.Network.IPv6
	}
	return cfg.Network.IPv6
}

// networkOutput is what the next update compares its network with.
func networkOutput(cfg *config.Config, existing account.Existing) pulumi.Map {
	if existing.Platform != nil {
		return pulumi.Map{"platform": pulumi.String(existing.Platform.Stack)}
	}
	if cfg.LoadBalancerARN != "" {
		return pulumi.Map{"vpcId": pulumi.String(cfg.ExistingNetwork.VPCID), "loadBalancerArn": pulumi.String(cfg.LoadBalancerARN)}
	}
	if cfg.ExistingNetwork != nil {
		return pulumi.Map{"vpcId": pulumi.String(cfg.ExistingNetwork.VPCID)}
	}
	return pulumi.Map{"cidr": pulumi.String(cfg.Network.CIDR), "ipv6": pulumi.Bool(cfg.Network.IPv6), "egress": pulumi.String(cfg.Network.Egress)}
}

// newJobs creates the jobs with images of their own.
func newJobs(
	ctx *pulumi.Context, cfg *config.Config, existing account.Existing, platform components.Platform, tags components.Tags,
) (map[string]*components.FargateJob, error) {
	jobs := make(map[string]*components.FargateJob)
	for _, j := range cfg.JobsOf("") {
		job, err := components.NewFargateJob(ctx, config.ComponentName(ctx.Stack(), j.Name), &components.FargateJobArgs{
			Job: j.Pinned(existing.Images), Cluster: platform.Cluster, In: platform.Tasks, Access: access(cfg, j.Secrets, nil, j.Registry), Tags: tags,
		})
		if err != nil {
			return nil, err
		}
		jobs[j.Name] = job
	}
	return jobs, nil
}

// jobsOf describes the jobs that run a service's image.
func jobsOf(cfg *config.Config, s config.Service, stack string, tags components.Tags) map[string]components.FargateJobArgs {
	jobs := make(map[string]components.FargateJobArgs)
	for _, j := range cfg.JobsOf(s.Name) {
		jobs[config.ComponentName(stack, j.Name)] = components.FargateJobArgs{Job: j.Job, Tags: tags}
	}
	return jobs
}

// newNamespace creates the namespace in which services find those that they call; nil if none calls another.
func newNamespace(ctx *pulumi.Context, cfg *config.Config, platform components.Platform, tags components.Tags) (*components.Namespace, error) {
	if !cfg.HasCalls() {
		return nil, nil
	}
	return components.NewNamespace(ctx, ctx.Stack(), &components.NamespaceArgs{VPCID: platform.Tasks.VPCID, Tags: tags})
}

// calls returns a service's calls to those that are running.
func calls(cfg *config.Config, s config.Service, namespace *components.Namespace, running map[string]*components.FargateService) components.Calls {
	calls := components.Calls{Namespace: namespace, Called: cfg.Called(s.Name)}
	for _, callee := range s.Calls {
		calls.Callees = append(calls.Callees, running[callee])
	}
	return calls
}

// comment names the records' origin in Cloudflare's dashboard.
func comment(ctx *pulumi.Context) string { return "Pulumi stack " + ctx.Project() + "/" + ctx.Stack() }

// once returns a value that resolves only after another one. The next update learns from such outputs what this one did: if this update
// is interrupted while it waits, they stay unchanged.
func once(before pulumi.Output, value any) pulumi.Output {
	return pulumi.All(before, value).ApplyT(func(all []any) any { return all[1] })
}

// prepare reads the config and looks up what exists already, so errors are found before anything is created.
func prepare(ctx *pulumi.Context, source settings.Source, in account.Account) (*config.Config, account.Existing, error) {
	cfg, err := config.Read(source)
	if err != nil {
		return nil, account.Existing{}, err
	}
	for _, warning := range cfg.Warnings() {
		if err := ctx.Log.Warn(warning, nil); err != nil {
			return nil, account.Existing{}, err
		}
	}
	existing, err := account.LookUp(ctx, cfg, in)
	return cfg, existing, err
}

// access returns the secrets of tasks, and the limit of what they may do.
func access(
	cfg *config.Config, secrets map[string]config.Secret, ofSidecars map[string]map[string]config.Secret, registry *config.Registry,
) components.Access {
	access := components.Access{Secrets: config.Inputs(secrets), SidecarSecrets: make(map[string]pulumi.StringMap, len(ofSidecars))}
	for sidecar, secrets := range ofSidecars {
		access.SidecarSecrets[sidecar] = config.Inputs(secrets)
	}
	if registry != nil {
		access.Registry = &components.RegistryCredentials{Username: registry.Username, Password: registry.Password.Input()}
	}
	access.Boundary = boundary(cfg)
	return access
}

// boundary returns the ARN of the permissions boundary of every role; nil for none.
func boundary(cfg *config.Config) pulumi.StringPtrInput {
	if cfg.PermissionsBoundary == "" {
		return nil
	}
	return pulumi.String(cfg.PermissionsBoundary)
}

// exportServices exports the facts about its services that people and the commands in cmd/ use.
func exportServices(ctx *pulumi.Context, cfg *config.Config, existing account.Existing, running map[string]*components.FargateService) {
	urls, checks, images, services := pulumi.StringMap{}, pulumi.Map{}, pulumi.StringMap{}, pulumi.StringMap{}
	canaries, before, logGroups, calls := pulumi.StringMap{}, pulumi.StringMap{}, pulumi.StringMap{}, pulumi.StringArrayMap{}
	for _, s := range cfg.Services {
		service, pinned := running[s.Name], s.Pinned(existing.Images)
		if s.HTTP != nil {
			urls[s.Name], checks[s.Name] = pulumi.String(s.URL()), cfg.Checks(s)
		}
		services[s.Name], images[s.Name], logGroups[s.Name] = service.Name, service.Image, service.LogGroupName
		if len(s.Calls) > 0 {
			calls[s.Name] = pulumi.ToStringArray(s.Calls)
		}
		if canary := pinned.Canary(); canary != nil {
			canaries[s.Name] = pulumi.String(canary.Image.String())
		}
		if pinned.Before != nil && pinned.Before.Image != nil {
			before[s.Name] = pulumi.String(pinned.Before.Image.String())
		}
	}
	ctx.Export("urls", urls)
	ctx.Export("calls", calls)
	ctx.Export("checks", checks)
	ctx.Export("services", services)
	ctx.Export("images", images)
	ctx.Export("canaries", canaries)
	ctx.Export("beforeImages", before)
	ctx.Export("logGroups", logGroups)
}

// exportJobs exports what it takes to run the jobs.
func exportJobs(ctx *pulumi.Context, jobs map[string]*components.FargateJob) {
	runs := pulumi.Map{}
	for name, job := range jobs {
		runs[name] = job.Run()
	}
	ctx.Export("jobs", runs)
}
