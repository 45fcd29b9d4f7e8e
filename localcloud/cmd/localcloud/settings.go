package main

import (
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

// plainOf returns the patterns of kinds that are stored without a model, from a stack's settings: a list under localcloud:plain.
func plainOf(file string) ([]string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the stack's settings: %w", err)
	}
	var settings struct {
		Config struct {
			Plain []string `yaml:"localcloud:plain"`
		} `yaml:"config"`
	}
	if err := yaml.Unmarshal(raw, &settings); err != nil {
		return nil, fmt.Errorf("read localcloud:plain of %s, a list of patterns such as aws:sns/*: %w", file, err)
	}
	return settings.Config.Plain, nil
}
