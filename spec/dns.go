package spec

// DNS is what the records for a stack's host names are like.
type DNS struct {
	Proxied bool // through Cloudflare instead of straight to the load balancer
	TTL     int  // seconds, by default [MinTTL]; Cloudflare's own of records that are proxied
}

const (
	// MinTTL and MaxTTL are Cloudflare's bounds of a record's time-to-live, in seconds ("Time to Live" in its DNS documentation).
	MinTTL = 60
	// MaxTTL is a day, in seconds.
	MaxTTL = 86_400
	// ProxiedTTL is for how long, in seconds, Cloudflare's servers may still ask a proxied record's old target. Resolvers know Cloudflare
	// alone. Cloudflare tells no figure; it is that of a record that is not proxied, by default.
	ProxiedTTL = 60
)

// Remembered returns for how many seconds a resolver may remember a record, or Cloudflare where a proxied one leads.
func (d DNS) Remembered() int {
	if d.Proxied {
		return ProxiedTTL
	}
	return d.TTL
}

// WithDefaults returns the records with what is not given filled in.
func (d DNS) WithDefaults() DNS {
	if d.TTL == 0 {
		d.TTL = MinTTL
	}
	return d
}

// Problems reports what Cloudflare would refuse.
func (d DNS) Problems() Problems {
	var found Problems
	if !d.Proxied {
		found.AddRange(d.TTL, MinTTL, MaxTTL, "ttl")
	}
	return found
}
