package fault

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

// Plan is the faults of a cloud. It is safe for concurrent use; a nil Plan has none. It is only in memory: a restarted cloud has no
// faults.
type Plan struct {
	// Latency scales the providers' pauses before a retry, as in [cloud.Options]: 0 is none.
	Latency float64

	mu     sync.Mutex
	last   int // the youngest fault's ID
	faults []*planned
}

// Planned is a fault and what came of it.
type Planned struct {
	Fault
	// Hits are the operations that failed, or were slowed, by it, in order; of many the last [maxHits].
	Hits []Operation `json:"hits"`
}

type planned struct {
	Planned
	seen map[Operation]int // how many operations matched: of each, or of all under the zero value
}

// maxHits bounds the memory of a fault that is never cleared.
const maxHits = 10_000

// Add adds a fault, with defaults filled in, and returns it with its ID.
func (p *Plan) Add(f Fault) (Fault, error) {
	f.Nth, f.Count = cmp.Or(f.Nth, 1), cmp.Or(f.Count, 1)
	if err := f.check(); err != nil {
		return Fault{}, fmt.Errorf("add fault: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	f.ID = p.last
	p.faults = append(p.faults, &planned{Planned: Planned{Fault: f, Hits: []Operation{}}, seen: map[Operation]int{}})
	return f, nil
}

// List returns all faults, also those that are used up, in the order in which they were added.
func (p *Plan) List() []Planned {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Planned, 0, len(p.faults))
	for _, f := range p.faults {
		listed := f.Planned
		listed.Hits = slices.Clone(f.Hits)
		out = append(out, listed)
	}
	return out
}

// Clear forgets the fault with the id, or all of them for 0.
func (p *Plan) Clear(id int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := len(p.faults)
	p.faults = slices.DeleteFunc(p.faults, func(f *planned) bool { return id == 0 || f.ID == id })
	if id != 0 && len(p.faults) == before {
		return fmt.Errorf("clear fault: there is none with the id %d", id)
	}
	return nil
}

// take returns the faults that hit the operation, in the order in which they were added. It counts for all that match. A Partial one
// matches only operations with a wait.
func (p *Plan) take(o Operation, waits bool) []Fault {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Fault
	for _, f := range p.faults {
		if !f.matches(o) || f.Mode == Partial && !waits {
			continue
		}
		of := Operation{}
		if f.Each {
			of = o
		}
		f.seen[of]++
		if n := f.seen[of]; n < f.Nth || f.Count != -1 && n >= f.Nth+f.Count {
			continue
		}
		f.Hits = append(f.Hits, o)
		f.Hits = f.Hits[max(0, len(f.Hits)-maxHits):]
		out = append(out, f.Fault)
	}
	return out
}
