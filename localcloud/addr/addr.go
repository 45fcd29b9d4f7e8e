// Package addr hands out loopback addresses, one to each task, so that many tasks can listen on the same port of one
// machine as they do on network interfaces of their own on Fargate.
package addr

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
)

// attempts is how many addresses are tried before the ports are taken to be unobtainable. A port that another process
// holds on every address of the machine makes each of them fail.
const attempts = 64

// localhost is the one address every system has.
var localhost = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// Allocator hands out addresses of 127.0.0.0/8. It is safe for concurrent use. Several allocators, also in several processes, share the
// range without coordination: each draws at random from four million addresses and checks that the ports are free there.
type Allocator struct {
	shared bool

	mu   sync.Mutex
	used map[netip.Addr]struct{}
}

// New makes an allocator and finds out what the system allows.
func New() *Allocator {
	// Linux answers on all of 127.0.0.0/8; macOS only on the addresses its loopback interface was given.
	return &Allocator{shared: probe(draw(), 0) != nil, used: map[netip.Addr]struct{}{}}
}

// Shared says that the system has only 127.0.0.1: all tasks get that address, and two tasks cannot listen on the same
// port.
func (a *Allocator) Shared() bool { return a.shared }

// Allocate returns an address on which all of the TCP ports are free. It stays taken until [Allocator.Release].
func (a *Allocator) Allocate(ports ...int) (netip.Addr, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.shared {
		if err := probeAll(localhost, ports); err != nil {
			return netip.Addr{}, fmt.Errorf("allocate a task address: this system has only %s: %w; stop what listens there, or give the service another port", localhost, err)
		}
		return localhost, nil
	}
	var err error
	for range attempts {
		ip := draw()
		if _, taken := a.used[ip]; taken {
			continue
		}
		if err = probeAll(ip, ports); err == nil {
			a.used[ip] = struct{}{}
			return ip, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return netip.Addr{}, fmt.Errorf("allocate a task address: %w; something listens there on every address: stop it, or give the service another port; a service that listens on $HOST causes no conflict", err)
}

// Reserve takes an address that an earlier allocator gave out, so this one does not give it out again. It reports whether the address
// and all of the TCP ports on it are free; otherwise it does not take the address.
func (a *Allocator) Reserve(ip netip.Addr, ports ...int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, taken := a.used[ip]; taken || a.shared && ip != localhost {
		return false
	}
	// A port that needs a privilege is not in use.
	if err := probeAll(ip, ports); err != nil && !errors.Is(err, fs.ErrPermission) {
		return false
	}
	if !a.shared {
		a.used[ip] = struct{}{}
	}
	return true
}

// Release returns an address, for another task to get. Releasing one twice is harmless.
func (a *Allocator) Release(ip netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.used, ip)
}

// draw picks an address of 127.64.0.0/10: far from 127.0.0.1, and from 127.0.0.53 and 127.0.1.1, which Linux
// distributions use. Neither the first nor the last of a /24, which look like a network and its broadcast address.
func draw() netip.Addr {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return netip.AddrFrom4([4]byte{127, 64 + b[0]%64, b[1], 1 + b[2]%254})
}

func probeAll(ip netip.Addr, ports []int) error {
	for _, port := range ports {
		if err := probe(ip, port); err != nil {
			return err
		}
	}
	return nil
}

func probe(ip netip.Addr, port int) error {
	ln, err := net.Listen("tcp", net.JoinHostPort(ip.String(), strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return ln.Close()
}
