package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/e2e/load"
)

func TestBrokenRules(t *testing.T) {
	start := time.Now()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	good := Figures{
		Result: load.Result{
			Requests: 100, Told: 3, Reconnected: 3,
			Versions: []load.Version{{Name: "v1", First: at(0), Last: at(3)}, {Name: "v2", First: at(2), Last: at(9)}},
		},
		Alone: 3 * time.Second, Ended: true, Share: 52,
		want:    outcome{versions: []string{"v1", "v2"}, last: "v2", share: 50},
		sockets: 3, limit: 10 * time.Second,
	}
	if broken := good.Broken(); len(broken) > 0 {
		t.Fatalf("nothing is wrong, and broken are %q", broken)
	}
	for name, tt := range map[string]struct {
		change func(*Figures)
		want   string
	}{
		"dropped":     {func(f *Figures) { f.Failed = 1 }, "1 requests failed"},
		"lost":        {func(f *Figures) { f.Lost = 2 }, "2 WebSockets were lost"},
		"refused":     {func(f *Figures) { f.Failed, f.Refused = 2, map[int]int{502: 2} }, "2 requests failed"},
		"cut":         {func(f *Figures) { f.Failed, f.Refused, f.want.crashes = 3, map[int]int{502: 2}, true }, "1 requests failed"},
		"not found":   {func(f *Figures) { f.Failed, f.Refused, f.want.crashes = 3, map[int]int{502: 2, 404: 1}, true }, "1 requests failed"},
		"no crash":    {func(f *Figures) { f.Failed, f.Refused, f.want.crashes = 3, map[int]int{503: 3}, true }, "no request was answered 502"},
		"500":         {func(f *Figures) { f.Answered500, f.Versions[1].Answered500 = 4, 4 }, "4 requests were answered 500 by v2"},
		"good's 500":  {func(f *Figures) { f.want.faulty, f.Answered500, f.Versions[0].Answered500 = "v2", 4, 4 }, "4 requests were answered 500 by v1"},
		"no 500":      {func(f *Figures) { f.want.faulty = "v2" }, "no request was answered 500"},
		"not back":    {func(f *Figures) { f.Told = 4 }, "of 4 WebSockets that were told to reconnect 3 did"},
		"a third":     {func(f *Figures) { f.Versions = append(f.Versions, load.Version{Name: "v3", First: at(3)}) }, "answered: [v1 v2 v3], and not [v1 v2]"},
		"other order": {func(f *Figures) { slices.Reverse(f.Versions) }, "answered: [v2 v1], and not [v1 v2]"},
		"both on":     {func(f *Figures) { f.Ended = false }, "v2 is not the only version that answers in the end"},
		"slow":        {func(f *Figures) { f.Alone = 11 * time.Second }, "v2 answered alone after more than 10s"},
		"share":       {func(f *Figures) { f.Share = 44 }, "the canary answered 44 % in the end, and not 50 %"},
		"not mixed":   {func(f *Figures) { f.Versions[0].Last = at(1) }, "the versions did not answer side by side"},
		"not told":    {func(f *Figures) { f.Told = 2 }, "2 of 3 WebSockets were told to reconnect"},
	} {
		t.Run(name, func(t *testing.T) {
			f := good
			f.Versions = slices.Clone(good.Versions)
			tt.change(&f)
			if broken := f.Broken(); !slices.Contains(broken, tt.want) || !strings.Contains(f.String(), "\n  broken: "+tt.want) {
				t.Errorf("broken are %q, want %q; it shows as %s", broken, tt.want, f)
			}
		})
	}
	crash := good
	crash.want.crashes, crash.Failed, crash.Refused = true, 6, map[int]int{502: 4, 503: 1, 504: 1}
	if broken := crash.Broken(); len(broken) > 0 || !strings.HasSuffix(crash.String(), "v1 → v2 (4 × 502) (1 × 503) (1 × 504) (52 %)") {
		t.Errorf("of a crash %q are broken: %s", broken, crash)
	}
	faulty := good
	faulty.Versions = slices.Clone(good.Versions)
	faulty.want.faulty, faulty.Answered500, faulty.Versions[1].Answered500 = "v2", 3, 3
	if broken := faulty.Broken(); len(broken) > 0 {
		t.Errorf("of a version that answers 500 %q are broken", broken)
	}
	any := good
	any.want.anyOrder = true
	slices.Reverse(any.Versions)
	if broken := any.Broken(); len(broken) > 0 {
		t.Errorf("in any order %q are broken", broken)
	}
}

func TestShare(t *testing.T) {
	answers := func(one, two int) load.Result {
		return load.Result{Versions: []load.Version{{Name: "v1", Answers: one}, {Name: "v2", Answers: two}}}
	}
	if got := share(answers(100, 10), answers(190, 20), "v2"); got != 10 {
		t.Errorf("of 100 answers 10 are %v %%", got)
	}
	if got := share(answers(1, 1), answers(1, 1), "v2"); got != 0 {
		t.Errorf("of no answers none are %v %%", got)
	}
}
