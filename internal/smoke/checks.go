package smoke

import (
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

	"github.com/coder/websocket"
)

// answer is a response, read.
type answer struct {
	*http.Response
	body []byte
}

// get asks for a path of the service's host.
func (p *probe) get(ctx context.Context, client *http.Client, path string) (answer, error) {
	return get(ctx, client, "https://"+p.url.Host+path, "")
}

// get asks for a URL. A host that is not empty takes the place of the URL's in the Host header.
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
	const enough = 64 << 10 // for what is expected
	body, err := io.ReadAll(io.LimitReader(response.Body, enough))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	return answer{Response: response, body: body}, nil
}

// routed returns the path itself if the load balancer routes it to the service. Otherwise another service might answer there,
// and what is meant is the path below the service's own.
func (p *probe) routed(path string) (routed string, same bool) {
	below := strings.TrimSuffix(p.url.Path, "/")
	if path == p.url.Path || strings.HasPrefix(path, below+"/") {
		return path, true
	}
	return below + path, false
}

// missing is the error of a path that the service may well not have, since nobody said that it does.
func missing(path, routed string) skip {
	return skip(fmt.Sprintf("%s answers 404, and %s is another service's: give the path", routed, path))
}

// tls checks the certificate's chain, name and time, and the protocol's version: what net/http connects with at all is
// TLS 1.2 or later.
func (p *probe) tls(ctx context.Context, client *http.Client) (string, error) {
	a, err := p.get(ctx, client, "/")
	if err != nil {
		return "", err
	}
	if a.TLS == nil || len(a.TLS.PeerCertificates) == 0 {
		return "", errors.New("the connection is not one of TLS")
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

// redirect checks that plain HTTP leads to the same path and query by HTTPS.
func (p *probe) redirect(ctx context.Context, client *http.Client) (string, error) {
	if port := p.url.Port(); port != "" && port != "443" {
		return "", skip("the URL has a port of its own: where plain HTTP would be is not known")
	}
	host := strings.TrimSuffix(p.url.Host, ":443")
	const path = "/smoke/redirect?a=1&b=%2F"
	a, err := get(ctx, client, "http://"+host+path, "")
	if err != nil {
		return "", err
	}
	if a.StatusCode != http.StatusMovedPermanently {
		return "", fmt.Errorf("plain HTTP answers %s, not 301", a.Status)
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

// notFound checks that a name which no service has gets the load balancer's own answer, the one of components.LoadBalancer.
func (p *probe) notFound(ctx context.Context, client *http.Client) (string, error) {
	// RFC 2606 keeps .invalid from ever being somebody's.
	a, err := get(ctx, client, "https://"+p.url.Host, "smoke-test.invalid")
	if err != nil {
		return "", err
	}
	if a.Header.Get("Server") == "cloudflare" {
		return "", skip("Cloudflare's proxy answers for names that are not its own")
	}
	if a.StatusCode != http.StatusNotFound {
		return "", fmt.Errorf("an unknown host name gets %s, not 404", a.Status)
	}
	var body struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal(a.body, &body); err != nil || body.Message != "Not Found" {
		return "", errors.New(`an unknown host name gets a 404 without {"message": "Not Found"}`)
	}
	return "an unknown host name gets 404", nil
}

// own asks for a path that must answer 200, and returns where that is routed to the service.
func (p *probe) own(ctx context.Context, client *http.Client, path string) (answer, string, error) {
	routed, same := p.routed(path)
	a, err := p.get(ctx, client, routed)
	switch {
	case err != nil:
		return answer{}, "", err
	case !same && a.StatusCode == http.StatusNotFound:
		return answer{}, "", missing(path, routed)
	case a.StatusCode != http.StatusOK:
		return answer{}, "", fmt.Errorf("%s answers %s, not 200", routed, a.Status)
	}
	return a, routed, nil
}

// health checks that the service says that it is well.
func (p *probe) health(ctx context.Context, client *http.Client) (string, error) {
	_, path, err := p.own(ctx, client, p.HealthPath)
	if err != nil {
		return "", err
	}
	return path + " answers 200", nil
}

// version checks which version of the service answers.
func (p *probe) version(ctx context.Context, client *http.Client) (string, error) {
	a, path, err := p.own(ctx, client, p.VersionPath)
	var unanswered skip
	if errors.As(err, &unanswered) && p.Version != "" {
		return "", fmt.Errorf("the version cannot be checked: %s", string(unanswered))
	}
	if err != nil {
		return "", err
	}
	var body struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(a.body, &body); err != nil || body.Version == "" {
		return "", fmt.Errorf("%s does not answer a JSON object with a version", path)
	}
	p.found = body.Version
	if p.Version != "" && body.Version != p.Version {
		return "", fmt.Errorf("%s says %q, not %q", path, body.Version, p.Version)
	}
	return fmt.Sprintf("%s says %q", path, body.Version), nil
}

// webSocket checks that what is said comes back. Others may speak meanwhile: the service sends to all what each says.
func (p *probe) webSocket(ctx context.Context, client *http.Client) (string, error) {
	if p.WebSocketPath == "" {
		return "", skip("not asked for")
	}
	path, same := p.routed(p.WebSocketPath)
	start := time.Now()
	conn, response, err := websocket.Dial( //nolint:bodyclose // says the library: it need not be
		ctx, "https://"+p.url.Host+path, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		if response != nil && response.StatusCode == http.StatusNotFound && !same {
			return "", missing(p.WebSocketPath, path)
		}
		if response != nil {
			return "", fmt.Errorf("%s answers %s, not 101", path, response.Status)
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
			return "", fmt.Errorf("%s does not send back in time what is said", path)
		}
		if err != nil {
			return "", fmt.Errorf("%s does not send back what is said: %w", path, err)
		}
		if string(heard) == said {
			_ = conn.Close(websocket.StatusNormalClosure, "")
			return fmt.Sprintf("%s echoes within %s", path, rounded(time.Since(start))), nil
		}
	}
}
