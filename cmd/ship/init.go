package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"

	"slipway/internal/confirm"
	"slipway/internal/ecr"
	"slipway/internal/stack"
	"slipway/spec"
)

// beginning is what a first stack needs to know.
type beginning struct{ region, domain, service, hostname, repository string }

// region matches the codes of AWS's regions.
var region = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)

func checkRegion(name string) error {
	if !region.MatchString(name) {
		return fmt.Errorf("%q is not the code of a region; one is eu-central-1", name)
	}
	return nil
}

func checkRepository(name string) error {
	image, err := repositoryIn(name)
	if err == nil && (image.Tag != "" || image.Digest != "" || image.Registry == "") {
		err = errors.New("must have the registry's host and the repository's name; leave out the tag")
	}
	return err
}

// ask asks for all of it, and checks each answer as the configuration will be.
func ask(ctx context.Context, asker *confirm.Asker, account func(region string) string) (beginning, error) {
	var b beginning
	for _, q := range []struct {
		question string
		preset   func() string
		check    func(string) error
		into     *string
	}{
		{"AWS region", func() string { return os.Getenv("AWS_REGION") }, checkRegion, &b.region},
		{"Domain, a zone on Cloudflare", func() string { return "" }, spec.CheckDomain, &b.domain},
		{"Name of the service", func() string { return "hello" }, spec.CheckServiceName, &b.service},
		{"Its host name", func() string { return b.service + "." + b.domain }, func(name string) error { return spec.CheckHostname(name, b.domain) }, &b.hostname},
		{"The repository of its image", func() string {
			if id := account(b.region); id != "" {
				return id + ".dkr.ecr." + b.region + ".amazonaws.com/" + b.service
			}
			return ""
		}, checkRepository, &b.repository},
	} {
		answer, err := asker.Text(ctx, q.question, q.preset(), q.check)
		if err != nil {
			return beginning{}, err
		}
		*q.into = answer
	}
	return b, nil
}

// config is the stack's configuration file.
func (b beginning) config() string {
	return fmt.Sprintf(`config:
  aws:region: %s
  slipway:domain: %s
  slipway:services:
    %s:
      image: %s # ship writes the digest
      hostnames: [%q]
      build: {context: .} # ./Dockerfile
`, b.region, b.domain, b.service, b.repository, b.hostname)
}

// initialise asks for what a first stack needs, writes its configuration and makes the stack.
func initialise(ctx context.Context, o options, asker *confirm.Asker, out io.Writer) error {
	project, err := stack.OpenProject(ctx, o.dir)
	if err != nil {
		return err
	}
	file := filepath.Join(project.Dir(), "Pulumi."+o.stack+".yaml")
	if _, err := os.Stat(file); err == nil {
		return fmt.Errorf("make stack %s: %s is there already; change it, or delete it first", o.stack, file)
	}
	b, err := ask(ctx, asker, func(region string) string {
		id, _ := ecr.Of(nil).Account(ctx, region) // without it there is no preset
		return id
	})
	if err != nil {
		return fmt.Errorf("make stack %s: %w", o.stack, err)
	}
	if err := os.WriteFile(file, []byte(b.config()), 0o644); err != nil { //nolint:gosec // it is committed, and has no secrets
		return fmt.Errorf("make stack %s: %w", o.stack, err)
	}
	fmt.Fprintf(out, "Wrote %s.\n", filepath.Base(file))
	stacks, err := project.Stacks(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(stacks, func(s stack.Summary) bool { return s.Name == o.stack }) {
		if err := pulumi(ctx, project.Dir(), "stack", "init", "--no-select", o.stack); err != nil {
			return fmt.Errorf("make stack %s: %w", o.stack, err)
		}
	}
	if os.Getenv("CLOUDFLARE_API_TOKEN") == "" {
		fmt.Fprintf(out, "Give it the API token of Cloudflare: pulumi config set --stack %s --secret cloudflare:apiToken\n", o.stack)
	}
	fmt.Fprintf(out, "Then ship: go run ./cmd/ship %s\n", o.stack)
	return nil
}

// pulumi runs a command of the Pulumi CLI at the user's terminal, where it may ask for a passphrase.
func pulumi(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "pulumi", args...) //nolint:gosec // the user's own words
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pulumi %s: %w", args[0], err)
	}
	return nil
}
