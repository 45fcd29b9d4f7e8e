package walk

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// Outcome is how an update has to end.
type Outcome int

// The outcomes.
const (
	Succeeds Outcome = iota
	// Fails says that the update fails and that everybody is served as before.
	Fails
	// Refused says that the configuration is refused: the update fails and changes nothing.
	Refused
	// Interrupted says that an operation of the update is refused, if it comes so far. Then it fails half-way.
	Interrupted
)

func (o Outcome) String() string {
	return [...]string{"succeeds", "fails", "is refused", "is interrupted"}[o]
}

// Step is an update.
type Step struct {
	// Kinds name what changes.
	Kinds []string
	// Before are the configurations of which the stack may be when the step begins.
	Before []Config
	// Config is what is applied.
	Config  Config
	Outcome Outcome
	// Operation is the number of the operation that is refused, of an update that is interrupted, among those of a verb: create,
	// update or delete.
	Operation int
	Verb      string
}

// After returns the configuration of which the stack is when the step went as it should: where it fails, what was before.
func (s Step) After() Config {
	if s.Outcome == Fails || s.Outcome == Refused {
		return s.Before[0]
	}
	return s.Config
}

// leaves are the configurations of which the stack may be after the step.
func (s Step) leaves() []Config {
	if s.Outcome == Interrupted {
		return append(slices.Clone(s.Before), s.Config)
	}
	return []Config{s.After()}
}

// Targets are what the clients ask for during the step.
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

// The kinds that are no change of their own.
const (
	interrupted = "a refused operation"
	wrong       = "a wrong configuration"
)

func all() []kind {
	return append(slices.Clone(kinds), kind{interrupted, nil}, kind{wrong, contradict})
}

// Options say what a walk is to be like.
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
	now     []Config       // of which the stack may be
	seen    map[string]int // how often each kind was drawn
}

// due returns the kinds, those that were drawn least first, and at random otherwise.
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

// step draws an update, and where that fails the next one too, which mends it or goes back.
func (g *generator) step() {
	next := g.now[0].clone()
	var names []string
	most := 1 + g.IntN(max(g.options.Most, 1))
	interrupt := false
	for _, k := range g.due() {
		switch {
		case len(names) == most:
		case k.name == interrupted:
			interrupt = interrupt || len(names) == 0
		case k.name == wrong:
			if len(names) == 0 && !interrupt && g.refuse(k) {
				return
			}
		case slices.Contains(failures, k.name):
			if len(names) == 0 && !interrupt && g.fail(k) {
				return
			}
		default:
			for len(names) < most {
				changed, ok := g.try(k, next)
				if !ok || g.now[0].abandons(changed) {
					break
				}
				next, names = changed, append(names, k.name)
				if g.IntN(4) > 0 { // now and then twice
					break
				}
			}
		}
	}
	switch {
	case next.YAML() == g.now[0].YAML(): // one change undid another
	case interrupt:
		g.interrupt(append(names, interrupted), next)
	default:
		g.add(Step{Kinds: names, Config: next, Outcome: Succeeds})
	}
}

// abandons reports whether a host name is left to a wildcard while the stack gets another network: the name's own record, which goes
// last, masks the wildcard's and leads to a load balancer that is no longer there. The same goes for a wildcard that comes only now: the
// program refuses that. Such a change is for two updates.
func (c Config) abandons(next Config) bool {
	moves := c.CIDR != next.CIDR || c.IPv6 != next.IPv6
	left := next.hostnames()
	return slices.ContainsFunc(Targets(c, next), func(t Target) bool {
		if !slices.Contains(c.hostnames(), t.Host) || slices.Contains(left, t.Host) {
			return false
		}
		stands := slices.ContainsFunc(c.hostnames(), func(h string) bool {
			_, covers := match(h, "/*", t.Host, "/")
			return covers && !isPlain(h)
		})
		return moves || !stands
	})
}

// try makes a change, unless the configuration does not let it, would be wrong or the same.
func (g *generator) try(k kind, c Config) (Config, bool) {
	const draws = 5
	for range draws {
		next := c.clone()
		if k.change(g.draw, &next) && len(next.Problems()) == 0 && next.YAML() != c.YAML() {
			return next, true
		}
	}
	return c, false
}

func (g *generator) add(s Step) {
	s.Before = g.now
	for _, name := range s.Kinds {
		g.seen[name]++
	}
	g.walk.Steps = append(g.walk.Steps, s)
	g.now = s.leaves()
}

// fail adds an update that fails, and one that mends it or goes back.
func (g *generator) fail(k kind) bool {
	before := g.now[0]
	broken, ok := g.try(k, before)
	if !ok {
		return false
	}
	g.add(Step{Kinds: []string{k.name}, Config: broken, Outcome: Fails})
	if g.IntN(2) == 0 {
		g.add(Step{Kinds: []string{"back"}, Config: before, Outcome: Succeeds})
		return true
	}
	mended := broken.clone()
	cure(g.draw, &mended)
	g.add(Step{Kinds: []string{"mend"}, Config: mended, Outcome: Succeeds})
	return true
}

// interrupt adds an update that is interrupted, and one that does the same again or goes back.
func (g *generator) interrupt(names []string, next Config) {
	before := g.now[0]
	const operations = 4
	g.add(Step{
		Kinds: names, Config: next, Outcome: Interrupted,
		Operation: 1 + g.IntN(operations), Verb: pick(g.draw, []string{"create", "update", "delete"}),
	})
	if g.IntN(2) == 0 {
		g.add(Step{Kinds: []string{"back"}, Config: before, Outcome: Succeeds})
		return
	}
	g.add(Step{Kinds: []string{"again"}, Config: next, Outcome: Succeeds})
}

// refuse adds an update that is refused, and one that goes back.
func (g *generator) refuse(k kind) bool {
	contradiction := g.now[0].clone()
	if !k.change(g.draw, &contradiction) || len(contradiction.Problems()) == 0 {
		return false
	}
	g.add(Step{Kinds: []string{k.name}, Config: contradiction, Outcome: Refused})
	return true
}
