package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// fixture has a public zone, as at a DNS provider, and the load balancers' zone that its CNAMEs point into.
var fixture = []Zone{
	{Origin: "example.com", Records: []Record{
		{"example.com", "MX", "10 mail.example.com.", 300},
		{"hello.example.com", "CNAME", "front.elb.test", 60},
		{"Alias.example.com", "CNAME", "Hello.example.com.", 60},
		{"away.example.com", "CNAME", "www.example.org", 60},
		{"dangling.example.com", "CNAME", "nowhere.example.com", 60},
		{"loop.example.com", "CNAME", "pool.example.com", 60},
		{"pool.example.com", "CNAME", "loop.example.com", 60},
		{"v4.example.com", "A", "192.0.2.1", 60},
		{"v4.example.com", "A", "192.0.2.2", 60},
		{"v4.example.com", "TXT", `"quoted back\slash"`, 60},
		{"deep.empty.example.com", "A", "192.0.2.3", 60},
		{"*.wild.example.com", "A", "192.0.2.4", 60},
		{"taken.wild.example.com", "TXT", "here", 60},
		{"long.example.com", "TXT", strings.Repeat("x", 600), 60},
		{"broken.example.com", "A", "not an address", 60},
	}},
	{Origin: "sub.example.com", Records: []Record{{"a.sub.example.com", "A", "192.0.2.9", 60}}},
	{Origin: "elb.test", Records: []Record{
		{"front.elb.test", "A", "127.0.0.10", 60},
		{"front.elb.test", "AAAA", "::1", 60},
	}},
}

func start(t *testing.T, zones func() []Zone) *Server {
	t.Helper()
	s, err := Listen(loopback, zones, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func static(zones []Zone) func() []Zone { return func() []Zone { return zones } }

// ask exchanges one message and returns the reply as it came.
func ask(t *testing.T, s *Server, network string, m *dns.Msg) *dns.Msg {
	t.Helper()
	reply, _, err := (&dns.Client{Net: network}).Exchange(m, s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func question(name string, qtype uint16) *dns.Msg {
	return new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
}

func TestAnswers(t *testing.T) {
	s := start(t, static(fixture))
	tests := map[string]struct {
		name   string
		qtype  uint16
		rcode  int
		answer []string // owner, type and data of each record
		soa    string   // owner of the SOA in the authority section
	}{
		"address":                  {"front.elb.test", dns.TypeA, dns.RcodeSuccess, []string{"front.elb.test. A 127.0.0.10"}, ""},
		"IPv6":                     {"front.elb.test", dns.TypeAAAA, dns.RcodeSuccess, []string{"front.elb.test. AAAA ::1"}, ""},
		"several":                  {"v4.example.com", dns.TypeA, dns.RcodeSuccess, []string{"v4.example.com. A 192.0.2.1", "v4.example.com. A 192.0.2.2"}, ""},
		"other type by the parser": {"example.com", dns.TypeMX, dns.RcodeSuccess, []string{"example.com. MX 10 mail.example.com."}, ""},
		"text":                     {"v4.example.com", dns.TypeTXT, dns.RcodeSuccess, []string{`v4.example.com. TXT "quoted back\\slash"`}, ""},
		"chain across zones": {"alias.example.com", dns.TypeA, dns.RcodeSuccess, []string{
			"alias.example.com. CNAME Hello.example.com.", "Hello.example.com. CNAME front.elb.test.", "front.elb.test. A 127.0.0.10",
		}, ""},
		"CNAME itself":           {"alias.example.com", dns.TypeCNAME, dns.RcodeSuccess, []string{"alias.example.com. CNAME Hello.example.com."}, ""},
		"chain that leaves":      {"away.example.com", dns.TypeA, dns.RcodeSuccess, []string{"away.example.com. CNAME www.example.org."}, ""},
		"chain to nothing":       {"dangling.example.com", dns.TypeA, dns.RcodeNameError, []string{"dangling.example.com. CNAME nowhere.example.com."}, "example.com."},
		"chain without the type": {"hello.example.com", dns.TypeTXT, dns.RcodeSuccess, []string{"hello.example.com. CNAME front.elb.test."}, "elb.test."},
		"no such name":           {"absent.example.com", dns.TypeA, dns.RcodeNameError, nil, "example.com."},
		"no data":                {"v4.example.com", dns.TypeAAAA, dns.RcodeSuccess, nil, "example.com."},
		"no data at the origin":  {"elb.test", dns.TypeA, dns.RcodeSuccess, nil, "elb.test."},
		"empty non-terminal":     {"empty.example.com", dns.TypeA, dns.RcodeSuccess, nil, "example.com."},
		"wildcard":               {"any.thing.wild.example.com", dns.TypeA, dns.RcodeSuccess, []string{"any.thing.wild.example.com. A 192.0.2.4"}, ""},
		"wildcard without type":  {"any.wild.example.com", dns.TypeTXT, dns.RcodeSuccess, nil, "example.com."},
		"name beats wildcard":    {"taken.wild.example.com", dns.TypeA, dns.RcodeSuccess, nil, "example.com."},
		"below a name":           {"x.taken.wild.example.com", dns.TypeA, dns.RcodeNameError, nil, "example.com."},
		"longest zone":           {"a.sub.example.com", dns.TypeA, dns.RcodeSuccess, []string{"a.sub.example.com. A 192.0.2.9"}, ""},
		"longest zone's nothing": {"b.sub.example.com", dns.TypeA, dns.RcodeNameError, nil, "sub.example.com."},
		"outside":                {"example.org", dns.TypeA, dns.RcodeRefused, nil, ""},
		"outside, same suffix":   {"notexample.com", dns.TypeA, dns.RcodeRefused, nil, ""},
		"record that won't do":   {"broken.example.com", dns.TypeA, dns.RcodeServerFailure, nil, ""},
		"SOA": {"example.com", dns.TypeSOA, dns.RcodeSuccess, []string{
			"example.com. SOA ns.example.com. hostmaster.example.com. 1 3600 600 86400 5",
		}, ""},
	}
	for name, test := range tests {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(name+"/"+network, func(t *testing.T) {
				reply := ask(t, s, network, question(test.name, test.qtype))
				if reply.Rcode != test.rcode {
					t.Errorf("answered %s, want %s", dns.RcodeToString[reply.Rcode], dns.RcodeToString[test.rcode])
				}
				var got []string
				for _, rr := range reply.Answer {
					data := strings.TrimPrefix(rr.String(), rr.Header().String())
					got = append(got, fmt.Sprintf("%s %s %s", rr.Header().Name, dns.TypeToString[rr.Header().Rrtype], data))
				}
				if !slices.Equal(got, test.answer) {
					t.Errorf("answer\n\t%q, want\n\t%q", got, test.answer)
				}
				var authority string
				if len(reply.Ns) == 1 && reply.Ns[0].Header().Rrtype == dns.TypeSOA {
					authority = reply.Ns[0].Header().Name
					if ttl := reply.Ns[0].Header().Ttl; ttl > 10 {
						t.Errorf("negative answer may be kept %d s", ttl)
					}
				}
				if authority != test.soa {
					t.Errorf("SOA of %q in the authority section, want %q", authority, test.soa)
				}
				if wantAuthoritative := test.rcode == dns.RcodeSuccess || test.rcode == dns.RcodeNameError; wantAuthoritative && !reply.Authoritative {
					t.Error("answer is not authoritative")
				}
			})
		}
	}
}

func TestLoopEnds(t *testing.T) {
	s := start(t, static(fixture))
	if reply := ask(t, s, "tcp", question("loop.example.com", dns.TypeA)); reply.Rcode != dns.RcodeServerFailure {
		t.Errorf("answered %s, want SERVFAIL", dns.RcodeToString[reply.Rcode])
	}
}

func TestCaseIsIgnoredAndEchoed(t *testing.T) {
	s := start(t, static(fixture))
	reply := ask(t, s, "udp", question("fRoNt.ELB.test", dns.TypeA))
	if len(reply.Answer) != 1 || reply.Answer[0].Header().Name != "fRoNt.ELB.test." {
		t.Errorf("answer %v, want one record whose owner repeats the question's letters", reply.Answer)
	}
}

func TestUnusualRequests(t *testing.T) {
	s := start(t, static(fixture))
	chaos := question("example.com", dns.TypeTXT)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	notify := question("example.com", dns.TypeSOA)
	notify.Opcode = dns.OpcodeNotify
	transfer := question("example.com", dns.TypeAXFR)
	for name, test := range map[string]struct {
		request *dns.Msg
		rcode   int
	}{
		"other class":   {chaos, dns.RcodeRefused},
		"other opcode":  {notify, dns.RcodeNotImplemented},
		"zone transfer": {transfer, dns.RcodeSuccess}, // no data: there is no such record, and nothing leaks
	} {
		reply := ask(t, s, "tcp", test.request)
		if reply.Rcode != test.rcode || len(reply.Answer) != 0 {
			t.Errorf("%s: answered %s with %v, want %s with nothing", name, dns.RcodeToString[reply.Rcode], reply.Answer, dns.RcodeToString[test.rcode])
		}
	}
}

func TestLongAnswerIsTruncatedOverUDP(t *testing.T) {
	s := start(t, static(fixture))
	if reply := ask(t, s, "udp", question("long.example.com", dns.TypeTXT)); !reply.Truncated {
		t.Errorf("answer of %d bytes is not truncated", reply.Len())
	}
	large := question("long.example.com", dns.TypeTXT).SetEdns0(1232, false)
	if reply := ask(t, s, "udp", large); reply.Truncated || len(reply.Answer) != 1 || reply.IsEdns0() == nil {
		t.Errorf("with EDNS0: truncated %v, %d answers; want one answer whole", reply.Truncated, len(reply.Answer))
	}
}

func TestLookup(t *testing.T) {
	s := start(t, static(fixture))
	ctx := t.Context()

	got, err := Lookup(ctx, s.Addr(), "hello.example.com", "A")
	want := []Record{{"hello.example.com", "CNAME", "front.elb.test", 60}, {"front.elb.test", "A", "127.0.0.10", 60}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("chain: %v, %v; want %v", got, err, want)
	}
	if got, err := Lookup(ctx, s.Addr(), "long.example.com", "TXT"); err != nil || len(got) != 1 || len(got[0].Content) != 600 {
		t.Errorf("long text: %v, %v", got, err)
	}
	if got, err := Lookup(ctx, s.Addr(), "v4.example.com", "AAAA"); err != nil || len(got) != 0 {
		t.Errorf("no data: %v, %v; want neither records nor an error", got, err)
	}
	if _, err := Lookup(ctx, s.Addr(), "absent.example.com", "A"); !errors.Is(err, ErrNoSuchName) {
		t.Errorf("no such name: %v, want ErrNoSuchName", err)
	}
	if _, err := Lookup(ctx, s.Addr(), "example.org", "A"); err == nil || !strings.Contains(err.Error(), "REFUSED") {
		t.Errorf("outside: %v, want one that says REFUSED", err)
	}
	if _, err := Lookup(ctx, s.Addr(), "example.com", "NONE-SUCH"); err == nil {
		t.Error("unknown type was looked up")
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Lookup(cancelled, s.Addr(), "example.com", "MX"); err == nil {
		t.Error("lookup went on after its context ended")
	}
}

// TestAnswersFollowTheZones changes a zone during queries. A datagram can be lost, and a server can be too busy to answer in time, so
// clients retry.
func TestLookupAsksAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		if asked.Add(1) > 1 {
			_ = w.WriteMsg(new(dns.Msg).SetReply(m)) // the client reports it if it does not arrive
		}
	})}
	go func() { _ = server.ActivateAndServe() }() // until the test ends
	t.Cleanup(func() { _ = server.Shutdown() })
	if _, err := Lookup(t.Context(), netip.MustParseAddrPort(conn.LocalAddr().String()), "a.example.com", "A"); err != nil || asked.Load() != 2 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

func TestAnswersFollowTheZones(t *testing.T) {
	var zones atomic.Pointer[[]Zone]
	zones.Store(&[]Zone{{Origin: "example.com"}})
	s := start(t, func() []Zone { return *zones.Load() })
	if _, err := Lookup(t.Context(), s.Addr(), "new.example.com", "A"); !errors.Is(err, ErrNoSuchName) {
		t.Fatalf("before: %v", err)
	}

	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if _, err := Lookup(t.Context(), s.Addr(), "new.example.com", "A"); err != nil && !errors.Is(err, ErrNoSuchName) {
					t.Error(err)
				}
			}
		})
	}
	zones.Store(&[]Zone{{Origin: "example.com", Records: []Record{{"new.example.com", "A", "192.0.2.1", 60}}}})
	if got, err := Lookup(t.Context(), s.Addr(), "new.example.com", "A"); err != nil || len(got) != 1 {
		t.Errorf("after: %v, %v", got, err)
	}
	wg.Wait()
}

func TestCloseFreesThePort(t *testing.T) {
	first, err := Listen(loopback, static(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	second, err := Listen(first.Addr(), static(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestListenRefusals(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "192.0.2.1:53"} {
		if _, err := Listen(netip.MustParseAddrPort(addr), static(nil), nil); err == nil || !strings.Contains(err.Error(), "loopback") {
			t.Errorf("%s: error %v, want one that asks for a loopback address", addr, err)
		}
	}
	taken, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(loopback))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.LocalAddr().(*net.UDPAddr).AddrPort()
	if _, err := Listen(addr, static(nil), nil); err == nil || !strings.Contains(err.Error(), addr.String()) {
		t.Errorf("port in use: %v, want an error that names %s", err, addr)
	}
}

// TestEveryTextSurvivesTheWire: a client reads exactly the text of a TXT record.
func TestEveryTextSurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([ -~]|ä){0,500}`).Filter(func(s string) bool { return !strings.HasPrefix(s, `"`) }).Draw(t, "text")
		rr, err := Record{"a.test", "TXT", text, 1}.rr("a.test.")
		if err != nil {
			t.Fatal(err)
		}
		wire := make([]byte, 2048)
		end, err := dns.PackRR(rr, wire, 0, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		unpacked, _, err := dns.UnpackRR(wire[:end], 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := content(unpacked); got != text {
			t.Errorf("put in %q, got out %q", text, got)
		}
	})
}
