package cloudflare

import (
	"maps"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/cloud"
	"slipway/localcloud/schema"

	"pgregory.net/rapid"
)

var caller = cloud.Caller{Scope: Scope()}

type testCloud struct {
	*cloud.Cloud
	t    testing.TB
	zone string
}

// newCloud returns a cloud with the zones example.com and example.org, and the id of the first.
func newCloud(t testing.TB) (*testCloud, *Cloudflare) {
	t.Helper()
	store, err := cloud.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	account := New([]string{"Example.com.", "example.org"})
	c := cloud.New(store, cloud.Options{Schema: schema.SDKs{}})
	c.Add(account.Kinds()...)
	return &testCloud{Cloud: c, t: t, zone: account.Zones()[0].ID}, account
}

// try creates a record in the first zone as the engine would.
func (c *testCloud) try(in cloud.Map) (*cloud.Resource, error) {
	if in["zoneId"] == nil {
		in["zoneId"] = c.zone
	}
	checked, failures, err := c.Check(RecordToken, in)
	if err != nil {
		return nil, err
	}
	if len(failures) > 0 {
		return nil, cloud.Errorf("Check", "%s: %s", failures[0].Property, failures[0].Reason)
	}
	r, err := c.Create(c.t.Context(), caller, RecordToken, checked, 0)
	if err != nil {
		return nil, err
	}
	kind, _ := schema.Lookup(RecordToken)
	for _, f := range kind.CheckOutputs(r.Outputs, nil) {
		c.t.Errorf("output %s: %s", f.Property, f.Reason)
	}
	if d, err := c.Diff(RecordToken, r.Inputs, r.Outputs, r.Inputs); err != nil || len(d.Changed) > 0 {
		c.t.Errorf("record differs from itself: %v, %v", d.Changed, err)
	}
	return r, nil
}

func (c *testCloud) create(in cloud.Map) *cloud.Resource {
	c.t.Helper()
	r, err := c.try(in)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *testCloud) refused(err error, code, words string) {
	c.t.Helper()
	if err == nil || cloud.Code(err) != code || !strings.Contains(err.Error(), words) {
		c.t.Errorf("got %v, want %s with %q", err, code, words)
	}
}

func TestGetZone(t *testing.T) {
	t.Parallel()
	c, account := newCloud(t)
	ask := func(args cloud.Map) (cloud.Map, error) {
		out, failures, err := c.Invoke(t.Context(), caller, "cloudflare:index/getZone:getZone", args)
		if len(failures) > 0 {
			t.Fatal(failures)
		}
		return out, err
	}
	for _, args := range []cloud.Map{{"name": "example.com"}, {"zoneId": c.zone}} {
		out, err := ask(args)
		if err != nil || out["id"] != c.zone || out["name"] != "example.com" {
			t.Errorf("%v: %v, %v", args, out, err)
		}
		function, _ := schema.LookupFunction("cloudflare:index/getZone:getZone")
		if failures := function.CheckResult(out, nil); len(failures) > 0 {
			t.Errorf("result: %v", failures)
		}
	}
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(c.zone) || New([]string{"example.com"}).Zones()[0].ID != c.zone || account.Zones()[1].ID == c.zone {
		t.Errorf("zone id %s", c.zone)
	}
	_, err := ask(cloud.Map{"name": "example.net"})
	c.refused(err, "", "no zone found")
	_, err = ask(cloud.Map{"zoneId": "none"})
	c.refused(err, "7003", "Could not route to /zones/none, perhaps your object identifier is invalid?")
	_, err = ask(cloud.Map{})
	c.refused(err, "", "exactly one of")
}

func TestGetRecord(t *testing.T) {
	t.Parallel()
	c, _ := newCloud(t)
	r := c.create(cloud.Map{"name": "hello", "type": "CNAME", "content": "lb.example.net", "ttl": 60.0})
	function, _ := schema.LookupFunction("cloudflare:index/getRecord:getRecord")
	for name, test := range map[string]struct {
		args  cloud.Map
		words string
	}{
		"there":              {cloud.Map{"hostname": "hello.example.com", "type": "CNAME"}, ""},
		"with its content":   {cloud.Map{"hostname": "hello.example.com", "type": "CNAME", "content": "lb.example.net"}, ""},
		"of another type":    {cloud.Map{"hostname": "hello.example.com"}, "didn't get any DNS records for hostname: hello.example.com"},
		"with other content": {cloud.Map{"hostname": "hello.example.com", "type": "CNAME", "content": "x.example.net"}, "didn't get any"},
		"in no zone":         {cloud.Map{"zoneId": "none", "hostname": "hello.example.com"}, "api error 7003"},
	} {
		if test.args["zoneId"] == nil {
			test.args["zoneId"] = c.zone
		}
		out, failures, err := c.Invoke(t.Context(), caller, function.Token, test.args)
		switch {
		case len(failures) > 0:
			t.Errorf("%s: %v", name, failures)
		case test.words != "" && (err == nil || !strings.Contains(err.Error(), test.words)):
			t.Errorf("%s: %v", name, err)
		case test.words == "" && (err != nil || out["id"] != r.ID || out["content"] != "lb.example.net"):
			t.Errorf("%s: %v (%v)", name, out, err)
		case test.words == "":
			if failures := function.CheckResult(out, nil); len(failures) > 0 {
				t.Errorf("%s: result: %v", name, failures)
			}
		}
	}
}

func TestCaller(t *testing.T) {
	t.Parallel()
	if c, err := Caller(cloud.Map{"apiToken": "abc_DEF-123"}); err != nil || c.Scope != Scope() {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := Caller(cloud.Map{"apiToken": "not a token"}); err == nil || strings.Contains(err.Error(), "not a token") {
		t.Errorf("a malformed token: %v; it must be refused and not printed", err)
	}
}

func TestRecordNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"www": "www.example.com", "WWW.example.com": "www.example.com", "a.b": "a.b.example.com", "@": "example.com", "example.com": "example.com",
		"*": "*.example.com", "_x.www.example.com": "_x.www.example.com", "notexample.com": "notexample.com.example.com",
	} {
		c, account := newCloud(t)
		r := c.create(cloud.Map{"name": name, "type": "CNAME", "content": "target.test."})
		if r.Outputs["hostname"] != want || r.Outputs["name"] != name || len(r.ID) != 32 {
			t.Errorf("record %s: host name %v, name %v", name, r.Outputs["hostname"], r.Outputs["name"])
		}
		c.Store.View(func(tx *cloud.Tx) {
			records := account.Records(tx)
			if len(records) != 1 || records[0].Name != want || records[0].Content != "target.test" || records[0].Zone != "example.com" || records[0].TTL != 1 {
				t.Errorf("record %s is served as %+v", name, records)
			}
		})
	}
}

func TestRecordRefusals(t *testing.T) {
	t.Parallel()
	c, _ := newCloud(t)
	for _, test := range []struct {
		in          cloud.Map
		code, words string
	}{
		{cloud.Map{"name": "a", "type": "cname", "content": "b.test"}, "Check", "expected type to be one of"},
		{cloud.Map{"name": "a", "type": "A", "content": "b.test"}, "9005", "Content for A record must be a valid IPv4 address."},
		{cloud.Map{"name": "a", "type": "A", "content": "::1"}, "9005", "IPv4"},
		{cloud.Map{"name": "a", "type": "AAAA", "content": "192.0.2.1"}, "9006", "Content for AAAA record must be a valid IPv6 address."},
		{cloud.Map{"name": "a", "type": "CNAME", "content": "192.0.2.1"}, "9007", "Content for CNAME record is invalid."},
		{cloud.Map{"name": "a", "type": "CNAME", "content": "a b"}, "9007", "Content for CNAME record is invalid."},
		{cloud.Map{"name": "a", "type": "CNAME", "content": "A.example.com."}, "9039", "CNAME content cannot reference itself."},
		{cloud.Map{"name": "a..b", "type": "CNAME", "content": "b.test"}, "9000", "DNS name is invalid."},
		{cloud.Map{"name": "a", "type": "MX", "content": "b.test"}, "9101", "priority"},
		{cloud.Map{"name": "a", "type": "CNAME", "content": "b.test", "ttl": 59.0}, "9021", "TTL must be between 60 and 86400 seconds, or 1 for Automatic."},
		{cloud.Map{"name": "a", "type": "CNAME", "content": "b.test", "ttl": 86401.0}, "9021", "86400"},
		{cloud.Map{"name": "a", "type": "CNAME", "content": "b.test", "ttl": 60.0, "proxied": true}, "", "ttl must be set to 1 when `proxied` is true"},
		{cloud.Map{"name": "a", "type": "TXT", "content": "b", "proxied": true}, "9004", "This record type cannot be proxied."},
		{cloud.Map{"name": "", "type": "TXT", "content": "b"}, "", "must not have an empty name (use @ for the zone apex)"},
		{cloud.Map{"name": "a", "type": "TXT"}, "", "must be provided"},
		{cloud.Map{"name": "a", "type": "SRV", "data": cloud.Map{"port": 1.0}}, "", "not modelled"},
		{cloud.Map{"name": "a", "type": "SRV", "content": "b", "data": cloud.Map{"port": 1.0}}, "Check", "conflicts with"},
		{cloud.Map{"name": "a", "type": "TXT", "content": "b", "zoneId": "none"}, "7003", "/zones/none"},
	} {
		_, err := c.try(test.in)
		c.refused(err, test.code, test.words)
	}
	c.create(cloud.Map{"name": "a", "type": "CNAME", "content": "b.test", "ttl": 1.0, "proxied": true})
}

func TestRecordConflicts(t *testing.T) {
	t.Parallel()
	c, _ := newCloud(t)
	c.create(cloud.Map{"name": "alias", "type": "CNAME", "content": "b.test"})
	c.create(cloud.Map{"name": "host", "type": "A", "content": "192.0.2.1"})
	c.create(cloud.Map{"name": "host", "type": "AAAA", "content": "2001:db8::1"})
	for _, test := range []struct {
		in          cloud.Map
		code, words string
	}{
		{cloud.Map{"name": "alias.example.com", "type": "CNAME", "content": "b.test."}, "81058", "An identical record already exists."},
		{cloud.Map{"name": "alias", "type": "CNAME", "content": "c.test"}, "81053", "An A, AAAA, or CNAME record with that host already exists."},
		{cloud.Map{"name": "host", "type": "CNAME", "content": "c.test"}, "81053", "already exists"},
		{cloud.Map{"name": "ALIAS", "type": "A", "content": "192.0.2.1"}, "81054", "A CNAME record with that host already exists."},
	} {
		_, err := c.try(test.in)
		c.refused(err, test.code, test.words)
		c.refused(err, test.code, "expected DNS record to not already be present but already exists")
	}
	c.create(cloud.Map{"name": "host", "type": "A", "content": "192.0.2.2"})
	c.create(cloud.Map{"name": "alias", "type": "TXT", "content": "text"})
	c.create(cloud.Map{"name": "alias", "type": "CNAME", "content": "b.test", "zoneId": New([]string{"example.org"}).Zones()[0].ID})
}

func TestAllowOverwriteAdoptsTheRecord(t *testing.T) {
	t.Parallel()
	c, account := newCloud(t)
	first := c.create(cloud.Map{"name": "a.example.com", "type": "CNAME", "content": "old.test", "ttl": 60.0})
	overwrite := func(name, kind string) (*cloud.Resource, error) {
		content := "new.test"
		if kind == "A" {
			content = "192.0.2.1"
		}
		return c.try(cloud.Map{"name": name, "type": kind, "content": content, "allowOverwrite": true})
	}
	// The provider appends the zone's name to every given name, so only a relative one finds the record.
	for _, test := range [][2]string{{"a.example.com", "CNAME"}, {"a", "A"}} {
		_, err := overwrite(test[0], test[1])
		if err == nil || !strings.Contains(err.Error(), "attempted to override existing record however didn't find an exact match") {
			t.Errorf("overwriting as %v: %v", test, err)
		}
	}
	second, err := overwrite("a", "CNAME")
	if err != nil || second.ID != first.ID || second.Outputs["createdOn"] != first.Outputs["createdOn"] {
		t.Fatalf("overwriting gave %v, %v; want record %s", second, err, first.ID)
	}
	c.Store.View(func(tx *cloud.Tx) {
		if records := account.Records(tx); len(records) != 1 || records[0].Content != "new.test" {
			t.Errorf("records %+v", records)
		}
	})
	apex := c.create(cloud.Map{"name": "example.com", "type": "A", "content": "192.0.2.7"})
	if again, err := c.try(cloud.Map{"name": "@", "type": "A", "content": "192.0.2.7", "allowOverwrite": true}); err != nil || again.ID != apex.ID {
		t.Errorf("overwriting the apex: %v, %v", again, err)
	}
}

func TestRecordUpdate(t *testing.T) {
	t.Parallel()
	c, _ := newCloud(t)
	r := c.create(cloud.Map{"name": "a", "type": "CNAME", "content": "b.test", "ttl": 60.0})
	c.create(cloud.Map{"name": "b", "type": "CNAME", "content": "b.test", "ttl": 60.0})
	in := r.Clone().Inputs
	in["content"], in["ttl"] = "c.test", 120.0
	updated, err := c.Update(t.Context(), caller, RecordToken, r.ID, in, time.Second)
	if err != nil || updated.Outputs["content"] != "c.test" || updated.Outputs["createdOn"] != r.Outputs["createdOn"] || updated.Outputs["hostname"] != "a.example.com" {
		t.Errorf("updated %v, %v", updated, err)
	}
	in["ttl"] = 2.0
	_, err = c.Update(t.Context(), caller, RecordToken, r.ID, in, time.Second)
	c.refused(err, "9021", "TTL")
	if d, err := c.Diff(RecordToken, r.Inputs, r.Outputs, cloud.Map{"zoneId": c.zone, "name": "z", "type": "A", "content": "b.test", "ttl": 60.0}); err != nil || len(d.Replace) != 2 {
		t.Errorf("replaces %v, %v; want name and type", d.Replace, err)
	}
}

// At every moment a name has either one CNAME or any number of addresses, after any requests. A replacement would be refused because of
// the record that it replaces.
func TestReplacementComesAfterDeletion(t *testing.T) {
	t.Parallel()
	c, _ := newCloud(t)
	r := c.create(cloud.Map{"name": "www", "type": "A", "content": "192.0.2.1"})
	for _, tt := range []struct {
		change  cloud.Map
		replace bool
	}{{cloud.Map{"type": "CNAME", "content": "example.org"}, true}, {cloud.Map{"content": "192.0.2.2"}, false}} {
		in := maps.Clone(r.Inputs)
		maps.Copy(in, tt.change)
		if d, err := c.Diff(RecordToken, r.Inputs, r.Outputs, in); err != nil || d.DeleteBeforeReplace != tt.replace {
			t.Errorf("%v: %+v, %v", tt.change, d, err)
		}
	}
}

func TestNoNameHasACNAMEAndAnAddress(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c, account := newCloud(t)
		for range rapid.IntRange(1, 8).Draw(rt, "records") {
			kind := rapid.SampledFrom([]string{"A", "CNAME"}).Draw(rt, "type")
			content := map[string][]string{"A": {"192.0.2.1", "192.0.2.2"}, "CNAME": {"x.test", "y.test"}}[kind]
			_, _ = c.try(cloud.Map{
				"name": rapid.SampledFrom([]string{"a", "a.example.com", "A", "b"}).Draw(rt, "name"), "type": kind,
				"content": rapid.SampledFrom(content).Draw(rt, "content"), "allowOverwrite": rapid.Bool().Draw(rt, "overwrite"),
			})
		}
		c.Store.View(func(tx *cloud.Tx) {
			aliases, seen := map[string]int{}, map[Record]bool{}
			records := account.Records(tx)
			for _, r := range records {
				if seen[r] {
					rt.Fatalf("twice: %+v", r)
				}
				seen[r] = true
				if r.Type == "CNAME" {
					aliases[r.Name]++
				}
			}
			for _, r := range records {
				if n := aliases[r.Name]; n > 1 || n == 1 && r.Type != "CNAME" {
					rt.Fatalf("records %+v", records)
				}
			}
		})
	})
}
