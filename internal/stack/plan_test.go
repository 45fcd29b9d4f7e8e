package stack

import (
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// fakePreview fails without an event, like a preview that cannot begin. A program that replaces the project's must be served.
func fakePreview(args []string) int {
	if address := flagValue(args, "--client"); address != "" {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			panic(err)
		}
		connection.Close()
	}
	fmt.Fprintln(os.Stderr, "error: no preview here, with the file", os.Getenv(configFileVariable))
	return 255
}

func preEvent(op apitype.OpType, urn resource.URN, state *apitype.StepEventStateMetadata) events.EngineEvent {
	return events.EngineEvent{EngineEvent: apitype.EngineEvent{ResourcePreEvent: &apitype.ResourcePreEvent{
		Metadata: apitype.StepEventMetadata{Op: op, URN: string(urn), New: state},
	}}}
}

// Creations are resources that the state does not have: neither unchanged ones nor replacements.
func TestCreationIn(t *testing.T) {
	network, vpc := urn("", "slipway:index:Network", "dev"), urn("slipway:index:Network$", "aws:ec2/vpc:Vpc", "dev")
	state := &apitype.StepEventStateMetadata{Parent: string(network), Inputs: map[string]any{"cidrBlock": "10.0.0.0/16"}}
	for name, test := range map[string]struct {
		event events.EngineEvent
		want  *Creation
	}{
		"a creation":    {preEvent(apitype.OpCreate, vpc, state), &Creation{vpc, network, state.Inputs}},
		"a replacement": {preEvent(apitype.OpCreateReplacement, vpc, state), nil},
		"no change":     {preEvent(apitype.OpSame, vpc, state), nil},
		"a deletion":    {preEvent(apitype.OpDelete, vpc, nil), nil},
		"no state":      {preEvent(apitype.OpCreate, vpc, nil), nil},
		"another event": {events.EngineEvent{}, nil},
	} {
		got, ok := creationIn(test.event)
		if ok != (test.want != nil) || ok && !reflect.DeepEqual(got, *test.want) {
			t.Errorf("%s: %+v, %t", name, got, ok)
		}
	}
}

func TestCreationsOfAnEngineThatFails(t *testing.T) {
	s := open(t, project(t, nil))
	if _, err := s.Creations(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "preview of stack dev: ") {
		t.Errorf("the error is %v", err)
	}
	if log := commands(t); !strings.Contains(log, "preview ") || !strings.Contains(log, "--stack dev") || strings.Contains(log, "--client") {
		t.Errorf("it was asked for\n%s", log)
	}
}

// The asking program is served to the engine instead of the project's, for the stack, which does not get selected.
func TestAskOfAnEngineThatFails(t *testing.T) {
	s := open(t, project(t, nil))
	program := func(*pulumi.Context) error { return errors.New("it runs, and it should not") }
	if err := s.Ask(t.Context(), program); err == nil || !strings.HasPrefix(err.Error(), "asking the providers of stack dev: ") {
		t.Errorf("the error is %v", err)
	}
	log := commands(t)
	if !strings.Contains(log, "preview --client=127.0.0.1:") || !strings.Contains(log, "--stack dev") || strings.Contains(log, "stack select") {
		t.Errorf("it was asked for\n%s", log)
	}
}

// The engine's first error explains its end.
func TestEvents(t *testing.T) {
	diagnostic := func(severity, message string) events.EngineEvent {
		return events.EngineEvent{EngineEvent: apitype.EngineEvent{DiagnosticEvent: &apitype.DiagnosticEvent{Severity: severity, Message: message}}}
	}
	seen := 0
	r := readEvents(func(events.EngineEvent) { seen++ })
	for _, event := range []events.EngineEvent{
		diagnostic("warning", "slow"), diagnostic("error", "<{%reset%}>AccessDenied: no\nmore"), diagnostic("error", "update failed"), {},
	} {
		r.stream <- event
	}
	close(r.stream)
	if complaint := r.end(); complaint != "AccessDenied: no" || seen != 4 {
		t.Errorf("of %d events the complaint is %q", seen, complaint)
	}
}
