package dns

import (
	"strings"

	"github.com/miekg/dns"
)

const (
	// negativeTTL is how long, in seconds, a client may remember that a name or type is missing. It is short, because a missing name in
	// the local cloud is probably created soon.
	negativeTTL = 5

	// maxChain bounds the CNAMEs followed for one question; a longer chain counts as a loop.
	maxChain = 16
)

// answer fills in the reply to a question that has been checked already. zones is the state for this one question.
func answer(reply *dns.Msg, q dns.Question, zones []Zone) error {
	zone, inside := find(zones, canonical(q.Name))
	if !inside {
		reply.Rcode = dns.RcodeRefused
		return nil
	}
	reply.Authoritative = true
	rrtype := dns.TypeToString[q.Qtype]

	// The owner of the first answer repeats the question's letters, as clients that randomise case expect.
	for owner := q.Name; ; {
		if len(reply.Answer) > maxChain {
			reply.Rcode = dns.RcodeServerFailure
			return nil
		}
		if q.Qtype == dns.TypeSOA && canonical(owner) == canonical(zone.Origin) {
			reply.Answer = append(reply.Answer, soa(zone.Origin))
			return nil
		}
		records, exists := zone.lookup(canonical(owner), rrtype)
		if len(records) == 0 {
			if !exists {
				// With a CNAME in the answer this is the status of the last name of the chain (RFC 6604).
				reply.Rcode = dns.RcodeNameError
			}
			reply.Ns = append(reply.Ns, soa(zone.Origin))
			return nil
		}
		for _, record := range records {
			rr, err := record.rr(owner)
			if err != nil {
				return err
			}
			reply.Answer = append(reply.Answer, rr)
		}
		alias, ok := reply.Answer[len(reply.Answer)-1].(*dns.CNAME)
		if !ok || q.Qtype == dns.TypeCNAME || q.Qtype == dns.TypeANY {
			return nil
		}
		owner = alias.Target
		if zone, inside = find(zones, canonical(owner)); !inside {
			return nil // the client asks elsewhere for the rest of the chain
		}
	}
}

// find returns the zone that name lies in: the one with the longest origin, if one is a part of another.
func find(zones []Zone, name string) (best Zone, found bool) {
	for _, zone := range zones {
		if dns.IsSubDomain(canonical(zone.Origin), name) && (!found || len(canonical(zone.Origin)) > len(canonical(best.Origin))) {
			best, found = zone, true
		}
	}
	return best, found
}

// soa is made up: nothing transfers these zones, and the one number that matters is the negative TTL (RFC 2308).
func soa(origin string) dns.RR {
	origin = dns.Fqdn(strings.ToLower(origin))
	return &dns.SOA{
		Hdr:     dns.RR_Header{Name: origin, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: negativeTTL},
		Ns:      dns.Fqdn("ns." + origin),
		Mbox:    dns.Fqdn("hostmaster." + origin),
		Serial:  1,
		Refresh: 3600,
		Retry:   600,
		Expire:  86400,
		Minttl:  negativeTTL,
	}
}
