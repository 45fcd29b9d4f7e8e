package main

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// telemetryConfig says where spans and metrics go. The variables are OpenTelemetry's own ("Environment Variable Specification" and
// "OpenTelemetry Protocol Exporter" in its specification).
type telemetryConfig struct {
	endpoint   string            // OTEL_EXPORTER_OTLP_ENDPOINT: the collector, such as http://localhost:4318; empty: nothing is recorded
	headers    map[string]string // OTEL_EXPORTER_OTLP_HEADERS: name=value, comma-separated
	resource   map[string]string // OTEL_RESOURCE_ATTRIBUTES: name=value, comma-separated; OTEL_SERVICE_NAME
	spanDelay  time.Duration     // OTEL_BSP_SCHEDULE_DELAY: between two exports of spans, in milliseconds; default 5000
	metricTime time.Duration     // OTEL_METRIC_EXPORT_INTERVAL: the same of metrics; default 60000
	timeout    time.Duration     // OTEL_EXPORTER_OTLP_TIMEOUT: for one export, in milliseconds; default 10000
}

// loadTelemetry reads the variables of OpenTelemetry. A value of a header or an attribute may be a secret, and is not shown.
func loadTelemetry(e *environment) telemetryConfig {
	duration := func(name string, fallback int) time.Duration {
		return time.Duration(e.integer(name, fallback, 3_600_000)) * time.Millisecond
	}
	c := telemetryConfig{
		headers:    e.pairs("OTEL_EXPORTER_OTLP_HEADERS"),
		resource:   e.pairs("OTEL_RESOURCE_ATTRIBUTES"),
		spanDelay:  duration("OTEL_BSP_SCHEDULE_DELAY", 5000),
		metricTime: duration("OTEL_METRIC_EXPORT_INTERVAL", 60_000),
		timeout:    duration("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000),
	}
	if name := e.text("OTEL_SERVICE_NAME", ""); name != "" {
		c.resource["service.name"] = name
	}
	if endpoint := e.text("OTEL_EXPORTER_OTLP_ENDPOINT", ""); endpoint != "" {
		u, err := url.Parse(endpoint)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || u.RawQuery != "" {
			e.refuse("OTEL_EXPORTER_OTLP_ENDPOINT", "…", "an http or https URL without a user and a query, such as http://localhost:4318")
		} else {
			c.endpoint = strings.TrimSuffix(endpoint, "/")
		}
	}
	if protocol := e.text("OTEL_EXPORTER_OTLP_PROTOCOL", otlpProtocol); protocol != otlpProtocol {
		e.refuse("OTEL_EXPORTER_OTLP_PROTOCOL", protocol, otlpProtocol+", the one that this service speaks; collectors take it at the same port as http/protobuf")
	}
	return c
}

// Bounds of what is kept. What does not fit is dropped, and counted: a collector that is away must not cost the service its memory.
const (
	maxSpans  = 2048 // the default of OTEL_BSP_MAX_QUEUE_SIZE
	maxBatch  = 512  // the default of OTEL_BSP_MAX_EXPORT_BATCH_SIZE
	lastFlush = 500 * time.Millisecond
)

// telemetry records what the service does, and sends it to an OpenTelemetry collector. A nil one does nothing.
type telemetry struct {
	config telemetryConfig
	client *http.Client
	log    *slog.Logger
	began  time.Time
	full   chan struct{} // there is a batch of spans

	mu        sync.Mutex
	spans     []span // the oldest first
	dropped   int
	durations map[series]*histogram

	failing bool // only run uses it
}

// newTelemetry returns nil without an endpoint.
func newTelemetry(c telemetryConfig, version versionInfo, log *slog.Logger) *telemetry {
	if c.endpoint == "" {
		return nil
	}
	resource := map[string]string{"service.name": "app", "service.version": version.Version, "service.instance.id": version.Hostname}
	maps.Copy(resource, c.resource)
	c.resource = resource
	return &telemetry{
		config: c, client: &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}, log: log, began: time.Now(), full: make(chan struct{}, 1),
		durations: make(map[series]*histogram),
	}
}

// span is something that the service did.
type span struct {
	trace, id, parent string // in hexadecimal
	name              string
	kind              int
	start, end        time.Time
	attributes        []attribute
	failed            bool
}

// traceParent matches the header by which a caller says which trace its request belongs to, and whether that is recorded. Versions after
// 00 may have more at its end (W3C Trace Context, sections 3.2 and 4.2).
var traceParent = regexp.MustCompile(`^(?:00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})|(?:0[1-9a-f]|[1-9a-e][0-9a-f]|f[0-9a-e])-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?)$`)

// newSpan begins a trace, or a span of the caller's. It is not recorded if the caller says so.
func newSpan(parent string) (s span, recorded bool) {
	const noTrace, noSpan, sampled = "00000000000000000000000000000000", "0000000000000000", 1
	s.id = randomID(len(noSpan))
	match := traceParent.FindStringSubmatch(parent)
	if match != nil && match[1] == "" {
		match = match[3:]
	}
	if match == nil || match[1] == noTrace || match[2] == noSpan {
		s.trace = randomID(len(noTrace))
		return s, true
	}
	s.trace, s.parent = match[1], match[2]
	flags, _ := strconv.ParseUint(match[3], 16, 8) // two digits, as matched
	return s, flags&sampled != 0
}

// randomID returns a random id with the given number of hexadecimal digits.
func randomID(digits int) string {
	random := make([]byte, digits/2)
	_, _ = crand.Read(random) // it never fails
	return hex.EncodeToString(random)
}

// The kinds of spans that the service has (SpanKind in OTLP's trace.proto).
const (
	kindInternal = 1
	kindServer   = 2
)

// request records a request that is over, and returns its trace's id; empty if it has none. The route is empty if none matched.
func (t *telemetry) request(r *http.Request, route string, status int, start, end time.Time) (trace string) {
	// A WebSocket is a connection that stays, and its time says nothing about how fast the service answers.
	if t == nil || status == http.StatusSwitchingProtocols {
		return ""
	}
	method, name := r.Method, r.Method
	if !knownMethods[method] {
		method, name = "_OTHER", "HTTP"
	}
	of := series{method, route, scheme(r), status}
	t.measure(of, end.Sub(start))
	s, recorded := newSpan(r.Header.Get("Traceparent"))
	if !recorded || route == healthRoute { // which the load balancer asks all the time
		return ""
	}
	s.name, s.kind, s.start, s.end = strings.TrimSpace(name+" "+route), kindServer, start, end
	s.failed = status >= http.StatusInternalServerError
	s.attributes = append(requestAttributes(of), text("url.path", clip(r.URL.Path)))
	t.record(s)
	return s.trace
}

// scheme is how the client reached the load balancer. A client without one could put anything there.
func scheme(r *http.Request) string {
	if proto(r) == "https" {
		return "https"
	}
	return "http"
}

// knownMethods are those of RFC 9110 and RFC 5789. Any other is the client's invention ("Semantic conventions for HTTP spans").
var knownMethods = map[string]bool{
	http.MethodConnect: true, http.MethodDelete: true, http.MethodGet: true, http.MethodHead: true, http.MethodOptions: true,
	http.MethodPatch: true, http.MethodPost: true, http.MethodPut: true, http.MethodTrace: true,
}

// work records a worker's item.
func (t *telemetry) work(name string, start, end time.Time, err error) {
	if t == nil {
		return
	}
	s, _ := newSpan("")
	s.name, s.kind, s.start, s.end, s.failed = name, kindInternal, start, end, err != nil
	t.record(s)
}

func (t *telemetry) record(s span) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.spans) >= maxSpans {
		t.dropped++
		return
	}
	t.spans = append(t.spans, s)
	if len(t.spans) >= maxBatch {
		select {
		case t.full <- struct{}{}:
		default:
		}
	}
}

// measure adds a request's duration to those of its series.
func (t *telemetry) measure(of series, d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.durations[of]
	if h == nil {
		h = newHistogram()
		t.durations[of] = h
	}
	h.add(d.Seconds())
}

// run exports until ctx ends, and what is left then.
func (t *telemetry) run(ctx context.Context) {
	if t == nil {
		return
	}
	defer t.client.CloseIdleConnections()
	spans, metrics := time.NewTicker(t.config.spanDelay), time.NewTicker(t.config.metricTime)
	defer spans.Stop()
	defer metrics.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			t.exportSpans(last)
			t.exportMetrics(last)
			return
		case <-spans.C:
			t.exportSpans(ctx)
		case <-t.full:
			t.exportSpans(ctx)
		case <-metrics.C:
			t.exportMetrics(ctx)
		}
	}
}

// exportSpans sends the spans that wait. If the collector does not take them now they wait on.
func (t *telemetry) exportSpans(ctx context.Context) {
	for {
		t.mu.Lock()
		batch := t.spans[:min(len(t.spans), maxBatch)]
		t.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		again, err := t.export(ctx, "/v1/traces", tracesRequest(t.config.resource, batch))
		t.report(err)
		if again {
			return
		}
		t.mu.Lock()
		t.spans = append([]span(nil), t.spans[len(batch):]...) // lets go of those that were sent
		t.mu.Unlock()
	}
}

// exportMetrics sends the metrics. They go on counting from the service's start, so what is not sent now is in the next export.
func (t *telemetry) exportMetrics(ctx context.Context) {
	t.mu.Lock()
	request := metricsRequest(t.config.resource, t.durations, t.began, time.Now())
	t.mu.Unlock()
	if request == nil {
		return
	}
	_, err := t.export(ctx, "/v1/metrics", request)
	t.report(err)
}

// export sends a request, and reports whether it makes sense to send it again (OTLP specification, "OTLP/HTTP Response").
func (t *telemetry) export(ctx context.Context, path string, request any) (again bool, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return false, fmt.Errorf("encode: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, t.config.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.config.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range t.config.headers {
		r.Header.Set(name, value)
	}
	response, err := t.client.Do(r)
	if err != nil {
		return true, err
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxBodyBytes)) // so the connection can be used again
	switch response.StatusCode {
	case http.StatusOK:
		return false, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true, fmt.Errorf("the collector answers %s", response.Status)
	}
	return false, fmt.Errorf("the collector refuses it: %s", response.Status)
}

// report logs when exports begin to fail, and when they succeed again. Every failure would fill the log.
func (t *telemetry) report(err error) {
	t.mu.Lock()
	dropped := t.dropped
	t.mu.Unlock()
	switch {
	case err != nil && !t.failing:
		t.log.Warn("telemetry not sent", "error", err.Error())
	case err == nil && t.failing:
		t.log.Info("telemetry sent again", "dropped_spans", dropped)
	}
	t.failing = err != nil
}
