package components

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

const (
	// validationTTL is the time-to-live of certificate validation records.
	validationTTL = spec.MinTTL
	// automaticTTL is the only time-to-live that Cloudflare takes for proxied records ("Time to Live" in its DNS documentation).
	automaticTTL = 1
)

// RecordsArgs describe the DNS records of host names.
type RecordsArgs struct {
	spec.DNS
	// ZoneID and Zone are the id and the name of the host names' Cloudflare zone.
	ZoneID    pulumi.StringInput
	Zone      string
	Hostnames []string
	Target    func(hostname string) pulumi.StringInput // the target of each name; see [Routes.Before]
	// Wait keeps the program from ending until no resolver has an old target any more. Replaced says that an earlier update changed the
	// target and ended too early: resolvers may have the old one for another Remembered.
	Wait, Replaced bool
	Remembered     time.Duration
	Comment        string // names the records' origin in Cloudflare's dashboard
}

// NewRecords creates a record for each of the host names. They belong to the stack and not to a component: `pulumi import` adopts an
// existing record by its host name. The output resolves once no resolver has an old target any more. The outputs that tell the next
// update where the records lead depend on it, because this update may be interrupted while it waits.
func NewRecords(ctx *pulumi.Context, args *RecordsArgs) (propagated pulumi.Output, err error) {
	if args == nil {
		return nil, errors.New("DNS records: args are missing")
	}
	a := *args
	a.DNS = args.DNS.WithDefaults()
	if err := a.check(); err != nil {
		return nil, fmt.Errorf("DNS records: %w", err)
	}
	propagation, err := a.newPropagation(ctx)
	if err != nil {
		return nil, err
	}
	var records []*cloudflare.Record
	for _, hostname := range slices.Compact(slices.Sorted(slices.Values(a.Hostnames))) {
		record, err := record{
			zoneID: a.ZoneID, zone: a.Zone, name: pulumi.String(hostname), target: a.Target(hostname),
			dns: a.DNS, comment: a.Comment,
		}.create(ctx, hostname, propagation.options()...)
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return propagation.Wait(records), nil
}

func (a RecordsArgs) check() error {
	problems := []error{a.Problems().Err()}
	if a.ZoneID == nil || a.Zone == "" || a.Target == nil {
		problems = append(problems, errors.New("the zone's id and name, and a target, are all needed"))
	}
	return errors.Join(append(problems, checkHostnames(a.Hostnames, a.Zone))...)
}

// checkHostnames reports host names that are not in the zone.
func checkHostnames(hostnames []string, zone string) error {
	var found spec.Problems
	for _, hostname := range hostnames {
		found.AddValue(hostname, spec.CheckHostname(hostname, zone), "hostnames")
	}
	return found.Err()
}

// newPropagation returns the propagation that watches the records; nil if the program does not wait.
func (a RecordsArgs) newPropagation(ctx *pulumi.Context) (*Propagation, error) {
	if !a.Wait {
		return nil, nil
	}
	propagation, err := NewPropagation(ctx)
	if err == nil && a.Replaced {
		propagation.Moved(a.Remembered)
	}
	return propagation, err
}

// record is a CNAME record in a Cloudflare zone.
type record struct {
	zoneID pulumi.StringInput
	zone   string             // the zone's name
	name   pulumi.StringInput // fully qualified, in the zone; with or without a trailing dot
	target pulumi.StringInput // with or without a trailing dot
	dns    spec.DNS
	// overwrite takes over an existing record. Without it, creating the record fails.
	overwrite bool
	comment   string
}

func (r record) create(ctx *pulumi.Context, name string, opts ...pulumi.ResourceOption) (*cloudflare.Record, error) {
	ttl := r.dns.TTL
	if r.dns.Proxied {
		ttl = automaticTTL
	}
	args := &cloudflare.RecordArgs{
		ZoneId:  r.zoneID,
		Name:    relativeTo(r.zone, r.name),
		Type:    pulumi.String("CNAME"),
		Content: withoutTrailingDot(r.target),
		Ttl:     pulumi.Int(ttl),
		Proxied: pulumi.Bool(r.dns.Proxied),
		Comment: pulumi.String(r.comment),
	}
	if r.overwrite {
		args.AllowOverwrite = pulumi.Bool(true)
	}
	return cloudflare.NewRecord(ctx, name, args, opts...)
}

// relativeTo returns a name in the Cloudflare provider's form, without the zone's name. When the provider looks for a record to
// overwrite, it appends the zone's name to every name but the apex's, "@" (terraform-provider-cloudflare v4,
// resourceCloudflareRecordCreate).
func relativeTo(zone string, name pulumi.StringInput) pulumi.StringOutput {
	return withoutTrailingDot(name).ApplyT(func(name string) string {
		if name == zone {
			return "@"
		}
		return strings.TrimSuffix(name, "."+zone)
	}).(pulumi.StringOutput)
}

// withoutTrailingDot returns a DNS name in Cloudflare's form. ACM writes names with the root's dot, and every preview would show that
// difference as a change.
func withoutTrailingDot(name pulumi.StringInput) pulumi.StringOutput {
	return name.ToStringOutput().ApplyT(func(name string) string {
		return strings.TrimSuffix(name, ".")
	}).(pulumi.StringOutput)
}
