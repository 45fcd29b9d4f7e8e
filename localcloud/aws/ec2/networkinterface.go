package ec2

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/cloud"
)

// Interface is a network interface: the place of a task, a load balancer or a NAT gateway in a subnet.
type Interface struct {
	VPCID          string   `json:"vpcId"`
	SubnetID       string   `json:"subnetId"`
	SecurityGroups []string `json:"securityGroups"`
	PrivateIP      string   `json:"privateIp"`
	PublicIP       string   `json:"publicIp"`
	IPv6Address    string   `json:"ipv6Address"`
	// LinkLocal is the IPv4 address by which a task without a private IPv4 address asks its task endpoint. Nobody else sees it.
	LinkLocal   string `json:"linkLocal"`
	Description string `json:"description"`
	// Owner is what the interface belongs to: the ARN of a task or load balancer, or the id of a NAT gateway.
	Owner string `json:"owner"`
}

// IPv6Only reports whether the interface has no private IPv4 address, as those in IPv6-only subnets.
func (ni *Interface) IPv6Only() bool { return ni.PrivateIP == "" }

// Address is the interface's address within its VPC: the private IPv4 one, or in an IPv6-only subnet the IPv6 one.
func (ni *Interface) Address() string { return cmp.Or(ni.PrivateIP, ni.IPv6Address) }

// HostName is the name that the interface's owner has in the VPC. In an IPv6-only subnet names have the form of resource names, here with
// the subnet's and the host's part of the address: what Fargate puts there is not documented.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hostname-types.html
func (ni *Interface) HostName(region string) string {
	name := "ip-" + strings.ReplaceAll(ni.PrivateIP, ".", "-")
	if a, err := netip.ParseAddr(ni.IPv6Address); err == nil && ni.IPv6Only() {
		const subnet, host = 6, 10
		b := a.As16()
		name = fmt.Sprintf("i-0%x%x", b[subnet:subnet+2], b[host:])
	}
	return name + "." + region + ".compute.internal"
}

// InterfaceStatus says where the interface's owner really is.
type InterfaceStatus struct {
	// Address is where the owner is reached: the interface's address within its VPC, if it is in a network of its VPC, or a loopback address of
	// this machine.
	Address string
}

// NetworkInterface is made by AWS for tasks, load balancers and gateways, never by a program. It keeps its subnet and its security
// groups from being deleted.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html
var NetworkInterface = &cloud.Kind[Interface, struct{}]{
	Spec: cloud.Spec{
		Token: NetworkInterfaceToken,
		Label: "EC2 Network Interface",
	},
	Refs: func(_ *cloud.Call, in *Interface) []cloud.Ref {
		refs := []cloud.Ref{{Token: SubnetToken, Value: in.SubnetID}}
		for _, g := range in.SecurityGroups {
			refs = append(refs, cloud.Ref{Token: SecurityGroupToken, Value: g})
		}
		return refs
	},
}

// AddInterface puts a network interface into a subnet and gives it addresses: the lowest free private one, a public one on request if it has
// none yet, and an IPv6 one if the subnet assigns them. One in an IPv6-only subnet has no other.
func AddInterface(tx *cloud.Tx, s cloud.Scope, ni Interface, public bool) (*cloud.Resource, error) {
	r := tx.Get(cloud.Key{Scope: s, Token: SubnetToken, ID: ni.SubnetID})
	if r == nil {
		return nil, Subnet.NotFound(ni.SubnetID)
	}
	in := Subnet.Inputs(r)
	ni.VPCID = in.VPCID
	if err := ni.takeAddresses(in, takenIn(tx, ni.VPCID), public); err != nil {
		return nil, err
	}
	props, err := cloud.Encode(ni)
	if err != nil {
		return nil, err
	}
	out := &cloud.Resource{
		Key:  cloud.Key{Scope: s, Token: NetworkInterfaceToken, ID: ids.New("eni")},
		Name: ni.Description, Inputs: props, Outputs: props,
	}
	tx.Put(out)
	return out, nil
}

// takenIn returns the addresses that the VPC's interfaces have, and the public ones of all.
func takenIn(tx *cloud.Tx, vpc string) map[string]bool {
	taken := map[string]bool{}
	for _, r := range tx.Everywhere(NetworkInterfaceToken) {
		other := NetworkInterface.Inputs(r)
		taken[other.PublicIP] = true
		if other.VPCID == vpc {
			taken[other.PrivateIP], taken[other.IPv6Address], taken[other.LinkLocal] = true, true, true
		}
	}
	return taken
}

// linkLocals are the addresses by which tasks ask their endpoint, if they have no other of IPv4. They are those of the Amazon ECS agent.
// https://github.com/aws/amazon-ecs-agent, agent/ecscni/types_linux.go
const linkLocals = "169.254.172.0/22"

func (ni *Interface) takeAddresses(in *subnet, taken map[string]bool, public bool) (err error) {
	if in.IPv6Native {
		if public {
			// The sentence is not AWS's.
			return cloud.Errorf("InvalidParameterCombination", "A network interface in the IPv6-only subnet '%s' cannot have a public IPv4 address.", ni.SubnetID)
		}
		if ni.IPv6Address, err = lowest(in.IPv6CIDRBlock, taken, ni.SubnetID); err == nil {
			ni.LinkLocal, err = lowest(linkLocals, taken, ni.SubnetID)
		}
		return err
	}
	if ni.PrivateIP, err = lowest(in.CIDRBlock, taken, ni.SubnetID); err != nil {
		return err
	}
	if public {
		ni.PublicIP = publicFor(netip.MustParseAddr(ni.PrivateIP), taken)
	}
	if in.AssignIPv6AddressOnCreation {
		ni.IPv6Address = IPv6In(in.IPv6CIDRBlock, ni.PrivateIP)
	}
	return nil
}

// lowest returns the lowest free address of a subnet's block. The first four addresses, and the last, are AWS's own.
// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
func lowest(cidr string, taken map[string]bool, subnet string) (string, error) {
	block, err := netip.ParsePrefix(cidr)
	if err != nil {
		return "", cloud.Errorf("InvalidSubnet.Range", "The CIDR '%s' is invalid.", cidr)
	}
	const reserved = 4
	addr := block.Addr()
	for range reserved {
		addr = addr.Next()
	}
	for taken[addr.String()] {
		addr = addr.Next()
	}
	if !block.Contains(addr.Next()) {
		return "", cloud.Errorf("InsufficientFreeAddressesInSubnet",
			"There are not enough free addresses in subnet '%s' to satisfy the requested number of instances.", subnet)
	}
	return addr.String(), nil
}

// publicFor returns a public address for a private one: in 198.18.0.0/15, which RFC 2544 reserves for benchmarks, so that no host has it.
func publicFor(private netip.Addr, taken map[string]bool) string {
	b := private.As4()
	public := netip.AddrFrom4([4]byte{198, 18 | b[1]&1, b[2], b[3]})
	for taken[public.String()] {
		if public = public.Next(); !netip.MustParsePrefix("198.18.0.0/15").Contains(public) {
			public = netip.AddrFrom4([4]byte{198, 18, 0, 0})
		}
	}
	return public.String()
}

// IPv6In returns the address in the IPv6 block that ends like the IPv4 address; empty if there is no such block.
func IPv6In(block, ipv4 string) string {
	prefix, err := netip.ParsePrefix(block)
	if err != nil {
		return ""
	}
	addr, err := netip.ParseAddr(ipv4)
	if err != nil {
		return ""
	}
	b, host := prefix.Addr().As16(), addr.As4()
	copy(b[12:], host[:])
	return netip.AddrFrom16(b).String()
}

// Network interfaces by where their owners are reached, and by their addresses in their VPCs.
var (
	interfacesByAddress = cloud.Index{Token: NetworkInterfaceToken, Name: "at", Of: func(r *cloud.Resource) []string {
		return []string{cloud.Peek[InterfaceStatus](r).Address}
	}}
	interfacesInVPC = cloud.Index{Token: NetworkInterfaceToken, Name: "at in VPC", Of: func(r *cloud.Resource) []string {
		in := NetworkInterface.Inputs(r)
		return []string{in.VPCID + " " + in.Address()}
	}}
)

// InterfacesAt returns the network interfaces whose owners are reached at the address: several in VPCs that have the same addresses, and
// where the system has only one loopback address.
func InterfacesAt(tx *cloud.Tx, s cloud.Scope, address netip.Addr) []*Interface {
	var out []*Interface
	for _, r := range tx.Find(interfacesByAddress, s, address.String()) {
		out = append(out, NetworkInterface.Inputs(r))
	}
	return out
}

// AddressOf returns where the owner of an address within a VPC is reached, if anybody has it.
func AddressOf(tx *cloud.Tx, s cloud.Scope, vpc, address string) (netip.Addr, bool) {
	for _, r := range tx.Find(interfacesInVPC, s, vpc+" "+address) {
		if ip, err := netip.ParseAddr(cloud.Peek[InterfaceStatus](r).Address); err == nil {
			return ip, true
		}
	}
	return netip.Addr{}, false
}

// InterfaceWith returns the network interface that has an address within a VPC, or nil.
func InterfaceWith(tx *cloud.Tx, s cloud.Scope, vpc string, address netip.Addr) *Interface {
	for _, r := range tx.Find(interfacesInVPC, s, vpc+" "+address.String()) {
		return NetworkInterface.Inputs(r)
	}
	return nil
}

// InterfacesOf returns the network interfaces of a task, a load balancer or a NAT gateway.
func InterfacesOf(tx *cloud.Tx, s cloud.Scope, owner string) []*cloud.Resource {
	return tx.Where(s, NetworkInterfaceToken, "owner", owner)
}
