// Package metricmath evaluates the part of CloudWatch's metric math that an alarm on rates and ratios needs: numbers, ids of metrics
// and of other expressions, arithmetic, comparisons, IF and FILL. It refuses the rest by name.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
package metricmath

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Expression is a formula over time series. All its parts work on a single point in time.
type Expression struct {
	root node
	ids  []string
}

// Parse reads an expression, which must be a time series itself.
func Parse(text string) (*Expression, error) {
	p := &parser{text: text}
	e, err := p.parse()
	if err == nil && !e.root.series() {
		err = errors.New("its result is a single number, and must be a time series")
	}
	if err != nil {
		return nil, fmt.Errorf("metric math expression %q: %w", text, err)
	}
	return e, nil
}

// IDs lists the metrics and expressions that the expression is about, each once.
func (e *Expression) IDs() []string { return slices.Clone(e.ids) }

// At returns the expression's value at a point in time, and whether it has one. It asks for the values of its metrics and expressions.
func (e *Expression) At(of func(id string) (float64, bool)) (float64, bool) { return e.root.at(of) }

// node is a part of an expression: a time series, or a constant number.
type node interface {
	series() bool
	at(of func(id string) (float64, bool)) (value float64, ok bool)
}

type number float64

func (number) series() bool                                      { return false }
func (n number) at(func(string) (float64, bool)) (float64, bool) { return float64(n), true }

type reference string

func (reference) series() bool                                         { return true }
func (r reference) at(of func(string) (float64, bool)) (float64, bool) { return of(string(r)) }

type negation struct{ of node }

func (n negation) series() bool { return n.of.series() }

func (n negation) at(of func(string) (float64, bool)) (float64, bool) {
	v, ok := n.of.at(of)
	return -v, ok
}

type operation struct {
	operator    string
	left, right node
}

func (o operation) series() bool { return o.left.series() || o.right.series() }

// at follows two rules of AWS: if only one of two time series has a value, the other's is 0; and a division by zero gives no point.
func (o operation) at(of func(string) (float64, bool)) (float64, bool) {
	l, haveLeft := o.left.at(of)
	r, haveRight := o.right.at(of)
	if !haveLeft {
		l = 0
	}
	if !haveRight {
		r = 0
	}
	if o.left.series() && o.right.series() {
		if !haveLeft && !haveRight {
			return 0, false
		}
	} else if !haveLeft || !haveRight {
		return 0, false
	}
	return finite(operators[o.operator](l, r))
}

var operators = map[string]func(l, r float64) float64{
	"+": func(l, r float64) float64 { return l + r }, "-": func(l, r float64) float64 { return l - r },
	"*": func(l, r float64) float64 { return l * r }, "/": func(l, r float64) float64 { return l / r },
	"==": func(l, r float64) float64 { return truth(l == r) }, "!=": func(l, r float64) float64 { return truth(l != r) },
	"<": func(l, r float64) float64 { return truth(l < r) }, "<=": func(l, r float64) float64 { return truth(l <= r) },
	">": func(l, r float64) float64 { return truth(l > r) }, ">=": func(l, r float64) float64 { return truth(l >= r) },
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// finite drops values that are not numbers, such as a division by zero.
func finite(v float64) (float64, bool) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, false
	}
	return v, true
}

// choice is IF. Without otherwise there is no value if the condition is false.
type choice struct{ condition, then, otherwise node }

func (c choice) series() bool {
	return c.condition.series() || c.then.series() || c.otherwise != nil && c.otherwise.series()
}

// at follows the tables of AWS's page: no value if the condition or the third argument has none, and 0 if the condition, a time series,
// is true and the second argument has none.
func (c choice) at(of func(string) (float64, bool)) (float64, bool) {
	condition, ok := c.condition.at(of)
	switch {
	case !ok:
		return 0, false
	case condition != 0:
		v, ok := c.then.at(of)
		if !ok && c.condition.series() {
			return 0, true
		}
		return v, ok
	case c.otherwise == nil:
		return 0, false
	}
	return c.otherwise.at(of)
}

// filling is FILL.
type filling struct{ of, with node }

func (filling) series() bool { return true }

func (f filling) at(of func(string) (float64, bool)) (float64, bool) {
	if v, ok := f.of.at(of); ok {
		return v, true
	}
	return f.with.at(of)
}
