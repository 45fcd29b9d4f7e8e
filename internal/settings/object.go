package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Object reads an object of the config strictly: every getter reports a value of the wrong type, and Close reports keys without a
// getter. A key that is absent or null has its default. Keys are reported in the form of `pulumi config set --path`.
type Object struct {
	Key      string    // the object's path; ends with a colon for the root
	Secret   bool      // it has Pulumi secrets: none of its texts is shown
	Problems *Problems // collects everything that is wrong in it

	values     map[string]any
	known      map[string]bool
	absent     []absence
	secretKeys []string // of the root: the keys of its members with Pulumi secrets

	file    *File      // of the root: the stack's file
	written *yaml.Node // of others: the node in the stack's file; nil if there is none
}

func newObject(key string, values map[string]any, problems *Problems) *Object {
	return &Object{Key: key, Problems: problems, values: values, known: make(map[string]bool)}
}

// Len returns how many members the object has.
func (o *Object) Len() int { return len(o.values) }

// maxShownName is how much of a member's name is shown, in bytes. It is longer than any valid name.
const maxShownName = 100

func shortened(name string) string {
	if len(name) > maxShownName {
		return strings.ToValidUTF8(name[:maxShownName], "") + "…"
	}
	return name
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// Path returns the full path of a path of members. Names that could be misread are quoted.
func (o *Object) Path(members ...string) string {
	key := o.Key
	for _, member := range members {
		key = joinedKey(key, member)
	}
	return key
}

func joinedKey(key, member string) string {
	switch {
	case strings.ContainsAny(member, `."[]`) || len(member) > maxShownName || strings.ContainsFunc(member, unprintable):
		return key + "[" + strconv.Quote(shortened(member)) + "]"
	case strings.HasSuffix(key, ":"):
		return key + member
	}
	return key + "." + member
}

// isSecret reports whether the member has Pulumi secrets.
func (o *Object) isSecret(member string) bool {
	return o.Secret || slices.Contains(o.secretKeys, o.Path(member))
}

// writtenOf returns a member's node in the stack's file; nil if there is none.
func (o *Object) writtenOf(member string) *yaml.Node {
	if strings.HasSuffix(o.Key, ":") {
		return resolved(o.file.value(o.Key + member))
	}
	_, value := memberOf(o.written, member)
	return value
}

// hides reports whether a value of a member must not be shown because it may be encrypted.
func (o *Object) hides(member string, value any, written *yaml.Node) bool {
	if !o.isSecret(member) {
		return false
	}
	origin := originOf(value, written)
	return origin != asWritten && origin != changed
}

// Invalid reports a wrong value of a member. See [Problems.AddValue].
func (o *Object) Invalid(member string, value any, err error) {
	o.Problems.AddValue(o.Path(member), value, o.hides(member, value, o.writtenOf(member)), err)
}

// InvalidElement reports a wrong element of a member that is a list. See [Problems.AddValue].
func (o *Object) InvalidElement(member string, i int, value any, err error) {
	o.Problems.AddValue(elementKey(o.Path(member), i), value, o.hides(member, value, elementOf(o.writtenOf(member), i)), err)
}

func elementKey(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }

// IsPlain reports whether the stack's file has a member's value in plain text, all of it if it is a list.
func (o *Object) IsPlain(member string) bool {
	value, written := o.values[member], o.writtenOf(member)
	list, isList := value.([]any)
	if !isList {
		return !o.hides(member, value, written)
	}
	for i, element := range list {
		if o.hides(member, element, elementOf(written, i)) {
			return false
		}
	}
	return true
}

// Members returns the names of all members, sorted, and marks them known.
func (o *Object) Members() []string {
	members := slices.Sorted(maps.Keys(o.values))
	for _, member := range members {
		o.known[member] = true
	}
	return members
}

// Get returns the member's value and whether it has one.
func (o *Object) Get(member string) (any, bool) {
	o.known[member] = true
	value := o.values[member]
	return value, value != nil
}

// Has reports whether the member has a value.
func (o *Object) Has(member string) bool {
	_, found := o.Get(member)
	return found
}

// Given reports whether the member is there at all, be it without a value.
func (o *Object) Given(member string) bool {
	o.known[member] = true
	_, given := o.values[member]
	return given
}

// absence is a required member that is missing.
type absence struct{ member, advice string }

// Missing reports a missing member when the object is closed, with its meaning or what to do.
func (o *Object) Missing(member, advice string) {
	o.absent = append(o.absent, absence{member, advice})
}

// Close reports missing and unknown members. A member under a misspelt name is not also reported as missing. The known names are listed
// once, and not if one of them is probably meant.
func (o *Object) Close() {
	known, listed := slices.Sorted(maps.Keys(o.known)), false
	for _, a := range o.absent {
		misspelt := func(member string) bool { return !o.known[member] && closest(member, known) == a.member }
		if !slices.ContainsFunc(slices.Collect(maps.Keys(o.values)), misspelt) {
			o.Problems.Add(o.Path(a.member), "is missing; %s", a.advice)
		}
	}
	for _, member := range slices.Sorted(maps.Keys(o.values)) {
		switch {
		case o.known[member]:
		case strings.HasSuffix(o.Key, ":") && strings.Contains(member, "."):
			o.Problems.Add(o.Path(member), "unknown key; `pulumi config set` takes the dots for a path only with --path: "+
				"remove this key with `pulumi config rm`, and set it so")
		case closest(member, known) != "":
			o.Problems.Add(o.Path(member), "unknown key; did you mean %s?", closest(member, known))
		case listed:
			o.Problems.Add(o.Path(member), "unknown key")
		default:
			o.Problems.Add(o.Path(member), "unknown key; known here are %s", strings.Join(known, ", "))
			listed = true
		}
	}
}

// WrongType reports the wrong type of a member.
func (o *Object) WrongType(member string, value any, want string) {
	o.Problems.addWrongType(o.Path(member), value, want)
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

// Section returns an object inside this one, which is empty if it is absent.
func (o *Object) Section(member string) *Object {
	value, _ := o.Get(member)
	values, isObject := value.(map[string]any)
	if value != nil && !isObject {
		o.WrongType(member, value, "an object")
	}
	inner := newObject(o.Path(member), values, o.Problems)
	inner.Secret, inner.written = o.isSecret(member), o.writtenOf(member)
	return inner
}

// Sections returns the objects in a list.
func (o *Object) Sections(member string) []*Object {
	value, found := o.Get(member)
	list, isList := value.([]any)
	if found && !isList {
		o.WrongType(member, value, "a list of objects")
	}
	sections := make([]*Object, 0, len(list))
	for i, element := range list {
		key := elementKey(o.Path(member), i)
		values, isObject := element.(map[string]any)
		if !isObject {
			o.Problems.addWrongType(key, element, "an object")
		}
		inner := newObject(key, values, o.Problems)
		inner.Secret, inner.written = o.isSecret(member), elementOf(o.writtenOf(member), i)
		sections = append(sections, inner)
	}
	return sections
}

// Text returns a string that passes the checks.
func (o *Object) Text(member, otherwise string, checks ...func(string) error) string {
	value, found := o.Get(member)
	if !found {
		return otherwise
	}
	text, isText := value.(string)
	if !isText {
		o.WrongType(member, value, "a string")
		return otherwise
	}
	if err := checkForm(value, o.writtenOf(member)); err != nil {
		o.Problems.Add(o.Path(member), "%w", err)
		return otherwise
	}
	for _, check := range checks {
		if err := check(text); err != nil {
			o.Invalid(member, text, err)
			return otherwise
		}
	}
	return text
}

// RequiredText returns a string that passes the checks and reports its absence.
func (o *Object) RequiredText(member, what string, checks ...func(string) error) string {
	if _, found := o.Get(member); !found {
		o.Missing(member, "it is "+what)
		return ""
	}
	return o.Text(member, "", checks...)
}

// literal returns the number or the boolean of a member of the root, where Pulumi passes them as text.
func (o *Object) literal(value any) any {
	text, isText := value.(string)
	if !isText || !strings.HasSuffix(o.Key, ":") {
		return value
	}
	if text == "true" || text == "false" {
		return text == "true"
	}
	var number json.Number
	if strings.HasPrefix(text, `"`) || json.Unmarshal([]byte(text), &number) != nil || number == "" {
		return value
	}
	return number
}

// Integer returns a whole number from least to most.
func (o *Object) Integer(member string, otherwise, least, most int) int {
	value, found := o.Get(member)
	if !found {
		return otherwise
	}
	number, isNumber := o.literal(value).(json.Number)
	if !isNumber {
		o.WrongType(member, value, "a number")
		return otherwise
	}
	n, isWhole := whole(number.String())
	if !isWhole {
		o.Invalid(member, number, fmt.Errorf("must be a whole number from %d to %d", least, most))
		return otherwise
	}
	if n < least || n > most {
		o.Invalid(member, n, fmt.Errorf("must be from %d to %d", least, most))
		return otherwise
	}
	return n
}

// whole returns the whole number of a JSON literal in any form: some tools write 1e3. It is exact, unlike a float64.
func whole(literal string) (int, bool) {
	if n, err := strconv.Atoi(literal); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || math.Abs(f) > math.MaxInt32 {
		return 0, false
	}
	if digits, _, _ := strings.Cut(strings.ToLower(literal), "e"); strings.Trim(digits, "-0.") == "" {
		return 0, true
	}
	if math.Abs(f) < 1 {
		return 0, false // and perhaps a power of ten that is too big for a [big.Rat]
	}
	exact, ok := new(big.Rat).SetString(literal)
	if !ok || !exact.IsInt() {
		return 0, false
	}
	return int(exact.Num().Int64()), true
}

// RequiredInteger returns a whole number from least to most and reports its absence.
func (o *Object) RequiredInteger(member, what string, least, most int) int {
	if _, found := o.Get(member); !found {
		o.Missing(member, "it is "+what)
	}
	return o.Integer(member, least, least, most)
}

// Boolean returns true or false.
func (o *Object) Boolean(member string, otherwise bool) bool {
	value, found := o.Get(member)
	if !found {
		return otherwise
	}
	b, isBoolean := o.literal(value).(bool)
	if !isBoolean {
		o.WrongType(member, value, "true or false")
		return otherwise
	}
	return b
}

// Texts returns a list of strings. It reports and leaves out strings that fail the check, if there is one.
func (o *Object) Texts(member string, check func(string) error) []string {
	value, found := o.Get(member)
	if !found {
		return nil
	}
	list, isList := value.([]any)
	if !isList {
		o.WrongType(member, value, "a list of strings")
		return nil
	}
	var texts []string
	for i, value := range list {
		element, written := elementKey(o.Path(member), i), elementOf(o.writtenOf(member), i)
		text, isText := value.(string)
		if !isText {
			o.Problems.addWrongType(element, value, "a string")
			continue
		}
		if err := checkForm(value, written); err != nil {
			o.Problems.Add(element, "%w", err)
			continue
		}
		if check != nil {
			if err := check(text); err != nil {
				o.InvalidElement(member, i, text, err)
				continue
			}
		}
		texts = append(texts, text)
	}
	return texts
}

// Set returns a list of different strings. See [Object.Texts].
func (o *Object) Set(member string, check func(string) error) []string {
	var set []string
	return o.Texts(member, func(text string) error {
		if check != nil {
			if err := check(text); err != nil {
				return err
			}
		}
		if slices.Contains(set, text) {
			return errors.New("is listed more than once")
		}
		set = append(set, text)
		return nil
	})
}

// RequiredSet returns a list of different strings, and reports its absence. See [Object.Texts].
func (o *Object) RequiredSet(member, what string, check func(string) error) []string {
	set := o.Set(member, check)
	if len(set) == 0 && !o.Problems.Within(o.Path(member)) {
		o.Missing(member, "it is a list: "+what)
	}
	return set
}

// Scalars returns an object of strings. Whole numbers and booleans count as strings, because `pulumi config set --path` turns text into
// them; see [checkForm]. No value is ever shown: people put secrets into environments too.
func (o *Object) Scalars(member string) map[string]string {
	inner := o.Section(member)
	texts := make(map[string]string, len(inner.values))
	for _, name := range inner.Members() {
		value := inner.values[name]
		key, written := memberOf(inner.written, name)
		if key != nil && key.Value != name {
			inner.Problems.Add(inner.Path(name), "this name is written as %s, which is not text without quotation marks, and Pulumi passes on %s: quote it", key.Value, name)
			continue
		}
		if err := checkForm(value, written); err != nil {
			inner.Problems.Add(inner.Path(name), "%w", err)
			continue
		}
		switch value := value.(type) {
		case string:
			texts[name] = value
		case json.Number:
			texts[name] = value.String()
		case bool:
			texts[name] = strconv.FormatBool(value)
		default:
			inner.WrongType(name, value, "a string")
		}
	}
	return texts
}
