package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"slipway/internal/settings"
	"slipway/spec"
)

// Bounds of a service that AWS sets.
const (
	// maxSecret is the length of a secret's value in bytes ("AWS Secrets Manager quotas").
	maxSecret = 65_536
	// maxTaskDefinition is the size of a task definition in bytes ("Amazon ECS service quotas").
	maxTaskDefinition = 64 << 10
	// secretReference is more than what a task definition has for a secret variable, beside its name, which is there twice:
	// the secret's ARN and its version.
	secretReference = 200
	// otherDefinition is more than everything in a task definition that no config makes longer.
	otherDefinition = 3 << 10
)

var (
	serviceNamePattern = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	// variablePattern matches what programs have as the names of variables. ECS takes any text (KeyValuePair in its API reference).
	variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)
)

// serviceReader reads one service of the config.
type serviceReader struct {
	*settings.Object
	domain string
}

func (r serviceReader) read(stack, name string) Service {
	defer r.Close()

	if !serviceNamePattern.MatchString(name) {
		r.Problems.Add(r.Key, "a service's name is lower-case letters, digits and single hyphens, beginning with a letter")
	} else if err := spec.CheckName(ComponentName(stack, name)); err != nil && spec.CheckName(stack) == nil {
		r.Problems.Add(r.Key, "%w", err)
	} else if canary, _ := r.Get("canary"); err == nil && hasMembers(canary) {
		if err := spec.CheckCanaryName(ComponentName(stack, name)); err != nil {
			r.Problems.Add(r.Path("canary"), "the canary's %w", err)
		}
	}

	s := Service{
		Name:          name,
		Port:          r.Integer("port", spec.DefaultPort, 1, 65_535),
		CPU:           r.Integer("cpu", spec.DefaultCPU, 1, 1<<20),
		Memory:        r.Integer("memory", spec.DefaultMemory, 1, 1<<20),
		Architecture:  r.Text("architecture", spec.DefaultArchitecture, checkArchitecture),
		InstanceCount: r.Integer("instanceCount", spec.DefaultInstanceCount, 0, spec.MaxInstances),
		Scaling:       r.readScaling(),
		Capacity:      r.readCapacity(),
		EntryPoint:    r.Texts("entryPoint", checkArgument),
		Command:       r.Texts("command", checkArgument),
		HealthCheck:   r.readHealthCheck(),
		Environment:   r.readEnvironment(),
		Secrets:       r.readSecrets(),
		Registry:      r.readRegistry(),
		Before:        r.readBefore(),
		Canary:        r.readCanary(),
		Smoke:         r.readSmoke(),
	}
	if s.Scaling != nil {
		s.InstanceCount = s.Scaling.Min
	}
	s.Deployment, s.Drain = r.readDeployment(s)
	r.RequiredText("image", "a container image's reference with its digest", func(reference string) (err error) {
		s.Image, err = spec.ParseImage(reference)
		return err
	})
	s.Hostnames = r.readHostnames()
	s.Paths = r.readPaths()
	r.readBuild()

	if err := spec.CheckFargateCPU(s.CPU); err != nil {
		r.Problems.Add(r.Path("cpu"), "%w", err)
	} else if err := spec.CheckFargateMemory(s.CPU, s.Memory); err != nil {
		r.Problems.Add(r.Path("memory"), "%w", err)
	}
	for _, variable := range slices.Sorted(maps.Keys(s.Secrets)) {
		if _, both := s.Environment[variable]; both {
			r.Problems.Add(r.Path("secrets", variable), "is in env too; a variable has one value")
		}
	}
	for _, image := range s.Images() {
		if _, isECR := image.ECR(); isECR && s.Registry != nil {
			r.Problems.Add(r.Path("registry"), "registry and an image in Amazon ECR exclude each other: ECS logs in to ECR by the execution role")
			break
		}
	}
	r.checkSize(s)
	return s
}

func checkArchitecture(architecture string) error {
	if architecture != "amd64" && architecture != "arm64" {
		return errors.New("must be amd64 or arm64")
	}
	return nil
}

// readHostnames returns the host names.
func (r serviceReader) readHostnames() []string {
	names := r.Set("hostnames", func(name string) error {
		if r.domain == "" {
			return nil // missing or wrong, which is reported
		}
		return spec.CheckHostname(name, r.domain)
	})
	value, _ := r.Get("hostnames")
	if list, isList := value.([]any); value == nil || isList && len(list) == 0 {
		r.Missing("hostnames", "it is a list of the names in the zone at which the service is reached. "+
			"A service that nobody reaches, a worker, is not supported yet")
	}
	return names
}

// readPaths returns the path patterns, by default every path.
func (r serviceReader) readPaths() []string {
	paths := r.Set("paths", spec.CheckPath)
	if len(paths) == 0 {
		return []string{spec.EveryPath}
	}
	return paths
}

func (r serviceReader) readCapacity() spec.Capacity {
	o := r.Section("capacity")
	defer o.Close()
	share := func(member string) spec.Share {
		o := o.Section(member)
		defer o.Close()
		return spec.Share{
			Base:   o.Integer("base", 0, 0, spec.MaxCapacityBase),
			Weight: o.Integer("weight", 0, 0, spec.MaxCapacityWeight),
		}
	}
	capacity := spec.Capacity{Fargate: share("fargate"), FargateSpot: share("fargateSpot")}
	if o.Len() == 0 {
		return spec.DefaultCapacity
	}
	if err := capacity.Check(); err != nil {
		r.Problems.Add(o.Key, "%w", err)
	}
	return capacity
}

func (r serviceReader) readHealthCheck() spec.HealthCheck {
	o := r.Section("healthCheck")
	defer o.Close()
	usual := spec.DefaultHealthCheck
	check := spec.HealthCheck{
		Path:               o.Text("path", usual.Path, spec.CheckHealthPath),
		Codes:              o.Text("codes", usual.Codes, spec.CheckHealthCodes),
		Interval:           o.Integer("interval", usual.Interval, spec.MinHealthInterval, spec.MaxHealthInterval),
		Timeout:            o.Integer("timeout", usual.Timeout, spec.MinHealthTimeout, spec.MaxHealthTimeout),
		HealthyThreshold:   o.Integer("healthyThreshold", usual.HealthyThreshold, spec.MinHealthThreshold, spec.MaxHealthThreshold),
		UnhealthyThreshold: o.Integer("unhealthyThreshold", usual.UnhealthyThreshold, spec.MinHealthThreshold, spec.MaxHealthThreshold),
		GracePeriod:        o.Integer("gracePeriod", usual.GracePeriod, 0, spec.MaxGracePeriod),
	}
	if err := check.CheckTimeout(); err != nil {
		o.Problems.Add(o.Path("timeout"), "%w", err)
	}
	if err := check.CheckHang(); err != nil {
		o.Problems.Add(o.Key, "%w", err)
	}
	if check.GracePeriod == 0 {
		check.GracePeriod = spec.NoGracePeriod
	}
	return check
}

// checkArgument reports what no process can be started with.
func checkArgument(argument string) error {
	if strings.ContainsRune(argument, 0) {
		return errors.New("contains a NUL character")
	}
	return nil
}

// credentialVariables are what must not be in a task definition in plain text (control ECS.8 of AWS's Foundational Security
// Best Practices).
var credentialVariables = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ECS_ENGINE_AUTH_DATA"}

func (r serviceReader) readEnvironment() map[string]string {
	environment := r.Scalars("env")
	for name, value := range environment {
		if r.checkVariable("env", name, value) && slices.Contains(credentialVariables, name) {
			r.Problems.Add(r.Path("env", name), "is a credential; give it under secrets, or have the task role in its place")
		}
	}
	return environment
}

func (r serviceReader) readSecrets() map[string]Secret {
	values := r.Scalars("secrets")
	secrets := make(map[string]Secret, len(values))
	for name, value := range values {
		secrets[name] = newSecret(value)
		if !r.checkVariable("secrets", name, value) {
			continue
		}
		checkEncrypted(r.Section("secrets"), name)
		if value == "" {
			r.Problems.Add(r.Path("secrets", name), "is empty")
		}
	}
	if size := jsonSize(values); size > maxSecret {
		r.Problems.Add(r.Path("secrets"), "have %d bytes together, as JSON; AWS Secrets Manager takes %d", size, maxSecret)
	}
	return secrets
}

// checkVariable reports what is wrong with an environment variable, and returns whether nothing is. Its value is not shown.
func (r serviceReader) checkVariable(member, name, value string) bool {
	at := r.Path(member, name)
	switch {
	case !variablePattern.MatchString(name):
		r.Problems.Add(at, "a variable's name is letters, digits, underscores, dots and hyphens, beginning with a letter or an underscore")
	case spec.ReservedVariables[name] != "":
		r.Problems.Add(at, "is set from %s; change that instead", spec.ReservedVariables[name])
	case strings.ContainsRune(value, 0):
		r.Problems.Add(at, "contains a NUL character")
	default:
		return true
	}
	return false
}

// checkSize reports a service whose task definition would be too big. It counts what the config decides the size of, as the
// program writes it, and gives the rest its room.
func (r serviceReader) checkSize(s Service) {
	type variable struct{ Name, Value string }
	variables := make([]variable, 0, len(s.Environment))
	for name, value := range s.Environment {
		variables = append(variables, variable{name, value})
	}
	size := otherDefinition + jsonSize(variables) + jsonSize(s.Command) + jsonSize(s.EntryPoint)
	for name := range s.Secrets {
		size += secretReference + 2*len(name)
	}
	if s.Before != nil { // has the same variables
		size = 2*size + jsonSize(s.Before.Command)
	}
	if size > maxTaskDefinition {
		r.Problems.Add(r.Key, "env, secrets, command and entryPoint make a task definition of about %d bytes; ECS takes %d", size, maxTaskDefinition)
	}
}

// jsonSize returns how many bytes strings have as JSON.
func jsonSize(strings any) int {
	text, _ := json.Marshal(strings) // strings always have a form
	return len(text)
}

// checkEncrypted reports a secret that is in the config in plain text. Of one that is not in the stack's file, but in an
// environment of Pulumi ESC, Pulumi tells the program only whether there are secrets somewhere among the services.
func checkEncrypted(o *settings.Object, member string) {
	if o.IsPlain(member) {
		o.Problems.Add(o.Path(member), "is in plain text; run `pulumi config set --secret --path '%s'`", o.Path(member))
	}
}

func (r serviceReader) readRegistry() *Registry {
	o := r.Section("registry")
	defer o.Close()
	if o.Len() == 0 {
		return nil
	}
	registry := &Registry{Username: o.RequiredText("username", "the user that pulls the image", checkCredential), Password: newSecret("")}
	// Not by RequiredText, which shows what is wrong with a value.
	switch password, found := o.Get("password"); password := password.(type) {
	case string:
		if err := checkCredential(password); err != nil {
			o.Problems.Add(o.Path("password"), "%w", err)
		}
		registry.Password = newSecret(password)
		checkEncrypted(o, "password")
	default:
		if found {
			o.WrongType("password", password, "a string")
			break
		}
		o.Missing("password", fmt.Sprintf("run `pulumi config set --secret --path '%s'`", o.Path("password")))
	}
	if size := jsonSize(map[string]string{"username": registry.Username, "password": registry.Password.reveal()}); size > maxSecret {
		o.Problems.Add(o.Key, "has %d bytes, as JSON; AWS Secrets Manager takes %d", size, maxSecret)
	}
	return registry
}

// checkCredential reports what no registry can be logged in to with. Registries take HTTP's Basic authentication, which has no
// control characters (RFC 7617, section 2).
func checkCredential(text string) error {
	switch {
	case text == "":
		return errors.New("is empty")
	case strings.ContainsFunc(text, unicode.IsControl):
		return errors.New("contains a control character")
	}
	return nil
}

// hasMembers reports whether a value is an object with something in it.
func hasMembers(value any) bool {
	members, _ := value.(map[string]any)
	return len(members) > 0
}

// ComponentName returns the name of a service's component.
func ComponentName(stack, service string) string {
	return fmt.Sprintf("%s-%s", stack, service)
}
