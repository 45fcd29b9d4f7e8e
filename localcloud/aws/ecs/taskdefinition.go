package ecs

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type volume struct {
	Name     string `json:"name"`
	HostPath string `json:"hostPath"`

	EFSVolumeConfiguration *efsVolume `json:"efsVolumeConfiguration"`

	ConfigureAtLaunch                      bool `json:"configureAtLaunch"`
	DockerVolumeConfiguration              any  `json:"dockerVolumeConfiguration"`
	FSxWindowsFileServerVolumeConfiguation any  `json:"fsxWindowsFileServerVolumeConfiguration"`
}

// TaskDefinitionSpec describes a wanted task definition.
type TaskDefinitionSpec struct {
	Family                  string   `json:"family"`
	ContainerDefinitions    string   `json:"containerDefinitions"`
	CPU                     string   `json:"cpu"`
	Memory                  string   `json:"memory"`
	NetworkMode             string   `json:"networkMode"`
	RequiresCompatibilities []string `json:"requiresCompatibilities"`
	ExecutionRoleARN        string   `json:"executionRoleArn"`
	TaskRoleARN             string   `json:"taskRoleArn"`
	RuntimePlatform         *struct {
		CPUArchitecture       string `json:"cpuArchitecture"`
		OperatingSystemFamily string `json:"operatingSystemFamily"`
	} `json:"runtimePlatform"`
	EphemeralStorage *struct {
		SizeInGiB int `json:"sizeInGib"`
	} `json:"ephemeralStorage"`
	Volumes               []volume  `json:"volumes"`
	SkipDestroy           bool      `json:"skipDestroy"`
	Tags                  tags.Tags `json:"tags"`
	InferenceAccelerators []any     `json:"inferenceAccelerators"`
	PlacementConstraints  []any     `json:"placementConstraints"`
	ProxyConfiguration    any       `json:"proxyConfiguration"`
	IPCMode               string    `json:"ipcMode"`
	PIDMode               string    `json:"pidMode"`
	EnableFaultInjection  bool      `json:"enableFaultInjection"`
}

var familyName = regexp.MustCompile(`^[0-9A-Za-z_-]{1,255}$`)

type taskDefinitionOutputs struct {
	ARN                  string `json:"arn"`
	ARNWithoutRevision   string `json:"arnWithoutRevision"`
	Revision             int    `json:"revision"`
	EnableFaultInjection bool   `json:"enableFaultInjection"`
}

// TaskDefinition is a program's hold on one revision of a task definition. It is imported by its ARN. The provider gives all revisions
// the family's name as their id, and tells them apart by the ARN in the engine's state (resourceTaskDefinitionCreate, and the importer,
// in terraform-provider-aws's internal/service/ecs/task_definition.go).
//
// The revision itself, a [TaskDefinitionRevision], outlives the resource: AWS keeps all. Deleting the resource makes it INACTIVE, or
// leaves it ACTIVE with skipDestroy, so that a service can be rolled back to it. Either way it does not count as alive (see
// [TaskDefinitionRevision]): it costs nothing, runs nothing and holds nothing that could be left over.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
var TaskDefinition = &cloud.Kind[TaskDefinitionSpec, taskDefinitionOutputs]{
	Spec: cloud.Spec{
		Token:   TaskDefinitionToken,
		Label:   "ECS Task Definition",
		Import:  cloud.ByID,
		Drift:   cloud.Drift{Change: cloud.Map{"tags": cloud.Map{"By": "hand"}}, Serves: true, ServesWithout: true}, // which tasks need to start alone
		Alias:   &cloud.Alias{ID: "family", Own: "arn"},
		Derived: tags.All,
		Needs:   taskDefinitionNeeds,
		JSON:    []string{"containerDefinitions"},
		Filled:  cloud.Map{"trackLatest": false, "volumes": []any{}, "placementConstraints": []any{}},
		Replace: []string{
			"containerDefinitions", "cpu", "enableFaultInjection", "ephemeralStorage", "executionRoleArn", "family",
			"inferenceAccelerators", "ipcMode", "memory", "networkMode", "pidMode", "placementConstraints", "proxyConfiguration",
			"requiresCompatibilities", "runtimePlatform", "taskRoleArn", "volumes",
		},
		Computed: []string{"enableFaultInjection"},
		Sets:     []string{"requiresCompatibilities", "volumes"},
		Normal:   map[string]func(any) any{"containerDefinitions": normalContainers},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: func(id string) *cloud.Error {
			return cloud.Errorf("ClientException", "Unable to describe task definition. (%s)", id)
		},
	},
	Check: func(in *TaskDefinitionSpec) []cloud.Failure {
		var f []cloud.Failure
		if in.Family != "" && !familyName.MatchString(in.Family) {
			f = append(f, cloud.Failure{
				Property: "family",
				Reason: "invalid value for family (see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html): " +
					"use letters, digits, hyphens and underscores, 255 at most",
			})
		}
		for property, a := range check.InOrder(map[string]string{"executionRoleArn": in.ExecutionRoleARN, "taskRoleArn": in.TaskRoleARN}) {
			if a != "" && !arns.Pattern.MatchString(a) {
				f = append(f, cloud.Failure{Property: property, Reason: fmt.Sprintf("%q (%s) is an invalid ARN", property, a)})
			}
		}
		for i, c := range in.RequiresCompatibilities {
			f = append(f, check.OneOf(fmt.Sprintf("requiresCompatibilities[%d]", i), c, "EC2", Fargate, "EXTERNAL")...)
		}
		f = append(f, check.OneOf("networkMode", in.NetworkMode, "bridge", "host", "awsvpc", "none")...)
		if p := in.RuntimePlatform; p != nil {
			f = append(f, check.OneOf("runtimePlatform.cpuArchitecture", p.CPUArchitecture, "X86_64", "ARM64")...)
			f = append(f, check.OneOf("runtimePlatform.operatingSystemFamily", p.OperatingSystemFamily,
				"LINUX", "WINDOWS_SERVER_2019_FULL", "WINDOWS_SERVER_2019_CORE", "WINDOWS_SERVER_2016_FULL", "WINDOWS_SERVER_2004_CORE",
				"WINDOWS_SERVER_2022_CORE", "WINDOWS_SERVER_2022_FULL", "WINDOWS_SERVER_2025_CORE", "WINDOWS_SERVER_2025_FULL",
				"WINDOWS_SERVER_20H2_CORE")...)
		}
		if s := in.EphemeralStorage; s != nil && s.SizeInGiB != 0 {
			f = append(f, check.Between("ephemeralStorage.sizeInGib", s.SizeInGiB, 21, 200)...)
		}
		if in.ContainerDefinitions != "" {
			if _, err := parseContainerDefinitions(in.ContainerDefinitions); err != nil {
				f = append(f, cloud.Failure{
					Property: "containerDefinitions",
					Reason:   "ECS Task Definition container_definitions is invalid: " + err.Error(),
				})
			}
		}
		return f
	},
	Create: func(c *cloud.Call, in *TaskDefinitionSpec, out *taskDefinitionOutputs) (string, error) {
		if err := registrable(in); err != nil {
			return "", err
		}
		s := c.Caller.Scope
		out.Revision = 1
		for _, r := range c.Tx.Where(s, TaskDefinitionRevisionToken, "family", in.Family) {
			out.Revision = max(out.Revision, cloud.Peek[RevisionStatus](r).Revision+1)
		}
		out.ARNWithoutRevision = arns.New(s, "ecs", "task-definition/"+in.Family)
		out.ARN = out.ARNWithoutRevision + ":" + strconv.Itoa(out.Revision)
		record := &cloud.Resource{
			Key:    cloud.Key{Scope: s, Token: TaskDefinitionRevisionToken, ID: out.ARN},
			Name:   in.Family + ":" + strconv.Itoa(out.Revision),
			Inputs: c.Resource.Inputs,
		}
		record.SetStatus(RevisionStatus{Revision: out.Revision, Active: true, RegisteredAt: time.Now().UTC()})
		c.Tx.Put(record)
		return out.ARN, nil
	},
	Delete: func(c *cloud.Call, in *TaskDefinitionSpec) error {
		record := c.Tx.Get(cloud.Key{Scope: c.Resource.Scope, Token: TaskDefinitionRevisionToken, ID: c.Resource.ID})
		if record == nil || in.SkipDestroy {
			return nil
		}
		record = record.Clone()
		status := cloud.StatusOf[RevisionStatus](record)
		status.Active = false
		record.SetStatus(status)
		c.Tx.Put(record)
		return nil
	},
}

var taskDefinitionNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		creates(o, "RegisterTaskDefinition", "task-definition/"+o.Text("family")+":*", "task-definition/"+o.Text("family")+":1")
		passes(o, "executionRoleArn", "ecs-tasks.amazonaws.com", "ecs:RegisterTaskDefinition")
		passes(o, "taskRoleArn", "ecs-tasks.amazonaws.com", "ecs:RegisterTaskDefinition")
	},
	Read: func(o *permission.Operation) { o.Any("ecs:DescribeTaskDefinition") },
	// Nothing but tags changes, and whether the resource is skipped when it is destroyed.
	Update:  retags,
	Updated: listsTags,
	Delete: func(o *permission.Operation) {
		if !o.Given("skipDestroy") {
			o.Any("ecs:DeregisterTaskDefinition")
		}
	},
}

// registrable has the rules of RegisterTaskDefinition, which all have the code ClientException. The local cloud runs tasks as Fargate
// does and knows no container instances.
func registrable(in *TaskDefinitionSpec) error {
	refuse := func(format string, args ...any) error { return cloud.Errorf("ClientException", format, args...) }
	switch {
	case !slices.Contains(in.RequiresCompatibilities, Fargate):
		return fmt.Errorf("a task definition that does not require FARGATE: %w", cloud.ErrUnimplemented)
	case in.NetworkMode != "awsvpc":
		return refuse("Fargate only supports network mode ‘awsvpc’.")
	case in.CPU == "":
		return refuse("Fargate requires that 'cpu' be defined at the task level.")
	case in.Memory == "":
		return refuse("Fargate requires that 'memory' be defined at the task level.")
	case len(in.InferenceAccelerators) > 0:
		return refuse("Fargate does not support inference accelerators.")
	case len(in.PlacementConstraints) > 0:
		return refuse("Fargate does not support placement constraints.")
	case in.ProxyConfiguration != nil:
		return fmt.Errorf("proxyConfiguration: %w", cloud.ErrUnimplemented)
	case in.EnableFaultInjection:
		return fmt.Errorf("enableFaultInjection: %w", cloud.ErrUnimplemented)
	case in.IPCMode != "" || in.PIDMode != "" && in.PIDMode != "task":
		return refuse("Fargate does not support the given ipcMode or pidMode.")
	case in.RuntimePlatform != nil && strings.HasPrefix(in.RuntimePlatform.OperatingSystemFamily, "WINDOWS"):
		return fmt.Errorf("operating system %s: %w", in.RuntimePlatform.OperatingSystemFamily, cloud.ErrUnimplemented)
	}
	for _, v := range in.Volumes {
		if v.HostPath != "" {
			return refuse("Fargate does not support host volume paths. (%s)", v.Name)
		}
		if v.ConfigureAtLaunch || v.DockerVolumeConfiguration != nil || v.FSxWindowsFileServerVolumeConfiguation != nil {
			return fmt.Errorf("volume %s that is neither a plain one nor one of EFS: %w", v.Name, cloud.ErrUnimplemented)
		}
		if err := v.EFSVolumeConfiguration.check(v.Name); err != nil {
			return err
		}
	}
	cpu, err := cpuUnits(in.CPU)
	if err != nil {
		return err
	}
	memory, err := mebibytes(in.Memory)
	if err != nil {
		return err
	}
	if err := fargateSize(cpu, memory); err != nil {
		return err
	}
	containers, err := parseContainerDefinitions(in.ContainerDefinitions)
	if err != nil {
		return refuse("%s", err)
	}
	return checkContainers(in, containers)
}
