package e2e

import (
	"testing"
	"time"

	"slipway/localcloud/e2e/rollout"
)

// A sample of `make rollout`, under a load that leaves the machine time for other tests, which make everything slower.
func TestRollout(t *testing.T) {
	shares(t)
	o := rollout.Options{Root: root, Rate: 40, Sockets: 20, Within: time.Minute, Sample: !*full, Log: t.Output()}
	t.Log(rollout.Header())
	err := rollout.Run(t.Context(), o, func(f rollout.Figures) {
		t.Log(f)
		if broken := f.Broken(); len(broken) > 0 {
			t.Errorf("%s: %q", f.Scenario, broken)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
