package runtime

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
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
)

// names is a cloud with certificates and DNS, a name server and an authority.
type names struct {
	t          *testing.T
	cloud      *cloud.Cloud
	cloudflare *cloudflare.Cloudflare
	server     *dns.Server
	authority  *ca.Authority
}

var inFrankfurt = cloud.Caller{Scope: cloud.Scope{Account: sts.DefaultAccount, Region: "eu-central-1"}}

func newNames(t *testing.T) *names {
	t.Helper()
	store, err := cloud.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	n := &names{t: t, cloud: cloud.New(store, cloud.Options{Schema: schema.SDKs{}}), cloudflare: cloudflare.New([]string{"example.com", "example.org"})}
	n.cloud.Add(aws.Kinds()...)
	n.cloud.Add(n.cloudflare.Kinds()...)
	if n.authority, err = ca.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if n.server, err = dns.Listen(netip.MustParseAddrPort("127.0.0.1:0"), Zones(store, n.cloudflare), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := errors.Join(n.server.Close(ctx), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return n
}

// run starts a controller, which the test's end stops.
func run(t *testing.T, controller func(context.Context) error) {
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

func (n *names) issuer() *Certificates {
	return &Certificates{Store: n.cloud.Store, Authority: n.authority, DNS: n.server.Addr(), Log: slog.New(slog.DiscardHandler)}
}

func (n *names) create(token string, in cloud.Map) *cloud.Resource {
	n.t.Helper()
	caller := inFrankfurt
	if strings.HasPrefix(token, "cloudflare:") {
		caller = cloud.Caller{Scope: cloudflare.Scope()}
	}
	checked, failures, err := n.cloud.Check(token, in)
	if err != nil || len(failures) > 0 {
		n.t.Fatal(failures, err)
	}
	r, err := n.cloud.Create(n.t.Context(), caller, token, checked, 10*time.Second)
	if err != nil {
		n.t.Fatal(err)
	}
	return r
}

func (n *names) record(name, kind, content string, proxied bool) *cloud.Resource {
	n.t.Helper()
	zone := n.cloudflare.Zones()[0]
	if strings.HasSuffix(name, "example.org") {
		zone = n.cloudflare.Zones()[1]
	}
	return n.create("cloudflare:index/record:Record", cloud.Map{
		"zoneId": zone.ID, "name": name, "type": kind, "content": content, "proxied": proxied,
	})
}

func (n *names) certificate(domain string, alternatives ...any) *cloud.Resource {
	n.t.Helper()
	return n.create(acm.Certificate.Token, cloud.Map{"domainName": domain, "validationMethod": "DNS", "subjectAlternativeNames": alternatives})
}

// await waits until the condition holds.
func (n *names) await(what string, condition func(*cloud.Tx) bool) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 10*time.Second)
	defer cancel()
	if err := n.cloud.Store.Wait(ctx, func(tx *cloud.Tx) (bool, error) { return condition(tx), nil }); err != nil {
		n.t.Fatalf("%s: %v", what, err)
	}
}

func statusOf(tx *cloud.Tx, certificate *cloud.Resource) (string, acm.CertificateStatus) {
	r := tx.Get(certificate.Key)
	return r.Outputs["status"].(string), cloud.StatusOf[acm.CertificateStatus](r)
}

func TestCertificateIsIssuedOnceEveryRecordAnswers(t *testing.T) {
	n := newNames(t)
	run(t, n.issuer().Run)
	r := n.certificate("example.com", "*.example.com", "www.example.org")
	validations := acm.Validations(r)
	if len(validations) != 2 {
		t.Fatalf("validations %v", validations)
	}
	n.await("both records missing", func(tx *cloud.Tx) bool {
		_, s := statusOf(tx, r)
		return len(s.Missing) == 2
	})
	n.record(validations[0].Name, "CNAME", validations[0].Value, false)
	n.await("one record missing", func(tx *cloud.Tx) bool {
		status, s := statusOf(tx, r)
		return status == acm.CertificatePending && len(s.Missing) == 1 && s.Missing[0] == validations[1]
	})
	n.record(validations[1].Name, "CNAME", validations[1].Value+".", false)
	n.create(acm.CertificateValidation.Token, cloud.Map{"certificateArn": r.ID}) // returns when it is issued

	var status acm.CertificateStatus
	n.cloud.Store.View(func(tx *cloud.Tx) { _, status = statusOf(tx, r) })
	pair, err := status.KeyPair()
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"example.com", "any.example.com", "www.example.org"} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: n.authority.Pool(), DNSName: host}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestProxiedAndWrongRecordsDoNotValidate(t *testing.T) {
	n := newNames(t)
	c := n.issuer()
	validations := acm.Validations(n.certificate("example.com", "www.example.com"))
	wrong := n.record(validations[0].Name, "CNAME", "_other.acm-validations.aws", false)
	n.record(validations[1].Name, "CNAME", validations[1].Value, true)
	if got := c.missing(t.Context(), validations); len(got) != 2 {
		t.Errorf("missing %v, want both", got)
	}
	in := wrong.Clone().Inputs
	in["content"] = validations[0].Value
	if _, err := n.cloud.Update(t.Context(), cloud.Caller{Scope: cloudflare.Scope()}, wrong.Token, wrong.ID, in, 0); err != nil {
		t.Fatal(err)
	}
	if got := c.missing(t.Context(), validations); len(got) != 1 || got[0] != validations[1] {
		t.Errorf("missing %v, want the proxied one", got)
	}
}

// A certificate does not hang on the name server being there when it is requested.
func TestCertificateIsAskedForAgain(t *testing.T) {
	n := newNames(t)
	r := n.certificate("example.com")
	v := acm.Validations(r)[0]
	n.record(v.Name, "CNAME", v.Value, false)
	// The controller asks a server that knows the record only from the third time on.
	var asked atomic.Int32
	zones := Zones(n.cloud.Store, n.cloudflare)
	late, err := dns.Listen(netip.MustParseAddrPort("127.0.0.1:0"), func() []dns.Zone {
		if asked.Add(1) < 3 {
			return nil
		}
		return zones()
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = late.Close(context.Background()) })
	c := n.issuer()
	c.DNS = late.Addr()
	run(t, c.Run)
	n.await("issued without a change in the cloud", func(tx *cloud.Tx) bool {
		status, _ := statusOf(tx, r)
		return status == acm.CertificateIssued
	})
}

func TestCertificateIsGivenUpAfterItsTime(t *testing.T) {
	n := newNames(t)
	r := n.certificate("example.com")
	if err := n.cloud.Store.Update(func(tx *cloud.Tx) error {
		old := tx.Get(r.Key).Clone()
		old.SetStatus(acm.CertificateStatus{Requested: time.Now().Add(-acm.ValidationPeriod - time.Minute)})
		tx.Put(old)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	run(t, n.issuer().Run)
	n.await("timed out", func(tx *cloud.Tx) bool {
		status, _ := statusOf(tx, r)
		return status == acm.CertificateTimedOut
	})
	_, err := n.cloud.Create(t.Context(), inFrankfurt, acm.CertificateValidation.Token, cloud.Map{"certificateArn": r.ID}, time.Minute)
	if err == nil || !strings.Contains(err.Error(), "unexpected state 'VALIDATION_TIMED_OUT', wanted target 'ISSUED'") {
		t.Errorf("waiting for it: %v", err)
	}
}
