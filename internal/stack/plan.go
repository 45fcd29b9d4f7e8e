package stack

import (
	"context"
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Creation is a resource that an update would create, since the state has none.
type Creation struct {
	URN    resource.URN
	Parent resource.URN
	// Inputs are the inputs that are known before the update; secrets are withheld.
	Inputs map[string]any
}

// Creations returns what an update with the stack's configuration and program would create. It changes nothing.
func (s *Stack) Creations(ctx context.Context) ([]Creation, error) {
	var creations []Creation
	err := s.preview(ctx, s.stack, "preview", func(event events.EngineEvent) {
		if c, ok := creationIn(event); ok {
			creations = append(creations, c)
		}
	})
	return creations, err
}

// creationIn returns the creation that an event announces. A replacement is not a creation.
func creationIn(event events.EngineEvent) (Creation, bool) {
	e := event.ResourcePreEvent
	if e == nil || e.Metadata.Op != apitype.OpCreate || e.Metadata.New == nil {
		return Creation{}, false
	}
	return Creation{URN: resource.URN(e.Metadata.URN), Parent: resource.URN(e.Metadata.New.Parent), Inputs: e.Metadata.New.Inputs}, true
}

// Ask runs another program for the stack, with its configuration and so with its providers, whose functions the program can call. It
// runs as a preview, so it creates and locks nothing.
func (s *Stack) Ask(ctx context.Context, program func(*pulumi.Context) error) error {
	workspace, err := auto.NewLocalWorkspace(ctx, auto.WorkDir(s.project.Dir()), auto.Pulumi(s.project.workspace.PulumiCommand()), auto.Program(program))
	if err != nil {
		return s.explain(ctx, "asking the providers", err)
	}
	asking, err := auto.SelectStack(ctx, s.Name(), keepSelection{workspace})
	if err != nil {
		return s.explain(ctx, "asking the providers", err)
	}
	return s.preview(ctx, asking, "asking the providers", func(events.EngineEvent) {})
}

func (s *Stack) preview(ctx context.Context, previewed auto.Stack, operation string, see func(events.EngineEvent)) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	reader := readEvents(see)
	_, err := previewed.Preview(ctx, optpreview.EventStreams(reader.stream), optpreview.SuppressOutputs(), optpreview.SuppressProgress())
	complaint := reader.end()
	if err != nil {
		if complaint != "" {
			err = errors.New(complaint)
		}
		return s.explain(ctx, operation, err)
	}
	return nil
}
