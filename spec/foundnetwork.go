package spec

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// FoundNetwork is what AWS says of an existing network.
type FoundNetwork struct {
	ExistingNetwork
	DNSSupport bool // names can be looked up in it
	// PublicSubnets and TaskSubnets are those that were chosen. Without a choice of the tasks' subnets both are the same.
	PublicSubnets, TaskSubnets []FoundSubnet
}

// FoundSubnet is what AWS says of a subnet.
type FoundSubnet struct {
	ID, VPCID, Zone string
	IPv4, IPv6      bool // whether it has addresses of the family
	Free            int  // IPv4 addresses that nothing has
	// IPv4Way and IPv6Way are where its route table sends packets to the internet.
	IPv4Way, IPv6Way Way
}

// Way is where packets to the internet go.
type Way string

const (
	// NoWay is a route table without a route for them.
	NoWay Way = ""
	// InternetGateway is for members with public addresses: those outside reach them too.
	InternetGateway Way = "internet gateway"
	// EgressOnlyGateway is for IPv6 alone, and only for connections from inside.
	EgressOnlyGateway Way = "egress-only internet gateway"
	// Forwarder is anything that sends them on with an address of its own, such as a NAT gateway, a transit gateway or an appliance.
	Forwarder Way = "NAT gateway"
)

// NetworkNeed is what a stack needs of an existing network.
type NetworkNeed struct {
	LoadBalancer bool // a load balancer of its own
	// NewLoadBalancer says that it is not there yet, and NewTasks how many tasks start that are not there yet, at the most at once.
	NewLoadBalancer bool
	NewTasks        int
}

// freeForLoadBalancer is how many free addresses a load balancer wants in each subnet ("Subnets for your load balancer" in the user
// guide for Application Load Balancers).
const freeForLoadBalancer = 8

// PublicIP reports whether tasks need public addresses to reach the internet.
func (n FoundNetwork) PublicIP() bool {
	return slices.ContainsFunc(n.TaskSubnets, func(s FoundSubnet) bool { return s.IPv4Way == InternetGateway })
}

// IPv6 reports whether a load balancer in the public subnets answers on IPv6 too.
func (n FoundNetwork) IPv6() bool {
	return !slices.ContainsFunc(n.PublicSubnets, func(s FoundSubnet) bool { return !s.IPv6 || s.IPv6Way != InternetGateway })
}

// Problems reports why a stack would not work in the network.
func (n FoundNetwork) Problems(need NetworkNeed) Problems {
	var found Problems
	if !n.DNSSupport {
		found.AddValue(n.VPCID, errors.New("has DNS support turned off, so tasks cannot look up any name; turn enableDnsSupport on"), "vpcId")
	}
	if need.LoadBalancer {
		found = append(found, n.publicProblems(need)...)
	}
	return append(found, n.taskProblems(need)...)
}

// subnetProblems reports subnets that cannot be used at all.
func (n FoundNetwork) subnetProblems(chosen Subnets, path []string, subnets []FoundSubnet) Problems {
	var found Problems
	if len(subnets) == 0 {
		found.Add(fmt.Errorf("no subnet of %s has the tags %s", n.VPCID, listTags(chosen.Tags)), path...)
	}
	for _, s := range subnets {
		switch {
		case s.VPCID != n.VPCID:
			found.AddValue(s.ID, fmt.Errorf("is in %s and not in %s", s.VPCID, n.VPCID), path...)
		case !s.IPv4:
			found.AddValue(s.ID, errors.New("has only IPv6 addresses; use a subnet with IPv4 addresses"), path...)
		}
	}
	return found
}

// listTags returns tags as "key=value".
func listTags(tags map[string]string) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, key+"="+tags[key])
	}
	return strings.Join(all, ", ")
}

// publicProblems reports why a load balancer cannot serve in the public subnets.
func (n FoundNetwork) publicProblems(need NetworkNeed) Problems {
	path := n.Public.path(publicGroup)
	found := n.subnetProblems(n.Public, path, n.PublicSubnets)
	if len(found) > 0 {
		return found
	}
	inZone := make(map[string]string)
	for _, s := range n.PublicSubnets {
		if other := inZone[s.Zone]; other != "" {
			found.AddValue(s.ID, fmt.Errorf("is in zone %s as %s is; a load balancer takes one subnet of a zone", s.Zone, other), path...)
		}
		inZone[s.Zone] = s.ID
		if s.IPv4Way != InternetGateway {
			found.AddValue(s.ID, errors.New("has no route to an internet gateway, so nobody reaches a load balancer in it; use a public subnet, or add the route to its route table"), path...)
		}
		if need.NewLoadBalancer && s.Free < freeForLoadBalancer {
			found.AddValue(s.ID, fmt.Errorf("has %d free addresses, and a load balancer needs %d; use a larger subnet", s.Free, freeForLoadBalancer), path...)
		}
	}
	if len(inZone) < MinZones {
		found.Add(fmt.Errorf("are all in one zone; a load balancer needs subnets in at least %d zones", MinZones), path...)
	}
	return found
}

// taskProblems reports why tasks cannot run in their subnets.
func (n FoundNetwork) taskProblems(need NetworkNeed) Problems {
	chosen, path := n.tasks()
	found := n.subnetProblems(chosen, path, n.TaskSubnets)
	if len(found) > 0 && !n.Tasks.Given() && need.LoadBalancer {
		return nil // reported of the public subnets already
	}
	if len(found) > 0 {
		return found
	}
	free, gateway, forwarder := 0, "", ""
	for _, s := range n.TaskSubnets {
		free += s.Free
		switch s.IPv4Way {
		case InternetGateway:
			gateway = s.ID
		case Forwarder:
			forwarder = s.ID
		default:
			if n.Tasks.Given() || !need.LoadBalancer {
				found.AddValue(s.ID, errors.New("has no way to the internet, so tasks in it reach neither their image nor their logs; add a route to a NAT gateway to its route table, or use another subnet"), path...)
			}
		}
	}
	if gateway != "" && forwarder != "" {
		// A service says for all its tasks whether they get public addresses.
		found.Add(fmt.Errorf("%s has a route to an internet gateway, and %s to a NAT gateway: tasks need a public address in one and not in the other; use subnets of one kind",
			gateway, forwarder), path...)
	}
	if free < need.NewTasks {
		found.Add(fmt.Errorf("have %d free addresses together, and %d tasks may start there; use larger subnets, or fewer tasks", free, need.NewTasks), path...)
	}
	return found
}
