package components

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// JobRunner runs jobs, which the AWS provider does not.
type JobRunner interface {
	// RunJob runs a job of a cluster once and waits for its end. The error says why it failed, with the last lines of its log.
	RunJob(ctx context.Context, cluster, name string, run spec.Run) error
}

// A gate is a job that must succeed before a service's tasks change.
//
// It runs in a hook of the ECS service, which the engine calls when it has decided to create or update the service, and before it does:
// not in a preview, and not in an update that leaves the service as it is. If the job fails, the engine does not touch the service.
// https://www.pulumi.com/docs/iac/concepts/resources/options/hooks/
type gate struct {
	job    *FargateJob
	runner JobRunner

	known   chan struct{} // closed when cluster and run are known
	cluster string
	run     spec.Run

	once sync.Once
	err  error
}

// open runs the job, once for all the services that wait for it.
func (g *gate) open(ctx context.Context) error {
	g.once.Do(func() {
		select {
		case <-g.known:
			g.err = g.runner.RunJob(ctx, g.cluster, g.job.args.Name, g.run)
		case <-ctx.Done():
			g.err = ctx.Err()
		}
	})
	return g.err
}

// gateOf returns the job's gate. The first service that waits for it makes it.
func (j *FargateJob) gateOf(runner JobRunner) *gate {
	if j.gate != nil {
		return j.gate
	}
	j.gate = &gate{job: j, runner: runner, known: make(chan struct{})}
	g := j.gate
	pulumi.All(j.args.Cluster.ARN, j.TaskDefinitionARN, j.args.In.SubnetIDs, j.around.securityGroup.ToStringOutput()).ApplyT(func(known []any) string {
		g.cluster = known[0].(string)
		g.run = spec.Run{
			TaskDefinition: known[1].(string), Subnets: known[2].([]string), SecurityGroups: []string{known[3].(string)},
			PublicIP: j.args.In.PublicIP, Timeout: j.args.Timeout, Spot: j.args.Spot,
			Alone: true, // an update that was killed may have left it running
		}
		close(g.known)
		return ""
	})
	return g
}

// registerBeforeHook returns an option that calls the callback before a resource is created or updated.
func registerBeforeHook(ctx *pulumi.Context, name string, callback pulumi.ResourceHookFunction) (pulumi.ResourceOption, error) {
	hook, err := ctx.RegisterResourceHook(name, callback, nil)
	if err != nil {
		return nil, err
	}
	hooks := []*pulumi.ResourceHook{hook}
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{BeforeCreate: hooks, BeforeUpdate: hooks}), nil
}

// newGate returns the options of an ECS service that wait for its gate, if there is one. A change that starts no tasks, such as that of
// their number, waits for nothing.
func (s *FargateService) newGate(ctx *pulumi.Context, name string) ([]pulumi.ResourceOption, error) {
	job := s.gate
	if job == nil {
		return nil, nil
	}
	options := []pulumi.ResourceOption{pulumi.DependsOn(append([]pulumi.Resource{job.definition}, job.around.access...))}
	if s.args.Runner == nil {
		return options, nil
	}
	g := job.gateOf(s.args.Runner)
	option, err := s.args.onBefore(ctx, name+" before", func(change *pulumi.ResourceHookArgs) error {
		if before := text(change.OldInputs["taskDefinition"]); before != "" && before == text(change.NewInputs["taskDefinition"]) {
			return nil
		}
		return g.open(ctx.Context())
	})
	return append(options, option), err
}

// newJobs creates the jobs that run the service's image, and finds the one that it waits for.
func (s *FargateService) newJobs(ctx *pulumi.Context) error {
	s.Jobs = make(map[string]*FargateJob, len(s.args.Jobs))
	for _, name := range slices.Sorted(maps.Keys(s.args.Jobs)) {
		args := s.args.Jobs[name]
		args.Of = s
		job, err := NewFargateJob(ctx, name, &args, s.parent())
		if err != nil {
			return err
		}
		s.Jobs[args.Name] = job
	}
	if s.args.Gate == "" {
		return nil
	}
	if s.gate = s.Jobs[s.args.Gate]; s.gate == nil {
		s.gate = s.args.Others[s.args.Gate]
	}
	if s.gate == nil {
		return fmt.Errorf("service %s waits for job %s, which is missing", s.name, s.args.Gate)
	}
	return nil
}
