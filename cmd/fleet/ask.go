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
)

// answer is what one instance of a service said.
type answer struct {
	status   int // of /status: 200 if it and what it needs are well
	version  string
	hostname string // which instance it was
}

// asker asks services as their users would: by name, through the load balancer.
type asker struct{ client *http.Client }

func newAsker() asker {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	// A new connection each time, which a load balancer may give to another instance.
	transport.DisableKeepAlives = true
	return asker{&http.Client{
		Transport:     transport,
		Timeout:       4 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// ask asks a service for its status and version.
func (a asker) ask(ctx context.Context, base string) (answer, error) {
	status, said, err := a.get(ctx, base, "status")
	if err != nil {
		return answer{}, err
	}
	if said.Hostname == "" {
		// /status of the app does not name the instance; what answers now is probably another one, just as well.
		var code int
		if code, said, err = a.get(ctx, base, "version"); err != nil {
			return answer{}, err
		}
		if code != http.StatusOK {
			return answer{}, fmt.Errorf("/version answers %d", code)
		}
	}
	return answer{status, said.Version, said.Hostname}, nil
}

type statement struct{ Version, Hostname string }

func (a asker) get(ctx context.Context, base, path string) (int, statement, error) {
	target, err := url.JoinPath(base, path)
	if err != nil {
		return 0, statement{}, fmt.Errorf("ask %s: %w", base, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return 0, statement{}, fmt.Errorf("ask %s: %w", base, err)
	}
	req.Header.Set("User-Agent", "slipway-fleet")
	resp, err := a.client.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // the URL is on the page anyway
		}
		return 0, statement{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	var said statement
	// What is not JSON says neither version nor instance.
	_ = json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&said)
	return resp.StatusCode, said, nil
}

const (
	// healthyWindow is how long an instance counts as healthy after it has answered.
	healthyWindow = 30 * time.Second
	// shareWindow is for which answers it is counted which version gave them: short, so that a rollout is seen as it goes.
	shareWindow = 12 * time.Second
	// maxRequests bounds a round of asking, however many instances there should be.
	maxRequests = 60
)

// round asks a service a few times, and says what was answered, or why the last question was not. Unless thorough, it is
// over once as many instances have answered as there should be.
func round(ctx context.Context, ask func(context.Context, string) (answer, error), base string, desired int, thorough bool) ([]answer, error) {
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
	next := func() bool {
		mu.Lock()
		defer mu.Unlock()
		// Three failures are enough to know that it is down.
		if left == 0 || ctx.Err() != nil || failed >= 3 && len(answers) == 0 || !thorough && len(heard) >= max(desired, 1) {
			return false
		}
		left--
		return true
	}
	var askers sync.WaitGroup
	for range min(4, left) {
		askers.Go(func() {
			for next() {
				a, err := ask(ctx, base)
				mu.Lock()
				if err != nil {
					failed, lastErr = failed+1, err
				} else {
					answers = append(answers, a)
					heard[a.hostname] = true
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

// window keeps the answers of a service for as long as they count.
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

// sight sums up what was heard.
func (w *window) sight(now time.Time) sight {
	s := sight{asked: w.asked, err: w.err}
	versions := map[string]int{}
	for _, h := range w.answers {
		if now.Sub(h.at) <= shareWindow || h.at.Equal(w.asked) {
			versions[h.version]++
			if h.status != http.StatusOK {
				s.status = h.status
			}
		}
	}
	healthy := map[string]bool{}
	for _, h := range w.answers {
		// Once a version answers no more, those who ran it are not waited for: they are gone.
		if h.status == http.StatusOK && now.Sub(h.at) <= healthyWindow && versions[h.version] > 0 {
			healthy[h.hostname] = true
		}
	}
	s.instances = len(healthy)
	for _, version := range slices.Sorted(maps.Keys(versions)) {
		s.versions = append(s.versions, share{version, versions[version]})
	}
	slices.SortStableFunc(s.versions, func(a, b share) int { return cmp.Compare(b.count, a.count) })
	return s
}
