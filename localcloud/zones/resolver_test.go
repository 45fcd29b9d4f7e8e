package zones_test

import (
	"context"
	"strings"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/sts"
	"slipway/localcloud/cloud"
	"slipway/localcloud/zones"
)

func TestResolver(t *testing.T) {
	n := awstest.NewNames(t)
	balancer := func(name, account string, status elbv2.LoadBalancerStatus) string {
		dnsName := name + ".eu-central-1.elb.amazonaws.com"
		scope := cloud.Scope{Account: account, Region: "eu-central-1"}
		if err := n.Cloud.Store.Update(func(tx *cloud.Tx) error {
			r := &cloud.Resource{Key: cloud.Key{Scope: scope, Token: elbv2.LoadBalancer.Token, ID: "arn:" + name}, Outputs: cloud.Map{"dnsName": dnsName}}
			r.SetStatus(status)
			tx.Put(r)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return dnsName
	}
	web := balancer("web", sts.DefaultAccount, elbv2.LoadBalancerStatus{Address: "127.64.0.1", Endpoints: []elbv2.Endpoint{
		{Port: 80, Address: "127.64.0.1:80"}, {Port: 443, Address: "127.64.0.1:8443"},
	}})
	six := balancer("six", "210987654321", elbv2.LoadBalancerStatus{Address: "::1", Endpoints: []elbv2.Endpoint{{Port: 443, Address: "[::1]:41443"}}})
	unborn := balancer("unborn", sts.DefaultAccount, elbv2.LoadBalancerStatus{})
	failed := balancer("failed", sts.DefaultAccount, elbv2.LoadBalancerStatus{Address: "127.64.0.2", State: elbv2.LoadBalancerFailed})
	n.Record("web", "CNAME", web, false)
	n.Record("www", "CNAME", "web.example.com", false)
	n.Record("proxied", "CNAME", web, true)
	n.Record("*.wild", "CNAME", web, false)
	n.Record("direct", "A", "127.64.0.1", false)
	n.Record("six", "CNAME", six, false)
	n.Record("unborn", "CNAME", unborn, false)
	n.Record("failed", "CNAME", failed, false)
	n.Record("elsewhere", "A", "192.0.2.1", false)
	n.Record("nobody", "A", "127.0.0.1", false)
	n.Record("away", "CNAME", "www.example.net", false)
	n.Record("text", "TXT", "hello", false)

	resolver := zones.Resolver{Store: n.Cloud.Store, DNS: n.Server.Addr()}
	const noHost = "DNS knows no address of this host"
	for _, test := range []struct {
		host string
		port uint16
		at   string
		err  string
	}{
		{"web.example.com", 443, "127.64.0.1:8443", ""},
		{"WEB.example.com", 80, "127.64.0.1:80", ""},
		{"www.example.com", 443, "127.64.0.1:8443", ""},
		{"proxied.example.com", 443, "127.64.0.1:8443", ""},
		{"any.wild.example.com", 443, "127.64.0.1:8443", ""},
		{"direct.example.com", 443, "127.64.0.1:8443", ""},
		{"six.example.com", 443, "[::1]:41443", ""},
		{web, 443, "127.64.0.1:8443", ""},
		{"web.example.com", 8443, "", "its load balancer has no listener on port 8443"},
		{"failed.example.com", 443, "", "its load balancer has no listener on port 443"},
		{"elsewhere.example.com", 443, "", "no load balancer at its address 192.0.2.1"},
		{"nobody.example.com", 22, "", "no load balancer at its address 127.0.0.1"},
		{"unborn.example.com", 443, "", noHost},
		{"away.example.com", 443, "", noHost},
		{"text.example.com", 443, "", noHost},
		{"none.example.com", 443, "", noHost},
		{"example.net", 443, "", noHost},
		{"localhost", 443, "", noHost},
		{"127.64.0.1", 443, "", noHost},
		{"::1", 443, "", noHost},
		{strings.Repeat("x", 300), 443, "", noHost},
	} {
		at, err := resolver.Resolve(t.Context(), test.host, test.port)
		switch {
		case test.err == "" && (err != nil || at.String() != test.at):
			t.Errorf("%s:%d is at %s, %v, want %s", test.host, test.port, at, err, test.at)
		case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
			t.Errorf("%s:%d is at %s, %v, want an error with %q", test.host, test.port, at, err, test.err)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if at, err := resolver.Resolve(ctx, "web.example.com", 443); err == nil || strings.Contains(err.Error(), noHost) {
		t.Errorf("a cancelled question gives %s, %v", at, err)
	}
}
