package components

import (
	"maps"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// newTaskDefinition creates a revision of the service's task definition.
func (a *FargateServiceArgs) newTaskDefinition(
	ctx *pulumi.Context, name string, logs *cloudwatch.LogGroup, secrets serviceSecrets, execution, task *iam.Role, parent pulumi.ResourceOption,
) (*ecs.TaskDefinition, error) {
	environment := maps.Clone(a.Environment)
	if environment == nil {
		environment = pulumi.StringMap{}
	}
	environment[portVariable] = pulumi.String(strconv.Itoa(a.Port))

	definitions := pulumi.All(
		environment.ToStringMapOutput(), logs.Name, secrets.environment, secrets.environmentVersion, secrets.registry,
	).ApplyT(func(known []any) (string, error) {
		references := make(map[string]string, len(a.Secrets))
		for key := range a.Secrets {
			references[key] = secretReference(known[2].(string), key, known[3].(string))
		}
		return container{
			image:               a.Image.String(),
			registryCredentials: known[4].(string),
			entryPoint:          a.EntryPoint,
			command:             a.Command,
			environment:         known[0].(map[string]string),
			secrets:             references,
			port:                a.Port,
			stopTimeout:         a.StopTimeout,
			logGroup:            known[1].(string),
			region:              a.Region,
			logStreamPrefix:     a.Service,
		}.definitions()
	}).(pulumi.StringOutput)

	return ecs.NewTaskDefinition(ctx, name, &ecs.TaskDefinitionArgs{
		// A family only groups revisions, and every change makes a revision, so a fixed name is in nothing's way here.
		Family:                  pulumi.String(ctx.Project() + "-" + name),
		RequiresCompatibilities: pulumi.ToStringArray([]string{fargate}),
		NetworkMode:             pulumi.String("awsvpc"),
		Cpu:                     pulumi.String(strconv.Itoa(a.CPU)),
		Memory:                  pulumi.String(strconv.Itoa(a.Memory)),
		RuntimePlatform: ecs.TaskDefinitionRuntimePlatformArgs{
			CpuArchitecture:       pulumi.String(cpuArchitectures[a.Architecture]),
			OperatingSystemFamily: pulumi.String("LINUX"),
		},
		ExecutionRoleArn:     execution.Arn,
		TaskRoleArn:          task.Arn,
		ContainerDefinitions: definitions,
		// Replaced revisions stay active: a deployment that fails goes back to the last one, and a service that
		// loses a task starts another from its revision.
		SkipDestroy: pulumi.Bool(true),
		Tags:        a.Tags.named(name),
	}, parent)
}
