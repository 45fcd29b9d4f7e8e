package stack

import (
	"cmp"
	"os"
	"os/user"
)

// deployer is the person who makes an update: the one who started GitHub's job, or else this machine's user in the form of Pulumi's
// locks. Pulumi records only the author of the checked-out commit.
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
