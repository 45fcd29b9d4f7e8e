package vnet

import (
	"net"
	"net/netip"
)

// TapConfig describes a tap device.
type TapConfig struct {
	Name      string
	Hardware  net.HardwareAddr
	Addresses []netip.Prefix
	// Gateways are where packets go that are for nobody on the link; one for each family of addresses.
	Gateways []netip.Addr
	MTU      int
}
