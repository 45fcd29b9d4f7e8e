package spec

import (
	"slices"
	"strings"
	"testing"
)

func TestStartOrder(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		calls, jobs map[string][]string
		want        string
	}{
		{map[string][]string{"b": nil, "a": nil, "c": nil}, nil, "a b c"},
		{map[string][]string{"a": {"b", "c"}, "b": {"c"}, "c": nil, "d": {"a"}}, nil, "c b a d"},
		{map[string][]string{"a": {"z"}, "b": nil, "z": nil}, nil, "z a b"},
		{map[string][]string{"a": nil, "b": nil, "z": nil}, map[string][]string{"a": {"z"}}, "z a b"},
		{map[string][]string{"a": {"c"}, "b": nil, "c": nil}, map[string][]string{"c": {"b"}}, "b c a"},
		{map[string][]string{"a": {"b"}, "b": nil}, map[string][]string{"a": {"b"}}, "b a"},
	} {
		order, err := StartOrder(test.calls, test.jobs)
		if got := strings.Join(order, " "); err != nil || got != test.want {
			t.Errorf("%v, %v: %s, %v, want %s", test.calls, test.jobs, got, err, test.want)
		}
	}
}

func TestStartOrderHasNoCircles(t *testing.T) {
	t.Parallel()
	for want, test := range map[string]struct{ calls, jobs map[string][]string }{
		"the calls go round in a circle, a → a:":                  {map[string][]string{"a": {"a"}}, nil},
		"the calls go round in a circle, b → c → d → b:":          {map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}}, nil},
		"the services wait for each other in a circle, a → b → a": {map[string][]string{"a": {"b"}, "b": nil}, map[string][]string{"b": {"a"}}},
	} {
		if order, err := StartOrder(test.calls, test.jobs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, %v, want %q", test, order, err, want)
		}
	}
}

// Whatever is called comes first, however many call it.
func TestStartOrderOfMany(t *testing.T) {
	t.Parallel()
	calls := map[string][]string{"log": nil}
	for _, name := range []string{"a", "b", "m", "z"} {
		calls[name] = []string{"log"}
	}
	if order, err := StartOrder(calls, nil); err != nil || !slices.Equal(order, []string{"log", "a", "b", "m", "z"}) {
		t.Errorf("%v, %v", order, err)
	}
}
