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
// A change of the health check makes a new target group, and so does one between targets with IPv4 addresses and with IPv6 ones. Each has a
// new rule. The old rule stays while tasks of the old target group finish their requests. A target group without a rule drops its targets at
// once ("Target health status" in the user guide for Application Load Balancers: unused).
const (
	serviceAttachment = ".service.invalid"
	canaryAttachment  = ".canary.invalid"
	sharedAttachment  = ".shared.invalid"
)

// Sharer returns the name that tells a stack from the others on a listener. Two projects can have a stack of the same name.
func Sharer(project, stack string) string {
	sum := sha256.Sum256([]byte(project + "/" + stack))
	return stack + "-" + hex.EncodeToString(sum[:4])
}

// Among returns the attachment of a stack that shares its listener with others, which may have services of the same name. An empty sharer
// has the listener for itself.
func (r Route) Among(sharer string) Route {
	if sharer != "" {
		r.Hostname = strings.TrimSuffix(r.Hostname, "invalid") + sharer + sharedAttachment
	}
	return r
}

// IsSharedAttachment reports whether a rule with the host name attaches a target group of a stack that stands on a platform.
func IsSharedAttachment(hostname string) bool { return strings.HasSuffix(hostname, sharedAttachment) }

// IsAttachment reports whether a rule with the host name attaches a target group, and matches no request.
func IsAttachment(hostname string) bool { return strings.HasSuffix(hostname, ".invalid") }

// AttachmentRoute returns the route whose rule attaches the target group of a service with the health check, whose tasks have IPv4
// addresses, or only IPv6 ones.
func AttachmentRoute(service string, check HealthCheck, ipv6 bool) Route {
	return Route{Service: service, Hostname: familyMark(ipv6) + check.mark() + service + serviceAttachment, Path: EveryPath}
}

// CanaryRoute is [AttachmentRoute] for the service's canary.
func CanaryRoute(service string, check HealthCheck, ipv6 bool) Route {
	return Route{Service: service, Hostname: familyMark(ipv6) + check.mark() + service + canaryAttachment, Path: EveryPath}
}

// familyMark returns a label for target groups whose targets have IPv6 addresses.
func familyMark(ipv6 bool) string {
	if ipv6 {
		return "ipv6."
	}
	return ""
}

// Attaches reports whether a rule with the host name attaches the sharer's service, or its canary.
func Attaches(hostname, service string, canary bool, sharer string) bool {
	name := service + serviceAttachment
	if canary {
		name = service + canaryAttachment
	}
	name = Route{Hostname: name}.Among(sharer).Hostname
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
