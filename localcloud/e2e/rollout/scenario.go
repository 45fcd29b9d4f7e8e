package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"slipway/localcloud/daemon"
	"slipway/localcloud/e2e/stack"
)

// scenario is something that happens to the service.
type scenario struct {
	name string
	// prepare does what comes before the load, and says what is to come of it.
	prepare func(ctx context.Context, b *bench) (outcome, error)
	// act makes it happen.
	act func(ctx context.Context, b *bench) error
}

// outcome is what clients are to see of a scenario.
type outcome struct {
	versions []string // that answer, in the order in which they appear
	last     string   // that answers alone in the end; empty if several do
	share    float64  // of the canary, in percent, where several do
	errors   bool     // one of the versions answers 500
	within   bool     // how long it may take is bounded
}

// scenarios are told in order: each begins with what the one before it has left.
var scenarios = []scenario{
	{"new version", ship, up},
	{"2 to 6 tasks", scale(6), up},
	{"6 to 2 tasks", scale(2), up},
	{"Spot interruption", nothing, interrupt},
	{"crashes at start", bad("crashes at start"), fail("rolled the deployment back")},
	{"crashes after 3 s", bad("crashes later"), fail("rolled the deployment back")},
	{"never healthy", bad("never healthy"), fail("rolled the deployment back")},
	{"image missing", missing, fail("rolled the deployment back")},
	{"good version again", ship, up},
}

// nothing is the preparation of what nobody planned.
func nothing(_ context.Context, b *bench) (outcome, error) {
	return outcome{versions: []string{b.version}, last: b.version}, nil
}

// ship prepares a new version that is good.
func ship(ctx context.Context, b *bench) (outcome, error) {
	old := b.version
	version, err := b.build(ctx, "")
	if err != nil {
		return outcome{}, err
	}
	b.version, b.image = version, image(version)
	return outcome{versions: []string{old, version}, last: version, within: true},
		b.stack.Configure(ctx, map[string]string{service + "image": b.image})
}

// bad prepares a new version with a fault, of which clients are to see nothing.
func bad(fault string) func(context.Context, *bench) (outcome, error) {
	return func(ctx context.Context, b *bench) (outcome, error) {
		version, err := b.build(ctx, fault)
		if err != nil {
			return outcome{}, err
		}
		out, _ := nothing(ctx, b)
		return out, b.stack.Configure(ctx, map[string]string{service + "image": image(version)})
	}
}

// missing prepares an image that is not there: somebody deleted it.
func missing(ctx context.Context, b *bench) (outcome, error) {
	out, _ := nothing(ctx, b)
	return out, b.stack.Configure(ctx, map[string]string{service + "image": stack.Repository + "@sha256:" + strings.Repeat("a", 64)})
}

// scale prepares another number of tasks.
func scale(tasks int) func(context.Context, *bench) (outcome, error) {
	return func(ctx context.Context, b *bench) (outcome, error) {
		out, _ := nothing(ctx, b)
		return out, b.stack.Configure(ctx, map[string]string{service + "instanceCount": strconv.Itoa(tasks)})
	}
}

// up deploys what was prepared.
func up(ctx context.Context, b *bench) error { return b.stack.Up(ctx) }

// fail deploys what was prepared, and wants `pulumi up` to fail and to say why.
func fail(why string) func(context.Context, *bench) error {
	return func(ctx context.Context, b *bench) error {
		err := b.stack.Up(ctx)
		if err == nil {
			return errors.New("`pulumi up` reports success")
		}
		if f, ok := errors.AsType[*stack.Failure](err); !ok || !strings.Contains(f.Output, why) {
			return fmt.Errorf("`pulumi up` does not say %q: %w", why, err)
		}
		return nil
	}
}

// interrupt takes back the capacity of the Spot task, and waits until the task has gone.
func interrupt(ctx context.Context, b *bench) error {
	s, err := b.stack.Cloud().Status(ctx)
	if err != nil {
		return err
	}
	id, err := b.stack.Cloud().Interrupt(ctx, s.Services[0].Name)
	if err != nil {
		return err
	}
	return b.await(ctx, "the end of the interrupted task", func() (bool, error) {
		s, err := b.stack.Cloud().Status(ctx)
		if err != nil {
			return false, err
		}
		return !slices.ContainsFunc(s.Resources, func(r daemon.Resource) bool {
			return r.Type == taskType && strings.HasSuffix(r.ID, "/"+id)
		}), nil
	})
}
