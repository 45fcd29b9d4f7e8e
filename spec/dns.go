package spec

const (
	// MinTTL and MaxTTL are Cloudflare's bounds of a record's time-to-live, in seconds ("Time to Live" in its DNS documentation).
	MinTTL = 60
	// MaxTTL is a day, in seconds.
	MaxTTL = 86_400
	// ProxiedTTL is for how long, in seconds, Cloudflare's servers may still ask a proxied record's old target. Resolvers know Cloudflare
	// alone. Cloudflare tells no figure; it is that of a record that is not proxied, by default.
	ProxiedTTL = 60
)
