package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components"
	"slipway/config"
	"slipway/internal/function"
	"slipway/internal/standing"
	"slipway/spec"
)

// Existing is what the stack needs and does not create.
type Existing struct {
	Region   string
	ZoneID   string
	Zone     string                    // the DNS zone from which the depth of wildcards counts on the listener
	Platform *Platform                 // nil: the stack makes its own
	Images   map[spec.Image]spec.Image // the config's images, pinned to digests

	// What others keep and the stack uses; nil: the stack makes its own.
	Network  *components.ExistingNetwork
	Listener *components.ExistingListener
	Cluster  *components.Cluster

	Priorities   spec.HeldPriorities   // of the listener's rules
	redraw       *redraw               // nil: the listener is the stack's own
	Former       map[spec.Route]string // names of the components that had the rules as children, by route without a service
	Serving      serving               // how many tasks serve the requests now
	Replacing    bool                  // an earlier update replaced the load balancer, and ended before it deleted the old one
	Remembered   time.Duration         // how long resolvers may remember the records
	Left         []string              // host names that only a wildcard serves from now on; they keep their records until the next update
	Certificates [][]string            // names in each of the listener's certificates, the default one first
}

// LookUp finds what the stack needs, so anything missing is found before anything is created.
func LookUp(ctx *pulumi.Context, cfg *config.Config, in Account) (Existing, error) {
	region, err := aws.GetRegion(ctx, &aws.GetRegionArgs{})
	if err != nil {
		return Existing{}, fmt.Errorf("look up the AWS region, which is aws:region or that of the environment: %w", function.Error(err))
	}
	found := Existing{Region: region.Name, ZoneID: cfg.ZoneID, Zone: cfg.Domain, Images: make(map[spec.Image]spec.Image)}
	if found.Platform, err = lookUpPlatform(ctx, cfg, region.Name); err != nil {
		return Existing{}, err
	}
	if found.Platform != nil {
		found.Zone = found.Platform.Domain
	}

	if found.ZoneID == "" && cfg.HasLoadBalancer() {
		zone, err := cloudflare.LookupZone(ctx, &cloudflare.LookupZoneArgs{Name: &cfg.Domain})
		if err != nil {
			return Existing{}, fmt.Errorf("look up the Cloudflare zone %s; may the API token read zones?: %w", cfg.Domain, function.Error(err))
		}
		found.ZoneID = zone.ZoneId
	}
	if cfg.ScalesByQueue() {
		caller, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{})
		if err != nil {
			return Existing{}, fmt.Errorf("look up the AWS account, in which queues must be: %w", function.Error(err))
		}
		if err := cfg.CheckQueues(ctx.Stack(), region.Name, caller.AccountId); err != nil {
			return Existing{}, err
		}
	}
	for _, service := range cfg.Services {
		if err := found.resolve(ctx, service.Images()); err != nil {
			return Existing{}, fmt.Errorf("service %s: %w", service.Name, err)
		}
	}
	for _, job := range cfg.Jobs {
		if err := found.resolve(ctx, job.Images()); err != nil {
			return Existing{}, fmt.Errorf("job %s: %w", job.Name, err)
		}
	}
	if err := checkAccess(ctx, cfg); err != nil {
		return Existing{}, err
	}
	groups, err := lookUpGroups(ctx, cfg)
	if err != nil {
		return Existing{}, err
	}
	if err := found.lookUpListener(ctx, cfg); err != nil || in == nil {
		// What stands on the listener cannot be known, and the rest is not reported later.
		return found, errors.Join(err, found.lookUpExisting(ctx, change{Config: cfg}, in))
	}
	if err := found.lookUpStanding(ctx, cfg, in, groups); err != nil {
		return Existing{}, err
	}
	return found, nil
}

// resolve pins images to their digests.
func (e *Existing) resolve(ctx *pulumi.Context, images []spec.Image) (err error) {
	for _, image := range images {
		if _, known := e.Images[image]; known {
			continue
		}
		if e.Images[image], err = components.ResolveImage(ctx, image, e.Region); err != nil {
			return err
		}
	}
	return nil
}

// lookUpStanding finds what the stack's load balancer has already, and refuses changes that one update cannot make. The groups are
// those that services reach, with their VPCs.
func (e *Existing) lookUpStanding(ctx *pulumi.Context, cfg *config.Config, in Account, groups map[string]string) error {
	last, err := readLastUpdate(ctx)
	if err != nil {
		return err
	}
	sought := standing.Sought{
		Tags:    map[string]string{"Project": ctx.Project(), "Stack": ctx.Stack(), "Name": ctx.Stack()},
		DNSName: last.LoadBalancer,
	}
	shared := e.Platform != nil || e.Listener != nil
	switch {
	case e.Platform != nil:
		sought.ListenerARN, sought.DNSName = e.Platform.ListenerARN, e.Platform.DNSName
	case e.Listener != nil:
		sought.ListenerARN, sought.DNSName = e.Listener.ARN, e.Listener.DNSName
	}
	if cfg.CountsTasks() {
		sought.Counted = func(string, string) bool { return true }
	}
	listener, err := in.Standing(ctx.Context(), sought)
	if err != nil {
		return err
	}
	change := change{Config: cfg, last: last, certificates: listener.Certificates}
	if e.Platform != nil {
		change.platform, change.vpcID = e.Platform.Stack, e.Platform.VPCID
	}
	listener.Rules, change.others = splitRules(listener.Rules, ctx.Project(), ctx.Stack(), shared)
	change.standing = listener
	e.Replacing = len(listener.Balancers) > 1
	if change.moves() || e.Replacing {
		if change.ttl, err = recordTTL(ctx, e.ZoneID, cfg.Hostnames()); err != nil {
			return err
		}
	}
	quota := func() (int, error) { return in.RuleQuota(ctx.Context()) }
	if err := errors.Join(e.lookUpExisting(ctx, change, in), change.check(), change.checkRules(quota), change.checkReaches(groups)); err != nil {
		return fmt.Errorf("%w\n(pulumi destroy needs none of this, unless it is run with --run-program: then set %s=true for it)", err, onlyProviders)
	}
	warnings := change.warnings(e.Images)
	warnings = append(warnings, change.certificateWarnings(e.Uncertified(cfg))...)
	for _, warning := range warnings {
		if err := ctx.Log.Warn(warning, nil); err != nil {
			return err
		}
	}
	e.Remembered, e.Left = change.remembered(), change.leftNames()
	if !shared { // a stack on a platform adds certificates, and none of the platform's is its own
		e.Certificates = listener.Certificates
	}
	e.Serving = servingBy(listener.Rules)
	e.Priorities, e.Former = heldBy(listener.Rules, change.others), make(map[spec.Route]string)
	if shared {
		sought.Counted = nil
		project, stack := ctx.Project(), ctx.Stack()
		e.redraw = &redraw{config: cfg, zone: e.Zone, given: make(map[spec.Route]int), rules: func(ctx context.Context) (own, others []standing.Rule, err error) {
			now, err := in.Standing(ctx, sought)
			own, others = splitRules(now.Rules, project, stack, true)
			return own, others, err
		}}
	}
	for _, rule := range listener.Rules {
		route := spec.Route{Hostname: rule.Hostname, Path: rule.Path}
		e.Former[route] = rule.Name
		if rule.Header {
			e.Former[route] = strings.TrimSuffix(rule.Name, spec.CanarySuffix)
		}
	}
	return nil
}

// Uncertified returns the host names that need a certificate of the stack on a listener that it shares.
func (e Existing) Uncertified(cfg *config.Config) []string {
	switch {
	case e.Platform != nil:
		return e.Platform.Uncertified
	case e.Listener != nil && cfg.CertificateARN == "":
		return cfg.Hostnames()
	}
	return nil
}

// Tasks returns how many tasks now serve the requests that the service will get.
func (e Existing) Tasks(s config.Service) int { return e.Serving.tasks(s) }
