package spec

import (
	"errors"
	"fmt"
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

// reservedProblems reports the variables that the service gets from its settings.
func (s Service) reservedProblems(section string, names []string) Problems {
	var found Problems
	for _, name := range names {
		found.Add(CheckReserved(name, s.CallPort() == 0), section, name)
	}
	return found
}

// CheckSecretVariables reports secret variables that are wrong, that are in the environment too, or that the service gets from its
// settings.
func (s Service) CheckSecretVariables(names []string) Problems {
	found := s.Workload.CheckSecretVariables(names)
	found.Include(s.reservedProblems("secrets", slices.Sorted(slices.Values(names))))
	return found
}

// environmentProblems reports variables of the environment, and of SecretsFrom, that the service gets from its settings.
func (s Service) environmentProblems() Problems {
	found := s.reservedProblems("env", slices.Sorted(maps.Keys(s.Environment)))
	found.Include(s.reservedProblems("secretsFrom", slices.Sorted(maps.Keys(s.SecretsFrom))))
	return found
}
