package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"slipway/localcloud/cloud"
	"slipway/localcloud/daemon"
)

func client(ctx context.Context, dir string) (daemon.Client, error) {
	info, err := daemon.Find(ctx, dir)
	return daemon.Client{Info: info}, err
}

func readStatus(ctx context.Context, dir string) (*daemon.Status, error) {
	c, err := client(ctx, dir)
	if err != nil {
		return nil, err
	}
	return c.Status(ctx)
}

func status(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	asJSON := flags.Bool("json", false, "print JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s, err := readStatus(ctx, dir)
	if err != nil {
		return err
	}
	if !*asJSON {
		return s.Print(os.Stdout)
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(s)
}

// wait blocks until every service is in a steady state. The AWS provider does not wait for that at a service's first deployment: it
// counts running tasks, healthy or not.
func wait(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	timeout := flags.Duration("timeout", 2*time.Minute, "how long to wait")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c, err := client(ctx, dir)
	if err != nil {
		return err
	}
	deadline, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	for {
		s, err := c.Status(ctx)
		if err != nil {
			return err
		}
		unsteady, err := unsteadyService(s)
		if err != nil || unsteady == "" {
			return err
		}
		select {
		case <-deadline.Done():
			return fmt.Errorf("service %s is not in a steady state after %s; %s", unsteady, *timeout, whereToLook(s))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// unsteadyService returns a service that is not in a steady state, or "". A deployment that failed is an error.
func unsteadyService(s *daemon.Status) (string, error) {
	for _, svc := range s.Services {
		if i := slices.IndexFunc(svc.Deployments, func(d daemon.Deployment) bool { return d.Status == "PRIMARY" }); i >= 0 &&
			svc.Deployments[i].RolloutState == "FAILED" {
			return "", fmt.Errorf("the deployment of service %s failed; %s", svc.Name, whereToLook(s))
		}
		if !svc.Steady {
			return svc.Name, nil
		}
	}
	return "", nil
}

func whereToLook(s *daemon.Status) string {
	if len(s.Problems) > 0 {
		return strings.Join(s.Problems, "; ")
	}
	return "its events in `localcloud status` and `localcloud logs` say why"
}

func endpoints(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	c, err := client(ctx, dir)
	if err != nil {
		return err
	}
	s, err := c.Status(ctx)
	if err != nil {
		return err
	}
	for _, e := range s.Endpoints {
		u, err := url.Parse(e.URL)
		if err != nil || u.Scheme != "https" {
			continue
		}
		version, err := fetch(ctx, &c.Info, "https://"+e.Hostname+"/version")
		if err != nil && !errors.Is(err, errStatus) {
			return err
		}
		fmt.Printf("https://%s\n", e.Hostname)
		if said := strings.TrimSpace(string(version)); err == nil && isVersion(said) {
			fmt.Printf("  answers %s\n", said)
		}
		fmt.Printf("  curl --cacert %s --connect-to ::%s https://%s/\n", s.CAFile, u.Host, e.Hostname)
	}
	return nil
}

// isVersion reports whether an answer is a version on one line. Not every service has one, and some answer any path with a page.
func isVersion(said string) bool {
	var told struct{ Version string }
	return json.Unmarshal([]byte(said), &told) == nil && told.Version != "" && !strings.ContainsFunc(said, unicode.IsControl)
}

func get(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	u, err := url.Parse(flags.Arg(0))
	if err != nil || u.Host == "" {
		return fmt.Errorf("get: %q is not a URL such as https://hello.slipway.test/version", flags.Arg(0))
	}
	c, err := client(ctx, dir)
	if err != nil {
		return err
	}
	body, err := fetch(ctx, &c.Info, u.String())
	_, _ = os.Stdout.Write(body) // also the part before an error
	return err
}

// errStatus is returned for an answer with an error status.
var errStatus = errors.New("the answer is")

// fetch requests a URL like a browser that uses the cloud's proxy and trusts its authority.
func fetch(ctx context.Context, info *daemon.Info, address string) ([]byte, error) {
	pem, err := os.ReadFile(info.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read the cloud's certificate authority: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	hc := http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			Proxy:             http.ProxyURL(&url.URL{Scheme: "http", Host: info.Proxy}),
			TLSClientConfig:   &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", address, err)
	}
	resp, err := hc.Do(req)
	if err != nil {
		return nil, err // names the URL
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("get %s: %w %s", req.URL, errStatus, resp.Status)
	}
	return body, err
}

func logs(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	follow := flags.Bool("follow", false, "follow new log lines")
	group := flags.String("group", "", "only this log group")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 1 || flags.NArg() == 1 && *group != "" {
		flags.Usage()
		return flag.ErrHelp
	}
	c, err := client(ctx, dir)
	if err != nil {
		return err
	}
	return c.Logs(ctx, os.Stdout, cmp.Or(*group, flags.Arg(0)), *follow)
}

func change(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	token := flags.String("type", "", "the resource's type, if two resources have the id")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() < 2 {
		flags.Usage()
		return flag.ErrHelp
	}
	properties := cloud.Map{}
	for _, a := range flags.Args()[1:] {
		name, text, _ := strings.Cut(a, "=")
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return fmt.Errorf("change: property %s: %q is not JSON: %w", name, text, err)
		}
		properties[name] = v
	}
	c, err := client(ctx, dir)
	if err != nil {
		return err
	}
	if err := c.Change(ctx, *token, flags.Arg(0), properties); err != nil {
		return err
	}
	fmt.Printf("%s was changed: %s\n", flags.Arg(0), strings.Join(flags.Args()[1:], " "))
	return nil
}

func remove(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	token := flags.String("type", "", "the resource's type, if two resources have the id")
	if err := parseOne(flags, args); err != nil {
		return err
	}
	c, err := client(ctx, dir)
	if err != nil {
		return err
	}
	if err := c.Delete(ctx, *token, flags.Arg(0)); err != nil {
		return err
	}
	fmt.Printf("%s was deleted\n", flags.Arg(0))
	return nil
}
