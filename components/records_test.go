package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/spec"
)

func TestDNSRecord(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	err := cloud.Run(func(ctx *pulumi.Context) error {
		for name, args := range map[string]record{
			"plain":    {name: pulumi.String("a.example.com."), dns: spec.DNS{TTL: 60}},
			"proxied":  {name: pulumi.String("a.example.com"), dns: spec.DNS{TTL: 60, Proxied: true}},
			"forced":   {name: pulumi.String("*.a.example.com."), dns: spec.DNS{TTL: 120}, overwrite: true, comment: "why"},
			"apex":     {name: pulumi.String("example.com"), dns: spec.DNS{TTL: 60}},
			"wildcard": {name: pulumi.String("*.example.com"), dns: spec.DNS{TTL: 60}},
			"twice":    {name: pulumi.String("example.com.example.com"), dns: spec.DNS{TTL: 60}},
		} {
			args.zoneID, args.zone, args.target = pulumi.String("zone"), "example.com", pulumi.String("lb.amazonaws.com.")
			if _, err := args.create(ctx, name); err != nil {
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

// Records belong to the stack, one for each host name.
func TestRecords(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	err := cloud.Run(func(ctx *pulumi.Context) error { _, err := NewRecords(ctx, recordsArgs(nil)); return err })
	if err != nil {
		t.Fatal(err)
	}
	cloud.Expect(t, `
cloudflare:index/record:Record a.example.com {"comment":"test","content":"a.example.com.lb","name":"a","proxied":false,"ttl":60,"type":"CNAME","zoneId":"zone"}
cloudflare:index/record:Record b.example.com {"comment":"test","content":"b.example.com.lb","name":"b","proxied":false,"ttl":60,"type":"CNAME","zoneId":"zone"}
`)
}

// recordsArgs returns the smallest set of arguments, changed.
func recordsArgs(change func(*RecordsArgs)) *RecordsArgs {
	args := &RecordsArgs{
		ZoneID: pulumi.String("zone"), Zone: "example.com", Hostnames: []string{"b.example.com", "a.example.com", "b.example.com"}, Comment: "test",
		Target: func(hostname string) pulumi.StringInput { return pulumi.String(hostname + ".lb.") },
	}
	if change != nil {
		change(args)
	}
	return args
}

func TestRecordsRefuse(t *testing.T) {
	t.Parallel()
	for want, args := range map[string]*RecordsArgs{
		"DNS records: args are missing":                     nil,
		"DNS records: ttl: 59: must be from 60 to 86400":    recordsArgs(func(a *RecordsArgs) { a.TTL = 59 }),
		"DNS records: ttl: 86401: must be from 60 to 86400": recordsArgs(func(a *RecordsArgs) { a.TTL = 86_401 }),
		"DNS records: the zone's id and name, and a target": recordsArgs(func(a *RecordsArgs) { a.Zone = "" }),
		`hostnames: "a.example.org": is not in the zone`:    recordsArgs(func(a *RecordsArgs) { a.Hostnames = []string{"a.example.org"} }),
	} {
		var cloud mocks.Cloud
		err := cloud.Run(func(ctx *pulumi.Context) error { _, err := NewRecords(ctx, args); return err })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
		cloud.Expect(t, "")
	}
}
