package daemon

import (
	"maps"
	"reflect"
	"testing"

	"slipway/localcloud/aws/sts"
	"slipway/localcloud/cloud"
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

// A parameter that is put again has another value, and keeps the rest.
func TestParameterInputs(t *testing.T) {
	stacks := func(change cloud.Map) *cloud.Resource {
		inputs := cloud.Map{"name": "/app/flag", "type": "SecureString", "value": "on", "tags": cloud.Map{"stack": "dev"}, "description": "the flag"}
		maps.Copy(inputs, change)
		return &cloud.Resource{Inputs: inputs}
	}
	byHandTags := cloud.Map{byHand: "true"}
	for name, tt := range map[string]struct {
		made   *cloud.Resource
		secure bool
		want   cloud.Map
	}{
		"new":         {nil, false, cloud.Map{"name": "/app/flag", "type": "String", "value": "off", "tags": byHandTags}},
		"new, secure": {nil, true, cloud.Map{"name": "/app/flag", "type": "SecureString", "value": "off", "tags": byHandTags}},
		"again":       {stacks(nil), false, stacks(cloud.Map{"value": "off"}).Inputs},
		"now secure":  {stacks(cloud.Map{"type": "String"}), true, stacks(cloud.Map{"value": "off"}).Inputs},
	} {
		if got := parameterInputs(Value{Name: "/app/flag", Value: "off", Secure: tt.secure}, tt.made); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	insecure := &cloud.Resource{Inputs: cloud.Map{"name": "/app/flag", "type": "String", "insecureValue": "on"}}
	if got, want := parameterInputs(Value{Value: "off"}, insecure), (cloud.Map{"name": "/app/flag", "type": "String", "insecureValue": "off"}); !reflect.DeepEqual(got, want) {
		t.Errorf("with insecureValue: %v, want %v", got, want)
	}
	if insecure.Inputs["insecureValue"] != "on" {
		t.Error("the parameter's own inputs change")
	}
}
