// Package build knows the source of a service's image.
package build

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Build is the source of an image: services.<name>.build in a stack's config.
type Build struct {
	Context    string // a folder of the repository: "." or "services/api"
	Dockerfile string // a file in the context
}

// Defaults of a Build.
const (
	DefaultContext    = "."
	DefaultDockerfile = "Dockerfile"
)

// pathPattern keeps out characters at which a shell, or a line of words, would split a path.
var pathPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)

// maxPath is longer than any sensible path.
const maxPath = 255

// CheckPath reports a path that is not inside the repository, or inside the context.
func CheckPath(path string) error {
	elements := strings.Split(path, "/")
	if len(path) > maxPath || !pathPattern.MatchString(path) || strings.HasPrefix(path, "-") || slices.Contains(elements, "..") {
		return fmt.Errorf("must be a relative path of letters, digits and _ . - /, without .. and with at most %d characters", maxPath)
	}
	return nil
}
