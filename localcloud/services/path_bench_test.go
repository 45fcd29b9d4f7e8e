package services_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"slipway/localcloud/imagetest"
	"slipway/localcloud/lb"
	"slipway/localcloud/task"
	"slipway/localcloud/vnet"
)

// BenchmarkPath compares what a client gets through a load balancer from a task in a VPC, and from one at a loopback address, with what it
// gets through httputil.ReverseProxy from the latter: as requests in a second of the one by those of the other.
func BenchmarkPath(b *testing.B) {
	r, err := task.NewRunner(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	if err := r.Containers(); err != nil {
		b.Skip(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		r.Close(ctx)
	})
	at, network, dial := serving(b, r)
	origin := &url.URL{Scheme: "http", Host: at.String()}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(p *httputil.ProxyRequest) { p.SetURL(origin) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 128},
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: proxy, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	b.Cleanup(func() { _ = server.Close() })
	paths := []struct{ name, address string }{
		{"ReverseProxy", l.Addr().String()}, {"loopback", balancing(b, at, nil)}, {"VPC", balancing(b, network, dial)},
	}
	for _, size := range []int{0, 10 << 20} {
		var first float64
		for _, p := range paths {
			b.Run(fmt.Sprintf("%d bytes/%s", size, p.name), func(b *testing.B) {
				b.SetBytes(int64(size))
				fetchAll(b, fmt.Sprintf("http://%s/?size=%d", p.address, size))
				each := b.Elapsed().Seconds() / float64(b.N)
				if p.name == "ReverseProxy" {
					first = each
				}
				b.ReportMetric(first/each, "of-ReverseProxy")
			})
		}
	}
}

// serving runs the test's server at a loopback address, and as a task in a network of its own, in which the function dials.
func serving(b *testing.B, r *task.Runner) (loopback, inNetwork netip.AddrPort, dial func(context.Context, string, string) (net.Conn, error)) {
	b.Helper()
	program := filepath.Join(b.TempDir(), "server")
	build := exec.Command("go", "build", "-o", program, "./testdata/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	img, err := imagetest.New(v1.Config{Entrypoint: []string{"/server"}}, map[string]string{"/server": program})
	if err != nil {
		b.Fatal(err)
	}
	n := vnet.New(vnet.Config{})
	b.Cleanup(func() { _ = n.Close() })
	node, err := n.AttachHost(vnet.InterfaceConfig{Name: "node", Addresses: []netip.Addr{netip.MustParseAddr("10.0.2.9")}})
	if err != nil {
		b.Fatal(err)
	}
	inNetwork = netip.MustParseAddrPort("10.0.1.4:8080")
	own, hardware := netip.MustParsePrefix("10.0.1.4/24"), net.HardwareAddr{2, 0, 0, 0, 0, 4}
	listening := make(chan struct{}, 1)
	_, err = r.Start(task.Spec{ID: "server", Interface: &task.Interface{
		Tap: vnet.TapConfig{Name: "eth0", Hardware: hardware, Addresses: []netip.Prefix{own}, Gateways: []netip.Addr{netip.MustParseAddr("10.0.1.1")}, MTU: n.MTU()},
		Attach: func(frames *os.File) (io.Closer, error) {
			return n.AttachEthernet(vnet.InterfaceConfig{Name: "task", Addresses: []netip.Addr{own.Addr()}}, hardware, frames)
		},
	}, Containers: []task.Container{{
		Name: "main", Essential: true, Image: func(context.Context) (v1.Image, error) { return img, nil }, Command: []string{":8080"},
		Log: func(task.LogLine) { listening <- struct{}{} },
	}}})
	if err != nil {
		b.Fatal(err)
	}
	<-listening
	plain := exec.Command(program, "127.0.0.1:0")
	out, err := plain.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := plain.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _, _ = plain.Process.Kill(), plain.Wait() })
	var at string
	if _, err := fmt.Fscanln(out, &at); err != nil {
		b.Fatal(err)
	}
	return netip.MustParseAddrPort(at), inNetwork, node.DialContext
}

// balancing is a load balancer with that target.
func balancing(b *testing.B, target netip.AddrPort, dial func(context.Context, string, string) (net.Conn, error)) (address string) {
	b.Helper()
	l, err := lb.New(lb.Config{
		Address: netip.MustParseAddr("127.0.0.1"), Dial: dial,
		Listen: func(network, _ string) (net.Listener, error) { return net.Listen(network, "127.0.0.1:0") },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close(context.Background()) })
	err = l.Apply(lb.State{
		Listeners:    []lb.Listener{{ID: "one", Port: 80, Protocol: lb.HTTP, Default: lb.Action{Forward: []lb.WeightedTargetGroup{{TargetGroup: "one", Weight: 1}}}}},
		TargetGroups: []lb.TargetGroup{{ID: "one", Protocol: lb.HTTP, Targets: []netip.AddrPort{target}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := l.Await(b.Context(), "one", func(h []lb.TargetHealth) bool { return h[0].State == lb.Healthy }); err != nil {
		b.Fatal(err)
	}
	return l.Endpoints()[0].Addr.String()
}

// fetchAll fetches b.N times, in parallel.
func fetchAll(b *testing.B, address string) {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128}}
	defer client.CloseIdleConnections()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			response, err := client.Get(address)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
	})
}
