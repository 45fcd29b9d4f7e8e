package daemon

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"slipway/localcloud/aws"
	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/aws/sts"
	"slipway/localcloud/cloudflare"
	"slipway/localcloud/dns"
	"slipway/localcloud/provider"
	"slipway/localcloud/proxy"
	"slipway/localcloud/schema"
	"slipway/localcloud/zones"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
)

// serve runs everything until the context ends or a part fails. If possible, it listens on the addresses of the daemon before it.
func (d *daemon) serve(ctx context.Context, before Info) (err error) {
	group, ctx := errgroup.WithContext(ctx)
	defer func() { err = errors.Join(err, d.names.Close(context.WithoutCancel(ctx))) }()
	callers := &sts.Callers{Store: d.cloud.Store, Tokens: d.folder.tokens}
	if err := d.serveProviders(ctx, group, callers, before); err != nil {
		return err
	}
	if err := d.serveHandlers(ctx, group, callers, before); err != nil {
		return err
	}
	if err := d.serveProxy(ctx, group, before); err != nil {
		return err
	}
	for _, controller := range d.services.Controllers {
		group.Go(func() error { return controller.Run(ctx) })
	}
	if err := writeInfo(d.folder.dir, d.info); err != nil {
		return err
	}
	group.Go(func() error { return watchFolder(ctx, d.folder.dir, d.info.Token) })
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil // told to stop
}

// serveProviders serves the packages that the engine attaches to.
func (d *daemon) serveProviders(ctx context.Context, group *errgroup.Group, callers *sts.Callers, before Info) error {
	for _, p := range []provider.Package{
		{Name: "aws", Caller: callers.Caller, Replace: aws.ReplacingSettings, Manners: aws.Manners()},
		{Name: "cloudflare", Caller: cloudflare.Caller, Manners: cloudflare.Manners()},
	} {
		p.Version, p.Secrets = schema.Version(p.Name), d.sdks.Secrets
		l, err := listen(fmt.Sprintf("127.0.0.1:%d", before.Providers[p.Name]))
		if err != nil {
			return err
		}
		d.info.Providers[p.Name] = l.Addr().(*net.TCPAddr).Port
		serveGRPC(ctx, group, provider.NewServer(d.cloud, p, d.faults, d.log), ownListener{l, d.log})
	}
	return nil
}

// serveHandlers serves the registry, the control API and AWS's APIs.
func (d *daemon) serveHandlers(ctx context.Context, group *errgroup.Group, callers *sts.Callers, before Info) error {
	// The address of the APIs is in the environment of shells, which outlive a restart.
	apiAddress, token := before.api()
	token = cmp.Or(token, rand.Text())
	if err := d.serveTasks(ctx, group); err != nil {
		return err
	}
	for _, s := range []struct {
		before  string
		address *string
		handler http.Handler
	}{
		{before.Registry, &d.info.Registry, d.folder.images},
		{before.Control, &d.info.Control, d.control()},
		{apiAddress, &apiAddress, d.services.API(d.cloud.Store, callers, token)},
	} {
		l, err := listen(s.before)
		if err != nil {
			return err
		}
		*s.address = l.Addr().String()
		serveHTTP(ctx, group, localOnly(s.handler), ownListener{l, d.log})
	}
	d.info.API = "http://" + apiAddress + "/" + token
	return nil
}

// serveTasks serves the endpoints of tasks at loopback addresses. Tasks may be other users' processes; each knows a path of its own.
func (d *daemon) serveTasks(ctx context.Context, group *errgroup.Group) error {
	l, err := listen("")
	if err != nil {
		return err
	}
	d.services.Tasks.URL = "http://" + l.Addr().String()
	serveHTTP(ctx, group, localOnly(d.services.Tasks), l)
	return nil
}

// serveProxy serves the forward proxy, which finds hosts by the name server.
func (d *daemon) serveProxy(ctx context.Context, group *errgroup.Group, before Info) error {
	l, err := listen(before.Proxy)
	if err != nil {
		return err
	}
	d.info.Proxy = l.Addr().String()
	registry, err := d.serveRegistry(ctx, group)
	if err != nil {
		return err
	}
	resolver := zones.Resolver{Store: d.cloud.Store, DNS: d.names.Addr(), Registry: registry}
	group.Go(func() error { return proxy.Serve(ctx, l, proxy.Config{Resolve: resolver.Resolve, Log: d.log}) })
	return nil
}

// serveRegistry serves the registry at Amazon ECR's own names, which clients reach through the proxy.
func (d *daemon) serveRegistry(ctx context.Context, group *errgroup.Group) (netip.AddrPort, error) {
	l, err := listen("")
	if err != nil {
		return netip.AddrPort{}, err
	}
	certificates := &registryCertificates{issue: d.folder.authority.Issue}
	serveHTTP(ctx, group, d.services.Registry, tls.NewListener(ownListener{l, d.log}, &tls.Config{
		MinVersion: tls.VersionTLS12, GetCertificate: certificates.of,
	}))
	return l.Addr().(*net.TCPAddr).AddrPort(), nil
}

// registryCertificates are those of the names of registries, each issued when it is first asked for.
type registryCertificates struct {
	issue func(names []string) (tls.Certificate, error)

	mu     sync.Mutex
	issued map[string]*tls.Certificate
}

func (r *registryCertificates) of(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := hello.ServerName
	if !ecr.IsReference(name + "/any") {
		return nil, fmt.Errorf("%q is not the name of a registry", name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if made, there := r.issued[name]; there {
		return made, nil
	}
	made, err := r.issue([]string{name})
	if err != nil {
		return nil, err
	}
	if r.issued == nil {
		r.issued = map[string]*tls.Certificate{}
	}
	r.issued[name] = &made
	return &made, nil
}

// listen opens a loopback address, or any free port of it if the port is taken or not given.
func listen(address string) (net.Listener, error) {
	if address != "" {
		if l, err := net.Listen("tcp", address); err == nil {
			return l, nil
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	return l, nil
}

func listenDNS(address string, zones func() []dns.Zone, log *slog.Logger) (*dns.Server, error) {
	if a, err := netip.ParseAddrPort(address); err == nil {
		if s, err := dns.Listen(a, zones, log); err == nil {
			return s, nil
		}
	}
	return dns.Listen(netip.MustParseAddrPort("127.0.0.1:0"), zones, log)
}

func serveGRPC(ctx context.Context, group *errgroup.Group, s *grpc.Server, l net.Listener) {
	group.Go(func() error { return s.Serve(l) })
	context.AfterFunc(ctx, s.Stop)
}

func serveHTTP(ctx context.Context, group *errgroup.Group, h http.Handler, l net.Listener) {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	group.Go(func() error {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	context.AfterFunc(ctx, func() { _ = s.Close() })
}
