package components

import (
	"encoding/json"
	"maps"
	"slices"

	"slipway/spec"
)

// containerDefinition is an element of a task definition's container definitions (ContainerDefinition in the ECS API
// reference), with the fields that are used here.
//
// The AWS provider normalises the JSON and AWS's answer before it compares them. The JSON here has AWS's form from the start: defaults
// written out, lists of pairs sorted, nothing empty.
type containerDefinition struct {
	Name                   string                 `json:"name"`
	Image                  string                 `json:"image"`
	RepositoryCredentials  *repositoryCredentials `json:"repositoryCredentials,omitempty"`
	Essential              bool                   `json:"essential"`
	CPU                    int                    `json:"cpu,omitempty"`
	Memory                 int                    `json:"memory,omitempty"`
	EntryPoint             []string               `json:"entryPoint,omitempty"`
	Command                []string               `json:"command,omitempty"`
	Environment            []environmentVariable  `json:"environment"`
	Secrets                []secretVariable       `json:"secrets,omitempty"`
	DependsOn              []containerDependency  `json:"dependsOn,omitempty"`
	HealthCheck            *containerHealthCheck  `json:"healthCheck,omitempty"`
	PortMappings           []portMapping          `json:"portMappings"`
	MountPoints            []mountPoint           `json:"mountPoints,omitempty"`
	Ulimits                []ulimit               `json:"ulimits,omitempty"`
	RestartPolicy          *restartPolicy         `json:"restartPolicy,omitempty"`
	User                   string                 `json:"user"`
	ReadonlyRootFilesystem bool                   `json:"readonlyRootFilesystem"`
	LinuxParameters        linuxParameters        `json:"linuxParameters"`
	StopTimeout            int                    `json:"stopTimeout"`
	LogConfiguration       logConfiguration       `json:"logConfiguration"`
}

type repositoryCredentials struct {
	CredentialsParameter string `json:"credentialsParameter"` // the ARN of a secret
}

type environmentVariable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type secretVariable struct {
	Name      string `json:"name"`
	ValueFrom string `json:"valueFrom"`
}

// containerDependency is a condition of another container that must hold before one starts.
type containerDependency struct {
	ContainerName string `json:"containerName"`
	Condition     string `json:"condition"`
}

// containerHealthCheck is what ECS runs in the container (HealthCheck in the ECS API reference). Times are in seconds.
type containerHealthCheck struct {
	Command     []string `json:"command"`
	Interval    int      `json:"interval"`
	Timeout     int      `json:"timeout"`
	Retries     int      `json:"retries"`
	StartPeriod int      `json:"startPeriod,omitempty"`
}

type portMapping struct {
	Name          string `json:"name,omitempty"` // for Service Connect
	ContainerPort int    `json:"containerPort"`
	HostPort      int    `json:"hostPort"` // always the container's in network mode awsvpc
	Protocol      string `json:"protocol"`
	// AppProtocol has the proxy choose a task for each request, rather than for each connection.
	AppProtocol string `json:"appProtocol,omitempty"`
}

type mountPoint struct {
	SourceVolume  string `json:"sourceVolume"`
	ContainerPath string `json:"containerPath"`
	ReadOnly      bool   `json:"readOnly"`
}

// ulimit is a limit of the kernel's. Fargate takes that of open files alone (Ulimit in the ECS API reference).
type ulimit struct {
	Name      string `json:"name"`
	SoftLimit int    `json:"softLimit"`
	HardLimit int    `json:"hardLimit"`
}

// restartPolicy makes a container start again when it exits (ContainerRestartPolicy in the ECS API reference).
type restartPolicy struct {
	Enabled              bool `json:"enabled"`
	RestartAttemptPeriod int  `json:"restartAttemptPeriod"` // seconds that it must have run before
}

type linuxParameters struct {
	InitProcessEnabled bool    `json:"initProcessEnabled"`
	Tmpfs              []tmpfs `json:"tmpfs,omitempty"`
}

// tmpfs is a file system in memory. Fargate has had it since 6 January 2026 ("Amazon ECS introduces tmpfs mounts on AWS Fargate and ECS
// Managed Instances" in What's New at AWS).
type tmpfs struct {
	ContainerPath string `json:"containerPath"`
	Size          int    `json:"size"` // MiB
}

type logConfiguration struct {
	LogDriver string            `json:"logDriver"`
	Options   map[string]string `json:"options"`
}

// container has everything that decides a container's definition, once it is known.
type container struct {
	name                string
	image               string
	registryCredentials string // ARN of a secret, or empty
	essential           bool   // the task ends with it
	restarts            bool   // it starts again when it ends
	cpu, memory         int    // 0: none of its own
	user                string
	entryPoint, command []string
	environment         map[string]string
	secrets             map[string]string // the source of each variable's value
	port                int               // 0: none
	portName            string            // "": nobody calls it
	room                spec.Room
	writable            bool // its root file system
	after               []containerDependency
	healthCheck         *spec.ContainerHealthCheck
	stopTimeout         int
	logGroup, region    string
	logStreamPrefix     string
}

// before returns the container that must succeed before this one, and makes this one wait for it.
func (c *container) before(image string, command []string) container {
	before := *c
	before.name = spec.BeforeName
	before.image = image
	before.entryPoint, before.command = nil, command
	before.port, before.healthCheck = 0, nil
	before.essential, before.cpu = false, 0 // it is meant to end
	before.writable = false
	c.after = append(slices.Clone(c.after), containerDependency{before.name, "SUCCESS"})
	return before
}

// portMapping returns the port that the container listens on.
func (c container) portMapping() portMapping {
	mapping := portMapping{Name: c.portName, ContainerPort: c.port, HostPort: c.port, Protocol: "tcp"}
	if c.portName != "" {
		mapping.AppProtocol = "http"
	}
	return mapping
}

// definition returns the container's definition.
func (c container) definition() containerDefinition {
	definition := containerDefinition{
		Name:                   c.name,
		Image:                  c.image,
		Essential:              c.essential,
		CPU:                    c.cpu,
		Memory:                 c.memory,
		EntryPoint:             c.entryPoint,
		Command:                c.command,
		Environment:            []environmentVariable{},
		PortMappings:           []portMapping{},
		User:                   c.user,
		DependsOn:              c.after,
		ReadonlyRootFilesystem: !c.writable,
		// The init process passes signals on and collects orphaned processes.
		LinuxParameters: linuxParameters{InitProcessEnabled: true},
		StopTimeout:     c.stopTimeout,
		LogConfiguration: logConfiguration{
			LogDriver: "awslogs",
			Options: map[string]string{
				"awslogs-group":         c.logGroup,
				"awslogs-region":        c.region,
				"awslogs-stream-prefix": c.logStreamPrefix,
				// In blocking mode, a service that writes to its standard output stops answering when CloudWatch Logs cannot be
				// reached. Here, lines that do not fit the buffer are lost instead. ("Send Amazon ECS logs to CloudWatch" in the ECS
				// developer guide.)
				"mode":            "non-blocking",
				"max-buffer-size": "25m",
			},
		},
	}
	if c.port != 0 {
		definition.PortMappings = append(definition.PortMappings, c.portMapping())
	}
	for _, at := range slices.Sorted(maps.Keys(c.room.Tmp)) {
		definition.LinuxParameters.Tmpfs = append(definition.LinuxParameters.Tmpfs, tmpfs{at, c.room.Tmp[at]})
	}
	for _, at := range slices.Sorted(maps.Keys(c.room.Volumes)) {
		definition.MountPoints = append(definition.MountPoints, mountPoint{SourceVolume: c.room.Volumes[at].Name(), ContainerPath: at})
	}
	if n := c.room.OpenFiles; n != 0 {
		definition.Ulimits = []ulimit{{"nofile", n, n}}
	}
	if c.restarts {
		const shortest = 60 // the least that ECS takes
		definition.RestartPolicy = &restartPolicy{Enabled: true, RestartAttemptPeriod: shortest}
	}
	if h := c.healthCheck; h != nil {
		definition.HealthCheck = &containerHealthCheck{
			// CMD is the form without a shell, which an image made from scratch lacks.
			append([]string{"CMD"}, h.Command...), h.Interval, h.Timeout, h.Retries, h.StartPeriod,
		}
	}
	if c.registryCredentials != "" {
		definition.RepositoryCredentials = &repositoryCredentials{c.registryCredentials}
	}
	for _, name := range slices.Sorted(maps.Keys(c.environment)) {
		definition.Environment = append(definition.Environment, environmentVariable{name, c.environment[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(c.secrets)) {
		definition.Secrets = append(definition.Secrets, secretVariable{name, c.secrets[name]})
	}
	return definition
}

// definitions returns the container definitions of a task as JSON.
func definitions(containers ...container) (string, error) {
	all := make([]containerDefinition, len(containers))
	for i, c := range containers {
		all[i] = c.definition()
	}
	text, err := json.Marshal(all)
	return string(text), err
}
