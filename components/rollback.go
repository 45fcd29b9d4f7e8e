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

// ServiceRevision is a version that a service must run.
type ServiceRevision struct {
	ClusterARN, ServiceName, TaskDefinitionARN string
}

// EnoughTasks says how many healthy tasks of a service are enough: Least, and as many of its first tasks as ECS keeps. Scaling may have
// removed some of them.
type EnoughTasks struct {
	Least, Begun int
	Checked      bool // a worker's containers have a health check of ECS's own
}

// Watcher reports about deployments what the AWS provider does not.
type Watcher interface {
	// Settle waits until the deployment of the revision has ended and enough tasks are healthy, or until the context's deadline. It
	// returns the ARN of the service's task definition and, if the service does not get healthy with that, the reason. An error is an
	// UnknownOutcome, or means that the caller may not ask AWS.
	Settle(ctx context.Context, r ServiceRevision, tasks EnoughTasks) (running, failure string, err error)
	// Explain says in lines of text why a deployment failed; "" if there is no service yet.
	Explain(context.Context, ServiceRevision) string
}

// UnknownOutcome is the error of a Watcher that could ask at first and then no longer: the deployment may be good or bad.
type UnknownOutcome string

func (e UnknownOutcome) Error() string { return string(e) }

// runningTaskDefinition returns the task definition that the service runs, and fails if it is not the wanted one or does not
// get healthy.
//
// When the deployment circuit breaker rolls a deployment back, ECS gives the service its last good task definition and starts that. The
// service is in a steady state again, and the AWS provider's wait for it ends without an error: only the running task definition shows
// that the update failed. The provider also misses a first deployment in which no task gets healthy, and a rollback by an alarm when
// all tasks run. In a preview a rollback is a warning, because nothing is wrong with the preview itself.
func (s *FargateService) runningTaskDefinition(
	ctx *pulumi.Context, v version, service *ecs.Service, wanted pulumi.StringOutput,
) pulumi.StringOutput {
	running := ecs.LookupServiceOutput(ctx, ecs.LookupServiceOutputArgs{
		ClusterArn:  service.Cluster,
		ServiceName: service.Name,
	}, pulumi.DependsOn([]pulumi.Resource{service})) // its ID is unknown in the preview of its creation, so nothing is looked up then

	return pulumi.All(
		service.Cluster, service.Name, wanted, running.TaskDefinition(), service.URN(), running.DesiredCount(),
	).ApplyT(func(known []any) (string, error) {
		r := ServiceRevision{ClusterARN: known[0].(string), ServiceName: known[1].(string), TaskDefinitionARN: known[2].(string)}
		running, failure := known[3].(string), ""
		if running == r.TaskDefinitionARN && s.args.Watcher != nil && !ctx.DryRun() {
			settling, cancel := context.WithTimeout(ctx.Context(), s.args.UpdateTimeout(v.count, v.scaling))
			defer cancel()
			var err error
			running, failure, err = s.args.Watcher.Settle(settling, r, EnoughTasks{
				Least: v.count, Begun: v.begin(), Checked: s.args.ContainerHealthCheck != nil,
			})
			if unknown, ok := errors.AsType[UnknownOutcome](err); ok {
				return "", fmt.Errorf("deploy: it is unknown whether service %s got to run task definition %s: %w; run `pulumi up` again to look again",
					r.ServiceName, nameInARN(r.TaskDefinitionARN), unknown)
			}
			if err != nil {
				message := fmt.Sprintf("it is unknown whether service %s got healthy: %s", r.ServiceName, err)
				return r.TaskDefinitionARN, ctx.Log.Warn(message, &pulumi.LogArgs{Resource: service})
			}
		}
		var message string
		switch wanted := nameInARN(r.TaskDefinitionARN); {
		case running != r.TaskDefinitionARN:
			message = fmt.Sprintf("service %s runs task definition %s and not %s: ECS rolled the deployment back, or someone else deployed; "+
				"correct the cause, then deploy this version or another one", r.ServiceName, nameInARN(running), wanted)
		case failure != "":
			message = fmt.Sprintf("service %s does not run task definition %s: %s; "+
				"correct the cause, then run `pulumi up`, with this version or another one; if ECS has given up this version, run "+
				"`pulumi up --replace '%s'`", r.ServiceName, wanted, failure, known[4])
		case !ctx.DryRun() && v.scaling == nil && known[5].(int) != v.count:
			// The AWS provider compares with the count that it last read. Scaling, which is removed now, had changed it since.
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

// explainFailure returns an option for an ECS service. It prints the explanation when the AWS provider fails to create or update the
// service, mostly after a timeout: ECS cannot roll back a service's first deployment, so only the timeout ends it.
//
// The component's URN is used, because the program does not know the service's URN while it is being created.
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
		if r.ServiceName == "" || r.ClusterARN == "" || interrupted(failure.Errors) { // the first two are empty during a deletion
			return false, nil
		}
		if explanation := s.args.Watcher.Explain(ctx.Context(), r); explanation != "" {
			// An error of the hook would replace the provider's error.
			_ = ctx.Log.Error("deploy: the AWS provider failed at service "+r.ServiceName+", and AWS says:\n"+explanation, &pulumi.LogArgs{Resource: s})
		}
		return false, nil
	})
}

// interrupted reports whether an operation failed because of Ctrl-C. The provider's wait then ends with its context's error
// (context.Canceled), or with the call's (gRPC's code Canceled).
func interrupted(newestFirst []string) bool {
	return len(newestFirst) > 0 && (strings.Contains(newestFirst[0], context.Canceled.Error()) || strings.Contains(newestFirst[0], "code = Canceled"))
}

// registerErrorHook returns an option that calls the callback when an operation on a resource fails.
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

// nameInARN returns the part of an ARN after its last slash, such as the family and revision in
// "arn:…:task-definition/family:revision".
func nameInARN(arn string) string {
	return arn[strings.LastIndex(arn, "/")+1:]
}
