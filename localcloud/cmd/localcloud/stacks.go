package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stacksIn returns the local stacks that have resources, by their state.
func stacksIn(state string) ([]string, error) {
	// pulumi/pulumi pkg/backend/diy/store.go: .pulumi/stacks/PROJECT/STACK.json
	files, err := filepath.Glob(filepath.Join(state, ".pulumi", "stacks", "*", "*.json"))
	if err != nil {
		return nil, fmt.Errorf("look for stacks: %w", err)
	}
	var stacks []string
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("look for stacks: %w", err)
		}
		var state struct {
			Checkpoint struct {
				Latest struct {
					Resources []struct {
						Type string `json:"type"`
					} `json:"resources"`
				} `json:"latest"`
			} `json:"checkpoint"`
		}
		if err := json.Unmarshal(raw, &state); err != nil {
			return nil, fmt.Errorf("look for stacks: read %s: %w", f, err)
		}
		for _, r := range state.Checkpoint.Latest.Resources {
			if !strings.HasPrefix(r.Type, "pulumi:") { // the stack itself and its providers are nowhere but in the state
				stacks = append(stacks, strings.TrimSuffix(filepath.Base(f), ".json"))
				break
			}
		}
	}
	slices.Sort(stacks)
	return stacks, nil
}
