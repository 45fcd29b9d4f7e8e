// Package ca is the local cloud's certificate authority: the stand-in for the public authority behind AWS Certificate
// Manager. Its root lives in a folder and is made once, so a client that trusts the root keeps trusting it after a restart.
package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"time"
)

const (
	keyName  = "ca.key"
	certName = "ca.pem"

	rootLifetime = 10 * 365 * 24 * time.Hour
	leafLifetime = 365 * 24 * time.Hour

	// backdate lets a client whose clock is a little behind accept a certificate issued just now.
	backdate = time.Hour
)

// Authority issues server certificates under one root. Its methods may be called from any goroutine.
type Authority struct {
	certFile string
	cert     *x509.Certificate
	key      *ecdsa.PrivateKey
}

// Open loads the authority kept in dir, or makes a new one there. The key file is readable by its owner alone; the
// certificate is public. A folder that holds a certificate without its key, or a pair that does not belong together, is
// refused: replacing the root silently would break every client that trusts it.
func Open(dir string) (*Authority, error) {
	a, err := open(filepath.Join(dir, keyName), filepath.Join(dir, certName), time.Now())
	if err != nil {
		return nil, fmt.Errorf("open certificate authority in %s: %w", dir, err)
	}
	return a, nil
}

// CertFile is the path of the root certificate in PEM form, fit for curl's --cacert and SSL_CERT_FILE.
func (a *Authority) CertFile() string { return a.certFile }

// Pool returns a new pool that holds the root alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Issue makes a certificate, with a key of its own, for a server that answers to all of names: host names, wildcards
// whose first label is the asterisk, or IP addresses. It is valid for a year. Nothing is remembered; the caller keeps it.
func (a *Authority) Issue(names []string) (tls.Certificate, error) {
	cert, err := a.issue(names, time.Now())
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issue certificate for %q: %w", names, err)
	}
	return cert, nil
}

func (a *Authority) issue(names []string, now time.Time) (tls.Certificate, error) {
	hosts, ips, err := subjectAltNames(names)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := newSerial()
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		NotBefore:    now.Add(-backdate),
		// A leaf that outlives its root would fail verification anyway, with a worse message.
		NotAfter:              slices.MinFunc([]time.Time{now.Add(leafLifetime), a.cert.NotAfter}, time.Time.Compare),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              hosts,
		IPAddresses:           ips,
	}
	// X.520 allows 64 characters in a common name; clients read the alternative names, so a longer one is left out.
	if len(names[0]) <= 64 {
		template.Subject.CommonName = names[0]
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// newRoot makes a self-signed root for key. It may sign server certificates and nothing else: no intermediate
// authorities, no revocation lists.
func newRoot(key *ecdsa.PrivateKey, now time.Time) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	public, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	fingerprint := sha256.Sum256(public)
	template := &x509.Certificate{
		SerialNumber: serial,
		// The fingerprint tells the roots of two checkouts apart in a trust store.
		Subject:               pkix.Name{CommonName: "slipway local cloud " + hex.EncodeToString(fingerprint[:4])},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(rootLifetime),
		KeyUsage:              x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLen:            0,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// newSerial returns a random positive number of at most 128 bits, so that serials never repeat without a counter to keep.
func newSerial() (*big.Int, error) {
	limit := new(big.Int).Lsh(big.NewInt(1), 128)
	n, err := rand.Int(rand.Reader, limit)
	if err != nil {
		return nil, err
	}
	return n.Add(n, big.NewInt(1)), nil
}
