package spec

import (
	"slices"
	"strings"
	"testing"
)

func TestCallOrder(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		calls map[string][]string
		want  string
	}{
		{map[string][]string{"b": nil, "a": nil, "c": nil}, "a b c"},
		{map[string][]string{"a": {"b", "c"}, "b": {"c"}, "c": nil, "d": {"a"}}, "c b a d"},
		{map[string][]string{"a": {"z"}, "b": nil, "z": nil}, "z a b"},
	} {
		order, err := CallOrder(test.calls)
		if got := strings.Join(order, " "); err != nil || got != test.want {
			t.Errorf("%v: %s, %v, want %s", test.calls, got, err, test.want)
		}
	}
}

func TestCallees(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"billing": "", "a-1": "", "localhost": "is the name of each task itself", "Billing": "a service's name is", strings.Repeat("a", 64): "has 64 characters",
	} {
		if err := CheckCallee(name); want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestCallVariables(t *testing.T) {
	t.Parallel()
	if name, url := CallVariable("card-billing"), CallURL("card-billing", 9000); name != "CARD_BILLING_URL" || url != "http://card-billing:9000" {
		t.Errorf("%s is %s", name, url)
	}
	w := Workload{Environment: map[string]string{"A_URL": "x", "B": "x"}, SecretsFrom: map[string]SecretReference{"B_URL": "x"}}
	const is = ": is set to the URL of service "
	found := w.CheckCallVariables([]string{"a", "b", "c", "d"}, []string{"C_URL", "D"}).Err()
	for _, want := range []string{"env.A_URL" + is + "a", "secretsFrom.B_URL" + is + "b", "secrets.C_URL" + is + "c"} {
		if found == nil || !strings.Contains(found.Error(), want) {
			t.Errorf("%v, want %s", found, want)
		}
	}
	if len(w.CheckCallVariables([]string{"d"}, []string{"D"})) > 0 {
		t.Error("a variable of another name is refused")
	}
}

func TestCallOrderHasNoCircles(t *testing.T) {
	t.Parallel()
	for want, calls := range map[string]map[string][]string{
		"in a circle, a → a:":         {"a": {"a"}},
		"in a circle, b → c → d → b:": {"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}},
	} {
		if order, err := CallOrder(calls); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, %v, want %q", calls, order, err, want)
		}
	}
}

// Whatever is called comes first, however many call it.
func TestCallOrderOfMany(t *testing.T) {
	t.Parallel()
	calls := map[string][]string{"log": nil}
	for _, name := range []string{"a", "b", "m", "z"} {
		calls[name] = []string{"log"}
	}
	if order, err := CallOrder(calls); err != nil || !slices.Equal(order, []string{"log", "a", "b", "m", "z"}) {
		t.Errorf("%v, %v", order, err)
	}
}
