package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// problems gathers what is wrong with the config, so that all of it is reported at once.
type problems struct {
	errs   []error
	hidden bool // a value is not shown, since there are secrets around it
}

// add reports what is wrong with the value at key. The message must not contain the value of a secret.
func (p *problems) add(key, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("%s: %w", key, fmt.Errorf(format, args...)))
}

// addValue reports what is wrong with a value. A text is shown only if it is not secret; a number is what a setting takes,
// and no secret. The error must not contain the value: not even a part of it.
func (p *problems) addValue(key string, value any, secret bool, err error) {
	shown := fmt.Sprint(value)
	if _, isText := value.(string); isText {
		shown = strconv.Quote(shown)
		if secret {
			shown, p.hidden = redacted, true
		}
	}
	if runes := []rune(shown); len(runes) > 100 {
		shown = string(runes[:100]) + "…"
	}
	p.add(key, "%s: %w", shown, err)
}

// addWrongType reports a value's type. It does not show the value: what is in the wrong place may be a secret.
func (p *problems) addWrongType(key string, value any, want string) {
	p.add(key, "is %s and must be %s", typeName(value), want)
}

// within reports whether anything at key, or inside what is there, is a problem already.
func (p *problems) within(key string) bool {
	return slices.ContainsFunc(p.errs, func(err error) bool { return strings.HasPrefix(err.Error(), key) })
}

// object reads an object of the config strictly: every getter reports a value of the wrong type, and close reports the
// keys that no getter has asked for. A key that is absent or null has its default. Keys are reported the way
// `pulumi config set --path` takes them.
type object struct {
	key        string // where the object is; ends with a colon for the root
	values     map[string]any
	known      map[string]bool
	secret     bool     // there are Pulumi secrets in it: no text in it is shown
	secretKeys []string // of the root: the keys of its members that there are Pulumi secrets in
	problems   *problems
}

func newObject(key string, values map[string]any, problems *problems) *object {
	return &object{key: key, values: values, known: make(map[string]bool), problems: problems}
}

// maxShownName is how much of a member's name is shown, in bytes. It is longer than any name that is right.
const maxShownName = 100

func shortened(name string) string {
	if len(name) > maxShownName {
		return strings.ToValidUTF8(name[:maxShownName], "") + "…"
	}
	return name
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// path returns where what a path of members leads to is. Names that could be taken for something else are quoted.
func (o *object) path(members ...string) string {
	key := o.key
	for _, member := range members {
		switch {
		case strings.ContainsAny(member, `."[]`) || len(member) > maxShownName || strings.ContainsFunc(member, unprintable):
			key += "[" + strconv.Quote(shortened(member)) + "]"
		case strings.HasSuffix(key, ":"):
			key += member
		default:
			key += "." + member
		}
	}
	return key
}

// isSecret reports whether there are Pulumi secrets in the member.
func (o *object) isSecret(member string) bool {
	return o.secret || slices.Contains(o.secretKeys, o.path(member))
}

// invalid reports what is wrong with a member's value. See [problems.addValue].
func (o *object) invalid(member string, value any, err error) {
	o.problems.addValue(o.path(member), value, o.isSecret(member), err)
}

// members returns the names of everything in the object, sorted, and marks it known.
func (o *object) members() []string {
	members := slices.Sorted(maps.Keys(o.values))
	for _, member := range members {
		o.known[member] = true
	}
	return members
}

// get returns the member's value and whether it has one.
func (o *object) get(member string) (any, bool) {
	o.known[member] = true
	value := o.values[member]
	return value, value != nil
}

// has reports whether the member has a value.
func (o *object) has(member string) bool {
	_, found := o.get(member)
	return found
}

// close reports the members that are unknown.
func (o *object) close() {
	for _, member := range slices.Sorted(maps.Keys(o.values)) {
		switch {
		case o.known[member]:
		case strings.HasSuffix(o.key, ":") && strings.Contains(member, "."):
			o.problems.add(o.path(member), "unknown key; `pulumi config set` takes the dots for a path only with --path: "+
				"remove this key with `pulumi config rm`, and set it so")
		default:
			o.problems.add(o.path(member), "unknown key; known here are %s", strings.Join(slices.Sorted(maps.Keys(o.known)), ", "))
		}
	}
}

// wrongType reports the type of a member.
func (o *object) wrongType(member string, value any, want string) {
	o.problems.addWrongType(o.path(member), value, want)
}

func typeName(value any) string {
	switch value.(type) {
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	default:
		return "null"
	}
}

// object returns an object inside this one, which is empty if it is absent.
func (o *object) object(member string) *object {
	value, _ := o.get(member)
	values, isObject := value.(map[string]any)
	if value != nil && !isObject {
		o.wrongType(member, value, "an object")
	}
	inner := newObject(o.path(member), values, o.problems)
	inner.secret = o.isSecret(member)
	return inner
}

// text returns a string that passes the checks.
func (o *object) text(member, otherwise string, checks ...func(string) error) string {
	value, found := o.get(member)
	if !found {
		return otherwise
	}
	text, isText := value.(string)
	if !isText {
		o.wrongType(member, value, "a string")
		return otherwise
	}
	for _, check := range checks {
		if err := check(text); err != nil {
			o.invalid(member, text, err)
			return otherwise
		}
	}
	return text
}

// requiredText returns a string that passes the checks and reports its absence.
func (o *object) requiredText(member, what string, checks ...func(string) error) string {
	if _, found := o.get(member); !found {
		o.problems.add(o.path(member), "is missing; it is %s", what)
		return ""
	}
	return o.text(member, "", checks...)
}

// integer returns a whole number from least to most.
func (o *object) integer(member string, otherwise, least, most int) int {
	value, found := o.get(member)
	if !found {
		return otherwise
	}
	number, isNumber := value.(json.Number)
	if !isNumber {
		o.wrongType(member, value, "a number")
		return otherwise
	}
	n, err := strconv.Atoi(number.String())
	if err != nil {
		f, err := number.Float64()
		if err != nil || f != math.Trunc(f) || math.Abs(f) > math.MaxInt32 {
			o.invalid(member, number, fmt.Errorf("must be a whole number from %d to %d", least, most))
			return otherwise
		}
		n = int(f) // 1e3, as some tools write whole numbers
	}
	if n < least || n > most {
		o.invalid(member, n, fmt.Errorf("must be from %d to %d", least, most))
		return otherwise
	}
	return n
}

// requiredInteger returns a whole number from least to most and reports its absence.
func (o *object) requiredInteger(member, what string, least, most int) int {
	if _, found := o.get(member); !found {
		o.problems.add(o.path(member), "is missing; it is %s", what)
	}
	return o.integer(member, least, least, most)
}

// boolean returns true or false.
func (o *object) boolean(member string, otherwise bool) bool {
	value, found := o.get(member)
	if !found {
		return otherwise
	}
	b, isBoolean := value.(bool)
	if !isBoolean {
		o.wrongType(member, value, "true or false")
		return otherwise
	}
	return b
}

// texts returns a list of strings. Those that fail the check are reported and left out.
func (o *object) texts(member string, check func(string) error) []string {
	value, found := o.get(member)
	if !found {
		return nil
	}
	list, isList := value.([]any)
	if !isList {
		o.wrongType(member, value, "a list of strings")
		return nil
	}
	var texts []string
	for i, value := range list {
		element := fmt.Sprintf("%s[%d]", o.path(member), i)
		text, isText := value.(string)
		if !isText {
			o.problems.addWrongType(element, value, "a string")
			continue
		}
		if check != nil {
			if err := check(text); err != nil {
				o.problems.addValue(element, text, o.isSecret(member), err)
				continue
			}
		}
		texts = append(texts, text)
	}
	return texts
}

// scalars returns an object of strings. Numbers and booleans count as strings, because `pulumi config set --path` makes
// numbers of digits. No value is ever shown: people put secrets into environments too.
func (o *object) scalars(member string) map[string]string {
	inner := o.object(member)
	texts := make(map[string]string, len(inner.values))
	for _, name := range inner.members() {
		switch value := inner.values[name].(type) {
		case string:
			texts[name] = value
		case json.Number:
			texts[name] = value.String()
		case bool:
			texts[name] = strconv.FormatBool(value)
		default:
			inner.wrongType(name, value, "a string")
		}
	}
	return texts
}

// parseValue parses the value of a config key: Pulumi passes objects and lists as JSON and everything else as text.
func parseValue(text string) (any, error) {
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return text, nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber() // so that numbers in an environment keep their digits
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, errors.New("is not valid JSON") // the decoder's error would quote the value
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("is not valid JSON: something follows the value")
	}
	return value, nil
}
