package dns

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Record is one resource record as a DNS provider's API shows it: Name and the names in Content without a trailing dot
// (one is tolerated), Type in capitals (A, AAAA, CNAME, TXT, MX, …), Content in presentation form and TTL in seconds.
type Record struct {
	Name    string
	Type    string
	Content string
	TTL     uint32
}

// Zone is one domain with all its records. The server answers with authority for Origin and everything below it.
type Zone struct {
	Origin  string
	Records []Record
}

// lookup finds the records for name (canonical, inside the zone) of type rrtype. exists tells no data from no such name:
// it is true for a name that has any record, for one that has a name below it (an empty non-terminal, RFC 8020), and for
// one that a wildcard covers. A CNAME answers for every type but its own absence (RFC 1034, section 3.6.2).
func (z Zone) lookup(name, rrtype string) (found []Record, exists bool) {
	owner, exists := z.owner(name)
	if !exists {
		return nil, false
	}
	for _, r := range z.Records {
		if canonical(r.Name) == owner && (r.Type == rrtype || r.Type == "CNAME" || rrtype == "ANY") {
			found = append(found, r)
		}
	}
	return found, true
}

// owner is the name whose records answer for name: name itself, or the wildcard of its closest encloser (RFC 4592).
func (z Zone) owner(name string) (owner string, exists bool) {
	if z.has(name) {
		return name, true
	}
	for encloser := parent(name); dns.IsSubDomain(canonical(z.Origin), encloser); encloser = parent(encloser) {
		if !z.has(encloser) {
			continue
		}
		wildcard := "*." + encloser
		return wildcard, slices.ContainsFunc(z.Records, func(r Record) bool { return canonical(r.Name) == wildcard })
	}
	return "", false
}

// has tells whether name is the origin, owns a record, or lies above one that does.
func (z Zone) has(name string) bool {
	if name == canonical(z.Origin) {
		return true
	}
	return slices.ContainsFunc(z.Records, func(r Record) bool { return dns.IsSubDomain(name, canonical(r.Name)) })
}

// parent is name without its first label; the root is its own parent.
func parent(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	if rest == "" {
		return "."
	}
	return rest
}

func canonical(name string) string { return dns.CanonicalName(name) }

// rr renders r under the given owner name, which differs from r.Name in case, or where a wildcard answers.
func (r Record) rr(owner string) (dns.RR, error) {
	rrtype, known := dns.StringToType[r.Type]
	if !known {
		return nil, fmt.Errorf("record %s: unknown type %q", r.Name, r.Type)
	}
	header := dns.RR_Header{Name: owner, Rrtype: rrtype, Class: dns.ClassINET, Ttl: r.TTL}
	switch r.Type {
	case "A", "AAAA":
		addr, err := netip.ParseAddr(r.Content)
		if err != nil || addr.Is4() != (r.Type == "A") {
			return nil, fmt.Errorf("record %s: %q is no address for type %s", r.Name, r.Content, r.Type)
		}
		if r.Type == "A" {
			return &dns.A{Hdr: header, A: addr.AsSlice()}, nil
		}
		return &dns.AAAA{Hdr: header, AAAA: addr.AsSlice()}, nil
	case "CNAME":
		return &dns.CNAME{Hdr: header, Target: dns.Fqdn(r.Content)}, nil
	case "TXT":
		return &dns.TXT{Hdr: header, Txt: txtStrings(r.Content)}, nil
	}
	// The zone-file parser reads every other type. It would also read a second record from a second line.
	if strings.ContainsAny(r.Content, "\r\n") {
		return nil, fmt.Errorf("record %s: line break in content", r.Name)
	}
	rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", dns.Fqdn(r.Name), r.TTL, r.Type, r.Content))
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", r.Name, err)
	}
	rr.Header().Name = owner
	return rr, nil
}

// txtStrings splits text into the strings of at most 255 bytes that a TXT record is made of. Quotes around the whole,
// as some APIs show them, are not part of the text. The escapes keep the wire form equal to the text.
func txtStrings(text string) []string {
	if len(text) >= 2 && strings.HasPrefix(text, `"`) && strings.HasSuffix(text, `"`) {
		text = text[1 : len(text)-1]
	}
	parts := []string{}
	for chunk := range slices.Chunk([]byte(text), 255) {
		parts = append(parts, strings.ReplaceAll(string(chunk), `\`, `\\`))
	}
	if len(parts) == 0 {
		parts = append(parts, "")
	}
	return parts
}
