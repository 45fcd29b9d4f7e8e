package components

import (
	"maps"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// newTaskDefinition creates a revision of a version's task definition.
func (a *FargateServiceArgs) newTaskDefinition(
	ctx *pulumi.Context, v version, around *surroundings, parent pulumi.ResourceOption,
) (*ecs.TaskDefinition, error) {
	environment := maps.Clone(a.Environment)
	if environment == nil {
		environment = pulumi.StringMap{}
	}
	environment[spec.PortVariable] = pulumi.String(strconv.Itoa(a.Port))
	for _, variables := range []map[string]string{a.Drain.Environment(), spec.IdleEnvironment(a.IdleTimeout)} {
		for name, value := range variables {
			environment[name] = pulumi.String(value)
		}
	}

	secrets := around.secrets
	containers := pulumi.All(
		environment.ToStringMapOutput(), around.logs.Name, secrets.environment, secrets.environmentVersion, secrets.registry,
	).ApplyT(func(known []any) (string, error) {
		references := make(map[string]string, len(a.Secrets))
		for key := range a.Secrets {
			references[key] = secretReference(known[2].(string), key, known[3].(string))
		}
		main := container{
			name:                containerName,
			image:               v.image.String(),
			registryCredentials: known[4].(string),
			entryPoint:          a.EntryPoint,
			command:             a.Command,
			environment:         known[0].(map[string]string),
			secrets:             references,
			port:                a.Port,
			stopTimeout:         a.Drain.StopTimeout,
			logGroup:            known[1].(string),
			region:              a.Region,
			logStreamPrefix:     v.stream,
		}
		if a.Before == nil {
			return definitions(main)
		}
		return definitions(main.before(a.Before.ImageFor(v.image), a.Before.Command), main)
	}).(pulumi.StringOutput)

	return ecs.NewTaskDefinition(ctx, v.name, &ecs.TaskDefinitionArgs{
		// A family only groups revisions, and every change makes a revision, so a fixed name is in nothing's way here.
		Family:                  pulumi.String(ctx.Project() + "-" + v.name),
		RequiresCompatibilities: pulumi.ToStringArray([]string{fargate}),
		NetworkMode:             pulumi.String("awsvpc"),
		Cpu:                     pulumi.String(strconv.Itoa(a.CPU)),
		Memory:                  pulumi.String(strconv.Itoa(a.Memory)),
		RuntimePlatform: ecs.TaskDefinitionRuntimePlatformArgs{
			CpuArchitecture:       pulumi.String(cpuArchitectures[a.Architecture]),
			OperatingSystemFamily: pulumi.String("LINUX"),
		},
		ExecutionRoleArn:     around.execution.Arn,
		TaskRoleArn:          around.task.Arn,
		ContainerDefinitions: containers,
		// Replaced revisions stay active: a deployment that fails goes back to the last one, and a service that
		// loses a task starts another from its revision.
		SkipDestroy: pulumi.Bool(true),
		Tags:        a.Tags.named(v.name),
	}, parent)
}
