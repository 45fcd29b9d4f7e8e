package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"slipway/internal/deployments"
	"slipway/internal/stack"
)

// progress tells what an update does, a line for each change.
type progress struct {
	out     io.Writer
	now     func() time.Time
	rollout func(ctx context.Context, clusterARN, service string) (deployments.Rollout, error)

	begun   map[resource.URN]time.Time
	watched []*watched
	changes int
	// complaints are the engine's errors, each once.
	complaints []string
}

// watched is an ECS service that the update changes.
type watched struct {
	label, cluster, service string
	said                    string
}

// done are the words for what has happened to a resource; what is not among them has not changed.
var done = map[apitype.OpType]string{
	apitype.OpCreate: "created", apitype.OpUpdate: "updated", apitype.OpDelete: "deleted", apitype.OpReplace: "replaced",
	apitype.OpCreateReplacement: "created anew", apitype.OpDeleteReplaced: "deleted, replaced", apitype.OpImport: "imported",
}

// see takes an event of the engine.
func (p *progress) see(event events.EngineEvent) {
	switch {
	case event.ResourcePreEvent != nil:
		p.begin(event.ResourcePreEvent.Metadata)
	case event.ResOutputsEvent != nil:
		p.end(event.ResOutputsEvent.Metadata)
	case event.ResOpFailedEvent != nil:
		m := event.ResOpFailedEvent.Metadata
		fmt.Fprintf(p.out, "  failed  %s %s\n", stack.ShortType(m.Type), resource.URN(m.URN).Name())
	case event.DiagnosticEvent != nil && event.DiagnosticEvent.Severity == "error":
		p.complain(stack.Plain(event.DiagnosticEvent.Message))
	case event.DiagnosticEvent != nil && event.DiagnosticEvent.Severity == "warning":
		fmt.Fprintf(p.out, "  warning: %s\n", stack.Plain(event.DiagnosticEvent.Message))
	}
}

// complain keeps an error, unless it is in another one: the engine repeats what a resource says.
func (p *progress) complain(text string) {
	if text == "" || text == "update failed" || slices.ContainsFunc(p.complaints, func(said string) bool { return strings.Contains(said, text) }) {
		return
	}
	p.complaints = slices.DeleteFunc(p.complaints, func(said string) bool { return strings.Contains(text, said) })
	p.complaints = append(p.complaints, text)
}

func (p *progress) begin(m apitype.StepEventMetadata) {
	if p.begun == nil {
		p.begun = map[resource.URN]time.Time{}
	}
	urn := resource.URN(m.URN)
	p.begun[urn] = p.now()
	if done[m.Op] == "" || m.New == nil || m.Type != "aws:ecs/service:Service" {
		return
	}
	cluster, _ := m.New.Inputs["cluster"].(string)
	name, _ := m.New.Inputs["name"].(string)
	if cluster != "" && name != "" {
		p.watched = append(p.watched, &watched{label: urn.Name(), cluster: cluster, service: name})
	}
}

func (p *progress) end(m apitype.StepEventMetadata) {
	word := done[m.Op]
	if word == "" || strings.HasPrefix(m.Type, "slipway:") || strings.HasPrefix(m.Type, "pulumi:") {
		return
	}
	p.changes++
	urn := resource.URN(m.URN)
	took := ""
	if begun, ok := p.begun[urn]; ok {
		took = " in " + rounded(p.now().Sub(begun))
	}
	fmt.Fprintf(p.out, "  %s %s %s%s\n", word, stack.ShortType(m.Type), urn.Name(), took)
}

// tick tells how far the changed services are, if that has changed. Without an answer it says nothing: the update does not depend on it.
func (p *progress) tick(ctx context.Context) {
	for _, w := range p.watched {
		at, err := p.rollout(ctx, w.cluster, w.service)
		if err != nil || at.String() == w.said {
			continue
		}
		w.said = at.String()
		fmt.Fprintf(p.out, "    %s: %s\n", w.label, w.said)
	}
}

// rounded is a duration as people read it.
func rounded(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
