package aws

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/localcloud/cloud"
)

type volume struct {
	Name     string `json:"name"`
	HostPath string `json:"hostPath"`

	ConfigureAtLaunch                      bool `json:"configureAtLaunch"`
	DockerVolumeConfiguration              any  `json:"dockerVolumeConfiguration"`
	EFSVolumeConfiguration                 any  `json:"efsVolumeConfiguration"`
	FSxWindowsFileServerVolumeConfiguation any  `json:"fsxWindowsFileServerVolumeConfiguration"`
}

type taskDefinition struct {
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
	Volumes               []volume `json:"volumes"`
	SkipDestroy           bool     `json:"skipDestroy"`
	Tags                  tags     `json:"tags"`
	InferenceAccelerators []any    `json:"inferenceAccelerators"`
	PlacementConstraints  []any    `json:"placementConstraints"`
	ProxyConfiguration    any      `json:"proxyConfiguration"`
	IPCMode               string   `json:"ipcMode"`
	PIDMode               string   `json:"pidMode"`
	EnableFaultInjection  bool     `json:"enableFaultInjection"`
}

var (
	familyName = regexp.MustCompile(`^[0-9A-Za-z_-]{1,255}$`)
	anyARN     = regexp.MustCompile(`^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(\d{12}|aws)?:.+$`)
)

// TaskDefinition is a program's hold on one revision of a task definition. It is imported by its ARN. The provider gives all revisions
// the family's name as their id, and tells them apart by the ARN in the engine's state (resourceTaskDefinitionCreate, and the importer,
// in terraform-provider-aws's internal/service/ecs/task_definition.go).
//
// The revision itself, a [TaskDefinitionRevision], outlives the resource: AWS forgets none. Deleting the resource makes it
// INACTIVE, or leaves it ACTIVE where the program said skipDestroy, so that a service can be rolled back to it. Either way
// it is not counted as alive (see [Alive]): it costs nothing, runs nothing and holds nothing that could be left over.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
var TaskDefinition = &cloud.Kind[taskDefinition]{
	Spec: cloud.Spec{
		Token:  taskDefinitionToken,
		Label:  "ECS Task Definition",
		Alias:  &cloud.Alias{ID: "family", Own: "arn"},
		Needs:  taskDefinitionNeeds,
		JSON:   []string{"containerDefinitions"},
		Filled: cloud.Map{"trackLatest": false, "volumes": []any{}, "placementConstraints": []any{}},
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
	Check: func(in *taskDefinition) []cloud.Failure {
		var f []cloud.Failure
		if in.Family != "" && !familyName.MatchString(in.Family) {
			f = append(f, cloud.Failure{
				Property: "family",
				Reason: "invalid value for family (see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html): " +
					"use letters, digits, hyphens and underscores, 255 at most",
			})
		}
		for property, a := range map[string]string{"executionRoleArn": in.ExecutionRoleARN, "taskRoleArn": in.TaskRoleARN} {
			if a != "" && !anyARN.MatchString(a) {
				f = append(f, cloud.Failure{Property: property, Reason: fmt.Sprintf("%q (%s) is an invalid ARN", property, a)})
			}
		}
		for i, c := range in.RequiresCompatibilities {
			f = append(f, oneOf(fmt.Sprintf("requiresCompatibilities[%d]", i), c, "EC2", Fargate, "EXTERNAL")...)
		}
		f = append(f, oneOf("networkMode", in.NetworkMode, "bridge", "host", "awsvpc", "none")...)
		if p := in.RuntimePlatform; p != nil {
			f = append(f, oneOf("runtimePlatform.cpuArchitecture", p.CPUArchitecture, "X86_64", "ARM64")...)
			f = append(f, oneOf("runtimePlatform.operatingSystemFamily", p.OperatingSystemFamily,
				"LINUX", "WINDOWS_SERVER_2019_FULL", "WINDOWS_SERVER_2019_CORE", "WINDOWS_SERVER_2016_FULL", "WINDOWS_SERVER_2004_CORE",
				"WINDOWS_SERVER_2022_CORE", "WINDOWS_SERVER_2022_FULL", "WINDOWS_SERVER_2025_CORE", "WINDOWS_SERVER_2025_FULL",
				"WINDOWS_SERVER_20H2_CORE")...)
		}
		if s := in.EphemeralStorage; s != nil && s.SizeInGiB != 0 {
			f = append(f, between("ephemeralStorage.sizeInGib", s.SizeInGiB, 21, 200)...)
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
	Outputs: func(c *cloud.Call, in *taskDefinition) (cloud.Map, error) {
		out := cloud.Map{"tagsAll": in.Tags.all(c)}
		if c.Old != nil {
			return out, nil // only tags and skipDestroy can change
		}
		if err := registrable(in); err != nil {
			return nil, err
		}
		s := c.Caller.Scope
		revision := 1
		for _, r := range c.Tx.Where(s, taskDefinitionRevisionToken, "family", in.Family) {
			revision = max(revision, cloud.Peek[RevisionStatus](r).Revision+1)
		}
		family := arn(s, "ecs", "task-definition/"+in.Family)
		c.Resource.ID = family + ":" + strconv.Itoa(revision)
		record := &cloud.Resource{
			Key:    cloud.Key{Scope: s, Token: taskDefinitionRevisionToken, ID: c.Resource.ID},
			Name:   in.Family + ":" + strconv.Itoa(revision),
			Inputs: c.Resource.Inputs,
		}
		record.SetStatus(RevisionStatus{Revision: revision, Active: true, RegisteredAt: time.Now().UTC()})
		c.Tx.Put(record)
		out["arn"], out["arnWithoutRevision"], out["revision"] = c.Resource.ID, family, float64(revision)
		out["enableFaultInjection"] = in.EnableFaultInjection
		return out, nil
	},
	Delete: func(c *cloud.Call, in *taskDefinition) error {
		record := c.Tx.Get(cloud.Key{Scope: c.Resource.Scope, Token: taskDefinitionRevisionToken, ID: c.Resource.ID})
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

var taskDefinitionNeeds = needs{
	Create: func(o *operation) {
		createsECS(o, "RegisterTaskDefinition", "task-definition/"+o.text("family")+":*", "task-definition/"+o.text("family")+":1")
		passes(o, "executionRoleArn", "ecs-tasks.amazonaws.com", "ecs:RegisterTaskDefinition")
		passes(o, "taskRoleArn", "ecs-tasks.amazonaws.com", "ecs:RegisterTaskDefinition")
	},
	Read: func(o *operation) { o.any("ecs:DescribeTaskDefinition") },
	// Nothing but tags changes, and whether the resource is skipped when it is destroyed.
	Update:  retagsECS,
	Updated: listsTagsECS,
	Delete: func(o *operation) {
		if !o.given("skipDestroy") {
			o.any("ecs:DeregisterTaskDefinition")
		}
	},
}

// registrable holds the rules of RegisterTaskDefinition, whose code for all of them is ClientException. The local cloud runs
// tasks as Fargate does and knows no container instances.
func registrable(in *taskDefinition) error {
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
		if v.ConfigureAtLaunch || v.DockerVolumeConfiguration != nil || v.EFSVolumeConfiguration != nil || v.FSxWindowsFileServerVolumeConfiguation != nil {
			return fmt.Errorf("volume %s that is not a plain one: %w", v.Name, cloud.ErrUnimplemented)
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

// RevisionStatus is the Status of a [TaskDefinitionRevision].
type RevisionStatus struct {
	// Revision counts up from 1 in each family. A number is never used again, whatever becomes of its revision.
	Revision int
	// Active says that new services and deployments may refer to it.
	Active       bool
	RegisteredAt time.Time
}

// TaskDefinitionRevision is a revision of a task definition as ECS keeps it for ever. Its id is its ARN.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deregister-task-definition-v2.html
var TaskDefinitionRevision = &cloud.Kind[taskDefinition]{
	Spec: cloud.Spec{
		Token: taskDefinitionRevisionToken,
		Label: "ECS Task Definition Revision",
		Alive: func(*cloud.Resource) bool { return false }, // AWS forgets none
		// It stays, with its tags, when the program has no more use for it.
		Tagged: func(r *cloud.Resource) (string, map[string]string) {
			if !cloud.StatusOf[RevisionStatus](r).Active {
				return "", nil
			}
			return r.ID, cloud.InputsOf[taskDefinition](r).Tags
		},
	},
}

// Revision is a task definition as the scheduler needs it.
type Revision struct {
	ARN              string
	Active           bool
	ExecutionRoleARN string
	TaskRoleARN      string
	// Architecture is that of the images, in Go's and OCI's terms: amd64 or arm64.
	Architecture string
	// CPU is what the task has in units of 1/1024 of a processor, Memory in MiB.
	CPU, Memory int
	Volumes     []string
	Containers  []ContainerDefinition
}

// Container returns the container with the name, or nil.
func (r *Revision) Container(name string) *ContainerDefinition {
	i := slices.IndexFunc(r.Containers, func(d ContainerDefinition) bool { return d.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Containers[i]
}

// ErrNoRevision says that there is no such task definition.
var ErrNoRevision = errors.New("there is no such task definition")

// FindRevision returns the revision that a service means: by ARN, by family and revision, or by family for the newest one
// that is ACTIVE.
func FindRevision(tx *cloud.Tx, s cloud.Scope, name string) (*Revision, error) {
	if !strings.HasPrefix(name, "arn:") {
		name = arn(s, "ecs", "task-definition/"+name)
	}
	var found *cloud.Resource
	if _, revision, ok := strings.Cut(name[strings.LastIndex(name, "/"):], ":"); ok && revision != "" {
		found = tx.Get(cloud.Key{Scope: s, Token: taskDefinitionRevisionToken, ID: name})
	} else {
		newest := 0
		for _, r := range tx.Where(s, taskDefinitionRevisionToken, "family", name[strings.LastIndex(name, "/")+1:]) {
			status := cloud.Peek[RevisionStatus](r)
			if strings.HasPrefix(r.ID, name+":") && status.Active && status.Revision > newest {
				found, newest = r, status.Revision
			}
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%s: %w", name, ErrNoRevision)
	}
	in := TaskDefinitionRevision.Of(found)
	containers, err := parseContainerDefinitions(in.ContainerDefinitions)
	if err != nil {
		return nil, fmt.Errorf("task definition %s: %w", found.ID, err)
	}
	r := &Revision{
		ARN: found.ID, Active: cloud.StatusOf[RevisionStatus](found).Active, ExecutionRoleARN: in.ExecutionRoleARN, TaskRoleARN: in.TaskRoleARN,
		Architecture: "amd64", Containers: containers,
	}
	if in.RuntimePlatform != nil && in.RuntimePlatform.CPUArchitecture == "ARM64" {
		r.Architecture = "arm64"
	}
	if r.CPU, err = cpuUnits(in.CPU); err == nil {
		r.Memory, err = mebibytes(in.Memory)
	}
	if err != nil {
		return nil, fmt.Errorf("task definition %s: %w", found.ID, err)
	}
	for _, v := range in.Volumes {
		r.Volumes = append(r.Volumes, v.Name)
	}
	return r, nil
}
