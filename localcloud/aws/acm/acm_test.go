package acm_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/cloud"
)

// requestCertificate requests a certificate for example.com and other names.
func requestCertificate(c *awstest.Tester, alternatives ...any) *cloud.Resource {
	in := cloud.Map{"domainName": "example.com", "validationMethod": "DNS"}
	if len(alternatives) > 0 {
		in["subjectAlternativeNames"] = alternatives
	}
	return c.Make(acm.CertificateToken, in)
}

func TestCertificate(t *testing.T) {
	c := awstest.New(t, acm.Kinds()...)
	r := requestCertificate(c, "www.example.com", "*.example.com")
	if !strings.HasPrefix(r.ID, "arn:aws:acm:eu-central-1:000000000000:certificate/") || r.Outputs["status"] != acm.CertificatePending {
		t.Errorf("certificate %s, status %v", r.ID, r.Outputs["status"])
	}
	options := r.Outputs["domainValidationOptions"].([]any)
	byDomain := map[string]cloud.Map{}
	for _, o := range options {
		byDomain[o.(cloud.Map)["domainName"].(string)] = o.(cloud.Map)
	}
	apex, www, wildcard := byDomain["example.com"], byDomain["www.example.com"], byDomain["*.example.com"]
	if len(options) != 3 || apex["resourceRecordName"] != wildcard["resourceRecordName"] || apex["resourceRecordValue"] != wildcard["resourceRecordValue"] {
		t.Errorf("options %v: a wildcard shares its domain's record", options)
	}
	if apex["resourceRecordName"] == www["resourceRecordName"] || !strings.HasSuffix(www["resourceRecordName"].(string), ".www.example.com.") {
		t.Errorf("options %v: www has a record of its own", options)
	}
	if v := apex["resourceRecordValue"].(string); !strings.HasSuffix(v, ".acm-validations.aws.") || apex["resourceRecordType"] != "CNAME" {
		t.Errorf("option %v", apex)
	}
	if v := acm.Validations(r); len(v) != 2 || strings.HasSuffix(v[0].Name, ".") || strings.HasSuffix(v[0].Value, ".") {
		t.Errorf("validations %v", v)
	}
	again := requestCertificate(c)
	if again.ID == r.ID || acm.Validations(again)[0] != acm.Validations(r)[0] {
		t.Error("an account's certificates for a domain share the record")
	}
	d, err := c.Diff(acm.CertificateToken, r.Inputs, r.Outputs, cloud.Map{
		"domainName": "example.com", "validationMethod": "DNS", "subjectAlternativeNames": []any{"*.example.com", "www.example.com"},
	})
	if err != nil || len(d.Changed) > 0 {
		t.Errorf("the order of names changes %v, %v", d.Changed, err)
	}
}

func TestCertificateRefusals(t *testing.T) {
	c := awstest.New(t, acm.Kinds()...)
	long := strings.Repeat("a", 60) + ".example.com"
	many := make([]any, 10)
	for i := range many {
		many[i] = string(rune('a'+i)) + "x.example.com"
	}
	for _, test := range []struct {
		in          cloud.Map
		code, words string
	}{
		{cloud.Map{"domainName": "example.com.", "validationMethod": "DNS"}, "Check", "cannot end with a period"},
		{cloud.Map{"domainName": "example.com", "validationMethod": "DNS", "subjectAlternativeNames": []any{"a.example.com."}}, "Check", "cannot end with a period"},
		{cloud.Map{"domainName": "example.com", "validationMethod": "HOPE"}, "Check", "expected validation_method to be one of"},
		{cloud.Map{"domainName": "example.com", "validationMethod": "DNS", "keyAlgorithm": "DSA"}, "Check", "expected key_algorithm to be one of"},
		{cloud.Map{"domainName": "-a.example.com", "validationMethod": "DNS"}, "ValidationException", "'-a.example.com'"},
		{cloud.Map{"domainName": "a.*.example.com", "validationMethod": "DNS"}, "ValidationException", "'a.*.example.com'"},
		{cloud.Map{"domainName": long, "validationMethod": "DNS"}, "InvalidDomainValidationOptionsException", "64"},
		{cloud.Map{"domainName": "example.com", "validationMethod": "DNS", "subjectAlternativeNames": many}, "LimitExceededException", "11 requested"},
		{cloud.Map{"domainName": "example.com"}, "", "`validation_method` must be set"},
		{cloud.Map{"domainName": "example.com", "validationMethod": "EMAIL"}, "", "validation by EMAIL: not modelled"},
		{cloud.Map{"privateKey": "k", "certificateBody": "b"}, "", "importing a certificate: not modelled"},
	} {
		_, err := c.Try(acm.CertificateToken, test.in)
		if err == nil {
			t.Errorf("%v was taken", test.in)
			continue
		}
		c.Refused(err, test.code, test.words)
	}
}

// selfSigned makes a key pair without an authority.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"example.com"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestIssueCertificate(t *testing.T) {
	c := awstest.New(t, acm.Kinds()...)
	r := requestCertificate(c)
	if _, err := cloud.StatusOf[acm.CertificateStatus](r).KeyPair(); err == nil {
		t.Error("a pending certificate has a key pair")
	}
	pair := selfSigned(t)
	for range 2 { // the second time changes nothing
		if err := c.Store.Update(func(tx *cloud.Tx) error { return acm.IssueCertificate(tx, r.Key, pair) }); err != nil {
			t.Fatal(err)
		}
		pair = selfSigned(t)
	}
	issued, err := c.Read(awstest.Here, acm.CertificateToken, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	c.Outputs(issued)
	kept, err := cloud.StatusOf[acm.CertificateStatus](issued).KeyPair()
	if err != nil || issued.Outputs["status"] != acm.CertificateIssued {
		t.Fatalf("status %v, %v", issued.Outputs["status"], err)
	}
	if issued.Outputs["notAfter"] != kept.Leaf.NotAfter.Format(time.RFC3339) {
		t.Errorf("not after %v, certificate says %v", issued.Outputs["notAfter"], kept.Leaf.NotAfter)
	}
	if updated, err := c.Edit(issued, cloud.Map{"tags": cloud.Map{"a": "b"}}); err != nil || updated.Outputs["status"] != acm.CertificateIssued {
		t.Errorf("a change of tags: %v, %v", updated, err)
	}
}

func TestCertificateValidation(t *testing.T) {
	c := awstest.New(t, acm.Kinds()...)
	r := requestCertificate(c, "www.example.com")
	records := acm.Validations(r)
	names := []any{records[0].Name, records[1].Name + "."}

	_, err := c.Try(acm.CertificateValidationToken, cloud.Map{"certificateArn": r.ID, "validationRecordFqdns": names[:1]})
	c.Refused(err, "", "missing www.example.com DNS validation record: "+records[1].Name)
	_, err = c.Try(acm.CertificateValidationToken, cloud.Map{"certificateArn": "arn:none"})
	c.Refused(err, "ResourceNotFoundException", "Could not find certificate arn:none.")

	if err := c.Store.Update(func(tx *cloud.Tx) error {
		changed := tx.Get(r.Key).Clone()
		s := cloud.StatusOf[acm.CertificateStatus](changed)
		s.Missing = records[:1]
		changed.SetStatus(s)
		tx.Put(changed)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	waited, err := c.Create(t.Context(), awstest.Here, acm.CertificateValidationToken, cloud.Map{"certificateArn": r.ID, "validationRecordFqdns": names}, time.Millisecond)
	if waited != nil {
		t.Errorf("a validation that timed out is %s", waited.ID)
	}
	for _, words := range []string{
		"waiting for ACM Certificate (" + r.ID + ") to be issued: timeout while waiting for state to become 'ISSUED' (last state: 'PENDING_VALIDATION', timeout: 1ms)",
		"no CNAME record " + records[0].Name + " with the value " + records[0].Value + " answers in DNS",
	} {
		c.Refused(err, "", words)
	}

	done := make(chan error, 1)
	go func() {
		_, err := c.Create(t.Context(), awstest.Here, acm.CertificateValidationToken, cloud.Map{"certificateArn": r.ID, "validationRecordFqdns": names}, time.Minute)
		done <- err
	}()
	if err := c.Store.Update(func(tx *cloud.Tx) error { return acm.IssueCertificate(tx, r.Key, selfSigned(t)) }); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	c.Make(acm.CertificateValidationToken, cloud.Map{"certificateArn": r.ID})
	c.Remove(r)
	if left := c.Left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestCertificateInUse(t *testing.T) {
	r := &cloud.Resource{Key: cloud.Key{Scope: awstest.Here.Scope, ID: "arn:c"}}
	err := acm.Certificate.InUse(r, &cloud.Resource{})
	if err.Code != "ResourceInUseException" || err.Message != "Certificate arn:c in account 000000000000 is in use." {
		t.Errorf("got %v", err)
	}
}
