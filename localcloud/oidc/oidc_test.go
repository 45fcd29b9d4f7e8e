package oidc

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func claims() Claims {
	return Claims{
		Issuer: "https://token.actions.githubusercontent.com", Subject: "repo:o/n:environment:dev",
		Audience: []string{"sts.amazonaws.com"}, Expires: time.Unix(2000000000, 0),
		Others: map[string]string{"ref": "refs/heads/main", "actor_id": "12"},
	}
}

func TestTokenOfAnotherProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	first, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	token, err := first.Sign(claims())
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Verify(token)
	if err != nil || !reflect.DeepEqual(got, claims()) {
		t.Errorf("verified: %+v, %v", got, err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("in the folder: %v, %v", files, err)
	}
	if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key is %v, %v", info.Mode(), err)
	}
}

// Two processes that find no key end up with the same one.
func TestOpenedAtOnce(t *testing.T) {
	dir := t.TempDir()
	issuers := make([]*Issuer, 8)
	var group sync.WaitGroup
	for i := range issuers {
		group.Go(func() {
			var err error
			if issuers[i], err = Open(dir); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, i := range issuers[1:] {
		if !i.key.Equal(issuers[0].key) {
			t.Fatal("two keys")
		}
	}
}

func TestForgeries(t *testing.T) {
	mine, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	sign := func(i *Issuer, c Claims) string {
		token, err := i.Sign(c)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	anonymous := claims()
	anonymous.Subject = ""
	token := sign(mine, claims())
	parts := strings.Split(token, ".")
	encode := base64.RawURLEncoding.EncodeToString
	for name, test := range map[string]struct {
		token string
		want  error
	}{
		"nothing":           {"", ErrMalformed},
		"not a JWT":         {"a.b", ErrMalformed},
		"no subject":        {sign(mine, anonymous), ErrMalformed},
		"another key":       {sign(other, claims()), ErrSignature},
		"unsigned":          {encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + ".", ErrSignature},
		"signed by its key": {encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + parts[1] + "." + parts[2], ErrSignature},
		"other claims":      {parts[0] + "." + encode([]byte(`{"iss":"i","sub":"s","aud":"a","exp":2000000000}`)) + "." + parts[2], ErrSignature},
	} {
		if c, err := mine.Verify(test.token); !errors.Is(err, test.want) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

// A claim that every token has comes from its own field, and from nowhere else.
func TestClaimsOfEveryToken(t *testing.T) {
	i, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"} {
		c := claims()
		c.Others = map[string]string{name: "mine"}
		if token, err := i.Sign(c); err == nil {
			t.Errorf("signed with another %s: %s", name, token)
		}
	}
}

func TestKeyThatIsNone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, keyName), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "no PEM block") {
		t.Errorf("opened: %v", err)
	}
}
