package cloud

import (
	"maps"
	"reflect"
	"slices"
)

// Part is an innermost part of a property in which the program's value differs from the cloud's.
type Part struct {
	// Path begins with the property's name, followed by names of fields and indices of elements.
	Path []any
	// Had and Has say whether the cloud and the program have the part.
	Had, Has bool
}

// parts finds the differences of a changed property. If it cannot be more precise, it finds the whole property.
func parts(property string, was, have, want any, isMap, set bool) []Part {
	p := &finder{isMap: isMap, set: set}
	p.compare([]any{property}, was, have, want)
	if len(p.found) == 0 {
		p.add([]any{property}, have, want)
	}
	return p.found
}

type finder struct {
	isMap, set bool // what the property itself is
	found      []Part
}

func (p *finder) add(path []any, have, want any) {
	p.found = append(p.found, Part{Path: path, Had: have != nil, Has: want != nil})
}

// compare adds every part that differs. An unknown value differs as a whole.
func (p *finder) compare(path []any, was, have, want any) {
	top := len(path) == 1
	switch want := want.(type) {
	case Map:
		if have, ok := have.(Map); ok {
			was, _ := was.(Map)
			for _, f := range p.fields(was, have, want, top && p.isMap) {
				p.compare(within(path, f), was[f], have[f], want[f])
			}
			return
		}
	case []any:
		if have, ok := have.([]any); ok {
			was, _ := was.([]any)
			if top && p.set {
				have, want = without(have, want), without(want, have)
				was = nil
			}
			for i := range max(len(have), len(want)) {
				p.compare(within(path, i), at(was, i), at(have, i), at(want, i))
			}
			return
		}
	}
	if !reflect.DeepEqual(have, want) && (!empty(have) || !empty(want)) {
		p.add(path, have, want)
	}
}

// fields are those that count: the wanted ones, the old ones, and all of a map with free keys. The cloud fills in the others.
func (p *finder) fields(was, have, want Map, all bool) []string {
	names := slices.Collect(maps.Keys(want))
	for f := range have {
		if _, wanted := want[f]; !wanted && (all || !empty(was[f])) {
			names = append(names, f)
		}
	}
	return slices.Sorted(slices.Values(names))
}

// without returns the list with nil for the elements of the other list, so the rest keep their places.
func without(l, other []any) []any {
	out := make([]any, len(l))
	for i, v := range l {
		if !slices.ContainsFunc(other, func(o any) bool { return reflect.DeepEqual(o, v) }) {
			out[i] = v
		}
	}
	return out
}

func within(path []any, key any) []any { return append(slices.Clip(path), key) }

func at(l []any, i int) any {
	if i < len(l) {
		return l[i]
	}
	return nil
}
