package account

import (
	"errors"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components"
	"slipway/spec"
)

// lookUpNetwork finds the network of others that the stack uses, and reports what the stack would lack in it.
func (e *Existing) lookUpNetwork(ctx *pulumi.Context, c change) (err error) {
	if c.ExistingNetwork == nil {
		return nil
	}
	e.Network, err = components.LookupNetwork(ctx, &components.LookupNetworkArgs{ExistingNetwork: *c.ExistingNetwork, Need: c.need()})
	return under("network", err)
}

// need returns what the update puts into an existing network.
func (c change) need() spec.NetworkNeed {
	need := spec.NetworkNeed{LoadBalancer: c.HasLoadBalancer() && c.LoadBalancerARN == ""}
	if len(c.standing.Balancers) > 0 && !c.replacesNetwork() {
		return need // what an interrupted update has begun has its addresses already
	}
	need.NewLoadBalancer = need.LoadBalancer
	for _, s := range c.Services {
		if c.last.Images[s.Name] == "" || c.replacesNetwork() {
			need.NewTasks += s.PeakTasks()
		}
	}
	return need
}

// network returns the settings of the network whose change makes a new load balancer.
func (c change) network() lastNetwork {
	switch {
	case c.platform != "":
		return lastNetwork{Platform: c.platform}
	case c.ExistingNetwork != nil:
		return lastNetwork{VPCID: c.ExistingNetwork.VPCID, Balancer: c.LoadBalancerARN}
	}
	return lastNetwork{CIDR: c.Network.CIDR, IPv6: c.Network.IPv6}
}

// under puts the key of a section before each of the errors about its settings.
func under(section string, err error) error {
	if err == nil {
		return nil
	}
	key := "slipway:" + section + "."
	return errors.New(key + strings.ReplaceAll(err.Error(), "\n", "\n"+key))
}
