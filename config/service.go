package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"slipway/internal/settings"
	"slipway/spec"
)

// AWS's bounds for a service.
const (
	// maxSecret is the largest value of a secret in bytes ("AWS Secrets Manager quotas").
	maxSecret = 65_536
)

// serviceReader reads one service of the config.
type serviceReader struct {
	*settings.Object
	domain       string
	logRetention int
}

func (r serviceReader) read(stack, name string) Service {
	defer r.Close()

	s := Service{
		Service: spec.Service{
			Name: name,
			Workload: spec.Workload{
				EntryPoint: r.Texts("entryPoint", spec.CheckArgument),
				Command:    r.Texts("command", spec.CheckArgument),
				Size: spec.Size{
					CPU:          r.Integer("cpu", spec.DefaultCPU, 1, 1<<20),
					Memory:       r.Integer("memory", spec.DefaultMemory, 1, 1<<20),
					Architecture: r.Text("architecture", spec.DefaultArchitecture, spec.CheckArchitecture),
				},
				Environment:  r.Scalars("env"),
				SecretsFrom:  readSecretsFrom(r.Object),
				Policies:     r.Set("policies", spec.CheckManagedPolicy),
				Allow:        r.readAllow(),
				Reaches:      readReaches(r.Object),
				Watch:        r.readWatch(),
				Room:         r.readRoom(),
				Exec:         spec.Exec{Enabled: r.Boolean("exec", false), InProduction: r.Boolean("execInProduction", false)},
				LogRetention: r.logRetention,
			},
			Count:    r.readCount(),
			Scaling:  r.readScaling(),
			Capacity: r.readCapacity(),
		},
		Secrets:  readSecrets(r.Object, r.isWorker()),
		Registry: readRegistry(r.Object),
	}
	s.Sidecars, s.SidecarSecrets = readSidecars(r.Object)
	s.Before, s.Gate = r.readBefore()
	s.Deployment, s.Drain = r.readDeployment()
	r.RequiredText("image", "a container image's reference with its digest", func(reference string) (err error) {
		s.Image, err = spec.ParseImage(reference)
		return err
	})
	r.readRequests(&s)
	readBuild(r.Object)
	r.check(stack, s)
	if s.HTTP != nil && s.HTTP.HealthCheck.GracePeriod == 0 {
		s.HTTP.HealthCheck.GracePeriod = spec.NoGracePeriod
	}
	return s
}

// readRequests reads how the service takes requests, or a worker's health check.
func (r serviceReader) readRequests(s *Service) {
	if r.isWorker() {
		refuse(r.Object, errWorker, "canary", "deregistrationDelay", "paths", "port", "smoke")
		s.ContainerHealthCheck = r.readContainerHealthCheck()
		return
	}
	s.Hostnames, s.Paths, s.Smoke = r.readHostnames(), r.readPaths(), r.readSmoke()
	s.HTTP = &spec.HTTP{
		Port:        r.Integer("port", spec.DefaultPort, 1, spec.MaxPort),
		HealthCheck: r.readHealthCheck(),
		Canary:      r.readCanary(),
	}
}

// isWorker reports whether the service takes no requests: without host names it has no clients. A key without a value is a mistake, and
// does not make a worker of a service.
func (r serviceReader) isWorker() bool { return !r.Given("hostnames") }

// errWorker refuses a setting that a worker has no use for.
var errWorker = fmt.Errorf("%w; this one is a worker, because it has no hostnames", spec.ErrTakesRequests)

// refuse reports the members that are given.
func refuse(o *settings.Object, err error, members ...string) {
	for _, member := range members {
		if o.Has(member) {
			o.Problems.Add(o.Path(member), "%w", err)
		}
	}
}

// check reports the problems that the rules about services find.
func (r serviceReader) check(stack string, s Service) {
	report(r.Object, s.Problems())
	if name := ComponentName(stack, s.Name); spec.CheckServiceName(s.Name) == nil && spec.CheckName(stack) == nil {
		if err := spec.CheckName(name); err != nil {
			r.Problems.Add(r.Key, "%w", err)
		} else if err := spec.CheckCanaryName(name); s.Canary() != nil && err != nil {
			r.Problems.Add(r.Path("canary"), "the canary's %w", err)
		}
	}
	if err := s.Exec.Check(stack); err != nil {
		key := "exec"
		if !s.Exec.Enabled {
			key = "execInProduction"
		}
		r.Problems.Add(r.Path(key), "%w", err)
	}
	secrets := slices.Collect(maps.Keys(s.Secrets))
	report(r.Object, s.CheckSecretVariables(secrets))
	sidecars := r.checkSidecarSecrets(s)
	if err := s.CheckDefinition(append(secrets, sidecars...)); err != nil {
		r.Problems.Add(r.Key, "%w", err)
	}
	if err := spec.CheckRegistry(s.OwnImages()); err != nil && s.Registry != nil {
		r.Problems.Add(r.Path("registry"), "%w", err)
	}
}

// readCount returns how many tasks run, or nil if that is not given.
func (r serviceReader) readCount() *int {
	count := r.Integer("instanceCount", spec.DefaultCount, 0, spec.MaxInstances)
	if !r.Has("instanceCount") {
		return nil
	}
	return &count
}

// readHostnames returns the host names; a worker has none.
func (r serviceReader) readHostnames() []string {
	names := r.Set("hostnames", func(name string) error {
		if r.domain == "" {
			return nil // missing or wrong, and reported
		}
		return spec.CheckHostname(name, r.domain)
	})
	value, _ := r.Get("hostnames")
	if list, isList := value.([]any); value == nil || isList && len(list) == 0 {
		r.Problems.Add(r.Path("hostnames"), "is empty; list the names in the zone at which the service is reached, or leave it out for a worker")
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
	return capacity
}

// readHealthCheck returns what the load balancer asks.
func (r serviceReader) readHealthCheck() spec.HealthCheck {
	o := r.Section("healthCheck")
	defer o.Close()
	refuse(o, spec.ErrTakesNoRequests, "command", "retries", "startPeriod")
	usual := spec.DefaultHealthCheck
	return spec.HealthCheck{
		Path:               o.Text("path", usual.Path, spec.CheckHealthPath),
		Codes:              o.Text("codes", usual.Codes, spec.CheckHealthCodes),
		Interval:           o.Integer("interval", usual.Interval, spec.MinHealthInterval, spec.MaxHealthInterval),
		Timeout:            o.Integer("timeout", usual.Timeout, spec.MinHealthTimeout, spec.MaxHealthTimeout),
		HealthyThreshold:   o.Integer("healthyThreshold", usual.HealthyThreshold, spec.MinHealthThreshold, spec.MaxHealthThreshold),
		UnhealthyThreshold: o.Integer("unhealthyThreshold", usual.UnhealthyThreshold, spec.MinHealthThreshold, spec.MaxHealthThreshold),
		GracePeriod:        o.Integer("gracePeriod", usual.GracePeriod, 0, spec.MaxGracePeriod),
	}
}

// readContainerHealthCheck returns what ECS runs in a worker's container, or nil if that is nothing.
func (r serviceReader) readContainerHealthCheck() *spec.ContainerHealthCheck {
	o := r.Section("healthCheck")
	refuse(o, errWorker, "codes", "gracePeriod", "healthyThreshold", "path", "unhealthyThreshold")
	return readCommandCheck(o)
}

// readCommandCheck returns what ECS runs in a container, or nil if that is nothing.
func readCommandCheck(o *settings.Object) *spec.ContainerHealthCheck {
	defer o.Close()
	check := &spec.ContainerHealthCheck{
		Command:     o.Texts("command", spec.CheckArgument),
		Interval:    o.Integer("interval", spec.DefaultContainerInterval, spec.MinContainerInterval, spec.MaxContainerInterval),
		Timeout:     o.Integer("timeout", spec.DefaultContainerTimeout, spec.MinContainerTimeout, spec.MaxContainerTimeout),
		Retries:     o.Integer("retries", spec.DefaultContainerRetries, 1, spec.MaxContainerRetries),
		StartPeriod: o.Integer("startPeriod", 0, 0, spec.MaxStartPeriod),
	}
	if o.Len() == 0 {
		return nil
	}
	if len(check.Command) == 0 && !o.Problems.Within(o.Key) {
		o.Missing("command", "it is a list: the program in the image that exits with 0 if the task works, and its arguments")
	}
	return check
}

// readSecrets returns the secret variables of a service or a job; a job has a worker's variables.
func readSecrets(r *settings.Object, worker bool) map[string]Secret {
	return readSecretVariables(r, func(name string) error { return spec.CheckReserved(name, worker) })
}

// readSecretVariables returns the secret variables of a container. A check says which names it gets from its settings.
func readSecretVariables(r *settings.Object, reserved func(name string) error) map[string]Secret {
	values := r.Scalars("secrets")
	secrets := make(map[string]Secret, len(values))
	for name, value := range values {
		secrets[name] = newSecret(value)
		if err := errors.Join(spec.CheckVariable(name, value), reserved(name)); err != nil {
			r.Problems.Add(r.Path("secrets", name), "%w", err)
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

// readSecretsFrom returns where ECS finds the values of other secrets.
func readSecretsFrom(r *settings.Object) map[string]spec.SecretReference {
	texts := r.Scalars("secretsFrom")
	references := make(map[string]spec.SecretReference, len(texts))
	for name, text := range texts {
		references[name] = spec.SecretReference(text)
	}
	return references
}

// readAllow returns what the tasks may do.
func (r serviceReader) readAllow() []spec.Permission {
	var permissions []spec.Permission
	for _, o := range r.Sections("allow") {
		permissions = append(permissions, spec.Permission{
			Actions:   o.RequiredSet("actions", spec.ActionsMeaning, spec.CheckAction),
			Resources: o.RequiredSet("resources", spec.ResourcesMeaning, spec.CheckResource),
		})
		o.Close()
	}
	return permissions
}

// readReaches returns the ports of others' security groups that the tasks reach.
func readReaches(r *settings.Object) []spec.Reach {
	var reaches []spec.Reach
	for _, o := range r.Sections("reaches") {
		reaches = append(reaches, spec.Reach{
			SecurityGroupID: o.RequiredText("securityGroupId", "the id of the security group to open, such as a database's", spec.CheckSecurityGroup),
			Port:            o.RequiredInteger("port", "the TCP port to open", 1, spec.MaxPort),
		})
		o.Close()
	}
	return reaches
}

// readWatch returns which parameters the service re-reads, and how often.
func (r serviceReader) readWatch() map[string]int {
	o := r.Section("watch")
	defer o.Close()
	watch := make(map[string]int, o.Len())
	for _, path := range o.Members() {
		watch[path] = o.RequiredInteger(path, "a number of seconds", spec.MinWatchInterval, spec.MaxWatchInterval)
	}
	return watch
}

// readRoom returns where the containers can write.
func (r serviceReader) readRoom() spec.Room {
	room := spec.Room{
		Tmp:     readTmp(r.Object),
		Volumes: make(map[string]spec.Volume),
		Storage: r.Integer("storage", 0, spec.MinStorage, spec.MaxStorage),
	}
	volumes := r.Section("volumes")
	for _, at := range volumes.Members() {
		o := volumes.Section(at)
		room.Volumes[at] = spec.Volume{
			FileSystemID:  o.RequiredText("fileSystemId", "the id of a file system of Amazon EFS", spec.CheckFileSystem),
			AccessPointID: o.RequiredText("accessPointId", "the id of one of its access points", spec.CheckAccessPoint),
		}
		o.Close()
	}
	volumes.Close()
	limits := r.Section("ulimits")
	room.OpenFiles = limits.Integer("nofile", 0, 1, spec.MaxOpenFiles)
	limits.Close()
	return room
}

// readTmp returns where a container can write to memory.
func readTmp(o *settings.Object) map[string]int {
	section := o.Section("tmp")
	defer section.Close()
	tmp := make(map[string]int, section.Len())
	for _, at := range section.Members() {
		tmp[at] = section.RequiredInteger(at, "its size in MiB", 1, spec.MaxFargateMemory)
	}
	return tmp
}

// jsonSize returns how many bytes strings have as JSON.
func jsonSize(strings any) int {
	text, _ := json.Marshal(strings) // never fails for strings
	return len(text)
}

// checkEncrypted reports a secret that is in the config in plain text. If the secret comes from an environment of Pulumi ESC and not
// from the stack's file, Pulumi tells the program only whether the services have any secret.
func checkEncrypted(o *settings.Object, member string) {
	if o.IsPlain(member) {
		o.Problems.Add(o.Path(member), "is in plain text; run `pulumi config set --secret --path '%s'`", o.Path(member))
	}
}

// readRegistry returns the credentials for the image of a service or a job.
func readRegistry(r *settings.Object) *Registry {
	o := r.Section("registry")
	defer o.Close()
	if o.Len() == 0 {
		return nil
	}
	registry := &Registry{Username: o.RequiredText("username", "the user that pulls the image", checkCredential), Password: newSecret("")}
	// Not RequiredText: it shows a wrong value.
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

// checkCredential reports a credential that no registry takes. Registries use HTTP's Basic authentication, which has no control
// characters (RFC 7617, section 2).
func checkCredential(text string) error {
	switch {
	case text == "":
		return errors.New("is empty")
	case strings.ContainsFunc(text, unicode.IsControl):
		return errors.New("contains a control character")
	}
	return nil
}

// ComponentName returns the name of a service's component.
func ComponentName(stack, service string) string {
	return fmt.Sprintf("%s-%s", stack, service)
}
