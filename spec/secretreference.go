package spec

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// SecretReference says where ECS finds the value of a variable when it starts a task, as valueFrom does (Secret in the ECS API
// reference): the ARN of a secret in AWS Secrets Manager or of a parameter in Systems Manager. A secret's ARN may go on with
// :key:stage:version, the key of a JSON object and the version's staging label or id; each part may be empty.
type SecretReference string

var (
	// secretPattern matches a secret's reference. ECS wants all three further parts or none ("Pass Secrets Manager secrets through Amazon
	// ECS environment variables"). A name has up to 512 characters (CreateSecret in the Secrets Manager API reference), among them "!" in
	// secrets that AWS services manage, and six random ones follow in the ARN.
	secretPattern = regexp.MustCompile(
		`^(arn:aws(?:-[a-z]+)*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]{1,512}-[A-Za-z0-9]{6})(?::([^:\pC]*):([^:\pC]*):([^:\pC]*))?$`)
	// parameterPattern matches a parameter's ARN, in which the name's first slash is not repeated ("Requirements and constraints for
	// parameter names" in the Systems Manager user guide).
	parameterPattern = regexp.MustCompile(`^arn:aws(-[a-z]+)*:ssm:[a-z0-9-]+:[0-9]{12}:parameter(/[A-Za-z0-9_.-]+)+$`)
)

// Bounds of a [SecretReference].
const (
	maxParameterARN = 1011 // "Requirements and constraints for parameter names"
	maxSecretPart   = 256  // UpdateSecretVersionStage in the Secrets Manager API reference, VersionStage
)

// Check reports what ECS could not read, or a role could not be allowed to.
func (r SecretReference) Check() error {
	if r.IsParameter() {
		if len(r) > maxParameterARN || !parameterPattern.MatchString(string(r)) {
			return errors.New("must be a parameter's whole ARN, such as arn:aws:ssm:eu-central-1:123456789012:parameter/app/flag")
		}
		return nil
	}
	parts := secretPattern.FindStringSubmatch(string(r))
	switch {
	case parts == nil:
		return errors.New("must be the ARN of a parameter, arn:aws:ssm:…:parameter/app/flag, or the whole ARN of a secret with its six random " +
			"characters, arn:aws:secretsmanager:…:secret:db-AbCdEf, or that with :key:stage:version, such as :url:: for a key alone")
	case slices.ContainsFunc(parts[2:], func(part string) bool { return len(part) > maxSecretPart }):
		return fmt.Errorf("has a key, stage or version of more than %d characters", maxSecretPart)
	case parts[3] != "" && parts[4] != "":
		return errors.New("has a stage and a version, which exclude each other")
	}
	return nil
}

// IsParameter reports whether the value is in a parameter of Systems Manager rather than in a secret.
func (r SecretReference) IsParameter() bool {
	const serviceField = 2 // of arn:partition:service:region:account:resource
	fields := strings.Split(string(r), ":")
	return len(fields) > serviceField && fields[serviceField] == "ssm"
}

// ARN returns the ARN of the secret or the parameter itself, which a role is allowed to read.
func (r SecretReference) ARN() string {
	if parts := secretPattern.FindStringSubmatch(string(r)); parts != nil {
		return parts[1]
	}
	return string(r)
}

// SecretSources returns the references of all containers to different secrets and parameters, one for each, sorted.
func (w Workload) SecretSources() []SecretReference {
	all := []map[string]SecretReference{w.SecretsFrom}
	for _, s := range w.Sidecars {
		all = append(all, s.SecretsFrom)
	}
	return secretSources(all...)
}

func secretSources(all ...map[string]SecretReference) []SecretReference {
	var sources []SecretReference
	for _, from := range all {
		for _, reference := range from {
			sources = append(sources, SecretReference(reference.ARN()))
		}
	}
	slices.Sort(sources)
	return slices.Compact(sources)
}

// Bounds of the policies that let a role read secrets.
const (
	// maxRolePolicies is how many characters a role's own policies may have together ("IAM and AWS STS quotas").
	maxRolePolicies = 10_240
	// otherRolePolicies is an upper bound for those that a service's execution role has without secretsFrom.
	otherRolePolicies = 2_500
	// readPolicy is an upper bound for a policy that lets a role read one secret, without its ARN.
	readPolicy = 160
	// pullPolicy is an upper bound for a policy that lets a role pull the images of a sidecar's repository.
	pullPolicy = 600
)

// secretsFromProblems reports more sources than a role can be allowed to read.
func (w Workload) secretsFromProblems() Problems {
	var found Problems
	size := otherRolePolicies
	for _, source := range w.SecretSources() {
		size += readPolicy + len(source)
	}
	for _, s := range w.Sidecars {
		if _, isECR := s.Image.ECR(); isECR {
			size += pullPolicy
		}
	}
	if size > maxRolePolicies {
		found.Add(fmt.Errorf("names %d secrets and parameters, more than a role's policies of %d characters can allow; keep several values as the keys of one secret",
			len(w.SecretSources()), maxRolePolicies), "secretsFrom")
	}
	return found
}
