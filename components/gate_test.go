package components

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/spec"
)

// runs is a runner that notes the runs of jobs, and fails with err.
type runs struct {
	mu  sync.Mutex
	all []string
	err error
}

func (r *runs) RunJob(_ context.Context, cluster, name string, run spec.Run) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, fmt.Sprintf("%s in %s: %+v", name, cluster, run))
	return r.err
}

// gated runs a worker with a gate as an engine would that changes its ECS service in some ways, each with another task definition or
// not. It returns what the hooks said.
func gated(t *testing.T, runner *runs, changes ...pulumi.ResourceHookArgs) []error {
	t.Helper()
	var said []error
	var cloud mocks.Cloud
	var hook pulumi.ResourceHookFunction
	err := cloud.Run(func(ctx *pulumi.Context) error {
		err := fargateService(worker(func(args *FargateServiceArgs) {
			args.Cluster = &Cluster{ARN: pulumi.String(clusterARN).ToStringOutput(), Region: "eu-central-1"}
			args.Jobs = map[string]FargateJobArgs{"dev-migrate": {Job: spec.Job{Name: "migrate", Timeout: 60, Alone: true, Spot: true}}}
			args.Gate, args.Runner = "migrate", runner
			args.onBefore = func(_ *pulumi.Context, name string, callback pulumi.ResourceHookFunction) (pulumi.ResourceOption, error) {
				if name != "dev-hello before" {
					t.Errorf("the hook is called %s", name)
				}
				hook = callback
				return pulumi.Composite(), nil
			}
		}))(ctx)
		for _, change := range changes {
			said = append(said, hook(&change))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !cloud.Resource(serviceType, "dev-hello").DependsOn(taskDefinitionType, "dev-migrate") {
		t.Error("the service does not wait for the job's task definition")
	}
	return said
}

func definition(arn string) resource.PropertyMap {
	return resource.PropertyMap{"taskDefinition": resource.NewProperty(arn), "desiredCount": resource.NewProperty(1.0)}
}

// The job runs once before the service's tasks change, however often the engine asks, and not for a change that starts none.
func TestGate(t *testing.T) {
	t.Parallel()
	runner := &runs{}
	count := pulumi.ResourceHookArgs{OldInputs: definition("1"), NewInputs: definition("1")}
	update := pulumi.ResourceHookArgs{OldInputs: definition("1"), NewInputs: definition("2")}
	create := pulumi.ResourceHookArgs{NewInputs: definition("1")}
	if said := gated(t, runner, count); said[0] != nil || len(runner.all) != 0 {
		t.Errorf("a change of the count ran %v (%v)", runner.all, said)
	}
	if said := gated(t, runner, update, create); errors.Join(said...) != nil || len(runner.all) != 1 {
		t.Fatalf("ran %v (%v)", runner.all, said)
	}
	const want = "migrate in " + clusterARN + ": {TaskDefinition:arn:TaskDefinition/dev-migrate Subnets:[subnet-1 subnet-2] " +
		"SecurityGroups:[SecurityGroup/dev-hello] PublicIP:true Timeout:60 Alone:true Spot:true StateMachine:}"
	if runner.all[0] != want {
		t.Errorf("ran %s\nwant %s", runner.all[0], want)
	}
}

// If it fails, it fails for each service that waits for it.
func TestGateStaysShut(t *testing.T) {
	t.Parallel()
	runner := &runs{err: errors.New("job migrate failed")}
	create := pulumi.ResourceHookArgs{NewInputs: definition("1")}
	said := gated(t, runner, create, create)
	if len(runner.all) != 1 || len(said) != 2 || !errors.Is(said[0], runner.err) || !errors.Is(said[1], runner.err) {
		t.Errorf("ran %v, and the hooks said %v", runner.all, said)
	}
}

// A preview runs nothing, nor does a program without a runner.
func TestGateOfNobody(t *testing.T) {
	t.Parallel()
	for _, run := range []func(*mocks.Cloud, pulumi.RunFunc) error{(*mocks.Cloud).Run, (*mocks.Cloud).Preview} {
		var cloud mocks.Cloud
		err := run(&cloud, fargateService(worker(func(args *FargateServiceArgs) {
			args.Jobs, args.Gate = map[string]FargateJobArgs{"dev-migrate": {Job: spec.Job{Name: "migrate"}}}, "migrate"
		})))
		if err != nil {
			t.Error(err)
		}
	}
	var cloud mocks.Cloud
	if err := cloud.Run(fargateService(worker(func(args *FargateServiceArgs) { args.Gate = "nothing" }))); err == nil ||
		!strings.Contains(err.Error(), "service dev-hello waits for job nothing, which is missing") {
		t.Error(err)
	}
}
