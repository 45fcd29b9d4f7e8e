package spec

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// maxLabel is the length of a label of a DNS name (RFC 1035, section 2.3.4).
const maxLabel = 63

// CheckCallee reports the name of a service that cannot be called by it: the name is one of a host in each calling task.
func CheckCallee(name string) error {
	switch {
	case len(name) > maxLabel:
		return fmt.Errorf("has %d characters, and a name of a host %d at most; use a shorter name", len(name), maxLabel)
	case name == "localhost":
		return errors.New("is the name of each task itself; call the service by another name")
	}
	return CheckServiceName(name)
}

// CallVariable returns the environment variable with the URL at which a service calls another: BILLING_URL.
func CallVariable(callee string) string {
	return strings.ToUpper(strings.ReplaceAll(callee, "-", "_")) + "_URL"
}

// CallURL returns the URL at which a service is called.
func CallURL(callee string, port int) string {
	return "http://" + net.JoinHostPort(callee, strconv.Itoa(port))
}

// CheckCallVariables reports variables of a service that have the name of a callee's URL.
func (w Workload) CheckCallVariables(callees, secrets []string) Problems {
	var found Problems
	for _, callee := range callees {
		name := CallVariable(callee)
		err := fmt.Errorf("is set to the URL of service %s, which calls names; use another name", callee)
		if _, given := w.Environment[name]; given {
			found.Add(err, "env", name)
		}
		if _, given := w.SecretsFrom[name]; given {
			found.Add(err, "secretsFrom", name)
		}
		if slices.Contains(secrets, name) {
			found.Add(err, "secrets", name)
		}
	}
	return found
}
