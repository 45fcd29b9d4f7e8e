package lb

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"time"
)

// chooser returns a function that chooses a certificate: the best of those in the list that match the client's server name and that the
// client supports; if there is none, the default one, which is the first.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html
func chooser(certificates []tls.Certificate) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	fallback := &certificates[0]
	list := make([]*tls.Certificate, 0, len(certificates))
	for i := range certificates[1:] {
		list = append(list, &certificates[i+1])
	}
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName == "" {
			return fallback, nil
		}
		fitting := slices.DeleteFunc(slices.Clone(list), func(c *tls.Certificate) bool { return hello.SupportsCertificate(c) != nil })
		if len(fitting) == 0 {
			return fallback, nil
		}
		now := time.Now()
		return slices.MaxFunc(fitting, func(a, b *tls.Certificate) int { return rank(a, now).compare(rank(b, now)) }), nil
	}
}

// merits make one certificate better than another, in order of importance.
type merits struct {
	ecdsa, valid    int
	hash, keyLength int
	validity        time.Duration
}

func rank(certificate *tls.Certificate, now time.Time) merits {
	leaf := certificate.Leaf // filled in by whoever parsed the key pair: see crypto/tls.X509KeyPair
	if leaf == nil {
		return merits{}
	}
	m := merits{hash: hashes[leaf.SignatureAlgorithm], validity: leaf.NotAfter.Sub(leaf.NotBefore)}
	if now.Before(leaf.NotAfter) {
		m.valid = 1
	}
	switch key := leaf.PublicKey.(type) {
	case *ecdsa.PublicKey:
		m.ecdsa, m.keyLength = 1, key.Params().BitSize
	case *rsa.PublicKey:
		m.keyLength = key.N.BitLen()
	}
	return m
}

func (m merits) compare(other merits) int {
	return cmp.Or(
		cmp.Compare(m.ecdsa, other.ecdsa), cmp.Compare(m.valid, other.valid), cmp.Compare(m.hash, other.hash),
		cmp.Compare(m.keyLength, other.keyLength), cmp.Compare(m.validity, other.validity),
	)
}

// hashes are the digits of the SHA that a certificate is signed with; MD5 has none.
var hashes = map[x509.SignatureAlgorithm]int{
	x509.SHA1WithRSA: 1, x509.ECDSAWithSHA1: 1,
	x509.SHA256WithRSA: 256, x509.SHA256WithRSAPSS: 256, x509.ECDSAWithSHA256: 256,
	x509.SHA384WithRSA: 384, x509.SHA384WithRSAPSS: 384, x509.ECDSAWithSHA384: 384,
	x509.SHA512WithRSA: 512, x509.SHA512WithRSAPSS: 512, x509.ECDSAWithSHA512: 512,
}
