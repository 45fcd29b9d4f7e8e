package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/internal/settings"
	"slipway/spec"
)

// Smoke has the paths of its host name on which a service answers, in addition to its health check. An empty field means that it has no
// such path.
type Smoke struct {
	Version   string   // answers 200 and a JSON object with a version
	WebSocket string   // accepts a WebSocket and echoes each message
	Paths     []string // answer without an error
}

func (r serviceReader) readSmoke() Smoke {
	o := r.Section("smoke")
	defer o.Close()
	return Smoke{
		Version:   o.Text("version", "", checkSmokePath),
		WebSocket: o.Text("websocket", "", checkSmokePath),
		Paths:     o.Set("paths", checkSmokePath),
	}
}

func checkSmokePath(path string) error {
	if spec.CheckHealthPath(path) != nil || strings.Contains(path, "#") {
		return fmt.Errorf("must begin with / and be at most %d printable characters without spaces and #", spec.MaxHealthPath)
	}
	return nil
}

// checkSmoke reports paths that lead to another service, or to none.
func (c *Config) checkSmoke(services *settings.Object) {
	routes := c.Routes()
	for _, s := range c.Services {
		if s.HTTP == nil {
			continue
		}
		o := services.Section(s.Name).Section("smoke")
		for member, path := range map[string]string{"version": s.Smoke.Version, "websocket": s.Smoke.WebSocket} {
			if err := s.reachedAt(routes, path); path != "" && err != nil {
				o.Invalid(member, path, err)
			}
		}
		for i, path := range s.Smoke.Paths {
			if err := s.reachedAt(routes, path); err != nil {
				o.InvalidElement("paths", i, path, err)
			}
		}
	}
}

// reachedAt returns an error unless requests for a path of the service's URL reach the service.
func (s Service) reachedAt(routes []spec.Route, path string) error {
	u, err := url.Parse(s.URL())
	if err != nil {
		return err
	}
	path, _, _ = strings.Cut(path, "?")
	switch owner, found := spec.Owner(routes, u.Hostname(), path); {
	case !found:
		return errors.New("is not among the paths that are routed to the service")
	case owner != s.Name:
		return fmt.Errorf("is routed to service %s", owner)
	}
	return nil
}

// Checks returns the checks that can be made from outside, as the output "checks" has them for the commands that make them. A worker has none.
func (c *Config) Checks(s Service) pulumi.Map {
	if s.HTTP == nil {
		return nil
	}
	return pulumi.Map{
		"healthPath":    pulumi.String(s.HTTP.HealthCheck.Path),
		"healthCodes":   pulumi.String(s.HTTP.HealthCheck.Codes),
		"healthRouted":  pulumi.Bool(s.reachedAt(c.Routes(), s.HTTP.HealthCheck.Path) == nil),
		"versionPath":   pulumi.String(s.Smoke.Version),
		"websocketPath": pulumi.String(s.Smoke.WebSocket),
		"paths":         pulumi.ToStringArray(s.Smoke.Paths),
	}
}
