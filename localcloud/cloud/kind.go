package cloud

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"time"
)

// Spec is what there is to know of a kind besides what it does. Only Token is needed; nil or zero means the default.
type Spec struct {
	// Token is the engine's name of the kind, such as "aws:ec2/vpc:Vpc".
	Token string
	// Label is the service's name of it in error messages, such as "EC2 VPC".
	Label string
	// Needs says what a caller must be allowed; nil where no caller works on the kind.
	Needs Needs
	// Global says that the kind has one namespace for all regions of an account.
	Global bool
	// Defaults are the values of inputs that were not given.
	Defaults Map
	// AutoName says how a resource is named that the program left unnamed; nil if the program must name it.
	AutoName *AutoName
	// Replace lists the inputs that cannot change on a living resource.
	Replace []string
	// DeleteBeforeReplace says that a replacement cannot live beside what it replaces.
	DeleteBeforeReplace bool
	// Filled are outputs that the real provider fills in where neither the program nor the cloud says anything.
	Filled Map
	// JSON lists the inputs that are JSON texts: the real provider gives them back compact and with sorted keys.
	JSON []string
	// Whole returns the inputs with what the real provider adds to them before it compares; nil for nothing.
	Whole func(inputs Map) Map
	// Computed lists the inputs that the service chooses where the program does not: one that the program no longer gives
	// stays as it is.
	Computed []string
	// Sets lists the inputs that are lists in which order means nothing.
	Sets []string
	// Shared lists the inputs that others than programs change too, and that the real provider therefore sends with an update
	// only where the program changes one of them.
	Shared []string
	// Normal returns, by input, the form of a value in which values that mean the same are equal, as do JSON texts that
	// differ in white space. It is given nothing but what Check has accepted.
	Normal map[string]func(v any) any
	// Latency is how long the real service takes.
	Latency Latency
	// Patience is how long a deletion is tried again while something still refers to the resource, and an update while something
	// in use keeps the resource as it is. Zero: not at all.
	Patience time.Duration
	// AllOrNothing says that a resource whose Apply fails at its creation is none, for the caller has no id of it yet.
	AllOrNothing bool
	// Forgiven says of a refused deletion that the real provider takes it for one that succeeded. The resource stays, and whoever
	// deletes it by hand is refused.
	Forgiven func(err *Error) bool
	// Alias says what the engine has as the id, where the real provider tells it another one than the resource's own; nil for
	// that.
	Alias *Alias
	// Import returns the id of the resource that a program imports by another one, or "": some kinds have ids that nobody
	// could know.
	Import func(tx *Tx, s Scope, id string) string
	// Gone reports whether a provider that reads the resource takes it for gone, though the service still tells of it.
	Gone func(r *Resource) bool
	// Seen remembers what a read has told the caller, where the real provider does something with that later.
	Seen func(tx *Tx, r *Resource)
	// Alive reports whether a resource counts as something that exists in the cloud; nil where each does. The others are records
	// of what is gone, or was never there to be had.
	Alive func(r *Resource) bool
	// Tagged returns the name and the tags by which the resource can be found, without any where it cannot; nil for its output
	// arn, or else its id, and its output tagsAll.
	Tagged func(r *Resource) (name string, tags map[string]string)
	// Waits are what the real provider waits for after it made or changed a resource, and that can be in vain.
	Waits []Wait
	// NotFound is the refusal of a reference to a resource of this kind that is not there.
	NotFound func(id string) *Error
	// InUse is the refusal of a deletion while another resource refers to this one.
	InUse func(r, by *Resource) *Error
}

// Alias are the outputs by which a resource goes whose id in the engine's state does not say which one it is.
type Alias struct {
	ID  string // the engine has its value as the id
	Own string // its value is the resource's own id
}

// Kind declares one kind of resource. T is the struct its inputs decode into, by json tags.
type Kind[T any] struct {
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

// AutoName is how the engine's provider makes up names: the program's name of the resource and a random suffix.
type AutoName struct {
	// Property is the input that holds the name.
	Property string
	// Max is how long the name may be; zero for no limit.
	Max int
}

// Latency is how many seconds the real service takes to create, update and delete a resource.
type Latency struct {
	Create float64
	// Update is what Create is where that is short, and a second where it is not, unless said otherwise.
	Update float64
	Delete float64
}

func (l Latency) update() float64 { return cmp.Or(l.Update, min(l.Create, 1)) }

// Needs is what a caller must be allowed for operations on a kind's resources, or for a function.
type Needs interface {
	// Permissions returns what an operation takes, in the order in which the provider asks for it.
	Permissions(c *Call, o Operation) []Permission
}

// Permission is one thing that a caller must be allowed.
type Permission struct {
	// API is the request that asks for it, such as "ec2:CreateVpc", and Action what policies call it: mostly the same.
	API, Action string
	// Resource is the name of what it is about, or "*".
	Resource string
	// Context is what else policies may ask of the request, by the names that they have for it.
	Context map[string]string
	// TagKeys are the keys of the tags that the request sends.
	TagKeys []string
}

// Wait is a wait of the real provider's that can be in vain.
type Wait struct {
	Verb Verb
	// Failure is what the provider says then, with one verb for the resource's id; without one where Whole.
	Failure string
	// Whole says that the kind is this wait and nothing else: in vain, there is no resource.
	Whole bool
}

// Ref is a reference from one resource to another.
type Ref struct {
	// Token is the kind referred to.
	Token string
	// Property names the output that holds Value at the other end; empty for its id.
	Property string
	// Value is the id, or the property's value. No resource has an empty one.
	Value string
	// Optional says that an empty Value refers to nothing, instead of to a resource that cannot be.
	Optional bool
	// Lenient says that the resource need not be there. If it is, it stays.
	Lenient bool
	// Weak says that the resource must be there at creation but may go first.
	Weak bool
}

// Call is what a kind's functions are given beside the inputs.
type Call struct {
	context.Context
	// Store is for waiting, in Apply and Release.
	Store *Store
	// Tx is the running transaction; nil in Apply and Release.
	Tx *Tx
	// Caller says who calls, and with what provider configuration.
	Caller Caller
	// Resource is the one being created, updated or deleted.
	Resource *Resource
	// Old is the resource before an update; nil otherwise.
	Old *Resource
	// Timeout is how long Apply and Release may take by the cloud's clock; zero where the caller did not say.
	Timeout time.Duration
	// Patience scales every wait: it is the pace of the cloud's clock.
	Patience float64

	cloud *Cloud // nil in tests that make a call by themselves
}

// Tagged returns the name and the tags by which a resource can be found, as its kind says.
func (c *Call) Tagged(r *Resource) (name string, tags map[string]string) {
	if c.cloud != nil {
		if k, ok := c.cloud.kinds[r.Token]; ok && k.spec().Tagged != nil {
			return k.spec().Tagged(r)
		}
	}
	tags = map[string]string{}
	all, _ := r.Outputs["tagsAll"].(Map)
	for key, v := range all {
		if text, ok := v.(string); ok {
			tags[key] = text
		}
	}
	return cmp.Or(r.Text("arn"), r.ID), tags
}

// DeleteWhere removes the resources of some kinds that name the call's by an input.
func (c *Call) DeleteWhere(input string, tokens ...string) {
	for _, token := range tokens {
		for _, r := range c.Tx.Where(c.Resource.Scope, token, input, c.Resource.ID) {
			c.Tx.Delete(r.Key)
		}
	}
}

// Caller is who calls the cloud.
type Caller struct {
	Scope  Scope
	Config Map
	// Identity is who that is, in the words of the package whose kinds are called; empty for one who may do everything, who is
	// asked for no permissions.
	Identity string
}

// Find returns the resource that a reference from this call's scope means, or nil.
func (c *Call) Find(ref Ref) *Resource { return find(c.Tx, c.Caller.Scope, ref) }

func find(tx *Tx, s Scope, ref Ref) *Resource {
	for _, scope := range []Scope{s, {Account: s.Account}} {
		if ref.Property == "" {
			if r := tx.Get(Key{Scope: scope, Token: ref.Token, ID: ref.Value}); r != nil {
				return r
			}
			continue
		}
		if found := tx.Where(scope, ref.Token, ref.Property, ref.Value); len(found) > 0 {
			return found[0]
		}
	}
	return nil
}

// Of returns the inputs of a resource of this kind, as [InputsOf] does.
func (k *Kind[T]) Of(r *Resource) *T { return InputsOf[T](r) }

// kind is a Kind[T] without its type parameter.
type kind interface {
	spec() *Spec
	public() bool
	check(in Map) ([]Failure, error)
	refs(c *Call) ([]Ref, error)
	outputs(c *Call) (Map, error)
	apply(c *Call) error
	release(c *Call) error
	remove(c *Call) error
}

func (k *Kind[T]) spec() *Spec { return &k.Spec }

// Specs returns what is known of the kinds among members, which are kinds and functions.
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

// public reports whether programs may make resources of the kind; those of the others the cloud makes by itself.
func (k *Kind[T]) public() bool { return k.Outputs != nil }

func (k *Kind[T]) check(in Map) ([]Failure, error) {
	t, err := Decode[T](in)
	if err != nil || k.Check == nil {
		return nil, err
	}
	return k.Check(t), nil
}

func (k *Kind[T]) refs(c *Call) ([]Ref, error) {
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

func (k *Kind[T]) outputs(c *Call) (Map, error) {
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

// sortedJSON returns a JSON text compact and with sorted keys; a text that is none as it is.
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

func (k *Kind[T]) apply(c *Call) error   { return k.call(k.Apply, c) }
func (k *Kind[T]) release(c *Call) error { return k.call(k.Release, c) }
func (k *Kind[T]) remove(c *Call) error  { return k.call(k.Delete, c) }

func (k *Kind[T]) call(f func(*Call, *T) error, c *Call) error {
	if f == nil {
		return nil
	}
	t, err := Decode[T](c.Resource.Inputs)
	if err != nil {
		return err
	}
	return f(c, t)
}

// Function declares one function: a question to the cloud that changes nothing. A is the struct its arguments decode into.
type Function[A any] struct {
	// Token is the engine's name of the function, such as "aws:index/getRegion:getRegion".
	Token string
	// Needs says what a caller must be allowed.
	Needs Needs
	Call  func(c *Call, args *A) (Map, error)
}

// FunctionSpec is what there is to know of a function besides what it answers.
type FunctionSpec struct {
	Token string
	Needs Needs
}

// Functions returns what is known of the functions among members, which are kinds and functions.
func Functions(members ...any) []*FunctionSpec {
	var out []*FunctionSpec
	for _, m := range members {
		if f, ok := m.(function); ok {
			out = append(out, f.spec())
		}
	}
	return out
}

type function interface {
	spec() *FunctionSpec
	call(c *Call, args Map) (Map, error)
}

func (f *Function[A]) spec() *FunctionSpec { return &FunctionSpec{Token: f.Token, Needs: f.Needs} }

func (f *Function[A]) call(c *Call, args Map) (Map, error) {
	a, err := Decode[A](args)
	if err != nil {
		return nil, err
	}
	return f.Call(c, a)
}
