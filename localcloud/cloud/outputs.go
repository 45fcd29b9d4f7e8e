package cloud

import (
	"reflect"
	"strings"
	"sync"
)

// SetOutputs replaces the outputs of a resource that a struct has, and leaves the others as they are.
func SetOutputs[O any](r *Resource, out *O) {
	if r.Outputs == nil {
		r.Outputs = Map{}
	}
	if err := overlay(r.Outputs, out); err != nil {
		panic("outputs of " + r.Key.String() + ": " + err.Error()) // outputs are plain structs
	}
}

// begun returns the outputs of a struct that properties have.
func begun[O any](given Map) (*O, error) {
	names := namesIn[O]()
	if names == nil {
		return Decode[O](given)
	}
	own := Map{}
	for _, p := range names {
		if v, ok := given[p]; ok {
			own[p] = v
		}
	}
	if len(own) == 0 {
		return new(O), nil
	}
	return Decode[O](own)
}

// overlay replaces properties by the outputs of a struct. An output that the struct leaves out is not a property.
func overlay[O any](properties Map, out *O) error {
	names := namesIn[O]()
	if names != nil && len(names) == 0 {
		return nil
	}
	computed, err := Encode(out)
	if err != nil {
		return err
	}
	for _, p := range names {
		delete(properties, p)
	}
	for p, v := range computed {
		if v != nil {
			properties[p] = v
		}
	}
	return nil
}

var namesOf sync.Map // of the properties of a struct, by its type

// namesIn returns the names of the properties that the struct O has; nil for a type that has any.
func namesIn[O any]() []string {
	t := reflect.TypeFor[O]()
	if names, ok := namesOf.Load(t); ok {
		return names.([]string)
	}
	names := propertiesOf(t)
	namesOf.Store(t, names)
	return names
}

func propertiesOf(t reflect.Type) []string {
	if t.Kind() != reflect.Struct {
		return nil
	}
	names := []string{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}
