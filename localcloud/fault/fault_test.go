package fault

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/cloud"

	"pgregory.net/rapid"
)

const vpcToken, subnetToken = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet"

func create(token, name string) Operation {
	return Operation{Verb: cloud.Create, Token: token, Name: name}
}

// manners are of a provider that tries three times.
func manners() *Manners {
	return &Manners{
		Denied:    cloud.Errorf("AccessDenied", "no"),
		Throttled: cloud.Errorf("ThrottlingException", "Rate exceeded"),
		Attempts:  3,
		Backoff:   func(int) time.Duration { return time.Millisecond },
		GaveUp:    func(_ int, err error) error { return errors.Join(errors.New("gave up"), err) },
		Lost:      errors.New("no reply"),
		Waits: []Wait{
			{Token: vpcToken, Wait: cloud.Wait{Verb: cloud.Create, Failure: "waited for %s"}},
			{Token: subnetToken, Wait: cloud.Wait{Verb: cloud.Create, Failure: "waited", Whole: true}},
		},
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	tests := map[string]struct {
		fault Fault
		token string // default that of a VPC
		fails error  // what the operation itself fails with

		want string // the error's text; empty for none
		done bool   // whether it was carried out
		lost bool
	}{
		"none":                         {fault: Fault{Mode: Refuse, Token: subnetToken}, done: true},
		"refused":                      {fault: Fault{Mode: Refuse}, want: "creating VPC: api error AccessDenied: no"},
		"refused with a code":          {fault: Fault{Mode: Refuse, Code: "VpcLimitExceeded", Message: "five"}, want: "creating VPC: api error VpcLimitExceeded: five"},
		"lost":                         {fault: Fault{Mode: Lose}, want: "creating VPC: no reply", done: true, lost: true},
		"a failure that is lost":       {fault: Fault{Mode: Lose}, fails: broken, want: "creating VPC: no reply", done: true, lost: true},
		"slow":                         {fault: Fault{Mode: Slow, Delay: time.Millisecond}, done: true},
		"throttled less than it cares": {fault: Fault{Mode: Throttle, Times: 2}, done: true},
		"throttled too often":          {fault: Fault{Mode: Throttle, Times: 3}, want: "creating VPC: gave up\napi error ThrottlingException: Rate exceeded"},
		"throttled for good":           {fault: Fault{Mode: Throttle}, want: "creating VPC: gave up\napi error ThrottlingException: Rate exceeded"},
		"half done":                    {fault: Fault{Mode: Partial}, want: "waited for vpc-1", done: true},
		"half done, failed before":     {fault: Fault{Mode: Partial}, fails: broken, want: "broken", done: true},
		"half done without a half":     {fault: Fault{Mode: Partial}, token: "aws:iam/role:Role", done: true},
		"half done, all of it a wait":  {fault: Fault{Mode: Partial}, token: subnetToken, want: "creating VPC: waited"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var p Plan
			if _, err := p.Add(test.fault); err != nil {
				t.Fatal(err)
			}
			if test.token == "" {
				test.token = vpcToken
			}
			done := false
			err := p.Around(t.Context(), create(test.token, "v"), "VPC", manners(), func() (string, error) {
				done = true
				return "vpc-1", test.fails
			})
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != test.want || done != test.done || IsLost(err) != test.lost {
				t.Errorf("got %q, done %v, lost %v; want %q, %v, %v", text, done, IsLost(err), test.want, test.done, test.lost)
			}
		})
	}
}

func TestWhichOperationsFail(t *testing.T) {
	t.Parallel()
	operations := []Operation{
		create(vpcToken, "a"), create(subnetToken, "a-1"), create(subnetToken, "a-2"),
		{Verb: cloud.Read, Token: vpcToken, Name: "a"},
		create(subnetToken, "a-1"),
		{Verb: cloud.Invoke, Token: "aws:index/getRegion:getRegion"},
	}
	tests := map[string]struct {
		fault Fault
		want  []int
	}{
		"the first":                 {Fault{}, []int{0}},
		"the second of all":         {Fault{Nth: 2}, []int{1}},
		"all":                       {Fault{Count: -1}, []int{0, 1, 2, 3, 4, 5}},
		"all from the fifth":        {Fault{Nth: 5, Count: -1}, []int{4, 5}},
		"a verb":                    {Fault{Verb: cloud.Invoke}, []int{5}},
		"a token":                   {Fault{Token: subnetToken, Nth: 2, Count: 2}, []int{2, 4}},
		"a pattern over the slash":  {Fault{Token: "aws:*:Vpc", Count: -1}, []int{0, 3}},
		"a pattern is the whole":    {Fault{Token: "ec2", Count: -1}, nil},
		"no regular expression":     {Fault{Token: ".+", Count: -1}, nil},
		"a name":                    {Fault{Name: "a-*", Count: -1}, []int{1, 2, 4}},
		"everything once":           {Fault{Each: true}, []int{0, 1, 2, 3, 5}},
		"the second time of each":   {Fault{Each: true, Nth: 2}, []int{4}},
		"each of a token, unending": {Fault{Each: true, Token: subnetToken, Count: -1}, []int{1, 2, 4}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var p Plan
			test.fault.Mode = Refuse
			if _, err := p.Add(test.fault); err != nil {
				t.Fatal(err)
			}
			var got []int
			var hits []Operation
			for i, o := range operations {
				if p.Around(t.Context(), o, "", manners(), func() (string, error) { return "", nil }) != nil {
					got, hits = append(got, i), append(hits, o)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("failed: %v; want %v", got, test.want)
			}
			if listed := p.List()[0].Hits; !slices.Equal(listed, hits) {
				t.Errorf("listed as hit: %v; were %v", listed, hits)
			}
		})
	}
}

func TestOperationsInWords(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]Fault{
		"number 1 of every operation":                        {},
		"every create of aws:ec2/*":                          {Verb: cloud.Create, Token: "aws:ec2/*", Count: -1},
		"from number 3 on every delete named hello":          {Verb: cloud.Delete, Name: "hello", Nth: 3, Count: -1},
		"numbers 2 to 4 of every operation on each resource": {Nth: 2, Count: 3, Each: true},
	} {
		if got := f.Operations(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestContradictoryFaultsAreRefused(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]Fault{
		`"" is not a mode`:                       {},
		`"break" is not a mode`:                  {Mode: "break"},
		`"make" is not an operation`:             {Mode: Refuse, Verb: "make"},
		"nth is -1":                              {Mode: Refuse, Nth: -1},
		"count is -2":                            {Mode: Refuse, Count: -2},
		"neither delay nor times":                {Mode: Slow, Delay: -1},
		"an option of mode throttle is given to": {Mode: Refuse, Times: 3},
		"an option of mode refuse is given to":   {Mode: Lose, Code: "AccessDenied"},
		"an option of mode slow is given to":     {Mode: Lose, Delay: time.Second},
	} {
		var p Plan
		if _, err := p.Add(f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v; want %q", f, err, want)
		}
		if len(p.List()) > 0 {
			t.Errorf("%+v was added all the same", f)
		}
	}
}

func TestClear(t *testing.T) {
	t.Parallel()
	var p Plan
	for range 3 {
		if _, err := p.Add(Fault{Mode: Refuse}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Clear(2); err != nil {
		t.Fatal(err)
	}
	if l := p.List(); len(l) != 2 || l[0].ID != 1 || l[1].ID != 3 {
		t.Errorf("left: %+v", l)
	}
	if err := p.Clear(2); err == nil {
		t.Error("cleared twice")
	}
	if err := p.Clear(0); err != nil || len(p.List()) > 0 {
		t.Errorf("clear all: %v, left %+v", err, p.List())
	}
}

// A wait that the engine cancels ends at once, and the operation never happens.
func TestCancel(t *testing.T) {
	t.Parallel()
	for _, f := range []Fault{{Mode: Slow, Delay: time.Hour}, {Mode: Throttle}} {
		p := Plan{Latency: 1e9}
		if _, err := p.Add(f); err != nil {
			t.Fatal(err)
		}
		cause := errors.New("cancelled by the engine")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		err := p.Around(ctx, create(vpcToken, "v"), "VPC", manners(), func() (string, error) {
			t.Error("carried out")
			return "", nil
		})
		if !errors.Is(err, cause) {
			t.Errorf("%s: %v", f.Mode, err)
		}
	}
}

func TestExponential(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		shortest := time.Duration(rapid.Int64Range(1, int64(time.Second)).Draw(t, "shortest"))
		longest := shortest * time.Duration(rapid.Int64Range(1, 1000).Draw(t, "factor"))
		n := rapid.IntRange(1, 200).Draw(t, "n")
		d := Exponential(shortest, longest)(n)
		least := shortest
		for i := 1; i < n && least < longest; i++ {
			least *= 2
		}
		if d < min(least, longest) || d > min(2*least, longest) {
			t.Fatalf("the pause before attempt %d is %s", n+1, d)
		}
	})
}
