// Package spec is the form of schema.json, shared by the generator that writes it and package schema that reads it.
package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// File is the whole description.
type File struct {
	SDKs      map[string]string     `json:"sdks"`      // version by Pulumi package name: "aws": "6.83.2"
	Resources map[string]Resource   `json:"resources"` // by token
	Functions map[string]Function   `json:"functions"` // by token
	Types     map[string]Properties `json:"types"`     // object types by Go name: "ecs.ServiceLoadBalancer"
}

// Resource describes a resource.
type Resource struct {
	Inputs        Properties        `json:"inputs"`
	Outputs       Properties        `json:"outputs"`
	Defaults      map[string]string `json:"defaults,omitempty"` // values of inputs that the program leaves out
	SecretInputs  []string          `json:"secretInputs,omitempty"`
	SecretOutputs []string          `json:"secretOutputs,omitempty"`
}

// Function describes a function that a program can invoke.
type Function struct {
	Args   Properties `json:"args"`
	Result Properties `json:"result"`
}

// Properties maps a property's Pulumi name to its type, which reads much as in Go: string, integer, number, boolean, any,
// []T, map[string]T, or the name of an object type. A trailing "!" marks a required input or an output that is always there.
type Properties map[string]string

// Encode writes the file as JSON with one line an entry, in order, so that a change of the SDK shows as a small diff.
func (f *File) Encode() ([]byte, error) {
	var b bytes.Buffer
	if err := errors.Join(
		section(&b, '{', "sdks", f.SDKs),
		section(&b, ',', "resources", f.Resources),
		section(&b, ',', "functions", f.Functions),
		section(&b, ',', "types", f.Types),
	); err != nil {
		return nil, err
	}
	b.WriteString("\n}\n")
	return b.Bytes(), nil
}

func section[V any](b *bytes.Buffer, before byte, name string, entries map[string]V) error {
	fmt.Fprintf(b, "%c\n%q: {", before, name)
	separator := "\n"
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		value, err := json.Marshal(entries[key])
		if err != nil {
			return fmt.Errorf("encode %s: %w", key, err)
		}
		fmt.Fprintf(b, "%s%q: %s", separator, key, value)
		separator = ",\n"
	}
	b.WriteString("\n}")
	return nil
}
