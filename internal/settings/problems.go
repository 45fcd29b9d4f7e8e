package settings

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Redacted takes the place of what is not shown.
const Redacted = "[secret]"

// Problems gathers what is wrong with the config, so that all of it is reported at once.
type Problems struct {
	errs   []error
	hidden bool // a value is not shown, since there are secrets around it
}

// Add reports what is wrong with the value at key. The message must not contain the value of a secret.
func (p *Problems) Add(key, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("%s: %w", key, fmt.Errorf(format, args...)))
}

// AddValue reports what is wrong with a value. A text is shown only if it is not secret; a number is what a setting takes,
// and no secret. The error must not contain the value: not even a part of it,
// but in what its method Instead returns if it has one: how to write the value.
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

// addWrongType reports a value's type. It does not show the value: what is in the wrong place may be a secret.
func (p *Problems) addWrongType(key string, value any, want string) {
	advice := ""
	if name := typeName(value); want == "a string" && (name == "a number" || name == "a boolean") {
		advice = ": put it in quotation marks"
	}
	p.Add(key, "is %s and must be %s%s", typeName(value), want, advice)
}

// Within reports whether anything at key, or inside what is there, is a problem already.
func (p *Problems) Within(key string) bool {
	return slices.ContainsFunc(p.errs, func(err error) bool { return strings.HasPrefix(err.Error(), key) })
}

// At reports whether the value at key, or an element of a list there, is a problem already.
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
		note = fmt.Sprintf(" (%s is any text that may be encrypted: Pulumi does not tell which are)", Redacted)
	}
	return fmt.Errorf("config of stack %s%s:\n%w", stack, note, errors.Join(p.errs...))
}
