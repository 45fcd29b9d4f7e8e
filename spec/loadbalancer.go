package spec

import (
	"cmp"
	"errors"
	"regexp"
)

// LoadBalancer has the settings of a stack's load balancer.
type LoadBalancer struct {
	// IdleTimeout is after how many seconds the load balancer closes a silent connection, by default [DefaultIdleTimeout].
	IdleTimeout int
	// DeletionProtection makes AWS refuse to delete the load balancer.
	DeletionProtection bool
	// SSLPolicy is the security policy of the HTTPS listener, by default [DefaultSSLPolicy].
	SSLPolicy string
}

// Defaults of a [LoadBalancer].
const (
	// DefaultSSLPolicy is the security policy that AWS recommends for HTTPS listeners: TLS 1.3, and TLS 1.2 with authenticated
	// ciphers that have forward secrecy ("Security policies for your Application Load Balancer"; control ELB.17 of AWS's
	// Foundational Security Best Practices).
	DefaultSSLPolicy   = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
	DefaultIdleTimeout = 60
)

// WithDefaults fills in what is not given.
func (b LoadBalancer) WithDefaults() LoadBalancer {
	b.IdleTimeout, b.SSLPolicy = cmp.Or(b.IdleTimeout, DefaultIdleTimeout), cmp.Or(b.SSLPolicy, DefaultSSLPolicy)
	return b
}

// Problems reports what Elastic Load Balancing would refuse, and policies that are too weak.
func (b LoadBalancer) Problems() Problems {
	var found Problems
	found.AddRange(b.IdleTimeout, 1, MaxIdleTimeout, "idleTimeout")
	found.AddValue(b.SSLPolicy, CheckSSLPolicy(b.SSLPolicy), "sslPolicy")
	return found
}

var sslPolicyPattern = regexp.MustCompile(`^ELBSecurityPolicy-TLS13-1-[23](-[A-Za-z0-9]+)*-[0-9]{4}-[0-9]{2}$`)

// CheckSSLPolicy reports a security policy without TLS 1.3, or with a version below TLS 1.2.
func CheckSSLPolicy(policy string) error {
	if !sslPolicyPattern.MatchString(policy) {
		return errors.New("must be a policy with TLS 1.3 and nothing below TLS 1.2, such as " + DefaultSSLPolicy)
	}
	return nil
}
