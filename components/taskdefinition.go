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
func (o owner) environment(added ...map[string]string) pulumi.StringMap {
	environment := pulumi.StringMap{}
	for name, value := range o.in.environment() {
		environment[name] = pulumi.String(value)
	}
	maps.Copy(environment, o.access.Environment)
	for _, variables := range append([]map[string]string{o.workload.Environment}, added...) {
		for name, value := range variables {
			environment[name] = pulumi.String(value)
		}
	}
	return environment
}

// newTaskDefinition creates a revision of the task definition of a version.
func (s *FargateService) newTaskDefinition(ctx *pulumi.Context, v version) (*ecs.TaskDefinition, error) {
	o := s.owner()
	return o.newTaskDefinition(ctx, s.around, revision{
		name: v.name, stream: v.stream, image: v.image, environment: o.environment(s.args.Settings(s.args.Listener.IdleTimeout), s.args.Calls.environment()),
		port: s.args.CallPort(), portName: s.portName(), stopTimeout: s.args.Drain.StopTimeout,
	})
}

// revision is what a revision of a task definition is made of.
type revision struct {
	name        string // of the resource
	stream      string // prefix of the log streams
	image       spec.Image
	environment pulumi.StringMap
	port        int    // 0: none
	portName    string // "": nobody calls it
	stopTimeout int    // seconds
}

// newTaskDefinition creates a revision of a task definition, for tasks in the surroundings.
func (o owner) newTaskDefinition(ctx *pulumi.Context, around surroundings, r revision) (*ecs.TaskDefinition, error) {
	secrets, w := around.secrets, o.workload
	containers := pulumi.All(
		r.environment.ToStringMapOutput(), around.logs.Name, secrets.environment, secrets.environmentVersion, secrets.registry,
	).ApplyT(func(known []any) (string, error) {
		references := make(map[string]string, len(o.access.Secrets)+len(w.SecretsFrom))
		for key := range o.access.Secrets {
			references[key] = secretReference(known[2].(string), key, known[3].(string))
		}
		for name, reference := range w.SecretsFrom {
			references[name] = string(reference)
		}
		main := container{
			name:                spec.ContainerName,
			image:               o.in.reference(r.image),
			registryCredentials: known[4].(string),
			essential:           true,
			cpu:                 w.OwnCPU(),
			user:                spec.ContainerUser,
			entryPoint:          w.EntryPoint,
			command:             w.Command,
			environment:         known[0].(map[string]string),
			secrets:             references,
			port:                r.port,
			portName:            r.portName,
			room:                w.Room,
			writable:            w.Exec.Enabled, // or the agent of ECS Exec does not start
			healthCheck:         w.ContainerHealthCheck,
			stopTimeout:         r.stopTimeout,
			logGroup:            known[1].(string),
			region:              o.region,
			logStreamPrefix:     r.stream,
		}
		sidecars := main.sidecars(o.in, w, r.image.Registry, o.access.SidecarSecrets, func(key string) string {
			return secretReference(known[2].(string), key, known[3].(string))
		})
		if w.Before == nil {
			return definitions(append([]container{main}, sidecars...)...)
		}
		before := main.before(o.in.reference(w.Before.ImageFor(r.image)), w.Before.Command)
		return definitions(append([]container{before, main}, sidecars...)...)
	}).(pulumi.StringOutput)

	return ecs.NewTaskDefinition(ctx, r.name, &ecs.TaskDefinitionArgs{
		// A family only groups revisions, and every change makes a revision, so a fixed name causes no conflict here.
		Family:                  pulumi.String(ctx.Project() + "-" + r.name),
		RequiresCompatibilities: pulumi.ToStringArray([]string{fargate}),
		NetworkMode:             pulumi.String("awsvpc"),
		Cpu:                     pulumi.String(strconv.Itoa(w.Size.CPU)),
		Memory:                  pulumi.String(strconv.Itoa(w.Size.Memory)),
		RuntimePlatform: ecs.TaskDefinitionRuntimePlatformArgs{
			CpuArchitecture:       pulumi.String(cpuArchitectures[w.Size.Architecture]),
			OperatingSystemFamily: pulumi.String("LINUX"),
		},
		ExecutionRoleArn:     around.execution.Arn,
		TaskRoleArn:          around.task.Arn,
		ContainerDefinitions: containers,
		Volumes:              volumes(w.Room),
		EphemeralStorage:     storage(w.Room),
		// Replaced revisions stay active: a failed deployment returns to the last one, and a service that loses a task starts another
		// from its revision.
		SkipDestroy: pulumi.Bool(true),
		Tags:        o.tags.named(r.name),
	}, o.parent)
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
