package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestCode(t *testing.T) {
	t.Parallel()
	left := Said(3, "something is left")
	for _, tt := range []struct {
		err  error
		code int
		told string
	}{
		{nil, 0, ""},
		{errors.New("no stack"), 1, "ship: no stack\n"},
		{left, 3, ""},
		{fmt.Errorf("ship: %w", left), 3, ""},
		{ErrUsage, 2, ""},
	} {
		var stderr bytes.Buffer
		if got := code("ship", tt.err, &stderr); got != tt.code || stderr.String() != tt.told {
			t.Errorf("%v: ends with %d, and tells %q; want %d and %q", tt.err, got, &stderr, tt.code, tt.told)
		}
	}
}

// Errors that say the same are still two.
func TestSaidIsItself(t *testing.T) {
	t.Parallel()
	one, other := Said(1, "left"), Said(1, "left")
	if !errors.Is(one, one) || errors.Is(one, other) {
		t.Error("an error that was said is taken for another")
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		err  error
		says []string
	}{
		"right":    {[]string{"-yes", "dev"}, nil, nil},
		"help":     {[]string{"-h"}, ErrUsage, []string{"usage: ship STACK\n", "-yes"}},
		"no flag":  {[]string{"-no"}, ErrUsage, []string{"not defined: -no", "usage: ship STACK\n"}},
		"no stack": {nil, ErrUsage, []string{"ship: name a stack\n", "usage: ship STACK\n", "-yes"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			flags := NewFlags("ship", "usage: ship STACK\n", &out)
			flags.Bool("yes", false, "do not ask")
			err := flags.Parse(tt.args)
			if err == nil && flags.NArg() == 0 {
				err = flags.Refuse("name a stack")
			}
			if !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			for _, want := range tt.says {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not in\n%s", want, &out)
				}
			}
			if len(tt.says) == 0 && out.Len() > 0 {
				t.Errorf("it says %q", &out)
			}
		})
	}
}
