package awstest

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws"
	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/sts"
	"slipway/localcloud/ca"
	"slipway/localcloud/cloud"
	"slipway/localcloud/cloudflare"
	"slipway/localcloud/dns"
	"slipway/localcloud/schema"
	"slipway/localcloud/zones"
)

// Patience is how long a test waits for what should happen at once.
const Patience = 10 * time.Second

// Names is a cloud with certificates and DNS, a name server and an authority.
type Names struct {
	t          *testing.T
	Cloud      *cloud.Cloud
	Cloudflare *cloudflare.Cloudflare
	Server     *dns.Server
	Authority  *ca.Authority
}

// InFrankfurt is a caller in the account and region that tests work in.
var InFrankfurt = cloud.Caller{Scope: cloud.Scope{Account: sts.DefaultAccount, Region: "eu-central-1"}}

// NewNames makes a cloud with zones, a name server and an authority.
func NewNames(t *testing.T) *Names {
	t.Helper()
	store, err := cloud.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	n := &Names{t: t, Cloud: cloud.New(store, cloud.Options{Schema: schema.SDKs{}}), Cloudflare: cloudflare.New([]string{"example.com", "example.org"})}
	n.Cloud.Add(aws.Kinds()...)
	n.Cloud.Add(n.Cloudflare.Kinds()...)
	if n.Authority, err = ca.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if n.Server, err = dns.Listen(netip.MustParseAddrPort("127.0.0.1:0"), zones.Zones(store, n.Cloudflare), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := errors.Join(n.Server.Close(ctx), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return n
}

// Run starts a controller, which the test's end stops.
func Run(t *testing.T, controller func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- controller(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the controller ended with %v", err)
		}
	})
}

// Make makes a resource as the engine would.
func (n *Names) Make(token string, in cloud.Map) *cloud.Resource {
	n.t.Helper()
	caller := InFrankfurt
	if strings.HasPrefix(token, "cloudflare:") {
		caller = cloud.Caller{Scope: cloudflare.Scope()}
	}
	checked, failures, err := n.Cloud.Check(token, in)
	if err != nil || len(failures) > 0 {
		n.t.Fatal(failures, err)
	}
	r, err := n.Cloud.Create(n.t.Context(), caller, token, checked, 10*time.Second)
	if err != nil {
		n.t.Fatal(err)
	}
	return r
}

// Record makes a DNS record.
func (n *Names) Record(name, kind, content string, proxied bool) *cloud.Resource {
	n.t.Helper()
	zone := n.Cloudflare.Zones()[0]
	if strings.HasSuffix(name, "example.org") {
		zone = n.Cloudflare.Zones()[1]
	}
	return n.Make("cloudflare:index/record:Record", cloud.Map{
		"zoneId": zone.ID, "name": name, "type": kind, "content": content, "proxied": proxied,
	})
}

// Certificate makes a certificate.
func (n *Names) Certificate(domain string, alternatives ...any) *cloud.Resource {
	n.t.Helper()
	return n.Make(acm.Certificate.Token, cloud.Map{"domainName": domain, "validationMethod": "DNS", "subjectAlternativeNames": alternatives})
}

// Await waits until the condition holds.
func (n *Names) Await(what string, condition func(*cloud.Tx) bool) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 10*time.Second)
	defer cancel()
	if err := n.Cloud.Store.Wait(ctx, func(tx *cloud.Tx) (bool, error) { return condition(tx), nil }); err != nil {
		n.t.Fatalf("%s: %v", what, err)
	}
}

// Names of measured resources in tests.
const (
	BalancerARN = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/web/1"
	ListenerARN = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:listener/app/web/1/2"
	GroupARN    = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:targetgroup/tasks/3"
	ServiceARN  = "arn:aws:ecs:eu-central-1:000000000000:service/main/hello"
)

// Caller is who works on the cloud of a scheduler's test.
var Caller = cloud.Caller{Scope: cloud.Scope{Account: sts.DefaultAccount, Region: "eu-central-1"}}
