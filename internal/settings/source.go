// Package settings reads a Pulumi program's config as a whole and strictly: it reports everything that is wrong at once, by key, and
// shows no secret.
package settings

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Source is the config that the engine passes to the program.
type Source struct {
	Project, Stack string
	Values         map[string]string // by full key ("slipway:domain"); objects as JSON, secrets decrypted
	SecretKeys     []string          // full keys whose values contain secrets
	File           *File             // the stack's file; nil: it is not known
}

// Capture is a [pulumi.RunOption] that takes the config from the engine. A [pulumi.Context] returns a value for its key, but does not
// list the keys, and an unknown key must be reported.
func (s *Source) Capture(info *pulumi.RunInfo) {
	*s = Source{Project: info.Project, Stack: info.Stack, Values: info.Config, SecretKeys: info.ConfigSecretKeys, File: readFile(info.Stack)}
}

// Root returns the project's own part of the config, without the providers'. It refuses encrypted values outside the paths
// ("services.*.secrets") whose values the program keeps secret.
func (s Source) Root(found *Problems, keptSecret ...string) *Object {
	namespace := s.Project + ":"
	encrypted := newEncryption(found, s.File, keptSecret)
	values := make(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(s.Values)) {
		name, own := strings.CutPrefix(key, namespace)
		if !own {
			continue
		}
		value, err := parseValue(s.Values[key])
		if err != nil {
			found.Add(key, "%w", err)
			continue
		}
		if value == "" {
			value = nil // the default of an optional key
		}
		values[name] = value
		if slices.Contains(s.SecretKeys, key) {
			encrypted.check(namespace, name, value)
		}
	}
	root := newObject(namespace, values, found)
	root.secretKeys, root.file = s.SecretKeys, s.File
	return root
}

// parseValue parses the value of a config key: Pulumi passes objects and lists as JSON and everything else as text.
func parseValue(text string) (any, error) {
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return text, nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber() // numbers in an environment keep their digits
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, errors.New("is not valid JSON") // the decoder's error would quote the value
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("is not valid JSON: something follows the value")
	}
	return value, nil
}
