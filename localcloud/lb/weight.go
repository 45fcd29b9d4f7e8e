package lb

import "sync"

// splitter shares requests out by weight: smooth weighted round robin, so that the shares are exact over each run of as
// many requests as the weights sum up to, and interleaved as evenly as can be. (AWS draws at random, with these means.)
type splitter struct {
	mu      sync.Mutex
	groups  []*group
	weights []int
	current []int
	total   int
}

func newSplitter(shares []WeightedTargetGroup, groups map[string]*group) *splitter {
	s := &splitter{}
	for _, share := range shares {
		if share.Weight == 0 {
			continue
		}
		s.groups = append(s.groups, groups[share.TargetGroup])
		s.weights = append(s.weights, share.Weight)
		s.total += share.Weight
	}
	s.current = make([]int, len(s.groups))
	return s
}

// pick returns the group for the next request, or nil if no group has any weight.
func (s *splitter) pick() *group {
	if len(s.groups) == 1 {
		return s.groups[0]
	}
	if len(s.groups) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	best := 0
	for i, weight := range s.weights {
		s.current[i] += weight
		if s.current[i] > s.current[best] {
			best = i
		}
	}
	s.current[best] -= s.total
	return s.groups[best]
}
