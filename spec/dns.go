package spec

const (
	// MinTTL and MaxTTL are Cloudflare's bounds of a record's time-to-live, in seconds ("Time to Live" in its DNS documentation).
	MinTTL = 60
	// MaxTTL is a day, in seconds.
	MaxTTL = 86_400
)
