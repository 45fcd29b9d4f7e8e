package aws

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/cloud"
	"slipway/localcloud/schema"
)

// here is the account and region that tests work in.
var here = cloud.Caller{Scope: cloud.Scope{Account: DefaultAccount, Region: "eu-central-1"}}

// testCloud is a cloud of kinds with the engine's way of using it: inputs are checked before they are used.
type testCloud struct {
	*cloud.Cloud
	t *testing.T
}

// newCloud returns an empty cloud that serves the members: kinds and functions.
func newCloud(t *testing.T, members ...any) *testCloud {
	t.Helper()
	store, err := cloud.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	c := cloud.New(store, cloud.Options{Schema: schema.SDKs{}, Patience: 0.001})
	c.Add(members...)
	return &testCloud{Cloud: c, t: t}
}

// try creates a resource as the engine would, and returns the failures of its check as an error.
func (c *testCloud) try(token string, in cloud.Map) (*cloud.Resource, error) {
	c.t.Helper()
	checked, failures, err := c.Check(token, in)
	if err != nil {
		return nil, err
	}
	if len(failures) > 0 {
		return nil, cloud.Errorf("Check", "%s: %s", failures[0].Property, failures[0].Reason)
	}
	r, err := c.Create(c.t.Context(), here, token, checked, 0)
	if err != nil {
		return r, err
	}
	c.outputs(r)
	return r, nil
}

// create is try for what must succeed.
func (c *testCloud) create(token string, in cloud.Map) *cloud.Resource {
	c.t.Helper()
	r, err := c.try(token, in)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// update changes some of a resource's inputs as the engine would.
func (c *testCloud) update(r *cloud.Resource, change cloud.Map) (*cloud.Resource, error) {
	c.t.Helper()
	in := r.Clone().Inputs
	for p, v := range change {
		in[p] = v
	}
	checked, failures, err := c.Check(r.Token, in)
	if err != nil || len(failures) > 0 {
		c.t.Fatalf("check of %s: %v, %v", r.ID, failures, err)
	}
	updated, err := c.Update(c.t.Context(), here, r.Token, r.ID, checked, 0)
	if err == nil {
		c.outputs(updated)
	}
	return updated, err
}

// outputs holds a resource's outputs against the SDK, and makes sure that a second preview of it would be empty.
func (c *testCloud) outputs(r *cloud.Resource) {
	c.t.Helper()
	kind, ok := schema.Lookup(r.Token)
	if !ok {
		c.t.Fatalf("%s is not in schema/tokens.txt", r.Token)
	}
	for _, f := range kind.CheckOutputs(r.Outputs, nil) {
		c.t.Errorf("output %s of %s: %s", f.Property, r.Token, f.Reason)
	}
	if d, err := c.Diff(r.Token, r.Inputs, r.Outputs, r.Inputs); err != nil || len(d.Changed) > 0 {
		c.t.Errorf("%s differs from itself: %v, %v", r.ID, d.Changed, err)
	}
}

// delete removes a resource that must be free to go.
func (c *testCloud) delete(r *cloud.Resource) {
	c.t.Helper()
	if err := c.Delete(c.t.Context(), here, r.Token, r.ID, time.Millisecond); err != nil {
		c.t.Fatal(err)
	}
}

// refused fails the test unless the error has the code and its text holds the words.
func (c *testCloud) refused(err error, code, words string) {
	c.t.Helper()
	if cloud.Code(err) != code || !strings.Contains(err.Error(), words) {
		c.t.Errorf("got %v, want %s with %q", err, code, words)
	}
}

// left returns what is alive.
func (c *testCloud) left() []string {
	var out []string
	c.Store.View(func(tx *cloud.Tx) {
		for r := range tx.All() {
			out = append(out, r.Token+" "+r.ID)
		}
	})
	return out
}
