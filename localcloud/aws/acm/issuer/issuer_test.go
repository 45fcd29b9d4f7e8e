package issuer_test

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/acm/issuer"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/cloud"
	"slipway/localcloud/cloudflare"
	"slipway/localcloud/dns"
	"slipway/localcloud/zones"
)

func issuerOf(n *awstest.Names) *issuer.Issuer {
	return &issuer.Issuer{
		Store: n.Cloud.Store, Authority: n.Authority, DNS: n.Server.Addr(), RecordTokens: []string{cloudflare.RecordToken},
		Log: slog.New(slog.DiscardHandler),
	}
}

func statusOf(tx *cloud.Tx, certificate *cloud.Resource) (string, acm.CertificateStatus) {
	r := tx.Get(certificate.Key)
	return r.Outputs["status"].(string), cloud.StatusOf[acm.CertificateStatus](r)
}

func TestCertificateIsIssuedOnceEveryRecordAnswers(t *testing.T) {
	n := awstest.NewNames(t)
	awstest.Run(t, issuerOf(n).Run)
	r := n.Certificate("example.com", "*.example.com", "www.example.org")
	validations := acm.Validations(r)
	if len(validations) != 2 {
		t.Fatalf("validations %v", validations)
	}
	n.Await("both records missing", func(tx *cloud.Tx) bool {
		_, s := statusOf(tx, r)
		return len(s.Missing) == 2
	})
	n.Record(validations[0].Name, "CNAME", validations[0].Value, false)
	n.Await("one record missing", func(tx *cloud.Tx) bool {
		status, s := statusOf(tx, r)
		return status == acm.CertificatePending && len(s.Missing) == 1 && s.Missing[0] == validations[1]
	})
	n.Record(validations[1].Name, "CNAME", validations[1].Value+".", false)
	n.Make(acm.CertificateValidation.Token, cloud.Map{"certificateArn": r.ID}) // returns when it is issued

	var status acm.CertificateStatus
	n.Cloud.Store.View(func(tx *cloud.Tx) { _, status = statusOf(tx, r) })
	pair, err := status.KeyPair()
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"example.com", "any.example.com", "www.example.org"} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: n.Authority.Pool(), DNSName: host}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestProxiedAndWrongRecordsDoNotValidate(t *testing.T) {
	n := awstest.NewNames(t)
	c := issuerOf(n)
	validations := acm.Validations(n.Certificate("example.com", "www.example.com"))
	wrong := n.Record(validations[0].Name, "CNAME", "_other.acm-validations.aws", false)
	n.Record(validations[1].Name, "CNAME", validations[1].Value, true)
	if got := c.Missing(t.Context(), validations); len(got) != 2 {
		t.Errorf("missing %v, want both", got)
	}
	in := wrong.Clone().Inputs
	in["content"] = validations[0].Value
	if _, err := n.Cloud.Update(t.Context(), cloud.Caller{Scope: cloudflare.Scope()}, wrong.Token, wrong.ID, in, 0); err != nil {
		t.Fatal(err)
	}
	if got := c.Missing(t.Context(), validations); len(got) != 1 || got[0] != validations[1] {
		t.Errorf("missing %v, want the proxied one", got)
	}
}

// A certificate does not hang on the name server being there when it is requested.
func TestCertificateIsAskedForAgain(t *testing.T) {
	n := awstest.NewNames(t)
	r := n.Certificate("example.com")
	v := acm.Validations(r)[0]
	n.Record(v.Name, "CNAME", v.Value, false)
	// The controller asks a server that knows the record only from the third query on.
	var asked atomic.Int32
	zones := zones.Zones(n.Cloud.Store, n.Cloudflare)
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
	c := issuerOf(n)
	c.DNS = late.Addr()
	awstest.Run(t, c.Run)
	n.Await("issued without a change in the cloud", func(tx *cloud.Tx) bool {
		status, _ := statusOf(tx, r)
		return status == acm.CertificateIssued
	})
}

func TestCertificateIsGivenUpAfterItsTime(t *testing.T) {
	n := awstest.NewNames(t)
	r := n.Certificate("example.com")
	if err := n.Cloud.Store.Update(func(tx *cloud.Tx) error {
		old := tx.Get(r.Key).Clone()
		old.SetStatus(acm.CertificateStatus{Requested: time.Now().Add(-acm.ValidationPeriod - time.Minute)})
		tx.Put(old)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	awstest.Run(t, issuerOf(n).Run)
	n.Await("timed out", func(tx *cloud.Tx) bool {
		status, _ := statusOf(tx, r)
		return status == acm.CertificateTimedOut
	})
	_, err := n.Cloud.Create(t.Context(), awstest.InFrankfurt, acm.CertificateValidation.Token, cloud.Map{"certificateArn": r.ID}, time.Minute)
	if err == nil || !strings.Contains(err.Error(), "unexpected state 'VALIDATION_TIMED_OUT', wanted target 'ISSUED'") {
		t.Errorf("waiting for it: %v", err)
	}
}
