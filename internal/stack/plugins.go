package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// sealed keeps Pulumi from installing plugins by itself. A stack's state names the plugins of its resources, and their source. So
// anyone who can write the state could make its readers run any code. installPlugins installs the program's own plugins.
type sealed struct{ auto.PulumiCommand }

func (c sealed) Run(ctx context.Context, dir string, stdin io.Reader, stdouts, stderrs []io.Writer, env []string, args ...string,
) (stdout, stderr string, code int, err error) {
	env = append(slices.Clone(env), "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true")
	return c.PulumiCommand.Run(ctx, dir, stdin, stdouts, stderrs, env, args...)
}

// plugin is a provider plugin.
type plugin struct{ name, version string }

// sdkPattern matches go.mod's requirement of a provider's SDK: github.com/pulumi/pulumi-aws/sdk/v6 v6.83.4.
var sdkPattern = regexp.MustCompile(`(?m)^(?:require)?[ \t]*github\.com/pulumi/pulumi-([a-z0-9-]+)/sdk(?:/v[0-9]+)? v([0-9.]+)(?:[ \t].*)?$`)

// pinned returns a program's plugins, at the versions of the SDKs in its go.mod.
func pinned(goMod string) []plugin {
	var plugins []plugin
	for _, match := range sdkPattern.FindAllStringSubmatch(goMod, -1) {
		plugins = append(plugins, plugin{match[1], match[2]})
	}
	return plugins
}

// pinnedPlugins returns the plugins that the project's go.mod pins; none if it has none.
func (p *Project) pinnedPlugins() ([]plugin, error) {
	text, err := os.ReadFile(filepath.Join(p.Dir(), "go.mod"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("find the providers of project %s: %w", p.name, err)
	}
	return pinned(string(text)), nil
}

// plugins notes whether a project's plugins are installed.
type plugins struct {
	mutex sync.Mutex
	ready bool
}

// installPlugins installs the plugins of the project's program, as tools/plugins does. An installed one costs no connection. Providers
// to which the engine is attached, as on the local cloud, need no plugin.
func (p *Project) installPlugins(ctx context.Context) error {
	p.plugins.mutex.Lock()
	defer p.plugins.mutex.Unlock()
	if p.plugins.ready {
		return nil
	}
	wanted, err := p.pinnedPlugins()
	if err != nil {
		return err
	}
	attached := "," + os.Getenv("PULUMI_DEBUG_PROVIDERS")
	for _, plugin := range wanted {
		if strings.Contains(attached, ","+plugin.name+":") {
			continue
		}
		if _, err := p.run(ctx, "plugin", "install", "resource", plugin.name, plugin.version, "--exact"); err != nil {
			return fmt.Errorf("install the provider %s %s: %w", plugin.name, plugin.version, err)
		}
	}
	p.plugins.ready = true
	return nil
}
