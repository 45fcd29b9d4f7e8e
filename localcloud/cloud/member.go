package cloud

import (
	"encoding/json"
	"maps"
)

// kind is a Kind[I, O] without its type parameters.
type kind interface {
	spec() *Spec
	public() bool
	computes() []string
	check(in Map) ([]Failure, error)
	refs(c *Call) ([]Ref, error)
	outputs(c *Call) (Map, error)
	apply(c *Call) error
	release(c *Call) error
	remove(c *Call) error
}

func (k *Kind[I, O]) spec() *Spec { return &k.Spec }

// Inputs returns the inputs of a resource of this kind, as [InputsOf] does.
func (k *Kind[I, O]) Inputs(r *Resource) *I { return InputsOf[I](r) }

// Described returns a resource of this kind as a describing call would: the inputs with the cloud's additions.
func (k *Kind[I, O]) Described(r *Resource) *I { return OutputsOf[I](r) }

// Outputs returns the computed outputs of a resource of this kind, as [OutputsOf] does.
func (k *Kind[I, O]) Outputs(r *Resource) *O { return OutputsOf[O](r) }

// Specs returns the specs of the kinds among members, which are kinds and functions.
func Specs(members ...any) []*Spec {
	var out []*Spec
	for _, m := range members {
		if k, ok := m.(kind); ok {
			out = append(out, k.spec())
		}
	}
	return out
}

// keep returns the new inputs of a resource with those of the old ones that stay as they are.
func (k *Spec) keep(old, inputs Map) Map {
	inputs = maps.Clone(inputs)
	for _, p := range k.Computed {
		if _, given := inputs[p]; given {
			continue
		}
		if v, had := old[p]; had {
			inputs[p] = v
		}
	}
	return inputs
}

// OutputNames returns, by token, the outputs that the kinds among members compute, which are kinds and functions.
func OutputNames(members ...any) map[string][]string {
	out := map[string][]string{}
	for _, m := range members {
		if k, ok := m.(kind); ok {
			out[k.spec().Token] = k.computes()
		}
	}
	return out
}

func (k *Kind[I, O]) computes() []string { return namesIn[O]() }

// public reports whether programs may make resources of the kind; those of the others the cloud makes by itself.
func (k *Kind[I, O]) public() bool { return k.Create != nil }

func (k *Kind[I, O]) check(in Map) ([]Failure, error) {
	i, err := Decode[I](in)
	if err != nil || k.Check == nil {
		return nil, err
	}
	return k.Check(i), nil
}

func (k *Kind[I, O]) refs(c *Call) ([]Ref, error) {
	if k.Refs == nil {
		return nil, nil
	}
	in, err := inputs[I](c)
	if err != nil {
		return nil, err
	}
	return k.Refs(c, in), nil
}

// inputs decodes the inputs of the call's resource, unless that is done already.
func inputs[I any](c *Call) (*I, error) {
	if c.Resource.decoded != nil {
		return InputsOf[I](c.Resource), nil
	}
	if in, ok := c.inputs.(*I); ok {
		return in, nil
	}
	in, err := Decode[I](c.Resource.Inputs)
	if err == nil {
		c.inputs = in
	}
	return in, err
}

func (k *Kind[I, O]) outputs(c *Call) (Map, error) {
	in, err := inputs[I](c)
	if err != nil {
		return nil, err
	}
	if k.Rules != nil {
		if err := k.Rules(c, in); err != nil {
			return nil, err
		}
	}
	given := k.given(c)
	out, err := begun[O](given)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Old == nil:
		c.Resource.ID, err = k.Create(c, in, out)
	case k.Update != nil:
		err = k.Update(c, in, out)
	}
	if err == nil {
		err = overlay(given, out)
	}
	for p, v := range k.Filled {
		if given[p] == nil {
			given[p] = v
		}
	}
	return given, err
}

// given returns the outputs before the kind computes any: the inputs, what follows from them, and the old outputs.
func (k *Spec) given(c *Call) Map {
	out := Map{}
	if c.Old != nil {
		for p, v := range c.Old.Outputs {
			if _, ok := c.Old.Inputs[p]; !ok {
				out[p] = v
			}
		}
	}
	maps.Copy(out, c.Resource.Inputs)
	for _, p := range k.JSON {
		if text, ok := out[p].(string); ok {
			out[p] = sortedJSON(text)
		}
	}
	if k.Derived != nil {
		maps.Copy(out, k.Derived(c))
	}
	return out
}

// sortedJSON returns a JSON text compact and with sorted keys; another text unchanged.
func sortedJSON(text string) string {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return text
	}
	sorted, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return string(sorted)
}

func (k *Kind[I, O]) apply(c *Call) error   { return call(k.Apply, c) }
func (k *Kind[I, O]) release(c *Call) error { return call(k.Release, c) }
func (k *Kind[I, O]) remove(c *Call) error  { return call(k.Delete, c) }

func call[I any](f func(*Call, *I) error, c *Call) error {
	if f == nil {
		return nil
	}
	return f(c, InputsOf[I](c.Resource))
}
