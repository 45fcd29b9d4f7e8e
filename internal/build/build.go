// Package build knows what the image of a service is built from.
package build

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Build says what an image is built from, as services.<name>.build in a stack's config does.
type Build struct {
	Context    string // a folder of the repository: "." or "services/api"
	Dockerfile string // a file in the context
}

// Defaults of a Build.
const (
	DefaultContext    = "."
	DefaultDockerfile = "Dockerfile"
)

// pathPattern keeps paths free of what a shell, or a line of words, would take apart.
var pathPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)

// maxPath is longer than any path that is meant.
const maxPath = 255

// CheckPath reports a path that is not one inside the repository, or inside the context.
func CheckPath(path string) error {
	elements := strings.Split(path, "/")
	if len(path) > maxPath || !pathPattern.MatchString(path) || strings.HasPrefix(path, "-") || slices.Contains(elements, "..") {
		return fmt.Errorf("must be a relative path of letters, digits and _ . - /, without .. and with at most %d characters", maxPath)
	}
	return nil
}
