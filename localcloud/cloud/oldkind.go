package cloud

import (
	"maps"
)

// OldKind declares one kind of resource. T is the struct its inputs decode into, by json tags.
type OldKind[T any] struct {
	Spec

	// Check holds the value rules: what the real provider refuses before it calls the service. An input that is not yet
	// known has Go's zero value here.
	Check func(in *T) []Failure
	// Refs says what the resource refers to. It must be there when this one is created or updated, and stays while this
	// one lives. It is said of the resource alone, whatever else there is.
	Refs func(c *Call, in *T) []Ref
	// Outputs enforces the rules that need other resources, sets c.Resource.ID of a new resource, and returns the computed
	// properties. Inputs, and on an update the computed properties it leaves out, are carried over. A kind without Outputs
	// is one that the cloud makes by itself and no program can.
	Outputs func(c *Call, in *T) (Map, error)
	// Apply waits for, or brings about, what takes time after the resource has been created or updated. It runs outside a
	// transaction. Its failure leaves the resource in place.
	Apply func(c *Call, in *T) error
	// Release brings about and waits for what must happen before the resource can go, outside a transaction.
	Release func(c *Call, in *T) error
	// Delete refuses, or removes what goes along with the resource, in the transaction that removes it.
	Delete func(c *Call, in *T) error
}

// Of returns the inputs of a resource of this kind, as [InputsOf] does.
func (k *OldKind[T]) Of(r *Resource) *T { return InputsOf[T](r) }

func (k *OldKind[T]) spec() *Spec { return &k.Spec }

// public reports whether programs may make resources of the kind; those of the others the cloud makes by itself.
func (k *OldKind[T]) public() bool { return k.Outputs != nil }

func (k *OldKind[T]) check(in Map) ([]Failure, error) {
	t, err := Decode[T](in)
	if err != nil || k.Check == nil {
		return nil, err
	}
	return k.Check(t), nil
}

func (k *OldKind[T]) refs(c *Call) ([]Ref, error) {
	if k.Refs == nil {
		return nil, nil
	}
	if c.Resource.decoded != nil {
		return k.Refs(c, k.Of(c.Resource)), nil
	}
	t, err := Decode[T](c.Resource.Inputs)
	if err != nil {
		return nil, err
	}
	return k.Refs(c, t), nil
}

func (k *OldKind[T]) outputs(c *Call) (Map, error) {
	t, err := Decode[T](c.Resource.Inputs)
	if err != nil {
		return nil, err
	}
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
	computed, err := k.Outputs(c, t)
	maps.Copy(out, computed)
	for p, v := range k.Filled {
		if out[p] == nil {
			out[p] = v
		}
	}
	return out, err
}

func (k *OldKind[T]) apply(c *Call) error   { return k.call(k.Apply, c) }
func (k *OldKind[T]) release(c *Call) error { return k.call(k.Release, c) }
func (k *OldKind[T]) remove(c *Call) error  { return k.call(k.Delete, c) }

func (k *OldKind[T]) call(f func(*Call, *T) error, c *Call) error {
	if f == nil {
		return nil
	}
	t, err := Decode[T](c.Resource.Inputs)
	if err != nil {
		return err
	}
	return f(c, t)
}
