package spec

import (
	"strings"
	"testing"
)

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
