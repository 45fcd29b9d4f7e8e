package main

import (
	"fmt"
	"strings"
)

// environment has the differences between a pull request's config and the one that it is copied from.
type environment struct {
	number int
	images map[string]string // the builds of the pull request's source, by service
	// platform is the stack on which the environments stand; empty: as dev does.
	platform string
}

// The permissions boundaries of bootstrap/roles.go: the one for deployments, and the one without which the role of pull requests can
// create no roles.
const (
	deployBoundary      = "slipway-boundary"
	pullRequestBoundary = "slipway-pr-boundary"
)

// apply changes the settings of a stack in the form of its config file.
func (e environment) apply(settings map[string]any) error {
	config, err := object(settings, "config")
	if err != nil {
		return err
	}
	domain, _ := config["slipway:domain"].(string)
	services, err := object(config, "slipway:services")
	if err != nil {
		return err
	}
	for name := range e.images {
		if _, there := services[name]; !there {
			return fmt.Errorf("slipway:services has no %s, which the image is for", name)
		}
	}
	for name := range services {
		service, err := object(services, name)
		if err != nil {
			return err
		}
		if err := single(service); err != nil {
			return fmt.Errorf("service %s: %w", name, err)
		}
		if hostnames := service["hostnames"]; hostnames != nil { // or it is a worker
			if service["hostnames"], err = e.hostnames(hostnames, domain); err != nil {
				return fmt.Errorf("hostnames of service %s: %w", name, err)
			}
		}
		if image, built := e.images[name]; built {
			service["image"] = image
		}
	}
	if boundary, _ := config["slipway:permissionsBoundary"].(string); strings.HasSuffix(boundary, ":policy/"+deployBoundary) {
		config["slipway:permissionsBoundary"] = strings.TrimSuffix(boundary, deployBoundary) + pullRequestBoundary
	}
	if e.platform != "" {
		config["slipway:platform"] = e.platform
		for _, key := range []string{"slipway:network", "slipway:cluster", "slipway:loadBalancer"} { // the platform's
			delete(config, key)
		}
	}
	if balancer, _ := config["slipway:loadBalancer"].(map[string]any); balancer != nil {
		delete(balancer, "deletionProtection")
	}
	return nil
}

// single makes a service one task of one version. It removes settings that the program refuses with one task: scaling, a canary, and
// percentages without room. A failed deployment there needs no alarms, which cost something.
func single(service map[string]any) error {
	service["instanceCount"] = 1
	delete(service, "scaling")
	delete(service, "canary")
	if service["deployment"] == nil {
		return nil
	}
	deployment, err := object(service, "deployment")
	if err != nil {
		return err
	}
	for _, key := range []string{"minimumHealthyPercent", "maximumPercent", "alarms"} {
		delete(deployment, key)
	}
	return nil
}

// hostnames returns a service's host names in the environment. Wildcards are left out: their label has no place for a number.
func (e environment) hostnames(value any, domain string) ([]string, error) {
	if domain == "" {
		return nil, fmt.Errorf("slipway:domain is missing")
	}
	list, _ := value.([]any)
	var names []string
	for _, element := range list {
		name, _ := element.(string)
		if strings.HasPrefix(name, "*.") {
			continue
		}
		if name != domain && !strings.HasSuffix(name, "."+domain) {
			return nil, fmt.Errorf("%q is not in %s", name, domain)
		}
		names = append(names, e.hostname(name, domain))
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("none is plain, which the environment's would be made of")
	}
	return names, nil
}

// hostname returns the environment's counterpart of a host name. It has the same depth below the domain, because Cloudflare's
// certificate for a proxied domain covers only one label ("Universal SSL: limitations"); only the domain's own is one deeper.
func (e environment) hostname(name, domain string) string {
	suffix := fmt.Sprintf("pr-%d", e.number)
	if name == domain {
		return suffix + "." + domain
	}
	label, rest, _ := strings.Cut(name, ".")
	return label + "-" + suffix + "." + rest
}

// object returns a member that is an object.
func object(parent map[string]any, key string) (map[string]any, error) {
	switch value := parent[key].(type) {
	case map[string]any:
		if _, encrypted := value["secure"]; encrypted && len(value) == 1 {
			return nil, fmt.Errorf("%s is encrypted as a whole, and cannot be changed", key)
		}
		return value, nil
	case nil:
		return nil, fmt.Errorf("%s is missing", key)
	default:
		return nil, fmt.Errorf("%s is not an object", key)
	}
}
