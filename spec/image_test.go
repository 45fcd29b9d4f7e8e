package spec

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const testDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParseImage(t *testing.T) {
	t.Parallel()
	for reference, want := range map[string]Image{
		"nginx:1.27":                       {Repository: "nginx", Tag: "1.27"},
		"library/nginx:1":                  {Repository: "library/nginx", Tag: "1"},
		"localhost/hello:1":                {Registry: "localhost", Repository: "hello", Tag: "1"},
		"localhost:5000/a/b:v1":            {Registry: "localhost:5000", Repository: "a/b", Tag: "v1"},
		"ghcr.io/a/b@" + testDigest:        {Registry: "ghcr.io", Repository: "a/b", Digest: testDigest},
		"ghcr.io/a/b:v1@" + testDigest:     {Registry: "ghcr.io", Repository: "a/b", Tag: "v1", Digest: testDigest},
		"example.com:443/a__b/c-d.e:A_1.b": {Registry: "example.com:443", Repository: "a__b/c-d.e", Tag: "A_1.b"},
	} {
		got, err := ParseImage(reference)
		if err != nil || got != want {
			t.Errorf("ParseImage(%q) = %+v, %v; want %+v", reference, got, err, want)
		}
		if got.String() != reference {
			t.Errorf("ParseImage(%q).String() = %q", reference, got)
		}
	}
	for reference, want := range map[string]string{
		"":                                     "repository",
		"nginx":                                "needs a digest",
		"ghcr.io/a/b":                          "needs a digest",
		"localhost:5000/a":                     "needs a digest",
		"nginx:":                               "tag",
		"nginx:-1":                             "tag",
		"nginx:" + strings.Repeat("1", 129):    "tag",
		"NGINX:1":                              "repository",
		"a//b:1":                               "repository",
		"https://ghcr.io/a":                    "host name",
		"a b:1":                                "repository",
		"a@sha256:12":                          "64 hexadecimal",
		"a@" + strings.ToUpper(testDigest):     "64 hexadecimal",
		"a@sha512:" + strings.Repeat("0", 128): "64 hexadecimal",
		"-.io/a:1":                             "host name",
		"a.b:port/c:1":                         "host name",
		"nginx:1\n":                            "tag",
	} {
		if got, err := ParseImage(reference); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseImage(%q) = %+v, %v; want an error with %q", reference, got, err, want)
		}
	}
}

func TestParseImageNeverPanicsAndIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		reference := rapid.StringOf(rapid.SampledFrom([]rune("ab0.:/@-_ sha256"))).Draw(t, "reference")
		if image, err := ParseImage(reference); err == nil && image.String() != reference {
			t.Fatalf("%q became %q", reference, image)
		}
	})
}

func TestECR(t *testing.T) {
	t.Parallel()
	for registry, want := range map[string]string{
		"123456789012.dkr.ecr.eu-central-1.amazonaws.com":      "arn:aws:ecr:eu-central-1:123456789012:repository/a/b",
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn":     "arn:aws-cn:ecr:cn-north-1:123456789012:repository/a/b",
		"123456789012.dkr.ecr.us-gov-west-1.amazonaws.com":     "arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/a/b",
		"123456789012.dkr.ecr-fips.us-east-1.amazonaws.com":    "arn:aws:ecr:us-east-1:123456789012:repository/a/b",
		"123456789012.dkr-ecr.us-east-1.on.aws":                "arn:aws:ecr:us-east-1:123456789012:repository/a/b",
		"public.ecr.aws":                                       "",
		"ghcr.io":                                              "",
		"12345678901.dkr.ecr.eu-central-1.amazonaws.com":       "",
		"123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil": "",
	} {
		repository, isECR := Image{Registry: registry, Repository: "a/b"}.ECR()
		if isECR != (want != "") || isECR && repository.ARN() != want {
			t.Errorf("%s: %v, %s; want %s", registry, isECR, repository.ARN(), want)
		}
	}
}
