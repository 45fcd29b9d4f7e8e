package policy_test

import (
	"testing"

	"slipway/localcloud/aws/internal/policy"
)

// A value and a list of that value mean the same wherever a policy may have both: a stack that wrote the one has no change when its
// program writes the other.
func TestOneValueIsAListOfOne(t *testing.T) {
	t.Parallel()
	mount := func(action, resource, condition string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":` + action + `,"Resource":` + resource +
			`,"Condition":{"StringLike":{"elasticfilesystem:AccessPointArn":` + condition + `}}}]}`
	}
	lists := mount(`["elasticfilesystem:ClientMount"]`, `["arn:fs"]`, `["arn:fsap"]`)
	for name, tt := range map[string]struct {
		policy string
		same   bool
	}{
		"a condition":         {mount(`["elasticfilesystem:ClientMount"]`, `["arn:fs"]`, `"arn:fsap"`), true},
		"everything":          {mount(`"elasticfilesystem:ClientMount"`, `"arn:fs"`, `"arn:fsap"`), true},
		"another condition":   {mount(`["elasticfilesystem:ClientMount"]`, `["arn:fs"]`, `"arn:other"`), false},
		"more in a condition": {mount(`["elasticfilesystem:ClientMount"]`, `["arn:fs"]`, `["arn:fsap","arn:other"]`), false},
	} {
		if got := policy.Same(lists, tt.policy); got != tt.same {
			t.Errorf("%s: the same is %v, want %v", name, got, tt.same)
		}
	}
}
