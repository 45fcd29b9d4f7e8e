package spec

import "testing"

func TestOwner(t *testing.T) {
	t.Parallel()
	routes := []Route{
		{Service: "web", Hostname: "example.com", Path: "/*"},
		{Service: "api", Hostname: "example.com", Path: "/api/*"},
		{Service: "chat", Hostname: "example.com", Path: "/api/chat/*"},
		{Service: "login", Hostname: "example.com", Path: "/api/login"},
		{Service: "images", Hostname: "example.com", Path: "/i/?.png"},
		{Service: "tenants", Hostname: "*.example.com", Path: "/*"},
		{Service: "tenants", Hostname: "*.example.com", Path: "/api/login"},
		{Service: "beta", Hostname: "*.beta.example.com", Path: "/*"},
		{Service: "one", Hostname: "one.example.com", Path: "/only"},
	}
	for _, test := range []struct{ hostname, path, want string }{
		{"example.com", "/", "web"},
		{"EXAMPLE.com", "/healthz", "web"},
		{"example.com", "/api", "web"},
		{"example.com", "/API/", "web"},
		{"example.com", "/api/", "api"},
		{"example.com", "/api/v1/things", "api"},
		{"example.com", "/api/chat/room", "chat"},
		{"example.com", "/api/login", "login"},
		{"example.com", "/i/a.png", "images"},
		{"example.com", "/i/.png", "web"},
		{"example.com", "/i/ab.png", "web"},
		{"acme.example.com", "/api/login", "tenants"},
		{"a.beta.example.com", "/", "beta"},
		{"a.beta.example.com", "/api/login", "beta"}, // the host name decides before the path
		{"one.example.com", "/only", "one"},
		{"one.example.com", "/", "tenants"},
		{"example.org", "/", ""},
	} {
		got, found := Owner(routes, test.hostname, test.path)
		if got != test.want || found != (test.want != "") {
			t.Errorf("%s%s is of %q (%t), want %q", test.hostname, test.path, got, found, test.want)
		}
	}
}
