package spec

import (
	"errors"
	"regexp"
	"strings"
)

// Canary is another version of a service that gets a part of its requests. It runs as a second ECS service with all of the service's
// settings except the image and the scaling.
type Canary struct {
	Image  Image
	Weight int // percent of the requests; 0 leaves it to the header
	// Header sends a request that has it to the canary. Its default is [DefaultCanaryHeader].
	Header CanaryHeader
}

// CanaryHeader is a header of a request. Its value can hold the wildcards * and ?.
type CanaryHeader struct {
	Name, Value string
}

// DefaultCanaryHeader is the default of [Canary].Header. Nothing changes it.
var DefaultCanaryHeader = CanaryHeader{"X-Canary", "always"}

// MaxWeight is the weight of a canary that gets every request, and the sum of a rule's weights.
const MaxWeight = 100

// headerNamePattern matches the header names that the load balancer lets through. It drops those with other characters ("HTTP headers
// and Application Load Balancers": routing.http.drop_invalid_header_fields.enabled). The lengths of names and values are those of
// HttpHeaderConditionConfig in Elastic Load Balancing's API reference.
var (
	headerNamePattern  = regexp.MustCompile(`^[A-Za-z0-9-]{1,40}$`)
	headerValuePattern = regexp.MustCompile(`^[!-~]([ -~]{0,126}[!-~])?$`)
)

// ParseCanaryHeader parses "Name: value".
func ParseCanaryHeader(text string) (CanaryHeader, error) {
	name, value, found := strings.Cut(text, ":")
	header := CanaryHeader{name, strings.Trim(value, " ")}
	if !found {
		return CanaryHeader{}, errors.New("is not of the form Name: value")
	}
	return header, header.Check()
}

// Check reports what Elastic Load Balancing would refuse.
func (h CanaryHeader) Check() error {
	switch {
	case !headerNamePattern.MatchString(h.Name):
		return errors.New("a header's name is 1 to 40 letters, digits and hyphens: the load balancer drops others")
	case !headerValuePattern.MatchString(h.Value):
		return errors.New("a header's value is 1 to 128 printable characters")
	case strings.EqualFold(h.Name, "Host"):
		return errors.New("requests are told apart by Host already")
	}
	return nil
}

// Problems reports what makes no sense.
func (c *Canary) Problems() Problems {
	var found Problems
	found.Add(c.Image.Check(), "image")
	found.AddRange(c.Weight, 0, MaxWeight, "weight")
	found.Add(c.Header.Check(), "header")
	return found
}

// Tasks returns how many tasks a service's canary has: its share of the service's tasks, and at least one. For a service that scales,
// it is a share of the maximum: a raised weight may need them at once, long before scaling would notice.
func (c *Canary) Tasks(instanceCount int, scaling *Scaling) int {
	if scaling != nil {
		instanceCount = scaling.Most()
	}
	return max(1, divideUp(instanceCount*c.Weight, MaxWeight))
}

// CanarySuffix ends the names of a canary's resources, after the service's.
const CanarySuffix = "-canary"

// CanaryName returns the name that the canary's resources begin with.
func CanaryName(name string) string { return name + CanarySuffix }

// CheckCanaryName reports why a service of that name cannot have a canary: the canary's target group has a longer name.
func CheckCanaryName(name string) error {
	if canary := CheckName(CanaryName(name)); CheckName(name) == nil {
		return canary
	}
	return nil // what is wrong with the service's own name is reported already
}
