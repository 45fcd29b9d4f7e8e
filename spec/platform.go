package spec

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var platformPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)?$`)

// CheckPlatform reports why a name cannot be that of a platform's stack.
func CheckPlatform(name string) error {
	if !platformPattern.MatchString(name) {
		return errors.New("must be the name of a stack of this project, such as platform, or organization/project/stack")
	}
	return nil
}

// CheckDepth reports a wildcard that has no place in the order of a listener whose wildcards are counted from the zone.
func CheckDepth(hostname, zone string) error {
	depth, wildcard := Route{Hostname: hostname}.wildcardDepth(zone)
	if wildcard && (depth < 0 || depth >= maxWildcardDepth) {
		labels := strings.Count(zone, ".") + 1
		return fmt.Errorf("a wildcard stands before a name of %d to %d labels, as the platform's domain is %s", labels, labels+maxWildcardDepth-1, zone)
	}
	return nil
}
