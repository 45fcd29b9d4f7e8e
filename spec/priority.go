package spec

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Rule priorities are 1 to 50000 and unique per listener, and the rule with the lowest number is evaluated first ("Listener
// rules" in the user guide for Application Load Balancers).
//
// A route's priority follows from its host name and its path alone, so that it stays when other routes come and go, and when the
// route passes to another service. A number that the listener's rules hold already is never given to another route: in an update
// Pulumi creates and changes rules before it deletes any, and AWS refuses a number that another rule holds (PriorityInUse).
//
// The numbers are divided into bands, the most specific routes first, so that the most specific of the routes that match
// a request has the lowest number. Exact host names come before wildcards, and longer wildcards before shorter ones. For the
// same host, exact paths come first, then patterns by falling number of literal characters, then every path: a pattern has a
// single "*", so one that a wider pattern covers has more literal characters than that. Within its band a route's slot is
// drawn by hashing it.
const (
	// hostBands are one for exact host names and one for each depth of wildcard.
	hostBands = 1 + maxWildcardDepth

	// priorityStep leaves a number free before each rule, for one that matches the same route and more, a header for
	// example, and so has to come first.
	priorityStep = 2

	// maxDraws bounds the search for a free slot by hashing; after that the band is searched from its start.
	maxDraws = 100
)

// bandWidths are the numbers of slots in the bands of one host band. A band takes a third as many routes before it is too
// crowded. Most stacks have exact host names and no paths, and those that have paths have short ones.
type bandWidths struct {
	exactPath                                int
	longPattern, mediumPattern, shortPattern int // for each number of literal characters
	everyPath                                int
}

func widths(hostBand int) bandWidths {
	if hostBand == 0 {
		return bandWidths{exactPath: 600, longPattern: 12, mediumPattern: 60, shortPattern: 400, everyPath: 1800}
	}
	return bandWidths{exactPath: 200, longPattern: 6, mediumPattern: 16, shortPattern: 75, everyPath: 400}
}

// pattern returns the width of the band for patterns with so many literal characters: 2 in "/a*", 127 in the longest.
func (w bandWidths) pattern(literals int) int {
	switch {
	case literals > 64:
		return w.longPattern
	case literals > 24:
		return w.mediumPattern
	default:
		return w.shortPattern
	}
}

// patterns returns the width of the bands for patterns with more than so many literal characters.
func (w bandWidths) patterns(literals int) int {
	sum := 0
	for more := literals + 1; more < maxPathLength; more++ {
		sum += w.pattern(more)
	}
	return sum
}

func (w bandWidths) total() int {
	return w.exactPath + w.patterns(1) + w.everyPath
}

// band is a range of slots.
type band struct {
	first, width int
}

// band returns the band that the route's priority comes from. The depth of a wildcard counts from the DNS zone.
func (r Route) band(zone string) band {
	hostBand := 0
	if depth, wildcard := r.wildcardDepth(zone); wildcard {
		hostBand = maxWildcardDepth - depth
	}
	first := 0
	for h := range hostBand {
		first += widths(h).total()
	}
	w := widths(hostBand)
	literals := len(r.Path) - len("*")
	switch {
	case r.Path == EveryPath:
		return band{first + w.exactPath + w.patterns(literals), w.everyPath}
	case !strings.Contains(r.Path, "*"):
		return band{first, w.exactPath}
	default:
		return band{first + w.exactPath + w.patterns(literals), w.pattern(literals)}
	}
}

// draw returns the n-th slot of the band that the route would take.
func (r Route) draw(b band, n int) int {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d", r.Hostname, r.Path, n))
	return b.first + int(binary.BigEndian.Uint32(sum[:]))%b.width
}

// HeldPriorities are the numbers that a listener's rules hold, each with the route that its rule is for. Of a rule that is for
// something else than one host name and one path the route is empty.
type HeldPriorities map[int]Route

// Add notes that a rule for the route holds the number. Where several listeners are looked at, each can have a rule of that number.
func (h HeldPriorities) Add(priority int, r Route) {
	if other, held := h[priority]; held && other.place() != r.place() {
		r = Route{}
	}
	h[priority] = r
}

// slotOf returns the slot that a rule's number belongs to.
func slotOf(priority int) int { return (priority+priorityStep-1)/priorityStep - 1 }

// slots returns which route holds each slot. Two rules can be in one: the canary's rule of a route comes right before the route's own.
func (h HeldPriorities) slots() map[int]place {
	slots := make(map[int]place, len(h))
	for _, priority := range slices.Sorted(maps.Keys(h)) {
		slot, holder := slotOf(priority), h[priority].place()
		if other, taken := slots[slot]; taken && other != holder {
			holder = place{} // of two routes: neither can keep it
		}
		slots[slot] = holder
	}
	return slots
}

// place is what a route is found by, whichever service it belongs to.
type place struct{ hostname, path string }

func (r Route) place() place { return place{r.Hostname, r.Path} }

// Priorities returns the rule priority of each of the routes, which must differ in host name or path and be valid by
// [CheckHostname] and [CheckPath]. A route whose rule the listener has keeps its number. Another one gets a number that no rule of
// the listener holds, not even one that is about to go.
func Priorities(zone string, routes []Route, held HeldPriorities) (map[Route]int, error) {
	slots := held.slots()
	kept := make(map[place]int)
	for slot, holder := range slots {
		if other, twice := kept[holder]; !twice || slot < other {
			kept[holder] = slot
		}
	}
	taken := make(map[int]bool, len(slots)+len(routes))
	for slot := range slots {
		taken[slot] = true
	}
	priorities := make(map[Route]int, len(routes))
	for _, r := range slices.SortedFunc(slices.Values(routes), Route.Compare) {
		b := r.band(zone)
		slot, stays := kept[r.place()]
		if !stays || !b.contains(slot) {
			var free bool
			if slot, free = r.freeSlot(b, taken); !free {
				return nil, fmt.Errorf("no rule priority is left for a route of service %s: the listener has too many rules of its shape", r.Service)
			}
		}
		taken[slot] = true
		priorities[r] = priorityStep * (slot + 1)
	}
	return priorities, nil
}

func (b band) contains(slot int) bool { return slot >= b.first && slot < b.first+b.width }

// freeSlot returns a slot of the band that nobody has, and whether there is one.
func (r Route) freeSlot(b band, taken map[int]bool) (slot int, free bool) {
	for n := range maxDraws {
		if slot := r.draw(b, n); !taken[slot] {
			return slot, true
		}
	}
	for slot := b.first; slot < b.first+b.width; slot++ {
		if !taken[slot] {
			return slot, true
		}
	}
	return 0, false
}
