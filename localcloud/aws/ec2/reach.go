package ec2

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"slipway/localcloud/cloud"
)

// The whole internet, in either family of addresses.
const (
	anyIPv4 = "0.0.0.0/0"
	anyIPv6 = "::/0"
)

// direction is the side of a network interface that rules of its security groups are about.
type direction struct {
	rules  string // token of the kind
	inline string // property of a security group
}

var (
	ingress = direction{SecurityGroupIngressRuleToken, "ingress"}
	egress  = direction{SecurityGroupEgressRuleToken, "egress"}
)

// Reachable reports whether TCP packets get from one network interface to the port of another over any family of addresses
// that both have. Security groups decide: the sender's must let the packets out, the receiver's must let them in. Answers
// need no rule, since groups are stateful.
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
func Reachable(tx *cloud.Tx, s cloud.Scope, from, to *Interface, port int) bool {
	return ReachableAt(tx, s, from, to, to.PrivateIP, port) || ReachableAt(tx, s, from, to, to.IPv6Address, port)
}

// ReachableAt is Reachable for packets to one address of the receiver.
func ReachableAt(tx *cloud.Tx, s cloud.Scope, from, to *Interface, address string, port int) bool {
	if from.VPCID != to.VPCID {
		return false // nothing joins two VPCs here
	}
	receiver, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	sender, err := netip.ParseAddr(from.PrivateIP)
	if receiver.Is6() {
		sender, err = netip.ParseAddr(from.IPv6Address)
	}
	if err != nil {
		return false
	}
	within := func(peer netip.Addr, peers *Interface) func(*SecurityRule, string) bool {
		return func(p *SecurityRule, group string) bool {
			return p.covers(peer) || p.names(group, peers.SecurityGroups)
		}
	}
	return letsPass(tx, s, from, egress, port, within(receiver, to)) && letsPass(tx, s, to, ingress, port, within(sender, from))
}

// FromInternet reports whether TCP packets from anywhere in the internet reach the port of the network interface: it has a
// public address, its subnet has a route to an internet gateway for the answers, and a security group lets everyone in. One
// family of addresses suffices.
// https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
func FromInternet(tx *cloud.Tx, s cloud.Scope, to *Interface, port int) bool {
	return internet(tx, s, to, ingress, port, anyIPv4) == nil || internet(tx, s, to, ingress, port, anyIPv6) == nil
}

// Egress returns nil if TCP packets of a task's network interface reach the port of one of AWS's endpoints in the internet, and otherwise an
// error that names the obstacle. Fargate uses IPv4 for what a task needs before it starts, unless the task has no IPv4 address.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html
func Egress(tx *cloud.Tx, s cloud.Scope, from *Interface, port int) error {
	everyone := anyIPv4
	if from.IPv6Only() {
		everyone = anyIPv6
	}
	if err := internet(tx, s, from, egress, port, everyone); err != nil {
		return fmt.Errorf("no way to the internet: %w", err)
	}
	return nil
}

// internet returns the obstacle for packets of one family between the internet and the network interface.
func internet(tx *cloud.Tx, s cloud.Scope, ni *Interface, d direction, port int, everyone string) error {
	if everyone == anyIPv6 && ni.IPv6Address == "" {
		return errors.New("the network interface has no IPv6 address")
	}
	to, err := routed(tx, s, ni, everyone)
	switch {
	case err != nil && everyone == anyIPv4 && ni.PublicIP == "":
		return fmt.Errorf("the network interface has no public address, and %w", err)
	case err != nil:
		return err
	case to.Token != InternetGatewayToken && d == ingress:
		return fmt.Errorf("%s lets nobody in", to.ID)
	case to.Token == NATGatewayToken:
		if err := natGatewayLeads(tx, s, to.ID, everyone); err != nil {
			return err
		}
	case everyone == anyIPv4 && ni.PublicIP == "":
		return errors.New("the network interface has no public address")
	}
	if !letsPass(tx, s, ni, d, port, func(p *SecurityRule, _ string) bool {
		return slices.Contains(p.CIDRBlocks, everyone) || slices.Contains(p.IPv6CIDRBlocks, everyone)
	}) {
		return fmt.Errorf("no %s rule of the security groups %v allows TCP port %d and %s", d.inline, ni.SecurityGroups, port, everyone)
	}
	return nil
}

// routed returns where the route table of the network interface's subnet sends the internet's addresses.
func routed(tx *cloud.Tx, s cloud.Scope, ni *Interface, everyone string) (Destination, error) {
	table := routeTableOf(tx, s, ni)
	for _, r := range tx.Where(s, RouteToken, "routeTableId", table) {
		in := Route.Inputs(r)
		if in.destination() != everyone {
			continue
		}
		to := in.leads(tx, s, ni.VPCID, netip.MustParsePrefix(everyone))
		if to.Blackhole {
			token, id := in.target()
			why := "is gone"
			if token == InternetGatewayToken {
				why = "is not attached to " + ni.VPCID
			}
			return to, fmt.Errorf("the route to %s in route table %s is a blackhole: %s %s", everyone, table, id, why)
		}
		return to, nil
	}
	return Destination{}, fmt.Errorf("route table %s of subnet %s has no route to %s", table, ni.SubnetID, everyone)
}

// HasInternetGateway reports whether the network interface's IPv6 addresses are reached from the internet, as far as routes decide.
func HasInternetGateway(tx *cloud.Tx, s cloud.Scope, ni *Interface) bool {
	to, err := routed(tx, s, ni, anyIPv6)
	return err == nil && to.Token == InternetGatewayToken
}

// routeTableOf returns the id of the route table that the interface's subnet is associated with, or else of its VPC's main
// one.
func routeTableOf(tx *cloud.Tx, s cloud.Scope, ni *Interface) string {
	for _, r := range tx.List(s, RouteTableAssociationToken) {
		if in := RouteTableAssociation.Inputs(r); in.SubnetID == ni.SubnetID {
			return in.RouteTableID
		}
	}
	id := ""
	if network := tx.Get(cloud.Key{Scope: s, Token: VPCToken, ID: ni.VPCID}); network != nil {
		id = VPC.Outputs(network).MainRouteTableID
	}
	return id
}

// GatewayOf returns the internet gateway attached to the VPC, or nil.
func GatewayOf(tx *cloud.Tx, s cloud.Scope, network string) *cloud.Resource {
	for _, r := range tx.List(s, InternetGatewayToken) {
		if InternetGateway.Inputs(r).VPCID == network {
			return r
		}
	}
	return nil
}

// letsPass reports whether a rule for the direction, in any security group of the network interface, includes the port and a peer that
// passes. It gets the rule and the rule's group.
func letsPass(tx *cloud.Tx, s cloud.Scope, ni *Interface, d direction, port int, passes func(*SecurityRule, string) bool) bool {
	for _, id := range ni.SecurityGroups {
		for _, p := range securityRules(tx, s, id, d) {
			if p.concerns(port) && passes(&p, id) {
				return true
			}
		}
	}
	return false
}

// securityRules returns the rules of a security group for a direction, inline ones and separate resources.
func securityRules(tx *cloud.Tx, s cloud.Scope, id string, d direction) []SecurityRule {
	var out []SecurityRule
	if r := tx.Get(cloud.Key{Scope: s, Token: SecurityGroupToken, ID: id}); r != nil {
		group := SecurityGroup.Inputs(r)
		if out = slices.Clone(group.Ingress); d == egress {
			out = slices.Clone(group.Egress)
		}
	}
	for _, r := range tx.Where(s, d.rules, "securityGroupId", id) {
		out = append(out, SecurityGroupIngressRule.Inputs(r).rule()) // both kinds of rule have one form
	}
	return out
}
