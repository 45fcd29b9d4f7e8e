package ecs_test

import (
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/servicediscovery"
	"slipway/localcloud/cloud"
)

// named is a task definition whose port has a name.
func named(s *awstest.ECSStage, family, port string) *cloud.Resource {
	return s.Make(ecs.TaskDefinitionToken, awstest.DefinitionOf(awstest.ContainerOf(cloud.Map{
		"portMappings": []any{cloud.Map{"name": port, "containerPort": 8080.0, "appProtocol": "http"}},
	}), cloud.Map{"family": family}))
}

// connects is the configuration of a service that calls, and that others call at a name.
func connects(namespace *cloud.Resource, services ...any) cloud.Map {
	return cloud.Map{"enabled": true, "namespace": namespace.Outputs["arn"], "services": services}
}

func calledAt(port, name string, number float64) cloud.Map {
	return cloud.Map{"portName": port, "clientAlias": []any{cloud.Map{"dnsName": name, "port": number}}}
}

func endpointsOf(s *awstest.ECSStage, service *cloud.Resource) []ecs.Endpoint {
	status := cloud.StatusOf[ecs.ServiceStatus](s.Look(service))
	return status.Primary().Endpoints
}

// Tasks resolve the names that there were when their deployment began: those of their own service too, and none that came later.
func TestServiceConnect(t *testing.T) {
	s := awstest.NewECSStage(t)
	s.Add(servicediscovery.Kinds()...)
	namespace := s.Make(servicediscovery.HTTPNamespaceToken, cloud.Map{"name": "dev"})
	definition := named(s, "billing", "billing")
	service := func(name string, connect cloud.Map) cloud.Map {
		return s.Service(cloud.Map{"name": name, "taskDefinition": definition.ID, "serviceConnectConfiguration": connect, "loadBalancers": nil, "healthCheckGracePeriodSeconds": nil})
	}
	early := s.Make(ecs.ServiceToken, service("early", connects(namespace)))
	billing := s.Make(ecs.ServiceToken, service("billing", connects(namespace, calledAt("billing", "billing", 80))))
	late := s.Make(ecs.ServiceToken, service("late", connects(namespace)))
	if got := endpointsOf(s, early); len(got) != 0 {
		t.Errorf("one that was there before resolves %v", got)
	}
	want := ecs.Endpoint{Name: "billing", Port: 80, Service: billing.ID, ContainerPort: 8080}
	for _, r := range []*cloud.Resource{billing, late} {
		if got := endpointsOf(s, r); len(got) != 1 || got[0] != want {
			t.Errorf("%s resolves %v, want %v", r.ID, got, want)
		}
	}
	s.Refused(s.Delete(t.Context(), awstest.Here, servicediscovery.HTTPNamespaceToken, namespace.ID, 0), "ResourceInUse", "has associated services")

	const invalid = "InvalidParameterException"
	other := s.Make(servicediscovery.HTTPNamespaceToken, cloud.Map{"name": "other"})
	gone := cloud.Resource{Outputs: cloud.Map{"arn": "arn:aws:servicediscovery:eu-central-1:000000000000:namespace/ns-0"}}
	for words, test := range map[string]struct {
		connect cloud.Map
		code    string
	}{
		"was not found":  {connects(&gone), "NamespaceNotFoundException"},
		"portName(web) ": {connects(namespace, calledAt("web", "web", 80)), invalid},
		"SC service is already used by " + namespace.Text("arn"): {connects(namespace, calledAt("billing", "other", 80)), invalid},
	} {
		_, err := s.Try(ecs.ServiceToken, service("x", test.connect))
		s.Refused(err, test.code, words)
	}
	if _, err := s.Try(ecs.ServiceToken, service("x", connects(other, calledAt("billing", "billing", 80)))); err != nil {
		t.Errorf("the name in another namespace: %v", err)
	}
}
