package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// Check asks one dependency of the service whether it is usable.
type Check interface {
	// Name identifies the dependency in GET /status and in the log.
	Name() string
	// Check returns nil if the dependency answers. It returns soon after ctx ends, and its error holds no secret.
	Check(ctx context.Context) error
}

// httpCheck is satisfied by any answer below 400 to a GET.
type httpCheck struct {
	name   string
	url    string
	client *http.Client
}

func newHTTPCheck(name, url string) httpCheck {
	return httpCheck{name: name, url: url, client: &http.Client{
		// A connection for each run: a kept one would prove that the dependency was reachable, not that it is.
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		// The dependency is the URL itself, not the target of a redirect.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (c httpCheck) Name() string { return c.name }

func (c httpCheck) Check(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, http.NoBody)
	if err != nil {
		return fmt.Errorf("get: %w", withoutURL(err))
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("get: %w", withoutURL(err))
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("get: answered %d", resp.StatusCode)
	}
	return nil
}

// withoutURL strips the URL that net/http puts into its errors, as the query may hold a token.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// bucketCheck is satisfied by a bucket whose objects the task's role may list.
type bucketCheck struct {
	name   string
	bucket string
	client *awsClient
}

func (c bucketCheck) Name() string { return c.name }

func (c bucketCheck) Check(ctx context.Context) error { return c.client.listBucket(ctx, c.bucket) }

// tcpCheck is satisfied by an accepted connection: a database's port, a cache's.
type tcpCheck struct {
	name    string
	address string
}

func (c tcpCheck) Name() string { return c.name }

func (c tcpCheck) Check(ctx context.Context) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return err // names the operation and the address
	}
	return conn.Close()
}
