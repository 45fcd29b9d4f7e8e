package ecs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/cloud"
)

// ContainerDefinition says how a container of a task runs. Fields that are not here are refused, so a mistyped field, which the real
// provider would silently drop, is noticed.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
type ContainerDefinition struct {
	Name                   string                 `json:"name"`
	Image                  string                 `json:"image"`
	Essential              *bool                  `json:"essential"`
	CPU                    int                    `json:"cpu"`
	Memory                 *int                   `json:"memory"`
	MemoryReservation      *int                   `json:"memoryReservation"`
	EntryPoint             []string               `json:"entryPoint"`
	Command                []string               `json:"command"`
	WorkingDirectory       string                 `json:"workingDirectory"`
	User                   string                 `json:"user"`
	ReadonlyRootFilesystem bool                   `json:"readonlyRootFilesystem"`
	Environment            []EnvironmentVariable  `json:"environment"`
	Secrets                []ContainerSecret      `json:"secrets"`
	RepositoryCredentials  *RepositoryCredentials `json:"repositoryCredentials"`
	PortMappings           []PortMapping          `json:"portMappings"`
	LogConfiguration       *LogConfiguration      `json:"logConfiguration"`
	HealthCheck            *ContainerHealthCheck  `json:"healthCheck"`
	DependsOn              []ContainerDependency  `json:"dependsOn"`
	MountPoints            []MountPoint           `json:"mountPoints"`
	StartTimeout           *int                   `json:"startTimeout"` // seconds
	StopTimeout            *int                   `json:"stopTimeout"`  // seconds
	LinuxParameters        LinuxParameters        `json:"linuxParameters"`
	Ulimits                []Ulimit               `json:"ulimits"`
	RestartPolicy          *RestartPolicy         `json:"restartPolicy"`

	// Without effect on what can be seen from outside a task.
	DockerLabels       map[string]string `json:"dockerLabels"`
	PseudoTerminal     bool              `json:"pseudoTerminal"`
	Interactive        bool              `json:"interactive"`
	SystemControls     any               `json:"systemControls"`
	VersionConsistency string            `json:"versionConsistency"`

	// Not modelled: refused unless empty.
	CredentialSpecs       any `json:"credentialSpecs"`
	DisableNetworking     any `json:"disableNetworking"`
	DNSSearchDomains      any `json:"dnsSearchDomains"`
	DNSServers            any `json:"dnsServers"`
	DockerSecurityOptions any `json:"dockerSecurityOptions"`
	EnvironmentFiles      any `json:"environmentFiles"`
	ExtraHosts            any `json:"extraHosts"`
	FirelensConfiguration any `json:"firelensConfiguration"`
	Hostname              any `json:"hostname"`
	Links                 any `json:"links"`
	Privileged            any `json:"privileged"`
	ResourceRequirements  any `json:"resourceRequirements"`
	VolumesFrom           any `json:"volumesFrom"`
}

// EnvironmentVariable is a name and its value.
type EnvironmentVariable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ContainerSecret is an environment variable whose value is read when the task starts. ValueFrom is the ARN of a secret,
// optionally followed by :json-key:version-stage:version-id.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
type ContainerSecret struct {
	Name      string `json:"name"`
	ValueFrom string `json:"valueFrom"`
}

// Ulimit is a limit of the Linux kernel. None is enforced.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Ulimit.html
type Ulimit struct {
	Name      string `json:"name"`
	SoftLimit int    `json:"softLimit"`
	HardLimit int    `json:"hardLimit"`
}

// RestartPolicy makes a container start again when it exits.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerRestartPolicy.html
type RestartPolicy struct {
	Enabled              bool  `json:"enabled"`
	IgnoredExitCodes     []int `json:"ignoredExitCodes"`
	RestartAttemptPeriod *int  `json:"restartAttemptPeriod"` // seconds
}

// Tmpfs is a file system in memory. Fargate has it since 6 January 2026.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tmpfs.html
// https://aws.amazon.com/about-aws/whats-new/2026/01/amazon-ecs-tmpfs-mounts-aws-fargate-managed-instances/
type Tmpfs struct {
	ContainerPath string   `json:"containerPath"`
	Size          int      `json:"size"` // MiB
	MountOptions  []string `json:"mountOptions"`
}

// LinuxParameters are the options of the Linux kernel for a container.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinuxParameters.html
type LinuxParameters struct {
	InitProcessEnabled bool    `json:"initProcessEnabled"`
	Tmpfs              []Tmpfs `json:"tmpfs"`

	// Not modelled: refused unless empty.
	Capabilities     any `json:"capabilities"`
	Devices          any `json:"devices"`
	MaxSwap          any `json:"maxSwap"`
	SharedMemorySize any `json:"sharedMemorySize"`
	Swappiness       any `json:"swappiness"`
}

// RepositoryCredentials names the secret with which to log in to a private registry.
type RepositoryCredentials struct {
	CredentialsParameter string `json:"credentialsParameter"`
}

// PortMapping is a port on which the container listens. On Fargate the host has the same port.
type PortMapping struct {
	Name               string `json:"name"`
	ContainerPort      int    `json:"containerPort"`
	ContainerPortRange string `json:"containerPortRange"`
	HostPort           int    `json:"hostPort"`
	Protocol           string `json:"protocol"`
	AppProtocol        string `json:"appProtocol"`
}

// LogConfiguration has the destination of the container's output.
type LogConfiguration struct {
	LogDriver     string            `json:"logDriver"`
	Options       map[string]string `json:"options"`
	SecretOptions []ContainerSecret `json:"secretOptions"`
}

// ContainerHealthCheck is a command whose exit code says whether the container is healthy. Times are in seconds.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
type ContainerHealthCheck struct {
	Command     []string `json:"command"`
	Interval    *int     `json:"interval"`
	Timeout     *int     `json:"timeout"`
	Retries     *int     `json:"retries"`
	StartPeriod *int     `json:"startPeriod"`
}

// ContainerDependency is a condition on another container that must hold before this one starts.
type ContainerDependency struct {
	ContainerName string `json:"containerName"`
	Condition     string `json:"condition"`
}

// MountPoint is the path of one of the task's volumes in the container.
type MountPoint struct {
	SourceVolume  string `json:"sourceVolume"`
	ContainerPath string `json:"containerPath"`
	ReadOnly      bool   `json:"readOnly"`
}

// IsEssential reports whether the task stops with the container, as it does unless said otherwise.
func (d *ContainerDefinition) IsEssential() bool { return d.Essential == nil || *d.Essential }

// unmodelled returns the name of a field that was given and means something that the local cloud does not do.
func (d *ContainerDefinition) unmodelled() string {
	fields := map[string]any{
		"credentialSpecs": d.CredentialSpecs, "disableNetworking": d.DisableNetworking, "dnsSearchDomains": d.DNSSearchDomains,
		"dnsServers": d.DNSServers, "dockerSecurityOptions": d.DockerSecurityOptions, "environmentFiles": d.EnvironmentFiles,
		"extraHosts": d.ExtraHosts, "firelensConfiguration": d.FirelensConfiguration, "hostname": d.Hostname, "links": d.Links,
		"privileged": d.Privileged, "resourceRequirements": d.ResourceRequirements,
		"volumesFrom":                  d.VolumesFrom,
		"linuxParameters.capabilities": d.LinuxParameters.Capabilities, "linuxParameters.devices": d.LinuxParameters.Devices,
		"linuxParameters.maxSwap": d.LinuxParameters.MaxSwap, "linuxParameters.sharedMemorySize": d.LinuxParameters.SharedMemorySize,
		"linuxParameters.swappiness": d.LinuxParameters.Swappiness,
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch v := fields[name].(type) {
		case nil:
		case bool:
			if v {
				return name
			}
		case []any:
			if len(v) > 0 {
				return name
			}
		default:
			return name
		}
	}
	return ""
}

// parseContainerDefinitions reads the JSON that a program gives as containerDefinitions.
func parseContainerDefinitions(source string) ([]ContainerDefinition, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(source)))
	dec.DisallowUnknownFields()
	var out []ContainerDefinition
	if err := dec.Decode(&out); err != nil {
		if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return nil, fmt.Errorf("%s is not a field of a container definition", field)
		}
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something after the list of container definitions")
	}
	return out, nil
}

var containerName = regexp.MustCompile(`^[0-9A-Za-z_-]{1,255}$`)

// checkContainers holds the rules of RegisterTaskDefinition about the containers of a Fargate task.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
func checkContainers(in *TaskDefinitionSpec, containers []ContainerDefinition) error {
	refuse := func(format string, args ...any) error { return cloud.Errorf("ClientException", format, args...) }
	const most = 10 // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
	switch {
	case len(containers) == 0:
		return refuse("Container list cannot be empty.")
	case len(containers) > most:
		return refuse("Too many containers.") // https://github.com/aws/amazon-ecs-cli/issues/951
	}
	byName := map[string]*ContainerDefinition{}
	ports := map[int]string{}
	cpu, memory, essential := 0, 0, false
	for i := range containers {
		d := &containers[i]
		switch {
		case d.Name == "":
			return refuse("Container.name should not be null or empty.")
		case !containerName.MatchString(d.Name):
			return refuse("Invalid container name '%s': use letters, digits, hyphens and underscores, 255 at most.", d.Name)
		case byName[d.Name] != nil:
			return refuse("Container names must be unique within a task definition: %s is used twice.", d.Name)
		case d.Image == "":
			return refuse("Container.image should not be null or empty.")
		case d.unmodelled() != "":
			return fmt.Errorf("%s of container %s: %w", d.unmodelled(), d.Name, cloud.ErrUnimplemented)
		}
		byName[d.Name] = d
		essential = essential || d.IsEssential()
		cpu += d.CPU
		memory += d.reservedMemory()
		if err := checkContainer(in, d, ports); err != nil {
			return err
		}
	}
	if !essential {
		return refuse("A task definition must have at least one essential container.")
	}
	if units, err := cpuUnits(in.CPU); err == nil && cpu > units {
		return refuse("The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.")
	}
	// "The total amount of memory reserved for all containers within a task must be lower than the task memory value": memory in
	// API_ContainerDefinition. The words are like those about cpu.
	if all, err := mebibytes(in.Memory); err == nil && memory > all {
		return refuse("The sum of all container 'memory' values cannot be greater than the value of the task 'memory'.")
	}
	return checkDependencies(containers, byName)
}

// reservedMemory returns how many MiB of the task's memory are the container's: what it reserves, or else the most that it may use.
func (d *ContainerDefinition) reservedMemory() int {
	for _, setting := range []*int{d.MemoryReservation, d.Memory} {
		if setting != nil {
			return *setting
		}
	}
	return 0
}

func checkContainer(in *TaskDefinitionSpec, d *ContainerDefinition, ports map[int]string) error {
	refuse := func(format string, args ...any) error { return cloud.Errorf("ClientException", format, args...) }
	if memory, err := mebibytes(in.Memory); err == nil {
		for _, setting := range []*int{d.Memory, d.MemoryReservation} {
			if setting != nil && *setting > memory {
				return refuse("The 'memory' setting for container '%s' is greater than for the task.", d.Name)
			}
		}
	}
	for _, p := range d.PortMappings {
		switch {
		case p.ContainerPortRange != "":
			return fmt.Errorf("containerPortRange of container %s: %w", d.Name, cloud.ErrUnimplemented)
		case p.ContainerPort < 1 || p.ContainerPort > 65535:
			return refuse("Invalid 'containerPort' setting for container '%s'.", d.Name)
		case p.HostPort != 0 && p.HostPort != p.ContainerPort:
			return refuse("When networkMode=awsvpc, the host ports and container ports in port mappings must match.")
		case p.Protocol != "" && p.Protocol != "tcp" && p.Protocol != "udp":
			return refuse("Invalid 'protocol' setting for container '%s'.", d.Name)
		case ports[p.ContainerPort] != "":
			return refuse("Container port %d is used by the containers %s and %s.", p.ContainerPort, ports[p.ContainerPort], d.Name)
		}
		ports[p.ContainerPort] = d.Name
	}
	for _, t := range []*int{d.StopTimeout, d.StartTimeout} {
		// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#container_definition_timeout
		if t != nil && (*t < 0 || *t > 120) {
			return refuse("Invalid timeout for container '%s': on Fargate it is at most 120 seconds.", d.Name)
		}
	}
	for _, s := range d.Secrets {
		if s.Name == "" || s.ValueFrom == "" {
			return refuse("The secret name must be unique and not shared with any new or existing environment variables set on the container, " +
				"and its valueFrom must be given.")
		}
		if slices.ContainsFunc(d.Environment, func(e EnvironmentVariable) bool { return e.Name == s.Name }) {
			return refuse("The secret name must be unique and not shared with any new or existing environment variables set on the container, such as '%s'.", s.Name)
		}
	}
	if in.ExecutionRoleARN == "" {
		switch {
		case len(d.Secrets) > 0:
			return refuse("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.")
		case d.RepositoryCredentials != nil:
			return refuse("Fargate requires task definition to have execution role ARN to support private registry authentication.")
		case ecr.IsReference(d.Image):
			return refuse("Fargate requires task definition to have execution role ARN to support ECR images.")
		case d.LogConfiguration != nil && d.LogConfiguration.LogDriver == "awslogs":
			return refuse("Fargate requires task definition to have execution role ARN to support log driver awslogs.")
		}
	}
	if h := d.HealthCheck; h != nil {
		if err := checkHealthCheck(d.Name, h); err != nil {
			return err
		}
	}
	for _, m := range d.MountPoints {
		if !slices.ContainsFunc(in.Volumes, func(v volume) bool { return v.Name == m.SourceVolume }) {
			return refuse("Unknown volume '%s'.", m.SourceVolume)
		}
	}
	if err := checkRoom(d); err != nil {
		return err
	}
	if err := checkRestart(d); err != nil {
		return err
	}
	return checkLogs(d)
}

// checkRoom has the rules about a container's own file systems and limits.
func checkRoom(d *ContainerDefinition) error {
	refuse := func(format string, args ...any) error { return cloud.Errorf("ClientException", format, args...) }
	mounted := map[string]bool{}
	for _, m := range d.MountPoints {
		if m.ContainerPath == "" || mounted[m.ContainerPath] {
			return refuse("Container.mountPoints: containerPath '%s' of container '%s' is missing, or is used twice.", m.ContainerPath, d.Name)
		}
		mounted[m.ContainerPath] = true
	}
	for _, t := range d.LinuxParameters.Tmpfs {
		switch {
		case !strings.HasPrefix(t.ContainerPath, "/"):
			return refuse("Tmpfs containerPath '%s' of container '%s' must be an absolute path.", t.ContainerPath, d.Name)
		case t.Size < 1:
			return refuse("Tmpfs size must be greater than 0 for container '%s'.", d.Name)
		case mounted[t.ContainerPath]:
			return refuse("Duplicate mount path '%s' of container '%s'.", t.ContainerPath, d.Name)
		case len(t.MountOptions) > 0:
			return fmt.Errorf("mountOptions of a tmpfs of container %s: %w", d.Name, cloud.ErrUnimplemented)
		}
		mounted[t.ContainerPath] = true
	}
	for _, u := range d.Ulimits {
		switch {
		case u.SoftLimit > u.HardLimit:
			return refuse("Ulimit soft limit can not be greater than hard limit for container '%s'.", d.Name)
		case u.Name != "nofile": // "Fargate overrides" it alone: API_Ulimit
			return refuse("Fargate does not support the ulimit '%s' of container '%s'.", u.Name, d.Name)
		}
	}
	return nil
}

// checkRestart has the rules of API_ContainerRestartPolicy, whose page has no words for their breach.
func checkRestart(d *ContainerDefinition) error {
	r := d.RestartPolicy
	if r == nil || !r.Enabled {
		return nil
	}
	const least, most, mostCodes = 60, 1800, 50
	switch p := r.RestartAttemptPeriod; {
	case p != nil && (*p < least || *p > most):
		return cloud.Errorf("ClientException", "Invalid restartAttemptPeriod for container '%s': %d is not between %d and %d.", d.Name, *p, least, most)
	case len(r.IgnoredExitCodes) > mostCodes:
		return cloud.Errorf("ClientException", "Invalid ignoredExitCodes for container '%s': there are more than %d.", d.Name, mostCodes)
	case !d.ReadonlyRootFilesystem: // what it wrote there would stay
		return fmt.Errorf("restartPolicy of container %s, which can write to its root file system: %w", d.Name, cloud.ErrUnimplemented)
	}
	return nil
}

// The ranges are those of API_HealthCheck.
func checkHealthCheck(name string, h *ContainerHealthCheck) error {
	if len(h.Command) < 2 || h.Command[0] != "CMD" && h.Command[0] != "CMD-SHELL" {
		return cloud.Errorf("ClientException",
			"Invalid health check command for container '%s': it starts with CMD or CMD-SHELL.", name)
	}
	for _, setting := range []struct {
		name      string
		value     *int
		low, high int
	}{{"interval", h.Interval, 5, 300}, {"timeout", h.Timeout, 2, 60}, {"retries", h.Retries, 1, 10}, {"startPeriod", h.StartPeriod, 0, 300}} {
		if v := setting.value; v != nil && (*v < setting.low || *v > setting.high) {
			return cloud.Errorf("ClientException", "Invalid health check %s for container '%s': %d is not between %d and %d.",
				setting.name, name, *v, setting.low, setting.high)
		}
	}
	return nil
}

// awslogsOptions are the options of the awslogs driver; true for those that Fargate requires.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html
var awslogsOptions = map[string]bool{
	"awslogs-group": true, "awslogs-region": true, "awslogs-stream-prefix": true, "mode": false, "max-buffer-size": false,
	"awslogs-create-group": false, "awslogs-datetime-format": false, "awslogs-multiline-pattern": false,
}

func checkLogs(d *ContainerDefinition) error {
	l := d.LogConfiguration
	switch {
	case l == nil:
		return nil
	case l.LogDriver != "awslogs":
		return fmt.Errorf("log driver %q of container %s: %w", l.LogDriver, d.Name, cloud.ErrUnimplemented)
	case l.Options["awslogs-region"] == "" || l.Options["awslogs-group"] == "":
		return cloud.Errorf("ClientException", "Log driver awslogs requires options: awslogs-region, awslogs-group")
	case l.Options["awslogs-stream-prefix"] == "":
		return cloud.Errorf("ClientException", "Log driver awslogs requires option awslogs-stream-prefix on Fargate.")
	case l.Options["mode"] != "" && l.Options["mode"] != "blocking" && l.Options["mode"] != "non-blocking":
		return cloud.Errorf("ClientException", "Log driver awslogs: option mode is blocking or non-blocking, not %s.", l.Options["mode"])
	}
	for _, o := range slices.Sorted(maps.Keys(l.Options)) {
		switch _, known := awslogsOptions[o]; {
		case !known:
			return cloud.Errorf("ClientException", "Log driver awslogs disallows options: %s", o)
		case o == "awslogs-datetime-format" || o == "awslogs-multiline-pattern" || o == "awslogs-create-group" && l.Options[o] == "true":
			return fmt.Errorf("log option %s of container %s: %w", o, d.Name, cloud.ErrUnimplemented)
		}
	}
	return nil
}

// checkDependencies holds the rules of container dependencies.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html
func checkDependencies(containers []ContainerDefinition, byName map[string]*ContainerDefinition) error {
	refuse := func(format string, args ...any) error { return cloud.Errorf("ClientException", format, args...) }
	for _, d := range containers {
		for _, dep := range d.DependsOn {
			on := byName[dep.ContainerName]
			switch {
			case on == nil:
				return refuse("Invalid container dependency: '%s' depends on '%s', which is not in the task definition.", d.Name, dep.ContainerName)
			case (dep.Condition == "SUCCESS" || dep.Condition == "COMPLETE") && on.IsEssential():
				return refuse("A dependency container with SUCCESS or COMPLETE condition cannot be an essential container")
			case dep.Condition == "HEALTHY" && on.HealthCheck == nil:
				return refuse("A dependency container with HEALTHY condition must have a health check: '%s'.", on.Name)
			case !slices.Contains([]string{"START", "COMPLETE", "SUCCESS", "HEALTHY"}, dep.Condition):
				return refuse("Invalid container dependency condition '%s' of container '%s'.", dep.Condition, d.Name)
			}
		}
	}
	if c := circle(byName); c != "" {
		return refuse("Invalid container dependency: container '%s' depends on itself.", c)
	}
	return nil
}

// circle returns the first container, by name, that must wait for itself, or "".
func circle(byName map[string]*ContainerDefinition) string {
	for _, start := range slices.Sorted(maps.Keys(byName)) {
		seen, next := map[string]bool{}, []string{start}
		for len(next) > 0 {
			d := byName[next[0]]
			next = next[1:]
			for _, dep := range d.DependsOn {
				if dep.ContainerName == start {
					return start
				}
				if !seen[dep.ContainerName] {
					seen[dep.ContainerName] = true
					next = append(next, dep.ContainerName)
				}
			}
		}
	}
	return ""
}
