package account

import (
	"fmt"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/internal/function"
	"slipway/spec"
)

// recordTTL returns for how many seconds resolvers may remember a record of the host names, as the records are now. The last update's
// outputs do not tell of an update that changed them and failed.
func recordTTL(ctx *pulumi.Context, zoneID string, hostnames []string) (int, error) {
	kind, longest := "CNAME", 0
	for _, hostname := range hostnames {
		record, err := cloudflare.LookupRecord(ctx, &cloudflare.LookupRecordArgs{ZoneId: zoneID, Hostname: hostname, Type: &kind})
		switch {
		case err == nil:
			longest = max(longest, spec.DNS{TTL: record.Ttl, Proxied: record.Proxied}.Remembered())
		case !function.NoRecord(err):
			return 0, fmt.Errorf("look up the DNS record of %s: %w", hostname, function.Error(err))
		}
	}
	return longest, nil
}
