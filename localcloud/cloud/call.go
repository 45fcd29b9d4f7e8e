package cloud

import (
	"cmp"
	"context"
	"time"
)

// Call is the argument of a kind's functions in addition to the inputs.
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
	// Timeout is how long Apply and Release may take on the cloud's clock; zero if the caller gave none.
	Timeout time.Duration
	// Patience scales every wait: it is the pace of the cloud's clock.
	Patience float64

	inputs any    // of the resource, decoded; nil until they are
	cloud  *Cloud // nil in tests that make a call by themselves
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
	// Identity identifies the caller, in the form of the kinds' package; empty for a caller that may do everything and needs no
	// permissions.
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
