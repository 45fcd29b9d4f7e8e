package cloudflare

import (
	"errors"
	"time"

	"slipway/localcloud/cloud"
	"slipway/localcloud/fault"
)

// Manners returns how the Cloudflare provider handles faults. It retries a throttled request three times, as in Pulumi's package
// (pulumi-cloudflare v5 provider, retries), with pauses from one to 30 seconds (cloudflare-go v0, UsingRetryPolicy and its defaults).
// Its errors are in cloudflare-go's words, which then say no code.
func Manners() fault.Manners {
	return fault.Manners{
		// https://developers.cloudflare.com/fundamentals/api/troubleshooting/
		Denied:   cloud.Errorf("10000", "Authentication error"),
		Attempts: 4,
		Backoff:  fault.Exponential(time.Second, 30*time.Second),
		GaveUp:   func(int, error) error { return errors.New("exceeded available rate limit retries") },
		Lost:     errors.New("HTTP request failed: context deadline exceeded"),
	}
}
