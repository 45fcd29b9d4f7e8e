// Command pr-config turns a copy of a stack's config into the config of a pull request's environment.
//
//	go run ./ci/pr-config -number 7 [-platform pr-platform] -image hello=REFERENCE… Pulumi.pr-7.yaml
//
// Services run the given images, or those of the copy. Every service has its own host names and one instance, and neither scales nor
// has a canary; the load balancer can be deleted. On a platform, the environment has no network and load balancer of its own.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"slipway/internal/cli"
)

func main() {
	cli.Main("pr-config", func(_ context.Context, args []string) error { return run(args) })
}

func run(args []string) error {
	flags := cli.NewFlags("pr-config", "usage: pr-config -number NUMBER [-platform STACK] [-image SERVICE=REFERENCE]… FILE\n", os.Stderr)
	number := flags.Int("number", 0, "the pull request's `number`")
	platform := flags.String("platform", "", "the `stack` of the platform on which the environments stand")
	images := map[string]string{}
	flags.Func("image", "`service=reference` of an image of the pull request; once for each service", func(text string) error {
		service, image, _ := strings.Cut(text, "=")
		if service == "" || image == "" || images[service] != "" {
			return errors.New("must be service=reference, once for each service")
		}
		images[service] = image
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *number <= 0 || flags.NArg() != 1 {
		return flags.Refuse("give the pull request's number, and name one file")
	}
	file := flags.Arg(0)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	changed, err := transform(text, environment{number: *number, images: images, platform: *platform})
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, changed, 0o600) //nolint:gosec // the file that the caller named
}

// transform changes the text of a stack's config file. Encrypted values stay unchanged.
func transform(text []byte, e environment) ([]byte, error) {
	var settings map[string]any
	if err := yaml.Unmarshal(text, &settings); err != nil {
		return nil, err
	}
	if err := e.apply(settings); err != nil {
		return nil, err
	}
	var changed bytes.Buffer
	encoder := yaml.NewEncoder(&changed)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(settings), encoder.Close()); err != nil {
		return nil, err
	}
	return changed.Bytes(), nil
}
