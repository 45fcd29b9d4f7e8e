package build

import (
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

// Service is the part of a service's config that concerns its image.
type Service struct {
	Image        string `yaml:"image"`
	Architecture string `yaml:"architecture"`
	Build        *Build `yaml:"build"` // nil for an image that is built elsewhere
}

// UnmarshalYAML refuses unknown keys: a typing error must not change the build.
func (b *Build) UnmarshalYAML(node *yaml.Node) error {
	members := map[string]string{}
	if err := node.Decode(&members); err != nil {
		return err
	}
	b.Context, b.Dockerfile = DefaultContext, DefaultDockerfile
	for key, value := range members {
		if err := CheckPath(value); err != nil {
			return fmt.Errorf("build.%s %q: %w", key, value, err)
		}
		switch key {
		case "context":
			b.Context = value
		case "dockerfile":
			b.Dockerfile = value
		default:
			return fmt.Errorf("build.%s: unknown key; known here are context, dockerfile", key)
		}
	}
	return nil
}

// Services reads the services of a stack's configuration file, by name.
func Services(file string) (map[string]Service, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var stack struct {
		Config struct {
			Services map[string]Service `yaml:"slipway:services"`
		} `yaml:"config"`
	}
	if err := yaml.Unmarshal(text, &stack); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return stack.Config.Services, nil
}
