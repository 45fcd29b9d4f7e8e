package components

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
)

func outputs(content string, ttl float64) resource.PropertyMap {
	return resource.PropertyMap{"content": resource.NewProperty(content), "ttl": resource.NewProperty(ttl)}
}

// The old target must serve for the longest time-to-live that resolvers have got.
func TestPropagation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		changes []*pulumi.ResourceHookArgs
		want    time.Duration
	}{
		"nothing":          {nil, 0},
		"another comment":  {[]*pulumi.ResourceHookArgs{{OldOutputs: outputs("a", 60), NewOutputs: outputs("a", 60)}}, 0},
		"another target":   {[]*pulumi.ResourceHookArgs{{OldOutputs: outputs("a", 300), NewOutputs: outputs("b", 60)}}, 300 * time.Second},
		"a proxied record": {[]*pulumi.ResourceHookArgs{{OldOutputs: outputs("a", 1), NewOutputs: outputs("b", 1)}}, 60 * time.Second},
		"the longest": {[]*pulumi.ResourceHookArgs{
			{OldOutputs: outputs("a", 600), NewOutputs: outputs("b", 600)}, {OldOutputs: outputs("a", 60), NewOutputs: outputs("b", 60)},
		}, 600 * time.Second},
	} {
		var waited time.Duration
		err := new(mocks.Cloud).Run(func(ctx *pulumi.Context) error {
			p := &Propagation{ctx: ctx, after: func(d time.Duration) <-chan time.Time {
				waited = d
				return time.After(0)
			}}
			for _, change := range test.changes {
				if err := p.note(change); err != nil {
					return err
				}
			}
			return p.wait(t.Context())
		})
		if err != nil || waited > test.want || waited < test.want-10*time.Second {
			t.Errorf("%s: waited for %s (%v), want %s", name, waited, err, test.want)
		}
	}
}

func TestPropagationIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := new(mocks.Cloud).Run(func(c *pulumi.Context) error {
		p := &Propagation{ctx: c, after: time.After, until: time.Now().Add(time.Hour)}
		return p.wait(ctx)
	})
	if !errors.Is(err, context.Canceled) && (err == nil || !strings.Contains(err.Error(), "canceled")) {
		t.Errorf("error %v", err)
	}
}
