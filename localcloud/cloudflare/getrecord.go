package cloudflare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"slipway/localcloud/cloud"
)

type recordArgs struct {
	ZoneID   string `json:"zoneId"`
	Hostname string `json:"hostname"`
	Type     string `json:"type"`
	Content  string `json:"content"`
	Priority *int   `json:"priority"`
}

// getRecord finds the one record with a host name, of a type, A unless said otherwise, and with a content if one is given.
// https://registry.terraform.io/providers/cloudflare/cloudflare/4.52.0/docs/data-sources/record
func (c *Cloudflare) getRecord() *cloud.Function[recordArgs] {
	return &cloud.Function[recordArgs]{
		Token: "cloudflare:index/getRecord:getRecord",
		Call: func(call *cloud.Call, args *recordArgs) (cloud.Map, error) {
			z, ok := c.zone(args.ZoneID)
			if !ok {
				return nil, fmt.Errorf("error listing DNS records: %w", noSuchZone(args.ZoneID))
			}
			kind := cmp.Or(args.Type, "A")
			var found []*cloud.Resource
			for _, r := range call.Tx.List(Scope(), RecordToken) {
				in := cloud.InputsOf[record](r)
				if in.ZoneID == z.ID && in.Type == kind && in.hostname(z) == strings.ToLower(args.Hostname) &&
					(args.Content == "" || in.content() == args.Content) &&
					(args.Priority == nil || in.Priority != nil && *in.Priority == *args.Priority) {
					found = append(found, r)
				}
			}
			switch {
			case len(found) == 0:
				return nil, fmt.Errorf("didn't get any DNS records for hostname: %s", args.Hostname)
			case len(found) > 1 && kind != "MX" && kind != "SRV":
				return nil, fmt.Errorf("only wanted 1 DNS record. Got %d records", len(found))
			}
			in := cloud.InputsOf[record](found[0])
			return cloud.Map{
				"id": found[0].ID, "zoneId": z.ID, "hostname": in.hostname(z), "type": in.Type, "content": in.content(), "value": in.content(),
				"ttl": float64(in.ttl()), "proxied": in.Proxied, "proxiable": slices.Contains(proxiable, in.Type),
			}, nil
		},
	}
}
