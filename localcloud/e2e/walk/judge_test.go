package walk

import (
	"strings"
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	before := configOf(routes{"old": {{"a.slipway.test"}, nil}, "third": {{"b.slipway.test"}, nil}})
	after := configOf(routes{"new": {{"a.slipway.test"}, nil}, "third": {{"b.slipway.test"}, nil}})
	newer := configOf(routes{"old": {{"a.slipway.test"}, nil}, "third": {{"b.slipway.test"}, nil}})
	s := newer.Services["old"]
	s.Version, s.Canary = "v2", &Canary{"v3", 0}
	newer.Services["old"] = s
	weighted := newer.clone()
	weighted.Services["old"].Canary.Weight = 10

	both := configOf(routes{"new": {{"a.slipway.test"}, nil}, "old": {{"c.slipway.test"}, nil}})
	s = both.Services["old"]
	s.Version = "v2"
	both.Services["old"] = s

	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(second int) time.Time { return begun.Add(time.Duration(second) * time.Second) }
	ended := at(10)
	// by is an answer that took half a second.
	by := func(second int, who string) Observation {
		service, version, _ := strings.Cut(who, " ")
		return Observation{
			Target: Target{Host: "a.slipway.test", Path: "/"}, Sent: at(second), Answered: at(second).Add(time.Second / 2),
			Status: 200, Service: service, Version: version,
		}
	}
	failed := by(1, "old v1")
	failed.Service, failed.Version, failed.Status, failed.Failure = "", "", 503, "503 Service Unavailable of the load balancer"
	slow := by(3, "old v1")
	slow.Answered = at(9)
	header := func(o Observation) Observation { o.Canary = true; return o }
	holds := func(o Observation) Observation { o.Held = true; return o }
	held := holds(by(11, "old v1"))
	moved := after.clone()
	moved.CIDR = "10.1.0.0/16"
	notFound := by(2, "old v1")
	notFound.Status = 404

	for name, tt := range map[string]struct {
		before    []Config
		after     Config
		unsettled bool
		seen      []Observation
		want      []string
	}{
		"as it should be": {
			before: []Config{before}, after: after, seen: []Observation{by(1, "old v1"), slow, by(5, "new v1"), by(11, "new v1")},
		},
		"a failure": {
			before: []Config{before}, after: after, seen: []Observation{failed, failed},
			want: []string{"https://a.slipway.test/: 503 Service Unavailable of the load balancer, 2 times (0 with an address held) from +1.00 s to +1.00 s"},
		},
		"another status": {
			before: []Config{before}, after: after, seen: []Observation{notFound},
			want: []string{"404 of old v1"},
		},
		"a third service": {
			before: []Config{before}, after: after, seen: []Observation{by(1, "third v1")},
			want: []string{"answered by third v1, neither the owner before (old v1) nor that after (new v1)"},
		},
		"a version of nobody's": {
			before: []Config{before}, after: after, seen: []Observation{by(1, "old v2")},
			want: []string{"answered by old v2, neither"},
		},
		"back": {
			before: []Config{before}, after: after, seen: []Observation{by(1, "new v1"), by(2, "old v1"), by(3, "new v1"), by(4, "old v1")},
			want: []string{"answered by old v1, the owner before, once the owner after had answered, 2 times (0 with an address held) from +2.00 s to +4.00 s"},
		},
		"back, by the address of a load balancer that is replaced": {
			before: []Config{before}, after: moved, seen: []Observation{by(1, "new v1"), holds(by(2, "old v1")), by(3, "old v1")},
			want: []string{"answered by old v1, the owner before, once the owner after had answered, 1 times (0 with an address held) from +3.00 s to +3.00 s"},
		},
		"back, by an address that is held": {
			before: []Config{before}, after: after, seen: []Observation{by(1, "new v1"), holds(by(2, "old v1"))},
			want: []string{"the owner before, once the owner after had answered, 1 times (1 with an address held)"},
		},
		"two versions of an owner before, of two updates that failed": {
			before: []Config{before, newer, after}, after: after, seen: []Observation{by(1, "old v1"), by(2, "old v2"), by(3, "old v3"), by(4, "new v1")},
			want: []string{"answered by old v3, neither the owner before (new v1 or old v1 or old v2 with v3) nor that after (new v1)"},
		},
		"not back, but sent before": {
			before: []Config{before}, after: after, seen: []Observation{slow, by(5, "new v1")},
		},
		"the old one afterwards": {
			before: []Config{before}, after: after, seen: []Observation{by(11, "old v1"), held},
			want: []string{"the owner before, after the update, 2 times (1 with an address held)"},
		},
		"the old one after an update that failed half-way": {
			before: []Config{before}, after: after, unsettled: true, seen: []Observation{by(11, "old v1")},
		},
		"one of two after one that failed half-way before": {
			before: []Config{after, before}, after: before, seen: []Observation{by(1, "new v1"), by(2, "old v1"), by(11, "old v1")},
		},
		"two versions while one goes": {
			before: []Config{before}, after: newer, seen: []Observation{by(1, "old v2"), by(2, "old v1"), by(11, "old v2")},
		},
		"the owner before in the version that it has after": {
			before: []Config{before}, after: both, seen: []Observation{by(1, "old v1"), by(2, "old v2"), by(3, "new v1")},
		},
		"the old version afterwards": {
			before: []Config{before}, after: newer, seen: []Observation{by(11, "old v1")},
			want: []string{"answered by old v1, the owner before, after the update"},
		},
		"a canary that was not asked for": {
			before: []Config{before}, after: newer, seen: []Observation{by(1, "old v3")},
			want: []string{"answered by old v3, neither the owner before (old v1) nor that after (old v2 with v3)"},
		},
		"a canary that was asked for": {
			before: []Config{newer}, after: newer, seen: []Observation{header(by(1, "old v3")), header(by(11, "old v3"))},
		},
		"a canary that was asked for and does not answer": {
			before: []Config{newer}, after: newer, seen: []Observation{header(by(11, "old v2"))},
			want: []string{"https://a.slipway.test/ (X-Canary): answered by old v2, after the update"},
		},
		"a canary with a weight": {
			before: []Config{before}, after: weighted, seen: []Observation{by(1, "old v3"), by(11, "old v3"), by(12, "old v2")},
		},
		"a canary whose weight has gone": {
			before: []Config{weighted}, after: newer, seen: []Observation{by(1, "old v3"), by(11, "old v3")},
			want: []string{"answered by old v3, the owner before, after the update"},
		},
		"nobody before": {
			before: []Config{configOf(routes{"third": {{"b.slipway.test"}, nil}})}, after: after, seen: []Observation{by(1, "new v1")},
			want: []string{"which nobody serves before"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := Expectation{Before: tt.before, After: tt.after, Settled: !tt.unsettled, Begun: begun, Ended: ended}
			got := e.Judge(tt.seen)
			if len(got) != len(tt.want) {
				t.Fatalf("complaints %v, want %q", got, tt.want)
			}
			for i, want := range tt.want {
				if !strings.Contains(got[i].String(), want) {
					t.Errorf("complaint %s, want %q", got[i], want)
				}
			}
		})
	}
}
