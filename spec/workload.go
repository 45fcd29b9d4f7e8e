package spec

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Defaults of a [Workload].
const (
	DefaultCPU          = 256
	DefaultMemory       = 512
	DefaultArchitecture = "amd64"
	DefaultLogRetention = 30
)

// Size is what a task has. What is not given has its default.
type Size struct {
	CPU          int    // units; see [CheckFargateCPU]
	Memory       int    // MiB; see [CheckFargateMemory]
	Architecture string // "amd64" or "arm64"
}

func (s Size) withDefaults() Size {
	return Size{cmp.Or(s.CPU, DefaultCPU), cmp.Or(s.Memory, DefaultMemory), cmp.Or(s.Architecture, DefaultArchitecture)}
}

// Problems reports what Fargate does not have.
func (s Size) Problems() Problems {
	var found Problems
	if err := CheckFargateCPU(s.CPU); err != nil {
		found.Add(err, "cpu")
	} else {
		found.Add(CheckFargateMemory(s.CPU, s.Memory), "memory")
	}
	found.AddValue(s.Architecture, CheckArchitecture(s.Architecture), "architecture")
	return found
}

// CheckArchitecture reports an architecture that Fargate does not run.
func CheckArchitecture(architecture string) error {
	if architecture != "amd64" && architecture != "arm64" {
		return errors.New("must be amd64 or arm64")
	}
	return nil
}

// Workload says what a task runs.
type Workload struct {
	Image               Image
	EntryPoint, Command []string // the image's own if empty
	Size                Size
	Environment         map[string]string
	SecretsFrom         map[string]SecretReference // variables whose values ECS reads elsewhere
	Policies            []string                   // ARNs of managed policies of the tasks' role
	Allow               []Permission               // what the tasks may do besides
	Reaches             []Reach                    // what others' security groups let the tasks reach
	Watch               map[string]int             // paths of parameters that the service re-reads, each every so many seconds
	Room                Room                       // where the containers can write
	Before              *Before                    // nil: nothing runs before the container
	Sidecars            map[string]Sidecar         // by name
	Exec                Exec                       // whether people can run commands in the tasks
	LogRetention        int                        // days

	// ContainerHealthCheck is a worker's; nil: ECS takes a task for healthy as long as it runs.
	ContainerHealthCheck *ContainerHealthCheck
}

func (w Workload) withDefaults() Workload {
	w.Size = w.Size.withDefaults()
	w.LogRetention = cmp.Or(w.LogRetention, DefaultLogRetention)
	if w.ContainerHealthCheck != nil {
		check := w.ContainerHealthCheck.withDefaults()
		w.ContainerHealthCheck = &check
	}
	w.Sidecars = maps.Clone(w.Sidecars)
	for name, s := range w.Sidecars {
		w.Sidecars[name] = s.withDefaults()
	}
	return w
}

// Problems reports what ECS would refuse, and what cannot be meant.
func (w Workload) Problems() Problems {
	var found Problems
	found.Add(w.Image.Check(), "image")
	found.Include(argumentProblems(w.EntryPoint, w.Command))
	found.Include(w.Size.Problems())
	found.Include(variableProblems(w.Environment, w.SecretsFrom))
	found.Include(w.secretsFromProblems())
	found.Include(w.accessProblems())
	found.Include(w.reachProblems())
	found.Include(w.watchProblems())
	found.Include(w.Room.Problems(w.Size.Memory))
	found.Include(w.sidecarProblems())
	if w.Before != nil {
		found.Include(w.Before.Problems(), "before")
	}
	if w.ContainerHealthCheck != nil {
		found.Include(w.ContainerHealthCheck.Problems(), "healthCheck")
	}
	if err := CheckLogRetention(w.LogRetention); err != nil {
		found.AddValue(w.LogRetention, err, "logs", "retentionDays")
	}
	return found
}

// argumentProblems reports arguments that no process can start with.
func argumentProblems(entryPoint, command []string) Problems {
	var found Problems
	for _, list := range []struct {
		name      string
		arguments []string
	}{{"entryPoint", entryPoint}, {"command", command}} {
		for i, argument := range list.arguments {
			found.Add(CheckArgument(argument), list.name, strconv.Itoa(i))
		}
	}
	return found
}

// variableProblems reports wrong variables of a container's environment, and those whose values ECS reads elsewhere.
func variableProblems(environment map[string]string, secretsFrom map[string]SecretReference) Problems {
	var found Problems
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		err := CheckVariable(name, environment[name])
		if err == nil && slices.Contains(credentialVariables, name) {
			err = errors.New("is a credential; give it under secrets, or use the task role instead")
		}
		found.Add(err, "env", name)
	}
	for _, name := range slices.Sorted(maps.Keys(secretsFrom)) {
		_, inEnvironment := environment[name]
		switch err := CheckVariable(name, ""); {
		case err != nil:
			found.Add(err, "secretsFrom", name)
		case inEnvironment:
			found.Add(errors.New("is in env too; a variable has one value"), "secretsFrom", name)
		default:
			found.Add(secretsFrom[name].Check(), "secretsFrom", name)
		}
	}
	return found
}

// CheckSecretVariables reports secret variables that are wrong, or that are in the environment too.
func (w Workload) CheckSecretVariables(names []string) Problems {
	return secretVariableProblems(names, w.Environment, w.SecretsFrom)
}

// secretVariableProblems reports secret variables of a container that are wrong, or that it has already.
func secretVariableProblems(names []string, environment map[string]string, secretsFrom map[string]SecretReference) Problems {
	var found Problems
	for _, name := range slices.Sorted(slices.Values(names)) {
		err := CheckVariable(name, "")
		if _, both := environment[name]; err == nil && both {
			err = errors.New("is in env too; a variable has one value")
		}
		if _, both := secretsFrom[name]; err == nil && both {
			err = errors.New("is in secretsFrom too; a variable has one value")
		}
		found.Add(err, "secrets", name)
	}
	return found
}

// Bounds of a task definition.
const (
	// maxTaskDefinition is its size in bytes ("Amazon ECS service quotas").
	maxTaskDefinition = 64 << 10
	// secretReference is an upper bound for a secret variable without its name, which is in there twice: the secret's ARN and its
	// version.
	secretReference = 200
	// secretVariable is an upper bound for a variable of SecretsFrom without its name and its reference.
	secretVariable = 30
	// otherDefinition is an upper bound for the part whose length no setting changes.
	otherDefinition = 3 << 10
	// sidecarDefinition is the same for a sidecar.
	sidecarDefinition = 2 << 10
)

// CheckDefinition reports a workload whose task definition would be too big. It counts what the settings decide, and adds a fixed size
// for the rest. Secrets of sidecars are named by [SidecarSecret].
func (w Workload) CheckDefinition(secrets []string) error {
	size := otherDefinition + variablesSize(w.Environment, w.SecretsFrom) + jsonSize(w.Command) + jsonSize(w.EntryPoint)
	if w.ContainerHealthCheck != nil {
		size += jsonSize(w.ContainerHealthCheck.Command)
	}
	for _, name := range secrets {
		size += secretReference + 2*len(name)
	}
	if w.Before != nil { // has the same variables
		size = 2*size + jsonSize(w.Before.Command)
	}
	for name, s := range w.Sidecars {
		size += sidecarDefinition + 3*len(name) + variablesSize(s.Environment, s.SecretsFrom) + jsonSize(s.Command) + jsonSize(s.EntryPoint)
		if s.HealthCheck != nil {
			size += jsonSize(s.HealthCheck.Command)
		}
	}
	if size > maxTaskDefinition {
		return fmt.Errorf("env, secrets, secretsFrom, command and entryPoint make a task definition of about %d bytes; ECS takes %d", size, maxTaskDefinition)
	}
	return nil
}

// variablesSize returns how many bytes a container's variables have in a task definition, without the secrets that are the stack's own.
func variablesSize(environment map[string]string, secretsFrom map[string]SecretReference) int {
	type variable struct{ Name, Value string }
	variables := make([]variable, 0, len(environment))
	for name, value := range environment {
		variables = append(variables, variable{name, value})
	}
	size := jsonSize(variables)
	for name, reference := range secretsFrom {
		size += secretVariable + len(name) + len(reference)
	}
	return size
}

// jsonSize returns how many bytes strings have as JSON.
func jsonSize(strings any) int {
	text, _ := json.Marshal(strings) // never fails for strings
	return len(text)
}

// Images returns every image that the tasks run.
func (w Workload) Images() []Image {
	images := w.ownImages()
	for _, name := range w.SidecarNames() {
		images = append(images, w.Sidecars[name].Image)
	}
	return images
}

// ownImages returns the images that the tasks run without those of the sidecars.
func (w Workload) ownImages() []Image {
	images := []Image{w.Image}
	if w.Before != nil && w.Before.Image != nil {
		images = append(images, *w.Before.Image)
	}
	return images
}

// CheckRegistry reports images for which registry credentials are of no use.
func CheckRegistry(images []Image) error {
	for _, image := range images {
		if _, isECR := image.ECR(); isECR {
			return errors.New("registry and an image in Amazon ECR exclude each other: ECS logs in to ECR with the execution role")
		}
	}
	return nil
}

// CheckArgument reports an argument that no process can start with.
func CheckArgument(argument string) error {
	if strings.ContainsRune(argument, 0) {
		return errors.New("contains a NUL character")
	}
	return nil
}

// variablePattern matches the usual names of environment variables. ECS takes any text (KeyValuePair in its API reference).
var variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// CheckVariable reports what is wrong with an environment variable. It does not show the value.
func CheckVariable(name, value string) error {
	switch {
	case !variablePattern.MatchString(name):
		return errors.New("a variable's name is letters, digits, underscores, dots and hyphens, beginning with a letter or an underscore")
	case strings.ContainsRune(value, 0):
		return errors.New("contains a NUL character")
	}
	return nil
}

// credentialVariables must not be in a task definition in plain text (control ECS.8 of AWS's Foundational Security Best Practices).
var credentialVariables = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ECS_ENGINE_AUTH_DATA"}
