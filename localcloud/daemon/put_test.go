package daemon

import (
	"testing"

	"slipway/localcloud/aws/sts"
)

// What is put by hand is there by its ARN, has its new value when it is put again, and is not left over.
func TestPut(t *testing.T) {
	c, stop := run(t, t.TempDir())
	defer stop()
	at := Value{Account: sts.DefaultAccount, Region: "eu-central-1", Name: "/app/flag", Value: "on"}
	for kind, put := range map[string]func(Value) (string, error){
		"parameter": func(v Value) (string, error) { return c.PutParameter(t.Context(), v) },
		"secret":    func(v Value) (string, error) { return c.PutSecret(t.Context(), v) },
	} {
		first, err := put(at)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		at := at
		at.Value = "off"
		if again, err := put(at); err != nil || again != first {
			t.Errorf("%s %s is put again as %s, %v", kind, first, again, err)
		}
		at.Value = ""
		if _, err := put(at); kind == "parameter" && err == nil {
			t.Errorf("%s without a value is put", kind)
		}
	}
	status, err := c.Status(t.Context())
	if err != nil || len(status.Resources) != 2 {
		t.Fatalf("there are %v, %v; want two", status.Resources, err)
	}
	for _, r := range status.Resources {
		if !r.ByHand {
			t.Errorf("%s counts as left over", r.ID)
		}
		if err := c.Delete(t.Context(), "", r.ID); err != nil {
			t.Error(err)
		}
	}
}
