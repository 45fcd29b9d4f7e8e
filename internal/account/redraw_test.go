package account

import (
	"context"
	"errors"
	"testing"

	"slipway/components/mocks"
	"slipway/config"
	"slipway/config/configtest"
	"slipway/internal/standing"
	"slipway/spec"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// changing is a listener that changes between two looks.
type changing struct {
	holds
	looks []standing.Listener
	err   error // of a look after the last one
}

func (c *changing) Standing(context.Context, standing.Sought) (standing.Listener, error) {
	if len(c.looks) == 0 {
		return standing.Listener{}, c.err
	}
	look := c.looks[0]
	c.looks = c.looks[1:]
	return look, nil
}

// redrawn returns the number that the route of service hello gets first, and those that it gets by and by.
func redrawn(t *testing.T, in Account, times int) (first int, then []int) {
	t.Helper()
	cfg, err := config.Read(configtest.Source(configtest.Service(""), "platform", "acme/slipway/platform"))
	if err != nil {
		t.Fatal(err)
	}
	cloud := mocks.Cloud{Others: map[string]map[string]any{"acme/slipway/platform": offered(nil)}}
	err = cloud.Run(func(ctx *pulumi.Context) error {
		found, err := LookUp(ctx, cfg, in)
		if err != nil {
			return err
		}
		priorities, err := cfg.Prioritize(found.Zone, found.Priorities)
		if err != nil {
			return err
		}
		route := cfg.Routes()[0]
		first = priorities.Routes[route]
		redraw := found.Redraw(priorities.Routes)
		for range times {
			then = append(then, redraw(ctx.Context(), route))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return first, then
}

func TestRedrawAvoidsWhatAnotherStackTookMeanwhile(t *testing.T) {
	t.Parallel()
	free, _ := redrawn(t, &changing{looks: make([]standing.Listener, 1)}, 0)
	taken := standing.Listener{Rules: []standing.Rule{{Priority: free, Hostname: "other.example.com", Path: "/*", Project: "slipway", Stack: "other"}}}
	first, then := redrawn(t, &changing{looks: []standing.Listener{{}, taken}}, 2)
	if first != free || then[0] == free || then[0] == 0 || then[1] != then[0] {
		t.Errorf("%d at first, then %v; %d was free", first, then, free)
	}
}

func TestRedrawKeepsWhatTheStackHas(t *testing.T) {
	t.Parallel()
	own := standing.Listener{Rules: []standing.Rule{{Priority: 20_000, Hostname: "hello.example.com", Path: "/*", Project: "slipway", Stack: "dev"}}}
	for name, in := range map[string]*changing{
		"nothing changes":   {looks: []standing.Listener{{}, {}}},
		"it cannot look":    {looks: []standing.Listener{{}}, err: errors.New("throttled")},
		"the rule is there": {looks: []standing.Listener{own}, err: errors.New("there should be no look")},
	} {
		first, then := redrawn(t, in, 1)
		if then[0] != first || first == 0 {
			t.Errorf("%s: %d at first, then %d", name, first, then[0])
		}
	}
}

// A load balancer of the stack's own has rules of nobody else.
func TestNoRedrawOnAnOwnListener(t *testing.T) {
	t.Parallel()
	found, _, err := lookUp(t, configtest.Service(""), nil, &holds{})
	if err != nil || found.Redraw(map[spec.Route]int{}) != nil {
		t.Errorf("numbers are drawn again (%v)", err)
	}
}
