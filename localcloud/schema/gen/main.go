// Command gen writes schema.json, which describes the tokens in tokens.txt by the SDKs that go.mod requires. It runs in the folder of
// package schema: `go generate ./schema`.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"slipway/localcloud/schema/sdk"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	out, err := generate(dir)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "schema.json"), out, 0o644) //nolint:gosec // G306: a source file, which everyone may read
}

func generate(dir string) ([]byte, error) {
	tokens, err := readTokens(filepath.Join(dir, "tokens.txt"))
	if err != nil {
		return nil, err
	}
	sources, err := sdk.Locate(dir)
	if err != nil {
		return nil, err
	}
	file, err := sources.Describe(tokens...)
	if err != nil {
		return nil, err
	}
	return file.Encode()
}

func readTokens(name string) ([]string, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var tokens []string
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			tokens = append(tokens, line)
		}
	}
	return tokens, nil
}
