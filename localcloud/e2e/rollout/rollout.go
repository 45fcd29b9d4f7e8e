// Package rollout proves that nothing is dropped: it takes a stack under constant load through everything that happens to a
// service, good versions and bad ones, and counts what its clients see of it.
package rollout

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"slipway/localcloud/e2e/load"
	"slipway/localcloud/e2e/stack"
)

// Options say under what load, and what still counts as good.
type Options struct {
	Root string // the repository's folder, with its binaries in bin
	// Rate is how many requests a second to make, and Sockets how many WebSockets to hold open.
	Rate, Sockets int
	// Sample leaves scenarios out that others are like.
	Sample bool
	// Within is how long a good version may take until only it answers, from the beginning of `pulumi up`.
	Within time.Duration
	// Log gets the commands' output.
	Log io.Writer
}

// Run takes its own stack through all scenarios in order, and leaves nothing. It reports the figures of each as soon as it is over. The
// error says what stopped it; the caller judges the figures.
func Run(ctx context.Context, o Options, report func(Figures)) (err error) {
	dir, err := os.MkdirTemp("", "slipway-rollout-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := stack.Start(ctx, o.Root, dir, o.Log)
	defer func() { err = errors.Join(err, s.Stop(context.WithoutCancel(ctx))) }()
	if err != nil {
		return err
	}
	b := &bench{Options: o, stack: s}
	if err := b.begin(ctx); err != nil {
		return fmt.Errorf("bring the stack up: %w", err)
	}
	for _, scenario := range scenarios {
		if o.Sample && !scenario.sampled {
			continue
		}
		f, err := b.run(ctx, scenario)
		if err != nil {
			return fmt.Errorf("%s: %w", scenario.name, err)
		}
		report(f)
	}
	return s.Destroy(ctx)
}

// bench is the stack with what is known about it.
type bench struct {
	Options
	stack   *stack.Stack
	built   int
	version string // that the service is to run
	canary  string // the canary's version
}

const (
	url     = "https://hello.slipway.test"
	service = "services.hello."
	// afterwards is how long the load continues after a scenario, to see which version answers.
	afterwards = 2 * time.Second
	// timeout is after how long a client takes a request for dropped, however busy this machine is.
	timeout = 30 * time.Second
	// patience bounds each wait for the cloud.
	patience = 2 * time.Minute
)

// begin brings up two tasks, one of them on Fargate Spot, of a first version.
func (b *bench) begin(ctx context.Context) error {
	version, err := b.build(ctx, "")
	if err != nil {
		return err
	}
	b.version = version
	err = b.stack.Configure(ctx, map[string]string{
		service + "image":                       image(version),
		service + "instanceCount":               "2",
		service + "capacity.fargate.base":       "1",
		service + "capacity.fargateSpot.weight": "1",
	})
	if err != nil {
		return err
	}
	if err := b.stack.Up(ctx); err != nil {
		return err
	}
	return b.settle(ctx)
}

// build pushes a new version, with a fault or, without one, the service as it is.
func (b *bench) build(ctx context.Context, fault string) (version string, err error) {
	b.built++
	version = fmt.Sprintf("v%d", b.built)
	variables, folder := map[string]string{"main.version": version}, "app"
	if fault != "" {
		variables["main.fault"], folder = fault, "localcloud/e2e/rollout/faulty"
	}
	return version, b.stack.Push(ctx, version, folder, variables)
}

// image is that of a version.
func image(version string) string { return stack.Repository + ":" + version }

// run takes the stack through one scenario under load.
func (b *bench) run(ctx context.Context, s scenario) (Figures, error) {
	want, err := s.prepare(ctx, b)
	if err != nil {
		return Figures{}, err
	}
	f := Figures{Scenario: s.name, want: want, sockets: b.Sockets}
	if want.noSockets {
		f.sockets = 0
	}
	if want.bounded {
		f.limit = b.Within
	}
	proxy, roots, err := b.stack.Clients()
	if err != nil {
		return Figures{}, err
	}
	l := load.Start(ctx, load.Options{URL: url, Proxy: proxy, Roots: roots, Rate: b.Rate, Sockets: f.sockets, Timeout: timeout})
	defer l.Stop()
	if err := b.await(ctx, "the load", func() (bool, error) {
		r := l.Result()
		return r.Opened >= f.sockets && len(r.Versions) > 0, nil
	}); err != nil {
		return Figures{}, fmt.Errorf("%w: %s %v", err, l.Result(), l.Result().Failures)
	}
	start := time.Now()
	if err := s.act(ctx, b); err != nil {
		return Figures{}, err
	}
	f.Took = time.Since(start)
	if err := b.settle(ctx); err != nil {
		return Figures{}, err
	}
	settled := l.Result()
	select {
	case <-time.After(afterwards):
	case <-ctx.Done():
		return Figures{}, ctx.Err()
	}
	f.Result = l.Stop()
	f.Alone, f.Ended = f.Result.Alone(want.last, start)
	f.Share = share(settled, f.Result, b.canary)
	return f, nil
}

// share returns the version's share, in percent, of the answers since then.
func share(before, now load.Result, version string) float64 {
	var all, own int
	count := func(r load.Result, sign int) {
		for _, v := range r.Versions {
			all += sign * v.Answers
			if v.Name == version {
				own += sign * v.Answers
			}
		}
	}
	count(now, 1)
	count(before, -1)
	return 100 * float64(own) / float64(max(all, 1))
}

// settle waits until nothing is under way: every service is in a steady state, the tasks that it no longer needs have ended, and
// no alarm is on.
func (b *bench) settle(ctx context.Context) error {
	return b.await(ctx, "services in a steady state", func() (bool, error) {
		s, err := b.stack.Cloud().Status(ctx)
		if err != nil {
			return false, err
		}
		tasks := 0
		for _, r := range s.Resources {
			if r.Type == taskType {
				tasks++
			}
		}
		for _, svc := range s.Services {
			if !svc.Steady {
				return false, nil
			}
			tasks -= svc.Desired
		}
		for _, a := range s.Alarms {
			if a.State == "ALARM" {
				return false, nil
			}
		}
		return tasks == 0, nil
	})
}

const taskType = "aws:ecs/task:Task"

// ask asks for the version with a header.
func (b *bench) ask(ctx context.Context, header, value string) (version string, err error) {
	proxy, roots, err := b.stack.Clients()
	if err != nil {
		return "", err
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/version", nil)
	if err != nil {
		return "", err
	}
	req.Header.Set(header, value)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	var info struct{ Version string }
	if err := json.NewDecoder(resp.Body).Decode(&info); err != nil {
		return "", fmt.Errorf("%s from %s: %w", resp.Status, url, err)
	}
	return info.Version, nil
}

// await waits until the condition holds, for some time.
func (b *bench) await(ctx context.Context, what string, holds func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if ok, err := holds(); ok || err != nil {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		}
	}
}
