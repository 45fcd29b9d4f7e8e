package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// healthcheckTimeout is below the 5 s that ECS gives a container's health check by default, so that a hanging service
// is reported by us with a reason.
const healthcheckTimeout = 3 * time.Second

// healthcheck asks the app that runs with the same environment for its health. It returns nil only for a 200.
func healthcheck(ctx context.Context, cfg config) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	url := "http://" + cfg.localAddress() + "/healthz"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	transport := &http.Transport{DisableKeepAlives: true} // and no proxy, even if the environment has one
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("health check of %s: %w", url, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("health check of %s: answered %s", url, resp.Status)
	}
	return nil
}

// localAddress is the app's address in its own container: HOST, unless that stands for every address.
func (c config) localAddress() string {
	host := c.host
	if ip, err := netip.ParseAddr(host); host == "" || (err == nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(c.port))
}
