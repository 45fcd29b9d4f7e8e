package spec

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

const (
	// maxELBName is the longest name of a load balancer or target group (CreateLoadBalancer and CreateTargetGroup in Elastic Load
	// Balancing's API reference). It is the tightest limit of all the kinds used.
	maxELBName = 32
	// autoNameSuffix is what Pulumi's auto-naming appends: a hyphen and seven hexadecimal digits.
	autoNameSuffix = 1 + 7
	// MaxName is the longest name a component can be given.
	MaxName = maxELBName - autoNameSuffix
)

var namePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$`)

// CheckName reports why name cannot be the name of a component. The names of its load balancer, target group and security groups begin
// with it, so it must satisfy the strictest of their rules.
func CheckName(name string) error {
	var problems []error
	if len(name) > MaxName {
		problems = append(problems, fmt.Errorf(
			"is %d characters long; at most %d leave room for Pulumi's suffix in the %d characters of a load balancer's name",
			len(name), MaxName, maxELBName))
	}
	if !namePattern.MatchString(name) {
		problems = append(problems, errors.New("must be letters, digits and single hyphens, beginning with a letter and not ending with a hyphen"))
	}
	for _, reserved := range []string{"internal-", "sg-"} { // reserved by ELB for load balancers, by EC2 for security groups
		if strings.HasPrefix(name, reserved) {
			problems = append(problems, fmt.Errorf("must not begin with %q, which AWS reserves", reserved))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("name %.100q: %w", name, errors.Join(problems...))
}

// ContainerName is the name of a workload's container in its task definition; another container may run before it.
const ContainerName = "main"

// BeforeName is the name of the container that runs before it.
const BeforeName = "before"

// ServiceTag is the tag with a service's short name. All resources of the service and of its canary have it.
const ServiceTag = "Service"
