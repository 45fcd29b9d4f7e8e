package spec

// Defaults of a network.
const (
	DefaultCIDR  = "10.0.0.0/16"
	DefaultZones = MinZones
	MaxZones     = 3
	MinZones     = 2 // the least a load balancer takes; each zone costs it another public IPv4 address
)
