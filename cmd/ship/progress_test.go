package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"slipway/internal/deployments"
)

// step is an operation of the engine on a resource of stack dev.
func step(op apitype.OpType, token, name string, inputs map[string]any) apitype.StepEventMetadata {
	return apitype.StepEventMetadata{
		Op: op, Type: token, URN: "urn:pulumi:dev::slipway::" + token + "::" + name, New: &apitype.StepEventStateMetadata{Inputs: inputs},
	}
}

func begins(m apitype.StepEventMetadata) events.EngineEvent {
	return events.EngineEvent{EngineEvent: apitype.EngineEvent{ResourcePreEvent: &apitype.ResourcePreEvent{Metadata: m}}}
}

func ends(m apitype.StepEventMetadata) events.EngineEvent {
	return events.EngineEvent{EngineEvent: apitype.EngineEvent{ResOutputsEvent: &apitype.ResOutputsEvent{Metadata: m}}}
}

func says(severity, message string) events.EngineEvent {
	return events.EngineEvent{EngineEvent: apitype.EngineEvent{DiagnosticEvent: &apitype.DiagnosticEvent{Severity: severity, Message: message}}}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	clock := time.Unix(0, 0)
	answers := []deployments.Rollout{
		{Wanted: 2, Running: 1, Old: 2, Targets: true, Healthy: 2},
		{Wanted: 2, Running: 1, Old: 2, Targets: true, Healthy: 2}, // not told again
		{Wanted: 2, Running: 2, Old: 2, Targets: true, Healthy: 2, Draining: 2},
	}
	p := &progress{out: &out, now: func() time.Time { return clock }, rollout: func(_ context.Context, cluster, service string) (deployments.Rollout, error) {
		if cluster != "arn:cluster" || service != "dev-web-1" {
			t.Errorf("asked for service %s of %s", service, cluster)
		}
		if len(answers) == 0 {
			return deployments.Rollout{}, errors.New("throttled")
		}
		next := answers[0]
		answers = answers[1:]
		return next, nil
	}}
	service := step(apitype.OpUpdate, "aws:ecs/service:Service", "dev-web", map[string]any{"cluster": "arn:cluster", "name": "dev-web-1"})
	p.see(begins(step(apitype.OpSame, "aws:ecs/service:Service", "dev-same", map[string]any{"cluster": "arn:cluster", "name": "dev-same"})))
	p.see(begins(step(apitype.OpCreate, "slipway:index:FargateService", "dev", nil)))
	p.see(ends(step(apitype.OpCreate, "slipway:index:FargateService", "dev", nil)))
	p.see(ends(step(apitype.OpSame, "aws:ec2/vpc:Vpc", "dev", nil)))
	p.see(begins(service))
	for range 4 {
		p.tick(t.Context())
	}
	clock = clock.Add(12345 * time.Millisecond)
	p.see(ends(service))
	p.see(says("warning", "<{%fg 3%}>the image is named by a tag<{%reset%}>\n"))
	p.see(events.EngineEvent{EngineEvent: apitype.EngineEvent{ResOpFailedEvent: &apitype.ResOpFailedEvent{
		Metadata: step(apitype.OpUpdate, "aws:ecs/service:Service", "dev-api", nil),
	}}})
	for _, message := range []string{"ECS rolled the deployment back\n", "update failed", "dev-web: ECS rolled the deployment back", "rolled the deployment back"} {
		p.see(says("error", message))
	}
	want := `    dev-web: 1 of 2 new tasks run, 2 old; behind the load balancer 2 healthy
    dev-web: 2 of 2 new tasks run, 2 old; behind the load balancer 2 healthy, 2 draining
  updated aws:ecs:Service dev-web in 12s
  warning: the image is named by a tag
  failed  aws:ecs:Service dev-api
`
	if out.String() != want || p.changes != 1 || !slices.Equal(p.complaints, []string{"dev-web: ECS rolled the deployment back"}) {
		t.Errorf("it says\n%s\nwant\n%s\n%d changes, complaints %q", &out, want, p.changes, p.complaints)
	}
}
