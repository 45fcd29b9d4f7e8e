package account

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"slipway/config"
	"slipway/internal/standing"
	"slipway/spec"
)

// What the config may be, and yet the stack that stands cannot become in one update.

// checkChange reports what one update would do with failed requests, given what the stack's load balancer holds.
func checkChange(c *config.Config, listener standing.Listener) error {
	return errors.Join(checkCanaryNamesStanding(c, listener.Rules), checkLeftNames(c, listener.Certificates))
}

// checkCanaryNamesStanding reports a service that would take the resources of another one's canary for its own, or the other way round:
// both are named alike.
func checkCanaryNamesStanding(c *config.Config, rules []standing.Rule) error {
	stands := func(service string, canary bool) bool {
		return slices.ContainsFunc(rules, func(r standing.Rule) bool { return spec.Attaches(r.Hostname, service, canary) })
	}
	var problems []error
	for _, s := range c.Services {
		if of, named := strings.CutSuffix(s.Name, spec.CanarySuffix); named && stands(of, true) {
			problems = append(problems, fmt.Errorf("services.%s: has the name of the canary of service %s, which still runs; first remove "+
				"that canary and run `pulumi up`", s.Name, of))
		}
		if other := s.Name + spec.CanarySuffix; s.Canary != nil && stands(other, false) {
			problems = append(problems, fmt.Errorf("services.%s.canary: has the name of service %s, which still runs; first remove "+
				"that service and run `pulumi up`", s.Name, other))
		}
	}
	return errors.Join(problems...)
}

// checkLeftNames reports host names that are left to a wildcard that comes only now. The name's own record would go before the one that
// validates its certificate, and no wildcard covers a name with a record below it (RFC 4592, section 2.2.2).
func checkLeftNames(c *config.Config, certificates [][]string) error {
	var problems []error
	wanted, standing := c.Hostnames(), slices.Concat(certificates...)
	for _, name := range slices.Compact(slices.Sorted(slices.Values(standing))) {
		if slices.Contains(wanted, name) {
			continue
		}
		wildcard := func(among []string) int {
			return slices.IndexFunc(among, func(w string) bool { return w != name && !config.IsPlain(w) && strings.HasSuffix(name, w[1:]) })
		}
		if i := wildcard(wanted); i >= 0 && wildcard(standing) < 0 {
			problems = append(problems, fmt.Errorf("services: host name %s is left to the wildcard %s, and for a moment neither would be found; "+
				"first add the wildcard and run `pulumi up`, then remove the name", name, wanted[i]))
		}
	}
	return errors.Join(problems...)
}
