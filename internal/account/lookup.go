package account

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components"
	"slipway/config"
	"slipway/spec"
)

// Existing is what the stack needs and does not create.
type Existing struct {
	Region string
	ZoneID string
	Images map[spec.Image]spec.Image // the config's, pinned to digests

	Priorities   spec.HeldPriorities   // of the listener's rules
	Former       map[spec.Route]string // names of the components that rules were part of, by their routes without a service
	Replacing    bool                  // an earlier update replaced the load balancer, and did not get to delete the old one
	Certificates [][]string            // names in each of the listener's, the default one's first
}

// LookUp finds what the stack needs, so that what is missing is noticed before anything is created.
func LookUp(ctx *pulumi.Context, cfg *config.Config, in Account) (Existing, error) {
	region, err := aws.GetRegion(ctx, &aws.GetRegionArgs{})
	if err != nil {
		return Existing{}, fmt.Errorf("look up the AWS region, which is aws:region or that of the environment: %w", err)
	}
	found := Existing{Region: region.Name, ZoneID: cfg.ZoneID, Images: make(map[spec.Image]spec.Image)}

	if in != nil {
		listener, err := in.Standing(ctx.Context(), map[string]string{"Project": ctx.Project(), "Stack": ctx.Stack(), "Name": ctx.Stack()})
		if err != nil {
			return Existing{}, err
		}
		if err := checkChange(cfg, listener); err != nil {
			return Existing{}, err
		}
		found.Replacing = listener.Balancers > 1
		found.Certificates = listener.Certificates
		found.Priorities, found.Former = make(spec.HeldPriorities), make(map[spec.Route]string)
		for _, rule := range listener.Rules {
			route := spec.Route{Hostname: rule.Hostname, Path: rule.Path}
			found.Priorities.Add(rule.Priority, route)
			found.Former[route] = strings.TrimSuffix(rule.Name, spec.CanarySuffix)
		}
	}
	if found.ZoneID == "" {
		zone, err := cloudflare.LookupZone(ctx, &cloudflare.LookupZoneArgs{Name: &cfg.Domain})
		if err != nil {
			return Existing{}, fmt.Errorf("look up the Cloudflare zone %s; may the API token read zones?: %w", cfg.Domain, err)
		}
		found.ZoneID = zone.ZoneId
	}
	for _, service := range cfg.Services {
		for _, image := range service.Images() {
			if _, known := found.Images[image]; known {
				continue
			}
			if found.Images[image], err = components.ResolveImage(ctx, image, region.Name); err != nil {
				return Existing{}, fmt.Errorf("service %s: %w", service.Name, err)
			}
		}
	}
	return found, nil
}
