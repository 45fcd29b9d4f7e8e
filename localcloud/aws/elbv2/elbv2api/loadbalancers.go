package elbv2api

import (
	"slices"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancer.html
type loadBalancer struct {
	ARN            string   `xml:"LoadBalancerArn"`
	Name           string   `xml:"LoadBalancerName"`
	DNSName        string   `xml:"DNSName"`
	HostedZone     string   `xml:"CanonicalHostedZoneId"`
	Scheme         string   `xml:"Scheme"`
	Type           string   `xml:"Type"`
	VPC            string   `xml:"VpcId"`
	AddressType    string   `xml:"IpAddressType"`
	State          string   `xml:"State>Code"`
	Reason         string   `xml:"State>Reason,omitempty"`
	SecurityGroups []string `xml:"SecurityGroups>member"`
	Zones          []zone   `xml:"AvailabilityZones>member"`
}

type zone struct {
	Name   string `xml:"ZoneName"`
	Subnet string `xml:"SubnetId"`
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html
func describeLoadBalancers(r *api.Request) (any, error) {
	arns, names := r.List("LoadBalancerArns"), r.List("Names")
	if err := r.Only("LoadBalancerArns", "Names", "Marker", "PageSize"); err != nil {
		return nil, err
	}
	if len(arns) > 0 && len(names) > 0 {
		return nil, cloud.Errorf("ValidationError", "Load balancer names and load balancer ARNs cannot be specified at the same time")
	}
	var out struct {
		LoadBalancers []loadBalancer `xml:"LoadBalancers>member"`
		Next          string         `xml:"NextMarker,omitempty"`
	}
	return &out, r.View(func(tx *cloud.Tx) error {
		if err := look(r, tx); err != nil {
			return err
		}
		all := tx.List(r.Caller.Scope, elbv2.LoadBalancer.Token)
		for _, name := range names {
			i := slices.IndexFunc(all, func(b *cloud.Resource) bool { return elbv2.LoadBalancer.Outputs(b).Name == name })
			if i < 0 {
				return elbv2.LoadBalancer.NotFound(name)
			}
			arns = append(arns, all[i].ID)
		}
		if len(arns) > 0 {
			var err error
			if all, err = named(r, tx, elbv2.LoadBalancer.Token, arns, elbv2.LoadBalancer.NotFound); err != nil {
				return err
			}
		}
		some, next, err := paged(r, all, func(b *cloud.Resource) string { return b.ID })
		if err != nil {
			return err
		}
		for _, b := range some {
			out.LoadBalancers = append(out.LoadBalancers, loadBalancerOf(tx, b))
		}
		out.Next = next
		return nil
	})
}

func loadBalancerOf(tx *cloud.Tx, r *cloud.Resource) loadBalancer {
	in, out, status := elbv2.LoadBalancer.Described(r), elbv2.LoadBalancer.Outputs(r), cloud.StatusOf[elbv2.LoadBalancerStatus](r)
	b := loadBalancer{
		ARN: r.ID, Name: in.Name, DNSName: out.DNSName, HostedZone: out.ZoneID, Scheme: "internet-facing", Type: in.LoadBalancerType,
		VPC: out.VPCID, AddressType: in.IPAddressType, State: string(status.State), Reason: status.Reason, SecurityGroups: in.SecurityGroups,
	}
	if in.Internal {
		b.Scheme = "internal"
	}
	for _, id := range in.Subnets {
		name := ""
		if s := tx.Get(cloud.Key{Scope: r.Scope, Token: ec2.Subnet.Token, ID: id}); s != nil {
			name = ec2.Subnet.Outputs(s).AvailabilityZone
		}
		b.Zones = append(b.Zones, zone{name, id})
	}
	return b
}
