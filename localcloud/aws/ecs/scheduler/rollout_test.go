package scheduler

import (
	"testing"
	"time"

	"slipway/localcloud/aws/ecs"

	"pgregory.net/rapid"
)

func TestPlacement(t *testing.T) {
	fargate := func(base, weight int) ecs.CapacityShare {
		return ecs.CapacityShare{CapacityProvider: ecs.Fargate, Base: base, Weight: weight}
	}
	spot := func(base, weight int) ecs.CapacityShare {
		return ecs.CapacityShare{CapacityProvider: ecs.FargateSpot, Base: base, Weight: weight}
	}
	for _, tt := range []struct {
		name          string
		shares        []ecs.CapacityShare
		tasks         int
		fargate, spot int
	}{
		{"base first, then by weight", []ecs.CapacityShare{fargate(3, 1), spot(0, 2)}, 12, 6, 6},
		{"the base takes all", []ecs.CapacityShare{spot(0, 1), fargate(5, 0)}, 4, 4, 0},
		{"beyond the base", []ecs.CapacityShare{spot(0, 1), fargate(5, 0)}, 7, 5, 2},
		{"half and half", []ecs.CapacityShare{fargate(0, 1), spot(0, 1)}, 5, 3, 2},
		{"only one", []ecs.CapacityShare{fargate(0, 1)}, 3, 3, 0},
		{"weights 1 and 4", []ecs.CapacityShare{fargate(0, 1), spot(0, 4)}, 10, 2, 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			has := map[string]int{}
			for range tt.tasks {
				has[provider(tt.shares, has)]++
			}
			if has[ecs.Fargate] != tt.fargate || has[ecs.FargateSpot] != tt.spot {
				t.Errorf("got %v", has)
			}
		})
	}
}

// However tasks come and go, the next one never makes the split worse than one task away from the weights.
func TestPlacementKeepsToTheWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shares := []ecs.CapacityShare{
			{CapacityProvider: ecs.Fargate, Base: rapid.IntRange(0, 5).Draw(t, "base"), Weight: rapid.IntRange(0, 9).Draw(t, "weight")},
			{CapacityProvider: ecs.FargateSpot, Weight: rapid.IntRange(1, 9).Draw(t, "spot")},
		}
		n := rapid.IntRange(0, 60).Draw(t, "tasks")
		has := map[string]int{}
		for range n {
			has[provider(shares, has)]++
		}
		base := min(n, shares[0].Base)
		ideal := float64(n-base) * float64(shares[0].Weight) / float64(shares[0].Weight+shares[1].Weight)
		if off := float64(has[ecs.Fargate]-base) - ideal; off <= -1 || off >= 1 {
			t.Fatalf("%v of %d tasks: %.2f away from the weights", has, n, off)
		}
	})
}

func TestSpreadUsesEveryZoneAlike(t *testing.T) {
	places := []place{{"a1", "a"}, {"a2", "a"}, {"b1", "b"}, {"c1", "c"}}
	zones, subnets := map[string]int{}, map[string]int{}
	for range 12 {
		p := spread(places, zones, subnets)
		zones[p.Zone]++
		subnets[p.Subnet]++
	}
	if zones["a"] != 4 || zones["b"] != 4 || zones["c"] != 4 || subnets["a1"] != 2 || subnets["a2"] != 2 {
		t.Errorf("got %v, %v", zones, subnets)
	}
}

func TestRolloutMoves(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    rollout
		want move
	}{
		{"first start", rollout{2, 100, 200, tasks{}, tasks{}, 0, false}, move{Start: 2}},
		{"steady", rollout{2, 100, 200, tasks{2, 0}, tasks{}, 0, false}, move{}},
		{"all new beside all old", rollout{2, 100, 200, tasks{}, tasks{2, 0}, 0, false}, move{Start: 2}},
		{"old ones stay until new ones serve", rollout{2, 100, 200, tasks{0, 2}, tasks{2, 0}, 0, false}, move{}},
		{"one new one serves", rollout{2, 100, 200, tasks{1, 1}, tasks{2, 0}, 0, false}, move{StopOld: 1}},
		{"all new ones serve", rollout{2, 100, 200, tasks{2, 0}, tasks{2, 0}, 0, false}, move{StopOld: 2}},
		{"no room above: old ones go first", rollout{2, 50, 100, tasks{}, tasks{2, 0}, 0, false}, move{Start: 1, StopOld: 1}},
		{"no room and none to spare", rollout{2, 50, 100, tasks{0, 1}, tasks{1, 0}, 0, false}, move{}},
		{"single task without room", rollout{1, 0, 100, tasks{}, tasks{1, 0}, 0, false}, move{Start: 1, StopOld: 1}},
		{"the floor is rounded up", rollout{3, 50, 100, tasks{}, tasks{3, 0}, 0, false}, move{Start: 1, StopOld: 1}},
		{"the ceiling is rounded down", rollout{3, 100, 150, tasks{}, tasks{3, 0}, 0, false}, move{Start: 1}},
		{"old ones that do not serve go at once", rollout{2, 100, 200, tasks{}, tasks{1, 1}, 0, false}, move{Start: 2, StopOld: 1}},
		{"scale up", rollout{6, 100, 200, tasks{2, 0}, tasks{}, 0, false}, move{Start: 4}},
		{"scale down", rollout{2, 100, 200, tasks{5, 1}, tasks{}, 0, false}, move{StopNew: 4}},
		{"to nothing", rollout{0, 100, 200, tasks{2, 1}, tasks{1, 1}, 0, false}, move{StopNew: 3, StopOld: 2}},
		{"failed", rollout{2, 100, 200, tasks{0, 0}, tasks{2, 0}, 0, true}, move{}},
		{"a lost old one", rollout{2, 100, 200, tasks{0, 2}, tasks{1, 0}, 2, false}, move{StartOld: 1}},
		{"a lost old one whose place is taken", rollout{2, 100, 200, tasks{1, 1}, tasks{1, 0}, 2, false}, move{}},
		{"a lost old one before a new one", rollout{2, 100, 150, tasks{}, tasks{1, 0}, 2, false}, move{StartOld: 1, Start: 1}},
		{"a lost old one is starting", rollout{2, 100, 200, tasks{0, 2}, tasks{1, 1}, 2, false}, move{}},
		{"what starts too late", rollout{2, 100, 200, tasks{1, 1}, tasks{1, 1}, 2, false}, move{StopOld: 1}},
		{"no room for a lost old one", rollout{2, 50, 100, tasks{0, 1}, tasks{0, 1}, 1, false}, move{}},
		{"lost when the new ones FAILED", rollout{2, 100, 200, tasks{}, tasks{1, 0}, 2, true}, move{StartOld: 1}},
		{"scale out", rollout{4, 100, 200, tasks{0, 2}, tasks{2, 0}, 4, false}, move{Start: 2, StartOld: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.r.next(); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func drawRollout(t *rapid.T) rollout {
	count := func(name string) int { return rapid.IntRange(0, 12).Draw(t, name) }
	r := rollout{
		Desired:               count("desired"),
		MinimumHealthyPercent: rapid.IntRange(0, 100).Draw(t, "minimum"),
		MaximumPercent:        rapid.IntRange(100, 300).Draw(t, "maximum"),
		New:                   tasks{count("new"), count("new unready")},
		Old:                   tasks{count("old"), count("old unready")},
		OldDesired:            count("old desired"),
	}
	return r
}

// apply is the rollout after the move.
func (r rollout) apply(m move) rollout {
	r.New, r.Old = stop(r.New, m.StopNew), stop(r.Old, m.StopOld)
	r.New.Unready += m.Start
	r.Old.Unready += m.StartOld
	r.OldDesired = max(0, r.OldDesired-m.StopOld)
	return r
}

func TestMovesKeepTheLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRollout(t)
		m := r.next()
		if m.Start < 0 || m.StartOld < 0 || m.StopNew < 0 || m.StopOld < 0 || m.StopNew > r.New.total() || m.StopOld > r.Old.total() {
			t.Fatalf("%+v cannot be done", m)
		}
		after := r.apply(m)
		before, healthy := r.New.Healthy+r.Old.Healthy, after.New.Healthy+after.Old.Healthy
		if healthy < min(before, r.floor()) {
			t.Fatalf("%+v leaves %d healthy, fewer than %d", m, healthy, r.floor())
		}
		if total := after.New.total() + after.Old.total(); m.Start+m.StartOld > 0 && total > r.ceiling() {
			t.Fatalf("%+v makes %d tasks, more than %d", m, total, r.ceiling())
		}
	})
}

// With any limits that allow a movement, a deployment whose tasks become healthy ends.
func TestDeploymentsEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRollout(t)
		if r.floor() >= r.Desired && r.ceiling() <= r.Desired {
			t.Skip("blocked, as in ECS")
		}
		for range 100 {
			m := r.next()
			r = r.apply(m)
			if m == (move{}) && r.New.Unready+r.Old.Unready == 0 {
				break
			}
			for _, group := range []*tasks{&r.New, &r.Old} {
				if group.Unready > 0 {
					*group = tasks{group.Healthy + 1, group.Unready - 1}
				}
			}
		}
		if r.New != (tasks{Healthy: r.Desired}) || r.Old.total() != 0 {
			t.Fatalf("it ends with %+v", r)
		}
	})
}

func TestThreshold(t *testing.T) {
	for desired, want := range map[int]int{0: 3, 1: 3, 6: 3, 7: 4, 10: 5, 25: 13, 400: 200, 800: 200} {
		if got := threshold(desired); got != want {
			t.Errorf("threshold(%d) = %d, want %d", desired, got, want)
		}
	}
}

func TestThrottle(t *testing.T) {
	if throttle(0) != 0 || throttle(1) >= throttle(2) || throttle(1000) != 10*time.Second {
		t.Errorf("got %s, %s, %s, %s", throttle(0), throttle(1), throttle(2), throttle(1000))
	}
}
