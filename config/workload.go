package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"slipway/internal/settings"
	"slipway/spec"
)

// AWS's bounds for a workload.
const (
	// maxSecret is the largest value of a secret in bytes ("AWS Secrets Manager quotas").
	maxSecret = 65_536
)

// readWorkload returns what services and jobs have alike.
func readWorkload(r *settings.Object, logRetention int) spec.Workload {
	return spec.Workload{
		EntryPoint:   r.Texts("entryPoint", spec.CheckArgument),
		Command:      r.Texts("command", spec.CheckArgument),
		Environment:  r.Scalars("env"),
		SecretsFrom:  readSecretsFrom(r),
		Policies:     r.Set("policies", spec.CheckManagedPolicy),
		Allow:        readAllow(r),
		Reaches:      readReaches(r),
		Room:         readRoom(r),
		LogRetention: logRetention,
	}
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
func readAllow(r *settings.Object) []spec.Permission {
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

// readRoom returns where the containers can write.
func readRoom(r *settings.Object) spec.Room {
	room := spec.Room{
		Tmp:     readTmp(r),
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
