// Package dns is the local cloud's name server: authoritative for the zones it is given, on a loopback address, over UDP and TCP. It
// does not recurse and transfers no zone.
package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// Server answers until it is closed.
type Server struct {
	addr  netip.AddrPort
	zones func() []Zone
	// forward is nil for a server that refuses to answer what is in none of its zones.
	forward Forward
	log     *slog.Logger
	udp     *dns.Server
	tcp     *dns.Server
	done    chan error
}

// Listen starts a server on addr, which must be a loopback address; port 0 picks a port that is free for UDP and TCP alike. zones is
// called for each question, from any goroutine, so that an answer is never older than the question; what it returns is not changed. log
// receives errors that clients do not see, such as a record that does not parse; nil discards them.
func Listen(addr netip.AddrPort, zones func() []Zone, log *slog.Logger) (*Server, error) {
	if !addr.Addr().IsLoopback() {
		return nil, fmt.Errorf("listen for DNS on %s: not a loopback address", addr)
	}
	listener, packets, err := bind(addr)
	if err != nil {
		return nil, fmt.Errorf("listen for DNS on %s: %w", addr, err)
	}
	return Serve(listener, packets, zones, nil, log), nil
}

// Forward answers a question about a name in none of the zones; nil is a failure.
type Forward func(ctx context.Context, question *dns.Msg) (*dns.Msg, error)

// Serve starts a server on sockets that are open, of whatever network, and takes them over. Names in none of the zones are forward's to
// answer; nil refuses to.
func Serve(listener net.Listener, packets net.PacketConn, zones func() []Zone, forward Forward, log *slog.Logger) *Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		addr:    listener.Addr().(*net.TCPAddr).AddrPort(),
		zones:   zones,
		forward: forward,
		log:     log,
		done:    make(chan error, 2),
	}
	handler := dns.HandlerFunc(s.serve)
	s.udp = &dns.Server{PacketConn: packets, Handler: handler}
	s.tcp = &dns.Server{Listener: listener, Handler: handler}
	for _, server := range []*dns.Server{s.udp, s.tcp} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go func() { s.done <- server.ActivateAndServe() }()
		<-started // Shutdown of a server that has not started is an error, and leaves it running
	}
	return s
}

// Addr is where the server listens, over UDP and over TCP.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// Close stops listening and waits for the questions under way, at most until ctx is done.
func (s *Server) Close(ctx context.Context) error {
	err := errors.Join(s.udp.ShutdownContext(ctx), s.tcp.ShutdownContext(ctx))
	for range cap(s.done) {
		select {
		case e := <-s.done:
			err = errors.Join(err, e)
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
	return err
}

// bind opens both sockets on one port. With port 0 the kernel picks it for TCP, and another process may hold the same
// port for UDP, so a few are tried.
func bind(addr netip.AddrPort) (net.Listener, net.PacketConn, error) {
	attempts := 1
	if addr.Port() == 0 {
		attempts = 10
	}
	for {
		attempts--
		listener, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr))
		if err != nil {
			return nil, nil, err
		}
		packets, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(listener.Addr().(*net.TCPAddr).AddrPort()))
		if err == nil {
			return listener, packets, nil
		}
		_ = listener.Close()
		if attempts == 0 {
			return nil, nil, err
		}
	}
}

func (s *Server) serve(w dns.ResponseWriter, request *dns.Msg) {
	reply := s.reply(request)
	if _, overUDP := w.RemoteAddr().(*net.UDPAddr); overUDP {
		size := uint16(dns.MinMsgSize)
		if opt := request.IsEdns0(); opt != nil {
			size = max(size, opt.UDPSize())
		}
		reply.Truncate(int(size))
	}
	if err := w.WriteMsg(reply); err != nil {
		s.log.Debug("write DNS answer", "client", w.RemoteAddr().String(), "error", err)
	}
}

func (s *Server) reply(request *dns.Msg) *dns.Msg {
	reply := new(dns.Msg).SetReply(request)
	if opt := request.IsEdns0(); opt != nil {
		reply.SetEdns0(dns.DefaultMsgSize, false)
	}
	switch {
	case request.Opcode != dns.OpcodeQuery:
		reply.Rcode = dns.RcodeNotImplemented
	case len(request.Question) != 1:
		reply.Rcode = dns.RcodeFormatError
	case request.Question[0].Qclass != dns.ClassINET:
		reply.Rcode = dns.RcodeRefused
	default:
		q := request.Question[0]
		if err := answer(reply, q, s.zones()); err != nil {
			s.log.Warn("answer DNS question", "name", q.Name, "type", dns.TypeToString[q.Qtype], "error", err)
			reply.Rcode = dns.RcodeServerFailure
			reply.Answer, reply.Ns = nil, nil
		}
		if reply.Rcode == dns.RcodeRefused && s.forward != nil {
			return s.ask(request, reply)
		}
	}
	return reply
}

// forwardTimeout is how long another server has to answer.
const forwardTimeout = 5 * time.Second

// ask has another server answer.
func (s *Server) ask(request, reply *dns.Msg) *dns.Msg {
	ctx, cancel := context.WithTimeout(context.Background(), forwardTimeout)
	defer cancel()
	answer, err := s.forward(ctx, request)
	if err != nil || answer == nil {
		s.log.Debug("forward DNS question", "name", request.Question[0].Name, "error", err)
		reply.Rcode = dns.RcodeServerFailure
		return reply
	}
	answer.Id = request.Id
	return answer
}
