package ca

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func mustOpen(t *testing.T, dir string) *Authority {
	t.Helper()
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestIssuedCertificateVerifies(t *testing.T) {
	t.Parallel()
	a := mustOpen(t, t.TempDir())
	cert, err := a.Issue([]string{"Hello.example.com", "*.example.com", "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{
		"hello.example.com":   true,
		"other.example.com":   true,
		"a.other.example.com": false,
		"example.com":         false,
		"127.0.0.1":           true,
		"127.0.0.2":           false,
	}
	for name, want := range tests {
		_, err := cert.Leaf.Verify(x509.VerifyOptions{Roots: a.Pool(), DNSName: name})
		if got := err == nil; got != want {
			t.Errorf("verify for %s: %v, want success %v", name, err, want)
		}
	}
	if got := time.Until(cert.Leaf.NotAfter).Round(time.Hour); got != leafLifetime {
		t.Errorf("leaf is valid for another %s, want %s", got, leafLifetime)
	}
}

func TestServesTLSToClientThatTrustsTheFile(t *testing.T) {
	t.Parallel()
	a := mustOpen(t, t.TempDir())
	cert, err := a.Issue([]string{"hello.slipway.test"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.StartTLS()
	defer server.Close()

	pem, err := os.ReadFile(a.CertFile())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("no certificate in %s", a.CertFile())
	}
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "hello.slipway.test"},
	}}
	defer client.CloseIdleConnections()
	resp, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func TestRootIsConstrained(t *testing.T) {
	t.Parallel()
	root := mustOpen(t, t.TempDir()).cert
	if !root.IsCA || root.MaxPathLen != 0 || !root.MaxPathLenZero {
		t.Errorf("IsCA %v, MaxPathLen %d: want an authority without sub-authorities", root.IsCA, root.MaxPathLen)
	}
	if root.KeyUsage != x509.KeyUsageCertSign {
		t.Errorf("key usage %b, want certSign alone", root.KeyUsage)
	}
}

func TestSurvivesRestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "on", "demand")
	first := mustOpen(t, dir)
	cert, err := first.Issue([]string{"hello.slipway.test"})
	if err != nil {
		t.Fatal(err)
	}
	second := mustOpen(t, dir)
	if _, err := cert.Leaf.Verify(x509.VerifyOptions{Roots: second.Pool(), DNSName: "hello.slipway.test"}); err != nil {
		t.Errorf("certificate from before the restart: %v", err)
	}
	if first.CertFile() != second.CertFile() {
		t.Errorf("certificate file moved from %s to %s", first.CertFile(), second.CertFile())
	}
}

func TestFileModes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := mustOpen(t, dir)
	for file, want := range map[string]os.FileMode{filepath.Join(dir, keyName): 0o600, a.CertFile(): 0o644} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", file, got, want)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("folder holds %v (%v), want the key and the certificate alone", entries, err)
	}
}

func TestInterruptedFirstStartHeals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Remove(mustOpen(t, dir).CertFile()); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, dir)
}

func TestDamagedFolderIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		damage func(t *testing.T, key, cert string)
		want   string
	}{
		"key lost": {
			func(t *testing.T, key, _ string) { remove(t, key) },
			"delete the certificate to start anew",
		},
		"foreign key": {
			func(t *testing.T, key, _ string) {
				remove(t, key)
				if _, err := createKey(key); err != nil {
					t.Fatal(err)
				}
			},
			"delete both to start anew",
		},
		"garbled certificate": {
			func(t *testing.T, _, cert string) {
				if err := os.WriteFile(cert, []byte("no PEM"), 0o644); err != nil {
					t.Fatal(err)
				}
			},
			`no PEM block "CERTIFICATE"`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			a := mustOpen(t, dir)
			test.damage(t, filepath.Join(dir, keyName), a.CertFile())
			if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
		})
	}
}

func TestExpiredRootIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := mustOpen(t, dir)
	later := a.cert.NotAfter.Add(time.Second)
	if _, err := open(filepath.Join(dir, keyName), a.CertFile(), later); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("error %v, want one that says the root expired", err)
	}
}

func TestLeafNeverOutlivesRoot(t *testing.T) {
	t.Parallel()
	a := mustOpen(t, t.TempDir())
	cert, err := a.issue([]string{"hello.slipway.test"}, a.cert.NotAfter.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if !cert.Leaf.NotAfter.Equal(a.cert.NotAfter) {
		t.Errorf("leaf ends %s, want the root's %s", cert.Leaf.NotAfter, a.cert.NotAfter)
	}
}

func TestBadNamesAreRefused(t *testing.T) {
	t.Parallel()
	a := mustOpen(t, t.TempDir())
	long := strings.Repeat("a", 64)
	for _, names := range [][]string{
		nil,
		{""},
		{"*"},
		{"a..b"},
		{"a.*.b"},
		{"-a.b"},
		{"a b.c"},
		{long + ".b"},
		{strings.Repeat("a.", 127) + "aa"},
		{"good.example.com", "bad/example.com"},
	} {
		if _, err := a.Issue(names); err == nil {
			t.Errorf("issued a certificate for %q", names)
		}
	}
}

func TestLongNameHasNoCommonName(t *testing.T) {
	t.Parallel()
	a := mustOpen(t, t.TempDir())
	name := strings.Repeat("a", 60) + ".slipway.test"
	cert, err := a.Issue([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	if cert.Leaf.Subject.CommonName != "" {
		t.Errorf("common name %q of %d characters, want none", cert.Leaf.Subject.CommonName, len(name))
	}
	if err := cert.Leaf.VerifyHostname(name); err != nil {
		t.Error(err)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}
