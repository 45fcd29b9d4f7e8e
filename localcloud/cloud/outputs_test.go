package cloud_test

import (
	"reflect"
	"testing"

	"slipway/localcloud/cloud"
)

// What a kind computes begins with what there is, takes its place, and leaves everything else.
func TestComputedOutputs(t *testing.T) {
	type in struct {
		Name   string `json:"name"`
		Public bool   `json:"public"`
	}
	type address struct {
		Address string `json:"address,omitempty"`
	}
	type out struct {
		address
		Name  string   `json:"name"` // which the cloud chooses where the program does not
		Zones []string `json:"zones"`
		Count int      `json:"count"`
	}
	c, _ := newCloud(t)
	hosts := &cloud.Kind[in, out]{
		Spec: cloud.Spec{
			Token:   "test:Host",
			Filled:  cloud.Map{"zones": []any{}, "colour": "grey"},
			Derived: func(c *cloud.Call) cloud.Map { return cloud.Map{"seen": c.Resource.Inputs["public"]} },
		},
		Create: func(_ *cloud.Call, in *in, out *out) (string, error) {
			if out.Name != in.Name {
				t.Errorf("the outputs begin with the name %q", out.Name)
			}
			out.Name, out.Address, out.Count = "chosen", "192.0.2.1", 1
			return "host", nil
		},
		Update: func(_ *cloud.Call, in *in, out *out) error {
			if out.Count++; !in.Public {
				out.Address = ""
			}
			return nil
		},
	}
	c.Add(hosts)
	host := create(t, c, "test:Host", cloud.Map{"public": true, "shelf": "a"})
	want := cloud.Map{
		"public": true, "shelf": "a", "seen": true, "name": "chosen", "address": "192.0.2.1", "count": 1.0, "zones": []any{}, "colour": "grey",
	}
	if !reflect.DeepEqual(host.Outputs, want) {
		t.Errorf("after its creation: %v", host.Outputs)
	}
	if o := hosts.Outputs(host); o.Address != "192.0.2.1" || o.Count != 1 {
		t.Errorf("read by its kind: %+v", o)
	}
	host, err := c.Update(t.Context(), here, "test:Host", "host", cloud.Map{"public": false, "name": "given"}, 0)
	want = cloud.Map{"public": false, "seen": false, "name": "given", "count": 2.0, "zones": []any{}, "colour": "grey"}
	if err != nil || !reflect.DeepEqual(host.Outputs, want) {
		t.Errorf("after an update: %v, %v", host.Outputs, err)
	}
	host = host.Clone()
	cloud.SetOutputs(host, &out{Name: "other", Zones: []string{"z"}, Count: 7})
	want = cloud.Map{"public": false, "seen": false, "name": "other", "count": 7.0, "zones": []any{"z"}, "colour": "grey"}
	if !reflect.DeepEqual(host.Outputs, want) {
		t.Errorf("set: %v", host.Outputs)
	}
}
