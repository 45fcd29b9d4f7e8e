package stack

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Change is what a refresh would do to a resource of the state, because the real one differs.
type Change struct {
	Operation string // "update", or "delete" if it is gone
	Type      string // in the Pulumi CLI's form: aws:cloudwatch:LogGroup
	Name      string // the resource's name in the program
}

// Drift reads every resource of the stack from the providers, and returns those that differ from the state. It changes nothing, and
// takes no lock.
func (s *Stack) Drift(ctx context.Context) ([]Change, error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	var changes []Change
	reader := readEvents(func(event events.EngineEvent) {
		if e := event.ResOutputsEvent; e != nil && drifted(e.Metadata.Op) {
			changes = append(changes, Change{string(e.Metadata.Op), ShortType(e.Metadata.Type), resource.URN(e.Metadata.URN).Name()})
		}
	})
	_, err := s.stack.PreviewRefresh(ctx, optrefresh.EventStreams(reader.stream), optrefresh.SuppressOutputs(), optrefresh.SuppressProgress())
	complaint := reader.end()
	if err != nil {
		if complaint != "" {
			err = errors.New(complaint)
		}
		return nil, s.explain(ctx, "looking for drift", err)
	}
	return changes, nil
}

func drifted(op apitype.OpType) bool {
	return op != apitype.OpSame && op != apitype.OpRefresh
}

// ShortType is a resource's type in the Pulumi CLI's form, without its module's file: aws:ecs/service:Service is aws:ecs:Service.
func ShortType(token string) string {
	pkg, rest, ok := strings.Cut(token, ":")
	if !ok {
		return token
	}
	module, member, ok := strings.Cut(rest, ":")
	if !ok {
		return token
	}
	module, _, _ = strings.Cut(module, "/")
	return fmt.Sprintf("%s:%s:%s", pkg, module, member)
}

// colors are the engine's directives for the terminal, such as <{%fg 1%}>.
var colors = regexp.MustCompile(`<\{%[^%]*%\}>`)

// plain is the first line of a diagnostic, without colours.
func plain(message string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(colors.ReplaceAllString(message, "")), "\n")
	return first
}
