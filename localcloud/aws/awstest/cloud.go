// Package awstest has fixtures for the tests of several services: a cloud, stages with a network, a load balancer or a service, and a
// whole stack.
package awstest

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/sts"
	"slipway/localcloud/cloud"
	"slipway/localcloud/oidc"
	"slipway/localcloud/schema"
)

// As makes a resource as a caller, and fails the test if it may not.
func (c *Tester) As(caller cloud.Caller, token string, in cloud.Map) *cloud.Resource {
	c.T.Helper()
	r, err := c.Attempt(caller, token, in)
	if err != nil {
		c.T.Fatal(err)
	}
	return r
}

// Attempt makes a resource as a caller.
func (c *Tester) Attempt(caller cloud.Caller, token string, in cloud.Map) (*cloud.Resource, error) {
	c.T.Helper()
	checked, failures, err := c.Check(token, in)
	if err != nil || len(failures) > 0 {
		c.T.Fatalf("check of %s: %v, %v", token, failures, err)
	}
	return c.Create(c.T.Context(), caller, token, checked, 0)
}

// Callers returns who finds out who calls the cloud, and a signer of tokens that it trusts.
func (c *Tester) Callers() *sts.Callers {
	c.T.Helper()
	tokens, err := oidc.Open(c.T.TempDir())
	if err != nil {
		c.T.Fatal(err)
	}
	return &sts.Callers{Store: c.Store, Tokens: tokens}
}

// Here is the account and region that tests work in.
var Here = cloud.Caller{Scope: cloud.Scope{Account: sts.DefaultAccount, Region: "eu-central-1"}}

// Tester is a cloud of kinds with the engine's way of using it: inputs are checked before they are used.
type Tester struct {
	*cloud.Cloud
	T *testing.T
}

// New returns an empty cloud that serves the members: kinds and functions.
func New(t *testing.T, members ...any) *Tester {
	t.Helper()
	store, err := cloud.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	c := cloud.New(store, cloud.Options{Schema: schema.SDKs{}, Patience: 0.001})
	c.Add(members...)
	return &Tester{Cloud: c, T: t}
}

// Try creates a resource as the engine would, and returns the failures of its check as an error.
func (c *Tester) Try(token string, in cloud.Map) (*cloud.Resource, error) {
	c.T.Helper()
	checked, failures, err := c.Check(token, in)
	if err != nil {
		return nil, err
	}
	if len(failures) > 0 {
		return nil, cloud.Errorf("Check", "%s: %s", failures[0].Property, failures[0].Reason)
	}
	r, err := c.Create(c.T.Context(), Here, token, checked, 0)
	if err != nil {
		return r, err
	}
	c.Outputs(r)
	return r, nil
}

// Make is try for what must succeed.
func (c *Tester) Make(token string, in cloud.Map) *cloud.Resource {
	c.T.Helper()
	r, err := c.Try(token, in)
	if err != nil {
		c.T.Fatal(err)
	}
	return r
}

// Edit changes some of a resource's inputs as the engine would.
func (c *Tester) Edit(r *cloud.Resource, change cloud.Map) (*cloud.Resource, error) {
	c.T.Helper()
	in := r.Clone().Inputs
	for p, v := range change {
		in[p] = v
	}
	checked, failures, err := c.Check(r.Token, in)
	if err != nil || len(failures) > 0 {
		c.T.Fatalf("check of %s: %v, %v", r.ID, failures, err)
	}
	updated, err := c.Update(c.T.Context(), Here, r.Token, r.ID, checked, 0)
	if err == nil {
		c.Outputs(updated)
	}
	return updated, err
}

// Outputs holds a resource's outputs against the SDK, and makes sure that a second preview of it would be empty.
func (c *Tester) Outputs(r *cloud.Resource) {
	c.T.Helper()
	kind, ok := schema.Lookup(r.Token)
	if !ok {
		c.T.Fatalf("%s is not in schema/tokens.txt", r.Token)
	}
	for _, f := range kind.CheckOutputs(r.Outputs, nil) {
		c.T.Errorf("output %s of %s: %s", f.Property, r.Token, f.Reason)
	}
	if d, err := c.Diff(r.Token, r.Inputs, r.Outputs, r.Inputs); err != nil || len(d.Changed) > 0 {
		c.T.Errorf("%s differs from itself: %v, %v", r.ID, d.Changed, err)
	}
}

// Remove removes a resource that must be free to go.
func (c *Tester) Remove(r *cloud.Resource) {
	c.T.Helper()
	if err := c.Delete(c.T.Context(), Here, r.Token, r.ID, time.Millisecond); err != nil {
		c.T.Fatal(err)
	}
}

// Refused fails the test unless the error has the code and its text holds the words.
func (c *Tester) Refused(err error, code, words string) {
	c.T.Helper()
	if cloud.Code(err) != code || !strings.Contains(err.Error(), words) {
		c.T.Errorf("got %v, want %s with %q", err, code, words)
	}
}

// Left returns everything that is alive.
func (c *Tester) Left() []string {
	var out []string
	c.Store.View(func(tx *cloud.Tx) {
		for r := range tx.All() {
			out = append(out, r.Token+" "+r.ID)
		}
	})
	return out
}

// Survives uses the inputs to create a resource and to update old, which may be nil; then it restores the store.
func (c *Tester) Survives(what, token string, old *cloud.Resource, in cloud.Map) {
	c.T.Helper()
	before := map[cloud.Key]*cloud.Resource{}
	c.Store.View(func(tx *cloud.Tx) {
		for r := range tx.All() {
			before[r.Key] = r
		}
	})
	attempt := func(doing string, f func(checked cloud.Map)) {
		c.T.Helper()
		defer func() {
			if r := recover(); r != nil {
				c.T.Errorf("%s %s with empty %s: panic: %v", doing, token, what, r)
			}
			err := c.Store.Update(func(tx *cloud.Tx) error {
				for r := range tx.All() {
					if before[r.Key] == nil {
						tx.Delete(r.Key)
					}
				}
				for _, r := range before {
					if tx.Get(r.Key) != r { // a resource that changes is another
						tx.Put(r)
					}
				}
				return nil
			})
			if err != nil {
				c.T.Fatal(err)
			}
		}()
		checked, failures, err := c.Check(token, in)
		if err == nil && len(failures) == 0 {
			f(checked)
		}
	}
	attempt("creating", func(checked cloud.Map) { _, _ = c.Create(c.T.Context(), Here, token, checked, time.Millisecond) })
	if old != nil {
		attempt("updating", func(checked cloud.Map) {
			_, _ = c.Update(c.T.Context(), Here, token, old.ID, checked, time.Millisecond)
		})
	}
}

// Guarded returns the cloud as callers with roles meet it.
func (c *Tester) Guarded(members ...any) *Tester {
	g := cloud.New(c.Store, cloud.Options{Schema: schema.SDKs{}, Patience: 0.001, Authorize: iam.Authorize})
	g.Add(members...)
	return &Tester{Cloud: g, T: c.T}
}

// MayDo gives the role of the session the policy statements, and no others.
func (c *Tester) MayDo(statements string) {
	c.T.Helper()
	err := c.Store.Update(func(tx *cloud.Tx) error {
		tx.Put(&cloud.Resource{
			Key:    cloud.Key{Scope: cloud.Scope{Account: sts.DefaultAccount}, Token: identity.RoleToken, ID: "ci"},
			Inputs: cloud.Map{"name": "ci", "inlinePolicies": []any{cloud.Map{"name": "p", "policy": TrustOf(statements)}}},
			Outputs: cloud.Map{
				"arn": "arn:aws:iam::000000000000:role/ci", "uniqueId": "AROA00000000000000000", "name": "ci",
			},
		})
		return nil
	})
	if err != nil {
		c.T.Fatal(err)
	}
}

// Ask calls a function as the engine would, and checks its answer against the SDK.
func (c *Tester) Ask(caller cloud.Caller, token string, args cloud.Map) (cloud.Map, error) {
	c.T.Helper()
	out, failures, err := c.Invoke(c.T.Context(), caller, token, args)
	if len(failures) > 0 {
		c.T.Fatalf("arguments of %s: %v", token, failures)
	}
	if err != nil {
		return nil, err
	}
	function, ok := schema.LookupFunction(token)
	if !ok {
		c.T.Fatalf("%s is not in schema/tokens.txt", token)
	}
	for _, f := range function.CheckResult(out, nil) {
		c.T.Errorf("result %s of %s: %s", f.Property, token, f.Reason)
	}
	return out, nil
}

// IDs returns the ids of all resources of a kind, with their scopes.
func (c *Tester) IDs(token string) map[string]cloud.Scope {
	out := map[string]cloud.Scope{}
	c.Store.View(func(tx *cloud.Tx) {
		for _, r := range tx.Everywhere(token) {
			out[r.ID] = r.Scope
		}
	})
	return out
}

// Look returns the resource's current state.
func (c *Tester) Look(r *cloud.Resource) *cloud.Resource {
	c.T.Helper()
	got, err := c.Read(Here, r.Token, r.ID)
	if err != nil {
		c.T.Fatal(err)
	}
	return got
}
