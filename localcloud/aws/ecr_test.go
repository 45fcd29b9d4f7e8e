package aws

import (
	"testing"

	"slipway/localcloud/cloud"
	"slipway/localcloud/schema"
)

// held is a registry with one repository.
type held struct{}

func (held) Images(repository string) ([]Image, bool) {
	return []Image{
		{Digest: "sha256:1", Tags: []string{"v1"}, Size: 10}, {Digest: "sha256:2", Tags: []string{"latest", "v2"}, Size: 20},
	}, repository == "123456789012.dkr.ecr.eu-central-1.amazonaws.com/hello"
}

func TestGetImage(t *testing.T) {
	c := newCloud(t, ECR(held{})...)
	ask := func(args cloud.Map) (cloud.Map, error) {
		out, failures, err := c.Invoke(t.Context(), here, "aws:ecr/getImage:getImage", args)
		if len(failures) > 0 {
			t.Fatal(failures)
		}
		return out, err
	}
	for _, test := range []struct {
		args cloud.Map
		want string
	}{
		{cloud.Map{"registryId": "123456789012", "repositoryName": "hello", "imageTag": "v1"}, "sha256:1"},
		{cloud.Map{"registryId": "123456789012", "repositoryName": "hello", "imageDigest": "sha256:2"}, "sha256:2"},
		{cloud.Map{"registryId": "123456789012", "repositoryName": "hello", "mostRecent": true}, "sha256:2"},
	} {
		out, err := ask(test.args)
		function, _ := schema.LookupFunction("aws:ecr/getImage:getImage")
		if failures := function.CheckResult(out, nil); len(failures) > 0 {
			t.Errorf("result: %v", failures)
		}
		if err != nil || out["imageDigest"] != test.want || out["imageUri"] != "123456789012.dkr.ecr.eu-central-1.amazonaws.com/hello@"+test.want {
			t.Errorf("%v: %v, %v", test.args, out, err)
		}
	}
	_, err := ask(cloud.Map{"registryId": "123456789012", "repositoryName": "hello", "imageTag": "v9"})
	c.refused(err, "ImageNotFoundException", "The image with imageId {imageDigest:'null', imageTag:'v9'} does not exist within the repository with name 'hello' in the registry with id '123456789012'")
	_, err = ask(cloud.Map{"repositoryName": "hello", "imageTag": "v1"})
	c.refused(err, "RepositoryNotFoundException", "The repository with name 'hello' does not exist in the registry with id '000000000000'")
	_, err = ask(cloud.Map{"repositoryName": "hello"})
	c.refused(err, "", "must be specified")
}
