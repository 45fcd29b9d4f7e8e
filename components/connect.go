package components

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// Calls are those between services of a stack, by ECS Service Connect. ECS adds a proxy to each task of a service that calls or is called.
type Calls struct {
	// Namespace has the names of the services; nil: the service neither calls nor is called.
	Namespace *Namespace
	// Callees are the services that this one calls at http://NAME:PORT. It is deployed after them: a task resolves only the names that
	// there were when the deployment began that started it ("Amazon ECS Service Connect components" in the ECS developer guide).
	Callees []*FargateService
	// Called says that others call the service.
	Called bool
}

// problems reports what is missing for calls.
func (c Calls) problems(s spec.Service) spec.Problems {
	var found spec.Problems
	if (len(c.Callees) > 0 || c.Called) && c.Namespace == nil {
		found.Add(errors.New("the namespace is missing, in which services find each other"), "calls")
	}
	for _, callee := range c.Callees {
		found.Include(s.CheckCallVariables([]string{callee.args.Name}, nil))
		if !callee.args.Calls.Called {
			found.Add(errors.New(callee.args.Name+" does not know that it is called; set its Calls.Called"), "calls")
		}
	}
	if c.Called {
		found.Add(spec.CheckCallee(s.Name))
		if s.CallPort() == 0 {
			found.Add(errors.New("is missing; others call the service at it"), "port")
		}
	}
	return found
}

// newCallRules lets the service's tasks into the security groups of those that it calls, at the port of their containers, where the proxy
// listens too (ServiceConnectService in the ECS API reference, ingressPortOverride).
func (s *FargateService) newCallRules(ctx *pulumi.Context) ([]pulumi.Resource, error) {
	var rules []pulumi.Resource
	for _, callee := range s.args.Calls.Callees {
		// The port is part of the name, as in newRequestRules.
		rule, err := allowTCPFrom(ctx, fmt.Sprintf("%s-calls-%s-%d", s.name, callee.args.Name, callee.args.CallPort()),
			callee.around.securityGroup, peer{group: s.around.securityGroup}, callee.args.CallPort(), s.args.Tags, s.parent())
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// called returns the ECS services that must be there before this one is deployed.
func (c Calls) called() []pulumi.Resource {
	var services []pulumi.Resource
	for _, callee := range c.Callees {
		services = append(services, callee.service)
	}
	return services
}

// environment returns the URLs of those that the service calls. With other calls, or another port, the tasks are started anew: those that
// run would not resolve another name.
func (c Calls) environment() map[string]string {
	urls := make(map[string]string, len(c.Callees))
	for _, callee := range c.Callees {
		urls[spec.CallVariable(callee.args.Name)] = spec.CallURL(callee.args.Name, callee.args.CallPort())
	}
	return urls
}

// serviceConnect returns how a version calls and is called, nil if it does neither. Only the service's own version is called: a canary would
// need a name of its own. Between the proxies is no TLS, which needs an AWS Private CA.
func (s *FargateService) serviceConnect(v version) ecs.ServiceServiceConnectConfigurationPtrInput {
	called := s.args.Calls.Called && v.name == s.name
	if len(s.args.Calls.Callees) == 0 && !called {
		return nil
	}
	connect := ecs.ServiceServiceConnectConfigurationArgs{
		Enabled:   pulumi.Bool(true),
		Namespace: s.args.Calls.Namespace.ARN,
		LogConfiguration: ecs.ServiceServiceConnectConfigurationLogConfigurationArgs{
			LogDriver: pulumi.String("awslogs"),
			Options: pulumi.StringMap{
				"awslogs-group":         s.around.logs.Name,
				"awslogs-region":        pulumi.String(s.args.Cluster.Region),
				"awslogs-stream-prefix": pulumi.String(v.stream),
			},
		},
	}
	if called {
		connect.Services = ecs.ServiceServiceConnectConfigurationServiceArray{ecs.ServiceServiceConnectConfigurationServiceArgs{
			PortName: pulumi.String(s.args.Name), // also the name in Cloud Map
			ClientAlias: ecs.ServiceServiceConnectConfigurationServiceClientAliasArray{
				ecs.ServiceServiceConnectConfigurationServiceClientAliasArgs{
					DnsName: pulumi.String(s.args.Name), Port: pulumi.Int(s.args.CallPort()),
				},
			},
		}}
	}
	return connect
}

// portName returns the name by which Service Connect finds the container's port; "" for a service that nobody calls.
func (s *FargateService) portName() string {
	if s.args.Calls.Called {
		return s.args.Name
	}
	return ""
}
