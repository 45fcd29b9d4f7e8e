package cloudflare

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/cloud"
)

// RecordToken is the token of DNS records.
const RecordToken = "cloudflare:index/record:Record"

// automatic is the TTL that leaves the choice to Cloudflare, and the only one for a proxied record.
// https://developers.cloudflare.com/dns/manage-dns-records/reference/ttl/
const automatic = 1

type record struct {
	ZoneID         string    `json:"zoneId"`
	Name           string    `json:"name"`
	Type           string    `json:"type"`
	Content        string    `json:"content"`
	Value          string    `json:"value"` // the former name of the content
	Data           cloud.Map `json:"data"`
	TTL            int       `json:"ttl"`
	Priority       *int      `json:"priority"`
	Proxied        bool      `json:"proxied"`
	AllowOverwrite bool      `json:"allowOverwrite"`
}

// content returns what the record says, as it is stored: names without the trailing dot.
func (r *record) content() string {
	content := cmp.Or(r.Content, r.Value)
	if r.Type == "CNAME" || r.Type == "MX" || r.Type == "NS" || r.Type == "PTR" {
		content = strings.TrimSuffix(content, ".")
	}
	return content
}

// hostname returns the full name: a name outside the zone is one below it.
func (r *record) hostname(z Zone) string {
	name := strings.ToLower(strings.TrimSuffix(r.Name, "."))
	switch {
	case name == "@" || name == z.Name:
		return z.Name
	case strings.HasSuffix(name, "."+z.Name):
		return name
	}
	return name + "." + z.Name
}

// ttl returns the time to live, in seconds or automatic.
func (r *record) ttl() int { return cmp.Or(r.TTL, automatic) }

var (
	types = []string{
		"A", "AAAA", "CAA", "CNAME", "TXT", "SRV", "LOC", "MX", "NS", "SPF", "CERT", "DNSKEY", "DS", "NAPTR", "SMIMEA", "SSHFP", "TLSA",
		"URI", "PTR", "HTTPS", "SVCB",
	}
	proxiable = []string{"A", "AAAA", "CNAME"} // https://developers.cloudflare.com/dns/proxy-status/limitations/
	dnsName   = regexp.MustCompile(`^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)
)

// record returns the kind of DNS records.
// https://developers.cloudflare.com/dns/manage-dns-records/
func (c *Cloudflare) record() *cloud.Kind[record, recordOutputs] {
	return &cloud.Kind[record, recordOutputs]{
		Spec: cloud.Spec{
			Token:    RecordToken,
			Label:    "Cloudflare record",
			Drift:    cloud.Drift{Change: cloud.Map{"ttl": 120.0}, Serves: true},
			Global:   true,
			Defaults: cloud.Map{"allowOverwrite": false},
			Replace:  []string{"zoneId", "name", "type"},
			// pulumi-cloudflare, provider/resources.go: the replacement would conflict with the old record.
			DeleteBeforeReplace: true,
			Computed:            []string{"ttl"},
			Sets:                []string{"tags"},
			Latency:             cloud.Latency{Create: 1, Delete: 1},
			// https://registry.terraform.io/providers/cloudflare/cloudflare/4.52.0/docs/resources/record#import
			Import: &cloud.Import{
				ID: func(r *cloud.Resource) string { return cloud.InputsOf[record](r).ZoneID + "/" + r.ID },
				Find: func(tx *cloud.Tx, s cloud.Scope, id string) string {
					zone, id, _ := strings.Cut(id, "/")
					if r := tx.Get(cloud.Key{Scope: s, Token: RecordToken, ID: id}); r == nil || cloud.InputsOf[record](r).ZoneID != zone {
						return ""
					}
					return id
				},
			},
			NotFound: func(string) *cloud.Error { return cloud.Errorf("81044", "Record does not exist.") },
		},
		Check: func(in *record) []cloud.Failure {
			var failures []cloud.Failure
			if in.Type != "" && !slices.Contains(types, in.Type) {
				failures = append(failures, cloud.Failure{Property: "type", Reason: fmt.Sprintf("expected type to be one of %q, got %s", types, in.Type)})
			}
			if in.Data != nil && (in.Content != "" || in.Value != "") {
				failures = append(failures, cloud.Failure{Property: "data", Reason: `"data": conflicts with content`})
			}
			return failures
		},
		Rules: func(_ *cloud.Call, in *record) error {
			z, ok := c.zone(in.ZoneID)
			if !ok {
				return fmt.Errorf("failed to create DNS record: %w", noSuchZone(in.ZoneID))
			}
			if in.Data != nil {
				return fmt.Errorf("a record of type %s with data: %w", in.Type, cloud.ErrUnimplemented)
			}
			return in.valid(z)
		},
		Create: c.create,
		Update: c.update,
	}
}

// create makes a record, or takes over the one that it is allowed to overwrite.
func (c *Cloudflare) create(call *cloud.Call, in *record, out *recordOutputs) (string, error) {
	z, _ := c.zone(in.ZoneID) // which the rules have found
	id, other := newIdentifier(), (*cloud.Resource)(nil)
	out.CreatedOn = now()
	if err := in.conflict(call, z, &other); err != nil {
		if !in.AllowOverwrite {
			return "", alreadyExists(err)
		}
		// The provider looks for the record to overwrite under the given name with the zone's added to it, and so never finds one
		// that was given by its full name; and it looks among those of the same type alone.
		had := cloud.OutputsOf[recordOutputs](other)
		if name := strings.ToLower(in.Name); cloud.InputsOf[record](other).Type != in.Type ||
			name != "@" && name != z.Name && name+"."+z.Name != had.Hostname {
			return "", fmt.Errorf("attempted to override existing record however didn't find an exact match: %w", err)
		}
		id, out.CreatedOn = other.ID, had.CreatedOn // adopted: its former owner and the new one now share it
	}
	out.follow(in, z)
	return id, nil
}

func (c *Cloudflare) update(call *cloud.Call, in *record, out *recordOutputs) error {
	z, _ := c.zone(in.ZoneID)
	var other *cloud.Resource
	if err := in.conflict(call, z, &other); err != nil {
		return alreadyExists(err)
	}
	out.follow(in, z)
	return nil
}

func alreadyExists(err error) error {
	return fmt.Errorf("expected DNS record to not already be present but already exists: %w", err)
}

type recordOutputs struct {
	Hostname   string    `json:"hostname"`
	CreatedOn  string    `json:"createdOn"`
	ModifiedOn string    `json:"modifiedOn"`
	Proxiable  bool      `json:"proxiable"`
	Metadata   cloud.Map `json:"metadata"`
	Content    string    `json:"content"`
	Value      string    `json:"value"`
	TTL        int       `json:"ttl"`
}

// follow fills in what follows from the inputs.
func (out *recordOutputs) follow(in *record, z Zone) {
	out.Hostname, out.ModifiedOn, out.Proxiable, out.Metadata = in.hostname(z), now(), slices.Contains(proxiable, in.Type), cloud.Map{}
	out.Content, out.Value, out.TTL = cmp.Or(in.Content, in.Value), cmp.Or(in.Value, in.Content), in.ttl()
}

func now() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// valid applies the rules that concern the record alone.
func (r *record) valid(z Zone) error {
	if r.Name == "" {
		return fmt.Errorf("record on zone %s must not have an empty name (use @ for the zone apex)", r.ZoneID)
	}
	if r.Content == "" && r.Value == "" {
		return errors.New("either 'content' or 'data' must be provided")
	}
	if r.Proxied && r.TTL != 0 && r.TTL != automatic {
		return fmt.Errorf("error validating record %s: ttl must be set to 1 when `proxied` is true", r.Name)
	}
	refuse := func(code, format string, args ...any) error {
		return fmt.Errorf("failed to create DNS record: %w", cloud.Errorf(code, format, args...))
	}
	name, content := r.hostname(z), r.content()
	switch addr, err := netip.ParseAddr(content); {
	case len(name) > 253 || !dnsName.MatchString(name):
		return refuse("9000", "DNS name is invalid.")
	case r.Type == "A" && (err != nil || !addr.Is4()):
		return refuse("9005", "Content for A record must be a valid IPv4 address.")
	case r.Type == "AAAA" && (err != nil || !addr.Is6()):
		return refuse("9006", "Content for AAAA record must be a valid IPv6 address.")
	case r.Type == "CNAME" && (err == nil || !dnsName.MatchString(strings.ToLower(content))):
		return refuse("9007", "Content for CNAME record is invalid.")
	case r.Type == "CNAME" && strings.EqualFold(content, name):
		return refuse("9039", "CNAME content cannot reference itself.")
	case r.Type == "MX" && r.Priority == nil:
		return refuse("9101", "priority is a required data field.")
	case r.Proxied && !slices.Contains(proxiable, r.Type):
		return refuse("9004", "This record type cannot be proxied.")
	case r.ttl() != automatic && (r.ttl() < 60 || r.ttl() > 86400):
		return refuse("9021", "TTL must be between 60 and 86400 seconds, or 1 for Automatic.")
	}
	return nil
}

// conflict finds another record that keeps this one from being.
// https://developers.cloudflare.com/dns/manage-dns-records/troubleshooting/records-with-same-name/
func (r *record) conflict(call *cloud.Call, z Zone, with **cloud.Resource) error {
	const page = "For more details, refer to <https://developers.cloudflare.com/dns/manage-dns-records/troubleshooting/records-with-same-name/>."
	address := func(kind string) bool { return slices.Contains(proxiable, kind) }
	for _, other := range call.Tx.List(call.Resource.Scope, RecordToken) {
		o := cloud.InputsOf[record](other)
		if other.ID == call.Resource.ID || o.ZoneID != r.ZoneID || o.hostname(z) != r.hostname(z) {
			continue
		}
		*with = other
		switch {
		case o.Type == r.Type && o.content() == r.content():
			return cloud.Errorf("81058", "An identical record already exists.")
		case r.Type == "CNAME" && address(o.Type):
			return cloud.Errorf("81053", "An A, AAAA, or CNAME record with that host already exists. "+page)
		case o.Type == "CNAME" && address(r.Type):
			return cloud.Errorf("81054", "A CNAME record with that host already exists. "+page)
		}
	}
	*with = nil
	return nil
}

func newIdentifier() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails, says crypto/rand
	return hex.EncodeToString(b)
}

// Record is a DNS record as Cloudflare serves it.
type Record struct {
	Zone    string
	Name    string // in full, without trailing dot
	Type    string
	Content string
	TTL     int // in seconds; 1 is automatic
	Proxied bool
	// Priority is that of an MX record.
	Priority int
}

// Records returns every record of the account's zones, by name.
func (c *Cloudflare) Records(tx *cloud.Tx) []Record {
	var out []Record
	for _, r := range tx.List(Scope(), RecordToken) {
		in := cloud.InputsOf[record](r)
		z, ok := c.zone(in.ZoneID)
		if !ok {
			continue // the daemon was started again without the zone
		}
		o := Record{Zone: z.Name, Name: in.hostname(z), Type: in.Type, Content: in.content(), TTL: in.ttl(), Proxied: in.Proxied}
		if in.Priority != nil {
			o.Priority = *in.Priority
		}
		out = append(out, o)
	}
	slices.SortStableFunc(out, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type))
	})
	return out
}
