package load

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// request requests the version at half the rate over one protocol. It does not wait for an answer before the next request, so a slow
// service does not get fewer.
func (l *Load) request(ctx context.Context, http2 bool) {
	client := l.client(http2)
	defer client.CloseIdleConnections()
	tick := time.NewTicker(2 * time.Second / time.Duration(max(l.options.Rate, 1)))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			// Running requests are answered even after the load ends.
			l.running.Go(func() { l.ask(context.WithoutCancel(ctx), client) })
		}
	}
}

// maxAnswer bounds how much of an answer is read.
const maxAnswer = 64 << 10

// ask makes one request and records what came of it.
func (l *Load) ask(ctx context.Context, client *http.Client) {
	sent := time.Now()
	answer, err := version(ctx, client, l.options.URL+"/version")
	answer.sent, answer.took = sent, time.Since(sent)
	l.record.answered(answer, err)
}

// answer is what a request was answered.
type answer struct {
	sent    time.Time
	took    time.Duration
	status  int
	version string // empty where the service did not say
}

// version requests the version once. A request that http.Transport repeats by itself after a cut connection is a failure too, because
// not every client repeats it.
func version(ctx context.Context, client *http.Client, url string) (answer, error) {
	var sent atomic.Int32
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Add(1) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return answer{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	if n := sent.Load(); n > 1 {
		return answer{}, fmt.Errorf("%s to a request that had to be sent %d times", resp.Status, n)
	}
	a := answer{status: resp.StatusCode}
	var info struct{ Version string }
	if json.Unmarshal(body, &info) == nil {
		a.version = info.Version
	}
	switch {
	case a.version == "":
		// Only the service says its version: an answer without one comes from the load balancer.
		return a, fmt.Errorf("%s without a version: %.100q", resp.Status, body)
	case a.status != http.StatusOK && a.status != http.StatusInternalServerError:
		return a, fmt.Errorf("%s from version %s", resp.Status, a.version)
	}
	return a, nil
}
