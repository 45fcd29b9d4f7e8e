// Package cloudflare is the table of the Cloudflare kinds that the local cloud serves. Errors carry the codes and texts of
// Cloudflare's API; names, and what the provider itself does, follow version 4 of its Terraform provider, which pulumi-cloudflare
// v5 wraps.
package cloudflare

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"slipway/localcloud/cloud"
)

// Cloudflare is one account with its zones. Unlike everything else, the zones exist from the start and stay: an update does not
// register a domain.
type Cloudflare struct {
	zones []Zone
}

// Zone is a domain whose DNS Cloudflare serves.
type Zone struct {
	ID   string // 32 hexadecimal digits, the same for a name in every run
	Name string
}

// New makes an account that has the zones.
func New(names []string) *Cloudflare {
	c := &Cloudflare{}
	for _, n := range names {
		n = strings.ToLower(strings.TrimSuffix(n, "."))
		c.zones = append(c.zones, Zone{ID: identifier("zone " + n), Name: n})
	}
	return c
}

// Zones returns the account's zones.
func (c *Cloudflare) Zones() []Zone { return c.zones }

// Kinds returns every kind and function of the package.
func (c *Cloudflare) Kinds() []any { return []any{c.record(), c.getZone(), c.getRecord()} }

// account is the owner of the zones.
var account = identifier("account")

// Scope is where all records live.
func Scope() cloud.Scope { return cloud.Scope{Account: account} }

var tokenPattern = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// Caller reads the provider's configuration. A token may be missing here: the engine's own environment, where it then is, is
// not seen.
func Caller(config cloud.Map) (cloud.Caller, error) {
	if token, ok := config["apiToken"].(string); ok && token != "" && !tokenPattern.MatchString(token) {
		return cloud.Caller{}, errors.New("API tokens must only contain characters a-z, A-Z, 0-9, hyphens and underscores: " +
			"set it with `pulumi config set --secret cloudflare:apiToken`")
	}
	return cloud.Caller{Scope: Scope(), Config: config}, nil
}

func (c *Cloudflare) zone(id string) (Zone, bool) {
	for _, z := range c.zones {
		if z.ID == id {
			return z, true
		}
	}
	return Zone{}, false
}

type zoneArgs struct {
	AccountID string `json:"accountId"`
	Name      string `json:"name"`
	ZoneID    string `json:"zoneId"`
}

func (c *Cloudflare) getZone() *cloud.Function[zoneArgs] {
	return &cloud.Function[zoneArgs]{
		Token: "cloudflare:index/getZone:getZone",
		Call: func(_ *cloud.Call, args *zoneArgs) (cloud.Map, error) {
			if (args.Name == "") == (args.ZoneID == "") {
				return nil, errors.New("exactly one of `name` and `zone_id` must be specified")
			}
			for _, z := range c.zones {
				if args.AccountID != "" && args.AccountID != account || z.ID != args.ZoneID && !strings.EqualFold(z.Name, args.Name) {
					continue
				}
				return cloud.Map{
					"id": z.ID, "zoneId": z.ID, "name": z.Name, "accountId": account, "status": "active", "paused": false, "plan": "Free Website",
					"nameServers": []any{"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"}, "vanityNameServers": []any{},
				}, nil
			}
			if args.ZoneID != "" {
				return nil, fmt.Errorf("error getting zone details: %w", noSuchZone(args.ZoneID))
			}
			return nil, errors.New("no zone found")
		},
	}
}

func noSuchZone(id string) error {
	return cloud.Errorf("7003", "Could not route to /zones/%s, perhaps your object identifier is invalid?", id)
}

// identifier makes an identifier of Cloudflare's form.
func identifier(of string) string {
	sum := sha256.Sum256([]byte(of))
	return hex.EncodeToString(sum[:16])
}
