// Package oidc replaces the identity providers whose tokens a cloud trusts, such as that of GitHub's jobs: it signs tokens in their
// names with its own key, which is in a folder and made once.
package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	keyName  = "oidc.key"
	keyBlock = "PRIVATE KEY"
)

// Claims are a token's statements about its holder.
type Claims struct {
	Issuer   string // a URL, such as https://token.actions.githubusercontent.com
	Subject  string // such as repo:OWNER/NAME:environment:dev
	Audience []string
	Expires  time.Time
	// Others are the claims that only some issuers make, such as GitHub's ref, by their names.
	Others map[string]string
}

// Issuer signs and verifies tokens, for every issuer's name alike. Its methods may be called from any goroutine.
type Issuer struct{ key *ecdsa.PrivateKey }

// Open loads the key kept in dir, or makes a new one there, readable by its owner alone.
func Open(dir string) (*Issuer, error) {
	key, err := open(dir)
	if err != nil {
		return nil, fmt.Errorf("open the key that signs identity tokens in %s: %w", dir, err)
	}
	return &Issuer{key: key}, nil
}

func open(dir string) (*ecdsa.PrivateKey, error) {
	name := filepath.Join(dir, keyName)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(dir, name); err != nil {
			return nil, err
		}
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != keyBlock {
		return nil, fmt.Errorf("parse %s: no PEM block %q", name, keyBlock)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", name, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("parse %s: not an ECDSA key of P-256", name)
	}
	return key, nil
}

// create makes the key file completely or not at all. A file that another process made at the same time wins.
func create(dir, name string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, keyName+".*") // of mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if err := errors.Join(pem.Encode(tmp, &pem.Block{Type: keyBlock, Bytes: der}), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), name); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

var method = jwt.SigningMethodES256

// registered are the claims that a token of every issuer has, or may have.
// https://www.rfc-editor.org/rfc/rfc7519#section-4.1
var registered = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}

// Sign makes a token, a JWT, of the claims. It is valid from now on.
func (i *Issuer) Sign(c Claims) (string, error) {
	now := jwt.NewNumericDate(time.Now())
	all := jwt.MapClaims{}
	for _, name := range slices.Sorted(maps.Keys(c.Others)) {
		if slices.Contains(registered, name) {
			return "", fmt.Errorf("sign identity token: %s is not one of the other claims", name)
		}
		all[name] = c.Others[name]
	}
	maps.Copy(all, jwt.MapClaims{
		"iss": c.Issuer, "sub": c.Subject, "aud": jwt.ClaimStrings(c.Audience), "exp": jwt.NewNumericDate(c.Expires),
		"iat": now, "nbf": now, "jti": rand.Text(),
	})
	token, err := jwt.NewWithClaims(method, all).SignedString(i.key)
	if err != nil {
		return "", fmt.Errorf("sign identity token: %w", err)
	}
	return token, nil
}

// Errors of Verify.
var (
	ErrMalformed = errors.New("not a JWT with an issuer, a subject, an audience and an expiry")
	ErrSignature = errors.New("not signed with this key")
)

// Verify returns a token's claims if the issuer's key signed it; of the claims that only some issuers make, it returns texts. The
// caller must check its expiry, issuer, subject and audience.
func (i *Issuer) Verify(token string) (Claims, error) {
	all := jwt.MapClaims{}
	_, err := jwt.NewParser(jwt.WithValidMethods([]string{method.Alg()}), jwt.WithoutClaimsValidation()).
		ParseWithClaims(token, all, func(*jwt.Token) (any, error) { return &i.key.PublicKey, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return Claims{}, ErrMalformed // the library's error may quote the token
	case err != nil:
		return Claims{}, ErrSignature
	}
	return claimsOf(all)
}

func claimsOf(all jwt.MapClaims) (Claims, error) {
	issuer, err1 := all.GetIssuer()
	subject, err2 := all.GetSubject()
	audience, err3 := all.GetAudience()
	expires, err4 := all.GetExpirationTime()
	if errors.Join(err1, err2, err3, err4) != nil || issuer == "" || subject == "" || len(audience) == 0 || expires == nil {
		return Claims{}, ErrMalformed
	}
	c := Claims{Issuer: issuer, Subject: subject, Audience: audience, Expires: expires.Time, Others: map[string]string{}}
	for name, value := range all {
		if text, ok := value.(string); ok && !slices.Contains(registered, name) {
			c.Others[name] = text
		}
	}
	return c, nil
}
