package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/resourcegroupstaggingapi"
	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/internal/function"
	"slipway/spec"
)

// question is the input of a look-up with the providers.
type question struct {
	project, stack string   // the values of the tags
	tables         []string // ids of the route tables to read
	records        []record // to look for
}

// record is a CNAME record that an update would create: its name is within the zone, or @ for the zone's own.
type record struct{ zoneID, name string }

// answer is what exists.
type answer struct {
	tagged       []tagged
	routes       map[route]bool
	associations map[association]bool
	records      map[record]foundRecord
}

// tagged is a resource with the stack's tags.
type tagged struct {
	arn  string
	tags map[string]string
}

type (
	route       struct{ table, destination string }
	association struct{ table, subnet string }
	foundRecord struct{ id, content string }
)

// inquire calls the stack's providers, with the program that it passes to run.
func inquire(ctx context.Context, run func(context.Context, func(*pulumi.Context) error) error, q question) (answer, error) {
	a := answer{routes: map[route]bool{}, associations: map[association]bool{}, records: map[record]foundRecord{}}
	err := run(ctx, func(ctx *pulumi.Context) error {
		for _, find := range []func(*pulumi.Context, question) error{a.findTagged, a.findRoles, a.findRoutes, a.findRecords} {
			if err := find(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
	return a, err
}

// findTagged finds resources by tags with the Resource Groups Tagging API, which knows all kinds but IAM roles.
// https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
func (a *answer) findTagged(ctx *pulumi.Context, q question) error {
	found, err := resourcegroupstaggingapi.GetResources(ctx, &resourcegroupstaggingapi.GetResourcesArgs{
		TagFilters: []resourcegroupstaggingapi.GetResourcesTagFilter{
			{Key: "Project", Values: []string{q.project}},
			{Key: "Stack", Values: []string{q.stack}},
		},
	})
	if err != nil {
		return fmt.Errorf("find the resources with the stack's tags: %w", function.Error(err))
	}
	seen := map[string]bool{} // a resource may be on several of the answer's pages
	for _, r := range found.ResourceTagMappingLists {
		if !seen[r.ResourceArn] {
			seen[r.ResourceArn] = true
			a.tagged = append(a.tagged, tagged{r.ResourceArn, r.Tags})
		}
	}
	return nil
}

// findRoles finds the roles with the tags, among those with the path of the program's roles and a name of the stack's form: a role that
// deploys some stacks may not read others (permissions.DeployStacks).
func (a *answer) findRoles(ctx *pulumi.Context, q question) error {
	under := spec.RolePath
	roles, err := iam.GetRoles(ctx, &iam.GetRolesArgs{PathPrefix: &under})
	if err != nil {
		return fmt.Errorf("list the roles under %s: %w", under, function.Error(err))
	}
	for _, name := range roles.Names {
		if !strings.HasPrefix(name, q.stack+"-") {
			continue
		}
		role, err := iam.LookupRole(ctx, &iam.LookupRoleArgs{Name: name})
		if err != nil {
			return fmt.Errorf("read the tags of role %s: %w", name, function.Error(err))
		}
		if role.Tags["Project"] == q.project && role.Tags["Stack"] == q.stack {
			a.tagged = append(a.tagged, tagged{role.Arn, role.Tags})
		}
	}
	return nil
}

// findRoutes finds the routes in route tables, which cannot have tags.
func (a *answer) findRoutes(ctx *pulumi.Context, q question) error {
	for _, id := range q.tables {
		table, err := ec2.LookupRouteTable(ctx, &ec2.LookupRouteTableArgs{RouteTableId: &id})
		if err != nil {
			return fmt.Errorf("read route table %s: %w", id, function.Error(err))
		}
		for _, r := range table.Routes {
			a.routes[route{id, r.CidrBlock + r.Ipv6CidrBlock}] = true // it has one of the two
		}
		for _, s := range table.Associations {
			a.associations[association{id, s.SubnetId}] = true
		}
	}
	return nil
}

// findRecords finds DNS records by name: they have a comment instead of tags, and the provider does not return it.
func (a *answer) findRecords(ctx *pulumi.Context, q question) error {
	kind := "CNAME"
	for _, wanted := range q.records {
		zone, err := cloudflare.LookupZone(ctx, &cloudflare.LookupZoneArgs{ZoneId: &wanted.zoneID})
		if err != nil {
			return fmt.Errorf("read zone %s: %w", wanted.zoneID, function.Error(err))
		}
		hostname := strings.TrimPrefix(wanted.name+"."+zone.Name, "@.")
		found, err := cloudflare.LookupRecord(ctx, &cloudflare.LookupRecordArgs{ZoneId: wanted.zoneID, Hostname: hostname, Type: &kind})
		switch {
		case err == nil:
			a.records[wanted] = foundRecord{found.Id, found.Value}
		case !function.NoRecord(err):
			return fmt.Errorf("look for the record of %s: %w", hostname, function.Error(err))
		}
	}
	return nil
}
