package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"slipway/internal/smoke"
)

// question is a service and its checks.
type question struct {
	url    string
	checks smoke.Checks
}

// answer is the answer of one instance of a service.
type answer struct {
	problem  string // why it is not healthy; empty if it is
	version  string // empty if it has none
	hostname string // the instance; empty if it does not say
}

// asker asks services as their users do: by name, through the load balancer.
type asker struct{ client *http.Client }

func newAsker() asker {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	// A new connection each time, because a load balancer may send it to another instance.
	transport.DisableKeepAlives = true
	return asker{&http.Client{
		Transport:     transport,
		Timeout:       4 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// ask asks a service for its health and version, if its configuration has the paths.
func (a asker) ask(ctx context.Context, q question) (answer, error) {
	base, err := url.Parse(q.url)
	if err != nil {
		return answer{}, fmt.Errorf("ask %s: %w", q.url, err)
	}
	root := base.Scheme + "://" + base.Host
	path, passes := q.checks.AskHealth(cmp.Or(base.EscapedPath(), "/"))
	code, said, err := a.get(ctx, root+path)
	if err != nil {
		return answer{}, err
	}
	var problem string
	if !passes(code) {
		problem = fmt.Sprintf("%s answers %d", path, code)
	}
	for _, path := range q.checks.Paths {
		if code, _, err := a.get(ctx, root+path); problem == "" && (err != nil || !smoke.Passes(code)) {
			problem = fmt.Sprintf("%s answers %d", path, code)
			if err != nil {
				problem = fmt.Sprintf("%s does not answer: %v", path, err)
			}
		}
	}
	if q.checks.VersionPath == "" {
		return answer{problem, "", said.Hostname}, nil
	}
	// Another instance may answer this time.
	code, told, err := a.get(ctx, root+q.checks.VersionPath)
	switch {
	case err != nil:
		return answer{}, err
	case code != http.StatusOK:
		return answer{}, fmt.Errorf("%s answers %d", q.checks.VersionPath, code)
	}
	return answer{problem, told.Version, cmp.Or(told.Hostname, said.Hostname)}, nil
}

type statement struct{ Version, Hostname string }

func (a asker) get(ctx context.Context, target string) (int, statement, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return 0, statement{}, fmt.Errorf("ask %s: %w", target, err)
	}
	req.Header.Set("User-Agent", "slipway-fleet")
	resp, err := a.client.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // the page shows the URL anyway
		}
		return 0, statement{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	if smoke.ByBalancer(resp) {
		return 0, statement{}, fmt.Errorf("the load balancer itself answers %s: %s", smoke.Status(resp.StatusCode), smoke.WhyByBalancer(resp.StatusCode))
	}
	var said statement
	// An answer that is not JSON has neither version nor instance.
	_ = json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&said)
	return resp.StatusCode, said, nil
}

const (
	// healthyWindow is how long an instance counts as healthy after it has answered.
	healthyWindow = 30 * time.Second
	// shareWindow is how long an answer counts for the shares of versions: short, so the page shows a rollout as it goes.
	shareWindow = 12 * time.Second
	// maxRequests bounds the requests of a round, for any number of instances.
	maxRequests = 60
)

// round asks a service a few times. It returns the answers, or why the last request failed. Unless thorough, it ends once the expected
// number of instances have answered; each answer without an instance counts as one. It asks for the other paths once.
func round(ctx context.Context, ask func(context.Context, question) (answer, error), q question, desired int, thorough bool) ([]answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var (
		mu      sync.Mutex
		left    = min(3*max(desired, 1), maxRequests)
		answers []answer
		failed  int
		lastErr error
		heard   = map[string]bool{}
	)
	next := func() (next question, more bool) {
		mu.Lock()
		defer mu.Unlock()
		// Three failures show that it is down.
		if left == 0 || ctx.Err() != nil || failed >= 3 && len(answers) == 0 || !thorough && len(heard) >= max(desired, 1) {
			return question{}, false
		}
		left--
		next = q
		q.checks.Paths = nil
		return next, true
	}
	var askers sync.WaitGroup
	for range min(4, left) {
		askers.Go(func() {
			for {
				q, more := next()
				if !more {
					return
				}
				a, err := ask(ctx, q)
				mu.Lock()
				if err != nil {
					failed, lastErr = failed+1, err
				} else {
					answers = append(answers, a)
					heard[cmp.Or(a.hostname, fmt.Sprintf("answer %d", len(answers)))] = true
				}
				mu.Unlock()
			}
		})
	}
	askers.Wait()
	if len(answers) > 0 {
		return answers, nil
	}
	return nil, lastErr
}

// window keeps the answers of a service while they count.
type window struct {
	asked   time.Time
	err     string
	answers []heard
}

type heard struct {
	answer
	at time.Time
}

// add keeps a round's outcome.
func (w *window) add(answers []answer, err error, now time.Time) {
	w.asked, w.err = now, ""
	if err != nil {
		w.err = firstLine(err.Error())
	}
	w.answers = slices.DeleteFunc(w.answers, func(h heard) bool { return now.Sub(h.at) > healthyWindow })
	for _, a := range answers {
		w.answers = append(w.answers, heard{a, now})
	}
}

// sight sums up the answers.
func (w *window) sight(now time.Time) sight {
	s := sight{asked: w.asked, err: w.err}
	versions := map[string]int{}
	for _, h := range w.answers {
		if now.Sub(h.at) <= shareWindow || h.at.Equal(w.asked) {
			versions[h.version]++
			s.problem = cmp.Or(h.problem, s.problem)
		}
	}
	healthy := map[string]bool{}
	for _, h := range w.answers {
		// Once a version no longer answers, its instances are gone and do not count.
		if h.problem == "" && now.Sub(h.at) <= healthyWindow && versions[h.version] > 0 {
			healthy[h.hostname] = true
		}
	}
	s.nameless = healthy[""] && len(healthy) == 1
	delete(healthy, "")
	s.instances = len(healthy)
	for _, version := range slices.Sorted(maps.Keys(versions)) {
		if version != "" {
			s.versions = append(s.versions, share{version, versions[version]})
		}
	}
	slices.SortStableFunc(s.versions, func(a, b share) int { return cmp.Compare(b.count, a.count) })
	return s
}
