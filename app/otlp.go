package main

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"
)

// otlpProtocol is OTLP over HTTP as JSON. The official exporter makes the service's binary twice as big, because it brings Protocol
// Buffers and gRPC along; of OTLP, this service needs the two messages below.
const otlpProtocol = "http/json"

// The messages are those of opentelemetry-proto as JSON: numbers of 64 bits are texts, and ids are hexadecimal (OTLP specification, "JSON
// Protobuf Encoding").

type otlpTraces struct {
	ResourceSpans []resourceSpans `json:"resourceSpans"`
}

type resourceSpans struct {
	Resource   otlpResource `json:"resource"`
	ScopeSpans []scopeSpans `json:"scopeSpans"`
}

type scopeSpans struct {
	Scope otlpScope  `json:"scope"`
	Spans []otlpSpan `json:"spans"`
}

type otlpSpan struct {
	TraceID      string      `json:"traceId"`
	SpanID       string      `json:"spanId"`
	ParentSpanID string      `json:"parentSpanId,omitempty"`
	Name         string      `json:"name"`
	Kind         int         `json:"kind"`
	Start        string      `json:"startTimeUnixNano"`
	End          string      `json:"endTimeUnixNano"`
	Attributes   []attribute `json:"attributes,omitempty"`
	Status       otlpStatus  `json:"status"`
}

type otlpStatus struct {
	Code int `json:"code,omitempty"` // 2 is an error
}

type otlpMetrics struct {
	ResourceMetrics []resourceMetrics `json:"resourceMetrics"`
}

type resourceMetrics struct {
	Resource     otlpResource   `json:"resource"`
	ScopeMetrics []scopeMetrics `json:"scopeMetrics"`
}

type scopeMetrics struct {
	Scope   otlpScope    `json:"scope"`
	Metrics []otlpMetric `json:"metrics"`
}

type otlpMetric struct {
	Name      string        `json:"name"`
	Unit      string        `json:"unit"`
	Histogram otlpHistogram `json:"histogram"`
}

type otlpHistogram struct {
	Temporality int         `json:"aggregationTemporality"` // 2 is cumulative: from the service's start
	Points      []dataPoint `json:"dataPoints"`
}

type dataPoint struct {
	Attributes []attribute `json:"attributes"`
	Start      string      `json:"startTimeUnixNano"`
	Time       string      `json:"timeUnixNano"`
	Count      string      `json:"count"`
	Sum        float64     `json:"sum"`
	Buckets    []string    `json:"bucketCounts"`
	Bounds     []float64   `json:"explicitBounds"`
}

type otlpResource struct {
	Attributes []attribute `json:"attributes"`
}

type otlpScope struct {
	Name string `json:"name"`
}

// attribute is a name with a value.
type attribute struct {
	Key   string         `json:"key"`
	Value attributeValue `json:"value"`
}

// attributeValue has one of the two.
type attributeValue struct {
	Text string `json:"stringValue,omitempty"`
	Int  string `json:"intValue,omitempty"`
}

func text(key, value string) attribute { return attribute{key, attributeValue{Text: value}} }

func integer(key string, value int) attribute {
	return attribute{key, attributeValue{Int: strconv.Itoa(value)}}
}

var scope = otlpScope{Name: "slipway/app"}

// tracesRequest is the body of a request to /v1/traces.
func tracesRequest(resource map[string]string, spans []span) otlpTraces {
	out := make([]otlpSpan, len(spans))
	for i, s := range spans {
		out[i] = otlpSpan{
			TraceID: s.trace, SpanID: s.id, ParentSpanID: s.parent, Name: s.name, Kind: s.kind,
			Start: nanoseconds(s.start), End: nanoseconds(s.end), Attributes: s.attributes,
		}
		if s.failed {
			out[i].Status.Code = 2
		}
	}
	return otlpTraces{[]resourceSpans{{resourceOf(resource), []scopeSpans{{scope, out}}}}}
}

// metricsRequest is the body of a request to /v1/metrics, nil if nothing was measured.
func metricsRequest(resource map[string]string, durations map[series]*histogram, began, now time.Time) any {
	if len(durations) == 0 {
		return nil
	}
	var points []dataPoint
	for _, of := range slices.SortedFunc(maps.Keys(durations), series.compare) {
		h := durations[of]
		point := dataPoint{
			Attributes: requestAttributes(of), Start: nanoseconds(began), Time: nanoseconds(now),
			Count: strconv.FormatUint(h.count, 10), Sum: h.sum, Bounds: durationBounds,
		}
		for _, n := range h.buckets {
			point.Buckets = append(point.Buckets, strconv.FormatUint(n, 10))
		}
		points = append(points, point)
	}
	metric := otlpMetric{Name: "http.server.request.duration", Unit: "s", Histogram: otlpHistogram{Temporality: 2, Points: points}}
	return otlpMetrics{[]resourceMetrics{{resourceOf(resource), []scopeMetrics{{scope, []otlpMetric{metric}}}}}}
}

func resourceOf(attributes map[string]string) otlpResource {
	var out otlpResource
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		out.Attributes = append(out.Attributes, text(key, attributes[key]))
	}
	return out
}

func nanoseconds(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

// series tells requests apart. Nothing in it can be anything that a client likes, or the number of series would have no bound.
type series struct {
	method, route, scheme string
	status                int
}

func (s series) compare(other series) int {
	return cmp.Or(cmp.Compare(s.route, other.route), cmp.Compare(s.method, other.method), cmp.Compare(s.scheme, other.scheme), cmp.Compare(s.status, other.status))
}

// requestAttributes are those that spans and metrics of requests have ("Semantic conventions for HTTP spans" and "… metrics" of
// OpenTelemetry).
func requestAttributes(of series) []attribute {
	attributes := []attribute{
		text("http.request.method", of.method), integer("http.response.status_code", of.status), text("url.scheme", of.scheme),
	}
	if of.route != "" {
		attributes = append(attributes, text("http.route", of.route))
	}
	if of.status >= 500 {
		attributes = append(attributes, text("error.type", strconv.Itoa(of.status)))
	}
	return attributes
}

// durationBounds divide the durations of requests, in seconds ("Metric: http.server.request.duration"). Nothing changes them.
var durationBounds = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// histogram counts values between bounds.
type histogram struct {
	count   uint64
	sum     float64
	buckets []uint64 // up to and with each bound, and above the last
}

func newHistogram() *histogram { return &histogram{buckets: make([]uint64, len(durationBounds)+1)} }

func (h *histogram) add(value float64) {
	i, _ := slices.BinarySearch(durationBounds, value)
	h.count++
	h.sum += value
	h.buckets[i]++
}
