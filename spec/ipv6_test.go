package spec

import (
	"fmt"
	"strings"
	"testing"
)

func TestImagesOverIPv6(t *testing.T) {
	t.Parallel()
	for registry, want := range map[string]string{
		"123456789012.dkr.ecr.eu-central-1.amazonaws.com":             "123456789012.dkr-ecr.eu-central-1.on.aws",
		"123456789012.dkr-ecr.eu-central-1.on.aws":                    "123456789012.dkr-ecr.eu-central-1.on.aws",
		"123456789012.dkr.ecr-fips.us-east-1.amazonaws.com":           "123456789012.dkr-ecr-fips.us-east-1.on.aws",
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn":            "123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
		"123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn": "123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
		"public.ecr.aws":       "ecr-public.aws.com",
		"":                     "", // Docker Hub
		"registry.example.com": "registry.example.com",
		"ghcr.io":              "registry without IPv6 addresses",
	} {
		image := Image{Registry: registry, Repository: "a/b", Tag: "1"}
		got, err := image.OverIPv6()
		if err != nil && !strings.Contains(err.Error(), want) || err == nil && got != (Image{Registry: want, Repository: "a/b", Tag: "1"}) {
			t.Errorf("%q: %s, %v; want %q", registry, got, err, want)
		}
		before, inECR := image.ECR()
		after, still := got.ECR()
		if inECR != still || before != after {
			t.Errorf("%q is repository %v, and over IPv6 %v", registry, before, after)
		}
	}
}

func TestIPv6Problems(t *testing.T) {
	t.Parallel()
	github := Image{Registry: "ghcr.io", Repository: "a", Tag: "1"}
	s := Service{Workload: Workload{
		Image: github, Before: &Before{Image: &github}, Sidecars: map[string]Sidecar{"otel": {Image: github}}, Exec: Exec{Enabled: true},
	}, HTTP: &HTTP{Canary: &Canary{Image: github}}}
	var at []string
	for _, problem := range s.IPv6Problems() {
		at = append(at, strings.Join(problem.Path, "."))
	}
	if want := "[image before.image sidecars.otel.image exec canary.image]"; fmt.Sprint(at) != want {
		t.Errorf("problems at %v, want %s", at, want)
	}
	reached := Image{Registry: "123456789012.dkr.ecr.eu-central-1.amazonaws.com", Repository: "a", Tag: "1"}
	if found := (Service{Workload: Workload{Image: reached, Before: &Before{}}, HTTP: &HTTP{}}).IPv6Problems(); len(found) > 0 {
		t.Error(found.Err())
	}
}
