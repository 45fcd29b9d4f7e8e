package config

import (
	"maps"
	"slices"

	"slipway/internal/settings"
	"slipway/spec"
)

// readSidecars returns the containers that run next to the service's own, and their secrets.
func readSidecars(r *settings.Object) (map[string]spec.Sidecar, map[string]map[string]Secret) {
	section := r.Section("sidecars")
	defer section.Close()
	sidecars := make(map[string]spec.Sidecar, section.Len())
	secrets := make(map[string]map[string]Secret)
	for _, name := range section.Members() {
		o := section.Section(name)
		sidecars[name] = readSidecar(o)
		if own := readSidecarSecrets(o); len(own) > 0 {
			secrets[name] = own
		}
		o.Close()
	}
	return sidecars, secrets
}

func readSidecar(o *settings.Object) spec.Sidecar {
	s := spec.Sidecar{
		EntryPoint:  o.Texts("entryPoint", spec.CheckArgument),
		Command:     o.Texts("command", spec.CheckArgument),
		Environment: o.Scalars("env"),
		SecretsFrom: readSecretsFrom(o),
		User:        o.Text("user", "", spec.CheckContainerUser),
		Optional:    !o.Boolean("essential", true),
		CPU:         o.Integer("cpu", 0, spec.MinSidecarCPU, spec.MaxSidecarCPU),
		Memory:      o.Integer("memory", 0, spec.MinSidecarMemory, spec.MaxSidecarMemory),
		Tmp:         readTmp(o),
		HealthCheck: readCommandCheck(o.Section("healthCheck")),
	}
	o.RequiredText("image", "a container image's reference with its digest", func(reference string) (err error) {
		s.Image, err = spec.ParseImage(reference)
		return err
	})
	return s
}

// readSidecarSecrets returns a sidecar's secret variables. It has none from settings of the service.
func readSidecarSecrets(o *settings.Object) map[string]Secret {
	return readSecretVariables(o, func(string) error { return nil })
}

// checkSidecarSecrets reports the problems of the sidecars' secrets, and returns the secrets' names among those of the service.
func (r serviceReader) checkSidecarSecrets(s Service) []string {
	byname, all := make(map[string][]string, len(s.SidecarSecrets)), make(map[string]string)
	for name, secret := range s.Secrets {
		all[name] = secret.reveal()
	}
	var names []string
	for sidecar, secrets := range s.SidecarSecrets {
		byname[sidecar] = slices.Collect(maps.Keys(secrets))
		for name, secret := range secrets {
			names = append(names, spec.SidecarSecret(sidecar, name))
			all[spec.SidecarSecret(sidecar, name)] = secret.reveal()
		}
	}
	report(r.Object, s.CheckSidecarSecrets(byname))
	if size := jsonSize(all); size > maxSecret && len(names) > 0 {
		r.Problems.Add(r.Path("sidecars"), "have secrets of %d bytes together with the service's, as JSON; AWS Secrets Manager takes %d", size, maxSecret)
	}
	return names
}
