package zones

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/dns"
)

// Resolver resolves names of registries and load balancers for clients. They need it for the ports: a listener's real port on this machine may differ
// from the client's, such as 8443 for 443.
type Resolver struct {
	Store *cloud.Store
	// DNS is the name server that says what address a host has.
	DNS netip.AddrPort
	// Registry is where the registries of Amazon ECR are.
	Registry netip.AddrPort
}

var errNoSuchHost = errors.New("the local cloud's DNS knows no address of this host; `localcloud status` lists its records")

// https is the port of registries.
const https = 443

// Resolve returns the real address of a host's port. It only finds ports of registries and of load balancers: a record's address need not belong to the
// cloud, and on loopback any program may listen.
func (r Resolver) Resolve(ctx context.Context, host string, port uint16) (netip.AddrPort, error) {
	if ecr.IsReference(host+"/any") && port == https {
		return r.Registry, nil
	}
	address, err := r.address(ctx, host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	found, at := false, netip.AddrPort{}
	r.Store.View(func(tx *cloud.Tx) {
		for _, balancer := range tx.Everywhere(elbv2.LoadBalancer.Token) {
			status := cloud.Peek[elbv2.LoadBalancerStatus](balancer)
			if status.Address != address {
				continue
			}
			found = true
			for _, e := range status.Endpoints {
				if e.Port == int(port) {
					at, err = netip.ParseAddrPort(e.Address)
				}
			}
		}
	})
	switch {
	case err != nil:
		return netip.AddrPort{}, err
	case !found:
		return netip.AddrPort{}, fmt.Errorf("the local cloud has no load balancer at its address %s", address)
	case !at.IsValid():
		return netip.AddrPort{}, fmt.Errorf("its load balancer has no listener on port %d", port)
	}
	return at, nil
}

// address returns the first address of a host.
func (r Resolver) address(ctx context.Context, host string) (string, error) {
	for _, kind := range []string{"A", "AAAA"} {
		records, err := dns.Lookup(ctx, r.DNS, host, kind)
		if ctx.Err() != nil {
			return "", err
		}
		if err != nil { // there is no such name, or no such zone
			break
		}
		for _, record := range records {
			if record.Type == kind {
				return record.Content, nil
			}
		}
	}
	return "", errNoSuchHost
}
