package components

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ServiceRevision is a version that a service is to run.
type ServiceRevision struct {
	ClusterARN, ServiceName, TaskDefinitionARN string
}

// EnoughTasks say how many healthy tasks of a service are enough: Least, and of those that it began with as many as ECS keeps. Scaling may
// have taken some of them.
type EnoughTasks struct {
	Least, Begun int
}

// Watcher tells of deployments what the AWS provider does not.
type Watcher interface {
	// Settle waits until ECS has brought the deployment of the revision to its end and enough tasks are healthy, or until the
	// context's deadline, and returns the ARN of the task definition that the service is on then and, if it does not get there
	// either, the reason. An error is an UnknownOutcome, or means that nobody may ask.
	Settle(ctx context.Context, r ServiceRevision, tasks EnoughTasks) (running, failure string, err error)
	// Explain says in lines of text why a deployment failed; "" if there is no service to speak of.
	Explain(context.Context, ServiceRevision) string
}

// UnknownOutcome is the error of a Watcher that could ask at first and then not any more: the deployment may be good, or bad.
type UnknownOutcome string

func (e UnknownOutcome) Error() string { return string(e) }

// runningTaskDefinition returns the task definition that the service runs, and fails if it is not the wanted one or does not
// get healthy.
//
// When the deployment circuit breaker rolls a deployment back, ECS gives the service its last good task definition and
// starts that. The service is in a steady state again, and the AWS provider's wait for it ends without an error: only a
// look at what runs shows that the update did not arrive. Nor does it notice a first deployment of which no task gets
// healthy, or what an alarm rolls back when all tasks run. In a preview a rollback is a warning, because nothing is wrong
// with the preview itself.
func (s *FargateService) runningTaskDefinition(
	ctx *pulumi.Context, v version, service *ecs.Service, wanted pulumi.StringOutput,
) pulumi.StringOutput {
	running := ecs.LookupServiceOutput(ctx, ecs.LookupServiceOutputArgs{
		ClusterArn:  service.Cluster,
		ServiceName: service.Name,
	}, pulumi.DependsOn([]pulumi.Resource{service})) // its ID is unknown in the preview of its creation: nothing is looked up then

	return pulumi.All(
		service.Cluster, service.Name, wanted, running.TaskDefinition(), service.URN(), running.DesiredCount(),
	).ApplyT(func(known []any) (string, error) {
		r := ServiceRevision{ClusterARN: known[0].(string), ServiceName: known[1].(string), TaskDefinitionARN: known[2].(string)}
		running, failure := known[3].(string), ""
		if running == r.TaskDefinitionARN && s.args.Watcher != nil && !ctx.DryRun() {
			settling, cancel := context.WithTimeout(ctx.Context(), s.args.UpdateTimeout(v.count, v.scaling))
			defer cancel()
			var err error
			running, failure, err = s.args.Watcher.Settle(settling, r, EnoughTasks{Least: v.count, Begun: v.begin()})
			if unknown, ok := errors.AsType[UnknownOutcome](err); ok {
				return "", fmt.Errorf("deploy: it is not known whether service %s got to run task definition %s: %w; run `pulumi up` again, which looks again",
					r.ServiceName, nameInARN(r.TaskDefinitionARN), unknown)
			}
			if err != nil {
				message := fmt.Sprintf("it could not be found out whether service %s got healthy: %s", r.ServiceName, err)
				return r.TaskDefinitionARN, ctx.Log.Warn(message, &pulumi.LogArgs{Resource: service})
			}
		}
		var message string
		switch wanted := nameInARN(r.TaskDefinitionARN); {
		case running != r.TaskDefinitionARN:
			message = fmt.Sprintf("service %s runs task definition %s and not %s: ECS rolled the deployment back, or somebody else deployed; "+
				"correct the cause, then deploy this version again, or another one", r.ServiceName, nameInARN(running), wanted)
		case failure != "":
			message = fmt.Sprintf("service %s did not get to run task definition %s: %s; "+
				"correct the cause, then run `pulumi up`, with this version or another one; if ECS has given this version up, run "+
				"`pulumi up --replace '%s'`", r.ServiceName, wanted, failure, known[4])
		case !ctx.DryRun() && v.scaling == nil && known[5].(int) != v.count:
			// The AWS provider compares with what it knew last: scaling, which is gone now, had changed the count since.
			message = fmt.Sprintf("ECS keeps %d tasks of service %s, and %d are configured: run `pulumi up --refresh`", known[5], r.ServiceName, v.count)
			return r.TaskDefinitionARN, ctx.Log.Warn(message, &pulumi.LogArgs{Resource: service})
		default:
			return r.TaskDefinitionARN, nil
		}
		if ctx.DryRun() {
			return r.TaskDefinitionARN, ctx.Log.Warn(message, &pulumi.LogArgs{Resource: service})
		}
		if s.args.Watcher != nil {
			message = strings.TrimSuffix(message+"\n"+s.args.Watcher.Explain(ctx.Context(), r), "\n")
		}
		return "", fmt.Errorf("deploy: %s", message)
	}).(pulumi.StringOutput)
}

// explainFailure returns the option of an ECS service that has the explanation printed when the AWS provider fails to create or
// update it, mostly because it gave up waiting: the first deployment of a service cannot be rolled back, and ends by that alone.
//
// It is printed for the component, for the service's own URN is not known to the program while it is being made.
func (s *FargateService) explainFailure(ctx *pulumi.Context, name string) (pulumi.ResourceOption, error) {
	if s.args.Watcher == nil {
		return pulumi.Composite(), nil
	}
	return s.args.onError(ctx, name, func(failure *pulumi.ErrorHookArgs) (retry bool, err error) {
		r := ServiceRevision{
			ClusterARN:        text(failure.NewInputs["cluster"]),
			ServiceName:       text(failure.NewInputs["name"]),
			TaskDefinitionARN: text(failure.NewInputs["taskDefinition"]),
		}
		if r.ServiceName == "" || r.ClusterARN == "" || interrupted(failure.Errors) { // the first two as when it is being deleted
			return false, nil
		}
		if explanation := s.args.Watcher.Explain(ctx.Context(), r); explanation != "" {
			// An error of the hook would take the place of the provider's.
			_ = ctx.Log.Error("deploy: the AWS provider failed at service "+r.ServiceName+", of which AWS says:\n"+explanation, &pulumi.LogArgs{Resource: s})
		}
		return false, nil
	})
}

// interrupted reports whether an operation failed because whoever runs Pulumi stopped it, by Ctrl-C: the provider's wait then ends with the
// error of its context (context.Canceled), or with that of the call (gRPC's code Canceled).
func interrupted(newestFirst []string) bool {
	return len(newestFirst) > 0 && (strings.Contains(newestFirst[0], context.Canceled.Error()) || strings.Contains(newestFirst[0], "code = Canceled"))
}

// registerErrorHook returns an option that has the callback called when an operation on a resource fails.
func registerErrorHook(ctx *pulumi.Context, name string, callback pulumi.ErrorHookFunction) (pulumi.ResourceOption, error) {
	hook, err := ctx.RegisterErrorHook(name, callback)
	if err != nil {
		return nil, err
	}
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{OnError: []*pulumi.ErrorHook{hook}}), nil
}

// text returns a property that is a known text, or "".
func text(v resource.PropertyValue) string {
	for {
		switch {
		case v.IsSecret():
			v = v.SecretValue().Element
		case v.IsOutput() && v.OutputValue().Known:
			v = v.OutputValue().Element
		case v.IsString():
			return v.StringValue()
		default:
			return ""
		}
	}
}

// nameInARN returns what follows the last slash of an ARN: the family and revision of a task definition's
// "arn:…:task-definition/family:revision", for one.
func nameInARN(arn string) string {
	return arn[strings.LastIndex(arn, "/")+1:]
}
