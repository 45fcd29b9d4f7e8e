// Package daemon puts the local cloud together: the store and its kinds, the providers that the engine attaches to, the
// controllers that make things happen, and the control API. Everything listens on loopback alone, and everything it keeps is
// in one folder.
package daemon

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"slipway/localcloud/addr"
	"slipway/localcloud/api"
	"slipway/localcloud/aws"
	"slipway/localcloud/aws/acm/issuer"
	"slipway/localcloud/aws/appautoscaling"
	"slipway/localcloud/aws/appautoscaling/scaling"
	"slipway/localcloud/aws/cloudwatch/metrics"
	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/aws/ecr/images"
	"slipway/localcloud/aws/ecs/scheduler"
	"slipway/localcloud/aws/elbv2/balancers"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/logs/streams"
	"slipway/localcloud/aws/resourcegroupstagging"
	"slipway/localcloud/aws/sts"
	"slipway/localcloud/ca"
	"slipway/localcloud/cloud"
	"slipway/localcloud/cloudflare"
	"slipway/localcloud/dns"
	"slipway/localcloud/fault"
	"slipway/localcloud/oidc"
	"slipway/localcloud/pace"
	"slipway/localcloud/plain"
	"slipway/localcloud/provider"
	"slipway/localcloud/proxy"
	"slipway/localcloud/registry"
	"slipway/localcloud/schema"
	"slipway/localcloud/task"
	"slipway/localcloud/zones"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
)

// Options are the settings of a daemon.
type Options struct {
	// Dir is the folder that holds everything the daemon keeps.
	Dir string `json:"-"`
	// Zones are the Cloudflare zones that exist from the start.
	Zones []string `json:"zones"`
	// Latency scales how long operations take: 0, the default, is as fast as can be, 1 as slow as AWS.
	Latency float64 `json:"latency"`
	// Patience scales how long AWS and its provider wait before they give up, and how long the minutes are in which AWS
	// counts. Default 0.1.
	Patience float64 `json:"patience"`
	// Plain are patterns of the kinds that are kept as they are told, such as "aws:sqs/*", and Program is the folder of the Pulumi
	// program that says which SDKs describe them.
	Plain   []string `json:"plain,omitempty"`
	Program string   `json:"program,omitempty"`
}

// stopGrace is what tasks get to end in when the daemon stops; the stop of a cloud is no deployment that drops nothing.
const stopGrace = 2 * time.Second

// registration is how long load balancers take to register a target, which takes AWS longer. A program has mostly begun to
// listen by then: if its first health check fails, it gets no requests before the next one.
const registration = 500 * time.Millisecond

type daemon struct {
	cloud      *cloud.Cloud
	cloudflare *cloudflare.Cloudflare
	kept       *plain.Kinds
	logs       *streams.Logs
	scheduler  *scheduler.Scheduler
	faults     *fault.Plan
	info       Info
}

// Run serves until the context ends.
func Run(ctx context.Context, o Options, log *slog.Logger) (err error) {
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return fmt.Errorf("find the local cloud's folder: %w", err)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return fmt.Errorf("make the local cloud's folder: %w", err)
	}
	kept, err := plain.New(o.Plain, o.Program)
	if err != nil {
		return err
	}
	sdks := schema.SDKs{}.With(kept.Describe)
	store, err := cloud.Open(filepath.Join(o.Dir, "cloud.db"))
	if err != nil {
		return fmt.Errorf("%w; is another local cloud running on this folder?", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	authority, err := ca.Open(filepath.Join(o.Dir, "ca"))
	if err != nil {
		return err
	}
	tokens, err := oidc.Open(o.Dir)
	if err != nil {
		return err
	}
	held, err := registry.Open(filepath.Join(o.Dir, "registry"))
	if err != nil {
		return err
	}
	tasks := filepath.Join(o.Dir, "tasks")
	// A daemon that was killed leaves its tasks running, or their folders behind.
	if _, err := task.CleanUp(tasks); err != nil {
		return err
	}
	runner, err := task.NewRunner(tasks)
	if err != nil {
		return err
	}
	defer func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
		defer cancel()
		runner.Close(grace)
	}()

	d := &daemon{
		cloud: cloud.New(store, cloud.Options{
			Schema: sdks, Others: kept.Kind, Latency: o.Latency, Patience: o.Patience,
			Authorize: iam.Authorize, Deleted: resourcegroupstagging.ListDeleted(resourcegroupstagging.ListedFor(o.Latency)),
		}),
		cloudflare: cloudflare.New(o.Zones),
		kept:       kept,
		faults:     &fault.Plan{Latency: o.Latency},
		logs:       streams.Open(store, filepath.Join(o.Dir, "logs")),
	}
	addresses := addr.New()
	d.scheduler = scheduler.New(scheduler.Options{
		Store: store, Runner: runner, Addresses: addresses, Images: held, Logs: d.logs, Removed: appautoscaling.ServiceRemoved, Latency: o.Latency, Pace: pace.Pace(o.Patience),
	})
	d.cloud.Add(aws.Kinds()...)
	d.cloud.Add(ecr.WithImages(images.Of(store, held))...)
	d.cloud.Add(d.cloudflare.Kinds()...)

	before, _ := Last(o.Dir) // without it there are no ports to keep
	if d.info, err = newInfo(o, authority.CertFile()); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	callers := &sts.Callers{Store: store, Tokens: tokens}
	for _, p := range []provider.Package{
		{Name: "aws", Caller: callers.Caller, Replace: aws.ReplacingSettings, Manners: aws.Manners()},
		{Name: "cloudflare", Caller: cloudflare.Caller, Manners: cloudflare.Manners()},
	} {
		p.Version, p.Secrets = schema.Version(p.Name), sdks.Secrets
		l, err := listen(fmt.Sprintf("127.0.0.1:%d", before.Providers[p.Name]))
		if err != nil {
			return err
		}
		d.info.Providers[p.Name] = l.Addr().(*net.TCPAddr).Port
		serveGRPC(ctx, group, provider.NewServer(d.cloud, p, d.faults, log), ownListener{l, log})
	}
	// The address of the APIs is in the environment of shells, which outlive a restart.
	apiAddress, token := before.api()
	token = cmp.Or(token, rand.Text())
	for _, s := range []struct {
		before  string
		address *string
		handler http.Handler
	}{
		{before.Registry, &d.info.Registry, held},
		{before.Control, &d.info.Control, d.control()},
		{apiAddress, &apiAddress, &api.Server{Store: store, Callers: callers, Logs: d.logs, Token: token}},
	} {
		l, err := listen(s.before)
		if err != nil {
			return err
		}
		*s.address = l.Addr().String()
		serveHTTP(ctx, group, localOnly(s.handler), ownListener{l, log})
	}
	d.info.API = "http://" + apiAddress + "/" + token
	nameServer, err := listenDNS(before.DNS, zones.Zones(store, d.cloudflare), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, nameServer.Close(context.WithoutCancel(ctx))) }()
	d.info.DNS = nameServer.Addr().String()
	l, err := listen(before.Proxy)
	if err != nil {
		return err
	}
	d.info.Proxy = l.Addr().String()
	group.Go(func() error {
		return proxy.Serve(ctx, l, proxy.Config{Resolve: zones.Resolver{Store: store, DNS: nameServer.Addr()}.Resolve, Log: log})
	})

	balancers := &balancers.Balancers{Store: store, Addresses: addresses, Registration: registration, Log: log}
	metrics := &metrics.Metrics{Store: store, Balancers: balancers, Tasks: d.scheduler, Pace: pace.Pace(o.Patience)}
	for _, controller := range []interface{ Run(context.Context) error }{
		&issuer.Issuer{Store: store, Authority: authority, DNS: nameServer.Addr(), Log: log},
		d.logs,
		balancers,
		d.scheduler,
		metrics,
		&scaling.Scaler{Store: store, Alarms: metrics, Pace: pace.Pace(o.Patience), Log: log},
	} {
		group.Go(func() error { return controller.Run(ctx) })
	}
	if err := writeInfo(o.Dir, d.info); err != nil {
		return err
	}
	group.Go(func() error { return watchFolder(ctx, o.Dir, d.info.Token) })
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil // told to stop
}

// lookInterval is how often a daemon looks whether its folder is still there.
const lookInterval = time.Second

// watchFolder returns an error when the folder was deleted: nobody could find this daemon any more, to ask it anything or to stop it.
func watchFolder(ctx context.Context, dir, token string) error {
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
		if replaced(dir, token) {
			return fmt.Errorf("%s was deleted, and the local cloud ends with it", dir)
		}
	}
}

// listen opens a loopback address, or any free port of it if that one is taken or none is said.
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
