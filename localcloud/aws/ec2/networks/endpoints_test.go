package networks

import (
	"io"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"slipway/localcloud/vnet"
)

// Each task is answered by its own handler, for as long as it has one.
func TestEndpointsKnowWhoAsks(t *testing.T) {
	t.Parallel()
	n := vnet.New(vnet.Config{})
	e, err := serveEndpoints(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = n.Close()
		e.close()
	})
	ask := map[string]func() string{}
	for _, address := range []string{"10.0.1.4", "10.0.1.5"} {
		own := netip.MustParseAddr(address)
		h, err := n.AttachHost(vnet.InterfaceConfig{Name: address, Addresses: []netip.Addr{own}})
		if err != nil {
			t.Fatal(err)
		}
		e.set(own, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, address+r.URL.Path) }))
		c := http.Client{Transport: &http.Transport{DialContext: h.DialContext}, Timeout: 20 * time.Second}
		ask[address] = func() string {
			resp, err := c.Get("http://169.254.170.2/v4/task")
			if err != nil {
				return err.Error()
			}
			defer func() { _ = resp.Body.Close() }()
			if resp.StatusCode != http.StatusOK {
				return resp.Status
			}
			said, _ := io.ReadAll(resp.Body)
			return string(said)
		}
	}
	for address, asks := range ask {
		if said := asks(); said != address+"/v4/task" {
			t.Errorf("%s is told %q", address, said)
		}
	}
	e.set(netip.MustParseAddr("10.0.1.4"), nil)
	if said := ask["10.0.1.4"](); said != "404 Not Found" {
		t.Errorf("who has no endpoint any more is told %q", said)
	}
	if said := ask["10.0.1.5"](); said != "10.0.1.5/v4/task" {
		t.Errorf("the other is told %q", said)
	}
}
