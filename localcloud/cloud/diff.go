package cloud

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
)

// Diff is the difference between a program's inputs and the cloud's.
type Diff struct {
	// Changed lists the properties that differ, in order.
	Changed []string
	// Parts say where each of them differs.
	Parts map[string][]Part
	// Replace lists those of them that a living resource cannot take on.
	Replace []string
	// DeleteBeforeReplace says that the old resource must be deleted before its replacement is made.
	DeleteBeforeReplace bool
}

// diff compares new inputs with the recorded state, as the bridged Terraform providers do, so drift in a refreshed state shows. A
// property that the program no longer gives counts as changed if it gave it before. Objects are compared by the fields that the program
// gives, because the cloud fills in others; maps, such as tags, as a whole; texts by their meaning if the kind knows it.
func diff(k *Spec, isMap func(property string) bool, oldInputs, state, inputs Map) Diff {
	d := Diff{Parts: map[string][]Part{}}
	if k.Whole != nil {
		oldInputs, state, inputs = k.Whole(oldInputs), k.Whole(state), k.Whole(inputs)
	}
	names := slices.Collect(maps.Keys(inputs))
	for p := range oldInputs {
		if _, ok := inputs[p]; !ok {
			names = append(names, p)
		}
	}
	slices.Sort(names)
	for _, p := range names {
		want, given := inputs[p]
		was, have := oldInputs[p], state[p]
		if normal := k.Normal[p]; normal != nil && !HasUnknown(want) {
			want, was, have = normal(want), normal(was), normal(have)
		}
		same := false
		switch {
		case !given:
			same = empty(was) || slices.Contains(k.Computed, p)
		case k.Same[p] != nil && !HasUnknown(want):
			same = k.Same[p](want, have)
		case isMap(p):
			same = reflect.DeepEqual(want, have) || empty(want) && empty(have)
		default:
			same = covers(want, was, have, slices.Contains(k.Sets, p))
		}
		if same {
			continue
		}
		d.Changed = append(d.Changed, p)
		d.Parts[p] = parts(p, oldInputs[p], state[p], inputs[p], isMap(p), slices.Contains(k.Sets, p))
		if slices.Contains(k.Replace, p) {
			d.Replace = append(d.Replace, p)
		}
	}
	d.DeleteBeforeReplace = k.DeleteBeforeReplace && len(d.Replace) > 0
	return d
}

// covers reports whether the state has everything that is wanted, and nothing that was wanted before and is no longer.
func covers(want, before, state any, set bool) bool {
	switch want := want.(type) {
	case Unknown:
		return false
	case Map:
		have, _ := state.(Map)
		was, _ := before.(Map)
		for f, v := range want {
			if !covers(v, was[f], have[f], false) {
				return false
			}
		}
		for f, v := range was {
			if _, ok := want[f]; !ok && !empty(v) {
				return false
			}
		}
		return true
	case []any:
		have, _ := state.([]any)
		was, _ := before.([]any)
		if len(want) != len(have) {
			return false
		}
		if set {
			want, have, was = sorted(want), sorted(have), sorted(was)
		}
		for i, v := range want {
			var b any
			if i < len(was) {
				b = was[i]
			}
			if !covers(v, b, have[i], false) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(want, state) || empty(want) && empty(state)
}

// empty reports whether the value is what Terraform takes for "not set".
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case float64:
		return v == 0
	case []any:
		return len(v) == 0
	case Map:
		return len(v) == 0
	}
	return false
}

func sorted(l []any) []any {
	key := func(v any) string {
		raw, _ := json.Marshal(known(v))
		return string(raw)
	}
	return slices.SortedFunc(slices.Values(l), func(a, b any) int { return cmp.Compare(key(a), key(b)) })
}
