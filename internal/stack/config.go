package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"

	"slipway/spec"
)

// ConfigFile is the path of the stack's configuration file, Pulumi.<stack>.yaml.
func (s *Stack) ConfigFile() string {
	// A fully qualified name (organization/project/stack) ends with the stack's own.
	return filepath.Join(s.project.Dir(), "Pulumi."+s.Name()[strings.LastIndex(s.Name(), "/")+1:]+".yaml")
}

// ConfiguredImages returns the images in the stack's configuration file, by service: those of the services, and those of their before
// containers if they have their own. Secrets stay encrypted.
func (s *Stack) ConfiguredImages() (images, before map[string]spec.Image, err error) {
	if _, err := os.Stat(s.ConfigFile()); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("stack %s has no configuration: there is no %s", s.Name(), s.ConfigFile())
	}
	settings, err := workspace.LoadProjectStack(nil, nil, s.ConfigFile())
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", s.ConfigFile(), err)
	}
	services, err := settings.Config[config.MustMakeKey(s.project.name, "services")].Value(config.NewBlindingDecrypter())
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", s.ConfigFile(), err)
	}
	if services == "" {
		return nil, nil, fmt.Errorf("%s has no %s:services", s.ConfigFile(), s.project.name)
	}
	if images, before, err = imagesOf(services); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", s.ConfigFile(), err)
	}
	return images, before, nil
}

// Draft is a changed copy of a stack's configuration file. It can be previewed before it replaces the file.
type Draft struct {
	stack    *Stack
	path     string
	original []byte // the configuration file's content
}

// Draft makes a copy of the configuration file with the given images. Call Discard on it in the end.
func (s *Stack) Draft(ctx context.Context, images map[string]spec.Image) (_ *Draft, err error) {
	text, err := os.ReadFile(s.ConfigFile())
	if err != nil {
		return nil, fmt.Errorf("copy the configuration of stack %s: %w", s.Name(), err)
	}
	file, err := os.CreateTemp("", "slipway-*.yaml")
	if err != nil {
		return nil, fmt.Errorf("copy the configuration of stack %s: %w", s.Name(), err)
	}
	draft := &Draft{stack: s, path: file.Name(), original: text}
	defer func() {
		if err != nil {
			draft.Discard()
		}
	}()
	_, err = file.Write(text)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("copy the configuration of stack %s: %w", s.Name(), err)
	}
	// The CLI edits the file in place, and keeps comments and order.
	for _, service := range slices.Sorted(maps.Keys(images)) {
		key := fmt.Sprintf("%s:services[%q].image", s.project.name, service)
		if _, err := s.project.run(ctx, "config", "set", "--stack", s.Name(), "--config-file", draft.path,
			"--plaintext", "--path", key, "--", images[service].String()); err != nil {
			return nil, fmt.Errorf("set the image of service %s: %w", service, err)
		}
	}
	return draft, nil
}

// configFileVariable names the stack's file to the program, which the CLI does not do: see [slipway/internal/settings.FileVariable].
const configFileVariable = "SLIPWAY_CONFIG_FILE"

// Preview shows what an update with the draft would do.
func (d *Draft) Preview(ctx context.Context, progress io.Writer) error {
	if err := d.stack.prepare(ctx); err != nil {
		return err
	}
	environment := d.stack.stack.Workspace()
	environment.SetEnvVar(configFileVariable, d.path)
	defer environment.UnsetEnvVar(configFileVariable)
	_, err := d.stack.stack.Preview(ctx, optpreview.ConfigFile(d.path), optpreview.Diff(),
		optpreview.ProgressStreams(progress), optpreview.ErrorProgressStreams(progress), optpreview.SuppressOutputs())
	if err != nil {
		return d.stack.explain(ctx, "preview", err)
	}
	return nil
}

// Save replaces the configuration file with the draft.
func (d *Draft) Save() error {
	text, err := os.ReadFile(d.path)
	if err != nil {
		return fmt.Errorf("save the configuration of stack %s: %w", d.stack.Name(), err)
	}
	return d.write(text)
}

// Restore undoes Save: the file is again as it was for the draft, byte for byte.
func (d *Draft) Restore() error { return d.write(d.original) }

// write replaces the file in one step, so a kill leaves the old one or the new one. The file keeps its mode, and stays a link if it is
// one.
func (d *Draft) write(text []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("save the configuration of stack %s: %w", d.stack.Name(), err)
		}
	}()
	path, err := filepath.EvalSymlinks(d.stack.ConfigFile())
	if err != nil {
		return err
	}
	before, err := os.Stat(path)
	if err != nil {
		return err
	}
	return maybe.WriteFile(path, text, before.Mode().Perm())
}

// Discard removes the draft, saved or not.
func (d *Draft) Discard() { _ = os.Remove(d.path) }
