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

// Change is what a refresh would do to a resource of the state, because the real one is not as the state says.
type Change struct {
	Operation string // "update", or "delete" if it is gone
	Type      string // as the Pulumi CLI shows it: aws:cloudwatch:LogGroup
	Name      string // the resource's name in the program
}

// Drift asks the providers for every resource of the stack, and returns those that are not as the state says. It changes
// nothing, and takes no lock.
func (s *Stack) Drift(ctx context.Context) ([]Change, error) {
	stream := make(chan events.EngineEvent)
	returned := make(chan struct{})
	read := make(chan struct{})
	var changes []Change
	var complaint string
	go func() {
		defer close(read)
		for {
			select {
			case event, more := <-stream:
				if !more {
					return
				}
				if e := event.ResOutputsEvent; e != nil && drifted(e.Metadata.Op) {
					changes = append(changes, Change{string(e.Metadata.Op), ShortType(e.Metadata.Type), resource.URN(e.Metadata.URN).Name()})
				}
				if e := event.DiagnosticEvent; e != nil && e.Severity == "error" && complaint == "" {
					complaint = plain(e.Message)
				}
			case <-returned: // the stream is closed only if the engine has begun to tell something
				return
			}
		}
	}()
	_, err := s.stack.PreviewRefresh(ctx, optrefresh.EventStreams(stream), optrefresh.SuppressOutputs(), optrefresh.SuppressProgress())
	close(returned)
	<-read
	if err != nil {
		// What the engine complained of is the reason; the Automation API knows but the exit code.
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

// ShortType is a resource's type as the Pulumi CLI shows it, without its module's file: aws:ecs/service:Service is
// aws:ecs:Service.
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
