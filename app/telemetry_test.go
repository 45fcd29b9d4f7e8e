package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// collector takes what the service exports. Its answers are those of a round tripper, so it needs no network.
type collector struct {
	mu      sync.Mutex
	traces  []otlpTraces
	metrics []otlpMetrics
	headers http.Header // of the last request
	answer  int         // 0: it cannot be reached
}

func (c *collector) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = r.Header
	if c.answer == 0 {
		return nil, errors.New("connection refused")
	}
	if c.answer == http.StatusOK {
		if err := c.take(r); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: c.answer, Status: http.StatusText(c.answer), Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

func (c *collector) take(r *http.Request) error {
	decoder := json.NewDecoder(r.Body)
	switch r.URL.String() {
	case "http://collector:4318/v1/traces":
		var traces otlpTraces
		c.traces = append(c.traces, traces)
		return decoder.Decode(&c.traces[len(c.traces)-1])
	case "http://collector:4318/v1/metrics":
		var metrics otlpMetrics
		c.metrics = append(c.metrics, metrics)
		return decoder.Decode(&c.metrics[len(c.metrics)-1])
	}
	return errors.New("unknown path " + r.URL.String())
}

func (c *collector) set(answer int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

// spans returns all spans that arrived, in their order.
func (c *collector) spans() []otlpSpan {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []otlpSpan
	for _, t := range c.traces {
		for _, r := range t.ResourceSpans {
			for _, s := range r.ScopeSpans {
				all = append(all, s.Spans...)
			}
		}
	}
	return all
}

// traced returns telemetry that is exported to the collector.
func traced(t *testing.T, c *collector, log *logBuffer, env map[string]string) *telemetry {
	t.Helper()
	all := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}
	maps.Copy(all, env)
	e := &environment{getenv: getenv(all)}
	config := loadTelemetry(e)
	if err := e.err(); err != nil {
		t.Fatal(err)
	}
	made := newTelemetry(config, versionInfo{Version: "1.2.3", Hostname: "task-1"}, log.logger())
	made.client = &http.Client{Transport: c}
	return made
}

// flat has attributes as text.
func flat(attributes []attribute) map[string]string {
	all := map[string]string{}
	for _, a := range attributes {
		all[a.Key] = a.Value.Text + a.Value.Int
	}
	return all
}

func TestRequestsAreExported(t *testing.T) {
	c, log := &collector{answer: http.StatusOK}, &logBuffer{}
	tel := traced(t, c, log, map[string]string{
		"OTEL_SERVICE_NAME": "web", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=dev,team=a%2Cb", "OTEL_EXPORTER_OTLP_HEADERS": "x-key=sword%20fish",
	})
	start := time.Unix(1_700_000_000, 0)
	request := func(method, path, route string, status int, header ...string) string {
		r := httptest.NewRequest(method, path, nil)
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Set(name, value)
		}
		return tel.request(r, route, status, start, start.Add(30*time.Millisecond))
	}
	const trace, caller = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	if got := request("GET", "/status?secret=1", "/status", 200, "Traceparent: 00-"+trace+"-"+caller+"-01", "X-Forwarded-Proto: https"); got != trace {
		t.Errorf("the trace is %q, want the caller's", got)
	}
	request("GET", "/nowhere", "", 404)
	request("BREW", "/", "/", 503, "X-Forwarded-Proto: tea")
	for name, got := range map[string]string{
		"what the caller does not record": request("GET", "/", "/", 200, "Traceparent: 00-"+trace+"-"+caller+"-00"),
		"a health check":                  request("GET", "/healthz", "/healthz", 200),
		"a socket":                        request("GET", "/ws", "/ws", 101),
	} {
		if got != "" {
			t.Errorf("%s has a trace", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tel.run(ctx) // exports what is left

	spans := c.spans()
	if len(spans) != 3 {
		t.Fatalf("%d spans, want 3: %+v", len(spans), spans)
	}
	first := spans[0]
	if first.TraceID != trace || first.ParentSpanID != caller || len(first.SpanID) != 16 || first.Name != "GET /status" || first.Kind != 2 || first.Status.Code != 0 ||
		first.Start != "1700000000000000000" || first.End != "1700000000030000000" {
		t.Errorf("the first span is %+v", first)
	}
	want := map[string]string{"http.request.method": "GET", "http.response.status_code": "200", "url.scheme": "https", "http.route": "/status", "url.path": "/status"}
	if got := flat(first.Attributes); !maps.Equal(got, want) {
		t.Errorf("its attributes are %v, want %v", got, want)
	}
	if s := spans[1]; s.Name != "GET" || s.ParentSpanID != "" || len(s.TraceID) != 32 || s.TraceID == trace || s.Status.Code != 0 {
		t.Errorf("the span without a route is %+v", s)
	}
	want = map[string]string{"http.request.method": "_OTHER", "http.response.status_code": "503", "url.scheme": "http", "http.route": "/", "url.path": "/", "error.type": "503"}
	if s := spans[2]; s.Name != "HTTP /" || s.Status.Code != 2 || !maps.Equal(flat(s.Attributes), want) {
		t.Errorf("the span of the failure is %+v", s)
	}
	want = map[string]string{
		"service.name": "web", "service.version": "1.2.3", "service.instance.id": "task-1", "deployment.environment.name": "dev", "team": "a,b",
	}
	if got := flat(c.traces[0].ResourceSpans[0].Resource.Attributes); !maps.Equal(got, want) {
		t.Errorf("the resource is %v, want %v", got, want)
	}
	if got := c.headers.Get("X-Key"); got != "sword fish" {
		t.Errorf("the header is %q", got)
	}
	checkDurations(t, c)
}

// checkDurations checks the metric of the requests in TestRequestsAreExported.
func checkDurations(t *testing.T, c *collector) {
	t.Helper()
	if len(c.metrics) != 1 {
		t.Fatalf("%d exports of metrics, want 1", len(c.metrics))
	}
	metric := c.metrics[0].ResourceMetrics[0].ScopeMetrics[0].Metrics[0]
	if metric.Name != "http.server.request.duration" || metric.Unit != "s" || metric.Histogram.Temporality != 2 {
		t.Errorf("the metric is %+v", metric)
	}
	counts := map[string]string{}
	for _, p := range metric.Histogram.Points {
		of := flat(p.Attributes)
		counts[of["http.request.method"]+" "+of["http.route"]+" "+of["url.scheme"]+" "+of["http.response.status_code"]] = p.Count
		if len(p.Buckets) != len(p.Bounds)+1 || p.Buckets[3] != p.Count || p.Sum < 0.0299 || p.Sum > 0.0301 {
			t.Errorf("30 ms are counted as %+v", p)
		}
	}
	want := map[string]string{"GET /status https 200": "1", "GET  http 404": "1", "_OTHER / http 503": "1", "GET / http 200": "1", "GET /healthz http 200": "1"}
	if !maps.Equal(counts, want) {
		t.Errorf("the counts are %v, want %v", counts, want)
	}
}

// A collector that is away gets the spans when it is back, and what it refuses for good is not sent again. The log has each change once.
func TestExportsAreRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, log := &collector{}, &logBuffer{}
		tel := traced(t, c, log, map[string]string{"OTEL_BSP_SCHEDULE_DELAY": "1000"})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { tel.run(ctx); close(done) }()

		tel.work("first", time.Now(), time.Now(), nil)
		<-time.After(1500 * time.Millisecond) // of the test's own clock
		c.set(http.StatusServiceUnavailable)
		<-time.After(time.Second)
		if n := len(log.lines(t, "telemetry not sent")); n != 1 {
			t.Errorf("%d lines about two failures, want 1:\n%s", n, log)
		}
		c.set(http.StatusOK)
		<-time.After(time.Second)
		c.set(http.StatusBadRequest)
		tel.work("refused", time.Now(), time.Now(), nil)
		<-time.After(time.Second)
		c.set(http.StatusOK)
		tel.work("last", time.Now(), time.Now(), errors.New("no"))
		cancel()
		<-done

		var names []string
		for _, s := range c.spans() {
			names = append(names, s.Name)
		}
		if !slices.Equal(names, []string{"first", "last"}) {
			t.Errorf("the collector has %v", names)
		}
		if s := c.spans()[1]; s.Kind != 1 || s.Status.Code != 2 {
			t.Errorf("the failed item is %+v", s)
		}
		if failed, again := len(log.lines(t, "telemetry not sent")), len(log.lines(t, "telemetry sent again")); failed != 2 || again != 2 {
			t.Errorf("%d failures and %d returns in the log, want 2 of each:\n%s", failed, again, log)
		}
	})
}

// What does not fit is dropped and counted, and a full batch does not wait for its time.
func TestSpansAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, log := &collector{answer: http.StatusOK}, &logBuffer{}
		tel := traced(t, c, log, map[string]string{"OTEL_BSP_SCHEDULE_DELAY": "3600000"})
		for range maxSpans + 3 {
			tel.work("work", time.Now(), time.Now(), nil)
		}
		if tel.dropped != 3 {
			t.Errorf("%d spans are dropped, want 3", tel.dropped)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go tel.run(ctx)
		synctest.Wait()
		if n := len(c.spans()); n != maxSpans || len(c.traces) != maxSpans/maxBatch {
			t.Errorf("%d spans in %d exports, want %d in batches of %d", n, len(c.traces), maxSpans, maxBatch)
		}
		cancel()
	})
}

func TestTraceParent(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for header, want := range map[string]struct{ joins, recorded bool }{
		"00-" + trace + "-" + span + "-01":                  {true, true},
		"00-" + trace + "-" + span + "-00":                  {true, false},
		"00-" + trace + "-" + span + "-03":                  {true, true},
		"cc-" + trace + "-" + span + "-01-more":             {true, true},
		"00-" + trace + "-" + span + "-01-more":             {false, true},
		"ff-" + trace + "-" + span + "-01":                  {false, true},
		"00-" + trace + "-0000000000000000-01":              {false, true},
		"00-" + strings.ToUpper(trace) + "-" + span + "-01": {false, true},
		"": {false, true},
	} {
		s, recorded := newSpan(header)
		if joins := s.trace == trace && s.parent == span; joins != want.joins || recorded != want.recorded || len(s.trace) != 32 || len(s.id) != 16 {
			t.Errorf("%q: %+v, recorded %v", header, s, recorded)
		}
	}
}

func TestTelemetryRefuses(t *testing.T) {
	for variable, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318-swordfish",
		"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
		"OTEL_EXPORTER_OTLP_HEADERS":  "swordfish",
		"OTEL_RESOURCE_ATTRIBUTES":    "a=swordfish%zz",
		"OTEL_BSP_SCHEDULE_DELAY":     "5s",
	} {
		_, err := loadConfig(getenv(map[string]string{variable: value}))
		if err == nil || !strings.Contains(err.Error(), variable) || strings.Contains(err.Error(), "swordfish") {
			t.Errorf("%s=%s: %v", variable, value, err)
		}
	}
}

// Without an endpoint, nothing is sent.
func TestTelemetryIsOff(t *testing.T) {
	e := &environment{getenv: getenv(map[string]string{"OTEL_SERVICE_NAME": "web"})}
	tel := newTelemetry(loadTelemetry(e), versionInfo{}, discard)
	if tel != nil || tel.request(httptest.NewRequest(http.MethodGet, "/", nil), "/", 200, time.Now(), time.Now()) != "" {
		t.Error("something is recorded")
	}
	tel.work("work", time.Now(), time.Now(), nil)
	tel.run(t.Context())
}

// The service as a whole: a request's trace is in its log line, and the collector has it when the service has stopped.
func TestServeExports(t *testing.T) {
	got := make(chan otlpTraces, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var traces otlpTraces
		if err := json.NewDecoder(r.Body).Decode(&traces); err != nil {
			t.Errorf("%s: %v", r.URL, err)
		}
		if r.URL.Path == "/v1/traces" {
			got <- traces
		}
	}))
	defer srv.Close()
	a := start(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": srv.URL})
	if _, _, err := a.get("/version"); err != nil {
		t.Fatal(err)
	}
	until(t, "the request to be over", func() bool { return len(a.log.lines(t, "request")) == 1 })
	a.stop()
	a.wait(t)
	spans := (<-got).ResourceSpans[0].ScopeSpans[0].Spans
	if len(spans) != 1 || spans[0].Name != "GET /version" || spans[0].TraceID != a.log.lines(t, "request")[0]["trace_id"] {
		t.Errorf("the spans are %+v, and the log\n%s", spans, a.log)
	}
}

func TestWorkerIsTraced(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := newWorker(&supply{empty: cancel, items: []item{
		chore{"a", func(context.Context) error { return nil }}, chore{"b", func(context.Context) error { return errors.New("no") }},
	}})
	w.telemetry = traced(t, &collector{}, &logBuffer{}, nil)
	w.run(ctx)
	if s := w.telemetry.spans; len(s) != 2 || s[0].failed || !s[1].failed || s[0].trace == s[1].trace {
		t.Errorf("the spans are %+v", s)
	}
}
