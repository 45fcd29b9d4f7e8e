package components

import (
	"maps"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// cpuArchitectures are ECS's names for the architectures of images.
var cpuArchitectures = map[string]string{"amd64": "X86_64", "arm64": "ARM64"}

// environment returns the container's environment variables: the user's, and those that slipway adds.
func (s *FargateService) environment() pulumi.StringMap {
	environment := maps.Clone(s.args.Access.Environment)
	if environment == nil {
		environment = pulumi.StringMap{}
	}
	for _, variables := range []map[string]string{s.args.Environment, s.args.Settings(s.args.Listener.IdleTimeout)} {
		for name, value := range variables {
			environment[name] = pulumi.String(value)
		}
	}
	return environment
}

// port returns the port that the container listens on; 0 is none.
func (s *FargateService) port() int {
	if s.args.HTTP == nil {
		return 0
	}
	return s.args.HTTP.Port
}

// newTaskDefinition creates a revision of the task definition of a version.
func (s *FargateService) newTaskDefinition(ctx *pulumi.Context, v version) (*ecs.TaskDefinition, error) {
	secrets := s.around.secrets
	containers := pulumi.All(
		s.environment().ToStringMapOutput(), s.around.logs.Name, secrets.environment, secrets.environmentVersion, secrets.registry,
	).ApplyT(func(known []any) (string, error) {
		references := make(map[string]string, len(s.args.Access.Secrets)+len(s.args.SecretsFrom))
		for key := range s.args.Access.Secrets {
			references[key] = secretReference(known[2].(string), key, known[3].(string))
		}
		for name, reference := range s.args.SecretsFrom {
			references[name] = string(reference)
		}
		main := container{
			name:                spec.ContainerName,
			image:               v.image.String(),
			registryCredentials: known[4].(string),
			essential:           true,
			cpu:                 s.args.OwnCPU(),
			user:                spec.ContainerUser,
			entryPoint:          s.args.EntryPoint,
			command:             s.args.Command,
			environment:         known[0].(map[string]string),
			secrets:             references,
			port:                s.port(),
			room:                s.args.Room,
			writable:            s.args.Exec.Enabled, // or the agent of ECS Exec does not start
			healthCheck:         s.args.ContainerHealthCheck,
			stopTimeout:         s.args.Drain.StopTimeout,
			logGroup:            known[1].(string),
			region:              s.args.Cluster.Region,
			logStreamPrefix:     v.stream,
		}
		sidecars := main.sidecars(s.args.Workload, v.image.Registry, s.args.Access.SidecarSecrets, func(key string) string {
			return secretReference(known[2].(string), key, known[3].(string))
		})
		if s.args.Before == nil {
			return definitions(append(sidecars, main)...)
		}
		return definitions(append(sidecars, main.before(s.args.Before.ImageFor(v.image), s.args.Before.Command), main)...)
	}).(pulumi.StringOutput)

	return ecs.NewTaskDefinition(ctx, v.name, &ecs.TaskDefinitionArgs{
		// A family only groups revisions, and every change makes a revision, so a fixed name causes no conflict here.
		Family:                  pulumi.String(ctx.Project() + "-" + v.name),
		RequiresCompatibilities: pulumi.ToStringArray([]string{fargate}),
		NetworkMode:             pulumi.String("awsvpc"),
		Cpu:                     pulumi.String(strconv.Itoa(s.args.Size.CPU)),
		Memory:                  pulumi.String(strconv.Itoa(s.args.Size.Memory)),
		RuntimePlatform: ecs.TaskDefinitionRuntimePlatformArgs{
			CpuArchitecture:       pulumi.String(cpuArchitectures[s.args.Size.Architecture]),
			OperatingSystemFamily: pulumi.String("LINUX"),
		},
		ExecutionRoleArn:     s.around.execution.Arn,
		TaskRoleArn:          s.around.task.Arn,
		ContainerDefinitions: containers,
		Volumes:              volumes(s.args.Room),
		EphemeralStorage:     storage(s.args.Room),
		// Replaced revisions stay active: a failed deployment returns to the last one, and a service that loses a task starts another
		// from its revision.
		SkipDestroy: pulumi.Bool(true),
		Tags:        s.args.Tags.named(v.name),
	}, s.parent())
}

// volumes returns the file systems that the containers mount: encrypted on their way, and as the tasks' role, so that a file system's
// policy can tell who may ("Use Amazon EFS volumes with Amazon ECS").
func volumes(room spec.Room) ecs.TaskDefinitionVolumeArrayInput {
	var all ecs.TaskDefinitionVolumeArray
	for _, v := range room.FileSystems() {
		all = append(all, ecs.TaskDefinitionVolumeArgs{
			Name: pulumi.String(v.Name()),
			EfsVolumeConfiguration: ecs.TaskDefinitionVolumeEfsVolumeConfigurationArgs{
				FileSystemId:      pulumi.String(v.FileSystemID),
				TransitEncryption: pulumi.String("ENABLED"),
				AuthorizationConfig: ecs.TaskDefinitionVolumeEfsVolumeConfigurationAuthorizationConfigArgs{
					AccessPointId: pulumi.String(v.AccessPointID),
					Iam:           pulumi.String("ENABLED"),
				},
			},
		})
	}
	if all == nil {
		return nil
	}
	return all
}

// storage returns the size of the tasks' storage; nil leaves Fargate's own.
func storage(room spec.Room) ecs.TaskDefinitionEphemeralStoragePtrInput {
	if room.Storage == 0 {
		return nil
	}
	return ecs.TaskDefinitionEphemeralStorageArgs{SizeInGib: pulumi.Int(room.Storage)}
}
