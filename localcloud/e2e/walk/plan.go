package walk

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// Outcome is how an update must end.
type Outcome int

// The outcomes.
const (
	Succeeds Outcome = iota
	// Fails says that the update fails and that all clients are served as before.
	Fails
	// Refused says that the configuration is refused: the update fails and changes nothing.
	Refused
	// Interrupted says that an operation of the update is refused, if the update gets so far. Then it fails half-way.
	Interrupted
)

func (o Outcome) String() string {
	return [...]string{"succeeds", "fails", "is refused", "is interrupted"}[o]
}

// Step is an update.
type Step struct {
	// Kinds name what changes.
	Kinds []string
	// Before has the possible configurations of the stack when the step begins.
	Before []Config
	// Config is the applied configuration.
	Config  Config
	Outcome Outcome
	// Operation is the number of the operation that is refused, of an update that is interrupted, among those of a verb: create,
	// update or delete.
	Operation int
	Verb      string
}

// After returns the stack's configuration after a correct step: the one before, if the step fails.
func (s Step) After() Config {
	if s.Outcome == Fails || s.Outcome == Refused {
		return s.Before[0]
	}
	return s.Config
}

// leaves returns the possible configurations of the stack after the step.
func (s Step) leaves() []Config {
	if s.Outcome == Interrupted {
		return append(slices.Clone(s.Before), s.Config)
	}
	return []Config{s.After()}
}

// Targets has the clients' requests during the step.
func (s Step) Targets() []Target { return Targets(append(slices.Clone(s.Before), s.After())...) }

func (s Step) String() string { return strings.Join(s.Kinds, ", ") + " (" + s.Outcome.String() + ")" }

// Walk is a way of a stack.
type Walk struct {
	Seed  uint64
	First Config
	Steps []Step
}

// Kinds are the names of all kinds of change, of those of updates that fail too.
func Kinds() []string {
	var names []string
	for _, k := range all() {
		names = append(names, k.name)
	}
	return names
}

// interrupted is the kind that is not a change.
const interrupted = "a refused operation"

func all() []kind { return slices.Concat(kinds, failures, contradictions, []kind{{interrupted, nil}}) }

// in reports whether a kind is one of some.
func (k kind) in(some []kind) bool {
	return slices.ContainsFunc(some, func(other kind) bool { return other.name == k.name })
}

// Options are the options of a walk.
type Options struct {
	Seed uint64
	// Steps is how many changes to make at least; what goes back or on after a failure comes on top.
	Steps int
	// Most is how many kinds of change an update may have at once.
	Most int
	// Kinds are those to draw from; each is drawn as often as the others, so far as the configurations allow it.
	Kinds []string
}

// New draws a walk. The same options give the same walk.
func New(o Options) Walk {
	d := draw{rand.New(rand.NewPCG(o.Seed, 0))}
	w := Walk{Seed: o.Seed, First: first(d)}
	g := generator{draw: d, options: o, walk: &w, now: []Config{w.First}, seen: map[string]int{}}
	for n := 0; n < o.Steps; n++ {
		g.step()
	}
	return w
}

// generator draws the steps of a walk.
type generator struct {
	draw
	options Options
	walk    *Walk
	now     []Config // the possible configurations of the stack, as its clients see it
	// there has the configurations with possible resources: after a failed update, more than its clients see.
	there []Config
	seen  map[string]int // how often each kind was drawn
}

// due returns the kinds in random order, the least drawn first.
func (g *generator) due() []kind {
	var due []kind
	for _, k := range all() {
		if slices.Contains(g.options.Kinds, k.name) {
			due = append(due, k)
		}
	}
	due = shuffled(g.draw, due)
	slices.SortStableFunc(due, func(a, b kind) int { return g.seen[a.name] - g.seen[b.name] })
	return due
}

// step draws an update, and after a failing one also the next: it fixes it, goes back, or changes something else.
func (g *generator) step() {
	interrupt := false
	for _, k := range g.due() {
		switch {
		case k.name == interrupted:
			interrupt = true
		case k.in(contradictions):
			if !interrupt && g.refuse(k) {
				return
			}
		case k.in(failures):
			if !interrupt && g.fail(k) {
				return
			}
		default:
			if next, names := g.change(g.now[0], k); names != nil {
				if interrupt {
					g.interrupt(append(names, interrupted), next)
				} else {
					g.add(Step{Kinds: names, Config: next, Outcome: Succeeds})
				}
				return
			}
		}
	}
}

// change makes a change of a kind, if the configuration lets it, and perhaps others too. It returns the kinds of those that it made.
func (g *generator) change(c Config, first kind) (Config, []string) {
	next, names := c, []string(nil)
	most := 1 + g.IntN(max(g.options.Most, 1))
	due := slices.DeleteFunc(g.due(), func(k kind) bool {
		return k.name == interrupted || k.name == first.name || k.in(contradictions) || k.in(failures)
	})
	for _, k := range append([]kind{first}, due...) {
		for len(names) < most && (len(names) > 0 || k.name == first.name) {
			changed, ok := g.try(k, next)
			if !ok || !g.fits(changed) {
				break
			}
			next, names = changed, append(names, k.name)
			if g.IntN(4) > 0 { // now and then twice
				break
			}
		}
	}
	if next.YAML() == c.YAML() { // one change undid another
		return c, nil
	}
	return next, names
}

// fits reports whether one update can bring the stack to a configuration, with any resources of the others.
func (g *generator) fits(next Config) bool {
	return !slices.ContainsFunc(slices.Concat(g.now, g.there), func(c Config) bool {
		together := c.rules()
		maps.Copy(together, next.rules())
		return len(c.Forbids(next)) > 0 || len(together) > maxRules
	})
}

// moves reports whether the stack gets another network, with another load balancer.
func (c Config) moves(next Config) bool {
	return c.CIDR != next.CIDR || c.IPv6 != next.IPv6 || c.Region != next.Region
}

// Leaves reports whether only a wildcard serves a host name from now on. It may keep its own record until the next update.
func (s Step) Leaves() bool {
	stay := s.Config.hostnames()
	return slices.ContainsFunc(s.Before, func(c Config) bool {
		return slices.ContainsFunc(c.hostnames(), func(name string) bool {
			return isPlain(name) && !slices.Contains(stay, name) && slices.ContainsFunc(stay, func(h string) bool {
				_, covers := match(h, "/*", name, "/")
				return covers
			})
		})
	})
}

// try makes a change, unless the configuration does not let it, would be wrong or the same.
func (g *generator) try(k kind, c Config) (Config, bool) {
	for range draws {
		next := c.clone()
		if k.change(g.draw, &next) && len(next.Problems()) == 0 && next.YAML() != c.YAML() {
			next.forget(c)
			return next, true
		}
	}
	return c, false
}

// draws is how often a change of a kind is drawn before another kind has its turn.
const draws = 5

// forget notes the names of the services that are gone.
func (c *Config) forget(before Config) {
	for _, name := range before.names() {
		if _, stays := c.Services[name]; !stays && !slices.Contains(c.gone, name) {
			c.gone = append(c.gone, name)
		}
	}
}

func (g *generator) add(s Step) {
	s.Before = g.now
	for _, name := range s.Kinds {
		g.seen[name]++
	}
	g.walk.Steps = append(g.walk.Steps, s)
	g.now = s.leaves()
	switch s.Outcome {
	case Succeeds:
		g.there = nil
	case Fails, Interrupted:
		g.there = append(g.there, s.Config)
	}
}

// fail adds an update that fails, and one that fixes it, goes back or changes something else.
func (g *generator) fail(k kind) bool {
	before := g.now[0]
	broken, ok := g.try(k, before)
	if !ok || !g.fits(broken) {
		return false
	}
	g.add(Step{Kinds: []string{k.name}, Config: broken, Outcome: Fails})
	mended := broken.clone()
	cure(g.draw, &mended)
	g.recover(before, "mend", mended)
	return true
}

// interrupt adds an interrupted update, and one that repeats it, goes back or changes something else. That one may be interrupted too.
func (g *generator) interrupt(names []string, next Config) {
	const operations = 4
	refused := func(names []string, next Config) {
		g.add(Step{
			Kinds: names, Config: next, Outcome: Interrupted,
			Operation: 1 + g.IntN(operations), Verb: pick(g.draw, []string{"create", "update", "delete"}),
		})
	}
	before := g.now[0]
	refused(names, next)
	if g.IntN(4) == 0 {
		if other, changed := g.elsewhere(pick(g.draw, []Config{before, next})); changed {
			refused([]string{"elsewhere", interrupted}, other)
			next = other
		}
	}
	g.recover(before, "again", next)
}

// recover adds the update after a failed one.
func (g *generator) recover(before Config, name string, same Config) {
	switch way := g.IntN(3); {
	case way == 0 && g.fits(before):
		g.add(Step{Kinds: []string{"back"}, Config: before, Outcome: Succeeds})
		return
	case way == 1:
		if other, changed := g.elsewhere(pick(g.draw, []Config{before, same})); changed {
			g.add(Step{Kinds: []string{"elsewhere"}, Config: other, Outcome: Succeeds})
			return
		}
	}
	g.add(Step{Kinds: []string{name}, Config: same, Outcome: Succeeds})
}

// elsewhere returns a third configuration.
func (g *generator) elsewhere(from Config) (Config, bool) {
	for _, k := range g.due() {
		if k.name == interrupted || k.in(contradictions) || k.in(failures) {
			continue
		}
		if next, names := g.change(from, k); names != nil {
			return next, true
		}
	}
	return from, false
}

// refuse adds an update that is refused.
func (g *generator) refuse(k kind) bool {
	for range draws {
		contradiction := g.now[0].clone()
		if !k.change(g.draw, &contradiction) || !g.now[0].refuses(contradiction) {
			continue
		}
		g.add(Step{Kinds: []string{k.name}, Config: contradiction, Outcome: Refused})
		return true
	}
	return false
}

// refuses reports whether the configuration is wrong, or cannot be reached in one update.
func (c Config) refuses(next Config) bool {
	return len(next.Problems()) > 0 || len(c.Forbids(next)) > 0
}
