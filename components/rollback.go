package components

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// runningTaskDefinition returns the task definition that the service runs, and fails if it is not the wanted one.
//
// When the deployment circuit breaker rolls a deployment back, ECS gives the service its last good task definition and
// starts that. The service is in a steady state again, and the AWS provider's wait for it ends without an error: only a
// look at what runs shows that the update did not arrive. In a preview it is a warning, because nothing is wrong with the
// preview itself.
func runningTaskDefinition(ctx *pulumi.Context, service *ecs.Service, wanted pulumi.StringOutput) pulumi.StringOutput {
	running := ecs.LookupServiceOutput(ctx, ecs.LookupServiceOutputArgs{
		ClusterArn:  service.Cluster,
		ServiceName: service.Name,
	}, pulumi.DependsOn([]pulumi.Resource{service})) // its ID is unknown in the preview of its creation: nothing is looked up then

	return pulumi.All(service.Name, running.TaskDefinition(), wanted).ApplyT(func(known []any) (string, error) {
		name, running, wanted := known[0].(string), known[1].(string), known[2].(string)
		if running == wanted {
			return running, nil
		}
		message := fmt.Sprintf("service %s runs task definition %s and not %s: ECS rolled the deployment back, or somebody else deployed; "+
			"the service's events tell why; once the cause is mended, `pulumi up --refresh` deploys again",
			name, nameInARN(running), nameInARN(wanted))
		if ctx.DryRun() {
			return wanted, ctx.Log.Warn(message, &pulumi.LogArgs{Resource: service})
		}
		return "", fmt.Errorf("deploy: %s", message)
	}).(pulumi.StringOutput)
}

// nameInARN returns what follows the last slash of an ARN: the family and revision of a task definition's
// "arn:…:task-definition/family:revision", for one.
func nameInARN(arn string) string {
	return arn[strings.LastIndex(arn, "/")+1:]
}
