package spec

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ErrMissing is what is wrong with a setting that is needed and not given.
var ErrMissing = errors.New("is missing")

// Problem is what is wrong with a setting.
type Problem struct {
	Path  []string // as the config has it: "healthCheck", "interval"
	Value any      // what is wrong; nil if the error says it, or it is not to be shown
	Err   error
	// Between are members of what is at the path, if the problem is that they contradict each other: each may be right by itself.
	Between []string
}

func (p Problem) Error() string {
	text := p.Err.Error()
	if p.Value != nil {
		shown := fmt.Sprint(p.Value)
		if s, isText := p.Value.(string); isText {
			shown = strconv.Quote(s)
		}
		text = shown + ": " + text
	}
	if len(p.Path) > 0 {
		text = strings.Join(p.Path, ".") + ": " + text
	}
	return text
}

// Unwrap returns what is wrong.
func (p Problem) Unwrap() error { return p.Err }

// Problems are everything that is wrong with something.
type Problems []Problem

// Add notes what is wrong at a path, if anything is.
func (p *Problems) Add(err error, path ...string) {
	if err != nil {
		*p = append(*p, Problem{Path: path, Err: err})
	}
}

// AddValue notes what is wrong with a value, if anything is.
func (p *Problems) AddValue(value any, err error, path ...string) {
	if err != nil {
		*p = append(*p, Problem{Path: path, Value: value, Err: err})
	}
}

// AddContradiction notes that members contradict each other, if they do.
func (p *Problems) AddContradiction(err error, between ...string) {
	if err != nil {
		*p = append(*p, Problem{Err: err, Between: between})
	}
}

// AddRange notes a number that is out of bounds.
func (p *Problems) AddRange(n, least, most int, path ...string) {
	p.AddValue(n, checkRange(n, least, most), path...)
}

// Include notes what is wrong with a part.
func (p *Problems) Include(part Problems, path ...string) {
	for _, problem := range part {
		problem.Path = slices.Concat(path, problem.Path)
		*p = append(*p, problem)
	}
}

// Err returns all of them as one error, nil if there are none.
func (p Problems) Err() error {
	errs := make([]error, len(p))
	for i, problem := range p {
		errs[i] = problem
	}
	return errors.Join(errs...)
}

// checkRange reports a number out of bounds.
func checkRange(n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("must be from %d to %d", least, most)
	}
	return nil
}

// orNone returns a number, the usual one if none is given, and 0 if it is the number that stands for none.
func orNone(n, usual, none int) int {
	switch n {
	case none:
		return 0
	case 0:
		return usual
	}
	return n
}
