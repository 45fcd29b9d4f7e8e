package spec

import (
	"testing"
	"time"
)

func TestDeploymentTimeouts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		count            int
		change           func(*Service)
		creation, update time.Duration
	}{
		"default":               {1, nil, 10 * time.Minute, 20 * time.Minute},
		"many":                  {100, nil, 10 * time.Minute, 20 * time.Minute},
		"many, one at a time":   {100, func(a *Service) { a.Deployment.Strategy = OneAtATime }, 10 * time.Minute, 401 * time.Minute},
		"a long deregistration": {2, func(a *Service) { a.Drain = NewDrain(DrainWebSocket, 3600, 120) }, 10 * time.Minute, 198 * time.Minute},
		"a long grace period":   {1, func(a *Service) { a.HTTP.HealthCheck.GracePeriod = 600 }, 40 * time.Minute, 41 * time.Minute},
		"alarms and before": {
			4, func(a *Service) {
				a.Deployment.Alarms, a.Before = true, &Before{Command: []string{"migrate"}}
			}, 11 * time.Minute, 34 * time.Minute,
		},
	} {
		service := Service{HTTP: &HTTP{}}.WithDefaults()
		if test.change != nil {
			test.change(&service)
		}
		if creation, update := service.CreationTimeout(test.count), service.UpdateTimeout(test.count, nil); creation != test.creation || update != test.update {
			t.Errorf("%s: %v and %v, want %v and %v", name, creation, update, test.creation, test.update)
		}
	}
}
