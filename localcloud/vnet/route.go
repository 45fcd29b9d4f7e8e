package vnet

import (
	"net/netip"
	"slices"
)

// Route says where packets to the addresses of a prefix go.
type Route struct {
	Prefix netip.Prefix
	// Via is the interface that takes packets to addresses that no interface has, such as one that leads to another network. Nil is the
	// interface that has the address, if there is one.
	Via *Interface
	// Blackhole loses the packets.
	Blackhole bool
}

// Routes are what several interfaces may share. They never change.
type Routes struct{ byLength []Route }

// NewRoutes makes a table of routes. Of two routes for one prefix, the first counts.
func NewRoutes(routes ...Route) *Routes {
	t := &Routes{byLength: slices.Clone(routes)}
	slices.SortStableFunc(t.byLength, func(a, b Route) int { return b.Prefix.Bits() - a.Prefix.Bits() })
	return t
}

// everywhere leads to every address that an interface of the network has.
var everywhere = NewRoutes(Route{Prefix: netip.MustParsePrefix("0.0.0.0/0")}, Route{Prefix: netip.MustParsePrefix("::/0")})

// Lookup returns the route with the longest prefix that contains the address.
func (t *Routes) Lookup(address netip.Addr) (Route, bool) {
	for _, r := range t.byLength {
		if r.Prefix.Contains(address) {
			return r, true
		}
	}
	return Route{}, false
}
