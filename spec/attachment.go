package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// What attaches a target group to the load balancer, as ECS wants, while its tasks start and while they stop: a rule for nobody's
// requests. Nobody has a name that ends in "invalid" (RFC 2606), unless a client makes it up.
//
// Another health check makes another target group, and so another rule: the old one has to stay for as long as tasks of the old target
// group finish their requests. A target group without a rule lets go of its targets at once ("Target health status" in the user guide
// for Application Load Balancers: unused).
const (
	serviceAttachment = ".service.invalid"
	canaryAttachment  = ".canary.invalid"
)

// AttachmentRoute returns the route by whose rule the target group of a service with the health check is attached.
func AttachmentRoute(service string, check HealthCheck) Route {
	return Route{Service: service, Hostname: check.mark() + service + serviceAttachment, Path: EveryPath}
}

// CanaryRoute returns what [AttachmentRoute] does, for the service's canary.
func CanaryRoute(service string, check HealthCheck) Route {
	return Route{Service: service, Hostname: check.mark() + service + canaryAttachment, Path: EveryPath}
}

// Attaches reports whether a rule's host name is that of an attachment of the service, or of its canary.
func Attaches(hostname, service string, canary bool) bool {
	name := service + serviceAttachment
	if canary {
		name = service + canaryAttachment
	}
	return hostname == name || strings.HasSuffix(hostname, "."+name)
}

// mark returns a label that tells health checks apart, as far as they are the target group's. The usual one has none.
func (h HealthCheck) mark() string {
	usual := DefaultHealthCheck
	usual.GracePeriod, h.GracePeriod = 0, 0
	if h == usual {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v", h))
	return hex.EncodeToString(sum[:4]) + "."
}
