package stack

import (
	"cmp"
	"os"
	"os/user"
)

// deployer is who makes an update: of GitHub's job whoever started it, or else the user of this machine as Pulumi's locks name
// them. Pulumi records the author of the checked-out commit, and not this.
func deployer() string {
	if actor := os.Getenv("GITHUB_ACTOR"); actor != "" {
		return actor
	}
	name := "somebody"
	if current, err := user.Current(); err == nil {
		name = cmp.Or(current.Username, name)
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}
