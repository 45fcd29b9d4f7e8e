package elbv2

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

// LoadBalancerState is whether a load balancer works.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerState.html
type LoadBalancerState string

// The states of a load balancer.
const (
	// LoadBalancerProvisioning is one whose controller has not begun to serve it.
	LoadBalancerProvisioning LoadBalancerState = "provisioning"
	// LoadBalancerActive is one that works completely.
	LoadBalancerActive LoadBalancerState = "active"
	// LoadBalancerImpaired is one with listeners that do not work.
	LoadBalancerImpaired LoadBalancerState = "active_impaired"
	// LoadBalancerFailed is one without an address to listen on.
	LoadBalancerFailed LoadBalancerState = "failed"
)

// LoadBalancerStatus is the Status of a load balancer.
type LoadBalancerStatus struct {
	// Address is the load balancer's real loopback address; empty until its controller has chosen one.
	Address string `json:",omitempty"`
	State   LoadBalancerState
	// Reason says why the state is not active.
	Reason string `json:",omitempty"`
	// Endpoints are the listeners that work, by port.
	Endpoints []Endpoint `json:",omitempty"`
}

// Endpoint is a listener's real address.
type Endpoint struct {
	ListenerARN string
	Protocol    string
	// Port is the listener's port.
	Port int
	// Address is host and port of the socket. Its port differs from Port if that one needs a privilege that the daemon lacks.
	Address string
}

type subnetMapping struct {
	SubnetID           string `json:"subnetId"`
	AllocationID       string `json:"allocationId"`
	IPv6Address        string `json:"ipv6Address"`
	PrivateIPv4Address string `json:"privateIpv4Address"`
}

type logs struct {
	Enabled bool `json:"enabled"`
}

type loadBalancer struct {
	Name                        string          `json:"name"`
	NamePrefix                  string          `json:"namePrefix"`
	LoadBalancerType            string          `json:"loadBalancerType"`
	Internal                    bool            `json:"internal"`
	IPAddressType               string          `json:"ipAddressType"`
	SecurityGroups              []string        `json:"securityGroups"`
	Subnets                     []string        `json:"subnets"`
	SubnetMappings              []subnetMapping `json:"subnetMappings"`
	IdleTimeout                 int             `json:"idleTimeout"` // seconds
	ClientKeepAlive             int             `json:"clientKeepAlive"`
	DropInvalidHeaderFields     bool            `json:"dropInvalidHeaderFields"`
	EnableDeletionProtection    bool            `json:"enableDeletionProtection"`
	EnableHTTP2                 bool            `json:"enableHttp2"`
	EnableTLSHeaders            bool            `json:"enableTlsVersionAndCipherSuiteHeaders"`
	EnableXFFClientPort         bool            `json:"enableXffClientPort"`
	PreserveHostHeader          bool            `json:"preserveHostHeader"`
	DesyncMitigationMode        string          `json:"desyncMitigationMode"`
	XFFHeaderProcessingMode     string          `json:"xffHeaderProcessingMode"`
	AccessLogs                  *logs           `json:"accessLogs"`
	ConnectionLogs              *logs           `json:"connectionLogs"`
	CustomerOwnedIPv4Pool       string          `json:"customerOwnedIpv4Pool"`
	IPAMPools                   *struct{}       `json:"ipamPools"`
	MinimumLoadBalancerCapacity *struct{}       `json:"minimumLoadBalancerCapacity"`
	Tags                        tags.Tags       `json:"tags"`
}

// subnets returns the subnets from the one of its two inputs that the program gives.
func (in *loadBalancer) subnets() []string {
	ids := slices.Clone(in.Subnets)
	for _, m := range in.SubnetMappings {
		ids = append(ids, m.SubnetID)
	}
	return ids
}

func (in *loadBalancer) dualStack() bool { return strings.HasPrefix(in.IPAddressType, "dualstack") }

// publicIPv4 reports whether the load balancer has public IPv4 addresses.
func (in *loadBalancer) publicIPv4() bool {
	return !in.Internal && in.IPAddressType != "dualstack-without-public-ipv4"
}

type loadBalancerOutputs struct {
	ARN            string      `json:"arn"`
	ARNSuffix      string      `json:"arnSuffix"`
	Name           string      `json:"name"`
	Internal       bool        `json:"internal"`
	DNSName        string      `json:"dnsName"`
	ZoneID         string      `json:"zoneId"`
	VPCID          string      `json:"vpcId"`
	IPAddressType  string      `json:"ipAddressType"`
	SecurityGroups []string    `json:"securityGroups"`
	Subnets        []string    `json:"subnets"`
	SubnetMappings []placement `json:"subnetMappings"`
	AccessLogs     logsOutputs `json:"accessLogs"`
	ConnectionLogs logsOutputs `json:"connectionLogs"`
}

type placement struct {
	SubnetID string `json:"subnetId"`
}

type logsOutputs struct {
	Bucket  string `json:"bucket"`
	Enabled bool   `json:"enabled"`
	Prefix  string `json:"prefix"`
}

// place puts the load balancer into its subnets, in its security groups or else its VPC's default one.
func (out *loadBalancerOutputs) place(c *cloud.Call, in *loadBalancer, network *cloud.Resource) error {
	out.SecurityGroups = in.SecurityGroups
	if len(out.SecurityGroups) == 0 {
		out.SecurityGroups = []string{ec2.VPC.Outputs(network).DefaultSecurityGroupID}
	}
	out.Subnets, out.SubnetMappings = in.subnets(), nil
	for _, id := range out.Subnets {
		out.SubnetMappings = append(out.SubnetMappings, placement{id})
	}
	out.IPAddressType = cmp.Or(in.IPAddressType, "ipv4")
	out.AccessLogs, out.ConnectionLogs = logsOutputs{}, logsOutputs{}
	return syncInterfaces(c, in, out)
}

// LoadBalancer is an application load balancer. It holds a network interface in each of its subnets and takes its
// listeners along when it goes.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
var LoadBalancer = &cloud.Kind[loadBalancer, loadBalancerOutputs]{
	Spec: cloud.Spec{
		Token:  LoadBalancerToken,
		Label:  "ELBv2 Load Balancer",
		Import: cloud.ByID,
		Drift:  cloud.Drift{Change: cloud.Map{"idleTimeout": 61.0}, Serves: true},
		// terraform-provider-aws v5.100.0, internal/service/elbv2/load_balancer.go
		Waits: []cloud.Wait{
			{
				Verb:    cloud.Create,
				Failure: "waiting for ELBv2 Load Balancer (%s) create: timeout while waiting for state to become 'active' (last state: 'provisioning', timeout: 10m0s)",
			},
		},
		Derived: tags.All,
		Needs:   loadBalancerNeeds,
		Defaults: cloud.Map{
			"clientKeepAlive": 3600.0, "desyncMitigationMode": "defensive",
			"dropInvalidHeaderFields": false, "enableCrossZoneLoadBalancing": false, "enableDeletionProtection": false,
			"enableHttp2": true, "enableTlsVersionAndCipherSuiteHeaders": false, "enableWafFailOpen": false,
			"enableXffClientPort": false, "enableZonalShift": false, "idleTimeout": 60.0, "loadBalancerType": "application",
			"preserveHostHeader": false, "xffHeaderProcessingMode": "append",
		},
		AutoName: &cloud.AutoName{Property: "name", Max: maxName},
		Replace:  []string{"customerOwnedIpv4Pool", "internal", "loadBalancerType", "name", "namePrefix"},
		// Only a network load balancer has a client routing policy in its state.
		Computed: []string{"dnsRecordClientRoutingPolicy", "internal", "ipAddressType", "name", "namePrefix", "securityGroups"},
		Sets:     []string{"securityGroups", "subnetMappings", "subnets"},
		Latency:  cloud.Latency{Create: 148, Delete: 153},
		NotFound: check.NotFound("LoadBalancerNotFound", "Load balancers '[%s]' not found"),
	},
	Check: func(in *loadBalancer) []cloud.Failure {
		f := checkName(in.Name, in.NamePrefix)
		for property, name := range check.InOrder(map[string]string{"name": in.Name, "namePrefix": in.NamePrefix}) {
			if strings.HasPrefix(name, "internal-") {
				f = append(f, cloud.Failure{
					Property: property,
					Reason:   fmt.Sprintf(`%q cannot begin with "internal-": %q`, property, name),
				})
			}
		}
		f = append(f, check.OneOf("loadBalancerType", in.LoadBalancerType, "application", "network", "gateway")...)
		f = append(f, check.OneOf("ipAddressType", in.IPAddressType, "ipv4", "dualstack", "dualstack-without-public-ipv4")...)
		f = append(f, check.OneOf("desyncMitigationMode", in.DesyncMitigationMode, "monitor", "defensive", "strictest")...)
		f = append(f, check.OneOf("xffHeaderProcessingMode", in.XFFHeaderProcessingMode, "append", "preserve", "remove")...)
		if len(in.Subnets) > 0 && len(in.SubnetMappings) > 0 {
			f = append(f, cloud.Failure{
				Property: "subnets",
				Reason:   "only one of `subnetMappings,subnets` can be specified, but `subnetMappings,subnets` were specified.",
			})
		}
		return append(f, in.unmodelled()...)
	},
	Refs: func(_ *cloud.Call, in *loadBalancer) []cloud.Ref {
		var refs []cloud.Ref
		for _, id := range in.subnets() {
			refs = append(refs, cloud.Ref{Token: ec2.SubnetToken, Value: id})
		}
		for _, id := range in.SecurityGroups {
			refs = append(refs, cloud.Ref{Token: ec2.SecurityGroupToken, Value: id})
		}
		return refs
	},
	Rules: func(_ *cloud.Call, in *loadBalancer) error {
		if in.IdleTimeout < 1 || in.IdleTimeout > 4000 {
			return cloud.Errorf("ValidationError",
				"Load balancer attribute 'idle_timeout.timeout_seconds' must be between '1' and '4000' inclusive")
		}
		return nil
	},
	Create: func(c *cloud.Call, in *loadBalancer, out *loadBalancerOutputs) (string, error) {
		network, err := placeLoadBalancer(c, in)
		if err != nil {
			return "", err
		}
		s, name := c.Caller.Scope, nameOf(in.Name, in.NamePrefix)
		for _, r := range c.Tx.List(s, LoadBalancerToken) {
			if cloud.OutputsOf[loadBalancerOutputs](r).Name == name {
				return "", cloud.Errorf("DuplicateLoadBalancerName", "ELBv2 Load Balancer (%s) already exists", name)
			}
		}
		c.Resource.SetStatus(LoadBalancerStatus{State: LoadBalancerProvisioning})
		out.ARN = arns.New(s, "elasticloadbalancing", "loadbalancer/app/"+name+"/"+ids.Hex(16))
		out.ARNSuffix = strings.Join(arns.Parts(out.ARN), "/")
		out.Name, out.Internal, out.VPCID = name, in.Internal, network.ID
		out.DNSName, out.ZoneID = dnsNameOf(s, name, in.Internal), hostedZones[s.Region]
		return out.ARN, out.place(c, in, network)
	},
	Update: func(c *cloud.Call, in *loadBalancer, out *loadBalancerOutputs) error {
		network, err := placeLoadBalancer(c, in)
		if err != nil {
			return err
		}
		if network.ID != out.VPCID {
			return cloud.Errorf("InvalidConfigurationRequest", "The subnets do not belong to the VPC of the load balancer: '%s'", out.VPCID)
		}
		for _, group := range c.Tx.List(c.Resource.Scope, TargetGroupToken) {
			if slices.Contains(cloud.OutputsOf[targetGroupOutputs](group).LoadBalancerARNs, c.Resource.ID) {
				if err := checkFamily(group, in); err != nil {
					return err
				}
			}
		}
		return out.place(c, in, network)
	},
	Delete: func(c *cloud.Call, in *loadBalancer) error {
		if in.EnableDeletionProtection {
			return cloud.Errorf("OperationNotPermitted",
				"Load balancer '%s' cannot be deleted because deletion protection is enabled", c.Resource.ID)
		}
		for _, r := range c.Tx.List(c.Resource.Scope, ListenerToken) {
			if cloud.InputsOf[listener](r).LoadBalancerARN == c.Resource.ID {
				deleteParts(c.Tx, r)
				c.Tx.Delete(r.Key)
			}
		}
		for _, r := range ec2.InterfacesOf(c.Tx, c.Resource.Scope, c.Resource.ID) {
			c.Tx.Delete(r.Key)
		}
		return forwardTo(c, nil, nil)
	},
}

var loadBalancerNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		o.Any("elasticloadbalancing:DescribeLoadBalancers") // that there is none of the name
		creates(o, "CreateLoadBalancer", "loadbalancer/app/"+nameOf(o.Text("name"), o.Text("namePrefix")))
		o.ServiceRole("elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing", "elasticloadbalancing:CreateLoadBalancer")
		looksAtEC2(o, "CreateLoadBalancer",
			"DescribeAccountAttributes", "DescribeAddresses", "DescribeInternetGateways", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs")
		o.Own("elasticloadbalancing:ModifyLoadBalancerAttributes")
	},
	Read: func(o *permission.Operation) {
		o.Any("elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeTags")
	},
	Update: func(o *permission.Operation) {
		apart := map[string]string{
			"securityGroups": "SetSecurityGroups", "subnets": "SetSubnets", "subnetMappings": "SetSubnets", "ipAddressType": "SetIpAddressType",
		}
		if o.ChangesMoreThan(append(untyped.Keys(apart), "tags")...) {
			o.Own("elasticloadbalancing:ModifyLoadBalancerAttributes")
		}
		for _, input := range untyped.Keys(apart) {
			if o.Changes(input) {
				o.Own("elasticloadbalancing:" + apart[input])
			}
		}
		if o.Changes("subnets", "subnetMappings") {
			looksAtEC2(o, "SetSubnets", "DescribeSubnets")
		}
		retags(o)
	},
	Delete: func(o *permission.Operation) { o.Own("elasticloadbalancing:DeleteLoadBalancer") },
}

// unmodelled finds settings that would change the load balancer's behaviour on AWS.
func (in *loadBalancer) unmodelled() []cloud.Failure {
	var f []cloud.Failure
	desync, xff := in.DesyncMitigationMode, in.XFFHeaderProcessingMode
	for _, setting := range []struct {
		asked          bool
		property, what string
	}{
		{in.LoadBalancerType == "network" || in.LoadBalancerType == "gateway", "loadBalancerType", "a " + in.LoadBalancerType + " load balancer"},
		{in.AccessLogs != nil && in.AccessLogs.Enabled, "accessLogs", "access logs"},
		{in.ConnectionLogs != nil && in.ConnectionLogs.Enabled, "connectionLogs", "connection logs"},
		{in.CustomerOwnedIPv4Pool != "", "customerOwnedIpv4Pool", "a customer-owned address pool"},
		{in.IPAMPools != nil, "ipamPools", "an IPAM pool"},
		{in.MinimumLoadBalancerCapacity != nil, "minimumLoadBalancerCapacity", "reserved capacity"},
		{in.ClientKeepAlive != 0 && in.ClientKeepAlive != 3600, "clientKeepAlive", "a client keep-alive other than 3600"},
		{desync == "monitor" || desync == "strictest", "desyncMitigationMode", "desync mitigation mode " + desync},
		{xff == "preserve" || xff == "remove", "xffHeaderProcessingMode", "X-Forwarded-For processing mode " + xff},
		{in.EnableTLSHeaders, "enableTlsVersionAndCipherSuiteHeaders", "TLS version and cipher suite headers"},
		{in.EnableXFFClientPort, "enableXffClientPort", "the client's port in X-Forwarded-For"},
		{in.PreserveHostHeader, "preserveHostHeader", "preserving the Host header"},
	} {
		if setting.asked {
			f = append(f, check.NotModelled(setting.property, setting.what))
		}
	}
	for i, m := range in.SubnetMappings {
		if m.AllocationID+m.IPv6Address+m.PrivateIPv4Address != "" {
			f = append(f, check.NotModelled(fmt.Sprintf("subnetMappings[%d]", i), "an address of one's own choice"))
		}
	}
	return f
}

// placeLoadBalancer returns the VPC of the load balancer's subnets, or refuses subnets and security groups that it cannot
// have.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer
func placeLoadBalancer(c *cloud.Call, in *loadBalancer) (*cloud.Resource, error) {
	const free = 8 // addresses, so that the load balancer can scale
	zones, network := map[string]bool{}, ""
	for _, id := range in.subnets() {
		r := c.Find(cloud.Ref{Token: ec2.SubnetToken, Value: id})
		sub := ec2.Subnet.Inputs(r)
		switch zone := ec2.Subnet.Outputs(r).AvailabilityZone; {
		case network != "" && sub.VPCID != network:
			return nil, cloud.Errorf("InvalidConfigurationRequest", "The subnets must belong to one VPC: '%s' belongs to '%s'", id, sub.VPCID)
		case zones[zone]:
			return nil, cloud.Errorf("InvalidConfigurationRequest",
				"A load balancer cannot be attached to multiple subnets in the same Availability Zone")
		case sub.IPv6Native: // the sentence is not AWS's
			return nil, cloud.Errorf("InvalidSubnet", "The subnet '%s' has no IPv4 CIDR block, which a load balancer needs.", id)
		case in.dualStack() && sub.IPv6CIDRBlock == "":
			return nil, cloud.Errorf("ValidationError", "You must specify subnets with an associated IPv6 CIDR block.")
		case ec2.FreeAddresses(c.Tx, r, c.Resource.ID) < free:
			return nil, cloud.Errorf("InvalidSubnet",
				"Not enough IP space available in %s. ELB requires at least %d free IP addresses in each subnet.", id, free)
		default:
			zones[zone], network = true, sub.VPCID
		}
	}
	if len(zones) < 2 {
		return nil, cloud.Errorf("ValidationError", "At least two subnets in two different Availability Zones must be specified")
	}
	for _, id := range in.SecurityGroups {
		if ec2.SecurityGroup.Inputs(c.Find(cloud.Ref{Token: ec2.SecurityGroupToken, Value: id})).VPCID != network {
			return nil, cloud.Errorf("InvalidConfigurationRequest", "One or more security groups are invalid")
		}
	}
	if !in.Internal && ec2.GatewayOf(c.Tx, c.Caller.Scope, network) == nil {
		return nil, cloud.Errorf("InvalidSubnet", "VPC %s has no internet gateway", network)
	}
	return c.Find(cloud.Ref{Token: ec2.VPCToken, Value: network}), nil
}

// syncInterfaces gives the load balancer one network interface in each of its subnets.
func syncInterfaces(c *cloud.Call, in *loadBalancer, out *loadBalancerOutputs) error {
	s, have := c.Caller.Scope, map[string]*cloud.Resource{}
	for _, r := range ec2.InterfacesOf(c.Tx, s, out.ARN) {
		ni := ec2.NetworkInterface.Inputs(r)
		if slices.Contains(in.subnets(), ni.SubnetID) && in.publicIPv4() == (ni.PublicIP != "") {
			have[ni.SubnetID] = r
		} else {
			c.Tx.Delete(r.Key)
		}
	}
	for _, id := range in.subnets() {
		r := have[id]
		if r == nil {
			var err error
			if r, err = ec2.AddInterface(c.Tx, s, ec2.Interface{
				SubnetID: id, Description: "ELB " + out.ARNSuffix, Owner: out.ARN,
			}, in.publicIPv4()); err != nil {
				return err
			}
		}
		ni := *ec2.NetworkInterface.Inputs(r)
		ni.SecurityGroups = out.SecurityGroups
		// Its subnet's setting for new interfaces does not matter to a load balancer.
		if ni.IPv6Address = ""; in.dualStack() {
			ni.IPv6Address = ec2.IPv6In(ec2.Subnet.Inputs(c.Find(cloud.Ref{Token: ec2.SubnetToken, Value: id})).IPv6CIDRBlock, ni.PrivateIP)
		}
		props, err := cloud.Encode(ni)
		if err != nil {
			return err
		}
		r = r.Clone()
		r.Inputs, r.Outputs = props, props
		c.Tx.Put(r)
	}
	return nil
}

// dnsNameOf makes up the DNS name of a load balancer. One with IPv6 addresses has no other form of name: the prefix
// "dualstack." is Route 53's.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#dns-name
func dnsNameOf(s cloud.Scope, name string, internal bool) string {
	if internal {
		name = "internal-" + name
	}
	number, _ := strconv.ParseUint(ids.Hex(8), 16, 32) // always hexadecimal digits
	return fmt.Sprintf("%s-%d.%s.elb.amazonaws.com", name, number, s.Region)
}
