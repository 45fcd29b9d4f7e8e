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

// What the config may be, and yet the stack that stands cannot become in one update.

// change is what an update is to make of a stack.
type change struct {
	*config.Config
	last     lastUpdate
	standing standing.Listener
	ttl      int // for how many seconds resolvers may remember the records as they are; 0 if nobody needs to know
}

// check reports what one update would do with failed requests, or would not get done.
func (c change) check() error {
	return errors.Join(c.checkCanaryNames(), c.checkEmptied(), c.checkWait())
}

// checkCanaryNames reports a service that would take the resources of another one's canary for its own, or the other way round:
// both are named alike.
func (c change) checkCanaryNames() error {
	stands := func(service string, canary bool) bool {
		return slices.ContainsFunc(c.standing.Rules, func(r standing.Rule) bool { return spec.Attaches(r.Hostname, service, canary) })
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

// checkEmptied reports routes that another service's tasks serve, and that would lead to a service without tasks.
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
						"would fail; let the service have a task, or leave the route where it is", s.Name, key, rule.Hostname, rule.Path, rule.Service))
				}
			}
		}
	}
	return errors.Join(problems...)
}

// empty reports whether the service has no task when its routes lead to it, and by which key. One that scales, and is made anew, begins
// with as many tasks as serve its routes now.
func (c change) empty(s config.Service) (key string, empty bool) {
	if s.Tasks() > 0 || s.HTTP == nil {
		return "", false
	}
	if s.Scaling == nil {
		return "instanceCount", true
	}
	attachment := spec.AttachmentRoute(s.Name, s.HTTP.HealthCheck)
	return "scaling.min", !c.moves() && slices.ContainsFunc(c.standing.Rules, func(r standing.Rule) bool {
		return r.Hostname == attachment.Hostname && r.Targets == 0
	})
}

// makesAnew reports whether the service comes up with a target group of its own, at first without tasks: it is new, has another health
// check, or moves.
func (c change) makesAnew(s config.Service) bool {
	attachment := spec.AttachmentRoute(s.Name, s.HTTP.HealthCheck)
	return c.moves() || !slices.ContainsFunc(c.standing.Rules, func(r standing.Rule) bool { return r.Hostname == attachment.Hostname })
}

// moves reports whether the update brings up another load balancer in the place of the one that stands, or goes on doing so.
func (c change) moves() bool {
	if len(c.standing.Balancers) == 0 {
		return false
	}
	if last := c.last.Network; last != nil && *last != (lastNetwork{c.Network.CIDR, c.Network.IPv6}) {
		return true
	}
	return slices.ContainsFunc(c.standing.Balancers, func(b standing.Balancer) bool { return !b.Tagged })
}

// remembered returns for how long resolvers may remember where the records lead: they have them with the time-to-live of the last
// successful update, or with the one that the records have since an update that failed. Where nothing tells, it is the config's.
//
// Of a time-to-live that was lowered since, nobody tells any more: whoever lowers it is told to wait before the records move.
func (c change) remembered() time.Duration {
	return time.Duration(cmp.Or(max(c.last.TTL, c.ttl), c.DNS.Remembered())) * time.Second
}

const (
	// longestWait is for how long an update may wait until no resolver knows the old load balancer. A job that deploys has an hour, and so
	// has the session of its role ("Role chaining" in the IAM user guide).
	longestWait = 30 * time.Minute
	// longWait is worth a warning.
	longWait = 5 * time.Minute
)

// checkWait reports a time-to-live that would have the update wait for too long.
func (c change) checkWait() error {
	if wait := c.remembered(); c.moves() && wait > longestWait {
		return fmt.Errorf("dns.ttl: another network, region or stack name moves the records to another load balancer, and the old one has to serve "+
			"for %s more, as resolvers remember a record for so long; an update waits for %s at most. First put network, region and name back, set "+
			"dns.ttl to %d and run `pulumi up`; make the change %s later", wait, longestWait, spec.MinTTL, wait)
	}
	return nil
}

// warnings returns what is worth knowing before the update.
func (c change) warnings(images map[spec.Image]spec.Image) []string {
	var warnings []string
	if wait := c.remembered(); c.moves() && wait > longWait {
		warnings = append(warnings, fmt.Sprintf("the DNS records move to another load balancer: the update waits for %s (dns.ttl) then, before it "+
			"deletes the old one. To have it shorter, first put network, region and name back, set dns.ttl to %d and run `pulumi up`; make the "+
			"change %s later, when resolvers remember no record for longer", wait, spec.MinTTL, wait))
	}
	for _, name := range c.leftNames() {
		warnings = append(warnings, fmt.Sprintf("host name %s is left to a wildcard, and keeps its own DNS record until the `pulumi up` after this one: "+
			"as long as a record validates its certificate, the wildcard is not found in its place", name))
	}
	for _, s := range c.Services {
		if tasks := servingBy(c.standing.Rules).tasks(s); s.Scaling != nil && tasks > s.Scaling.Max && c.makesAnew(s) {
			warnings = append(warnings, fmt.Sprintf("service %s is made anew, and begins with %d tasks (scaling.max); %d serve its requests now, as by a "+
				"schedule. If so few cannot take the load, raise scaling.max for this update", s.Name, s.Scaling.Max, tasks))
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

// owner returns the service that a rule's route is to lead to, or "".
func (c change) owner(rule standing.Rule) string {
	for _, route := range c.Routes() {
		if route.Hostname == rule.Hostname && route.Path == rule.Path {
			return route.Service
		}
	}
	return ""
}

// leftNames returns the host names that are left to a wildcard, and cannot do without a record of their own yet.
//
// One has a record below it that validates its certificate, and that goes only after the certificate: no wildcard covers a name with a
// record below it (RFC 4592, section 2.2.2), and whoever asked in between would remember for long that there is no such name. When the
// load balancer moves, the record of another one would go on leading to the old one until that is deleted. With the next update such a
// name is in no certificate any more, and its record goes.
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

// ruleKey tells the rules of a listener apart.
type ruleKey struct {
	hostname, path string
	header         bool // it asks for a header too
}

// rulesAtOnce returns how many rules the load balancer has that stay until the update ends, and how many come to them. Of several, as an
// interrupted move leaves them, it is the fullest of those that get rules: each has a quota of its own.
//
// Which of several that carry the stack's tags is the old one, as after another network, AWS does not tell. If its rules are not those of
// the config, it is counted as well, and may have the update refused though it gets no rules. An update with the rules as they were
// removes it.
func (c change) rulesAtOnce() (stay, come int) {
	type count struct{ stay, come int }
	var counts []count
	for balancer := range max(len(c.standing.Balancers), 1) {
		if c.moves() && !c.movesTo(balancer) {
			continue
		}
		missing, stays := c.wantedRules(), 0
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

// movesTo reports whether the stack has a load balancer of its own already, and another one from before it was renamed or moved to another
// region: an update that was interrupted has made it.
func (c change) movesTo(balancer int) bool {
	return c.standing.Balancers[balancer].Tagged && slices.ContainsFunc(c.standing.Balancers, func(b standing.Balancer) bool { return !b.Tagged })
}

// wantedRules returns the rules that the config makes.
func (c change) wantedRules() map[ruleKey]bool {
	wanted := make(map[ruleKey]bool)
	for _, s := range c.Services {
		for _, route := range slices.Concat(s.Routes(), s.Attachments()) {
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

// checkRules reports more rules than the load balancer may have at a time. The quota is asked for only where AWS's default does not do.
func (c change) checkRules(quota func() (int, error)) error {
	stay, come := c.rulesAtOnce()
	if come == 0 || stay+come <= config.RulesPerLoadBalancer {
		return nil
	}
	most, err := quota()
	if err != nil || stay+come <= most {
		return err
	}
	return fmt.Errorf("services: the load balancer would have %d rules at once, %d that stand and %d that come before any of those go; the account's "+
		"quota is %d. Have the quota \"Rules per Application Load Balancer\" raised, or make the change in several updates", stay+come, stay, come, most)
}
