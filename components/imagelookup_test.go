package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/spec"
)

var (
	goneDigest     = "sha256:" + strings.Repeat("0", 64)
	unlistedDigest = "sha256:" + strings.Repeat("1", 64)
)

func TestResolveImage(t *testing.T) {
	t.Parallel()
	const registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
	for name, test := range map[string]struct {
		reference, want string
		calls           int
	}{
		"a digest stays":             {registry + "/hello@" + testDigest, registry + "/hello@" + testDigest, 1},
		"beside it a tag is dropped": {registry + "/hello:v1@" + testDigest, registry + "/hello@" + testDigest, 1},
		"a digest elsewhere stays":   {"ghcr.io/hello@" + goneDigest, "ghcr.io/hello@" + goneDigest, 0},
		"a missing digest":           {registry + "/hello@" + goneDigest, "", 1},
		"an unlisted digest":         {registry + "/hello@" + unlistedDigest, registry + "/hello@" + unlistedDigest, 1},
		"a tag in ECR is pinned":     {registry + "/hello:local", registry + "/hello@" + testDigest, 1},
		"a tag elsewhere stays":      {"ghcr.io/hello:local", "ghcr.io/hello:local", 0},
		"a tag in another region":    {strings.Replace(registry, "central", "west", 1) + "/hello:local", strings.Replace(registry, "central", "west", 1) + "/hello:local", 0},
		"a missing tag is a failure": {registry + "/hello:gone", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := &mocks.Cloud{Images: map[string]string{"hello:local": testDigest}, Refused: map[string]string{
				goneDigest:     "reading ECR Images: ImageNotFoundException: it does not exist",
				unlistedDigest: "reading ECR Images: AccessDeniedException: no resource-based policy allows it",
			}}
			err := cloud.Run(func(ctx *pulumi.Context) error {
				image, err := spec.ParseImage(test.reference)
				if err != nil {
					return err
				}
				resolved, err := ResolveImage(ctx, image, "eu-central-1")
				if err == nil && resolved.String() != test.want {
					t.Errorf("resolved to %s, want %s", resolved, test.want)
				}
				return err
			})
			if (err == nil) != (test.want != "") {
				t.Errorf("unexpected outcome: %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), "hello:gone") && !strings.Contains(err.Error(), "hello@"+goneDigest+"; push the image") {
				t.Errorf("%v does not name the image", err)
			}
			if got := len(cloud.Calls()); got != test.calls {
				t.Errorf("%d look-ups, want %d", got, test.calls)
			}
		})
	}
}
