package main

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"slipway/internal/cli"
)

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		args      []string
		complaint string
	}{
		{nil, "give URLs, or -stack"},
		{[]string{"-stack", "dev", "https://a.test"}, "not both"},
		{[]string{"-service", "hello", "https://a.test"}, "-service goes with -stack"},
		{[]string{"-stack", "dev", "-health", "/up"}, "paths go with URLs"},
		{[]string{"-stack", "dev", "-path", "/"}, "paths go with URLs"},
		{[]string{"-version", "sha256:0123", "https://a.test"}, "a digest goes with -stack"},
		{[]string{"-version", "v1", "https://a.test"}, "-version goes with -stack, or with -version-path"},
		{[]string{"-wait", "-1s", "https://a.test"}, "cannot be negative"},
		{[]string{"-nonsense"}, "not defined: -nonsense"},
		{[]string{"-h"}, "usage: smoke [flags] URL…"},
	} {
		var stdout, stderr bytes.Buffer
		err := run(t.Context(), test.args, &stdout, &stderr)
		if !errors.Is(err, cli.ErrUsage) || !strings.Contains(stderr.String(), test.complaint) || !strings.Contains(stderr.String(), "usage: smoke") {
			t.Errorf("smoke %q: %v, and said\n%s", test.args, err, &stderr)
		}
	}
}

// A server whose certificate nobody trusts: every check by TLS fails, and what was found is shown all the same.
func TestFailedChecksAreErrors(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), []string{server.URL, server.URL + "/api/"}, &stdout, &stderr)
	if err == nil || errors.Is(err, cli.ErrUsage) {
		t.Errorf("error %v", err)
	}
	for _, want := range []string{
		server.URL + "\n  FAIL  tls ", server.URL + "/api/\n  FAIL  tls ", "an authority that this machine does not trust",
		"skip  redirect ", "FAIL  health ",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("%q is not in\n%s", want, &stdout)
		}
	}
}

func TestURLsThatCannotBeChecked(t *testing.T) {
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), []string{"http://a.test"}, &stdout, &stderr)
	if err == nil || errors.Is(err, cli.ErrUsage) || !strings.Contains(err.Error(), "must be https://host") {
		t.Errorf("error %v", err)
	}
}
