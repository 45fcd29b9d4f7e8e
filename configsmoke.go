package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components"
	"slipway/internal/settings"
)

// smokeConfig is what a service answers besides its health check, by paths of its host name. What is empty it does not have.
type smokeConfig struct {
	version   string   // answers 200 and a JSON object with a version
	websocket string   // takes a WebSocket and sends back what it is told
	paths     []string // answer without an error
}

func (r serviceReader) readSmoke() smokeConfig {
	o := r.Section("smoke")
	defer o.Close()
	return smokeConfig{
		version:   o.Text("version", "", checkSmokePath),
		websocket: o.Text("websocket", "", checkSmokePath),
		paths:     o.Set("paths", checkSmokePath),
	}
}

func checkSmokePath(path string) error {
	if components.CheckHealthPath(path) != nil || strings.Contains(path, "#") {
		return fmt.Errorf("must begin with / and be at most %d printable characters without spaces and #", components.MaxHealthPath)
	}
	return nil
}

// checkSmoke reports paths at which a service cannot be asked, because another service or none is reached there.
func (c *config) checkSmoke(services *settings.Object) {
	routes := c.routes()
	for _, s := range c.services {
		o := services.Section(s.name).Section("smoke")
		check := func(member, path string) {
			if err := s.reachedAt(routes, path); path != "" && err != nil {
				o.Invalid(member, path, err)
			}
		}
		check("version", s.smoke.version)
		check("websocket", s.smoke.websocket)
		for _, path := range s.smoke.paths {
			check("paths", path)
		}
	}
}

// reachedAt returns an error unless requests for a path of the service's URL get to the service.
func (s serviceConfig) reachedAt(routes []components.Route, path string) error {
	u, err := url.Parse(s.url())
	if err != nil {
		return err
	}
	path, _, _ = strings.Cut(path, "?")
	switch owner, found := components.Owner(routes, u.Hostname(), path); {
	case !found:
		return errors.New("is not among the paths that are routed to the service")
	case owner != s.name:
		return fmt.Errorf("is routed to service %s", owner)
	}
	return nil
}

// checks returns what the service can be asked from outside, as the output "checks" has it for the commands that ask it.
func (c *config) checks(s serviceConfig) pulumi.Map {
	return pulumi.Map{
		"healthPath":    pulumi.String(s.healthCheck.Path),
		"healthCodes":   pulumi.String(s.healthCheck.Codes),
		"healthRouted":  pulumi.Bool(s.reachedAt(c.routes(), s.healthCheck.Path) == nil),
		"versionPath":   pulumi.String(s.smoke.version),
		"websocketPath": pulumi.String(s.smoke.websocket),
		"paths":         pulumi.ToStringArray(s.smoke.paths),
	}
}
