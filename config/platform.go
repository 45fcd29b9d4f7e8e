package config

import (
	"fmt"

	"slipway/internal/settings"
	"slipway/spec"
)

// readPlatform reads which stack's platform the services stand on, and refuses the keys that describe a platform of the stack's own.
func (c *Config) readPlatform(root *settings.Object, source settings.Source) {
	c.Platform = root.Text("platform", "", spec.CheckPlatform)
	if c.Platform == "" {
		return
	}
	c.Sharer = spec.Sharer(source.Project, source.Stack)
	if c.Platform == source.Stack {
		root.Invalid("platform", c.Platform, fmt.Errorf("is this stack; a platform is another one, without services and jobs"))
	}
	for _, section := range []string{"network", "cluster", "loadBalancer"} {
		value, _ := root.Get(section)
		members, _ := value.(map[string]any)
		for member := range members {
			root.Problems.Add(root.Path(section, member), "belongs to the platform, on which this stack's services stand; set it in that stack")
		}
	}
	c.PlatformNames = nil // which make no platform of this stack
}
