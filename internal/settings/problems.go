package settings

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Redacted replaces a value that is not shown.
const Redacted = "[secret]"

// Problems collects everything that is wrong with the config, to report it at once.
type Problems struct {
	errs   []error
	hidden bool // a value is not shown, because there are secrets around it
}

// Add reports what is wrong with the value at key. The message must not contain the value of a secret.
func (p *Problems) Add(key, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("%s: %w", key, fmt.Errorf(format, args...)))
}

// AddValue reports a wrong value. It shows a text only if it is not secret; a number is never secret. The error must not contain any
// part of the value, except in its method Instead, if it has one, which says how to write the value.
func (p *Problems) AddValue(key string, value any, secret bool, err error) {
	shown := fmt.Sprint(value)
	if _, isText := value.(string); isText {
		shown = strconv.Quote(shown)
		if secret {
			shown, p.hidden = Redacted, true
		}
	}
	if runes := []rune(shown); len(runes) > 100 {
		shown = string(runes[:100]) + "…"
	}
	var other interface{ Instead() string }
	if shown != Redacted && errors.As(err, &other) && other.Instead() != "" {
		p.Add(key, "%s: %w; write it as %q", shown, err, other.Instead())
		return
	}
	p.Add(key, "%s: %w", shown, err)
}

// addWrongType reports a value's wrong type. It does not show the value: a misplaced value may be a secret.
func (p *Problems) addWrongType(key string, value any, want string) {
	advice := ""
	if name := typeName(value); want == "a string" && (name == "a number" || name == "a boolean") {
		advice = ": put it in quotation marks"
	}
	p.Add(key, "is %s and must be %s%s", typeName(value), want, advice)
}

// Within reports whether there is a problem at key, or inside its value, already.
func (p *Problems) Within(key string) bool {
	return slices.ContainsFunc(p.errs, func(err error) bool { return strings.HasPrefix(err.Error(), key) })
}

// At reports whether there is a problem at key, or at an element of a list there, already.
func (p *Problems) At(key string) bool {
	return slices.ContainsFunc(p.errs, func(err error) bool {
		return strings.HasPrefix(err.Error(), key+": ") || strings.HasPrefix(err.Error(), key+"[")
	})
}

// Any reports whether there are problems.
func (p *Problems) Any() bool { return len(p.errs) > 0 }

// Err returns the problems of a stack's config, sorted by key, as one error; nil if there are none.
func (p *Problems) Err(stack string) error {
	if !p.Any() {
		return nil
	}
	slices.SortFunc(p.errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	note := ""
	if p.hidden {
		note = fmt.Sprintf(" (%s is any text that may be encrypted: Pulumi does not say which are)", Redacted)
	}
	return fmt.Errorf("config of stack %s%s:\n%w", stack, note, errors.Join(p.errs...))
}
