package schema

import (
	"maps"
	"slices"

	"slipway/localcloud/cloud"
)

// SDKs has the types of the Pulumi SDKs in the form that a cloud needs. It has nothing about kinds and functions that the cloud makes
// by itself. The zero value has those of schema.json; [SDKs.With] adds more.
type SDKs struct {
	more func(token string) (*Resource, bool)
}

var _ cloud.Schema = SDKs{}

// With returns the SDKs with further resources, those that the function returns.
func (s SDKs) With(more func(token string) (*Resource, bool)) SDKs {
	return SDKs{more: more}
}

func (s SDKs) lookup(token string) (*Resource, bool) {
	if r, ok := Lookup(token); ok || s.more == nil {
		return r, ok
	}
	return s.more(token)
}

// Check implements [cloud.Schema].
func (s SDKs) Check(token string, inputs cloud.Map) (cloud.Map, []cloud.Failure) {
	r, ok := s.lookup(token)
	if !ok {
		return inputs, nil
	}
	checked, failures := r.Check(inputs, cloud.IsUnknown)
	return checked, forCloud(failures)
}

// CheckArgs implements [cloud.Schema].
func (SDKs) CheckArgs(token string, args cloud.Map) (cloud.Map, []cloud.Failure) {
	f, ok := LookupFunction(token)
	if !ok {
		return args, nil
	}
	checked, failures := f.Check(args, cloud.IsUnknown)
	return checked, forCloud(failures)
}

func forCloud(failures []Failure) []cloud.Failure {
	var out []cloud.Failure
	for _, f := range failures {
		out = append(out, cloud.Failure(f))
	}
	return out
}

// Outputs implements [cloud.Schema].
func (s SDKs) Outputs(token string) []string {
	r, ok := s.lookup(token)
	if !ok {
		return nil
	}
	return slices.Sorted(maps.Keys(r.Outputs))
}

// Secrets returns the names of the properties that the SDK always marks as secret.
func (s SDKs) Secrets(token string) []string {
	r, ok := s.lookup(token)
	if !ok {
		return nil
	}
	secret := map[string]bool{}
	for _, props := range []Properties{r.Inputs, r.Outputs} {
		for name, p := range props {
			if p.Secret {
				secret[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(secret))
}

// IsMap implements [cloud.Schema].
func (s SDKs) IsMap(token, property string) bool {
	r, ok := s.lookup(token)
	if !ok {
		return false
	}
	p, ok := r.Inputs[property]
	return ok && p.Type.Kind == Map
}
