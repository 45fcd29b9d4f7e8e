package lb

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"
	"time"
)

// pairs are certificates by what people call them in the tests below.
type pairs struct {
	t     *testing.T
	names map[string]string // by serial number
	next  int64
}

func (p *pairs) issue(what string, key crypto.Signer, algorithm x509.SignatureAlgorithm, lasts time.Duration, names ...string) tls.Certificate {
	p.t.Helper()
	p.next++
	begin := time.Now().Add(-time.Hour)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(p.next), DNSNames: names, NotBefore: begin, NotAfter: begin.Add(lasts), SignatureAlgorithm: algorithm,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		p.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		p.t.Fatal(err)
	}
	p.names[leaf.SerialNumber.String()] = what
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestBestCertificate(t *testing.T) {
	p := &pairs{t: t, names: map[string]string{}}
	elliptical := func(curve elliptic.Curve) crypto.Signer {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	short, long := elliptical(elliptic.P256()), elliptical(elliptic.P384())
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	all := []tls.Certificate{
		p.issue("default", short, 0, 90*day, "default.test", "rsa.test", "both.test"),
		p.issue("RSA", old, x509.SHA256WithRSA, 90*day, "rsa.test", "both.test"),
		p.issue("ECDSA", short, x509.ECDSAWithSHA256, 90*day, "both.test", "twice.test", "hash.test", "key.test", "*.wild.test"),
		p.issue("expired", short, x509.ECDSAWithSHA256, time.Minute, "twice.test"),
		p.issue("SHA-384", short, x509.ECDSAWithSHA384, 90*day, "hash.test"),
		p.issue("P-384", long, x509.ECDSAWithSHA256, 90*day, "key.test"),
		p.issue("year", short, x509.ECDSAWithSHA256, 365*day, "long.test"),
		p.issue("quarter", short, x509.ECDSAWithSHA256, 90*day, "long.test"),
	}
	modern := []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256, tls.ECDSAWithP384AndSHA384, tls.PSSWithSHA256}
	choose := chooser(all)
	for _, test := range []struct {
		server  string
		schemes []tls.SignatureScheme
		want    string
	}{
		{"", modern, "default"},
		{"unknown.test", modern, "default"},
		{"default.test", modern, "default"},
		{"rsa.test", modern, "RSA"}, // the default one is not in the list
		{"both.test", modern, "ECDSA"},
		{"both.test", []tls.SignatureScheme{tls.PSSWithSHA256}, "RSA"},
		{"a.wild.test", modern, "ECDSA"},
		{"a.b.wild.test", modern, "default"},
		{"twice.test", modern, "ECDSA"},
		{"hash.test", modern, "SHA-384"},
		{"key.test", modern, "P-384"},
		{"long.test", modern, "year"},
	} {
		got, err := choose(&tls.ClientHelloInfo{
			ServerName: test.server, SignatureSchemes: test.schemes, SupportedVersions: []uint16{tls.VersionTLS13},
			SupportedCurves: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384}, SupportedPoints: []uint8{0},
		})
		if err != nil {
			t.Fatal(err)
		}
		if name := p.names[got.Leaf.SerialNumber.String()]; name != test.want {
			t.Errorf("%q with %v: the certificate %q, want %q", test.server, test.schemes, name, test.want)
		}
	}
}
