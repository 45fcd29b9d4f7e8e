package components

import (
	"maps"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// sidecars returns the containers that run next to this one, and makes this one wait for them. The credentials of a registry are for the
// images that are there.
func (c *container) sidecars(
	in Placement, w spec.Workload, registry string, secrets map[string]pulumi.StringMap, reference func(key string) string,
) []container {
	var all []container
	for _, name := range w.SidecarNames() {
		s := w.Sidecars[name]
		sidecar := container{
			name:            name,
			image:           in.reference(s.Image),
			essential:       !s.Optional,
			restarts:        s.Optional, // nothing else would bring it back before the next deployment
			cpu:             s.CPU,
			memory:          s.Memory,
			user:            s.RunsAs(),
			entryPoint:      s.EntryPoint,
			command:         s.Command,
			environment:     in.environment(),
			secrets:         make(map[string]string, len(secrets[name])+len(s.SecretsFrom)),
			room:            spec.Room{Tmp: s.Tmp},
			healthCheck:     s.HealthCheck,
			stopTimeout:     c.stopTimeout,
			logGroup:        c.logGroup,
			region:          c.region,
			logStreamPrefix: c.logStreamPrefix,
		}
		maps.Copy(sidecar.environment, s.Environment)
		if s.Image.Registry == registry {
			sidecar.registryCredentials = c.registryCredentials
		}
		for variable := range secrets[name] {
			sidecar.secrets[variable] = reference(spec.SidecarSecret(name, variable))
		}
		for variable, from := range s.SecretsFrom {
			sidecar.secrets[variable] = string(from)
		}
		all = append(all, sidecar)
		condition := "START"
		if s.HealthCheck != nil {
			condition = "HEALTHY"
		}
		c.after = append(c.after, containerDependency{name, condition})
	}
	return all
}
