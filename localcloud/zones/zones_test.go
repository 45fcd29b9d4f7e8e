package zones_test

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/dns"
	"slipway/localcloud/zones"
)

func TestZones(t *testing.T) {
	n := awstest.NewNames(t)
	const balancer = "web-123.eu-central-1.elb.amazonaws.com"
	key := cloud.Key{Scope: awstest.InFrankfurt.Scope, Token: elbv2.LoadBalancer.Token, ID: "arn:web"}
	put := func(address string) {
		t.Helper()
		if err := n.Cloud.Store.Update(func(tx *cloud.Tx) error {
			r := &cloud.Resource{Key: key, Outputs: cloud.Map{"dnsName": balancer}}
			r.SetStatus(elbv2.LoadBalancerStatus{Address: address})
			tx.Put(r)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	put("")
	n.Record("www", "CNAME", balancer, false)
	n.Record("proxied", "CNAME", "www.example.com", true)
	n.Record("loop", "CNAME", "pool.example.com", true)
	n.Record("pool", "CNAME", "loop.example.com", true)
	n.Record("host", "A", "192.0.2.1", true)
	n.Make("cloudflare:index/record:Record", cloud.Map{
		"zoneId": n.Cloudflare.Zones()[0].ID, "name": "@", "type": "MX", "content": "mail.example.com", "priority": 10.0, "ttl": 120.0,
	})
	ask := func(name, kind string) ([]dns.Record, error) {
		return dns.Lookup(t.Context(), n.Server.Addr(), name, kind)
	}

	if got, err := ask(balancer, "A"); !errors.Is(err, dns.ErrNoSuchName) {
		t.Errorf("a load balancer without an address: %v, %v", got, err)
	}
	put("127.0.0.9")
	for _, test := range []struct {
		name, kind string
		want       []dns.Record
	}{
		{balancer, "A", []dns.Record{{Name: balancer, Type: "A", Content: "127.0.0.9", TTL: 60}}},
		{"WWW.example.com", "A", []dns.Record{
			{Name: "WWW.example.com", Type: "CNAME", Content: balancer, TTL: 300}, {Name: balancer, Type: "A", Content: "127.0.0.9", TTL: 60},
		}},
		{"proxied.example.com", "A", []dns.Record{{Name: "proxied.example.com", Type: "A", Content: "127.0.0.9", TTL: 300}}},
		{"proxied.example.com", "CNAME", nil},
		{"host.example.com", "A", []dns.Record{{Name: "host.example.com", Type: "A", Content: "192.0.2.1", TTL: 300}}},
		{"example.com", "MX", []dns.Record{{Name: "example.com", Type: "MX", Content: "10 mail.example.com", TTL: 120}}},
	} {
		got, err := ask(test.name, test.kind)
		if err != nil || len(got) != len(test.want) {
			t.Errorf("%s %s: %v, %v", test.name, test.kind, got, err)
			continue
		}
		for i := range got {
			if got[i] != test.want[i] {
				t.Errorf("%s %s: %+v, want %+v", test.name, test.kind, got[i], test.want[i])
			}
		}
	}
	for _, name := range []string{"loop.example.com", "none.example.com", "none.eu-central-1.elb.amazonaws.com"} {
		if got, err := ask(name, "A"); !errors.Is(err, dns.ErrNoSuchName) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := ask("example.net", "A"); err == nil || errors.Is(err, dns.ErrNoSuchName) {
		t.Errorf("a zone that is not ours: %v, %v", got, err)
	}
}

// In a VPC, an internet-facing load balancer has its public addresses, an internal one its private ones, and AWS's endpoints are there.
func TestInVPC(t *testing.T) {
	n := awstest.NewNames(t)
	scope := awstest.InFrankfurt.Scope
	if err := n.Cloud.Store.Update(func(tx *cloud.Tx) error {
		for name, in := range map[string]cloud.Map{
			"web": {"ipAddressType": "dualstack"}, "old": {"ipAddressType": "ipv4"}, "internal-api": {"internal": true, "ipAddressType": "ipv4"},
		} {
			balancer := &cloud.Resource{
				Key:    cloud.Key{Scope: scope, Token: elbv2.LoadBalancer.Token, ID: "arn:" + name},
				Inputs: in, Outputs: cloud.Map{"dnsName": name + ".eu-central-1.elb.amazonaws.com", "internal": in["internal"], "ipAddressType": in["ipAddressType"]},
			}
			tx.Put(balancer)
			tx.Put(&cloud.Resource{Key: cloud.Key{Scope: scope, Token: ec2.NetworkInterfaceToken, ID: "eni-" + name}, Inputs: cloud.Map{
				"owner": balancer.ID, "privateIp": "10.0.1.4", "publicIp": "198.18.1.4", "ipv6Address": "2a05:d014::4",
			}})
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, zone := range zones.InVPC(n.Cloud.Store, n.Cloudflare, netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("2001:db8::1"))() {
		for _, r := range zone.Records {
			got[r.Name] = append(got[r.Name], r.Type+" "+r.Content)
		}
	}
	want := map[string][]string{
		"web.eu-central-1.elb.amazonaws.com":          {"A 198.18.1.4", "AAAA 2a05:d014::4"},
		"old.eu-central-1.elb.amazonaws.com":          {"A 198.18.1.4"},
		"internal-api.eu-central-1.elb.amazonaws.com": {"A 10.0.1.4"},
		"*.amazonaws.com":                             {"A 203.0.113.1"},
		"*.api.aws":                                   {"A 203.0.113.1", "AAAA 2001:db8::1"},
		"*.on.aws":                                    {"A 203.0.113.1", "AAAA 2001:db8::1"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
