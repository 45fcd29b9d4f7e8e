package ecr_test

import (
	"strings"
	"testing"

	"slipway/localcloud/aws/ecr"
)

// A registry of Amazon ECR has one name for IPv4 and another for both families, and both lead to the same images.
func TestNamesOfRegistries(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		image, canonical, arn string
		ipv4                  bool
	}{
		{
			"000000000000.dkr.ecr.eu-central-1.amazonaws.com/hello:v1", "000000000000.dkr.ecr.eu-central-1.amazonaws.com/hello:v1",
			"arn:aws:ecr:eu-central-1:000000000000:repository/hello", true,
		},
		{
			"000000000000.dkr-ecr.eu-central-1.on.aws/a/hello@sha256:0", "000000000000.dkr.ecr.eu-central-1.amazonaws.com/a/hello@sha256:0",
			"arn:aws:ecr:eu-central-1:000000000000:repository/a/hello", false,
		},
		{"000000000000.dkr-ecr.eu-central-1.amazonaws.com/hello:v1", "000000000000.dkr-ecr.eu-central-1.amazonaws.com/hello:v1", "", false},
		{"ghcr.io/some/hello:v1", "ghcr.io/some/hello:v1", "", true},
		{"public.ecr.aws/some/hello:v1", "public.ecr.aws/some/hello:v1", "", true},
		{"ecr-public.aws.com/some/hello:v1", "ecr-public.aws.com/some/hello:v1", "", false},
		{"hello:v1", "hello:v1", "", false},
	} {
		if got := ecr.Canonical(test.image); got != test.canonical {
			t.Errorf("%s is the same as %s, want %s", test.image, got, test.canonical)
		}
		if arn, region, ok := ecr.RepositoryARN(test.image); arn != test.arn || ok != (arn != "") || ok && region != "eu-central-1" {
			t.Errorf("%s is in %q, %q", test.image, arn, region)
		}
		host, _, _ := strings.Cut(test.image, "/")
		if got := ecr.IPv4Only(host); got != test.ipv4 {
			t.Errorf("%s has only IPv4: %t", host, got)
		}
	}
}
