package components

import (
	"encoding/json"
	"maps"
	"slices"
)

const (
	// containerName is the name of the service's container in its task definition.
	containerName = "main"
	// nonRoot is the user and group that containers run as, whatever their image says (control ECS.20 of AWS's
	// Foundational Security Best Practices). It is the "nonroot" of distroless images.
	nonRoot = "65532:65532"
)

// containerDefinition is an element of a task definition's container definitions (ContainerDefinition in the ECS API
// reference), with the fields that are used here.
//
// The AWS provider compares the JSON with what AWS returns only after it has normalised both. What is written here is in
// AWS's form to begin with: defaults spelled out, lists of pairs sorted, nothing empty.
type containerDefinition struct {
	Name                   string                 `json:"name"`
	Image                  string                 `json:"image"`
	RepositoryCredentials  *repositoryCredentials `json:"repositoryCredentials,omitempty"`
	Essential              bool                   `json:"essential"`
	EntryPoint             []string               `json:"entryPoint,omitempty"`
	Command                []string               `json:"command,omitempty"`
	Environment            []environmentVariable  `json:"environment"`
	Secrets                []secretVariable       `json:"secrets,omitempty"`
	PortMappings           []portMapping          `json:"portMappings"`
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

type portMapping struct {
	ContainerPort int    `json:"containerPort"`
	HostPort      int    `json:"hostPort"` // always the container's in network mode awsvpc
	Protocol      string `json:"protocol"`
}

type linuxParameters struct {
	InitProcessEnabled bool `json:"initProcessEnabled"`
}

type logConfiguration struct {
	LogDriver string            `json:"logDriver"`
	Options   map[string]string `json:"options"`
}

// container is what decides a service's container definition, once everything is known.
type container struct {
	image               string
	registryCredentials string // ARN of a secret, or empty
	entryPoint, command []string
	environment         map[string]string
	secrets             map[string]string // name of a variable to where its value is read from
	port                int
	stopTimeout         int
	logGroup, region    string
	logStreamPrefix     string
}

// definitions returns the container definitions as JSON.
func (c container) definitions() (string, error) {
	definition := containerDefinition{
		Name:                   containerName,
		Image:                  c.image,
		Essential:              true,
		EntryPoint:             c.entryPoint,
		Command:                c.command,
		Environment:            []environmentVariable{},
		PortMappings:           []portMapping{{ContainerPort: c.port, HostPort: c.port, Protocol: "tcp"}},
		User:                   nonRoot,
		ReadonlyRootFilesystem: true,
		// The init process passes signals on and collects orphaned processes.
		LinuxParameters: linuxParameters{InitProcessEnabled: true},
		StopTimeout:     c.stopTimeout,
		LogConfiguration: logConfiguration{
			LogDriver: "awslogs",
			Options: map[string]string{
				"awslogs-group":         c.logGroup,
				"awslogs-region":        c.region,
				"awslogs-stream-prefix": c.logStreamPrefix,
				// In blocking mode, a service that writes to its standard output stops answering when CloudWatch Logs
				// cannot be reached. Lines that do not fit the buffer are lost instead. ("Send Amazon ECS logs to
				// CloudWatch" in the ECS developer guide.)
				"mode":            "non-blocking",
				"max-buffer-size": "25m",
			},
		},
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
	definitions, err := json.Marshal([]containerDefinition{definition})
	return string(definitions), err
}
