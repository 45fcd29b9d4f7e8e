package spec

// DNS has the settings of the records for a stack's host names.
type DNS struct {
	Proxied bool // through Cloudflare instead of directly to the load balancer
	TTL     int  // seconds, by default [MinTTL]; Cloudflare sets it for proxied records
}

const (
	// MinTTL and MaxTTL are Cloudflare's bounds for a record's time-to-live, in seconds ("Time to Live" in its DNS documentation).
	MinTTL = 60
	// MaxTTL is a day, in seconds.
	MaxTTL = 86_400
	// ProxiedTTL is how long, in seconds, Cloudflare's servers may still ask a proxied record's old target. Resolvers only know
	// Cloudflare. Cloudflare publishes no figure; this is the default of a record that is not proxied.
	ProxiedTTL = 60
)

// Remembered returns how many seconds a resolver may cache a record, or Cloudflare the target of a proxied one.
func (d DNS) Remembered() int {
	if d.Proxied {
		return ProxiedTTL
	}
	return d.TTL
}

// WithDefaults fills in what is not given.
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
