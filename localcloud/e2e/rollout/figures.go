package rollout

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/e2e/load"
)

// Figures are what a scenario's clients saw.
type Figures struct {
	Scenario string
	load.Result
	// Took is how long it was until `pulumi up` had ended, or what else happened was over.
	Took time.Duration
	// Alone is how long it took until only the final version answered. Ended says that it does.
	Alone time.Duration
	Ended bool
	// Share is how much the canary answered in the end, in percent.
	Share float64

	want    outcome
	sockets int
	limit   time.Duration // of Alone; 0 for none
}

// Broken says which rules the figures break; none if all is well.
func (f Figures) Broken() []string {
	var broken []string
	rule := func(kept bool, format string, args ...any) {
		if !kept {
			broken = append(broken, fmt.Sprintf(format, args...))
		}
	}
	failed := f.Failed
	if f.want.crashes {
		failed -= f.Refused[http.StatusBadGateway] + f.Refused[http.StatusServiceUnavailable] + f.Refused[http.StatusGatewayTimeout]
		rule(f.Refused[http.StatusBadGateway] > 0, "no request was answered 502")
	}
	rule(failed == 0, "%d requests failed", failed)
	rule(f.Lost == 0, "%d WebSockets were lost", f.Lost)
	for _, v := range f.Versions {
		rule(v.Answered500 == 0 || v.Name == f.want.faulty, "%d requests were answered 500 by %s", v.Answered500, v.Name)
	}
	rule(f.want.faulty == "" || f.Answered500 > 0, "no request was answered 500")
	answered, wanted := f.versions(), slices.Clone(f.want.versions)
	if f.want.anyOrder {
		slices.Sort(answered)
		slices.Sort(wanted)
	}
	rule(slices.Equal(answered, wanted), "answered: %v, and not %v", answered, wanted)
	if f.want.last != "" {
		rule(f.Ended, "%s is not the only version that answers in the end", f.want.last)
		rule(f.limit == 0 || f.Alone <= f.limit, "%s answered alone after more than %s", f.want.last, f.limit)
	}
	// The share is exact only over as many requests as the weights sum up to, and there are few.
	const tolerance = 5
	rule(f.want.share == 0 || f.Share > f.want.share-tolerance && f.Share < f.want.share+tolerance,
		"the canary answered %.0f %% in the end, and not %.0f %%", f.Share, f.want.share)
	if len(f.want.versions) > 1 && f.want.last != "" {
		rule(f.mixed(), "the versions did not answer side by side")
		rule(f.Told >= f.sockets, "%d of %d WebSockets were told to reconnect", f.Told, f.sockets)
	}
	rule(f.Reconnected >= f.Told, "of %d WebSockets that were told to reconnect %d did", f.Told, f.Reconnected)
	return broken
}

func (f Figures) versions() []string {
	var names []string
	for _, v := range f.Versions {
		names = append(names, v.Name)
	}
	return names
}

// mixed reports whether each version began to answer before the one before it had ended.
func (f Figures) mixed() bool {
	for i := 1; i < len(f.Versions); i++ {
		if f.Versions[i].First.After(f.Versions[i-1].Last) {
			return false
		}
	}
	return true
}

const row = "%-22s %8s %6s %6s %7s %7s %6s %6s %5s  %s"

// Header is the first line of a table of figures.
func Header() string {
	return fmt.Sprintf(row, "SCENARIO", "REQUESTS", "FAILED", "500", "ALONE", "TOOK", "TOLD", "AGAIN", "LOST", "VERSIONS")
}

// String is the figures' line in the table. Broken rules follow it, each in a line of its own.
func (f Figures) String() string {
	alone, versions := "-", strings.Join(f.versions(), " → ")
	if f.want.last != "" && f.Ended {
		alone = fmt.Sprintf("%.1f s", f.Alone.Seconds())
	}
	for _, status := range slices.Sorted(maps.Keys(f.Refused)) {
		versions += fmt.Sprintf(" (%d × %d)", f.Refused[status], status)
	}
	if f.want.share > 0 {
		versions += fmt.Sprintf(" (%.0f %%)", f.Share)
	}
	number := func(n int) string { return fmt.Sprint(n) }
	line := fmt.Sprintf(row, f.Scenario, number(f.Requests), number(f.Failed), number(f.Answered500), alone,
		fmt.Sprintf("%.1f s", f.Took.Seconds()), number(f.Told), number(f.Reconnected), number(f.Lost), versions)
	broken := f.Broken()
	for _, b := range broken {
		line += "\n  broken: " + b
	}
	if len(broken) > 0 && f.Failed+f.Lost > 0 {
		line += "\n  " + strings.Join(f.Failures, "\n  ")
	}
	return line
}
