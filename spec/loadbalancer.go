package spec

// Defaults of a load balancer.
const (
	// DefaultSSLPolicy is the security policy that AWS recommends for HTTPS listeners: TLS 1.3, and TLS 1.2 with authenticated
	// ciphers that have forward secrecy ("Security policies for your Application Load Balancer"; control ELB.17 of AWS's
	// Foundational Security Best Practices).
	DefaultSSLPolicy   = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
	DefaultIdleTimeout = 60
)
