package stack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

// pullRequestSource is the stack whose configuration pull requests copy (ci/pr-stack).
const pullRequestSource = "dev"

// CheckState reads the state of a stack that pull requests can write. It returns an error if the state names plugins other than the
// program's, or configures them differently: a user of such a state runs what it says, with their own credentials. All code here checks
// a state before it uses it. States of other stacks come from the people who deploy them, and are not checked.
func (s *Stack) CheckState(ctx context.Context) error {
	if !OfPullRequest(s.Name()) {
		return nil
	}
	trusted, err := s.trust()
	if err != nil {
		return err
	}
	state, err := s.Deployment(ctx)
	if err != nil {
		return err
	}
	if err := trusted.check(state); err != nil {
		return fmt.Errorf(`the state of stack %[1]s is not used, because anyone who can push a branch can write it:
%[2]w
If the pull request changes the program's providers, do this from a checkout of it. If the configuration of the stack that %[1]s is copied from has changed since, do this from a checkout of the commit before that change. Otherwise someone tampered with the state: look at it with `+"`pulumi stack export --stack %[1]s`"+`, which runs nothing; docs/security.md says how to clear up`, s.Name(), err)
	}
	return nil
}

// prepare runs before the engine runs on the stack.
func (s *Stack) prepare(ctx context.Context) error {
	if err := s.CheckState(ctx); err != nil {
		return err
	}
	return s.project.installPlugins(ctx)
}

// trust reads the program's providers from go.mod and the configuration.
func (s *Stack) trust() (trust, error) {
	plugins, err := s.project.pinnedPlugins()
	if err != nil {
		return trust{}, err
	}
	t := trust{plugins: plugins, settings: map[string]setting{}, backend: strings.TrimSuffix(os.Getenv("PULUMI_BACKEND_URL"), "/")}
	for _, settings := range s.project.configurations() {
		if settings.SecretsProvider != "" {
			t.keys = append(t.keys, settings.SecretsProvider)
		}
	}
	configured, err := s.configuration()
	if err != nil {
		return trust{}, err
	}
	for key, value := range configured {
		text, err := value.Value(config.NopDecrypter)
		if err != nil {
			return trust{}, fmt.Errorf("read %s of stack %s: %w", key, s.Name(), err)
		}
		t.settings[key.String()] = setting{value: text, secret: value.Secure()}
	}
	return t, nil
}

// configuration reads the stack's file. A pull request's stack has one only in its own checkout; elsewhere it is the file that it was
// copied from.
func (s *Stack) configuration() (config.Map, error) {
	for _, path := range []string{s.ConfigFile(), filepath.Join(s.project.Dir(), "Pulumi."+pullRequestSource+".yaml")} {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		settings, err := workspace.LoadProjectStack(nil, nil, path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		return settings.Config, nil
	}
	return nil, nil
}
