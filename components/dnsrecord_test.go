package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
)

func TestDNSRecord(t *testing.T) {
	var cloud mocks.Cloud
	err := cloud.Run(func(ctx *pulumi.Context) error {
		for name, args := range map[string]*DNSRecordArgs{
			"plain":    {Name: pulumi.String("a.example.com."), TTL: 60},
			"proxied":  {Name: pulumi.String("a.example.com"), TTL: 60, Proxied: true},
			"forced":   {Name: pulumi.String("*.a.example.com."), TTL: 120, Overwrite: true, Comment: "why"},
			"apex":     {Name: pulumi.String("example.com"), TTL: 60},
			"wildcard": {Name: pulumi.String("*.example.com"), TTL: 60},
			"twice":    {Name: pulumi.String("example.com.example.com"), TTL: 60},
		} {
			args.ZoneID, args.Zone, args.Target = pulumi.String("zone"), "example.com", pulumi.String("lb.amazonaws.com.")
			if _, err := NewDNSRecord(ctx, name, args); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cloud.Expect(t, `
cloudflare:index/record:Record plain {"comment":"","content":"lb.amazonaws.com","name":"a","proxied":false,"ttl":60,"type":"CNAME","zoneId":"zone"}
cloudflare:index/record:Record proxied {"comment":"","content":"lb.amazonaws.com","name":"a","proxied":true,"ttl":1,"type":"CNAME","zoneId":"zone"}
cloudflare:index/record:Record forced {"allowOverwrite":true,"comment":"why","content":"lb.amazonaws.com","name":"*.a","proxied":false,"ttl":120,"type":"CNAME","zoneId":"zone"}
cloudflare:index/record:Record apex {"comment":"","content":"lb.amazonaws.com","name":"@","proxied":false,"ttl":60,"type":"CNAME","zoneId":"zone"}
cloudflare:index/record:Record wildcard {"comment":"","content":"lb.amazonaws.com","name":"*","proxied":false,"ttl":60,"type":"CNAME","zoneId":"zone"}
cloudflare:index/record:Record twice {"comment":"","content":"lb.amazonaws.com","name":"example.com","proxied":false,"ttl":60,"type":"CNAME","zoneId":"zone"}
`)
}

func TestDNSRecordRefuses(t *testing.T) {
	for _, test := range []struct {
		args *DNSRecordArgs
		want string
	}{
		{nil, "DNS record: args are missing"},
		{&DNSRecordArgs{TTL: 59}, "DNS record a.example.com: the TTL is 59: must be from 60 to 86400"},
		{&DNSRecordArgs{TTL: 86_401}, "DNS record a.example.com: the TTL is 86401: must be from 60 to 86400"},
	} {
		var cloud mocks.Cloud
		err := cloud.Run(func(ctx *pulumi.Context) error {
			_, err := NewDNSRecord(ctx, "a.example.com", test.args)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want an error with %q", err, test.want)
		}
		cloud.Expect(t, "")
	}
}
