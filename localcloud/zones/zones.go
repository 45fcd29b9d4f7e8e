// Package zones has the name server's zones, and resolves names for clients by its answers.
package zones

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/cloudflare"
	"slipway/localcloud/dns"
)

const (
	// balancerOrigin is above the DNS names of all load balancers.
	balancerOrigin = "elb.amazonaws.com"
	// balancerTTL is the time to live of a load balancer's addresses, in seconds.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html
	balancerTTL = 60
	// automaticTTL is what Cloudflare answers for a record that leaves the choice to it, in seconds.
	// https://developers.cloudflare.com/dns/manage-dns-records/reference/ttl/
	automaticTTL = 300
	// longestChain bounds the records followed to flatten one name.
	longestChain = 8
)

// Zones returns the name server's current zones: Cloudflare's records, and the load balancers' names with their real addresses on this
// machine.
func Zones(store *cloud.Store, c *cloudflare.Cloudflare) func() []dns.Zone {
	return func() []dns.Zone { return zonesOf(store, c, onMachine) }
}

// InVPC returns what the resolvers of VPCs answer with authority: Cloudflare's records, the load balancers' names with their addresses on
// AWS, and AWS's own endpoints, all of them at the given addresses.
func InVPC(store *cloud.Store, c *cloudflare.Cloudflare, services ...netip.Addr) func() []dns.Zone {
	own := []dns.Zone{
		servicesZone("amazonaws.com", slices.DeleteFunc(slices.Clone(services), netip.Addr.Is6)),
		servicesZone("api.aws", services), // those with IPv6
		servicesZone("on.aws", services),  // Amazon ECR's registries among them
	}
	return func() []dns.Zone { return append(zonesOf(store, c, onAWS), own...) }
}

// servicesZone has a domain of AWS's own endpoints.
// https://docs.aws.amazon.com/general/latest/gr/rande.html
func servicesZone(origin string, addresses []netip.Addr) dns.Zone {
	z := dns.Zone{Origin: origin}
	for _, a := range addresses {
		z.Records = append(z.Records, dns.Record{Name: "*." + origin, Type: addressType(a.String()), Content: a.String(), TTL: balancerTTL})
	}
	return z
}

// onAWS is where clients in a VPC find a load balancer. The name of an internet-facing one has its public addresses there too.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html
func onAWS(tx *cloud.Tx, balancer *cloud.Resource) (addresses []string) {
	for _, r := range ec2.InterfacesOf(tx, balancer.Scope, balancer.ID) {
		in, described := ec2.NetworkInterface.Inputs(r), elbv2.LoadBalancer.Described(balancer)
		v4 := in.PublicIP
		if described.Internal {
			v4 = in.PrivateIP
		}
		for _, a := range []string{v4, in.IPv6Address} {
			if a != "" && (a == v4 || strings.HasPrefix(described.IPAddressType, "dualstack")) {
				addresses = append(addresses, a)
			}
		}
	}
	return addresses
}

// onMachine is where a load balancer really is on this machine, if it has an address yet.
func onMachine(_ *cloud.Tx, balancer *cloud.Resource) []string {
	if a := cloud.Peek[elbv2.LoadBalancerStatus](balancer).Address; a != "" {
		return []string{a}
	}
	return nil
}

func zonesOf(store *cloud.Store, c *cloudflare.Cloudflare, where func(*cloud.Tx, *cloud.Resource) []string) (zones []dns.Zone) {
	store.View(func(tx *cloud.Tx) {
		balancers := dns.Zone{Origin: balancerOrigin, Records: balancerRecords(tx, where)}
		records := c.Records(tx)
		for _, z := range c.Zones() {
			zone := dns.Zone{Origin: z.Name}
			for _, r := range records {
				if r.Zone == z.Name {
					zone.Records = append(zone.Records, served(r, records, balancers.Records)...)
				}
			}
			zones = append(zones, zone)
		}
		zones = append(zones, balancers)
	})
	return zones
}

// balancerRecords returns the addresses of the load balancers that have one.
func balancerRecords(tx *cloud.Tx, where func(*cloud.Tx, *cloud.Resource) []string) []dns.Record {
	var out []dns.Record
	for _, r := range tx.Everywhere(elbv2.LoadBalancer.Token) {
		name := elbv2.LoadBalancer.Outputs(r).DNSName
		if name == "" {
			continue
		}
		for _, address := range where(tx, r) {
			out = append(out, dns.Record{Name: name, Type: addressType(address), Content: address, TTL: balancerTTL})
		}
	}
	return out
}

func addressType(address string) string {
	if strings.Contains(address, ":") {
		return "AAAA"
	}
	return "A"
}

// served returns a record as Cloudflare answers it. For a proxied record, clients do not see the content, but addresses of Cloudflare's
// network. Here these are the origin's own addresses, because the proxy is not modelled.
// https://developers.cloudflare.com/dns/proxy-status/
func served(r cloudflare.Record, all []cloudflare.Record, balancers []dns.Record) []dns.Record {
	ttl := uint32(r.TTL) //nolint:gosec // at most a day, as Cloudflare has checked
	if r.TTL <= 1 {
		ttl = automaticTTL
	}
	content := r.Content
	if r.Type == "MX" {
		content = fmt.Sprintf("%d %s", r.Priority, content)
	}
	if !r.Proxied || r.Type != "CNAME" {
		return []dns.Record{{Name: r.Name, Type: r.Type, Content: content, TTL: ttl}}
	}
	var out []dns.Record
	for _, a := range addresses(content, all, balancers, longestChain) {
		out = append(out, dns.Record{Name: r.Name, Type: a.Type, Content: a.Content, TTL: ttl})
	}
	return out
}

// addresses follows a name to the addresses that it stands for.
func addresses(name string, all []cloudflare.Record, balancers []dns.Record, hops int) []dns.Record {
	var out []dns.Record
	for _, b := range balancers {
		if strings.EqualFold(b.Name, name) {
			out = append(out, b)
		}
	}
	for _, r := range all {
		switch {
		case !strings.EqualFold(r.Name, name):
		case r.Type == "A" || r.Type == "AAAA":
			out = append(out, dns.Record{Type: r.Type, Content: r.Content})
		case r.Type == "CNAME" && hops > 0:
			out = append(out, addresses(r.Content, all, balancers, hops-1)...)
		}
	}
	return out
}
