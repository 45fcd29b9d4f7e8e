package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// config is everything the service takes from its environment. The zero value is not usable; see loadConfig.
type config struct {
	host     string     // HOST: address to listen on; default every address
	port     int        // PORT: default 8080
	logLevel slog.Level // LOG_LEVEL: debug, info (default), warn, error
	greeting string     // GREETING: the message of GET /

	readTimeout time.Duration // READ_TIMEOUT: for a whole request to arrive; default 10s
	idleTimeout time.Duration // IDLE_TIMEOUT: before an unused keep-alive connection is closed; default 75s

	writeTimeout time.Duration // for one answer, the checks of GET /status included; not from the environment

	drainDelay      time.Duration // DRAIN_DELAY: how long to keep serving after SIGTERM; default 5s
	shutdownTimeout time.Duration // SHUTDOWN_TIMEOUT: for what is in flight after that; default 10s

	queueURL string // QUEUE_URL: of the queue that `app worker` takes from and POST /work sends to; default none

	workInterval time.Duration // WORK_INTERVAL: between two items of `app worker` without a queue; default 1s
	workDuration time.Duration // WORK_DURATION: that an item takes; default 100ms
	workTimeout  time.Duration // WORK_TIMEOUT: that an item may take; default 30s

	checks       []Check       // CHECK_HTTP_URLS, CHECK_TCP_ADDRESSES and CHECK_BUCKETS: name=target, comma-separated
	checkTimeout time.Duration // CHECK_TIMEOUT: for one run of all checks; default 2s
	checkMaxAge  time.Duration // CHECK_MAX_AGE: how long a result is repeated before checks run again; default 2s

	watch []watched  // WATCH_PARAMETERS: path=interval, comma-separated; see settings
	aws   *awsClient // for the watch, for buckets and for the queue

	telemetry telemetryConfig

	allowedOrigins []string // ALLOWED_ORIGINS: other origins that may open a WebSocket; *.example.com works
	room           roomLimits

	after func(time.Duration) <-chan time.Time // time.After; a test decides for itself when a drain is over
}

// maxStopTimeout is the longest time Fargate leaves between SIGTERM and SIGKILL ("stopTimeout" in the Amazon ECS API
// reference, ContainerDefinition).
const maxStopTimeout = 120 * time.Second

// loadConfig reads and checks the whole environment. Its error lists every problem, each with the variable, its value
// and what is allowed.
func loadConfig(getenv func(string) string) (config, error) {
	e := &environment{getenv: getenv}
	cfg := config{
		host:     e.text("HOST", ""),
		port:     e.integer("PORT", 8080, 65535),
		logLevel: e.level("LOG_LEVEL", slog.LevelInfo),
		greeting: e.text("GREETING", "Hello from slipway"),

		readTimeout: e.duration("READ_TIMEOUT", 10*time.Second, time.Millisecond, time.Minute),
		// Longer than the load balancer's own idle time-out (60 s unless configured): were ours to end first, the balancer
		// could send a request into a connection being closed and answer 502 ("Connection idle timeout" in the
		// Application Load Balancer guide, which allows up to 4000 s).
		idleTimeout: e.duration("IDLE_TIMEOUT", 75*time.Second, time.Second, 4100*time.Second),

		writeTimeout: 30 * time.Second,

		drainDelay:      e.duration("DRAIN_DELAY", 5*time.Second, 0, maxStopTimeout),
		shutdownTimeout: e.duration("SHUTDOWN_TIMEOUT", 10*time.Second, time.Millisecond, maxStopTimeout),

		queueURL:     e.text("QUEUE_URL", ""),
		workInterval: e.duration("WORK_INTERVAL", time.Second, time.Millisecond, time.Hour),
		workDuration: e.duration("WORK_DURATION", 100*time.Millisecond, 0, time.Hour),
		workTimeout:  e.duration("WORK_TIMEOUT", 30*time.Second, time.Millisecond, time.Hour),

		checkTimeout: e.duration("CHECK_TIMEOUT", 2*time.Second, time.Millisecond, 10*time.Second),
		checkMaxAge:  e.duration("CHECK_MAX_AGE", 2*time.Second, 100*time.Millisecond, time.Minute),

		allowedOrigins: e.list("ALLOWED_ORIGINS"),
		room: roomLimits{
			sockets:      e.integer("MAX_SOCKETS", 5000, 100_000),
			messageBytes: e.integer("MAX_MESSAGE_BYTES", 32<<10, 1<<20),
			queue:        64,
			burst:        32,
			interval:     10 * time.Millisecond,
			age:          e.duration("MAX_SOCKET_AGE", 0, 0, 24*time.Hour),
			// Shorter than the load balancer's idle time-out, which closes silent sockets too.
			ping:    e.duration("PING_INTERVAL", 20*time.Second, time.Millisecond, time.Hour),
			write:   5 * time.Second,
			closing: 5 * time.Second,
		},

		after: time.After,
	}

	if cfg.host != "" && !validHost(cfg.host) {
		e.refuse("HOST", cfg.host, "an IP address or a host name, without a port")
	}
	if cfg.queueURL != "" && !queueURL.MatchString(cfg.queueURL) {
		e.refuse("QUEUE_URL", cfg.queueURL, "the URL of a standard queue, such as https://sqs.eu-central-1.amazonaws.com/123456789012/orders")
	}
	if sum := cfg.drainDelay + cfg.shutdownTimeout; sum >= maxStopTimeout {
		e.refuse("DRAIN_DELAY+SHUTDOWN_TIMEOUT", sum.String(),
			fmt.Sprintf("less than %s, the longest stopTimeout of a Fargate task", maxStopTimeout))
	}
	for _, origin := range cfg.allowedOrigins {
		if !validOrigin(origin) {
			e.refuse("ALLOWED_ORIGINS", origin, "a host such as app.example.com or *.example.com, or https://app.example.com")
		}
	}
	cfg.aws = newAWSClient(getenv)
	cfg.checks = loadChecks(e, cfg.aws)
	cfg.watch = loadWatch(e)
	cfg.telemetry = loadTelemetry(e)
	return cfg, e.err()
}

// address is what to listen on.
func (c config) address() string {
	return net.JoinHostPort(c.host, strconv.Itoa(c.port))
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

func validHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return len(host) <= 253 && hostName.MatchString(host)
}

// validOrigin reports whether pattern can match the host, or scheme and host, of an Origin header. A lone * is refused: it would let
// any page use a visitor's browser as a client.
func validOrigin(pattern string) bool {
	if _, err := path.Match(pattern, ""); err != nil {
		return false
	}
	host := pattern
	if scheme, rest, found := strings.Cut(pattern, "://"); found {
		if scheme != "http" && scheme != "https" {
			return false
		}
		host = rest
	}
	return strings.Trim(host, "*") != "" && !strings.ContainsAny(host, "/?#@ ")
}

var checkName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// loadChecks reads the three lists of dependency checks. A target is never repeated in an error, as a URL can carry a
// password or a token; the name says which one is meant.
func loadChecks(e *environment, client *awsClient) []Check {
	var checks []Check
	taken := map[string]bool{}
	add := func(variable, want string, parse func(name, target string) Check) {
		for _, entry := range e.list(variable) {
			name, target, _ := strings.Cut(entry, "=")
			if !checkName.MatchString(name) {
				e.refuse(variable, name, "name=target entries; a name is 1 to 32 lower-case letters, digits and hyphens")
				continue
			}
			if taken[name] {
				e.refuse(variable, name, "a name that no other check has")
				continue
			}
			taken[name] = true
			check := parse(name, target)
			if check == nil {
				e.refuse(variable, name+"=…", want)
				continue
			}
			checks = append(checks, check)
		}
	}
	add("CHECK_HTTP_URLS", "an http or https URL with a host and without a user or password", parseHTTPCheck)
	add("CHECK_TCP_ADDRESSES", "host:port", parseTCPCheck)
	add("CHECK_BUCKETS", "the name of a bucket", func(name, target string) Check {
		if !bucketName.MatchString(target) {
			return nil
		}
		return bucketCheck{name, target, client}
	})
	return checks
}

// bucketName matches the names of buckets ("General purpose bucket naming rules" in the S3 user guide).
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// parameterPath matches paths of parameters ("Working with parameter hierarchies" in the Systems Manager user guide).
var parameterPath = regexp.MustCompile(`^(/[A-Za-z0-9_.-]+)+$`)

// loadWatch reads which parameters are re-read, and how often.
func loadWatch(e *environment) []watched {
	var paths []watched
	for _, entry := range e.list("WATCH_PARAMETERS") {
		path, text, _ := strings.Cut(entry, "=")
		interval, err := time.ParseDuration(text)
		if !parameterPath.MatchString(path) || err != nil || interval < time.Second || interval > 24*time.Hour {
			e.refuse("WATCH_PARAMETERS", entry, "path=interval entries such as /app/web=30s, from 1s to 24h")
			continue
		}
		paths = append(paths, watched{path, interval})
	}
	return paths
}

func parseHTTPCheck(name, target string) Check {
	u, err := url.Parse(target)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil {
		return nil
	}
	return newHTTPCheck(name, target)
}

func parseTCPCheck(name, target string) Check {
	host, port, err := net.SplitHostPort(target)
	if err != nil || !validHost(host) {
		return nil
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return nil
	}
	return tcpCheck{name: name, address: target}
}
