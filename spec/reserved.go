package spec

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// PortVariable is the environment variable with the port that a service must listen on.
const PortVariable = "PORT"

// reservedVariables are the environment variables that a service gets from its settings, each with its source.
var reservedVariables = map[string]string{
	PortVariable:       "the port",
	"DRAIN_DELAY":      "the drain profile",
	"IDLE_TIMEOUT":     "the load balancer's idle timeout",
	"MAX_SOCKET_AGE":   "the drain profile",
	"PING_INTERVAL":    "the load balancer's idle timeout",
	"SHUTDOWN_TIMEOUT": "the stop timeout",
	WatchVariable:      "watch",
}

// CheckReserved reports an environment variable that a service, or a worker that nobody calls, gets from its settings.
func CheckReserved(name string, worker bool) error {
	source, reserved := reservedVariables[name]
	_, given := Drain{}.workerEnvironment()[name]
	given = given || name == WatchVariable
	switch {
	case !reserved, worker && !given:
		return nil
	case worker && name == "DRAIN_DELAY":
		return errors.New("is 0s for a worker, which has no requests to wait for; use another name")
	}
	return fmt.Errorf("is set from %s; change that instead", source)
}

// reservedProblems reports the names of variables in a section that a service, or a worker that nobody calls, gets from its settings.
func reservedProblems(section string, names iter.Seq[string], worker bool) Problems {
	var found Problems
	for _, name := range slices.Sorted(names) {
		found.Add(CheckReserved(name, worker), section, name)
	}
	return found
}

// CheckSecrets reports secret variables that are wrong, that are in the environment too, or that the workload gets from its settings. A
// job, and a worker that nobody calls, has fewer of these.
func (w Workload) CheckSecrets(names []string, worker bool) Problems {
	found := w.CheckSecretVariables(names)
	found.Include(reservedProblems("secrets", slices.Values(names), worker))
	return found
}

// environmentProblems reports variables of the environment, and of SecretsFrom, that the workload gets from its settings.
func (w Workload) environmentProblems(worker bool) Problems {
	found := reservedProblems("env", maps.Keys(w.Environment), worker)
	found.Include(reservedProblems("secretsFrom", maps.Keys(w.SecretsFrom), worker))
	return found
}

// CheckSecretVariables reports secret variables that are wrong, that are in the environment too, or that the service gets from its
// settings.
func (s Service) CheckSecretVariables(names []string) Problems {
	return s.CheckSecrets(names, s.CallPort() == 0)
}
