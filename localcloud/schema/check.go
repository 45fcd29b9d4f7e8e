package schema

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
)

// Failure is one thing wrong with one property.
//
// The Terraform bridge, on which the real providers are built, leaves the property of a CheckFailure empty and adds
// ". Examine values at 'NAME.PROPERTY'." to the reason (pulumi-terraform-bridge pkg/tfbridge/check_failures.go).
type Failure struct {
	Property string // a path: tags, healthCheck.interval, actions[0].type, tags["a b"]
	Reason   string
}

// Check returns the errors in a resource's inputs, ordered by property, and the inputs as the real provider passes them to Create:
// nulls left out, defaults filled in, scalars in the type that the property has. The inputs consist of nil, bool, float64, string,
// []any, map[string]any and whatever isUnknown (which may be nil) knows as a value that is not known yet; such a value satisfies every
// type. Properties whose names start with "__" belong to the engine and the bridge, and pass.
//
// Missing and unknown properties are worded as by the Terraform plugin SDK (terraform-plugin-sdk helper/schema/schema.go), wrong
// types as by the bridge's type checker (pkg/tfbridge/typechecker/typechecker.go), whose findings the real provider prints as
// warnings so far and announces as errors. No reason quotes a value: it may be a secret.
func (r *Resource) Check(inputs map[string]any, isUnknown func(any) bool) (map[string]any, []Failure) {
	return check(r.Inputs, inputs, &checker{isUnknown: isUnknown, coerce: true, complete: true})
}

// CheckOutputs returns the errors in a resource's outputs. It is stricter than Check, because the Go SDK reads outputs into typed
// values: a scalar must have the right type. It accepts missing outputs.
func (r *Resource) CheckOutputs(outputs map[string]any, isUnknown func(any) bool) []Failure {
	_, failures := check(r.Outputs, outputs, &checker{isUnknown: isUnknown})
	return failures
}

// Check is to a function's arguments what Resource.Check is to inputs.
func (f *Function) Check(args map[string]any, isUnknown func(any) bool) (map[string]any, []Failure) {
	return check(f.Args, args, &checker{isUnknown: isUnknown, coerce: true, complete: true})
}

// CheckResult is to a function's result what Resource.CheckOutputs is to outputs.
func (f *Function) CheckResult(result map[string]any, isUnknown func(any) bool) []Failure {
	_, failures := check(f.Result, result, &checker{isUnknown: isUnknown})
	return failures
}

func check(props Properties, values map[string]any, c *checker) (map[string]any, []Failure) {
	checked := c.object("", props, values)
	slices.SortFunc(c.failures, func(a, b Failure) int { return strings.Compare(a.Property, b.Property) })
	return checked, c.failures
}

// checker walks values along their types.
type checker struct {
	isUnknown func(any) bool
	coerce    bool // scalars may have another type that reads as theirs
	complete  bool // required properties must be there
	failures  []Failure
}

func (c *checker) fail(path, format string, args ...any) {
	c.failures = append(c.failures, Failure{path, fmt.Sprintf(format, args...)})
}

func (c *checker) object(path string, props Properties, values map[string]any) map[string]any {
	checked := make(map[string]any, len(values))
	for name, v := range values {
		p, known := props[name]
		switch {
		case strings.HasPrefix(name, "__"):
			checked[name] = v
		case !known:
			c.fail(join(path, name), "Invalid or unknown key%s", suggestion(name, props))
		case v != nil:
			checked[name] = c.value(join(path, name), p.Type, v)
		}
	}
	for name, p := range props {
		if _, given := checked[name]; given || !c.complete {
			continue
		}
		if p.Default != nil {
			checked[name] = p.Default
		} else if p.Required {
			c.fail(join(path, name), "Missing required argument. The argument %q is required, but no definition was found.",
				snakeCase(name))
		}
	}
	return checked
}

func (c *checker) value(path string, t *Type, v any) any {
	if v == nil || t.Kind == Any || c.isUnknown != nil && c.isUnknown(v) {
		return v
	}
	switch t.Kind {
	case Array:
		if list, ok := v.([]any); ok {
			checked := make([]any, len(list))
			for i, e := range list {
				checked[i] = c.value(fmt.Sprintf("%s[%d]", path, i), t.Elem, e)
			}
			return checked
		}
	case Map:
		if entries, ok := v.(map[string]any); ok {
			checked := make(map[string]any, len(entries))
			for key, e := range entries {
				if !strings.HasPrefix(key, "__") {
					e = c.value(join(path, key), t.Elem, e)
				}
				checked[key] = e
			}
			return checked
		}
	case Object:
		if values, ok := v.(map[string]any); ok {
			return c.object(path, t.Properties, values)
		}
	default:
		if scalar, ok := c.scalar(t.Kind, v); ok {
			return scalar
		}
	}
	c.fail(path, "expected %s type, got %s type", t.Kind, kindOf(v))
	return v
}

// scalar returns v as a value of the kind. A fraction is no Integer, though the bridge cuts it off: that would hide a mistake.
func (c *checker) scalar(k Kind, v any) (any, bool) {
	n, isNumber := v.(float64)
	switch {
	case kindOf(v) == k, isNumber && k == Integer && n == math.Trunc(n) && !math.IsInf(n, 0):
		return v, true
	case c.coerce:
		return convert(v, k)
	}
	return nil, false
}

// convert reads a scalar of one kind as another, as the bridge does: its type checker lets strings pass for numbers and booleans, and
// numbers and booleans for strings; CoerceTerraformString (pkg/tfbridge/schema.go) reads the strings.
func convert(v any, to Kind) (any, bool) {
	switch v := v.(type) {
	case string:
		switch to {
		case Integer:
			n, err := strconv.ParseInt(v, 0, 64)
			return float64(n), err == nil
		case Number:
			n, err := strconv.ParseFloat(v, 64)
			return n, err == nil && !math.IsInf(n, 0) && !math.IsNaN(n)
		case Boolean:
			b, err := strconv.ParseBool(v)
			return b, err == nil
		}
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), to == String
	case bool:
		return strconv.FormatBool(v), to == String
	}
	return nil, false
}

// kindOf returns the kind of a value; for another value, its Go type.
func kindOf(v any) Kind {
	switch v.(type) {
	case string:
		return String
	case float64:
		return Number
	case bool:
		return Boolean
	case []any:
		return Array
	case map[string]any:
		return Object
	}
	return Kind(fmt.Sprintf("%T", v))
}

var identifier = regexp.MustCompile(`^[_a-zA-Z][-_a-zA-Z0-9]*$`)

// join appends a name to a path, as the bridge writes paths.
func join(path, name string) string {
	switch {
	case path == "":
		return name
	case identifier.MatchString(name):
		return path + "." + name
	}
	return fmt.Sprintf("%s[%q]", path, name)
}

// suggestion names the properties that may have been meant: the bridge's rule for mistyped provider configuration.
func suggestion(name string, props Properties) string {
	var similar []string
	for _, candidate := range slices.Sorted(maps.Keys(props)) {
		if levenshtein.Distance(name, candidate, nil) <= 2 {
			similar = append(similar, "`"+candidate+"`")
		}
	}
	if len(similar) == 0 {
		return ""
	}
	return ". Did you mean " + strings.Join(similar, " or ") + "?"
}

var upper = regexp.MustCompile(`[A-Z]`)

// snakeCase turns a property's name into Terraform's, which the plugin SDK speaks of. Names that Pulumi has made plural stay so.
func snakeCase(name string) string {
	return strings.ToLower(upper.ReplaceAllString(name, "_$0"))
}
