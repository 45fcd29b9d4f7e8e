// Package schema knows the resources and functions of the Pulumi SDKs: the names and types of their properties, and which are required
// or secret. With it, the local cloud refuses what the real provider would refuse, without linking the SDKs, which would be most of the
// daemon.
//
// The description, schema.json, is generated from the sources of the SDKs that go.mod pins. To describe another resource or
// function, add its token to tokens.txt and run `go generate ./schema`.
//
// The Go SDKs leave some things unsaid: whether a list, a map or an untyped value within an object is required, which values a
// string may have, and which inputs exclude each other. The package that serves the resource has those rules.
package schema

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"slipway/localcloud/schema/internal/spec"
	"slipway/localcloud/schema/sdk"
)

//go:generate go run ./gen

//go:embed schema.json
var source []byte

// Resource describes a kind of resource.
type Resource struct {
	Token   string     // such as aws:ec2/vpc:Vpc
	Inputs  Properties // what a program may say
	Outputs Properties // what it may read back; the inputs are among them, the id is not
}

// Function describes a function that a program may invoke.
type Function struct {
	Token  string // such as aws:index/getRegion:getRegion
	Args   Properties
	Result Properties
}

// Properties are the properties of an object by name.
type Properties map[string]*Property

// Property describes one property of an object.
type Property struct {
	Type *Type
	// Required means that an input must be given, or that an output is always there.
	Required bool
	// Secret means that the SDK always marks the value as secret.
	Secret bool
	// Default is the value of an input that the program leaves out, nil if it has none.
	Default any
}

// Type is the type of a property.
type Type struct {
	Kind       Kind
	Elem       *Type      // of an Array or a Map
	Properties Properties // of an Object
}

// Kind is the outermost part of a type.
type Kind string

// The kinds, as Pulumi's own schema calls them, which has one word for Map and Object, though.
const (
	Any     Kind = "any"
	String  Kind = "string"
	Integer Kind = "integer"
	Number  Kind = "number"
	Boolean Kind = "boolean"
	Array   Kind = "array"
	Map     Kind = "map"
	Object  Kind = "object"
)

// Lookup returns the resource of that token.
func Lookup(token string) (*Resource, bool) {
	r, ok := loaded().resources[token]
	return r, ok
}

// LookupFunction returns the function of that token.
func LookupFunction(token string) (*Function, bool) {
	f, ok := loaded().functions[token]
	return f, ok
}

// Version returns the version of the SDK of a Pulumi package, such as "6.83.2" for "aws"; empty if there is none.
func Version(pkg string) string {
	return loaded().versions[pkg]
}

// Describe returns the description, from an SDK's sources, of a resource that schema.json does not have.
func Describe(sources *sdk.Sources, token string) (*Resource, error) {
	file, err := sources.Describe(token)
	if err != nil {
		return nil, err
	}
	d, err := describe(file)
	if err != nil {
		return nil, err
	}
	r, ok := d.resources[token]
	if !ok {
		return nil, fmt.Errorf("describe %s: it is no resource", token)
	}
	return r, nil
}

type description struct {
	versions  map[string]string
	resources map[string]*Resource
	functions map[string]*Function
}

// loaded reads schema.json once. That it can be read is for the tests to show, so that a failure is a bug and panics.
var loaded = sync.OnceValue(func() *description {
	d, err := load(source)
	if err != nil {
		panic(fmt.Sprintf("schema.json: %v", err))
	}
	return d
})

func load(raw []byte) (*description, error) {
	var file spec.File
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	return describe(&file)
}

func describe(file *spec.File) (*description, error) {
	l := loader{file: file, objects: map[string]*Type{}}
	d := &description{file.SDKs, map[string]*Resource{}, map[string]*Function{}}
	for token, r := range file.Resources {
		resource := &Resource{Token: token, Inputs: l.properties(r.Inputs), Outputs: l.properties(r.Outputs)}
		for _, name := range r.SecretInputs {
			resource.Inputs[name].Secret = true
		}
		for _, name := range r.SecretOutputs {
			resource.Outputs[name].Secret = true
		}
		for name, value := range r.Defaults {
			resource.Inputs[name].Default = value
		}
		d.resources[token] = resource
	}
	for token, f := range file.Functions {
		d.functions[token] = &Function{Token: token, Args: l.properties(f.Args), Result: l.properties(f.Result)}
	}
	return d, l.err
}

// loader turns the type expressions of package spec into types.
type loader struct {
	file    *spec.File
	objects map[string]*Type
	err     error // the first
}

func (l *loader) properties(s spec.Properties) Properties {
	props := make(Properties, len(s))
	for name, expr := range s {
		expr, required := strings.CutSuffix(expr, "!")
		props[name] = &Property{Type: l.typeOf(expr), Required: required}
	}
	return props
}

func (l *loader) typeOf(expr string) *Type {
	if elem, ok := strings.CutPrefix(expr, "[]"); ok {
		return &Type{Kind: Array, Elem: l.typeOf(elem)}
	}
	if elem, ok := strings.CutPrefix(expr, "map[string]"); ok {
		return &Type{Kind: Map, Elem: l.typeOf(elem)}
	}
	if slices.Contains([]Kind{Any, String, Integer, Number, Boolean}, Kind(expr)) {
		return &Type{Kind: Kind(expr)}
	}
	if object, ok := l.objects[expr]; ok {
		return object
	}
	props, ok := l.file.Types[expr]
	if !ok && l.err == nil {
		l.err = fmt.Errorf("there is no type %q", expr)
	}
	object := &Type{Kind: Object}
	l.objects[expr] = object // before its properties: a type may refer to itself
	object.Properties = l.properties(props)
	return object
}
