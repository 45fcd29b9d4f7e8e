package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// Project is a folder with a Pulumi.yaml. The environment's backend has its stacks.
type Project struct {
	name      string
	workspace auto.Workspace
	env       []string // in addition to the process's own
	plugins   plugins
}

// OpenProject opens the project in a folder. The environment (PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE, AWS_PROFILE, …) is the
// process's own, changed by the given variables, KEY=value.
func OpenProject(ctx context.Context, dir string, env ...string) (*Project, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the Pulumi project: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "Pulumi.yaml")); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open the Pulumi project: there is no Pulumi.yaml in %s; name the project's folder", dir)
	}
	command, err := auto.NewPulumiCommand(nil)
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("the Pulumi CLI is not on PATH; install it (https://www.pulumi.com/docs/install/), or add bin/ to PATH after `make cli`")
	}
	if err != nil {
		return nil, fmt.Errorf("run the Pulumi CLI: %w", err)
	}
	workspace, err := auto.NewLocalWorkspace(ctx, auto.WorkDir(dir), auto.Pulumi(sealed{graceful(command)}))
	if err != nil {
		return nil, fmt.Errorf("open the Pulumi project in %s: %w", dir, err)
	}
	project, err := workspace.ProjectSettings(ctx)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, "Pulumi.yaml"), err)
	}
	return &Project{name: project.Name.String(), workspace: keepSelection{workspace}, env: env}, nil
}

// Name is the project's name in Pulumi.yaml.
func (p *Project) Name() string { return p.name }

// Dir is the project's folder, as an absolute path.
func (p *Project) Dir() string { return p.workspace.WorkDir() }

// Summary is the backend's list entry of a stack.
type Summary struct {
	Name       string
	LastUpdate time.Time // zero if it has never been updated
	InProgress bool      // an update is running; only Pulumi Cloud knows
	Resources  int
	URL        string // of its page; only in Pulumi Cloud
}

// Stacks lists the project's stacks by name.
func (p *Project) Stacks(ctx context.Context) ([]Summary, error) {
	var listed []auto.StackSummary
	err := p.query(ctx, &listed, "stack", "ls", "--json")
	if err != nil {
		return nil, fmt.Errorf("list the stacks of project %s: %w", p.name, err)
	}
	stacks := make([]Summary, len(listed))
	for i, s := range listed {
		stacks[i] = Summary{Name: s.Name, InProgress: s.UpdateInProgress, URL: s.URL}
		if s.ResourceCount != nil {
			stacks[i].Resources = *s.ResourceCount
		}
		if s.LastUpdate != "" { // the CLI leaves it out while an update runs
			if stacks[i].LastUpdate, err = time.Parse(time.RFC3339, s.LastUpdate); err != nil {
				return nil, fmt.Errorf("list the stacks of project %s: %w", p.name, err)
			}
		}
	}
	slices.SortFunc(stacks, func(a, b Summary) int { return strings.Compare(a.Name, b.Name) })
	return stacks, nil
}

// notFound is the exit code of the CLI for a missing stack (pulumi/pulumi, pkg/cmd/pulumi/cmd/exit_codes.go).
const notFound = 6

// Stack opens an existing stack of the project. It reads only that stack, because in a bucket that accounts share, not every account
// may list all stacks.
func (p *Project) Stack(ctx context.Context, name string) (*Stack, error) {
	if _, err := p.run(ctx, "stack", "--stack", name, "--show-name"); err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == notFound {
			return nil, p.unknown(ctx, name)
		}
		return nil, fmt.Errorf("open stack %s: %w", name, err)
	}
	opened, err := auto.SelectStack(ctx, name, p.workspace)
	if err != nil {
		return nil, fmt.Errorf("open stack %s: %w", name, err)
	}
	return &Stack{project: p, stack: opened}, nil
}

// unknown returns the error for a missing stack. It names the existing ones, if they may be listed.
func (p *Project) unknown(ctx context.Context, name string) error {
	stacks, err := p.Stacks(ctx)
	if err != nil || len(stacks) == 0 {
		return fmt.Errorf("project %s has no stack %s; make it with `pulumi stack init %s`", p.name, name, name)
	}
	names := make([]string, len(stacks))
	for i, s := range stacks {
		names[i] = s.Name
	}
	return fmt.Errorf("project %s has no stack %s; there are: %s", p.name, name, strings.Join(names, ", "))
}

// query runs a command of the Pulumi CLI and decodes the JSON that it prints.
func (p *Project) query(ctx context.Context, result any, args ...string) error {
	out, err := p.run(ctx, args...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), result); err != nil {
		return fmt.Errorf("decode what pulumi %s printed: %w", strings.Join(args, " "), err)
	}
	return nil
}

// run runs a command of the Pulumi CLI and returns its standard output, which errors do not repeat.
func (p *Project) run(ctx context.Context, args ...string) (string, error) {
	out, complaint, _, err := p.workspace.PulumiCommand().Run(ctx, p.Dir(), nil, nil, nil, p.env, args...)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("pulumi %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint))
	}
	return out, nil
}

// keepSelection is a workspace that never selects a stack: every command names its stack, and the user's shell keeps its own selection.
type keepSelection struct{ auto.Workspace }

func (keepSelection) SelectStack(context.Context, string) error { return nil }
