package stack

import "testing"

func TestPlacement(t *testing.T) {
	for name, test := range map[string]struct {
		config string
		want   Placement
	}{
		"a region":     {`{"aws:region":{"value":"eu-central-1","secret":false},"slipway:services":{"secret":true}}`, Placement{"eu-central-1", ""}},
		"nothing":      {`{}`, Placement{}},
		"a role":       {`{"aws:assumeRole":{"value":"{\"roleArn\":\"arn:aws:iam::210987654321:role/slipway-deploy\"}","objectValue":{"roleArn":"x"}}}`, Placement{"", "210987654321"}},
		"a list aside": {`{"aws:region":{"value":"us-east-1"},"slipway:list":{"value":"[1]","objectValue":[1]}}`, Placement{"us-east-1", ""}},
		"no ARN":       {`{"aws:assumeRole":{"value":"{\"roleArn\":\"deploy\"}"}}`, Placement{}},
	} {
		s := open(t, project(t, map[string]string{"config-dev": test.config}))
		if got, err := s.Placement(t.Context()); err != nil || got != test.want {
			t.Errorf("%s: it is %+v, %v; want %+v", name, got, err, test.want)
		}
	}
	if _, err := open(t, project(t, map[string]string{"config-dev": `{"aws:assumeRole":{"value":"role"}}`})).Placement(t.Context()); err == nil {
		t.Error("a role that is no object is taken")
	}
}
