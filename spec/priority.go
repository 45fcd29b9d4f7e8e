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
// Only its host name and path decide a route's priority. So the priority stays when other routes come and go, and when another service
// takes the route. A number that a rule of the listener holds is never given to another route: Pulumi creates and changes rules before
// it deletes any, and AWS refuses a number that another rule holds (PriorityInUse).
//
// The numbers are divided into bands, the most specific routes first. So the most specific route that matches a request has the lowest
// number. Exact host names come before wildcards, and longer wildcards before shorter ones. For the same host, exact paths come first,
// then patterns from most to fewest literal characters, then [EveryPath]. A pattern has a single "*", so a narrower pattern has more
// literal characters than a wider one that covers it. A hash of the route chooses its slot within its band.
const (
	// hostBands counts one band for exact host names and one for each depth of wildcard.
	hostBands = 1 + maxWildcardDepth

	// priorityStep leaves a number free before each rule, for a rule that also matches something more, such as a header, and so must
	// come first.
	priorityStep = 2

	// maxDraws bounds the search for a free slot by hashing. After that, the band is searched from its start.
	maxDraws = 100
)

// bandWidths has the number of slots of each band within a host band. A band takes a third as many routes before it is too crowded.
// Most stacks have exact host names and no paths; the paths of the others are short.
type bandWidths struct {
	exactPath                                int
	longPattern, mediumPattern, shortPattern int // slots for each number of literal characters
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

// slots counts those of all bands.
var slots = func() (sum int) {
	for h := range hostBands {
		sum += widths(h).total()
	}
	return sum
}()

// band is a range of slots.
type band struct {
	first, width int
}

// band returns the band of the route's priority. The depth of a wildcard counts from the DNS zone.
//
// An attachment among several stacks has every slot to choose from. No request matches it, and stacks that are deployed at the same moment
// do not see each other's rules yet: the more slots, the less often two draw the same one.
func (r Route) band(zone string) band {
	if strings.HasSuffix(r.Hostname, sharedAttachment) {
		return band{0, slots}
	}
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

// draw returns the route's n-th choice of a slot in the band.
func (r Route) draw(b band, n int) int {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d", r.Hostname, r.Path, n))
	return b.first + int(binary.BigEndian.Uint32(sum[:]))%b.width
}

// HeldPriorities are the numbers that a listener's rules hold, each with the route of its rule. The route is empty if the rule is not
// for exactly one host name and one path.
type HeldPriorities map[int]Route

// Add notes that a rule for the route holds the number. Each of several listeners can have a rule with that number.
func (h HeldPriorities) Add(priority int, r Route) {
	if other, held := h[priority]; held && other.place() != r.place() {
		r = Route{}
	}
	h[priority] = r
}

// slotOf returns the slot of a rule's number.
func slotOf(priority int) int { return (priority+priorityStep-1)/priorityStep - 1 }

// slots returns the route that holds each slot. A slot can have two rules: a route's canary rule comes right before the route's own.
func (h HeldPriorities) slots() map[int]place {
	holders := make(map[int]place, len(h))
	for _, priority := range slices.Sorted(maps.Keys(h)) {
		slot, holder := slotOf(priority), h[priority].place()
		if other, taken := holders[slot]; taken && other != holder {
			holder = place{} // two routes hold it, so neither can keep it
		}
		holders[slot] = holder
	}
	return holders
}

// place identifies a route without its service.
type place struct{ hostname, path string }

func (r Route) place() place { return place{r.Hostname, r.Path} }

// Priorities returns the rule priority of each of the routes, which must differ in host name or path and be valid by [CheckHostname]
// and [CheckPath]. A route with a rule on the listener keeps its number. Any other route gets a number that no rule of the listener
// holds, not even one that is about to go.
func Priorities(zone string, routes []Route, held HeldPriorities) (map[Route]int, error) {
	holders := held.slots()
	kept := make(map[place]int)
	for slot, holder := range holders {
		if other, twice := kept[holder]; !twice || slot < other {
			kept[holder] = slot
		}
	}
	taken := make(map[int]bool, len(holders)+len(routes))
	for slot := range holders {
		taken[slot] = true
	}
	priorities := make(map[Route]int, len(routes))
	for _, r := range slices.SortedFunc(slices.Values(routes), Route.Compare) {
		b := r.band(zone)
		slot, stays := kept[r.place()]
		if !stays || !b.contains(slot) {
			var free bool
			if slot, free = r.freeSlot(b, taken); !free {
				return nil, fmt.Errorf("no rule priority is left for a route of service %s: the listener has too many rules like it", r.Service)
			}
		}
		taken[slot] = true
		priorities[r] = priorityStep * (slot + 1)
	}
	return priorities, nil
}

func (b band) contains(slot int) bool { return slot >= b.first && slot < b.first+b.width }

// freeSlot returns a free slot of the band, and whether there is one.
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
