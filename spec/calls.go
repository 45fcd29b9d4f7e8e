package spec

import (
	"errors"
	"fmt"
	"maps"
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

// CallOrder returns the services in an order in which each comes after those that it calls, and in the order of names otherwise. The calls
// are by service, and lead to services that have calls or none.
//
// A circle has no such order: a task resolves only the names that there were when the deployment began that started it ("Amazon ECS
// Service Connect components" in the ECS developer guide), and one of a circle would come first.
func CallOrder(calls map[string][]string) ([]string, error) {
	order := callOrder{calls: calls}
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		if err := order.visit(name, nil); err != nil {
			return nil, err
		}
	}
	return order.done, nil
}

type callOrder struct {
	calls map[string][]string
	done  []string
}

// visit puts a service into the order, after those that it calls. The path has the services that led to it.
func (o *callOrder) visit(name string, path []string) error {
	if slices.Contains(o.done, name) {
		return nil
	}
	if from := slices.Index(path, name); from >= 0 {
		return fmt.Errorf("the calls go round in a circle, %s: a task resolves only names that were there before it started, and one service must start first; "+
			"leave out one of the calls", strings.Join(append(slices.Clone(path[from:]), name), " → "))
	}
	for _, callee := range slices.Sorted(slices.Values(o.calls[name])) {
		if err := o.visit(callee, append(slices.Clone(path), name)); err != nil {
			return err
		}
	}
	o.done = append(o.done, name)
	return nil
}
