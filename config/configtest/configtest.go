// Package configtest makes configs for tests, in the form of the engine and in that of the stack's file.
package configtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"slipway/internal/settings"
)

// Image is a valid reference.
const Image = "ghcr.io/hello@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Source returns the config of a stack "dev" in the engine's form: services as JSON and other keys as text.
func Source(services string, others ...string) settings.Source {
	s := settings.Source{Project: "slipway", Stack: "dev", Values: map[string]string{
		"aws:region":       "eu-central-1",
		"slipway:domain":   "example.com",
		"slipway:services": services,
	}}
	for i := 0; i < len(others); i += 2 {
		s.Values["slipway:"+others[i]] = others[i+1]
	}
	return s
}

// Service returns services with one named hello, which has an image, a host name and more members.
func Service(members string) string {
	if members != "" {
		members = ", " + members
	}
	return `{"hello": {"image": "` + Image + `", "hostnames": ["hello.example.com"]` + members + `}}`
}

// Encrypted returns the config with the secrets and registry passwords of services and jobs encrypted in the stack's file.
func Encrypted(s settings.Source) settings.Source {
	for _, key := range []string{"slipway:services", "slipway:jobs"} {
		if strings.Contains(s.Values[key], `"secrets"`) || strings.Contains(s.Values[key], `"registry"`) || key == "slipway:services" {
			s.SecretKeys = append(s.SecretKeys, key)
		}
	}
	s.File = fileOf(s, func(path []string) bool {
		return len(path) > 3 && (path[0] == "services" || path[0] == "jobs") && (path[2] == "secrets" || path[2] == "registry" && path[3] == "password") ||
			len(path) > 5 && path[2] == "sidecars" && path[4] == "secrets"
	})
	return s
}

// EncryptedAt returns the config with the texts at paths encrypted in the stack's file.
func EncryptedAt(s settings.Source, paths ...string) settings.Source {
	s.SecretKeys = []string{"slipway:services"}
	s.File = fileOf(s, func(path []string) bool { return slices.Contains(paths, strings.Join(path, ".")) })
	return s
}

// fileOf returns a stack's file with the secret texts encrypted.
func fileOf(s settings.Source, secret func(path []string) bool) *settings.File {
	config := &yaml.Node{Kind: yaml.MappingNode}
	for key, text := range s.Values {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil || !strings.ContainsAny(text[:1], "[{") {
			value = text
		}
		_, name, _ := strings.Cut(key, ":")
		config.Content = append(config.Content, textNode(key), nodeOf([]string{name}, value, secret))
	}
	return settings.NewFile("Pulumi."+s.Stack+".yaml", config)
}

func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// nodeOf returns a value as YAML.
func nodeOf(path []string, value any, secret func(path []string) bool) *yaml.Node {
	switch value := value.(type) {
	case map[string]any:
		node := &yaml.Node{Kind: yaml.MappingNode}
		for name, member := range value {
			node.Content = append(node.Content, textNode(name), nodeOf(append(slices.Clone(path), name), member, secret))
		}
		return node
	case []any:
		node := &yaml.Node{Kind: yaml.SequenceNode}
		for i, element := range value {
			node.Content = append(node.Content, nodeOf(append(slices.Clone(path), fmt.Sprint(i)), element, secret))
		}
		return node
	case string:
		if secret(path) {
			return &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{textNode("secure"), textNode("v1:ciphertext")}}
		}
		return textNode(value)
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: value.String()}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(value)}
}
