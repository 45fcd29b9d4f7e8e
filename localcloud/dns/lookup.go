package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// ErrNoSuchName says that the name has no record of any type.
var ErrNoSuchName = errors.New("no such name")

// Lookup asks the server over the wire for the records of name with type rrtype (A, CNAME, …) and returns all it
// answered, the CNAMEs on the way included, names without their trailing dot. A name that exists without such records
// gives none and no error; one that does not exist gives [ErrNoSuchName]; any other refusal names the server's code.
func Lookup(ctx context.Context, server netip.AddrPort, name, rrtype string) ([]Record, error) {
	answers, err := exchange(ctx, server, name, rrtype)
	if err != nil {
		return nil, fmt.Errorf("look up %s %s at %s: %w", rrtype, name, server, err)
	}
	records := make([]Record, 0, len(answers))
	for _, rr := range answers {
		header := rr.Header()
		records = append(records, Record{
			Name:    strings.TrimSuffix(header.Name, "."),
			Type:    dns.TypeToString[header.Rrtype],
			Content: content(rr),
			TTL:     header.Ttl,
		})
	}
	return records, nil
}

func exchange(ctx context.Context, server netip.AddrPort, name, rrtype string) ([]dns.RR, error) {
	qtype, known := dns.StringToType[rrtype]
	if !known {
		return nil, errors.New("unknown record type")
	}
	question := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	question.SetEdns0(dns.DefaultMsgSize, false)
	reply, err := askByUDP(ctx, server, question)
	if err == nil && reply.Truncated {
		reply, _, err = (&dns.Client{Net: "tcp"}).ExchangeContext(ctx, question, server.String())
	}
	switch {
	case err != nil:
		return nil, err
	case reply.Rcode == dns.RcodeNameError:
		return nil, ErrNoSuchName
	case reply.Rcode != dns.RcodeSuccess:
		return nil, fmt.Errorf("server answered %s", dns.RcodeToString[reply.Rcode])
	}
	return reply.Answer, nil
}

// attempts is how often a question is sent to a server that does not answer: a datagram may be lost (RFC 1035, section 4.2.1).
const attempts = 3

// askByUDP asks until the server answers.
func askByUDP(ctx context.Context, server netip.AddrPort, question *dns.Msg) (reply *dns.Msg, err error) {
	for range attempts {
		reply, _, err = new(dns.Client).ExchangeContext(ctx, question, server.String())
		if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() || ctx.Err() != nil {
			break
		}
	}
	return reply, err
}

// content is the record's data in the form that [Record] takes.
func content(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.CNAME:
		return strings.TrimSuffix(rr.Target, ".")
	case *dns.TXT:
		return unescape(strings.Join(rr.Txt, ""))
	}
	return strings.TrimSuffix(strings.TrimPrefix(rr.String(), rr.Header().String()), ".")
}

// unescape undoes the zone-file escapes that package dns keeps in a TXT record's strings: a backslash before a character,
// or before the three decimal digits of a byte (RFC 1035, section 5.1).
func unescape(s string) string {
	var text strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			text.WriteByte(s[i])
			continue
		}
		if i+3 < len(s) {
			if code, err := strconv.ParseUint(s[i+1:i+4], 10, 8); err == nil {
				text.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		i++
		text.WriteByte(s[i])
	}
	return text.String()
}
