package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"slipway/localcloud/daemon"
	"slipway/localcloud/e2e/stack"
)

// scenario is something that happens to the service.
type scenario struct {
	name string
	// prepare runs before the load, and returns the expected outcome.
	prepare func(ctx context.Context, b *bench) (outcome, error)
	// act makes it happen.
	act func(ctx context.Context, b *bench) error
	// sampled says that a sample includes it: of the failures, one for each way to notice them.
	sampled bool
}

// outcome is what clients should see of a scenario.
type outcome struct {
	versions []string // that answer, in the order in which they appear
	last     string   // that answers alone in the end; empty if several do
	share    float64  // of the canary, in percent, where several do
	anyOrder bool     // the versions answer from the beginning
	faulty   string   // the version that answers 500, and alone may
	// crashes says that one of the versions crashes while it serves: the load balancer answers instead: 502 while a task is still a
	// target, 503 while there is none, and 504 to a request on its way to a task that has just gone with its address ("Troubleshoot
	// your Application Load Balancers").
	crashes bool
	bounded bool // how long it may take is bounded
	// noSockets says that the clients have no WebSockets.
	noSockets bool
}

// scenarios run in order: each begins with the state that the one before it has left.
var scenarios = []scenario{
	{"new version, HTTP only", shipToHTTP, up, true},
	{"new version", shipToSockets, up, true},
	{"canary at 10 %", canary, upCanary, true},
	{"canary at 50 %", weigh(50), upCanary, false},
	{"canary promoted", promote, up, true},
	{"2 to 6 tasks", scale(6), up, false},
	{"6 to 2 tasks", scale(2), up, false},
	{"Spot interruption", nothing, interrupt, true},
	{"crashes at start", bad("crashes at start"), failBy(breaker), false},
	{"crashes starting, 3 s", bad("crashes while starting"), failBy(breaker), false}, // and is never healthy before
	{"never healthy", bad("never healthy"), failBy(breaker), false},
	{"image missing", missing, failBy(breaker), false},
	{"init container fails", badBefore, failBy(breaker), true},
	{"answers 500", badAnswers, failBy(alarm), true},
	{"healthy, then crashes", badHealth, failBy(alarm), false},
	{"good version again", shipAgain, up, true},
}

// nothing is the preparation of an unplanned event.
func nothing(_ context.Context, b *bench) (outcome, error) {
	return outcome{versions: []string{b.version}, last: b.version}, nil
}

// ship prepares a new version that is good, with whatever else changes.
func ship(ctx context.Context, b *bench, changes map[string]string) (outcome, error) {
	old := b.version
	version, err := b.build(ctx, "")
	if err != nil {
		return outcome{}, err
	}
	b.version = version
	config := map[string]string{service + "image": image(version)}
	maps.Copy(config, changes)
	return outcome{versions: []string{old, version}, last: version, bounded: true}, b.stack.Configure(ctx, config)
}

// shipToHTTP prepares a new version of a service that has no WebSockets, whose old tasks need not be waited for long.
func shipToHTTP(ctx context.Context, b *bench) (outcome, error) {
	out, err := ship(ctx, b, nil)
	out.noSockets = true
	return out, err
}

// shipToSockets prepares a new version of a service that has WebSockets, and knows it.
func shipToSockets(ctx context.Context, b *bench) (outcome, error) {
	err := b.stack.Configure(ctx, map[string]string{service + "deployment.drain": "websocket", service + "deregistrationDelay": "10"})
	if err != nil {
		return outcome{}, err
	}
	if err := b.stack.Up(ctx); err != nil {
		return outcome{}, err
	}
	if err := b.settle(ctx); err != nil {
		return outcome{}, err
	}
	return ship(ctx, b, nil)
}

// shipAgain prepares a good version where bad ones failed, with an init container that does not fail.
func shipAgain(ctx context.Context, b *bench) (outcome, error) {
	migration, err := b.build(ctx, "is well")
	if err != nil {
		return outcome{}, err
	}
	out, err := ship(ctx, b, map[string]string{service + "before.image": image(migration), service + "before.command[0]": "migrate"})
	out.bounded = false // the init container may take its time
	return out, err
}

// canary prepares a canary with a tenth of the requests.
func canary(ctx context.Context, b *bench) (outcome, error) {
	version, err := b.build(ctx, "")
	if err != nil {
		return outcome{}, err
	}
	b.canary = version
	if err := b.stack.Configure(ctx, map[string]string{service + "canary.image": image(version)}); err != nil {
		return outcome{}, err
	}
	out, err := weigh(10)(ctx, b)
	out.anyOrder = false // no client sees it before it is healthy
	return out, err
}

// weigh prepares a share of the requests, in percent, for the canary.
func weigh(percent int) func(context.Context, *bench) (outcome, error) {
	return func(ctx context.Context, b *bench) (outcome, error) {
		return outcome{versions: []string{b.version, b.canary}, share: float64(percent), anyOrder: true},
			b.stack.Configure(ctx, map[string]string{service + "canary.weight": strconv.Itoa(percent)})
	}
}

// promote prepares the canary's version as the service's.
func promote(ctx context.Context, b *bench) (outcome, error) {
	old := b.version
	b.version = b.canary
	if err := b.stack.Unset(ctx, service+"canary"); err != nil {
		return outcome{}, err
	}
	return outcome{versions: []string{old, b.version}, last: b.version, anyOrder: true},
		b.stack.Configure(ctx, map[string]string{service + "image": image(b.version)})
}

// bad prepares a new version with a fault that clients must not see.
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

// missing prepares a missing image in a registry that no preview looks in: a preview finds a missing image in Amazon ECR.
func missing(ctx context.Context, b *bench) (outcome, error) {
	out, _ := nothing(ctx, b)
	return out, b.stack.Configure(ctx, map[string]string{service + "image": "registry.example.com/hello@sha256:" + strings.Repeat("a", 64)})
}

// badBefore prepares a new version that is good, with an init container that is not.
func badBefore(ctx context.Context, b *bench) (outcome, error) {
	version, err := b.build(ctx, "")
	if err != nil {
		return outcome{}, err
	}
	migration, err := b.build(ctx, "fails to migrate")
	if err != nil {
		return outcome{}, err
	}
	out, _ := nothing(ctx, b)
	return out, b.stack.Configure(ctx, map[string]string{
		service + "image": image(version), service + "before.image": image(migration), service + "before.command[0]": "migrate",
	})
}

// badAnswers prepares a new version that is as healthy as can be and answers 500, which an alarm sees.
func badAnswers(ctx context.Context, b *bench) (outcome, error) {
	version, err := b.build(ctx, "answers 500")
	if err != nil {
		return outcome{}, err
	}
	if err := b.stack.Unset(ctx, service+"before"); err != nil {
		return outcome{}, err
	}
	return outcome{versions: []string{b.version, version}, last: b.version, faulty: version},
		b.stack.Configure(ctx, map[string]string{service + "image": image(version), service + "deployment.alarms": "true"})
}

// badHealth prepares a new version that is healthy, serves for some seconds and crashes. Each of its tasks that gets healthy resets the
// circuit breaker's count ("How the Amazon ECS deployment circuit breaker detects failures" in the ECS developer guide), so only an
// alarm ends it. Nothing can prevent that a crash cuts the sockets of a task.
func badHealth(ctx context.Context, b *bench) (outcome, error) {
	version, err := b.build(ctx, "crashes while serving")
	if err != nil {
		return outcome{}, err
	}
	return outcome{versions: []string{b.version, version}, last: b.version, crashes: true, noSockets: true},
		b.stack.Configure(ctx, map[string]string{service + "image": image(version)})
}

// scale prepares another number of tasks.
func scale(tasks int) func(context.Context, *bench) (outcome, error) {
	return func(ctx context.Context, b *bench) (outcome, error) {
		out, _ := nothing(ctx, b)
		return out, b.stack.Configure(ctx, map[string]string{service + "instanceCount": strconv.Itoa(tasks)})
	}
}

// up deploys the prepared version.
func up(ctx context.Context, b *bench) error { return b.stack.Up(ctx) }

// What gives a deployment up, as ECS's events put it.
const (
	breaker = "deployment failed: tasks failed to start."
	alarm   = "deployment failed: alarm detected."
)

// failBy deploys the prepared version, and expects `pulumi up` to fail because of a rollback with the cause.
func failBy(cause string) func(context.Context, *bench) error {
	return func(ctx context.Context, b *bench) error {
		err := b.stack.Up(ctx)
		if err == nil {
			return errors.New("`pulumi up` reports success")
		}
		f, ok := errors.AsType[*stack.Failure](err)
		for _, why := range []string{"rolled the deployment back", cause} {
			if !ok || !strings.Contains(f.Output, why) {
				return fmt.Errorf("`pulumi up` does not say %q: %w", why, err)
			}
		}
		return nil
	}
}

// upCanary deploys the prepared canary, and checks that its header always leads to it.
func upCanary(ctx context.Context, b *bench) error {
	if err := b.stack.Up(ctx); err != nil {
		return err
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	for range 20 {
		version, err := b.ask(ctx, "X-Canary", "always")
		if err != nil {
			return err
		}
		if version != b.canary {
			return fmt.Errorf("the canary's header leads to %s, and not to %s", version, b.canary)
		}
	}
	return nil
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
