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

// pullRequestSource is the stack whose configuration those of pull requests are copied from (ci/pr-stack).
const pullRequestSource = "dev"

// CheckState reads the state of a stack that pull requests can write, and returns an error if it names plugins other than the program's,
// or configures them in another way: to use such a state is to run what it says, with the credentials of whoever uses it. Everything
// here that uses a state checks it before; a state of other stacks was written by those who deploy them, and is not checked.
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
		return fmt.Errorf(`the state of stack %[1]s is not used, since whoever can push a branch can write it:
%[2]w
If the pull request changes the program's providers, do this from a checkout of it. If the configuration of the stack that %[1]s is copied
from has changed since, do this from a checkout of the commit before that change. If neither, somebody tampered with the state: look at it
with `+"`pulumi stack export --stack %[1]s`"+`, which runs nothing; docs/security.md says how to clear up`, s.Name(), err)
	}
	return nil
}

// prepare is what comes before the engine runs on the stack.
func (s *Stack) prepare(ctx context.Context) error {
	if err := s.CheckState(ctx); err != nil {
		return err
	}
	return s.project.installPlugins(ctx)
}

// trust reads what the program makes of providers, from go.mod and the configuration.
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

// configuration reads the stack's file, or where a pull request's has none, as in every other checkout, the one that it is copied from.
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
