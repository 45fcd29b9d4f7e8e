package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"slipway/localcloud/cloud"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"
)

// properties are a message's properties without their secret marks, and the names of those with a secret.
type properties struct {
	props  cloud.Map
	secret map[string]bool
}

func read(s *structpb.Struct) (properties, error) {
	pm, err := plugin.UnmarshalProperties(s, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, SkipNulls: true})
	if err != nil {
		return properties{}, fmt.Errorf("read properties: %w", err)
	}
	p := properties{props: cloud.Map{}, secret: map[string]bool{}}
	for k, v := range pm {
		if v.ContainsSecrets() {
			p.secret[string(k)] = true
		}
		if p.props[string(k)], err = plain(v); err != nil {
			return properties{}, fmt.Errorf("read property %s: %w", k, err)
		}
	}
	return p, nil
}

func readAll(structs ...*structpb.Struct) ([]properties, error) {
	out := make([]properties, len(structs))
	for i, s := range structs {
		var err error
		if out[i], err = read(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func plain(v resource.PropertyValue) (any, error) {
	switch {
	case v.IsNull():
		return nil, nil
	case v.IsSecret():
		return plain(v.SecretValue().Element)
	case v.IsComputed():
		return cloud.Unknown{}, nil
	case v.IsOutput():
		if !v.OutputValue().Known {
			return cloud.Unknown{}, nil
		}
		return plain(v.OutputValue().Element)
	case v.IsBool():
		return v.BoolValue(), nil
	case v.IsNumber():
		return v.NumberValue(), nil
	case v.IsString():
		return v.StringValue(), nil
	case v.IsArray():
		out := make([]any, len(v.ArrayValue()))
		for i, e := range v.ArrayValue() {
			var err error
			if out[i], err = plain(e); err != nil {
				return nil, err
			}
		}
		return out, nil
	case v.IsObject():
		out := cloud.Map{}
		for _, k := range slices.Sorted(maps.Keys(v.ObjectValue())) {
			p, err := plain(v.ObjectValue()[k])
			if err != nil {
				return nil, err
			}
			if p != nil {
				out[string(k)] = p
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("a %s is not modelled by the local cloud", v.TypeString())
}

// write makes a message of properties; those named in secret are marked as secrets as a whole.
func write(m cloud.Map, secret map[string]bool) (*structpb.Struct, error) {
	pm := resource.PropertyMap{}
	for k, v := range m {
		p := value(v)
		if secret[k] && !p.IsNull() {
			p = resource.MakeSecret(p)
		}
		pm[resource.PropertyKey(k)] = p
	}
	s, err := plugin.MarshalProperties(pm, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, SkipNulls: true})
	if err != nil {
		return nil, fmt.Errorf("write properties: %w", err)
	}
	return s, nil
}

func value(v any) resource.PropertyValue {
	switch v := v.(type) {
	case cloud.Unknown:
		return resource.MakeComputed(resource.NewProperty(""))
	case []any:
		out := make([]resource.PropertyValue, len(v))
		for i, e := range v {
			out[i] = value(e)
		}
		return resource.NewProperty(out)
	case cloud.Map:
		out := resource.PropertyMap{}
		for k, e := range v {
			out[resource.PropertyKey(k)] = value(e)
		}
		return resource.NewProperty(out)
	}
	return resource.NewPropertyValue(v)
}

// readConfig returns a provider's configuration. Structured values reach a provider as JSON text.
func readConfig(req *pulumirpc.ConfigureRequest) (cloud.Map, error) {
	p, err := read(req.GetArgs())
	if err != nil {
		return nil, err
	}
	for k, v := range p.props {
		if s, ok := v.(string); ok && (strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[")) {
			var parsed any
			if err := json.Unmarshal([]byte(s), &parsed); err == nil {
				p.props[k] = parsed
			}
		}
	}
	return p.props, nil
}
