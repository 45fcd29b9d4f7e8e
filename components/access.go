package components

import (
	"errors"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// Access is what tasks get, and the limit of what their roles may do.
type Access struct {
	// Environment adds variables to the workload's. Their values may be known only later, such as another resource's ARN.
	Environment pulumi.StringMap
	// Secrets are variables whose values reach the tasks through AWS Secrets Manager.
	Secrets pulumi.StringMap
	// SidecarSecrets are those of the sidecars, by sidecar and variable.
	SidecarSecrets map[string]pulumi.StringMap
	// Registry logs in to a private registry other than Amazon ECR; nil is none.
	Registry *RegistryCredentials
	// Boundary is the ARN of the managed policy that limits what the roles may do; nil is none.
	Boundary pulumi.StringPtrInput
}

// RegistryCredentials log in to a private registry.
type RegistryCredentials struct {
	Username string
	Password pulumi.StringInput // kept secret
}

// problems reports contradictions, also with the workload.
func (a Access) problems(s spec.Service) spec.Problems {
	return a.problemsOf(s.Workload, s.OwnImages(), s.CallPort() == 0)
}

// problemsOf reports contradictions, also with a workload that runs the images. A worker that nobody calls has fewer variables from its settings.
func (a Access) problemsOf(s spec.Workload, images []spec.Image, worker bool) spec.Problems {
	var found spec.Problems
	s.Environment = maps.Clone(s.Environment)
	if s.Environment == nil {
		s.Environment = make(map[string]string, len(a.Environment))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Environment)) {
		err := errors.Join(spec.CheckVariable(name, ""), spec.CheckReserved(name, worker))
		_, inEnvironment := s.Environment[name]
		_, inSecrets := s.SecretsFrom[name]
		if err == nil && (inEnvironment || inSecrets) {
			err = errors.New("is given twice")
		}
		found.Add(err, "env", name)
		s.Environment[name] = ""
	}
	secrets := slices.Collect(maps.Keys(a.Secrets))
	found.Include(s.CheckSecrets(secrets, worker))
	found.Include(s.CheckSidecarSecrets(a.sidecarVariables()))
	found.Add(s.CheckDefinition(slices.Collect(maps.Keys(a.allSecrets()))))
	if arn, known := a.Boundary.(pulumi.String); known {
		found.AddValue(string(arn), spec.CheckBoundary(string(arn)), "permissionsBoundary")
	}
	if a.Registry == nil {
		return found
	}
	if a.Registry.Username == "" || a.Registry.Password == nil {
		found.Add(errors.New("needs a user name and a password"), "registry")
	}
	found.Add(spec.CheckRegistry(images), "registry")
	return found
}

// allSecrets returns the secrets of all containers; those of sidecars are named by [spec.SidecarSecret].
func (a Access) allSecrets() pulumi.StringMap {
	all := make(pulumi.StringMap, len(a.Secrets))
	maps.Copy(all, a.Secrets)
	for sidecar, secrets := range a.SidecarSecrets {
		for name, value := range secrets {
			all[spec.SidecarSecret(sidecar, name)] = value
		}
	}
	return all
}

// sidecarVariables returns the names of the sidecars' secrets.
func (a Access) sidecarVariables() map[string][]string {
	names := make(map[string][]string, len(a.SidecarSecrets))
	for sidecar, secrets := range a.SidecarSecrets {
		names[sidecar] = slices.Collect(maps.Keys(secrets))
	}
	return names
}
