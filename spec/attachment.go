package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// ECS wants a target group to be attached to the load balancer while its tasks start and while they stop. A rule that no request
// matches attaches it: no host has a name that ends in "invalid" (RFC 2606), unless a client makes one up.
//
// A change of the health check makes a new target group, and so a new rule. The old rule stays while tasks of the old target group
// finish their requests. A target group without a rule drops its targets at once ("Target health status" in the user guide for
// Application Load Balancers: unused).
const (
	serviceAttachment = ".service.invalid"
	canaryAttachment  = ".canary.invalid"
)

// AttachmentRoute returns the route whose rule attaches the target group of a service with the health check.
func AttachmentRoute(service string, check HealthCheck) Route {
	return Route{Service: service, Hostname: check.mark() + service + serviceAttachment, Path: EveryPath}
}

// CanaryRoute is [AttachmentRoute] for the service's canary.
func CanaryRoute(service string, check HealthCheck) Route {
	return Route{Service: service, Hostname: check.mark() + service + canaryAttachment, Path: EveryPath}
}

// Attaches reports whether a rule with the host name attaches the service, or its canary.
func Attaches(hostname, service string, canary bool) bool {
	name := service + serviceAttachment
	if canary {
		name = service + canaryAttachment
	}
	return hostname == name || strings.HasSuffix(hostname, "."+name)
}

// mark returns a label that tells health checks apart by what belongs to the target group. The default health check has none.
func (h HealthCheck) mark() string {
	usual := DefaultHealthCheck
	usual.GracePeriod, h.GracePeriod = 0, 0
	if h == usual {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v", h))
	return hex.EncodeToString(sum[:4]) + "."
}
