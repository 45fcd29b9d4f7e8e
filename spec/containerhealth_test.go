package spec

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func checkedWorker(change func(*ContainerHealthCheck)) Service {
	check := ContainerHealthCheck{Command: []string{"/app", "healthcheck"}}
	change(&check)
	image := Image{Repository: "hello", Tag: "1"}
	return Service{Name: "mailer", Workload: Workload{Image: image, ContainerHealthCheck: &check}}.WithDefaults()
}

func TestContainerHealthCheck(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*ContainerHealthCheck){
		"": func(*ContainerHealthCheck) {},
		"healthCheck.command: is missing; it is a list":    func(h *ContainerHealthCheck) { h.Command = nil },
		"healthCheck.command.1: contains a NUL character":  func(h *ContainerHealthCheck) { h.Command = []string{"/app", "\x00"} },
		"healthCheck.interval: 301: must be from 5 to 300": func(h *ContainerHealthCheck) { h.Interval = 301 },
		"healthCheck.timeout: 61: must be from 2 to 60":    func(h *ContainerHealthCheck) { h.Timeout = 61 },
		"healthCheck.retries: -1: must be from 1 to 10":    func(h *ContainerHealthCheck) { h.Retries = -1 },
		"healthCheck.startPeriod: -1: must be from 0 to 300": func(h *ContainerHealthCheck) {
			h.StartPeriod = -1
		},
	} {
		err := checkedWorker(change).Problems().Err()
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// The load balancer asks a service that takes requests, and nothing else does.
func TestContainerHealthCheckIsOfWorkers(t *testing.T) {
	t.Parallel()
	s := checkedWorker(func(*ContainerHealthCheck) {})
	s.HTTP = &HTTP{}
	problems := s.WithDefaults().Problems()
	if len(problems) != 1 || !slices.Equal(problems[0].Path, []string{"healthCheck", "command"}) {
		t.Errorf("the problems are %v", problems)
	}
}

// The wait for a deployment includes the health checks, also failing ones.
func TestContainerHealthCheckTakesTime(t *testing.T) {
	t.Parallel()
	slow := func(h *ContainerHealthCheck) { h.Interval, h.Timeout, h.Retries, h.StartPeriod = 300, 60, 10, 300 }
	const task, failing = 120 + 360, 300 + 10*360
	if got, want := checkedWorker(slow).CreationTimeout(1), time.Duration(task+3*(task+failing))*time.Second; got != want {
		t.Errorf("the first deployment gets %s, want %s", got, want)
	}
	if got := checkedWorker(func(*ContainerHealthCheck) {}).CreationTimeout(1); got != 12*time.Minute {
		t.Errorf("with the usual check it gets %s, want 12 minutes", got)
	}
}
