package lb

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
)

// A balancer in a network of its own reaches targets by that network, whose word is the last, and is reached there too.
func TestInNetwork(t *testing.T) {
	t.Parallel()
	at := backend(t, say("hello"))
	target := netip.MustParseAddrPort("10.0.1.4:8080") // of that network
	var dialled atomic.Value
	var inside net.Listener
	r := newRig(t, Config{
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			dialled.Store(address)
			var d net.Dialer
			return d.DialContext(ctx, network, at.String())
		},
		Inside: func(port int) ([]net.Listener, error) {
			if port != 80 {
				return nil, errors.New("nobody may listen there")
			}
			var err error
			inside, err = net.Listen("tcp", "127.0.0.1:0")
			return []net.Listener{inside}, err
		},
	})
	state := simple(target)
	state.Reach = func(netip.AddrPort) bool { return false } // which is for connections that are there already
	r.apply(state)
	r.await(Healthy)
	for _, url := range []string{r.url("/"), "http://" + inside.Addr().String() + "/"} {
		if code, body := r.get(url); code != http.StatusOK || body != "hello" {
			t.Errorf("%s answers %d, %q", url, code, body)
		}
	}
	if dialled.Load() != target.String() {
		t.Errorf("%v was dialled, want %s", dialled.Load(), target)
	}
	more := state
	more.Listeners = append(more.Listeners, Listener{ID: "second", Port: 81, Protocol: HTTP, Default: state.Listeners[0].Default})
	if err := r.Apply(more); err == nil {
		t.Error("a listener that cannot be in the network was taken")
	}
	r.apply(State{})
	if c, err := net.Dial("tcp", inside.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("a listener that is gone listens in the network")
	}
}
