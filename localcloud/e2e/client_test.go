package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/rogpeppe/go-internal/testscript"
)

// get requests a URL from the load balancer like an outside client, and leaves "STATUS HEADERS BODY" for stdout. It fails if no answer
// comes; with ! if one does.
//
//	get URL [HOST_HEADER]
func get(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: get URL [HOST_HEADER]")
	}
	client := clientOf(ts, args[0])
	req, err := http.NewRequest(http.MethodGet, args[0], nil)
	ts.Check(err)
	req.Host = strings.Join(args[1:], "")
	resp, err := client.Do(req)
	if (err != nil) != neg {
		ts.Fatalf("get %s: %v", args[0], err)
	}
	if err != nil {
		return
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	_, err = fmt.Fprintf(ts.Stdout(), "%s\n", resp.Status)
	ts.Check(err)
	ts.Check(resp.Header.Write(ts.Stdout()))
	_, err = fmt.Fprintf(ts.Stdout(), "\n%s\n", body)
	ts.Check(err)
}

// websocketEcho sends a text through a WebSocket and wants it back.
//
//	websocket URL TEXT
func websocketEcho(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "websocket")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, args[0], &websocket.DialOptions{HTTPClient: clientOf(ts, args[0])})
	ts.Check(err)
	defer func() { _ = conn.CloseNow() }()
	ts.Check(conn.Write(ctx, websocket.MessageText, []byte(args[1])))
	for {
		_, message, err := conn.Read(ctx)
		ts.Check(err)
		if strings.Contains(string(message), args[1]) {
			return
		}
	}
}

// clientOf returns a client that reaches every host name of the URL's scheme at the load balancer's address, trusts only the local
// authority, and follows no redirect.
func clientOf(ts *testscript.TestScript, rawURL string) *http.Client {
	u, err := url.Parse(rawURL)
	ts.Check(err)
	scheme := strings.Replace(u.Scheme, "ws", "http", 1)
	s := readStatus(ts)
	var address string
	for _, e := range s.Endpoints {
		if at, err := url.Parse(e.URL); err == nil && at.Scheme == scheme {
			address = at.Host
		}
	}
	if address == "" {
		ts.Fatalf("no load balancer listens for %s", scheme)
	}
	pem, err := os.ReadFile(s.CAFile)
	ts.Check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	dialer := &net.Dialer{}
	return &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, address)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
