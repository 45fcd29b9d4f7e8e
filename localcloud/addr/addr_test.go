package addr_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"slipway/localcloud/addr"
)

// freePort returns a port that nothing listens on at any address.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

func TestAddressesDifferAndAreLoopback(t *testing.T) {
	t.Parallel()
	a := addr.New()
	if a.Shared() {
		t.Skip("this system has only 127.0.0.1")
	}
	port := freePort(t)
	seen := map[netip.Addr]bool{}
	for range 50 {
		ip, err := a.Allocate(port)
		if err != nil {
			t.Fatal(err)
		}
		if seen[ip] {
			t.Fatalf("%s was given twice", ip)
		}
		seen[ip] = true
		if !ip.IsLoopback() {
			t.Fatalf("%s is not a loopback address", ip)
		}
		ln, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(port))))
		if err != nil {
			t.Fatalf("listen on the address given: %v", err)
		}
		defer ln.Close()
	}
}

func TestReserve(t *testing.T) {
	t.Parallel()
	a := addr.New()
	if a.Shared() {
		t.Skip("this system has only 127.0.0.1")
	}
	port := freePort(t)
	ip, err := addr.New().Allocate(port)
	if err != nil {
		t.Fatal(err)
	}
	if !a.Reserve(ip, port) || a.Reserve(ip, port) {
		t.Errorf("%s was not reserved, or was twice", ip)
	}
	a.Release(ip)
	ln, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(port))))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if a.Reserve(ip, port) {
		t.Errorf("%s was reserved though its port %d is taken", ip, port)
	}
	if !a.Reserve(ip) {
		t.Errorf("%s was not reserved: its ports do not matter", ip)
	}
}

func TestPortHeldOnEveryAddress(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, err = addr.New().Allocate(ln.Addr().(*net.TCPAddr).Port)
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Fatalf("Allocate = %v, want an error that says the port is in use", err)
	}
}
