package main

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components"
)

// existing is what the stack needs and does not create.
type existing struct {
	region string
	zoneID string
	images map[components.Image]components.Image // the config's, pinned to digests

	priorities   components.HeldPriorities   // of the listener's rules
	former       map[components.Route]string // names of the components that rules were part of, by their routes without a service
	replacing    bool                        // an earlier update replaced the load balancer, and did not get to delete the old one
	certificates [][]string                  // names in each of the listener's, the default one's first
}

// lookUp finds what the stack needs, so that what is missing is noticed before anything is created.
func lookUp(ctx *pulumi.Context, cfg *config, in account) (existing, error) {
	region, err := aws.GetRegion(ctx, &aws.GetRegionArgs{})
	if err != nil {
		return existing{}, fmt.Errorf("look up the AWS region, which is aws:region or that of the environment: %w", err)
	}
	found := existing{region: region.Name, zoneID: cfg.zoneID, images: make(map[components.Image]components.Image)}

	if in != nil {
		listener, err := in.Standing(ctx.Context(), map[string]string{"Project": ctx.Project(), "Stack": ctx.Stack(), "Name": ctx.Stack()})
		if err != nil {
			return existing{}, err
		}
		if err := cfg.checkChange(listener); err != nil {
			return existing{}, err
		}
		found.replacing = listener.Balancers > 1
		found.certificates = listener.Certificates
		found.priorities, found.former = make(components.HeldPriorities), make(map[components.Route]string)
		for _, rule := range listener.Rules {
			route := components.Route{Hostname: rule.Hostname, Path: rule.Path}
			found.priorities.Add(rule.Priority, route)
			found.former[route] = strings.TrimSuffix(rule.Name, components.CanarySuffix)
		}
	}
	if found.zoneID == "" {
		zone, err := cloudflare.LookupZone(ctx, &cloudflare.LookupZoneArgs{Name: &cfg.domain})
		if err != nil {
			return existing{}, fmt.Errorf("look up the Cloudflare zone %s; may the API token read zones?: %w", cfg.domain, err)
		}
		found.zoneID = zone.ZoneId
	}
	for _, service := range cfg.services {
		for _, image := range service.images() {
			if _, known := found.images[image]; known {
				continue
			}
			if found.images[image], err = components.ResolveImage(ctx, image, region.Name); err != nil {
				return existing{}, fmt.Errorf("service %s: %w", service.name, err)
			}
		}
	}
	return found, nil
}
