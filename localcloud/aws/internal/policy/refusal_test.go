package policy_test

import (
	"strings"
	"testing"

	"slipway/localcloud/aws/internal/policy"
)

// Go ranges over a map in another order each time, and a refusal is worded the same each time.
func TestRefusalsNameTheFirst(t *testing.T) {
	t.Parallel()
	trust := func(fields string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",` + fields + `}]}`
	}
	const service = `"Principal":{"Service":"ecs-tasks.amazonaws.com"}`
	for _, tt := range []struct{ name, document, words string }{
		{"operators", trust(service + `,"Condition":{"BoolX":{"a":"1"},"BoolY":{"a":"1"},"BoolZ":{"a":"1"}}`), "the condition operator BoolX "},
		{"keys", trust(service + `,"Condition":{"StringEquals":{"x:c":"1","x:b":"1","x:a":"1"}}`), "the condition key x:a "},
		{"principals", trust(`"Principal":{"Service":"nobody","Federated":"nobody","CanonicalUser":"nobody"}`), `"CANONICALUSER":"nobody"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for range 50 {
				if _, err := policy.Document(tt.document).TrustPolicy(nil); err == nil || !strings.Contains(err.Error(), tt.words) {
					t.Fatalf("got %v, want %q", err, tt.words)
				}
			}
		})
	}
}
