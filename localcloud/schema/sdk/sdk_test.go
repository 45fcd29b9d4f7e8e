package sdk

import (
	"strings"
	"testing"
)

func TestWrongTokensAreAllNamed(t *testing.T) {
	t.Parallel()
	wrong := []string{"aws:ec2/vpc:Vcp", "aws:ec2/vcp:Vcp", "gcp:compute/network:Network", "aws:ec2:Vpc:more"}
	sources, err := Locate("..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = sources.Describe(wrong...); err == nil {
		t.Fatal("wrong tokens were described")
	}
	for _, token := range wrong {
		if !strings.Contains(err.Error(), token) {
			t.Errorf("%q does not name %s", err, token)
		}
	}
}
