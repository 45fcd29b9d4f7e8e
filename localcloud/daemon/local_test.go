package daemon

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestLocalOnly(t *testing.T) {
	handler := localOnly(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, test := range []struct {
		host, from string
		want       int
	}{
		{"127.0.0.1:4566", "127.0.0.1:51000", 200},
		{"127.0.0.53", "127.0.0.2:51000", 200},
		{"localhost:4566", "[::1]:51000", 200},
		{"[::1]:4566", "127.0.0.1:51000", 200},
		{"evil.example:4566", "127.0.0.1:51000", 403},
		{"127.0.0.1.evil.example", "127.0.0.1:51000", 403},
		{"localhost.evil.example:4566", "127.0.0.1:51000", 403},
		{"192.0.2.1:4566", "127.0.0.1:51000", 403},
		{"", "127.0.0.1:51000", 403},
		{"127.0.0.1:4566", "192.0.2.7:51000", 403},
		{"127.0.0.1:4566", "[2001:db8::7]:51000", 403},
		{"127.0.0.1:4566", "", 403},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Host, r.RemoteAddr = test.host, test.from
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%q from %q: %d, want %d", test.host, test.from, w.Code, test.want)
		}
	}
}

// A page whose name was made to resolve to loopback is refused, even by the token.
func TestForeignNamesAreRefused(t *testing.T) {
	c, stop := run(t, t.TempDir())
	defer stop()
	for _, url := range []string{"http://" + c.Info.Control + "/status", "http://" + c.Info.Registry + "/v2/"} {
		for host, want := range map[string]int{"evil.example": http.StatusForbidden, "": http.StatusOK} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			r.Header.Set("Authorization", "Bearer "+c.Info.Token)
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s by the name %q: %s, want %d", url, host, resp.Status, want)
			}
		}
	}
}
