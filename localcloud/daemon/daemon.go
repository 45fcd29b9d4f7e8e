// Package daemon puts the local cloud together: the store and its kinds, the providers that the engine attaches to, the controllers
// that make things happen, and the control API. Everything listens only on loopback, and all its data is in one folder.
package daemon

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"slipway/localcloud/aws/ec2/networks"
	"slipway/localcloud/aws/plain"
	"slipway/localcloud/cloud"
	"slipway/localcloud/cloudflare"
	"slipway/localcloud/dns"
	"slipway/localcloud/fault"
	"slipway/localcloud/pace"
	"slipway/localcloud/schema"
	"slipway/localcloud/services"
	"slipway/localcloud/zones"
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
	// Network says where tasks are: default [NetworkDefault].
	Network Network `json:"network,omitempty"`
	// Internet lets tasks with a public address reach the real internet, by this machine's network.
	Internet bool `json:"internet,omitempty"`
	// Plain has patterns of the kinds that are stored without a model, such as "aws:sns/*". Program is the folder of the Pulumi program
	// whose SDKs describe them.
	Plain   []string `json:"plain,omitempty"`
	Program string   `json:"program,omitempty"`
}

type daemon struct {
	folder     *folder
	sdks       schema.SDKs
	cloud      *cloud.Cloud
	cloudflare *cloudflare.Cloudflare
	services   *services.Services
	vpcs       *networks.Networks // nil where tasks are at loopback addresses
	names      *dns.Server
	faults     *fault.Plan
	clock      *clock
	info       Info
	log        *slog.Logger
	// tasks says in words where tasks are.
	tasks string
}

// Run serves until the context ends.
func Run(ctx context.Context, o Options, log *slog.Logger) (err error) {
	if o.Dir, err = makeFolder(o.Dir); err != nil {
		return err
	}
	kept, err := plain.New(o.Plain, o.Program)
	if err != nil {
		return err
	}
	f, err := openFolder(o.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close(context.WithoutCancel(ctx))) }()
	before, _ := Last(o.Dir) // without it there are no ports to keep
	d, err := wire(f, o, kept, before, log)
	if err != nil {
		return err
	}
	return d.serve(ctx, before)
}

// wire puts the cloud together over what its folder holds. The name server answers from now on, as services ask it.
func wire(f *folder, o Options, kept *plain.Kinds, before Info, log *slog.Logger) (*daemon, error) {
	info, err := newInfo(o, f.authority.CertFile())
	if err != nil {
		return nil, err
	}
	records := cloudflare.New(o.Zones)
	names, err := listenDNS(before.DNS, zones.Zones(f.store, records), log)
	if err != nil {
		return nil, err
	}
	info.DNS = names.Addr().String()
	turned, err := openClock(o.Dir)
	if err != nil {
		return nil, errors.Join(err, names.Close(context.Background()))
	}
	vpcs, tasks, err := newNetworks(f, o, records, log)
	if err != nil {
		return nil, errors.Join(err, names.Close(context.Background()))
	}
	aws := services.New(services.Options{
		Store: f.store, Authority: f.authority, Images: f.images, Runner: f.runner, FileSystems: filepath.Join(f.dir, "efs"), VPCs: vpcs,
		DNS: names.Addr(), RecordTokens: []string{cloudflare.RecordToken}, Logs: f.logs, Queues: f.queues,
		Latency: o.Latency, Pace: pace.Pace(o.Patience), Clock: turned.Clock, Log: log,
	})
	d := &daemon{
		folder: f, sdks: schema.SDKs{}.With(kept.Describe), cloudflare: records, services: aws, vpcs: vpcs, names: names,
		faults: &fault.Plan{Latency: o.Latency}, clock: turned, info: info, log: log, tasks: tasks,
	}
	d.cloud = cloud.New(f.store, services.WithHooks(cloud.Options{Schema: d.sdks, Others: kept.Kind, Latency: o.Latency, Patience: o.Patience}))
	d.cloud.Add(aws.Kinds...)
	aws.MakeRepository = d.makeRepository
	d.cloud.Add(records.Kinds()...)
	return d, nil
}
