package daemon

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// askECR calls an operation of Amazon ECR's API as `aws ecr` does, without a role.
func askECR(t *testing.T, c Client, operation string, in, out any) (code string) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.Info.API, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921."+operation)
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20260102/eu-central-1/ecr/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		var refusal struct {
			Type string `json:"__type"`
		}
		if err := json.Unmarshal(answer, &refusal); err != nil {
			t.Fatal(err)
		}
		return refusal.Type
	}
	if err := json.Unmarshal(answer, out); err != nil {
		t.Fatal(err)
	}
	return ""
}

// throughProxy returns a transport as a client with HTTPS_PROXY and SSL_CERT_FILE has it.
func throughProxy(t *testing.T, c Client) *http.Transport {
	t.Helper()
	pem, err := os.ReadFile(c.Info.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	transport := &http.Transport{
		Proxy:           http.ProxyURL(&url.URL{Scheme: "http", Host: c.Info.Proxy}),
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// Clients push to Amazon ECR's own names, with the password of `aws ecr get-login-password`, into repositories that are there.
func TestRegistryAtItsOwnNames(t *testing.T) {
	c, stop := run(t, t.TempDir())
	defer stop()
	var login struct {
		AuthorizationData []struct {
			AuthorizationToken string
			ProxyEndpoint      string
		}
	}
	if code := askECR(t, c, "GetAuthorizationToken", map[string]any{}, &login); code != "" || len(login.AuthorizationData) != 1 {
		t.Fatalf("GetAuthorizationToken: %s, %+v", code, login)
	}
	const host = "000000000000.dkr.ecr.eu-central-1.amazonaws.com"
	if login.AuthorizationData[0].ProxyEndpoint != "https://"+host {
		t.Errorf("the token is for %s", login.AuthorizationData[0].ProxyEndpoint)
	}
	token, err := base64.StdEncoding.DecodeString(login.AuthorizationData[0].AuthorizationToken)
	if err != nil {
		t.Fatal(err)
	}
	user, password, _ := strings.Cut(string(token), ":")
	transport := throughProxy(t, c)
	options := func(password string) []remote.Option {
		return []remote.Option{
			remote.WithContext(context.WithoutCancel(t.Context())), remote.WithTransport(transport),
			remote.WithAuth(&authn.Basic{Username: user, Password: password}),
		}
	}
	reference := func(text string) name.Reference {
		ref, err := name.ParseReference(text)
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	refused := func(what string, err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", what, err, want)
		}
	}
	first, second := image(t, types.OCIManifestSchema1, types.OCILayer), image(t, types.OCIManifestSchema1, types.OCILayer)
	tag := reference(host + "/shop:1")

	refused("another's password", remote.Write(tag, first, options("guessed")...), "401 Unauthorized")
	refused("no repository", remote.Write(tag, first, options(password)...), "The repository with name 'shop' does not exist in the registry with id '000000000000'")
	named := map[string]any{"repositoryNames": []string{"shop"}, "registryId": "000000000000"}
	if code := askECR(t, c, "DescribeRepositories", named, nil); code != "RepositoryNotFoundException" {
		t.Errorf("DescribeRepositories: %s", code)
	}
	making := map[string]any{
		"repositoryName": "shop", "imageTagMutability": "IMMUTABLE", "imageScanningConfiguration": map[string]any{"scanOnPush": true},
	}
	var made struct {
		Repository struct{ RepositoryURI string }
	}
	if code := askECR(t, c, "CreateRepository", making, &made); code != "" || made.Repository.RepositoryURI != host+"/shop" {
		t.Errorf("CreateRepository: %s, %+v", code, made)
	}
	if code := askECR(t, c, "CreateRepository", making, &made); code != "RepositoryAlreadyExistsException" {
		t.Errorf("CreateRepository again: %s", code)
	}
	var described struct {
		Repositories []struct {
			ImageTagMutability         string
			ImageScanningConfiguration struct{ ScanOnPush bool }
		}
	}
	if code := askECR(t, c, "DescribeRepositories", named, &described); code != "" || len(described.Repositories) != 1 ||
		described.Repositories[0].ImageTagMutability != "IMMUTABLE" || !described.Repositories[0].ImageScanningConfiguration.ScanOnPush {
		t.Errorf("DescribeRepositories: %s, %+v", code, described)
	}

	if err := remote.Write(tag, first, options(password)...); err != nil {
		t.Fatal(err)
	}
	refused("another image", remote.Write(tag, second, options(password)...), "cannot be overwritten because the tag is immutable")
	found, err := remote.Head(reference("000000000000.dkr-ecr.eu-central-1.on.aws/shop:1"), options(password)...)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := first.Digest(); err != nil || found.Digest != want {
		t.Errorf("at its other name, the registry has %s, want %s", found.Digest, want)
	}
	status, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range status.Resources {
		if !r.ByHand {
			t.Errorf("%s counts as left over", r.ID)
		}
	}
}
