package ecs

import (
	"cmp"
	"fmt"
	"slices"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/servicediscovery"
	"slipway/localcloud/cloud"
)

// ServiceConnect is how the tasks of a service call others, and are called, by names in a namespace.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceConnectConfiguration.html
type ServiceConnect struct {
	Enabled          bool              `json:"enabled"`
	Namespace        string            `json:"namespace"` // ARN
	Services         []ConnectService  `json:"services"`
	LogConfiguration *LogConfiguration `json:"logConfiguration"` // the proxy here writes nothing
}

// ConnectService is a port at which a service is called.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceConnectService.html
type ConnectService struct {
	PortName      string         `json:"portName"`
	DiscoveryName string         `json:"discoveryName"`
	ClientAlias   []ConnectAlias `json:"clientAlias"`

	// Not modelled: refused unless empty.
	IngressPortOverride int `json:"ingressPortOverride"`
	Timeout             any `json:"timeout"`
	TLS                 any `json:"tls"`
}

// ConnectAlias is a name and a port in the calling tasks.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceConnectClientAlias.html
type ConnectAlias struct {
	DNSName string `json:"dnsName"`
	Port    int    `json:"port"`
}

// discoveryName is the service's name in Cloud Map.
func (s ConnectService) discoveryName() string { return cmp.Or(s.DiscoveryName, s.PortName) }

// Endpoint is a name that tasks in a namespace resolve, and the service whose tasks answer it.
type Endpoint struct {
	Name string
	Port int // in the calling tasks
	// Service is the service's ARN, and ContainerPort the one of its tasks.
	Service       string
	ContainerPort int
}

// Connects reports whether the service's tasks have a proxy.
func (in *ServiceSpec) Connects() bool {
	return in.ServiceConnectConfiguration != nil && in.ServiceConnectConfiguration.Enabled
}

// endpoints are those of the service itself, which runs the task definition.
func (in *ServiceSpec) endpoints(arn string, revision *Revision) []Endpoint {
	var out []Endpoint
	for _, s := range in.ServiceConnectConfiguration.Services {
		for _, alias := range s.ClientAlias {
			out = append(out, Endpoint{
				Name: alias.DNSName, Port: alias.Port, Service: arn, ContainerPort: revision.portNamed(s.PortName),
			})
		}
	}
	return out
}

// portNamed returns the port of a container that has a name, 0 if none has it.
func (r *Revision) portNamed(name string) int {
	for _, c := range r.Containers {
		for _, p := range c.PortMappings {
			if p.Name == name && name != "" {
				return p.ContainerPort
			}
		}
	}
	return 0
}

// endpointsIn returns the endpoints that there are in the namespace of a service, in the order of their names. Tasks that start later
// resolve them; those that started before do not.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts-deploy.html
func endpointsIn(c *cloud.Call, in *ServiceSpec, arn string, revision *Revision) []Endpoint {
	if !in.Connects() {
		return nil
	}
	all := in.endpoints(arn, revision)
	for other, otherARN := range connected(c, in, arn) {
		if r, err := FindRevision(c.Tx, c.Caller.Scope, other.TaskDefinition); err == nil {
			all = append(all, other.endpoints(otherARN, r)...)
		}
	}
	slices.SortFunc(all, func(a, b Endpoint) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Port, b.Port)) })
	return all
}

// connected goes through the other services in the namespace of a service.
func connected(c *cloud.Call, in *ServiceSpec, arn string) func(yield func(*ServiceSpec, string) bool) {
	return func(yield func(*ServiceSpec, string) bool) {
		for _, r := range c.Tx.List(c.Caller.Scope, ServiceToken) {
			other := cloud.InputsOf[ServiceSpec](r)
			if r.ID == arn || !other.Connects() || other.ServiceConnectConfiguration.Namespace != in.ServiceConnectConfiguration.Namespace {
				continue
			}
			if !yield(other, r.ID) {
				return
			}
		}
	}
}

// checkConnect has the rules about Service Connect. Each name in Cloud Map, and each alias with its port, is unique in the namespace.
func checkConnect(c *cloud.Call, in *ServiceSpec, revision *Revision, arn string) error {
	refuse := func(format string, args ...any) error {
		return cloud.Errorf("InvalidParameterException", format, args...)
	}
	if !in.Connects() {
		return nil
	}
	connect := in.ServiceConnectConfiguration
	if c.Find(cloud.Ref{Token: servicediscovery.HTTPNamespaceToken, Value: namespaceID(connect.Namespace)}) == nil {
		return cloud.Errorf("NamespaceNotFoundException", "The specified namespace %s was not found.", connect.Namespace)
	}
	for _, s := range connect.Services {
		if revision.portNamed(s.PortName) == 0 {
			return refuse("portName(%s) does not refer to any named PortMapping in the container definitions", s.PortName)
		}
		if s.IngressPortOverride != 0 || s.Timeout != nil || s.TLS != nil {
			return check.Unimplemented("serviceConnectConfiguration with ingressPortOverride, timeout or tls")
		}
		if len(s.ClientAlias) != 1 || s.ClientAlias[0].DNSName == "" {
			return fmt.Errorf("serviceConnectConfiguration without one client alias with a dnsName: %w", cloud.ErrUnimplemented)
		}
		for other := range connected(c, in, arn) {
			for _, taken := range other.ServiceConnectConfiguration.Services {
				if taken.discoveryName() == s.discoveryName() || taken.ClientAlias[0] == s.ClientAlias[0] {
					return refuse("SC service is already used by %s", connect.Namespace)
				}
			}
		}
	}
	return nil
}

// namespaceID is the id in a namespace's ARN.
func namespaceID(arn string) string { return arns.Last(arn) }
