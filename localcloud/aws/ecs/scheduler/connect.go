package scheduler

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"slices"

	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/ecs/connect"
	"slipway/localcloud/cloud"
	"slipway/localcloud/task"
	"slipway/localcloud/vnet"
)

// connect gives the task a proxy, if its service has Service Connect: /etc/hosts has the names that there were when its deployment began,
// and the proxy listens at their addresses.
func (l *life) connect(spec *task.Spec) error {
	endpoints, connects := l.endpoints()
	switch {
	case !connects:
		return nil
	case l.Proxy == nil:
		return startErrorf("ResourceInitializationError: Service Connect needs tasks in the networks of VPCs, which this system does not have")
	}
	names := namesOf(endpoints)
	addresses, plug, err := l.Proxy(l.eni, len(names))
	if err != nil {
		return startErrorf("ResourceInitializationError: %s", err)
	}
	at := make(map[string]netip.Addr, len(names))
	for i, name := range names {
		at[name] = addresses[i]
		spec.Hosts = append(spec.Hosts, task.Host{Address: addresses[i], Name: name})
	}
	attach := spec.Interface.Attach
	spec.Interface.Attach = func(frames *os.File) (io.Closer, error) {
		attached, err := attach(frames)
		if err != nil {
			return nil, err
		}
		served, err := l.serveCalls(endpoints, at, plug)
		if err != nil {
			return nil, errors.Join(err, attached.Close())
		}
		return closers{served, attached}, nil
	}
	return nil
}

// namesOf are the names of endpoints, of which some can be ports of one name.
func namesOf(endpoints []ecs.Endpoint) []string {
	var names []string
	for _, e := range endpoints {
		names = append(names, e.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// endpoints are those that the task resolves.
func (l *life) endpoints() (endpoints []ecs.Endpoint, connects bool) {
	l.Store.View(func(tx *cloud.Tx) {
		r := tx.Get(cloud.Key{Scope: l.key.Scope, Token: ecs.Service.Token, ID: l.spec.Service})
		if r == nil {
			return
		}
		for _, d := range cloud.Peek[ecs.ServiceStatus](r).Deployments {
			if in, err := d.Spec(); err == nil && d.ID == l.spec.Deployment {
				endpoints, connects = d.Endpoints, in.Connects()
			}
		}
	})
	return endpoints, connects
}

// serveCalls puts the proxy into the network, where it answers at the names' addresses.
func (l *life) serveCalls(endpoints []ecs.Endpoint, at map[string]netip.Addr, plug func() (*vnet.Host, error)) (io.Closer, error) {
	host, err := plug()
	if err != nil {
		return nil, err
	}
	var stops []func()
	stop := closing(func() error {
		err := host.Close()
		for _, stop := range stops {
			stop()
		}
		return err
	})
	for _, e := range endpoints {
		listener, err := host.Listen(netip.AddrPortFrom(at[e.Name], uint16(e.Port))) //nolint:gosec // a port
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		p := &connect.Proxy{Store: l.Store, Scope: l.key.Scope, Endpoint: e, Dial: host.DialContext}
		stops = append(stops, p.Serve(listener))
	}
	return stop, nil
}

// closing is a closer.
type closing func() error

func (c closing) Close() error { return c() }

// closers are closed in their order.
type closers []io.Closer

func (c closers) Close() error {
	var errs []error
	for _, each := range c {
		errs = append(errs, each.Close())
	}
	return errors.Join(errs...)
}
