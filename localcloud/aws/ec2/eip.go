package ec2

import (
	"net/netip"
	"time"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type eip struct {
	Domain string    `json:"domain"`
	Tags   tags.Tags `json:"tags"`

	// Not modelled: refused if given.
	Instance              string `json:"instance"`
	NetworkInterface      string `json:"networkInterface"`
	AssociateWithPrivate  string `json:"associateWithPrivateIp"`
	Address               string `json:"address"`
	PublicIPv4Pool        string `json:"publicIpv4Pool"`
	IPAMPoolID            string `json:"ipamPoolId"`
	NetworkBorderGroup    string `json:"networkBorderGroup"`
	CustomerOwnedIPv4Pool string `json:"customerOwnedIpv4Pool"`
}

type eipOutputs struct {
	ARN          string `json:"arn"`
	AllocationID string `json:"allocationId"`
	PublicIP     string `json:"publicIp"`
	Domain       string `json:"domain"`
}

// maxEIPs is the default quota of a region ("Amazon VPC quotas": Elastic IP addresses per Region).
const maxEIPs = 5

// firstEIP is the first address that is given out. Those below are for network interfaces ([publicFor]).
var firstEIP = netip.MustParseAddr("198.19.192.1")

// EIP is an Elastic IP address: a public one that stays the account's until it is released. Here NAT gateways have them.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AllocateAddress.html
var EIP = &cloud.Kind[eip, eipOutputs]{
	Spec: cloud.Spec{
		Token:   EIPToken,
		Label:   "EC2 EIP",
		Import:  cloud.ByID,
		Drift:   cloud.Drift{Change: cloud.Map{"tags": cloud.Map{"By": "hand"}}, Serves: true, Refused: "AuthFailure"},
		Derived: tags.All,
		Needs:   eipNeeds,
		Filled: cloud.Map{
			"associationId": "", "carrierIp": "", "customerOwnedIp": "", "instance": "", "networkInterface": "", "privateIp": "",
			"publicIpv4Pool": "amazon",
		},
		Replace:  []string{"domain"},
		Computed: []string{"domain", "instance", "networkInterface", "networkBorderGroup", "publicIpv4Pool", "ipamPoolId"},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		Patience: 3 * time.Minute,
		NotFound: check.NotFound("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist"),
		// AWS says so of an address that a NAT gateway has: github.com/eformat/sno-for-100/issues/5
		InUse: func(r, by *cloud.Resource) *cloud.Error {
			return cloud.Errorf("AuthFailure", "You do not have permission to access the specified resource. (%s is used by %s)", r.ID, by.ID)
		},
	},
	Rules: func(_ *cloud.Call, in *eip) error {
		if what := check.First(map[string]bool{
			"an address for an instance or a network interface": in.Instance+in.NetworkInterface+in.AssociateWithPrivate != "",
			"an address of a pool":                              in.Address+in.PublicIPv4Pool+in.IPAMPoolID+in.CustomerOwnedIPv4Pool+in.NetworkBorderGroup != "",
			"an address outside of VPCs":                        in.Domain != "" && in.Domain != "vpc",
		}); what != "" {
			return check.Unimplemented(what)
		}
		return nil
	},
	Create: func(c *cloud.Call, _ *eip, out *eipOutputs) (string, error) {
		if len(c.Tx.List(c.Caller.Scope, EIPToken)) >= maxEIPs {
			return "", cloud.Errorf("AddressLimitExceeded", "The maximum number of addresses has been reached.")
		}
		taken := map[string]bool{}
		for _, r := range c.Tx.Everywhere(EIPToken) {
			taken[cloud.OutputsOf[eipOutputs](r).PublicIP] = true
		}
		address := firstEIP
		for taken[address.String()] {
			address = address.Next()
		}
		id, arn := identify(c.Caller.Scope, "elastic-ip")
		*out = eipOutputs{ARN: arn, AllocationID: id, PublicIP: address.String(), Domain: "vpc"}
		return id, nil
	},
}

var eipNeeds = permission.Needs{
	Create: func(o *permission.Operation) { creates(o, "ec2:AllocateAddress", "elastic-ip") },
	Read:   func(o *permission.Operation) { o.Any("ec2:DescribeAddresses", "ec2:DescribeAddressesAttribute") },
	Update: retags,
	Delete: func(o *permission.Operation) { o.Own("ec2:ReleaseAddress") },
}
