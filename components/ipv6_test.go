package components

import (
	"encoding/json"
	"strings"
	"testing"

	"slipway/components/mocks"
	"slipway/spec"
)

const (
	ipv4Registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
	ipv6Registry = "123456789012.dkr-ecr.eu-central-1.on.aws"
)

// onIPv6 moves a service to IPv6-only subnets, with images in Amazon ECR.
func onIPv6(a *FargateServiceArgs) {
	a.In.PublicIP, a.In.IPv6Only = false, true
	a.Image.Registry = ipv4Registry
	a.Before = &spec.Before{Command: []string{"migrate"}}
	otel := spec.Image{Registry: "public.ecr.aws", Repository: "otel", Digest: a.Image.Digest}
	a.Sidecars = map[string]spec.Sidecar{"otel": {Image: otel, Memory: 64, Environment: map[string]string{spec.DualStackVariable: "false"}}}
	if a.HTTP != nil {
		a.Priorities[spec.AttachmentRoute("hello", a.WithDefaults().HTTP.HealthCheck, true)] = 5
	}
}

// Tasks with IPv6 addresses alone are IPv6 targets, pull their images at names with IPv6 addresses, and use AWS's dual-stack endpoints.
func TestServiceWithIPv6OnlyTasks(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	var image string
	if err := cloud.Run(fargateService(onIPv6)); err != nil {
		t.Fatal(err)
	}
	group := cloud.Resource("aws:lb/targetGroup:TargetGroup", "dev-hello")
	if got := group.Inputs["ipAddressType"].StringValue(); got != "ipv6" {
		t.Errorf("the targets have addresses of type %s", got)
	}
	rule := cloud.Resource("aws:lb/listenerRule:ListenerRule", "dev-hello/ipv6.hello.service.invalid")
	if got := mocks.JSON(rule.Inputs); !strings.Contains(got, `"priority":5`) {
		t.Errorf("the target group is attached by %s", got)
	}
	definition := cloud.Resource("aws:ecs/taskDefinition:TaskDefinition", "dev-hello")
	var containers []containerDefinition
	if err := json.Unmarshal([]byte(definition.Inputs["containerDefinitions"].StringValue()), &containers); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ registry, dualStack string }{{ipv6Registry, "true"}, {ipv6Registry, "true"}, {"ecr-public.aws.com", "false"}} {
		image, _, _ = strings.Cut(containers[i].Image, "/")
		var dualStack string
		for _, variable := range containers[i].Environment {
			if variable.Name == spec.DualStackVariable {
				dualStack = variable.Value
			}
		}
		if image != want.registry || dualStack != want.dualStack {
			t.Errorf("container %s pulls from %s, and has %s=%s", containers[i].Name, image, spec.DualStackVariable, dualStack)
		}
	}
}

// What does not work without IPv4 is refused in Go as it is in YAML.
func TestIPv6OnlyRefuses(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*FargateServiceArgs){
		"exec: does not work with network.egress ipv6": func(a *FargateServiceArgs) { a.Exec.Enabled = true },
		"image: ": func(a *FargateServiceArgs) { a.Image.Registry = "ghcr.io" },
	} {
		var cloud mocks.Cloud
		err := cloud.Run(fargateService(func(a *FargateServiceArgs) {
			onIPv6(a)
			change(a)
		}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
}
