package cloud

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
)

// Scope is the place of a resource. Resources of different scopes never see each other. Region is empty for a service that is global in
// its account.
type Scope struct {
	Account string `json:"account"`
	Region  string `json:"region,omitempty"`
}

// Key names a resource among all that are alive.
type Key struct {
	Scope Scope  `json:"scope"`
	Token string `json:"token"`
	ID    string `json:"id"`
}

func (k Key) String() string {
	return k.Scope.Account + "/" + k.Scope.Region + "/" + k.Token + "/" + k.ID
}

func compareKeys(a, b Key) int {
	return cmp.Or(
		cmp.Compare(a.Scope.Account, b.Scope.Account), cmp.Compare(a.Scope.Region, b.Scope.Region),
		cmp.Compare(a.Token, b.Token), cmp.Compare(a.ID, b.ID),
	)
}

// Resource is one thing alive in the cloud. The store's resources are shared: change a Clone and Put it back.
type Resource struct {
	Key
	// Name is its name for people: its own name if it has one, else its Name tag or its id.
	Name string `json:"name,omitempty"`
	// Inputs are the requested inputs, with defaults filled in.
	Inputs Map `json:"inputs,omitempty"`
	// Outputs are the cloud's answers about it.
	Outputs Map `json:"outputs,omitempty"`
	// Status is the cloud's own data about it: the kind's own type, never shown to the engine.
	Status json.RawMessage `json:"status,omitempty"`

	decoded *decoded // nil until the resource is stored, for until then it may change
}

// decoded keeps the decoded parts of a stored resource, so they are not decoded again before it is replaced: a few parts at most.
type decoded struct{ parts atomic.Pointer[[]any] }

// decodedPart is the inputs, the outputs or the status of a resource as a T.
type decodedPart[T any] struct {
	of    string
	value *T
}

// Clone returns a copy whose property maps can be assigned to; nested values are still shared.
func (r *Resource) Clone() *Resource {
	c := *r
	c.Inputs, c.Outputs, c.decoded = maps.Clone(r.Inputs), maps.Clone(r.Outputs), nil
	return &c
}

// Text returns an output that is a text, or "".
func (r *Resource) Text(property string) string {
	s, _ := r.Outputs[property].(string)
	return s
}

// InputsOf returns the resource's inputs as a struct, by its json tags. It is shared, and must not be changed. It is [Kind.Inputs] for
// functions that a kind cannot name itself in, directly or in a circle.
func InputsOf[T any](r *Resource) *T {
	return once(r, "inputs", func() *T { return mustDecode[T](r, "inputs", r.Inputs) })
}

// OutputsOf is InputsOf for the resource's outputs.
func OutputsOf[T any](r *Resource) *T {
	return once(r, "outputs", func() *T { return mustDecode[T](r, "outputs", r.Outputs) })
}

// Peek is InputsOf for the resource's status.
func Peek[S any](r *Resource) *S {
	return once(r, "status", func() *S { s := StatusOf[S](r); return &s })
}

func mustDecode[T any](r *Resource, what string, m Map) *T {
	t, err := Decode[T](m)
	if err != nil {
		panic(what + " of " + r.Key.String() + ": " + err.Error()) // decoded once before it was stored
	}
	return t
}

// once decodes a part of the resource, unless that is done already.
func once[T any](r *Resource, of string, decode func() *T) *T {
	if r.decoded == nil {
		return decode()
	}
	before := r.decoded.parts.Load()
	var known []any
	if before != nil {
		known = *before
	}
	for _, part := range known {
		if p, ok := part.(*decodedPart[T]); ok && p.of == of {
			return p.value
		}
	}
	p := &decodedPart[T]{of, decode()}
	known = append(slices.Clip(known), p)
	r.decoded.parts.CompareAndSwap(before, &known) // if another goroutine was faster, it is decoded once more
	return p.value
}

// StatusOf decodes the resource's status for a change; the zero value if it has none.
func StatusOf[S any](r *Resource) S {
	var s S
	if len(r.Status) > 0 {
		decodes.Add(1)
		if err := json.Unmarshal(r.Status, &s); err != nil {
			panic(fmt.Sprintf("status of %s: %v", r.Key, err)) // only SetStatus writes it
		}
	}
	return s
}

// SetStatus replaces the resource's status.
func (r *Resource) SetStatus(s any) {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("status of %s: %v", r.Key, err)) // a status is a plain struct
	}
	r.Status = raw
}

var decodes atomic.Int64

// Decodes returns how often properties or a status were decoded since the process began. One change must not cost more of it the
// more resources there are: tests compare the counts of a small cloud with those of a large one.
func Decodes() int64 { return decodes.Load() }
