package vnet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// outsider is set for a process that is to be reached by a tap device, and says its address.
const outsider = "VNET_TEST_OUTSIDER"

func TestMain(m *testing.M) {
	if address := os.Getenv(outsider); address != "" {
		fmt.Fprintln(os.Stderr, serveOutside(address))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

var hardwareOutside = net.HardwareAddr{2, 0, 0, 0, 0, 9}

// serveOutside is the life of a process in a network namespace: it hands its tap device to its parent, and serves on every address.
func serveOutside(address string) error {
	c, err := net.FileConn(os.NewFile(3, "parent"))
	if err != nil {
		return err
	}
	prefix, err := netip.ParsePrefix(address)
	if err != nil {
		return err
	}
	tap, err := openTap(TapConfig{
		Name: "eth0", Hardware: hardwareOutside, MTU: DefaultMTU,
		Addresses: []netip.Prefix{prefix, netip.PrefixFrom(outsideIPv6(prefix.Addr()), 64)},
		Gateways:  []netip.Addr{prefix.Masked().Addr().Next(), netip.MustParseAddr("fe80::1")},
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", ":8080")
	if err != nil {
		return err
	}
	if err := sendFile(c.(*net.UnixConn), tap); err != nil {
		return err
	}
	_ = tap.Close()
	return http.Serve(l, service(prefix.Addr().String()))
}

func outsideIPv6(a netip.Addr) netip.Addr {
	b := netip.MustParseAddr("2001:db8::").As16()
	copy(b[12:], a.AsSlice())
	return netip.AddrFrom16(b)
}

// service says its name, who asks, or a lot.
func service(name string) http.Handler {
	large := make([]byte, 10<<20)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			_, _ = w.Write(large)
		case "/ask": // another one
			response, err := http.Get("http://" + r.URL.Query().Get("at") + "/")
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			defer response.Body.Close()
			_, _ = io.Copy(w, response.Body)
		default:
			who, _, _ := net.SplitHostPort(r.RemoteAddr)
			fmt.Fprintf(w, "%s greets %s", name, who)
		}
	})
}

// outside starts a process in a network namespace of its own, whose interface is in the network.
func outside(t testing.TB, n *Network, address string) *Interface {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "child"), os.NewFile(uintptr(pair[1]), "parent")
	defer ours.Close()
	c, err := net.FileConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var said bytes.Buffer
	cmd := exec.Command("/proc/self/exe")
	cmd.Env, cmd.ExtraFiles, cmd.Stderr = append(os.Environ(), outsider+"="+address), []*os.File{theirs}, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		t.Skipf("this system lets nobody make a network namespace: %v", err)
	}
	tap, err := ReceiveFile(c.(*net.UnixConn), "tap")
	if err != nil {
		_ = cmd.Wait()
		t.Skipf("this system lets nobody make a tap device: %s", said.String())
	}
	a := netip.MustParsePrefix(address).Addr()
	i, err := n.AttachEthernet(InterfaceConfig{Name: address, Addresses: []netip.Addr{a, outsideIPv6(a)}}, hardwareOutside, tap)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i
}

func fetch(client *http.Client, url string) (string, error) {
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	return string(b), err
}

// Two processes listen on every address at the same port, reach each other, and see who asks.
func TestProcessesOutside(t *testing.T) {
	n := New(Config{})
	outside(t, n, "10.0.1.4/24")
	outside(t, n, "10.0.1.5/24")
	h := host(t, n, "host", "10.0.2.9", "2001:db8::a00:209")
	client := &http.Client{Transport: &http.Transport{DialContext: h.DialContext}, Timeout: patience}
	defer client.CloseIdleConnections()
	for url, want := range map[string]string{
		"http://10.0.1.4:8080/":                                "10.0.1.4 greets 10.0.2.9",
		"http://10.0.1.5:8080/":                                "10.0.1.5 greets 10.0.2.9",
		"http://[2001:db8::a00:105]:8080/":                     "10.0.1.5 greets 2001:db8::a00:209",
		"http://10.0.1.4:8080/ask?at=10.0.1.5:8080":            "10.0.1.5 greets 10.0.1.4",
		"http://10.0.1.4:8080/ask?at=localhost:8080":           "10.0.1.4 greets 127.0.0.1",
		"http://10.0.1.4:8080/ask?at=[2001:db8::a00:105]:8080": "10.0.1.5 greets 2001:db8::a00:104",
	} {
		if got, err := fetch(client, url); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", url, got, err, want)
		}
	}
	if got, err := fetch(client, "http://10.0.1.4:8080/large"); err != nil || len(got) != 10<<20 {
		t.Errorf("%d bytes of a large body came: %v", len(got), err)
	}
}

// BenchmarkReverseProxy compares a reverse proxy in this process that reaches its target through a network and a tap device with one that
// does by loopback: requests for a few bytes, and bodies of 10 MB.
func BenchmarkReverseProxy(b *testing.B) {
	n := New(Config{})
	outside(b, n, "10.0.1.4/24")
	h := host(b, n, "host", "10.0.2.9")
	local := httptest.NewServer(service("local"))
	b.Cleanup(local.Close)
	for name, target := range map[string]struct {
		url       string
		transport *http.Transport
	}{
		"loopback": {local.URL, &http.Transport{MaxIdleConnsPerHost: 64}},
		"network":  {"http://10.0.1.4:8080", &http.Transport{MaxIdleConnsPerHost: 64, DialContext: h.DialContext}},
	} {
		to, err := url.Parse(target.url)
		if err != nil {
			b.Fatal(err)
		}
		proxy := httptest.NewServer(&httputil.ReverseProxy{Transport: target.transport, Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }})
		b.Cleanup(proxy.Close)
		b.Cleanup(target.transport.CloseIdleConnections)
		for _, path := range []string{"/small", "/large"} {
			b.Run(name+path, func(b *testing.B) {
				if path == "/large" {
					b.SetBytes(10 << 20)
				}
				b.RunParallel(func(pb *testing.PB) {
					client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
					defer client.CloseIdleConnections()
					for pb.Next() {
						response, err := client.Get(proxy.URL + path)
						if err != nil {
							b.Error(err)
							return
						}
						_, _ = io.Copy(io.Discard, response.Body)
						_ = response.Body.Close()
					}
				})
			})
		}
	}
}

// openTap makes a tap device in the network namespace of the calling thread, which needs the right to administer it, and brings it and the
// loopback device up. The file reads and writes its frames, in whichever process has it: sendFile passes it on. The device goes when
// the file is closed.
func openTap(c TapConfig) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/dev/net/tun", Err: err}
	}
	if err := setUpTap(fd, c); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	// Not before: the poller does not take to a file without a device.
	return os.NewFile(uintptr(fd), "/dev/net/tun"), nil
}

func setUpTap(fd int, c TapConfig) error {
	request, err := c.DeviceRequest()
	if err != nil {
		return err
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TUNSETIFINDEX, TapIndex); err != nil {
		return os.NewSyscallError("ioctl TUNSETIFINDEX", err)
	}
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return os.NewSyscallError("ioctl TUNSETIFF", err)
	}
	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer func() { _ = unix.Close(s) }()
	steps := SetUp(&c)
	for _, step := range steps {
		if err := unix.Sendto(s, step.Request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return fmt.Errorf("%s: %w", step.What, err)
		}
	}
	return Acknowledged(s, steps)
}

// sendFile sends a file to another process, over a connection between the two.
func sendFile(c *net.UnixConn, f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("send file %s: %w", f.Name(), err)
	}
	var sent error
	err = raw.Control(func(fd uintptr) {
		_, _, sent = c.WriteMsgUnix([]byte{0}, unix.UnixRights(int(fd)), nil)
	})
	if err := errors.Join(err, sent); err != nil {
		return fmt.Errorf("send file %s: %w", f.Name(), err)
	}
	return nil
}
