package components

import (
	"testing"
	"time"

	"slipway/spec"
)

func TestDeploymentTimeouts(t *testing.T) {
	for name, test := range map[string]struct {
		count            int
		change           func(*FargateServiceArgs)
		creation, update time.Duration
	}{
		"default":               {1, nil, 10 * time.Minute, 20 * time.Minute},
		"many":                  {100, nil, 10 * time.Minute, 20 * time.Minute},
		"many, one at a time":   {100, func(a *FargateServiceArgs) { a.Deployment.Strategy = spec.OneAtATime }, 10 * time.Minute, 401 * time.Minute},
		"a long deregistration": {2, func(a *FargateServiceArgs) { a.Drain = spec.NewDrain(spec.DrainWebSocket, 3600, 120) }, 10 * time.Minute, 198 * time.Minute},
		"a long grace period":   {1, func(a *FargateServiceArgs) { a.HealthCheck.GracePeriod = 600 }, 40 * time.Minute, 41 * time.Minute},
		"alarms and before": {
			4, func(a *FargateServiceArgs) {
				a.Deployment.Alarms, a.Before = true, &spec.Before{Command: []string{"migrate"}}
			}, 11 * time.Minute, 34 * time.Minute,
		},
	} {
		a := new(FargateServiceArgs).withDefaults()
		if test.change != nil {
			test.change(a)
		}
		v := version{count: test.count}
		if creation, update := a.creationTimeout(v), a.updateTimeout(v); creation != test.creation || update != test.update {
			t.Errorf("%s: %v and %v, want %v and %v", name, creation, update, test.creation, test.update)
		}
	}
}
