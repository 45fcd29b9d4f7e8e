package spec

import (
	"strings"
	"testing"
)

func TestCapacityCheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		capacity Capacity
		want     string // empty if it is valid
	}{
		"on demand":    {Capacity{Fargate: Share{Weight: 1}}, ""},
		"spot":         {Capacity{FargateSpot: Share{Weight: 1}}, ""},
		"base first":   {Capacity{Fargate: Share{Base: 3, Weight: 1}, FargateSpot: Share{Weight: 2}}, ""},
		"base only":    {Capacity{Fargate: Share{Base: 3}, FargateSpot: Share{Weight: 1}}, ""},
		"two bases":    {Capacity{Fargate: Share{Base: 1, Weight: 1}, FargateSpot: Share{Base: 1, Weight: 1}}, "both have a base"},
		"no weight":    {Capacity{Fargate: Share{Base: 1}}, "weight 0"},
		"nothing":      {Capacity{}, "weight 0"},
		"big weight":   {Capacity{Fargate: Share{Weight: 1001}}, "0 to 1000"},
		"negative":     {Capacity{Fargate: Share{Weight: -1}}, "0 to 1000"},
		"enormousBase": {Capacity{Fargate: Share{Base: 100_001, Weight: 1}}, "100000"},
	} {
		err := test.capacity.Problems().Err()
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
