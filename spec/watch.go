package spec

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// WatchVariable is the environment variable with what a service re-reads: paths of parameters, each with how often, as in
// "/app/web=30s,/app/all=5m0s".
const WatchVariable = "WATCH_PARAMETERS"

// Bounds of how often a service re-reads its parameters, in seconds. Parameter Store answers 40 requests a second of an account and region
// ("Systems Manager service quotas"), whatever their number of tasks.
const (
	MinWatchInterval = 5
	MaxWatchInterval = 86_400
)

// watchPattern matches a path of parameters ("Working with parameter hierarchies" in the Systems Manager user guide).
var watchPattern = regexp.MustCompile(`^(/[A-Za-z0-9_.-]+){1,14}$`)

// CheckWatchPath reports what is not a path of parameters.
func CheckWatchPath(path string) error {
	const maxPath = 900 // of the 1011 characters of a parameter's ARN
	if len(path) > maxPath || !watchPattern.MatchString(path) {
		return errors.New("must be a path of parameters, such as /app/web, without a trailing slash")
	}
	return nil
}

// watchProblems reports what cannot be watched.
func (w Workload) watchProblems() Problems {
	var found Problems
	for _, path := range slices.Sorted(maps.Keys(w.Watch)) {
		found.Add(CheckWatchPath(path), "watch", path)
		found.AddRange(w.Watch[path], MinWatchInterval, MaxWatchInterval, "watch", path)
	}
	return found
}

// watchEnvironment returns the variable that tells the service what to watch.
func (w Workload) watchEnvironment() map[string]string {
	if len(w.Watch) == 0 {
		return nil
	}
	var watched []string
	for _, path := range slices.Sorted(maps.Keys(w.Watch)) {
		watched = append(watched, fmt.Sprintf("%s=%s", path, time.Duration(w.Watch[path])*time.Second))
	}
	return map[string]string{WatchVariable: strings.Join(watched, ",")}
}
