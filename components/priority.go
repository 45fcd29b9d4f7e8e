package components

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
)

// Rule priorities are 1 to 50000 and unique per listener, and the rule with the lowest number is evaluated first ("Listener
// rules" in the user guide for Application Load Balancers).
//
// A route's priority is a function of the route itself, so that it stays when other services come and go: in an update,
// Pulumi creates and changes rules before it deletes any, and AWS refuses a number that another rule still holds
// (PriorityInUse). The service's name is part of the function for the same reason: when a service is renamed, or a host
// name moves to another service, the old rule is still there while the new one is made.
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

	// maxDraws bounds the search for a free slot in a crowded band.
	maxDraws = 1000
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
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%d", r.Service, r.Hostname, r.Path, n))
	return b.first + int(binary.BigEndian.Uint32(sum[:]))%b.width
}

// Priorities returns the rule priority of each of the routes, which must differ and be valid by [CheckHostname] and
// [CheckPath].
//
// A slot that two routes draw is given to neither; both draw again. So when one of them is removed and the other falls back to
// that slot, or when a new one pushes another out of it, nobody holds the number that is wanted: the outcome does not depend
// on an order, and no slot in use before and after a route was added or removed passes from one route to another.
func Priorities(zone string, routes []Route) (map[Route]int, error) {
	draws := make(map[Route]int, len(routes))   // how often each route has drawn again
	drawnBy := make(map[int]map[Route]bool)     // every slot ever drawn
	current := make(map[Route]int, len(routes)) // each route's last draw
	for again := true; again; {
		for _, r := range routes {
			slot := r.draw(r.band(zone), draws[r])
			if drawnBy[slot] == nil {
				drawnBy[slot] = make(map[Route]bool)
			}
			drawnBy[slot][r] = true
			current[r] = slot
		}
		again = false
		for r, slot := range current {
			if len(drawnBy[slot]) == 1 {
				continue
			}
			if draws[r]++; draws[r] > maxDraws {
				return nil, fmt.Errorf("no rule priority is left for a route of service %s: too many routes of its shape", r.Service)
			}
			again = true
		}
	}
	priorities := make(map[Route]int, len(routes))
	for r, slot := range current {
		priorities[r] = priorityStep * (slot + 1)
	}
	return priorities, nil
}
