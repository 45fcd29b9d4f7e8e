package account

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
)

func TestReferenceToTheStackItself(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ organization, want string }{
		{"organization", "dev"}, // a folder or a bucket, of either layout
		{"acme", "acme/slipway/dev"},
	} {
		if got := reference(test.organization, "slipway", "dev"); got != test.want {
			t.Errorf("of %s: %q, want %q", test.organization, got, test.want)
		}
	}
}

// namer keeps the name by which the outputs were requested.
type namer struct {
	mocks.Cloud
	name string
}

func (a *namer) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	a.name = args.Args["name"].StringValue()
	return a.Cloud.Call(args)
}

func TestLastUpdateIsAskedForByTheBareName(t *testing.T) {
	t.Parallel()
	cloud := &namer{}
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		_, err := readLastUpdate(ctx)
		return err
	}, pulumi.WithMocks(mocks.Project, mocks.Stack, cloud))
	if err != nil || cloud.name != mocks.Stack {
		t.Errorf("asked for %q (%v), want %q", cloud.name, err, mocks.Stack)
	}
}
