package components

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

const (
	// validationTTL is the time-to-live of certificate validation records.
	validationTTL = spec.MinTTL
	// automaticTTL is the only time-to-live Cloudflare takes for proxied records ("Time to Live" in its DNS documentation).
	automaticTTL = 1
)

// DNSRecordArgs describe a CNAME record in a Cloudflare zone.
type DNSRecordArgs struct {
	ZoneID pulumi.StringInput
	Zone   string             // the zone's name
	Name   pulumi.StringInput // fully qualified, in the zone; with or without a trailing dot
	Target pulumi.StringInput // with or without a trailing dot
	// TTL in seconds, 60 to 86400. It is ignored if the record is proxied.
	TTL int
	// Proxied sends the traffic through Cloudflare instead of only answering with the target.
	Proxied bool
	// Overwrite takes over a record that is there already. Without it, creating the record fails instead.
	Overwrite bool
	// Propagation is told when the record's target changes; nil is nobody.
	Propagation *Propagation
	// Comment says in Cloudflare's dashboard where the record comes from.
	Comment string
}

// NewDNSRecord creates a CNAME record.
func NewDNSRecord(ctx *pulumi.Context, name string, args *DNSRecordArgs, opts ...pulumi.ResourceOption) (*cloudflare.Record, error) {
	if args == nil {
		return nil, errors.New("DNS record: args are missing")
	}
	ttl := args.TTL
	if args.Proxied {
		ttl = automaticTTL
	} else if err := spec.CheckRange(ttl, spec.MinTTL, spec.MaxTTL); err != nil {
		return nil, fmt.Errorf("DNS record %s: the TTL %w", name, err)
	}
	record := &cloudflare.RecordArgs{
		ZoneId:  args.ZoneID,
		Name:    relativeTo(args.Zone, args.Name),
		Type:    pulumi.String("CNAME"),
		Content: withoutTrailingDot(args.Target),
		Ttl:     pulumi.Int(ttl),
		Proxied: pulumi.Bool(args.Proxied),
		Comment: pulumi.String(args.Comment),
	}
	if args.Overwrite {
		record.AllowOverwrite = pulumi.Bool(true)
	}
	if args.Propagation != nil {
		opts = append(opts, args.Propagation.moved)
	}
	return cloudflare.NewRecord(ctx, name, record, opts...)
}

// relativeTo returns a name the way the Cloudflare provider wants it, which is without the zone's: where it looks for the
// record to overwrite, it appends that to every name but the apex's, "@" (terraform-provider-cloudflare v4,
// resourceCloudflareRecordCreate).
func relativeTo(zone string, name pulumi.StringInput) pulumi.StringOutput {
	return withoutTrailingDot(name).ApplyT(func(name string) string {
		if name == zone {
			return "@"
		}
		return strings.TrimSuffix(name, "."+zone)
	}).(pulumi.StringOutput)
}

// withoutTrailingDot returns a DNS name the way Cloudflare stores it. ACM writes names with the dot of the root, and
// a name that differs from what is stored would show as a change in every preview.
func withoutTrailingDot(name pulumi.StringInput) pulumi.StringOutput {
	return name.ToStringOutput().ApplyT(func(name string) string {
		return strings.TrimSuffix(name, ".")
	}).(pulumi.StringOutput)
}
