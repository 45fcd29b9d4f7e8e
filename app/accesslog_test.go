package main

import (
	"io"
	"net/http"
	"testing"
)

func TestAccessLog(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    map[string]any
	}{
		"answer": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusNotFound)
				_, _ = io.WriteString(w, "none")
			},
			map[string]any{"level": "INFO", "status": 404.0, "bytes": 4.0},
		},
		"implied status": {
			func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fine") },
			map[string]any{"level": "INFO", "status": 200.0, "bytes": 4.0},
		},
		"failure": {
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
			map[string]any{"level": "WARN", "status": 503.0, "bytes": 0.0},
		},
		"panic": {
			func(http.ResponseWriter, *http.Request) { panic("broken") },
			map[string]any{"level": "WARN", "status": 500.0, "bytes": 0.0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log logBuffer
			func() {
				defer func() { _ = recover() }()
				call(accessLog(log.logger(), nil, test.handler), "GET", "/some/path?token=secret", "X-Forwarded-For: 203.0.113.7")
			}()
			lines := log.lines(t, "request")
			if len(lines) != 1 {
				t.Fatalf("log %q, want one line", log.String())
			}
			test.want["method"], test.want["path"], test.want["forwarded_for"] = "GET", "/some/path", "203.0.113.7"
			for key, value := range test.want {
				if lines[0][key] != value {
					t.Errorf("%s is %v, want %v", key, lines[0][key], value)
				}
			}
			if _, ok := lines[0]["duration_ms"].(float64); !ok {
				t.Errorf("duration_ms is %v", lines[0]["duration_ms"])
			}
		})
	}
}
