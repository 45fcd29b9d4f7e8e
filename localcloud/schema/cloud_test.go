package schema

import (
	"slices"
	"testing"
)

func TestSecrets(t *testing.T) {
	t.Parallel()
	for token, want := range map[string][]string{
		"aws:secretsmanager/secretVersion:SecretVersion": {"secretBinary", "secretString"},
		"aws:ec2/vpc:Vpc":  nil,
		"aws:no/such:Kind": nil,
	} {
		if got := (SDKs{}).Secrets(token); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", token, got, want)
		}
	}
}
