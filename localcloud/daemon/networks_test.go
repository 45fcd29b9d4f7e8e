package daemon

import (
	"errors"
	"net/netip"
	"testing"
)

// What tasks dial outside is never this machine, nor a network that it is in.
func TestInternet(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"1.1.1.1": true, "2606:4700::1": true,
		"127.0.0.1": false, "10.0.0.1": false, "192.168.1.1": false, "172.16.0.1": false, "169.254.169.254": false, "100.64.0.1": false,
		"198.18.1.4": false, "0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false, "::1": false, "fe80::1": false, "fd00::1": false, "ff02::1": false,
		"203.0.113.1": false, "2001:db8::1": false, "2a05:d014:1::4": false,
	} {
		a := netip.MustParseAddr(address)
		if got := isInternet(a); got != want {
			t.Errorf("%s is of the internet: %v, want %v", a, got, want)
		}
		if want {
			continue
		}
		if _, err := dialInternet(t.Context(), "tcp", netip.AddrPortFrom(a, 80).String()); !errors.Is(err, errNotInternet) {
			t.Errorf("dial %s: %v", a, err)
		}
	}
}
