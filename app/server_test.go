package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func testServer(t *testing.T, env map[string]string) *server {
	t.Helper()
	cfg, err := loadConfig(getenv(env))
	if err != nil {
		t.Fatal(err)
	}
	return newServer(cfg, discard)
}

// call has the handler answer one request, given as its method, path and "Key: value" headers.
func call(handler http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, http.NoBody)
	for _, header := range headers {
		key, value, _ := strings.Cut(header, ": ")
		r.Header.Add(key, value)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func decode(t *testing.T, resp *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	if got := resp.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
	var body map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return body
}

func TestRoutes(t *testing.T) {
	s := testServer(t, nil)
	for _, test := range []struct {
		method, path string
		status       int
		key, value   string // one member of the answer
	}{
		{"GET", "/", 200, "message", "Hello from slipway"},
		{"GET", "/?name=x", 200, "proto", "http"},
		{"HEAD", "/", 200, "", ""},
		{"GET", "/healthz", 200, "status", "ok"},
		{"GET", "/version", 200, "version", s.version.Version},
		{"GET", "/status", 200, "status", "ok"},
		{"GET", "/nope", 404, "message", "Not Found"},
		{"GET", "//version", 404, "message", "Not Found"},
		{"GET", "/version/", 404, "message", "Not Found"},
		{"POST", "/nope", 404, "message", "Not Found"},
		{"POST", "/", 405, "message", "Method Not Allowed"},
		{"DELETE", "/healthz", 405, "message", "Method Not Allowed"},
		{"PUT", "/version", 405, "message", "Method Not Allowed"},
		{"OPTIONS", "/status", 405, "message", "Method Not Allowed"},
		{"POST", "/ws", 405, "message", "Method Not Allowed"},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			resp := call(s, test.method, test.path)
			if resp.Code != test.status {
				t.Errorf("status %d, want %d", resp.Code, test.status)
			}
			if resp.Code == http.StatusMethodNotAllowed && resp.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("allow %q", resp.Header().Get("Allow"))
			}
			if body := decode(t, resp); test.key != "" && body[test.key] != test.value {
				t.Errorf("%s is %v, want %q", test.key, body[test.key], test.value)
			}
		})
	}
}

func TestGreeting(t *testing.T) {
	s := testServer(t, map[string]string{"GREETING": "hi"})
	body := decode(t, call(s, "GET", "/", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 10.0.1.4", "X-Forwarded-Proto: https"))
	want := map[string]any{
		"message": "hi", "version": s.version.Version, "hostname": s.version.Hostname,
		"forwarded_for": "203.0.113.7, 10.0.1.4", "proto": "https",
	}
	for key, value := range want {
		if body[key] != value {
			t.Errorf("%s is %v, want %v", key, body[key], value)
		}
	}
	if len(body) != len(want) {
		t.Errorf("answer %v, want just %v", body, want)
	}
}

func TestVersion(t *testing.T) {
	body := decode(t, call(testServer(t, nil), "GET", "/version"))
	for _, key := range []string{"version", "build_time", "commit", "hostname"} {
		if value, ok := body[key].(string); !ok || value == "" {
			t.Errorf("%s is %v", key, body[key])
		}
	}
}

func TestDraining(t *testing.T) {
	s := testServer(t, nil)
	s.drain()
	resp := call(s, "GET", "/healthz")
	if body := decode(t, resp); resp.Code != http.StatusServiceUnavailable || body["status"] != "draining" {
		t.Errorf("health %d %v", resp.Code, body)
	}
	resp = call(s, "GET", "/")
	if resp.Code != http.StatusOK || resp.Header().Get("Connection") != "close" {
		t.Errorf("greeting %d, connection %q; want 200 and close", resp.Code, resp.Header().Get("Connection"))
	}
}
