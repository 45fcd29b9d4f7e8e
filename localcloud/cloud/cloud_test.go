package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"slipway/localcloud/cloud"
)

// A small world of two kinds: a shelf, and books that stand on it.
type (
	shelf struct {
		Name string `json:"name"`
	}
	book struct {
		Shelf string `json:"shelf"`
		Title string `json:"title"`
	}
	shelfOutputs struct {
		ARN string `json:"arn"`
	}
	bookOutputs struct {
		Serial int `json:"serial"`
	}
	bookStatus struct{ Read bool }
)

func kinds() (*cloud.Kind[shelf, shelfOutputs], *cloud.Kind[book, bookOutputs]) {
	shelves := &cloud.Kind[shelf, shelfOutputs]{
		Spec: cloud.Spec{
			Token:    "test:Shelf",
			Label:    "Shelf",
			Replace:  []string{"name"},
			Defaults: cloud.Map{"boards": 3.0},
			NotFound: func(id string) *cloud.Error { return cloud.Errorf("NoSuchShelf", "no shelf %s", id) },
			InUse: func(r, by *cloud.Resource) *cloud.Error {
				return cloud.Errorf("ShelfNotEmpty", "%s holds %s", r.ID, by.ID)
			},
		},
		Create: func(_ *cloud.Call, in *shelf, out *shelfOutputs) (string, error) {
			out.ARN = "arn:" + in.Name
			return "shelf-" + in.Name, nil
		},
	}
	books := &cloud.Kind[book, bookOutputs]{
		Spec: cloud.Spec{
			Token: "test:Book",
			Label: "Book",
		},
		Check: func(in *book) []cloud.Failure {
			if len(in.Title) > 10 {
				return []cloud.Failure{{Property: "title", Reason: "too long"}}
			}
			return nil
		},
		Refs: func(_ *cloud.Call, in *book) []cloud.Ref {
			return []cloud.Ref{{Token: "test:Shelf", Property: "arn", Value: in.Shelf}}
		},
		Create: func(c *cloud.Call, in *book, out *bookOutputs) (string, error) {
			c.Resource.SetStatus(bookStatus{})
			out.Serial = 7
			return "book-" + in.Title, nil
		},
	}
	return shelves, books
}

// anything is a schema that takes every property.
type anything struct{}

func (anything) Check(_ string, in cloud.Map) (cloud.Map, []cloud.Failure)     { return in, nil }
func (anything) CheckArgs(_ string, in cloud.Map) (cloud.Map, []cloud.Failure) { return in, nil }
func (anything) Outputs(string) []string                                       { return []string{"arn", "serial", "title"} }

func (anything) IsMap(_, p string) bool { return p == "tags" }

var here = cloud.Caller{Scope: cloud.Scope{Account: "1", Region: "r"}}

func newCloud(t *testing.T) (*cloud.Cloud, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cloud.db")
	store, err := cloud.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	c := cloud.New(store, cloud.Options{Schema: anything{}})
	shelves, books := kinds()
	c.Add(shelves, books)
	return c, path
}

func create(t *testing.T, c *cloud.Cloud, token string, in cloud.Map) *cloud.Resource {
	t.Helper()
	r, err := c.Create(t.Context(), here, token, in, 0)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReferences(t *testing.T) {
	c, _ := newCloud(t)
	_, err := c.Create(t.Context(), here, "test:Book", cloud.Map{"shelf": "arn:a", "title": "x"}, 0)
	if cloud.Code(err) != "NoSuchShelf" {
		t.Errorf("a book on a shelf that is not there: %v", err)
	}
	s := create(t, c, "test:Shelf", cloud.Map{"name": "a"})
	b := create(t, c, "test:Book", cloud.Map{"shelf": "arn:a", "title": "x"})
	err = c.Delete(t.Context(), here, "test:Shelf", s.ID, 0)
	if cloud.Code(err) != "ShelfNotEmpty" {
		t.Errorf("deleting a shelf that holds a book: %v", err)
	}
	elsewhere := cloud.Caller{Scope: cloud.Scope{Account: "2", Region: "r"}}
	if _, err := c.Create(t.Context(), elsewhere, "test:Book", cloud.Map{"shelf": "arn:a", "title": "y"}, 0); cloud.Code(err) != "NoSuchShelf" {
		t.Errorf("a book on another account's shelf: %v", err)
	}
	for _, r := range []*cloud.Resource{b, s, s} { // the last is gone already, which is no error
		if err := c.Delete(t.Context(), here, r.Token, r.ID, 0); err != nil {
			t.Error(err)
		}
	}
}

func TestDeleteWaitsForReferrer(t *testing.T) {
	c, _ := newCloud(t)
	s := create(t, c, "test:Shelf", cloud.Map{"name": "a"})
	b := create(t, c, "test:Book", cloud.Map{"shelf": "arn:a", "title": "x"})
	deleted := make(chan error)
	go func() { deleted <- c.Delete(t.Context(), here, "test:Shelf", s.ID, time.Minute) }()
	if err := c.Delete(t.Context(), here, "test:Book", b.ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := <-deleted; err != nil {
		t.Errorf("deleting a shelf whose book goes meanwhile: %v", err)
	}
}

func TestReferenceWithoutValue(t *testing.T) {
	c, _ := newCloud(t)
	if _, err := c.Create(t.Context(), here, "test:Book", cloud.Map{"title": "x"}, 0); cloud.Code(err) != "NoSuchShelf" {
		t.Errorf("a book on no shelf: %v", err)
	}
	_, books := kinds()
	books.Refs = func(_ *cloud.Call, in *book) []cloud.Ref {
		return []cloud.Ref{{Token: "test:Shelf", Property: "arn", Value: in.Shelf, Optional: true}}
	}
	c.Add(books)
	create(t, c, "test:Book", cloud.Map{"title": "x"})
}

func TestDeleteTriesAgainOnlyWhatIsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // an hour of patience is over at once
		c, _ := newCloud(t)
		shelves, _ := kinds()
		calls, refusal := 0, cloud.Errorf("Nailed", "it is nailed to the wall")
		shelves.Delete = func(*cloud.Call, *shelf) error { calls++; return refusal }
		c.Add(shelves)
		s := create(t, c, "test:Shelf", cloud.Map{"name": "a"})
		begun := time.Now()
		err := c.Delete(t.Context(), here, s.Token, s.ID, time.Hour)
		if !errors.Is(err, refusal) || !strings.HasPrefix(err.Error(), "deleting Shelf (shelf-a): ") || calls != 1 {
			t.Errorf("%d calls, %v", calls, err)
		}
		if took := time.Since(begun); took > 0 {
			t.Errorf("a refusal for good took %s", took)
		}

		shelves.Delete = func(c *cloud.Call, _ *shelf) error {
			if calls++; len(c.Tx.List(here.Scope, "test:Shelf")) == 1 {
				return cloud.InUsef("Occupied", "a cat sleeps on it")
			}
			return nil
		}
		deleted := make(chan error)
		go func() { deleted <- c.Delete(t.Context(), here, s.Token, s.ID, time.Hour) }()
		synctest.Wait() // for it to have been refused
		create(t, c, "test:Shelf", cloud.Map{"name": "b"})
		if err := <-deleted; err != nil || calls != 3 {
			t.Errorf("%d calls, %v", calls, err)
		}
	})
}

// The provider retries an update that something in use prevents, while its patience lasts.
func TestUpdateWaitsForWhatIsInUse(t *testing.T) {
	c, _ := newCloud(t)
	refused := make(chan struct{}, 9)
	type lamp struct {
		Room string `json:"room"`
	}
	c.Add(&cloud.Kind[lamp, struct{}]{
		Spec: cloud.Spec{
			Token:    "test:Lamp",
			Label:    "Lamp",
			Patience: time.Minute,
		},
		Create: func(*cloud.Call, *lamp, *struct{}) (string, error) { return "lamp", nil },
		Update: func(c *cloud.Call, _ *lamp, _ *struct{}) error {
			if len(c.Tx.List(here.Scope, "test:Reader")) > 0 {
				refused <- struct{}{}
				return cloud.InUsef("InUse", "somebody reads")
			}
			return nil
		},
	})
	reader := &cloud.Resource{Key: cloud.Key{Scope: here.Scope, Token: "test:Reader", ID: "r"}}
	if err := c.Store.Update(func(tx *cloud.Tx) error { tx.Put(reader); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Create(t.Context(), here, "test:Lamp", cloud.Map{}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UpdateOnce(t.Context(), here, "test:Lamp", "lamp", cloud.Map{"room": "hall"}); cloud.Code(err) != "InUse" {
		t.Errorf("a single request: %v", err)
	}
	<-refused
	done := make(chan error, 1)
	go func() {
		_, err := c.Update(t.Context(), here, "test:Lamp", "lamp", cloud.Map{"room": "hall"}, 0)
		done <- err
	}()
	<-refused
	if err := c.Store.Update(func(tx *cloud.Tx) error { tx.Delete(reader.Key); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestDeleteOnceIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := newCloud(t)
		shelves, _ := kinds()
		shelves.Patience = time.Hour
		c.Add(shelves)
		s := create(t, c, "test:Shelf", cloud.Map{"name": "a"})
		b := create(t, c, "test:Book", cloud.Map{"shelf": "arn:a", "title": "x"})
		begun := time.Now()
		if err := c.DeleteOnce(t.Context(), here, s.Token, s.ID); cloud.Code(err) != "ShelfNotEmpty" || time.Since(begun) > 0 {
			t.Errorf("deleting a shelf that holds a book: %v, after %s", err, time.Since(begun))
		}
		for _, r := range []*cloud.Resource{b, s} {
			if err := c.DeleteOnce(t.Context(), here, r.Token, r.ID); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestLatencyOfUpdate(t *testing.T) {
	for _, tt := range []struct {
		latency cloud.Latency
		want    float64
	}{
		{cloud.Latency{}, 0},
		{cloud.Latency{Create: 0.5}, 0.5},
		{cloud.Latency{Create: 148}, 1},
		{cloud.Latency{Create: 148, Update: 3}, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			store, err := cloud.Open(filepath.Join(t.TempDir(), "cloud.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = store.Close() }()
			c := cloud.New(store, cloud.Options{Schema: anything{}, Latency: 1})
			shelves, _ := kinds()
			shelves.Latency = tt.latency
			c.Add(shelves)
			s := create(t, c, "test:Shelf", cloud.Map{"name": "a"})
			begun := time.Now()
			if _, err := c.Update(t.Context(), here, s.Token, s.ID, s.Inputs, 0); err != nil {
				t.Error(err)
			}
			if took := time.Since(begun).Seconds(); took != tt.want {
				t.Errorf("%+v: an update took %g s", tt.latency, took)
			}
		})
	}
}

func TestReadByIDOfImport(t *testing.T) {
	c, _ := newCloud(t)
	shelves, _ := kinds()
	shelves.Import = &cloud.Import{Find: func(_ *cloud.Tx, _ cloud.Scope, id string) string { return "shelf-" + id }}
	c.Add(shelves)
	s := create(t, c, "test:Shelf", cloud.Map{"name": "a"})
	for _, id := range []string{"a", s.ID} {
		if r, err := c.Read(here, s.Token, id); err != nil || r == nil || r.ID != s.ID {
			t.Errorf("read by %s: %v, %v", id, r, err)
		}
	}
	if r, err := c.Read(here, s.Token, "b"); err != nil || r != nil {
		t.Errorf("read of what is not there: %v, %v", r, err)
	}
}

func TestUpdateKeepsComputed(t *testing.T) {
	c, _ := newCloud(t)
	create(t, c, "test:Shelf", cloud.Map{"name": "a"})
	b := create(t, c, "test:Book", cloud.Map{"shelf": "arn:a", "title": "x", "note": "n"})
	got, err := c.Update(t.Context(), here, "test:Book", b.ID, cloud.Map{"shelf": "arn:a", "title": "y"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := cloud.Map{"shelf": "arn:a", "title": "y", "serial": 7.0}
	if fmt.Sprint(got.Outputs) != fmt.Sprint(want) {
		t.Errorf("outputs after the update: %v, want %v", got.Outputs, want)
	}
	if _, err := c.Update(t.Context(), here, "test:Book", "nothing", nil, 0); err == nil {
		t.Error("updating what is not there succeeded")
	}
}

func TestPreviewKnowsOnlyWhatIsSaid(t *testing.T) {
	c, _ := newCloud(t)
	out, err := c.Preview("test:Book", nil, nil, cloud.Map{"title": "x"})
	if err != nil {
		t.Fatal(err)
	}
	if out["title"] != "x" || !cloud.IsUnknown(out["serial"]) {
		t.Errorf("preview of a new book: %v", out)
	}
	out, err = c.Preview("test:Book", cloud.Map{"title": "x"}, cloud.Map{"title": "x", "serial": 7.0}, cloud.Map{"title": "y"})
	if err != nil {
		t.Fatal(err)
	}
	if out["title"] != "y" || out["serial"] != 7.0 {
		t.Errorf("preview of a change: %v", out)
	}
}

func TestCheckFillsDefaultsAndFails(t *testing.T) {
	c, _ := newCloud(t)
	in, failures, err := c.Check("test:Shelf", cloud.Map{"name": "a"})
	if err != nil || len(failures) > 0 || in["boards"] != 3.0 {
		t.Errorf("check: %v, %v, %v", in, failures, err)
	}
	_, failures, _ = c.Check("test:Book", cloud.Map{"title": "a very long title"})
	if len(failures) != 1 || failures[0].Property != "title" {
		t.Errorf("check of a long title: %v", failures)
	}
	_, failures, _ = c.Check("test:Book", cloud.Map{"title": cloud.Unknown{}})
	if len(failures) > 0 {
		t.Errorf("check of a title that is not known yet: %v", failures)
	}
	if _, _, err := c.Check("test:Lamp", nil); !errors.Is(err, cloud.ErrUnimplemented) {
		t.Errorf("check of a kind that is not modelled: %v", err)
	}
}

func TestApplyFailureLeavesResource(t *testing.T) {
	c, _ := newCloud(t)
	refuse := errors.New("never ready")
	c.Add(&cloud.Kind[struct{}, struct{}]{
		Spec: cloud.Spec{
			Token: "test:Lamp",
			Label: "Lamp",
		},
		Create: func(*cloud.Call, *struct{}, *struct{}) (string, error) { return "lamp", nil },
		Apply:  func(*cloud.Call, *struct{}) error { return refuse },
	})
	r, err := c.Create(t.Context(), here, "test:Lamp", cloud.Map{}, 0)
	if r == nil || !errors.Is(err, refuse) {
		t.Fatalf("create: %v, %v", r, err)
	}
	if r, _ := c.Read(here, "test:Lamp", "lamp"); r == nil {
		t.Error("the lamp is gone")
	}
}

func TestApplyFailureLeavesNothingOfAllOrNothing(t *testing.T) {
	c, _ := newCloud(t)
	refuse := errors.New("never ready")
	c.Add(&cloud.Kind[struct{}, struct{}]{
		Spec: cloud.Spec{
			Token:        "test:Wait",
			Label:        "Wait",
			AllOrNothing: true,
		},
		Create: func(*cloud.Call, *struct{}, *struct{}) (string, error) { return "wait", nil },
		Apply:  func(*cloud.Call, *struct{}) error { return refuse },
	})
	if r, err := c.Create(t.Context(), here, "test:Wait", cloud.Map{}, 0); r != nil || !errors.Is(err, refuse) {
		t.Errorf("create: %v, %v", r, err)
	}
	if r, _ := c.Read(here, "test:Wait", "wait"); r != nil {
		t.Errorf("left: %v", r)
	}
}

// A caller's timeout is one by the cloud's clock, as the service's own are.
func TestTimeoutsAreScaled(t *testing.T) {
	store, err := cloud.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	c := cloud.New(store, cloud.Options{Schema: anything{}, Patience: 1e-6})
	c.Add(&cloud.Kind[struct{}, struct{}]{
		Spec: cloud.Spec{
			Token: "test:Lamp",
			Label: "Lamp",
		},
		Create: func(*cloud.Call, *struct{}, *struct{}) (string, error) { return "lamp", nil },
		Apply: func(c *cloud.Call, _ *struct{}) error {
			return c.Await(24*time.Hour, func(*cloud.Tx) (bool, error) { return false, nil })
		},
	})
	for _, timeout := range []time.Duration{0, 24 * time.Hour} {
		began := time.Now()
		_, err := c.Create(t.Context(), here, "test:Lamp", cloud.Map{}, timeout)
		if took, least := time.Since(began), 86*time.Millisecond; !errors.Is(err, cloud.ErrTimeout) || took < least {
			t.Errorf("with a timeout of %s: %v after %s, want %v after %s", timeout, err, took, cloud.ErrTimeout, least)
		}
	}
}

func TestDiff(t *testing.T) {
	shelves, books := kinds()
	books.Sets = []string{"authors"}
	books.Computed = []string{"colour"}
	books.Normal = map[string]func(any) any{"blurb": func(v any) any {
		s, _ := v.(string)
		return strings.Join(strings.Fields(strings.ToLower(s)), " ")
	}}
	shelves.DeleteBeforeReplace = true
	c, _ := newCloud(t)
	c.Add(shelves, books)
	list := func(v ...any) []any { return v }
	for _, test := range []struct {
		name                    string
		oldInputs, state, input cloud.Map
		changed                 []string
	}{
		{name: "nothing", state: cloud.Map{"title": "x"}, input: cloud.Map{"title": "x"}},
		{name: "a value", state: cloud.Map{"title": "x"}, input: cloud.Map{"title": "y"}, changed: []string{"title"}},
		{name: "unknown", state: cloud.Map{"title": "x"}, input: cloud.Map{"title": cloud.Unknown{}}, changed: []string{"title"}},
		{name: "no longer given", oldInputs: cloud.Map{"title": "x"}, state: cloud.Map{"title": "x"}, changed: []string{"title"}},
		{name: "drifted", oldInputs: cloud.Map{"title": "x"}, state: cloud.Map{"title": "z"}, input: cloud.Map{"title": "x"}, changed: []string{"title"}},
		{name: "computed only", state: cloud.Map{"serial": 7.0}, input: cloud.Map{}},
		{
			name:  "an object the cloud fills in",
			state: cloud.Map{"cover": cloud.Map{"colour": "red", "width": 3.0}}, input: cloud.Map{"cover": cloud.Map{"colour": "red"}},
		},
		{
			name:      "a field of an object no longer given",
			oldInputs: cloud.Map{"cover": cloud.Map{"colour": "red", "width": 3.0}},
			state:     cloud.Map{"cover": cloud.Map{"colour": "red", "width": 3.0}}, input: cloud.Map{"cover": cloud.Map{"colour": "red"}},
			changed: []string{"cover"},
		},
		{
			name:  "a tag that somebody added",
			state: cloud.Map{"tags": cloud.Map{"a": "1", "b": "2"}}, input: cloud.Map{"tags": cloud.Map{"a": "1"}}, changed: []string{"tags"},
		},
		{name: "a set in another order", state: cloud.Map{"authors": list("a", "b")}, input: cloud.Map{"authors": list("b", "a")}},
		{name: "a list in another order", state: cloud.Map{"pages": list("a", "b")}, input: cloud.Map{"pages": list("b", "a")}, changed: []string{"pages"}},
		{name: "a computed one no longer given", oldInputs: cloud.Map{"colour": "red"}, state: cloud.Map{"colour": "red"}},
		{name: "another text of the same meaning", state: cloud.Map{"blurb": "A b"}, input: cloud.Map{"blurb": "a  B"}},
		{name: "a text of another meaning", state: cloud.Map{"blurb": "A b"}, input: cloud.Map{"blurb": "a c"}, changed: []string{"blurb"}},
		{name: "a text not known yet", state: cloud.Map{"blurb": "A b"}, input: cloud.Map{"blurb": cloud.Unknown{}}, changed: []string{"blurb"}},
		{name: "empty and absent", state: cloud.Map{}, input: cloud.Map{"title": "", "pages": list(), "tags": cloud.Map{}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := c.Diff("test:Book", test.oldInputs, test.state, test.input)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(d.Changed, test.changed) {
				t.Errorf("changed %v, want %v", d.Changed, test.changed)
			}
		})
	}
	d, err := c.Diff("test:Shelf", nil, cloud.Map{"name": "a", "boards": 1.0}, cloud.Map{"name": "b", "boards": 2.0})
	if err != nil || !d.DeleteBeforeReplace || !slices.Equal(d.Replace, []string{"name"}) || !slices.Equal(d.Changed, []string{"boards", "name"}) {
		t.Errorf("diff of a renamed shelf: %v, %v", d, err)
	}
}

func TestDiffNamesTheInnermostParts(t *testing.T) {
	_, books := kinds()
	books.Sets = []string{"authors"}
	c, _ := newCloud(t)
	c.Add(books)
	list := func(v ...any) []any { return v }
	for name, test := range map[string]struct {
		oldInputs, state, input any
		property                string
		want                    []cloud.Part
	}{
		"a value": {property: "title", state: "x", input: "y", want: []cloud.Part{{list("title"), true, true}}},
		"a field of an object": {
			property: "cover", state: cloud.Map{"colour": "red", "width": 3.0}, input: cloud.Map{"colour": "blue"},
			want: []cloud.Part{{list("cover", "colour"), true, true}},
		},
		"a field that is new": {
			property: "cover", state: cloud.Map{"colour": "red"}, input: cloud.Map{"colour": "red", "width": 4.0},
			want: []cloud.Part{{list("cover", "width"), false, true}},
		},
		"a field no longer given": {
			property: "cover", oldInputs: cloud.Map{"colour": "red", "width": 3.0}, state: cloud.Map{"colour": "red", "width": 3.0},
			input: cloud.Map{"colour": "red"}, want: []cloud.Part{{list("cover", "width"), true, false}},
		},
		"a field that is not known yet": {
			property: "cover", state: cloud.Map{"colour": "red"}, input: cloud.Map{"colour": cloud.Unknown{}},
			want: []cloud.Part{{list("cover", "colour"), true, true}},
		},
		"an element": {
			property: "pages", state: list("a", "b"), input: list("a", "c", "d"),
			want: []cloud.Part{{list("pages", 1), true, true}, {list("pages", 2), false, true}},
		},
		"a field of an element": {
			property: "pages", state: list(cloud.Map{"n": 1.0, "kind": "plate"}), input: list(cloud.Map{"n": 2.0}),
			want: []cloud.Part{{list("pages", 0, "n"), true, true}},
		},
		"a list that is not known yet": {
			property: "pages", state: list("a"), input: cloud.Unknown{}, want: []cloud.Part{{list("pages"), true, true}},
		},
		"an element of a set, in another order": {
			property: "authors", state: list("a", "b"), input: list("c", "a"),
			want: []cloud.Part{{list("authors", 0), false, true}, {list("authors", 1), true, false}},
		},
		"a tag that somebody added": {
			property: "tags", state: cloud.Map{"a": "1", "b": "2"}, input: cloud.Map{"a": "1"},
			want: []cloud.Part{{list("tags", "b"), true, false}},
		},
		"all tags": {property: "tags", oldInputs: cloud.Map{"a": "1"}, state: cloud.Map{"a": "1"}, want: []cloud.Part{{list("tags"), true, false}}},
	} {
		t.Run(name, func(t *testing.T) {
			props := func(v any) cloud.Map {
				if v == nil {
					return cloud.Map{}
				}
				return cloud.Map{test.property: v}
			}
			d, err := c.Diff("test:Book", props(test.oldInputs), props(test.state), props(test.input))
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Parts[test.property]; !reflect.DeepEqual(got, test.want) {
				t.Errorf("parts %v, want %v", got, test.want)
			}
		})
	}
}

func TestStoreSurvivesRestart(t *testing.T) {
	c, path := newCloud(t)
	create(t, c, "test:Shelf", cloud.Map{"name": "a"})
	b := create(t, c, "test:Book", cloud.Map{"shelf": "arn:a", "title": "x"})
	err := c.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Get(b.Key).Clone()
		r.SetStatus(bookStatus{Read: true})
		tx.Put(r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Store.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := cloud.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.Close() }()
	again.View(func(tx *cloud.Tx) {
		r := tx.Get(b.Key)
		if r == nil || r.Outputs["serial"] != 7.0 || !cloud.StatusOf[bookStatus](r).Read {
			t.Errorf("after the restart: %+v", r)
		}
	})
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	c, _ := newCloud(t)
	refuse := errors.New("no")
	everything := c.Store.Watch()
	defer everything.Stop()
	everything.View(func(tx *cloud.Tx) { _ = slices.Collect(tx.All()) })
	err := c.Store.Update(func(tx *cloud.Tx) error {
		tx.Put(&cloud.Resource{Key: cloud.Key{Scope: here.Scope, Token: "test:Shelf", ID: "s"}})
		if len(tx.List(here.Scope, "test:Shelf")) != 1 {
			t.Error("a transaction does not see its own change")
		}
		return refuse
	})
	if !errors.Is(err, refuse) {
		t.Fatal(err)
	}
	c.Store.View(func(tx *cloud.Tx) {
		if n := len(tx.Everywhere("test:Shelf")); n != 0 {
			t.Errorf("%d resources left of a refused change", n)
		}
	})
	select {
	case <-everything.C:
		t.Error("a refused change woke the waiters")
	default:
	}
}

func TestWait(t *testing.T) {
	c, _ := newCloud(t)
	waited := make(chan error)
	go func() {
		waited <- c.Store.Wait(t.Context(), func(tx *cloud.Tx) (bool, error) { return len(tx.List(here.Scope, "test:Shelf")) == 1, nil })
	}()
	create(t, c, "test:Shelf", cloud.Map{"name": "a"})
	if err := <-waited; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if err := c.Store.Wait(ctx, func(*cloud.Tx) (bool, error) { return false, nil }); !errors.Is(err, cause) {
		t.Errorf("wait ended with %v, want its context's cause", err)
	}
}
