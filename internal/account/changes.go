package account

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"slipway/config"
	"slipway/internal/standing"
	"slipway/spec"
)

// Changes that are valid in the config, but that one update cannot make to the existing stack.

// change is the change of a stack in an update.
type change struct {
	*config.Config
	last     lastUpdate
	standing standing.Listener // with the rules of this stack
	others   []standing.Rule   // of other stacks on the same listener
	// certificates are the names in each certificate of the listener, whoever added it.
	certificates [][]string
	platform     string // on which the stack stands, in full; empty: on its own
	vpcID        string // of the platform; empty: of the stack's own, which the last update knows
	ttl          int    // for how many seconds resolvers may remember the current records; 0 if that is not needed
}

// check reports changes that would fail requests in one update, or that one update cannot make.
func (c change) check() error {
	return errors.Join(c.checkMoves(), c.checkGuests(), c.checkSharing(), c.checkCanaryNames(), c.checkEmptied(), c.checkFamily(), c.checkCalled(), c.checkWait())
}

// checkCanaryNames reports a service with the same resource names as another service's running canary, or the other way round.
func (c change) checkCanaryNames() error {
	stands := func(service string, canary bool) bool {
		return slices.ContainsFunc(c.standing.Rules, func(r standing.Rule) bool { return spec.Attaches(r.Hostname, service, canary, c.Sharer) })
	}
	var problems []error
	for _, s := range c.Services {
		if of, named := strings.CutSuffix(s.Name, spec.CanarySuffix); named && stands(of, true) {
			problems = append(problems, fmt.Errorf("services.%s: has the name of the canary of service %s, which still runs; first remove "+
				"that canary and run `pulumi up`", s.Name, of))
		}
		if other := s.Name + spec.CanarySuffix; s.Canary() != nil && stands(other, false) {
			problems = append(problems, fmt.Errorf("services.%s.canary: has the name of service %s, which still runs; first remove "+
				"that service and run `pulumi up`", s.Name, other))
		}
	}
	return errors.Join(problems...)
}

// checkEmptied reports routes that another service's tasks serve now and that would lead to a service without tasks.
func (c change) checkEmptied() error {
	var problems []error
	for _, s := range c.Services {
		key, empty := c.empty(s)
		if !empty {
			continue
		}
		for _, route := range s.Routes() {
			for _, rule := range c.standing.Rules {
				if rule.Hostname == route.Hostname && rule.Path == route.Path && rule.Service != s.Name && rule.Targets > 0 {
					problems = append(problems, fmt.Errorf("services.%s.%s: is 0, and %s%s would lead to it, which service %s serves now: its requests "+
						"would fail; give the service a task, or leave the route where it is", s.Name, key, rule.Hostname, rule.Path, rule.Service))
				}
			}
		}
	}
	return errors.Join(problems...)
}

// empty reports whether the service has no task when its routes lead to it, and which key says so. A replaced service that scales
// begins with as many tasks as serve its routes now.
func (c change) empty(s config.Service) (key string, empty bool) {
	if s.Tasks() > 0 || s.HTTP == nil {
		return "", false
	}
	if s.Scaling == nil {
		return "instanceCount", true
	}
	attachment := spec.AttachmentRoute(s.Name, s.HTTP.HealthCheck, c.Network.Egress.IPv6Only()).Among(c.Sharer)
	return "scaling.min", !c.moves() && slices.ContainsFunc(c.standing.Rules, func(r standing.Rule) bool {
		return r.Hostname == attachment.Hostname && r.Targets == 0
	})
}

// makesAnew reports whether the service gets a new target group, at first without tasks: it is new, has another health check, or moves.
func (c change) makesAnew(s config.Service) bool {
	attachment := spec.AttachmentRoute(s.Name, s.HTTP.HealthCheck, c.Network.Egress.IPv6Only()).Among(c.Sharer)
	return c.moves() || !slices.ContainsFunc(c.standing.Rules, func(r standing.Rule) bool { return r.Hostname == attachment.Hostname })
}

// switchesFamily reports whether the update gives the tasks of a network that stays only IPv6 addresses, or both kinds again.
func (c change) switchesFamily() bool {
	last := c.last.Network
	return last != nil && !c.replacesNetwork() && last.Egress.IPv6Only() != c.Network.Egress.IPv6Only()
}

// checkFamily reports calls between services of which some still have the old addresses and some only the new ones. Tasks with both kinds
// are called at their IPv4 addresses, which those with IPv6 alone do not reach. A service that is replaced would have its name twice, too.
func (c change) checkFamily() error {
	if !c.switchesFamily() || !c.HasCalls() || len(c.last.Calls) == 0 {
		return nil
	}
	return errors.New("network.egress: services call each other, and while they move between addresses of both kinds and of IPv6 alone, some would not " +
		"reach others; first take calls out and run `pulumi up`, and then make the change, and name them again")
}

// checkCalled reports a called service that gets another ECS service. Both would have its name in the namespace, which AWS refuses
// (ServiceConnectClientAlias in the ECS API reference). With another network the namespace is another one too.
func (c change) checkCalled() error {
	var problems []error
	for _, s := range c.Services {
		if s.HTTP != nil && !c.moves() && !c.switchesFamily() && c.Called(s.Name) && c.wasCalled(s.Name) && c.makesAnew(s) {
			problems = append(problems, fmt.Errorf("services.%s: other services call it, and another health check starts it anew while the old one still has its name; "+
				"first take %[1]s out of calls and run `pulumi up`, and then make the change and name it again", s.Name))
		}
	}
	return errors.Join(problems...)
}

// wasCalled reports whether a service was called since the last update.
func (c change) wasCalled(name string) bool {
	for _, callees := range c.last.Calls {
		if slices.Contains(callees, name) {
			return true
		}
	}
	return false
}

// moves reports whether the update replaces the load balancer, or continues such a replacement.
func (c change) moves() bool {
	if len(c.standing.Balancers) == 0 {
		return false
	}
	if c.replacesNetwork() {
		return true
	}
	return slices.ContainsFunc(c.standing.Balancers, func(b standing.Balancer) bool { return !b.Tagged })
}

// replacesNetwork reports whether the update replaces the stack's VPC.
func (c change) replacesNetwork() bool {
	if c.last.Network == nil {
		return false
	}
	last := *c.last.Network
	last.Egress = "" // tasks move within the VPC
	return last != c.network()
}

// remembered returns how long resolvers may remember the records: the time-to-live of the last successful update, or the one that the
// records have since a failed update. If both are unknown, it is the config's.
//
// A time-to-live that was lowered since then is not known any more: the error tells the user to wait before the records move.
func (c change) remembered() time.Duration {
	return time.Duration(cmp.Or(max(c.last.TTL, c.ttl), c.DNS.Remembered())) * time.Second
}

const (
	// longestWait is how long an update may wait until no resolver knows the old load balancer. A deploying job has an hour, and so has
	// the session of its role ("Role chaining" in the IAM user guide).
	longestWait = 30 * time.Minute
	// longWait is a wait that is worth a warning.
	longWait = 5 * time.Minute
)

// checkWait reports a time-to-live that would make the update wait too long.
func (c change) checkWait() error {
	if wait := c.remembered(); c.moves() && wait > longestWait {
		return fmt.Errorf("dns.ttl: another network, region or stack name moves the records to another load balancer, and the old one must serve "+
			"for another %s, because resolvers remember a record for so long; an update waits at most %s. First put network, region and name back, set "+
			"dns.ttl to %d and run `pulumi up`; make the change %s later", wait, longestWait, spec.MinTTL, wait)
	}
	return nil
}

// warnings returns the warnings to give before the update.
func (c change) warnings(images map[spec.Image]spec.Image) []string {
	var warnings []string
	if wait := c.remembered(); c.moves() && wait > longWait {
		warnings = append(warnings, fmt.Sprintf("the DNS records move to another load balancer: the update waits for %s (dns.ttl) then, before it "+
			"deletes the old one. To shorten this, first put network, region and name back, set dns.ttl to %d and run `pulumi up`; make the "+
			"change %s later, when no resolver remembers a record for longer", wait, spec.MinTTL, wait))
	}
	for _, name := range c.leftNames() {
		warnings = append(warnings, fmt.Sprintf("host name %s keeps its own DNS record, although a wildcard serves it now, until the next `pulumi up`: "+
			"while a record validates its certificate, DNS does not find the wildcard for it", name))
	}
	for _, s := range c.Services {
		if tasks := servingBy(c.standing.Rules).tasks(s); s.Scaling != nil && tasks > s.Scaling.Max && c.makesAnew(s) {
			warnings = append(warnings, fmt.Sprintf("service %s is replaced, and begins with %d tasks (scaling.max); %d serve its requests now, perhaps by a "+
				"schedule. If that is too few for the load, raise scaling.max for this update", s.Name, s.Scaling.Max, tasks))
		}
	}
	for _, s := range c.Services {
		before, now := c.last.Images[s.Name], images[s.Image].String()
		for _, rule := range c.standing.Rules {
			owner := c.owner(rule)
			if before != "" && before != now && rule.Service == s.Name && owner != "" && owner != s.Name {
				warnings = append(warnings, fmt.Sprintf("service %s gets another image and loses %s%s to service %s: its new version answers that route "+
					"until %[4]s is healthy. If it cannot, move the route first, run `pulumi up`, and then change the image", s.Name, rule.Hostname, rule.Path, owner))
			}
		}
	}
	return warnings
}

// owner returns the service to which a rule's route must lead, or "".
func (c change) owner(rule standing.Rule) string {
	for _, route := range c.Routes() {
		if route.Hostname == rule.Hostname && route.Path == rule.Path {
			return route.Service
		}
	}
	return ""
}

// leftNames returns the host names that only a wildcard serves from now on, and that still need their own record.
//
// Such a name may have a validation record below it, which is deleted only after the certificate. No wildcard covers a name with a
// record below it (RFC 4592, section 2.2.2), and resolvers that asked in between would long remember that the name does not exist. Or
// the load balancer moves: the name's record would lead to the old one until that is deleted. At the next update no certificate has the
// name any more, and its record is deleted.
func (c change) leftNames() []string {
	had := slices.Concat(c.standing.Certificates...)
	if c.moves() {
		for _, rule := range c.standing.Rules {
			had = append(had, rule.Hostname)
		}
	}
	wanted := c.Hostnames()
	return slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(had))), func(name string) bool {
		covered := slices.ContainsFunc(wanted, func(w string) bool { return !config.IsPlain(w) && strings.HasSuffix(name, w[1:]) })
		return !config.IsPlain(name) || !covered || slices.Contains(wanted, name)
	})
}

// ruleKey identifies a rule of a listener.
type ruleKey struct {
	hostname, path string
	header         bool // it has a condition on a header too
}

// rulesAtOnce returns how many rules of the load balancer stay until the update ends, and how many are added. An interrupted move
// leaves several load balancers, each with its own quota: then it is the fullest one that gets rules.
//
// Once the network is put back, several that carry the stack's tags stay, and each is counted. One whose rules are not those of the config
// may have the update refused though it gets no rules. An update with the rules as they were removes it.
func (c change) rulesAtOnce() (stay, come int) {
	type count struct{ stay, come int }
	var counts []count
	for balancer := range max(len(c.standing.Balancers), 1) {
		if c.moves() && !c.movesTo(balancer) {
			continue
		}
		missing, stays := c.wantedRules(), 0
		for _, rule := range c.others {
			if rule.Balancer == balancer {
				stays++
			}
		}
		for _, rule := range c.standing.Rules {
			if rule.Balancer == balancer {
				stays++
				delete(missing, ruleKey{rule.Hostname, rule.Path, rule.Header})
			}
		}
		counts = append(counts, count{stays, len(missing)})
	}
	if len(counts) == 0 {
		return 0, len(c.wantedRules())
	}
	most := slices.MaxFunc(counts, func(a, b count) int {
		return cmp.Or(cmp.Compare(min(a.come, 1), min(b.come, 1)), cmp.Compare(a.stay+a.come, b.stay+b.come))
	})
	return most.stay, most.come
}

// movesTo reports whether a load balancer is the new one, which an interrupted update has already made in addition to the old one. The
// outputs name the old one until an update succeeds.
func (c change) movesTo(balancer int) bool {
	b := c.standing.Balancers[balancer]
	if c.last.LoadBalancer != "" {
		return b.Tagged && b.DNSName != c.last.LoadBalancer
	}
	return b.Tagged && slices.ContainsFunc(c.standing.Balancers, func(b standing.Balancer) bool { return !b.Tagged })
}

// wantedRules returns the rules that the config makes.
func (c change) wantedRules() map[ruleKey]bool {
	wanted := make(map[ruleKey]bool)
	for _, s := range c.Services {
		for _, route := range slices.Concat(s.Routes(), c.Attachments(s)) {
			wanted[ruleKey{route.Hostname, route.Path, false}] = true
		}
		for _, route := range s.Routes() {
			if s.Canary() != nil {
				wanted[ruleKey{route.Hostname, route.Path, true}] = true
			}
		}
	}
	return wanted
}

// checkRules reports more rules than the load balancer may have at a time. It looks up the quota only if AWS's default is not enough.
func (c change) checkRules(quota func() (int, error)) error {
	stay, come := c.rulesAtOnce()
	if come == 0 || stay+come <= config.RulesPerLoadBalancer {
		return nil
	}
	most, err := quota()
	if err != nil || stay+come <= most {
		return err
	}
	return fmt.Errorf("services: the load balancer would have %d rules at once, %d existing ones and %d added before any is deleted; the account's "+
		"quota is %d. Ask AWS to raise \"Rules per Application Load Balancer\", or make the change in several updates", stay+come, stay, come, most)
}
