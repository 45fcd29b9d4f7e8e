package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/providers"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// trust is what an untrusted state may make the engine do: start the plugins that the program pins, and configure them as the program
// does. Everything else in a state (pkg/resource/deploy/providers/registry.go and pkg/secrets in pulumi/pulumi) is refused, also fields
// of later versions of Pulumi.
type trust struct {
	plugins  []plugin
	settings map[string]setting // by key: "aws:region"
	backend  string             // its URL, if the environment names one
	keys     []string           // URLs of the key services that configuration files name
}

// setting is the value of a provider's setting in the configuration. A secret value is not known.
type setting struct {
	value  any
	secret bool
}

// check returns an error for anything beyond that in the state, or nil.
func (t trust) check(state apitype.DeploymentV3) error {
	problems := []error{t.checkSecrets(state.SecretsProviders)}
	if len(state.Extensions) > 0 || len(state.Snippets) > 0 {
		problems = append(problems, errors.New("it has extensions or snippets, which the program does not make"))
	}
	resources := slices.Clone(state.Resources)
	for _, operation := range state.PendingOperations {
		resources = append(resources, operation.Resource)
	}
	for _, r := range resources {
		if err := t.checkResource(r); err != nil {
			problems = append(problems, fmt.Errorf("resource %s (%s): %w", r.URN.Name(), r.Type, err))
		}
	}
	return errors.Join(problems...)
}

func (t trust) checkResource(r apitype.ResourceV3) error {
	switch {
	case r.Type != r.URN.Type():
		return fmt.Errorf("its URN says that it is a %s", r.URN.Type())
	case providers.IsProviderType(r.Type):
		return t.checkProvider(r)
	case r.ExtensionRef != "" || r.SnippetID != "":
		return errors.New("it comes from an extension or a snippet, which the program does not make")
	case r.Custom && r.Provider == "":
		// The engine makes a provider from the state's manifest (addDefaultProviders in pkg/resource/deploy/deployment.go).
		return errors.New("it does not say which provider it has")
	case r.Custom && (r.URN.Type().Package() == builtin || strings.Contains(r.Provider, "::pulumi:providers:"+builtin+"::")):
		return errors.New("it is the engine's own, which reads other stacks, and the program makes none")
	}
	return nil
}

// builtin is the provider that is part of the engine (pkg/resource/deploy/builtins.go in pulumi/pulumi). The program asks it for the
// stack's own outputs, so every state has it. Its resources read other stacks' states (pulumi:pulumi:StackReference).
const builtin = "pulumi"

// checkProvider checks a provider's plugin and configuration.
func (t trust) checkProvider(r apitype.ResourceV3) error {
	name := string(providers.GetProviderPackage(r.Type))
	if name == builtin {
		return checkBuiltin(r)
	}
	i := slices.IndexFunc(t.plugins, func(p plugin) bool { return p.name == name })
	if i < 0 {
		return fmt.Errorf("go.mod pins no provider %q", name)
	}
	problems := []error{t.plugins[i].serves(r.Inputs["version"])}
	for _, key := range slices.Sorted(maps.Keys(r.Inputs)) {
		switch internal, empty := r.Inputs[key].(map[string]any); {
		case key == "version":
		case key == "__internal" && empty && len(internal) == 0:
		case key == "__internal": // pluginDownloadURL, name, parameterization, envVarMappings, …
			problems = append(problems, fmt.Errorf("it says by itself which plugin it is (__internal: %s)",
				strings.Join(slices.Sorted(maps.Keys(internal)), ", ")))
		case !t.sets(name, key, r.Inputs[key]):
			problems = append(problems, fmt.Errorf("the stack's configuration has another value of %s:%s, or none", name, key))
		}
	}
	return errors.Join(problems...)
}

// checkBuiltin reports settings of the engine's own provider, which has none.
func checkBuiltin(r apitype.ResourceV3) error {
	for key, value := range r.Inputs {
		if internal, isMap := value.(map[string]any); key != "__internal" || !isMap || len(internal) > 0 {
			return errors.New("it is the engine's own provider, and has settings")
		}
	}
	return nil
}

// serves returns an error unless the plugin can run a provider of a version. A state may be older than go.mod's pin: the pinned plugin
// serves that too, if no other is installed. It cannot serve a newer one.
func (p plugin) serves(version any) error {
	text, _ := version.(string)
	wanted, err := semver.Parse(text)
	if err != nil {
		return errors.New("its version of the provider is not a plain one")
	}
	ours, err := semver.Parse(p.version)
	if err != nil {
		return fmt.Errorf("go.mod pins %s, which is not a version: %w", p.version, err)
	}
	if wanted.GT(ours) || len(wanted.Pre) > 0 || len(wanted.Build) > 0 {
		return fmt.Errorf("its version is %s, and go.mod pins %s", wanted, ours)
	}
	return nil
}

// region matches AWS's regions. A provider makes host names from it, and does not check that the region exists.
var region = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)

// harmless are settings that change neither the endpoints nor the identity of a provider. A state may have them although no
// configuration has them now: the providers add them (NewProvider in the Go SDKs of pulumi-aws 6 and pulumi-cloudflare 5), or the
// copied stack had others then. During a change, the region may differ from the configuration's, and it leads to AWS in any case.
var harmless = map[string]func(any) bool{
	"aws:region":                    func(v any) bool { text, ok := v.(string); return ok && region.MatchString(text) },
	"aws:allowedAccountIds":         isAny, // it only prevents calls to other accounts
	"aws:defaultTags":               isAny,
	"aws:forbiddenAccountIds":       isAny,
	"aws:ignoreTags":                isAny,
	"aws:maxRetries":                isCount,
	"aws:skipCredentialsValidation": isSwitch,
	"aws:skipMetadataApiCheck":      isSwitch,
	"aws:skipRegionValidation":      isSwitch,
	"aws:skipRequestingAccountId":   isSwitch,
	"cloudflare:apiClientLogging":   func(v any) bool { return v == false || v == "false" }, // it would log whole requests, with the token
	"cloudflare:maxBackoff":         isCount,
	"cloudflare:minBackoff":         isCount,
	"cloudflare:retries":            isCount,
	"cloudflare:rps":                isCount,
}

// credentials are settings that cannot be compared if they are secret, and need not be: a user with other credentials only acts as
// themselves, and the provider's endpoints stay the same.
var credentials = []string{
	"aws:accessKey", "aws:secretKey", "aws:token", "cloudflare:apiKey", "cloudflare:apiToken", "cloudflare:apiUserServiceKey",
}

func isAny(value any) bool { return !isSecret(value) }

func isSwitch(value any) bool {
	_, is := value.(bool)
	return is || value == "true" || value == "false"
}

func isCount(value any) bool {
	switch v := value.(type) {
	case float64:
		return true
	case string:
		return v != "" && strings.Trim(v, "0123456789") == ""
	}
	return false
}

// sets reports whether the program gives a provider a setting with that value.
func (t trust) sets(provider, key string, value any) bool {
	full := provider + ":" + key
	if is := harmless[full]; is != nil && is(value) {
		return true
	}
	configured, there := t.settings[full]
	switch {
	case !there:
		return false
	case configured.secret || isSecret(value):
		return configured.secret && isSecret(value) && slices.Contains(credentials, full)
	}
	return reflect.DeepEqual(unwrapped(value), unwrapped(configured.value))
}

// isSecret reports whether a value of a state is encrypted.
func isSecret(value any) bool {
	object, _ := value.(map[string]any)
	return object[resource.SigKey] == resource.SecretSig
}

// unwrapped decodes a value from JSON: settings of providers that are not texts are stored as JSON texts.
func unwrapped(value any) any {
	text, ok := value.(string)
	if !ok {
		return value
	}
	var inner any
	if json.Unmarshal([]byte(text), &inner) != nil {
		return value
	}
	return inner
}

// pulumiCloud is the URL of Pulumi Cloud's encryption.
const pulumiCloud = "https://api.pulumi.com"

// checkSecrets checks the service that decrypts the state's secrets. To read any of it, the CLI calls that service, with the user's
// credentials.
func (t trust) checkSecrets(p *apitype.SecretsProvidersV1) error {
	if p == nil {
		return nil
	}
	var state struct {
		URL      string `json:"url"`
		Insecure bool   `json:"insecure"`
	}
	if len(p.State) > 0 {
		if err := json.Unmarshal(p.State, &state); err != nil {
			return fmt.Errorf("it does not say how its secrets are encrypted: %w", err)
		}
	}
	switch {
	case p.Type == "" || p.Type == "passphrase": // no service is called
		return nil
	case p.Type == "service" && !state.Insecure && slices.Contains([]string{pulumiCloud, t.backend}, strings.TrimSuffix(state.URL, "/")):
		return nil
	case p.Type == "cloud" && slices.Contains(t.keys, state.URL):
		return nil
	}
	return fmt.Errorf("its secrets are encrypted by %s %q, which no Pulumi.*.yaml here names", tokens.Name(p.Type), state.URL)
}
