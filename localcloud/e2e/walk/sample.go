package walk

import (
	"math/rand/v2"
	"slices"
)

// sample are the kinds of change that each stack of a sample goes through. What needs something of another kind first, such as a
// canary's weight, is together with that.
var sample = [][]string{
	network,
	{"rename a service", "remove a host name", "add a host name", "shrink to one host name", "grow past ten host names", "tags", sickRename, interrupted},
	{
		"move a host name", "move a path", "swap host names", "swap paths", "other paths", "add a service", "take a path out of a service", "remove a service",
		sickExtract, sameRoute, noOrder, tooWild,
	},
	{
		"add a canary", "canary weight", "canary version", "promote a canary", "remove a canary", exitingCanary, "new version", "port",
		"health check path", "health check interval", "health check codes",
	},
	{
		"add a wildcard", "remove a wildcard", "leave a name to a wildcard", "put a wildcard in the place of a name", "size", "count", "alarms", "capacity", "drain profile",
		"deregistration delay", "zones", "network.egress", "idle timeout", sickVersion, exitingVersion,
	},
	{
		"take the name of another service", "swap names", "use a name again", "remove a service", "add a service called like a canary", "add a canary",
		canaryBeside, afterCanary, afterService,
	},
	{
		"add scaling", "scaling bounds", "scaling target", "remove scaling", "dns.ttl", "dns.proxied",
		"add several host names", "remove several host names", "add a service that has a wildcard alone", "sidecar", "exec",
		"what tasks may do", "room to write", "worker", "queue", "calls", "job",
	},
}

// network are the kinds that make another network: the old one stays for a minute, until no client can know its load balancer's address
// any more. So a sample has one update with all of them. A name that only a wildcard serves after that update keeps its record, which
// leads to the new load balancer, until the next one.
var network = []string{"network.cidr", "network.ipv6", "region", "put a wildcard in the place of a name"}

// The sample must end within minutes, so each of its walks is the shortest of several, and its updates have many changes.
const (
	mostSteps   = 9
	mostChanges = 8
	candidates  = 20
)

// Sample draws walks that have every kind of change that a sample has, together.
func Sample(seed uint64) []Walk {
	walks := make([]Walk, len(sample))
	d := draw{rand.New(rand.NewPCG(seed, 1))}
	for i, kinds := range sample {
		limit, most := mostSteps, mostChanges
		if slices.Equal(kinds, network) {
			limit, most = 1, len(network)
		}
		for found := 0; found < candidates; {
			w := New(Options{Seed: d.Uint64N(1_000_000), Steps: limit, Most: most, Kinds: kinds})
			w.cut(kinds)
			if !w.has(kinds) || len(w.Steps) > limit { // most walks get there too late
				continue
			}
			if found++; found == 1 || len(w.Steps) < len(walks[i].Steps) {
				walks[i] = w
			}
		}
	}
	return walks
}

// cut removes the steps after the walk has all of the kinds.
func (w *Walk) cut(kinds []string) {
	for n := range w.Steps {
		part := Walk{Steps: w.Steps[:n+1]}
		last := w.Steps[n].Outcome
		if part.has(kinds) && (last == Succeeds || last == Refused) {
			*w = Walk{w.Seed, w.First, part.Steps}
			return
		}
	}
}

// has reports whether every one of the kinds is in the walk.
func (w Walk) has(kinds []string) bool {
	missing := map[string]bool{}
	for _, k := range kinds {
		missing[k] = true
	}
	for _, s := range w.Steps {
		for _, k := range s.Kinds {
			delete(missing, k)
		}
	}
	return len(missing) == 0
}
