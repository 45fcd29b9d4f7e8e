package smoke

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/coder/websocket"
)

// answer is a response with its body.
type answer struct {
	*http.Response
	body []byte
}

// get requests a path of the service's host.
func (p *probe) get(ctx context.Context, client *http.Client, path string) (answer, error) {
	return get(ctx, client, "https://"+p.url.Host+path, "")
}

// get requests a URL. A host that is not empty replaces the URL's in the Host header.
func get(ctx context.Context, client *http.Client, target, host string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return answer{}, err
	}
	request.Host = host
	request.Header.Set("User-Agent", "slipway-smoke")
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	const enough = 64 << 10 // for the expected answers
	body, err := io.ReadAll(io.LimitReader(response.Body, enough))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	return answer{Response: response, body: body}, nil
}

// tls checks the certificate's chain, name and time, and the protocol's version: net/http connects only with TLS 1.2 or later.
func (p *probe) tls(ctx context.Context, client *http.Client) (string, error) {
	a, err := p.get(ctx, client, "/")
	if err != nil {
		return "", err
	}
	if a.TLS == nil || len(a.TLS.PeerCertificates) == 0 {
		return "", errors.New("the connection does not use TLS")
	}
	leaf := a.TLS.PeerCertificates[0]
	left := time.Until(leaf.NotAfter)
	issuer := leaf.Issuer.CommonName
	if len(leaf.Issuer.Organization) > 0 {
		issuer = leaf.Issuer.Organization[0] + " " + issuer
	}
	found := fmt.Sprintf("%s, by %s, %s left", tls.VersionName(a.TLS.Version), strings.TrimSpace(issuer), days(left))
	if left < p.Expiry {
		return "", fmt.Errorf("%s: fewer than %s", found, days(p.Expiry))
	}
	return found, nil
}

func days(d time.Duration) string {
	if n := int(d / (24 * time.Hour)); n != 1 {
		return fmt.Sprintf("%d days", n)
	}
	return "1 day"
}

// redirect checks that plain HTTP leads to the same path and query on HTTPS.
func (p *probe) redirect(ctx context.Context, client *http.Client) (string, error) {
	if port := p.url.Port(); port != "" && port != "443" {
		return "", skip("the URL has a port: the port of plain HTTP is not known")
	}
	host := strings.TrimSuffix(p.url.Host, ":443")
	const path = "/smoke/redirect?a=1&b=%2F"
	a, err := get(ctx, client, "http://"+host+path, "")
	if err != nil {
		return "", err
	}
	if a.StatusCode != http.StatusMovedPermanently {
		return "", fmt.Errorf("plain HTTP answers %s, not 301", Status(a.StatusCode))
	}
	// An Application Load Balancer names the port, which the listener's action sets ("Action types for listener rules" in its
	// user guide).
	location := a.Header.Get("Location")
	for _, port := range []string{"", ":443"} {
		if want := "https://" + host + port + path; strings.EqualFold(location, want) {
			return "301 to " + location, nil
		}
	}
	return "", fmt.Errorf("plain HTTP leads from http://%s%s to %q", host, path, location)
}

// notFound checks that a name without a service gets the load balancer's own answer, that of components.LoadBalancer.
func (p *probe) notFound(ctx context.Context, client *http.Client) (string, error) {
	// RFC 2606 reserves .invalid, so no one can have such a name.
	a, err := get(ctx, client, "https://"+p.url.Host, "smoke-test.invalid")
	if err != nil {
		return "", err
	}
	if a.Header.Get("Server") == "cloudflare" {
		return "", skip("Cloudflare's proxy answers for names that are not its own")
	}
	if a.StatusCode != http.StatusNotFound {
		return "", fmt.Errorf("an unknown host name gets %s, not 404", Status(a.StatusCode))
	}
	var body struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal(a.body, &body); err != nil || body.Message != "Not Found" {
		return "", errors.New(`an unknown host name gets a 404 without {"message": "Not Found"}`)
	}
	return "an unknown host name gets 404", nil
}

// health checks that the service is healthy, or that it answers at all if the health check is not reachable from outside.
func (p *probe) health(ctx context.Context, client *http.Client) (string, error) {
	path, passes := p.AskHealth(cmp.Or(p.url.EscapedPath(), "/"))
	a, err := p.get(ctx, client, path)
	asked := path == p.HealthPath
	switch {
	case err != nil:
		return "", err
	case ByBalancer(a.Response):
		return "", fmt.Errorf("%s answers %s, by the load balancer itself: %s", path, Status(a.StatusCode), WhyByBalancer(a.StatusCode))
	case asked && !passes(a.StatusCode):
		return "", fmt.Errorf("%s answers %s, not %s", path, Status(a.StatusCode), cmp.Or(p.HealthCodes, "200"))
	case !passes(a.StatusCode):
		return "", fmt.Errorf("%s answers %s", path, Status(a.StatusCode))
	case !asked && p.HealthPath != "":
		return fmt.Sprintf("%s answers %d; %s is not routed to the service", path, a.StatusCode, p.HealthPath), nil
	}
	return fmt.Sprintf("%s answers %d", path, a.StatusCode), nil
}

// Status is a status in our words, because an answer can have any text there.
func Status(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}

// WhyByBalancer says why the load balancer answers itself ("HTTP errors" in "Troubleshoot your Application Load Balancers").
func WhyByBalancer(status int) string {
	switch status {
	case http.StatusNotFound:
		return "no rule sends this to a service"
	case http.StatusServiceUnavailable:
		return "the service has no healthy task"
	default:
		return "the service's tasks do not answer it properly"
	}
}

// path checks that a path of the service answers without an error.
func (p *probe) path(ctx context.Context, client *http.Client, path string) (string, error) {
	a, err := p.get(ctx, client, path)
	if err != nil {
		return "", err
	}
	if !Passes(a.StatusCode) {
		return "", fmt.Errorf("%s answers %s", path, Status(a.StatusCode))
	}
	return fmt.Sprintf("%s answers %d", path, a.StatusCode), nil
}

// IsDigest reports whether a version is the digest of an image.
func IsDigest(version string) bool { return strings.HasPrefix(version, "sha256:") }

// version checks which version of the service answers. The image's digest is the version of a service that has none.
func (p *probe) version(ctx context.Context, client *http.Client) (string, error) {
	if p.Image != "" && IsDigest(p.Version) && p.Version != p.Image {
		return "", fmt.Errorf("the service runs the image %s, not %s", p.Image, p.Version)
	}
	if p.VersionPath == "" {
		return p.digest()
	}
	a, err := p.get(ctx, client, p.VersionPath)
	if err != nil {
		return "", err
	}
	if a.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s, not 200", p.VersionPath, Status(a.StatusCode))
	}
	said, err := ReadVersion(a.body)
	if err != nil {
		return "", fmt.Errorf("%s %w", p.VersionPath, err)
	}
	p.found = said
	if p.Version != "" && !IsDigest(p.Version) && said != p.Version {
		return "", fmt.Errorf("%s says %q, not %q", p.VersionPath, said, p.Version)
	}
	return fmt.Sprintf("%s says %q", p.VersionPath, said), nil
}

// digest uses the image's digest as the version.
func (p *probe) digest() (string, error) {
	p.found = p.Image
	const none = "the service does not say its version"
	switch {
	case p.Image == "":
		return "", skip(none)
	case p.Version != "" && !IsDigest(p.Version):
		return "", skip(fmt.Sprintf("%s, so %q cannot be checked; its image is %s", none, p.Version, p.Image))
	}
	return none + "; its image is " + p.Image, nil
}

// maxVersion is how long a version may be, in bytes: longer than any readable name.
const maxVersion = 256

// ReadVersion returns the version in an answer. It goes to terminals and into stacks' histories, so it must have only printable
// characters.
func ReadVersion(body []byte) (string, error) {
	var said struct {
		Version string `json:"version"`
	}
	switch err := json.Unmarshal(body, &said); {
	case err != nil || said.Version == "":
		return "", errors.New("does not answer a JSON object with a version")
	case len(said.Version) > maxVersion || strings.ContainsFunc(said.Version, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", fmt.Errorf("answers a version that is longer than %d bytes or has characters that cannot be printed", maxVersion)
	}
	return said.Version, nil
}

// webSocket checks that a message comes back. Others may send meanwhile: the service sends each message to all.
func (p *probe) webSocket(ctx context.Context, client *http.Client) (string, error) {
	path := p.WebSocketPath
	start := time.Now()
	conn, response, err := websocket.Dial( //nolint:bodyclose // the library says that it need not be closed
		ctx, "https://"+p.url.Host+path, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		if response != nil {
			return "", fmt.Errorf("%s answers %s, not 101", path, Status(response.StatusCode))
		}
		return "", err
	}
	defer func() { _ = conn.CloseNow() }()

	said := "smoke " + rand.Text()
	if err := conn.Write(ctx, websocket.MessageText, []byte(said)); err != nil {
		return "", fmt.Errorf("%s: send: %w", path, err)
	}
	for {
		_, heard, err := conn.Read(ctx)
		if ctx.Err() != nil {
			return "", fmt.Errorf("%s does not echo the message in time", path)
		}
		if err != nil {
			return "", fmt.Errorf("%s does not echo the message: %w", path, err)
		}
		if string(heard) == said {
			_ = conn.Close(websocket.StatusNormalClosure, "")
			return fmt.Sprintf("%s echoes within %s", path, rounded(time.Since(start))), nil
		}
	}
}
