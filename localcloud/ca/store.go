package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
)

const (
	keyBlock  = "PRIVATE KEY"
	certBlock = "CERTIFICATE"
)

// open loads or makes the pair. The key is written before the certificate, so an interrupted first start leaves either
// nothing or a key that the next start certifies.
func open(keyFile, certFile string, now time.Time) (*Authority, error) {
	key, err := loadKey(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(certFile); err == nil {
			return nil, fmt.Errorf("%s is there but its key %s is not: delete the certificate to start anew", certFile, keyFile)
		}
		key, err = createKey(keyFile)
	}
	if err != nil {
		return nil, err
	}

	cert, err := loadCert(certFile)
	if errors.Is(err, fs.ErrNotExist) {
		cert, err = createCert(certFile, key, now)
	}
	if err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return nil, fmt.Errorf("%s does not belong to %s: delete both to start anew", certFile, keyFile)
	}
	if now.After(cert.NotAfter) {
		return nil, fmt.Errorf("%s expired on %s: delete it to start anew", certFile, cert.NotAfter.Format(time.DateOnly))
	}
	return &Authority{certFile: certFile, cert: cert, key: key}, nil
}

func loadKey(file string) (*ecdsa.PrivateKey, error) {
	der, err := readPEM(file, keyBlock)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", file, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("parse %s: want an ECDSA key, found %T", file, parsed)
	}
	return key, nil
}

func createKey(file string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(file, keyBlock, der, 0o600)
}

func loadCert(file string) (*x509.Certificate, error) {
	der, err := readPEM(file, certBlock)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", file, err)
	}
	return cert, nil
}

func createCert(file string, key *ecdsa.PrivateKey, now time.Time) (*x509.Certificate, error) {
	cert, err := newRoot(key, now)
	if err != nil {
		return nil, err
	}
	return cert, writePEM(file, certBlock, cert.Raw, 0o644)
}

func readPEM(file, blockType string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != blockType {
		return nil, fmt.Errorf("parse %s: no PEM block %q in it", file, blockType)
	}
	return block.Bytes, nil
}

// writePEM puts the whole file in place at once: a reader, or a start after a crash, never sees half of it.
func writePEM(file, blockType string, der []byte, mode fs.FileMode) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the root certificate in it is for everybody
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der})
	// The mode is the file's from the beginning, so that a key is never exposed, whatever the umask is.
	return renameio.WriteFile(file, text, mode, renameio.WithStaticPermissions(mode), renameio.WithTempDir(dir))
}
