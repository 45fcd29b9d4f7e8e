package ec2

import (
	"fmt"
	"net/netip"
	"strings"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type natGateway struct {
	AllocationID     string    `json:"allocationId"`
	SubnetID         string    `json:"subnetId"`
	ConnectivityType string    `json:"connectivityType"`
	Tags             tags.Tags `json:"tags"`

	// Not modelled: refused if given.
	PrivateIP                      string   `json:"privateIp"`
	SecondaryAllocationIDs         []string `json:"secondaryAllocationIds"`
	SecondaryPrivateIPAddresses    []string `json:"secondaryPrivateIpAddresses"`
	SecondaryPrivateIPAddressCount int      `json:"secondaryPrivateIpAddressCount"`
}

type natGatewayOutputs struct {
	AssociationID      string `json:"associationId"`
	NetworkInterfaceID string `json:"networkInterfaceId"`
	PrivateIP          string `json:"privateIp"`
	PublicIP           string `json:"publicIp"`
}

// NATGateway lets out what other subnets' routes lead to it, with its own address, by the internet gateway of its own subnet's route. Nobody
// reaches anything by it from outside.
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html
var NATGateway = &cloud.Kind[natGateway, natGatewayOutputs]{
	Spec: cloud.Spec{
		Token:   NATGatewayToken,
		Label:   "EC2 NAT Gateway",
		Import:  cloud.ByID,
		Drift:   cloud.Drift{Change: cloud.Map{"tags": cloud.Map{"By": "hand"}}, Serves: true},
		Derived: tags.All,
		Needs:   natGatewayNeeds,
		Tagged: func(r *cloud.Resource) (string, map[string]string) {
			return arns.New(r.Scope, "ec2", "natgateway/"+r.ID), tags.Of(r)
		},
		Defaults: cloud.Map{"connectivityType": "public"},
		Filled:   cloud.Map{"secondaryAllocationIds": []any{}, "secondaryPrivateIpAddressCount": 0.0, "secondaryPrivateIpAddresses": []any{}},
		Replace:  []string{"allocationId", "connectivityType", "privateIp", "subnetId"},
		Computed: []string{"privateIp", "secondaryPrivateIpAddressCount", "secondaryPrivateIpAddresses"},
		Waits: []cloud.Wait{{
			Verb: cloud.Create, Failure: "waiting for EC2 NAT Gateway (%s) create: timeout while waiting for state to become 'available' (last state: 'pending', timeout: 10m0s)",
		}},
		Latency:  cloud.Latency{Create: 90, Delete: 42},
		NotFound: check.NotFound("NatGatewayNotFound", "NAT gateway %s was not found"),
	},
	Check: func(in *natGateway) []cloud.Failure {
		return check.OneOf("connectivityType", in.ConnectivityType, "public", "private")
	},
	Refs: func(_ *cloud.Call, in *natGateway) []cloud.Ref {
		return []cloud.Ref{{Token: SubnetToken, Value: in.SubnetID}, {Token: EIPToken, Value: in.AllocationID, Optional: true}}
	},
	Rules: func(_ *cloud.Call, in *natGateway) error {
		if what := check.First(map[string]bool{
			"a private NAT gateway":                in.ConnectivityType == "private",
			"a chosen address of a NAT gateway":    in.PrivateIP != "",
			"secondary addresses of a NAT gateway": len(in.SecondaryAllocationIDs)+len(in.SecondaryPrivateIPAddresses)+in.SecondaryPrivateIPAddressCount > 0,
		}); what != "" {
			return check.Unimplemented(what)
		}
		if in.AllocationID == "" {
			return cloud.Errorf("MissingParameter", "The request must contain the parameter AllocationId")
		}
		return nil
	},
	// AWS makes the gateway and then fails it, with these codes and messages (NatGateway in the Amazon EC2 API reference). Nothing of a failed
	// one is left to see but its id, and the provider's error names both.
	Create: func(c *cloud.Call, in *natGateway, out *natGatewayOutputs) (string, error) {
		for _, r := range c.Tx.Where(c.Caller.Scope, NATGatewayToken, "allocationId", in.AllocationID) {
			if r.ID != c.Resource.ID {
				return "", cloud.Errorf("Resource.AlreadyAssociated", "Elastic IP address %s is already associated", in.AllocationID)
			}
		}
		subnet := c.Find(cloud.Ref{Token: SubnetToken, Value: in.SubnetID})
		if network := Subnet.Inputs(subnet).VPCID; GatewayOf(c.Tx, c.Caller.Scope, network) == nil {
			return "", cloud.Errorf("Gateway.NotAttached", "Network %s has no Internet gateway attached", network)
		}
		id := ids.New("nat")
		public := EIP.Outputs(c.Find(cloud.Ref{Token: EIPToken, Value: in.AllocationID})).PublicIP
		ni, err := AddInterface(c.Tx, c.Caller.Scope, Interface{
			SubnetID: in.SubnetID, PublicIP: public, Owner: id, Description: "Interface for NAT Gateway " + id,
		}, false)
		if err != nil {
			return "", err
		}
		placed := NetworkInterface.Inputs(ni)
		*out = natGatewayOutputs{AssociationID: ids.New("eipassoc"), NetworkInterfaceID: ni.ID, PrivateIP: placed.PrivateIP, PublicIP: placed.PublicIP}
		return id, nil
	},
	Delete: func(c *cloud.Call, _ *natGateway) error {
		for _, r := range InterfacesOf(c.Tx, c.Resource.Scope, c.Resource.ID) {
			c.Tx.Delete(r.Key)
		}
		return nil
	},
}

var natGatewayNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		creates(o, "ec2:CreateNatGateway", "natgateway")
		o.Other(SubnetToken, "subnetId", "ec2:CreateNatGateway")
		o.Other(EIPToken, "allocationId", "ec2:CreateNatGateway")
	},
	Read: func(o *permission.Operation) { o.Any("ec2:DescribeNatGateways") },
	Update: func(o *permission.Operation) {
		withARN(o, "natgateway")
		retags(o)
	},
	Delete: func(o *permission.Operation) {
		withARN(o, "natgateway")
		o.Own("ec2:DeleteNatGateway")
		o.Any("ec2:DescribeNatGateways")
	},
}

// natGatewayLeads returns nil if a NAT gateway lets out packets to the whole internet, and otherwise the obstacle: the gateway sends them
// on by its own subnet's route, as it would its own.
func natGatewayLeads(tx *cloud.Tx, s cloud.Scope, id string, everyone string) error {
	ni, err := natInterface(tx, s, id)
	if err != nil {
		return err
	}
	to, err := routed(tx, s, ni, everyone)
	if err == nil && to.Token != InternetGatewayToken {
		err = fmt.Errorf("the route to %s in its route table leads to %s, and not to an internet gateway", everyone, to.ID)
	}
	if err != nil {
		return fmt.Errorf("NAT gateway %s has no way out itself: %w", id, err)
	}
	return nil
}

// IsNATGateway reports whether an id is a NAT gateway's.
func IsNATGateway(id string) bool { return strings.HasPrefix(id, "nat-") }

// natInterface returns the network interface of a NAT gateway.
func natInterface(tx *cloud.Tx, s cloud.Scope, id string) (*Interface, error) {
	for _, r := range InterfacesOf(tx, s, id) {
		return NetworkInterface.Inputs(r), nil
	}
	return nil, fmt.Errorf("NAT gateway %s is gone", id)
}

// NATAddress returns the public address with which a NAT gateway sends to an address in the internet, if it can.
func NATAddress(tx *cloud.Tx, s cloud.Scope, id string, to netip.Addr) (netip.Addr, error) {
	ni, err := natInterface(tx, s, id)
	if err != nil {
		return netip.Addr{}, err
	}
	if d, found := DestinationOf(tx, s, ni, to); !to.Is4() || !found || d.Token != InternetGatewayToken {
		return netip.Addr{}, fmt.Errorf("NAT gateway %s has no way to %s", id, to)
	}
	return netip.ParseAddr(ni.PublicIP)
}
