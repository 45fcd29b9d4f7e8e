package lb

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
)

// BenchmarkOverhead compares a request through the balancer with the same request to its target. The ratio of the two is the cost of a
// balancer.
func BenchmarkOverhead(b *testing.B) {
	target := backend(b, say("hello"))
	balancer, err := New(Config{
		Address: netip.MustParseAddr("127.0.0.1"),
		Listen:  func(network, _ string) (net.Listener, error) { return net.Listen(network, "127.0.0.1:0") },
	})
	if err != nil {
		b.Fatal(err)
	}
	defer balancer.Close(b.Context())
	if err := balancer.Apply(simple(target)); err != nil {
		b.Fatal(err)
	}
	if err := balancer.Await(b.Context(), "blue", func(h []TargetHealth) bool { return h[0].State == Healthy }); err != nil {
		b.Fatal(err)
	}
	for name, addr := range map[string]netip.AddrPort{"direct": target, "balanced": balancer.Endpoints()[0].Addr} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				client := &http.Client{Transport: &http.Transport{}}
				defer client.CloseIdleConnections()
				for pb.Next() {
					response, err := client.Get("http://" + addr.String())
					if err != nil {
						b.Error(err)
						return
					}
					io.Copy(io.Discard, response.Body)
					response.Body.Close()
				}
			})
		})
	}
}
