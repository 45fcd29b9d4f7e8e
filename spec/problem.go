package spec

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ErrMissing says that a required setting is not given.
var ErrMissing = errors.New("is missing")

// Problem is what is wrong with a setting.
type Problem struct {
	Path  []string // as the config has it: "healthCheck", "interval"
	Value any      // the wrong value; nil if the error shows it, or it must not be shown
	Err   error
	// Between names settings below the path that contradict each other. Each may be right by itself.
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

// Unwrap returns the error without its path.
func (p Problem) Unwrap() error { return p.Err }

// Problems is everything that is wrong with something.
type Problems []Problem

// Add notes an error at a path, if there is one.
func (p *Problems) Add(err error, path ...string) {
	if err != nil {
		*p = append(*p, Problem{Path: path, Err: err})
	}
}

// AddValue notes an error about a value, if there is one.
func (p *Problems) AddValue(value any, err error, path ...string) {
	if err != nil {
		*p = append(*p, Problem{Path: path, Value: value, Err: err})
	}
}

// AddContradiction notes an error about settings that contradict each other, if there is one.
func (p *Problems) AddContradiction(err error, between ...string) {
	if err != nil {
		*p = append(*p, Problem{Err: err, Between: between})
	}
}

// AddRange notes a number out of bounds.
func (p *Problems) AddRange(n, least, most int, path ...string) {
	p.AddValue(n, checkRange(n, least, most), path...)
}

// Include notes the problems of a part.
func (p *Problems) Include(part Problems, path ...string) {
	for _, problem := range part {
		problem.Path = slices.Concat(path, problem.Path)
		*p = append(*p, problem)
	}
}

// Err returns all problems as one error, nil if there are none.
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

// orNone returns a number, its default if it is not given, and 0 if it is the number that stands for none.
func orNone(n, usual, none int) int {
	switch n {
	case none:
		return 0
	case 0:
		return usual
	}
	return n
}
