package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// variables are all that loadConfig reads.
var variables = []string{
	"HOST", "PORT", "LOG_LEVEL", "GREETING", "READ_TIMEOUT", "IDLE_TIMEOUT", "DRAIN_DELAY", "SHUTDOWN_TIMEOUT",
	"CHECK_HTTP_URLS", "CHECK_TCP_ADDRESSES", "CHECK_BUCKETS", "CHECK_TIMEOUT", "CHECK_MAX_AGE", "WATCH_PARAMETERS",
	"AWS_REGION", "AWS_ENDPOINT_URL", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	"ALLOWED_ORIGINS", "MAX_SOCKETS", "MAX_MESSAGE_BYTES", "MAX_SOCKET_AGE", "PING_INTERVAL",
	"OTEL_BSP_SCHEDULE_DELAY", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TIMEOUT",
	"OTEL_METRIC_EXPORT_INTERVAL", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME",
	"QUEUE_URL", "WORK_INTERVAL", "WORK_DURATION", "WORK_TIMEOUT",
}

func TestDefaults(t *testing.T) {
	cfg, err := loadConfig(getenv(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.address(); got != ":8080" {
		t.Errorf("address %q, want :8080", got)
	}
	// What slipway leaves between SIGTERM and SIGKILL, and after how much silence its load balancer hangs up.
	const stopTimeout, balancerIdleTimeout = 30 * time.Second, 60 * time.Second
	if sum := cfg.drainDelay + cfg.shutdownTimeout; sum > stopTimeout*2/3 {
		t.Errorf("a shutdown may take %s, too close to the stopTimeout of %s", sum, stopTimeout)
	}
	if cfg.idleTimeout <= balancerIdleTimeout {
		t.Errorf("idle time-out %s, want more than the load balancer's %s", cfg.idleTimeout, balancerIdleTimeout)
	}
	if cfg.room.ping >= balancerIdleTimeout {
		t.Errorf("ping every %s, want more often than the load balancer's idle time-out of %s", cfg.room.ping, balancerIdleTimeout)
	}
	if cfg.checkTimeout >= cfg.writeTimeout {
		t.Errorf("checks may take %s, but an answer only %s", cfg.checkTimeout, cfg.writeTimeout)
	}
	if cfg.room.burst >= cfg.room.queue {
		t.Errorf("a burst of %d messages fills a queue of %d", cfg.room.burst, cfg.room.queue)
	}
}

func TestConfig(t *testing.T) {
	cfg, err := loadConfig(getenv(map[string]string{
		"HOST": "::1", "PORT": "9000", "DRAIN_DELAY": "250ms",
		"ALLOWED_ORIGINS":     "example.com, *.example.org,, https://app.example.net:8443",
		"CHECK_HTTP_URLS":     "api=https://api.internal/health?a=b, self=http://127.0.0.1:8080",
		"CHECK_TCP_ADDRESSES": "db=db.internal:5432,cache=[::1]:6379",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.address(); got != "[::1]:9000" {
		t.Errorf("address %q", got)
	}
	if cfg.drainDelay != 250*time.Millisecond {
		t.Errorf("drain delay %s", cfg.drainDelay)
	}
	if want := []string{"example.com", "*.example.org", "https://app.example.net:8443"}; !slices.Equal(cfg.allowedOrigins, want) {
		t.Errorf("origins %q, want %q", cfg.allowedOrigins, want)
	}
	var names []string
	for _, check := range cfg.checks {
		names = append(names, check.Name())
	}
	if want := []string{"api", "self", "db", "cache"}; !slices.Equal(names, want) {
		t.Errorf("checks %q, want %q", names, want)
	}
}

func TestConfigRefuses(t *testing.T) {
	for _, test := range []struct{ variable, value, want string }{
		{"PORT", "http", "a whole number from 1 to 65535"},
		{"PORT", "0", "from 1 to 65535"},
		{"PORT", "65536", "from 1 to 65535"},
		{"PORT", " 80", "from 1 to 65535"},
		{"PORT", "99999999999999999999", "from 1 to 65535"},
		{"HOST", "127.0.0.1:80", "without a port"},
		{"HOST", "a b", "an IP address or a host name"},
		{"HOST", strings.Repeat("a", 254), "an IP address or a host name"},
		{"LOG_LEVEL", "loud", "debug, info, warn or error"},
		{"READ_TIMEOUT", "10", "a duration from 1ms to 1m0s"},
		{"IDLE_TIMEOUT", "-1s", "a duration from 1s"},
		{"DRAIN_DELAY", "soon", "a duration from 0s to 2m0s, such as 5s"},
		{"DRAIN_DELAY", "-1ns", "a duration from 0s"},
		{"DRAIN_DELAY", "110s", "less than 2m0s"},
		{"SHUTDOWN_TIMEOUT", "0", "a duration from 1ms"},
		{"CHECK_TIMEOUT", "1h", "to 10s"},
		{"CHECK_MAX_AGE", "0s", "from 100ms"},
		{"MAX_SOCKETS", "0", "from 1 to 100000"},
		{"MAX_SOCKET_AGE", "-1s", "0s to 24h"},
		{"MAX_MESSAGE_BYTES", "1e3", "from 1 to 1048576"},
		{"PING_INTERVAL", "0s", "from 1ms to 1h0m0s"},
		{"ALLOWED_ORIGINS", "*", "a host such as"},
		{"ALLOWED_ORIGINS", "https://*", "a host such as"},
		{"ALLOWED_ORIGINS", "ftp://example.com", "a host such as"},
		{"ALLOWED_ORIGINS", "https://example.com/", "a host such as"},
		{"ALLOWED_ORIGINS", "[a", "a host such as"},
		{"CHECK_HTTP_URLS", "https://example.com", "name=target"},
		{"CHECK_HTTP_URLS", "API=https://example.com", "name=target"},
		{"CHECK_HTTP_URLS", "api=example.com", "an http or https URL"},
		{"CHECK_HTTP_URLS", "api=https://", "an http or https URL"},
		{"CHECK_HTTP_URLS", "api=https://:443/", "an http or https URL"},
		{"CHECK_HTTP_URLS", "api=http://[::1", "an http or https URL"},
		{"CHECK_HTTP_URLS", "api=http://a,api=http://b", "a name that no other check has"},
		{"CHECK_TCP_ADDRESSES", "db=db.internal", "host:port"},
		{"CHECK_TCP_ADDRESSES", "db=:5432", "host:port"},
		{"CHECK_TCP_ADDRESSES", "db=db:0", "host:port"},
		{"CHECK_TCP_ADDRESSES", "db=db:postgres", "host:port"},
	} {
		t.Run(test.variable+"="+clip(test.value), func(t *testing.T) {
			_, err := loadConfig(getenv(map[string]string{test.variable: test.value}))
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), test.variable) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q, want it to name %s and %q", err, test.variable, test.want)
			}
		})
	}
}

func TestConfigReportsAllProblemsAtOnce(t *testing.T) {
	_, err := loadConfig(getenv(map[string]string{
		"PORT": "x", "DRAIN_DELAY": "y", "ALLOWED_ORIGINS": "*,https://*", "CHECK_TCP_ADDRESSES": "db=z",
	}))
	joined, ok := errors.Unwrap(err).(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 5 {
		t.Errorf("error %q, want five problems", err)
	}
}

func TestConfigErrorsHideTargets(t *testing.T) {
	const secret = "hunter2"
	for _, value := range []string{
		"api=https://user:" + secret + "@example.com",
		"api=https://user:" + secret + "@exa mple.com",
		"api=ftp://example.com/?token=" + secret,
		"api=http://[" + secret,
		"=" + secret,
		"A B=" + secret,
	} {
		_, err := loadConfig(getenv(map[string]string{"CHECK_HTTP_URLS": value, "CHECK_TCP_ADDRESSES": value}))
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: error %v, want one without the target", value, err)
		}
	}
}

// Whatever the environment holds, loading either fails naming a variable that was set, or yields what the service can
// run with.
func TestConfigProperties(t *testing.T) {
	values := rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "0", "1", "8080", "65536", "0s", "1ms", "5s", "1m", "115s", "2h", "-1s", "debug", "example.com", "*.a", "*", "::1", "[", "name=x:1",
			"name=http://h", "a=http://h,b=https://i/?q", "a=h:1,b=[::]:2", "a=h:1,a=h:2", ",", "=", "=,=",
		}),
		rapid.String(),
	)
	rapid.Check(t, func(t *rapid.T) {
		env := rapid.MapOf(rapid.SampledFrom(variables), values).Draw(t, "env")
		cfg, err := loadConfig(getenv(env))
		if err != nil {
			named := func(name string) bool { return strings.Contains(err.Error(), name) }
			if !slices.ContainsFunc(slices.Collect(maps.Keys(env)), named) {
				t.Fatalf("error names none of the variables: %v", err)
			}
			return
		}
		if cfg.port < 1 || cfg.port > 65535 {
			t.Fatalf("port %d", cfg.port)
		}
		if cfg.drainDelay+cfg.shutdownTimeout >= maxStopTimeout {
			t.Fatalf("shutdown takes %s", cfg.drainDelay+cfg.shutdownTimeout)
		}
		seen := map[string]bool{}
		for _, check := range cfg.checks {
			if seen[check.Name()] || !checkName.MatchString(check.Name()) {
				t.Fatalf("check %q", check.Name())
			}
			seen[check.Name()] = true
		}
		for _, origin := range cfg.allowedOrigins {
			if !validOrigin(origin) {
				t.Fatalf("origin %q", origin)
			}
		}
	})
}

// The list above, which the property test draws from, stays complete.
func TestConfigIsReadFromKnownVariables(t *testing.T) {
	asked := map[string]bool{}
	_, err := loadConfig(func(name string) string {
		asked[name] = true
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(asked)), slices.Sorted(slices.Values(variables)); !slices.Equal(got, want) {
		t.Errorf("reads %q, want %q", got, want)
	}
}

func Example_configErrors() {
	_, err := loadConfig(getenv(map[string]string{"PORT": "80a", "DRAIN_DELAY": "5"}))
	fmt.Println(err)
	// Output:
	// the environment cannot be used:
	// PORT="80a": want a whole number from 1 to 65535
	// DRAIN_DELAY="5": want a duration from 0s to 2m0s, such as 5s
}
