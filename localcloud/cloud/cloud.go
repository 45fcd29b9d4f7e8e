package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Cloud carries out operations on the resources of a store, by the rules of its kinds.
type Cloud struct {
	Store *Store

	schema     Schema
	kinds      map[string]kind
	others     func(token string) (any, error)
	functions  map[string]function
	latency    float64
	patience   float64
	authorizer func(*Call, []Permission) error
	deleted    func(*Call)
}

// Schema knows the names and types of the properties of every kind and of the arguments of every function.
type Schema interface {
	// Check finds wrong names and types of inputs, and returns the inputs in their proper types.
	Check(token string, inputs Map) (Map, []Failure)
	// CheckArgs is Check for a function's arguments.
	CheckArgs(token string, args Map) (Map, []Failure)
	// Outputs names the properties that a resource of the kind has.
	Outputs(token string) []string
	// IsMap reports whether an input is a map with free keys, such as tags.
	IsMap(token, property string) bool
}

// Options are the settings of a Cloud.
type Options struct {
	Schema Schema
	// Latency scales the kinds' latencies; 0 (the default) makes everything as fast as it can be, 1 as slow as the real
	// services.
	Latency float64
	// Patience scales how long the real services and providers wait before they give up, be it by themselves or because the
	// caller gave them a timeout; default 1.
	Patience float64
	// Authorize is called before an operation of a caller with an identity takes effect. Its error refuses a caller without the needed
	// permissions; nil lets every caller do everything. The call has a transaction, and the resource: the wanted one for a creation or
	// an update, the current one for a read or a deletion, and none for a function. It is not called for a read or deletion of a
	// missing resource.
	Authorize func(*Call, []Permission) error
	// Others returns the kind, a *Kind[I, O], of a token that was not added; nil knows none. Its error refuses the resource.
	Others func(token string) (any, error)
	// Deleted is called for each resource that a caller deletes, in the transaction of the deletion; nil calls nothing.
	Deleted func(*Call)
}

// Operation is a caller's operation before it takes effect.
type Operation struct {
	Verb Verb
	// Token is the kind's, or the function's.
	Token string
	// Args are those of a function.
	Args Map
}

// Verb is the operation on a resource or function.
type Verb string

// The verbs of operations.
const (
	Create Verb = "create"
	Read   Verb = "read"
	Update Verb = "update"
	Delete Verb = "delete"
	Invoke Verb = "invoke"
)

// New makes a cloud of a store. Add gives it its kinds.
func New(store *Store, o Options) *Cloud {
	if o.Patience == 0 {
		o.Patience = 1
	}
	if o.Deleted == nil {
		o.Deleted = func(*Call) {}
	}
	if o.Others == nil {
		o.Others = func(token string) (any, error) { return nil, fmt.Errorf("resource %s: %w", token, ErrUnimplemented) }
	}
	return &Cloud{
		Store: store, schema: o.Schema, latency: o.Latency, patience: o.Patience, authorizer: o.Authorize, deleted: o.Deleted,
		others: o.Others, kinds: map[string]kind{}, functions: map[string]function{},
	}
}

// Add makes the cloud serve kinds and functions: values of *Kind[I, O] and *Function[A].
func (c *Cloud) Add(members ...any) {
	for _, m := range members {
		switch m := m.(type) {
		case kind:
			c.kinds[m.spec().Token] = m
		case function:
			c.functions[m.spec().Token] = m
		default:
			panic(fmt.Sprintf("cloud: %T is neither a kind nor a function", m))
		}
	}
}

// Tokens returns the tokens of all kinds and functions, sorted.
func (c *Cloud) Tokens() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for t := range c.kinds {
			if !yield(t) {
				return
			}
		}
		for t := range c.functions {
			if !yield(t) {
				return
			}
		}
	})
}

// Models reports whether the kind or function of that token was added.
func (c *Cloud) Models(token string) bool {
	_, ofKind := c.kinds[token]
	_, ofFunction := c.functions[token]
	return ofKind || ofFunction
}

// Label returns a kind's name in the service's error messages, or the token if it has none.
func (c *Cloud) Label(token string) string {
	if k, ok := c.kinds[token]; ok {
		return cmp.Or(k.spec().Label, token)
	}
	return token
}

func (c *Cloud) kind(token string) (kind, error) {
	k, ok := c.kinds[token]
	if ok && k.public() {
		return k, nil
	}
	other, err := c.others(token)
	if err != nil {
		return nil, err
	}
	return other.(kind), nil
}

func (k *Spec) scope(s Scope) Scope {
	if k.Global {
		s.Region = ""
	}
	return s
}

// Check fills in the kind's defaults and finds everything wrong with the inputs that can be found without the cloud.
func (c *Cloud) Check(token string, inputs Map) (Map, []Failure, error) {
	k, err := c.kind(token)
	if err != nil {
		return nil, nil, err
	}
	inputs, failures := c.schema.Check(token, inputs)
	if len(failures) > 0 {
		return inputs, failures, nil
	}
	filled := Map{}
	maps.Copy(filled, k.spec().Defaults)
	maps.Copy(filled, inputs)
	failures, err = k.check(filled)
	return filled, failures, err
}

// Alive reports whether a resource counts as something that exists in the cloud.
func (c *Cloud) Alive(r *Resource) bool {
	k, ok := c.kinds[r.Token]
	return !ok || k.spec().Alive == nil || k.spec().Alive(r)
}

// AutoName returns how resources of the kind are named when the program does not, or nil.
func (c *Cloud) AutoName(token string) *AutoName {
	k, err := c.kind(token)
	if err != nil {
		return nil // Check says why
	}
	return k.spec().AutoName
}

// Alias returns the engine's id of the kind's resources; nil for the resource's own.
func (c *Cloud) Alias(token string) *Alias {
	if k, ok := c.kinds[token]; ok {
		return k.spec().Alias
	}
	return nil
}

// Shared returns the inputs of the kind that an update leaves as they are unless the program changes one of them.
func (c *Cloud) Shared(token string) []string {
	if k, ok := c.kinds[token]; ok {
		return k.spec().Shared
	}
	return nil
}

// Diff compares checked inputs with the resource's inputs and state as the engine recorded them.
func (c *Cloud) Diff(token string, oldInputs, state, inputs Map) (Diff, error) {
	k, err := c.kind(token)
	if err != nil {
		return Diff{}, err
	}
	return diff(k.spec(), func(p string) bool { return c.schema.IsMap(token, p) }, oldInputs, state, inputs), nil
}

// Preview returns the outputs that creating or updating a resource would give: every property that only the cloud can know
// is Unknown. State is nil for a new resource.
func (c *Cloud) Preview(token string, oldInputs, state, inputs Map) (Map, error) {
	k, err := c.kind(token)
	if err != nil {
		return nil, err
	}
	out := Map{}
	for _, p := range c.schema.Outputs(token) {
		out[p] = Unknown{}
	}
	for p, v := range state {
		if _, ok := oldInputs[p]; !ok || slices.Contains(k.spec().Computed, p) {
			out[p] = v
		}
	}
	maps.Copy(out, inputs)
	return out, nil
}

// Create makes a resource. An error together with a resource means that it exists but is not as wanted.
func (c *Cloud) Create(ctx context.Context, caller Caller, token string, inputs Map, timeout time.Duration) (*Resource, error) {
	k, err := c.kind(token)
	if err != nil {
		return nil, err
	}
	b := k.spec()
	if err := c.delay(ctx, b.Latency.Create); err != nil {
		return nil, fmt.Errorf("creating %s: %w", b.Label, err)
	}
	call := c.call(ctx, caller, timeout)
	call.Resource = &Resource{Key: Key{Scope: b.scope(caller.Scope), Token: token}, Inputs: inputs}
	err = c.Store.Update(func(tx *Tx) error {
		call.Tx = tx
		if err := c.authorize(call, b.Needs, Operation{Verb: Create, Token: token}); err != nil {
			return err
		}
		return c.put(k, call)
	})
	if err != nil {
		return nil, fmt.Errorf("creating %s: %w", b.Label, err)
	}
	r, err := c.settle(k, call, "creating")
	if err != nil && b.AllOrNothing {
		return nil, errors.Join(err, c.Store.Update(func(tx *Tx) error {
			tx.Delete(r.Key)
			return nil
		}))
	}
	return r, err
}

// Update changes a living resource, as providers do: while something else prevents it, it is retried for the kind's Patience.
func (c *Cloud) Update(ctx context.Context, caller Caller, token, id string, inputs Map, timeout time.Duration) (*Resource, error) {
	return c.update(ctx, caller, token, id, inputs, timeout, true)
}

// UpdateOnce is [Cloud.Update] with a single request, as by hand: it is refused at once.
func (c *Cloud) UpdateOnce(ctx context.Context, caller Caller, token, id string, inputs Map) (*Resource, error) {
	return c.update(ctx, caller, token, id, inputs, 0, false)
}

func (c *Cloud) update(
	ctx context.Context, caller Caller, token, id string, inputs Map, timeout time.Duration, again bool,
) (*Resource, error) {
	k, err := c.kind(token)
	if err != nil {
		return nil, err
	}
	b := k.spec()
	if err := c.delay(ctx, b.Latency.update()); err != nil {
		return nil, fmt.Errorf("updating %s (%s): %w", b.Label, id, err)
	}
	call := c.call(ctx, caller, timeout)
	err = c.retry(call, b.Patience, again, func(tx *Tx) error {
		call.Old = tx.Get(Key{Scope: b.scope(caller.Scope), Token: token, ID: id})
		if call.Old == nil {
			return c.notFound(token, id)
		}
		call.Resource = call.Old.Clone()
		call.Resource.Inputs = b.keep(call.Old.Inputs, inputs)
		if err := c.authorize(call, b.Needs, Operation{Verb: Update, Token: token}); err != nil {
			return err
		}
		return c.put(k, call)
	})
	if err != nil {
		return nil, fmt.Errorf("updating %s (%s): %w", b.Label, id, err)
	}
	return c.settle(k, call, "updating")
}

// retry carries out a transaction for the call. While it is refused because something is in use, retry repeats it with each change of
// what it has read.
func (c *Cloud) retry(call *Call, patience time.Duration, again bool, do func(*Tx) error) error {
	ctx, cancel := context.WithTimeout(call.Context, call.limit(patience))
	defer cancel()
	store := c.Store.Watch()
	defer store.Stop()
	for {
		err := store.Update(func(tx *Tx) error {
			call.Tx = tx
			return do(tx)
		})
		if e, ok := errors.AsType[*Error](err); !ok || !e.InUse || !again {
			return err
		}
		select {
		case <-store.C:
		case <-ctx.Done():
			return err
		}
	}
}

// put checks the references, computes the outputs and stores the resource.
func (c *Cloud) put(k kind, call *Call) error {
	call.inputs = nil
	refs, err := k.refs(call)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if ref.Lenient || ref.Value == "" && ref.Optional {
			continue
		}
		if ref.Value == "" || call.Find(ref) == nil {
			return c.notFound(ref.Token, ref.Value)
		}
	}
	r := call.Resource
	if r.Outputs, err = k.outputs(call); err != nil {
		return err
	}
	if r.ID == "" {
		panic("cloud: Create of " + r.Token + " gave no id")
	}
	r.Name = displayName(r)
	call.Tx.Put(r)
	return nil
}

// settle runs Apply and returns the resource afterwards.
func (c *Cloud) settle(k kind, call *Call, doing string) (*Resource, error) {
	call.Tx = nil
	err := k.apply(call)
	r := call.Resource
	c.Store.View(func(tx *Tx) {
		if now := tx.Get(r.Key); now != nil {
			r = now
		}
	})
	if err != nil {
		err = fmt.Errorf("%s %s (%s): %w", doing, k.spec().Label, r.ID, err)
	}
	return r, err
}

// Read returns the current resource, or nil if there is none that the kind's provider would find. The id may be the one for an import.
func (c *Cloud) Read(caller Caller, token, id string) (*Resource, error) {
	k, err := c.kind(token)
	if err != nil {
		return nil, err
	}
	b := k.spec()
	key := Key{Scope: b.scope(caller.Scope), Token: token, ID: id}
	call := c.call(context.Background(), caller, 0)
	c.Store.View(func(tx *Tx) {
		if call.Resource = tx.Get(key); call.Resource == nil && b.Import != nil && b.Import.Find != nil {
			key.ID = b.Import.Find(tx, key.Scope, id)
			call.Resource = tx.Get(key)
		}
		if call.Resource != nil {
			call.Tx = tx
			err = c.authorize(call, b.Needs, Operation{Verb: Read, Token: token})
		}
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s (%s): %w", b.Label, id, err)
	}
	if call.Resource != nil && b.Gone != nil && b.Gone(call.Resource) {
		return nil, nil
	}
	if call.Resource != nil && b.Seen != nil {
		err := c.Store.Update(func(tx *Tx) error {
			if r := tx.Get(key); r != nil {
				b.Seen(tx, r)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading %s (%s): %w", b.Label, id, err)
		}
	}
	return call.Resource, nil
}

// Delete removes a resource as providers do; a missing one counts as removed. While something uses it, it is retried for the kind's
// Patience.
func (c *Cloud) Delete(ctx context.Context, caller Caller, token, id string, timeout time.Duration) error {
	return c.delete(ctx, caller, token, id, timeout, true)
}

// DeleteOnce is [Cloud.Delete] with a single request, as by hand: it is refused at once while something uses the resource.
func (c *Cloud) DeleteOnce(ctx context.Context, caller Caller, token, id string) error {
	return c.delete(ctx, caller, token, id, 0, false)
}

func (c *Cloud) delete(ctx context.Context, caller Caller, token, id string, timeout time.Duration, again bool) error {
	k, err := c.kind(token)
	if err != nil {
		return err
	}
	b := k.spec()
	fail := func(err error) error { return fmt.Errorf("deleting %s (%s): %w", b.Label, id, err) }
	if err := c.delay(ctx, b.Latency.Delete); err != nil {
		return fail(err)
	}
	key := Key{Scope: b.scope(caller.Scope), Token: token, ID: id}
	call := c.call(ctx, caller, timeout)
	c.Store.View(func(tx *Tx) {
		if call.Resource = tx.Get(key); call.Resource != nil {
			call.Tx = tx
			err = c.authorize(call, b.Needs, Operation{Verb: Delete, Token: token})
		}
	})
	call.Tx = nil
	if err != nil {
		return fail(err)
	}
	if call.Resource == nil {
		return nil
	}
	if err := k.release(call); err != nil {
		return fail(err)
	}
	err = c.retry(call, b.Patience, again, func(tx *Tx) error {
		if call.Resource = tx.Get(key); call.Resource == nil {
			return nil
		}
		if by := c.referrer(tx, call.Resource); by != nil {
			return c.inUse(b, call.Resource, by)
		}
		if err := k.remove(call); err != nil {
			return err
		}
		tx.Delete(key)
		c.deleted(call)
		return nil
	})
	if e, ok := errors.AsType[*Error](err); ok && again && b.Forgiven != nil && b.Forgiven(e) {
		return nil
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

// Invoke answers a function, or returns the errors of its arguments.
func (c *Cloud) Invoke(ctx context.Context, caller Caller, token string, args Map) (Map, []Failure, error) {
	f, ok := c.functions[token]
	if !ok {
		return nil, nil, fmt.Errorf("function %s: %w", token, ErrUnimplemented)
	}
	args, failures := c.schema.CheckArgs(token, args)
	if len(failures) > 0 {
		return nil, failures, nil
	}
	call := c.call(ctx, caller, 0)
	var out Map
	var err error
	c.Store.View(func(tx *Tx) {
		call.Tx = tx
		if err = c.authorize(call, f.spec().Needs, Operation{Verb: Invoke, Token: token, Args: args}); err == nil {
			out, err = f.call(call, args)
		}
	})
	if err != nil {
		return nil, nil, fmt.Errorf("invoking %s: %w", token, err)
	}
	return out, nil, nil
}

// authorize is the only place that refuses an operation for missing permissions.
func (c *Cloud) authorize(call *Call, needs Needs, o Operation) error {
	if c.authorizer == nil || call.Caller.Identity == "" {
		return nil
	}
	if needs == nil {
		return fmt.Errorf("the permissions for %s: %w", o.Token, ErrUnimplemented)
	}
	return c.authorizer(call, needs.Permissions(call, o))
}

func (c *Cloud) call(ctx context.Context, caller Caller, timeout time.Duration) *Call {
	return &Call{Context: ctx, Store: c.Store, Caller: caller, Timeout: timeout, Patience: c.patience, cloud: c}
}

// referrer returns a resource that refers to r and so keeps it from being deleted, or nil.
func (c *Cloud) referrer(tx *Tx, r *Resource) *Resource {
	values := []string{r.ID}
	for _, v := range r.Outputs {
		if s, ok := v.(string); ok && s != r.ID {
			values = append(values, s)
		}
	}
	for _, value := range values {
		for _, other := range tx.lookup(references, c.referredTo, r.Token+" "+value) {
			if other.Scope.Account == r.Scope.Account && other.Key != r.Key && slices.ContainsFunc(c.holds(other), r.is) {
				return other
			}
		}
	}
	return nil
}

// references is the index of resources' references, by token and value.
var references = indexName{index: "references"}

func (c *Cloud) referredTo(r *Resource) []string {
	var values []string
	for _, ref := range c.holds(r) {
		values = append(values, ref.Token+" "+ref.Value)
	}
	return values
}

// holds returns the references of a stored resource that keep others from being deleted.
func (c *Cloud) holds(r *Resource) []Ref {
	k, ok := c.kinds[r.Token]
	if !ok {
		return nil
	}
	call := &Call{Context: context.Background(), Store: c.Store, Caller: Caller{Scope: r.Scope}, Resource: r}
	refs, err := k.refs(call)
	if err != nil {
		return nil // stored inputs decode
	}
	return slices.DeleteFunc(refs, func(ref Ref) bool { return ref.Weak || ref.Value == "" })
}

// is reports whether the reference, from within the account, means the resource.
func (r *Resource) is(ref Ref) bool {
	if ref.Token != r.Token {
		return false
	}
	return ref.Property == "" && ref.Value == r.ID || ref.Property != "" && r.Outputs[ref.Property] == ref.Value
}

func (c *Cloud) inUse(b *Spec, r, by *Resource) error {
	if b.InUse == nil {
		return InUsef("ResourceInUse", "%s %s is in use by %s", b.Label, r.ID, by.ID)
	}
	err := b.InUse(r, by)
	err.InUse = true
	return err
}

func (c *Cloud) notFound(token, id string) error {
	if k, ok := c.kinds[token]; ok && k.spec().NotFound != nil {
		return k.spec().NotFound(id)
	}
	return Errorf("NotFound", "%s %s does not exist", token, id)
}

// delay waits as long as the real service would take, scaled.
func (c *Cloud) delay(ctx context.Context, seconds float64) error {
	d := time.Duration(seconds * c.latency * float64(time.Second))
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// displayName is the resource's name for people.
func displayName(r *Resource) string {
	if tags, ok := r.Outputs["tags"].(Map); ok {
		if n, ok := tags["Name"].(string); ok {
			return n
		}
	}
	if n, ok := r.Outputs["name"].(string); ok {
		return n
	}
	return r.ID
}

// ErrTimeout is the cause of a wait in Apply or Release that took longer than the caller or the service allows.
var ErrTimeout = errors.New("timeout while waiting for state")

// limit is how long a wait may take: the caller's timeout or, without one, the service's own. Both are on the cloud's clock, which its
// patience scales.
func (c *Call) limit(own time.Duration) time.Duration {
	return time.Duration(float64(cmp.Or(c.Timeout, own)) * c.Patience)
}

// Await blocks until the condition holds, for at most the caller's timeout or, without one, the service's own, scaled by the cloud's
// patience.
func (c *Call) Await(own time.Duration, condition func(*Tx) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(c.Context, c.limit(own), ErrTimeout)
	defer cancel()
	return c.Store.Wait(ctx, condition)
}
