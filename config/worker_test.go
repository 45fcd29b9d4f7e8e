package config

import (
	"strings"
	"testing"

	"slipway/config/configtest"
	"slipway/spec"
)

// worker returns services with one that takes no requests, which has an image and more members.
func worker(members string) string {
	if members != "" {
		members = ", " + members
	}
	return `{"hello": {"image": "` + configtest.Image + `"` + members + `}}`
}

func TestWorker(t *testing.T) {
	t.Parallel()
	c, err := Read(configtest.Source(worker(`"stopTimeout": 90, "healthCheck": {"command": ["/app", "healthcheck"], "startPeriod": 20}`)))
	if err != nil {
		t.Fatal(err)
	}
	s := c.Services[0]
	if s.HTTP != nil || len(s.Routes()) != 0 || len(c.Attachments(s)) != 0 || c.TakesRequests() {
		t.Errorf("the worker is %+v", s)
	}
	if want := (spec.Drain{StopTimeout: 90}); s.Drain != want {
		t.Errorf("it drains with %+v, want %+v", s.Drain, want)
	}
	check := s.ContainerHealthCheck
	if check == nil || strings.Join(check.Command, " ") != "/app healthcheck" ||
		check.Interval != 10 || check.Timeout != 5 || check.Retries != 3 || check.StartPeriod != 20 {
		t.Errorf("its health check is %+v", check)
	}
	if c, err = Read(configtest.Source(worker(""))); err != nil || c.Services[0].ContainerHealthCheck != nil {
		t.Errorf("a worker without a health check: %+v, %v", c, err)
	}
}

// Nobody reaches a worker, so that a stack of nothing else needs no domain.
func TestWorkersNeedNoDomain(t *testing.T) {
	t.Parallel()
	source := configtest.Source(worker(""))
	delete(source.Values, "slipway:domain")
	if _, err := Read(source); err != nil {
		t.Error(err)
	}
	source.Values["slipway:domain"] = ""
	if _, err := Read(source); err != nil {
		t.Errorf("an empty one: %v", err)
	}
}

func TestWorkerIsRefused(t *testing.T) {
	t.Parallel()
	const useless = ": is for a service that takes requests; this one is a worker, because it has no hostnames"
	for members, want := range map[string]string{
		`"port": 8080`:                                             "port: is of use to a worker only if another service calls it; name it in the calls of that one, or leave the port out",
		`"paths": ["/*"]`:                                          "paths" + useless,
		`"canary": {"image": "x"}`:                                 "canary" + useless,
		`"smoke": {"paths": ["/"]}`:                                "smoke" + useless,
		`"deregistrationDelay": 5`:                                 "deregistrationDelay" + useless,
		`"deployment": {"drain": "websocket"}`:                     "deployment.drain" + useless,
		`"deployment": {"errorPercent": 5}`:                        "deployment.errorPercent" + useless,
		`"deployment": {"alarms": true}`:                           "deployment.alarms: is for a service that takes requests",
		`"scaling": {"max": 2, "requests": 1}`:                     "scaling.requests: is for a service that takes requests",
		`"healthCheck": {"path": "/healthz"}`:                      "healthCheck.path" + useless,
		`"healthCheck": {"interval": 10}`:                          "healthCheck.command: is missing; it is a list: the program in the image",
		`"healthCheck": {"command": []}`:                           "healthCheck.command: is missing; it is a list: the program in the image",
		`"healthCheck": {"command": "/app"}`:                       "healthCheck.command: is a string and must be a list of strings",
		`"healthCheck": {"command": ["\u0000"]}`:                   "healthCheck.command[0]: ",
		`"healthCheck": {"command": ["/app"], "interval": 4}`:      "healthCheck.interval: 4: must be from 5 to 300",
		`"healthCheck": {"command": ["/app"], "timeout": 61}`:      "healthCheck.timeout: 61: must be from 2 to 60",
		`"healthCheck": {"command": ["/app"], "retries": 11}`:      "healthCheck.retries: 11: must be from 1 to 10",
		`"healthCheck": {"command": ["/app"], "startPeriod": 301}`: "healthCheck.startPeriod: 301: must be from 0 to 300",
		`"env": {"SHUTDOWN_TIMEOUT": "1s"}`:                        "env.SHUTDOWN_TIMEOUT: is set from the stop timeout; change that instead",
		`"env": {"DRAIN_DELAY": "1s"}`:                             "env.DRAIN_DELAY: is 0s for a worker, which has no requests to wait for; use another name",
		`"secrets": {"DRAIN_DELAY": "1s"}`:                         "secrets.DRAIN_DELAY: is 0s for a worker, which has no requests to wait for; use another name",
		`"stopTimeout": 1`:                                         "stopTimeout: 1: must be from 2 to 120",
	} {
		_, err := Read(configtest.Source(worker(members)))
		if want = "config of stack dev:\nslipway:services.hello." + want; err == nil || !strings.HasPrefix(err.Error(), want) || strings.Count(err.Error(), "\n") > 1 {
			t.Errorf("%s: %v\nwant %s", members, err, want)
		}
	}
	_, err := Read(configtest.Source(configtest.Service(`"healthCheck": {"command": ["/app"]}`)))
	if want := "slipway:services.hello.healthCheck.command: is for a worker, a service without host names"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("of a service that takes requests: %v, want %s", err, want)
	}
}

// A worker gets nothing that is about requests, and names its variables as it likes: app worker answers its health check at PORT.
func TestWorkerHasItsVariables(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"PORT", "IDLE_TIMEOUT", "PING_INTERVAL", "MAX_SOCKET_AGE"} {
		if _, err := Read(configtest.Source(worker(`"env": {"` + name + `": "9000"}`))); err != nil {
			t.Error(err)
		}
		if _, err := Read(configtest.Source(configtest.Service(`"env": {"` + name + `": "9000"}`))); err == nil {
			t.Errorf("a service that takes requests sets %s", name)
		}
	}
}

func TestWorkerWarnings(t *testing.T) {
	t.Parallel()
	for members, want := range map[string]string{
		`"instanceCount": 0`:                         "service hello may have no task: no work is done then",
		`"capacity": {"fargateSpot": {"weight": 1}}`: "service hello has a single task, on Fargate Spot: when AWS interrupts it, no work is done until another one is healthy",
	} {
		c, err := Read(configtest.Source(worker(members)))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.Warnings(), "\n"); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", members, got, want)
		}
	}
}
