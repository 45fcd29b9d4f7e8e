package schema_test

import (
	"fmt"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"slipway/localcloud/schema"
)

type unknown struct{}

func isUnknown(v any) bool { return v == unknown{} }

type object = map[string]any

func lookup(t testing.TB, token string) *schema.Resource {
	t.Helper()
	r, ok := schema.Lookup(token)
	if !ok {
		t.Fatalf("%s is not described", token)
	}
	return r
}

func TestEveryTokenIsDescribed(t *testing.T) {
	t.Parallel()
	for _, token := range tokens(t) {
		r, isResource := schema.Lookup(token)
		f, isFunction := schema.LookupFunction(token)
		switch {
		case isResource == isFunction:
			t.Errorf("%s: resource %v, function %v; want one of the two. Run: go generate ./schema", token, isResource, isFunction)
		case isResource && (len(r.Inputs) == 0 || len(r.Outputs) == 0):
			t.Errorf("%s has %d inputs and %d outputs", token, len(r.Inputs), len(r.Outputs))
		case isFunction && len(f.Result) == 0:
			t.Errorf("%s has no result", token)
		}
	}
	if _, ok := schema.Lookup("aws:ec2/vpc:Vcp"); ok {
		t.Error("a token that does not exist is described")
	}
}

// tokens returns the lines of tokens.txt.
func tokens(t testing.TB) []string {
	t.Helper()
	raw, err := os.ReadFile("tokens.txt")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(raw), "\n"), func(line string) bool {
		return line == "" || strings.HasPrefix(line, "#")
	})
}

func TestProperties(t *testing.T) {
	t.Parallel()
	version := lookup(t, "aws:secretsmanager/secretVersion:SecretVersion")
	service := lookup(t, "aws:ecs/service:Service")
	group := lookup(t, "aws:ec2/securityGroup:SecurityGroup")
	rule := lookup(t, "aws:lb/listenerRule:ListenerRule")
	for _, test := range []struct {
		name      string
		got, want any
	}{
		{"required scalar", version.Inputs["secretId"].Required, true},
		{"required list", rule.Inputs["actions"].Required, true},
		{"required in an object", rule.Inputs["actions"].Type.Elem.Properties["type"].Required, true},
		{"optional", version.Inputs["secretString"].Required, false},
		{"secret input", version.Inputs["secretString"].Secret, true},
		{"secret output", version.Outputs["secretString"].Secret, true},
		{"no secret", version.Inputs["secretId"].Secret, false},
		{"default", group.Inputs["description"].Default, "Managed by Pulumi"},
		{"no default", group.Inputs["name"].Default, nil},
		{"output only", service.Inputs["tagsAll"], (*schema.Property)(nil)},
		{"map", *service.Outputs["tagsAll"].Type, schema.Type{Kind: schema.Map, Elem: &schema.Type{Kind: schema.String}}},
		{"object", service.Inputs["deploymentCircuitBreaker"].Type.Properties["rollback"].Type.Kind, schema.Boolean},
		{"always there", version.Outputs["arn"].Required, true},
		{"not always there", version.Outputs["secretString"].Required, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !reflect.DeepEqual(test.got, test.want) {
				t.Errorf("got %v, want %v", test.got, test.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	const (
		targetGroup = "aws:lb/targetGroup:TargetGroup"
		taskDef     = "aws:ecs/taskDefinition:TaskDefinition"
		rule        = "aws:lb/listenerRule:ListenerRule"
		logGroup    = "aws:cloudwatch/logGroup:LogGroup"
		record      = "cloudflare:index/record:Record"
	)
	for _, test := range []struct {
		name, token  string
		inputs, want object
		failures     []schema.Failure
	}{
		{
			name: "strings read as numbers and booleans", token: targetGroup,
			inputs: object{"port": "8080", "proxyProtocolV2": "true", "healthCheck": object{"interval": "0x10"}},
			want:   object{"port": 8080.0, "proxyProtocolV2": true, "healthCheck": object{"interval": 16.0}},
		},
		{
			name: "numbers and booleans read as strings", token: taskDef,
			inputs: object{"family": "hello", "containerDefinitions": "[]", "cpu": 256.0, "tags": object{"canary": true}},
			want:   object{"family": "hello", "containerDefinitions": "[]", "cpu": "256", "tags": object{"canary": "true"}},
		},
		{
			name: "null is absent", token: logGroup,
			inputs: object{"name": nil},
			want:   object{},
		},
		{
			name: "null does not satisfy", token: record,
			inputs:   object{"name": "hello", "type": "A", "zoneId": nil},
			failures: []schema.Failure{{"zoneId", `Missing required argument. The argument "zone_id" is required, but no definition was found.`}},
		},
		{
			name: "a default fills in", token: "aws:ec2/securityGroup:SecurityGroup",
			inputs: nil,
			want:   object{"description": "Managed by Pulumi"},
		},
		{
			name: "a default gives way", token: "aws:ec2/securityGroup:SecurityGroup",
			inputs: object{"description": "of the load balancer"},
			want:   object{"description": "of the load balancer"},
		},
		{
			name: "unknown satisfies all", token: record,
			inputs: object{"name": unknown{}, "type": "A", "zoneId": unknown{}, "ttl": unknown{}, "data": unknown{}},
			want:   object{"name": unknown{}, "type": "A", "zoneId": unknown{}, "ttl": unknown{}, "data": unknown{}},
		},
		{
			name: "the engine's own", token: logGroup,
			inputs: object{"__defaults": []any{"name"}, "tags": object{"__defaults": []any{}}},
			want:   object{"__defaults": []any{"name"}, "tags": object{"__defaults": []any{}}},
		},
		{
			name: "mistyped", token: logGroup,
			inputs:   object{"retentionInDay": 30.0, "colour": "red"},
			failures: []schema.Failure{{"colour", "Invalid or unknown key"}, {"retentionInDay", "Invalid or unknown key. Did you mean `retentionInDays`?"}},
		},
		{
			name: "wrong types", token: targetGroup,
			inputs: object{"port": "http", "name": []any{}, "tags": "a=b", "proxyProtocolV2": 1.0, "slowStart": 1.5, "healthCheck": []any{}},
			failures: []schema.Failure{
				{"healthCheck", "expected object type, got array type"},
				{"name", "expected string type, got array type"},
				{"port", "expected integer type, got string type"},
				{"proxyProtocolV2", "expected boolean type, got number type"},
				{"slowStart", "expected integer type, got number type"},
				{"tags", "expected map type, got string type"},
			},
		},
		{
			name: "deep", token: rule,
			inputs: object{
				"listenerArn": unknown{},
				"actions":     []any{object{"type": "forward"}, object{"targetGroup": "arn"}},
				"conditions":  []any{unknown{}},
				"tags":        object{"a b": []any{}, "kubernetes.io/name": "x"},
			},
			failures: []schema.Failure{
				{"actions[1].targetGroup", "Invalid or unknown key"},
				{"actions[1].type", `Missing required argument. The argument "type" is required, but no definition was found.`},
				{`tags["a b"]`, "expected string type, got array type"},
			},
		},
		{
			name: "not a property value", token: logGroup,
			inputs:   object{"retentionInDays": 30},
			failures: []schema.Failure{{"retentionInDays", "expected integer type, got int type"}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := fmt.Sprint(test.inputs)
			got, failures := lookup(t, test.token).Check(test.inputs, isUnknown)
			if !slices.Equal(failures, test.failures) {
				t.Errorf("failures:\n got %q\nwant %q", failures, test.failures)
			}
			if test.failures == nil && !reflect.DeepEqual(got, test.want) {
				t.Errorf("inputs:\n got %v\nwant %v", got, test.want)
			}
			if after := fmt.Sprint(test.inputs); after != before {
				t.Errorf("the caller's map became %s", after)
			}
		})
	}
}

func TestCheckOutputs(t *testing.T) {
	t.Parallel()
	record := lookup(t, "cloudflare:index/record:Record")
	outputs := object{"hostname": "hello.example.com", "ttl": "60", "proxied": unknown{}, "host": "hello"}
	want := []schema.Failure{{"host", "Invalid or unknown key"}, {"ttl", "expected integer type, got string type"}}
	if got := record.CheckOutputs(outputs, isUnknown); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCheckFunction(t *testing.T) {
	t.Parallel()
	f, ok := schema.LookupFunction("aws:ecr/getImage:getImage")
	if !ok {
		t.Fatal("not described")
	}
	args, failures := f.Check(object{"imageTag": 1.0}, nil)
	want := []schema.Failure{{"repositoryName", `Missing required argument. The argument "repository_name" is required, but no definition was found.`}}
	if !slices.Equal(failures, want) {
		t.Errorf("got %q, want %q", failures, want)
	}
	if args["imageTag"] != "1" {
		t.Errorf("the tag is %#v, want it as a string", args["imageTag"])
	}
	if failures := f.CheckResult(object{"imageUris": ""}, nil); len(failures) != 1 || failures[0].Property != "imageUris" {
		t.Errorf("an unknown result gives %q", failures)
	}
}

// site is an object within generated inputs.
type site struct {
	path   string
	props  schema.Properties
	values object
}

// generated is inputs that a resource takes, with every object in them.
type generated struct {
	resource *schema.Resource
	inputs   object
	sites    []site
	unknowns bool // among the values
}

func generate(t *rapid.T, resources []*schema.Resource, unknowns bool) *generated {
	g := &generated{resource: rapid.SampledFrom(resources).Draw(t, "resource"), unknowns: unknowns}
	g.inputs = g.object(t, "", g.resource.Inputs)
	return g
}

func (g *generated) object(t *rapid.T, path string, props schema.Properties) object {
	values := object{}
	g.sites = append(g.sites, site{path, props, values})
	for _, name := range slices.Sorted(maps.Keys(props)) {
		p := props[name]
		// Deep objects only have what they need: some types have thousands of properties.
		if p.Required || p.Default != nil || strings.Count(path, ".") < 2 && rapid.Bool().Draw(t, "given") {
			values[name] = g.value(t, strings.TrimPrefix(path+"."+name, "."), p.Type)
		}
	}
	return values
}

func (g *generated) value(t *rapid.T, path string, typ *schema.Type) any {
	if g.unknowns && rapid.IntRange(0, 9).Draw(t, "one in ten is unknown") == 0 {
		return unknown{}
	}
	switch typ.Kind {
	case schema.Object:
		return g.object(t, path, typ.Properties)
	case schema.Array:
		list := make([]any, rapid.IntRange(0, 2).Draw(t, "length"))
		for i := range list {
			list[i] = g.value(t, fmt.Sprintf("%s[%d]", path, i), typ.Elem)
		}
		return list
	case schema.Map:
		entries := object{}
		for _, key := range rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,3}`), 0, 2).Draw(t, "keys") {
			entries[key] = g.value(t, path+"."+key, typ.Elem)
		}
		return entries
	case schema.Boolean:
		return rapid.Bool().Draw(t, "boolean")
	case schema.Integer:
		return float64(rapid.Int32().Draw(t, "integer"))
	case schema.Number:
		return rapid.Float64Range(-1e9, 1e9).Draw(t, "number")
	}
	return rapid.String().Draw(t, "string")
}

func resources(t *testing.T) []*schema.Resource {
	var all []*schema.Resource
	for _, token := range tokens(t) {
		if r, ok := schema.Lookup(token); ok {
			all = append(all, r)
		}
	}
	return all
}

func TestValidInputsPass(t *testing.T) {
	t.Parallel()
	all := resources(t)
	rapid.Check(t, func(t *rapid.T) {
		g := generate(t, all, true)
		got, failures := g.resource.Check(g.inputs, isUnknown)
		if len(failures) > 0 {
			t.Fatalf("%s: %v gives %q", g.resource.Token, g.inputs, failures)
		}
		if !reflect.DeepEqual(got, g.inputs) {
			t.Fatalf("%s: %v became %v", g.resource.Token, g.inputs, got)
		}
	})
}

func TestScalarsKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	all := resources(t)
	rapid.Check(t, func(t *rapid.T) {
		g := generate(t, all, false)
		got, failures := g.resource.Check(stringly(g.inputs).(object), nil)
		if len(failures) > 0 || !reflect.DeepEqual(got, g.inputs) {
			t.Fatalf("%s: %v written in strings became %v, %q", g.resource.Token, g.inputs, got, failures)
		}
	})
}

// stringly writes numbers and booleans as strings.
func stringly(v any) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for k, e := range v {
			out[k] = stringly(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = stringly(e)
		}
		return out
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return v
}

func TestOneMutationIsNamed(t *testing.T) {
	t.Parallel()
	all := resources(t)
	rapid.Check(t, func(t *rapid.T) {
		g := generate(t, all, false)
		at := rapid.SampledFrom(g.sites).Draw(t, "object")

		var missing, typed []string
		for _, name := range slices.Sorted(maps.Keys(at.props)) {
			if p := at.props[name]; p.Required && p.Default == nil {
				missing = append(missing, name)
			}
			if at.props[name].Type.Kind != schema.Any {
				typed = append(typed, name)
			}
		}
		mutations := map[string]func() string{
			"unknown property": func() string {
				name := rapid.StringMatching(`[a-z]{1,8}_[a-z]{1,8}`).Draw(t, "name") // properties have no underscores
				at.values[name] = "x"
				return name
			},
		}
		if len(missing) > 0 {
			mutations["missing property"] = func() string {
				name := rapid.SampledFrom(missing).Draw(t, "name")
				delete(at.values, name)
				return name
			}
		}
		if len(typed) > 0 {
			mutations["wrong type"] = func() string {
				name := rapid.SampledFrom(typed).Draw(t, "name")
				at.values[name] = rapid.SampledFrom(wrong[at.props[name].Type.Kind]).Draw(t, "value")
				return name
			}
		}
		kind := rapid.SampledFrom(slices.Sorted(maps.Keys(mutations))).Draw(t, "mutation")
		want := strings.TrimPrefix(at.path+"."+mutations[kind](), ".")

		_, failures := g.resource.Check(g.inputs, nil)
		if len(failures) != 1 || failures[0].Property != want {
			t.Fatalf("%s: %s at %s gives %q", g.resource.Token, kind, want, failures)
		}
	})
}

// wrong has values that no property of the kind takes.
var wrong = map[schema.Kind][]any{
	schema.String:  {[]any{}, object{}},
	schema.Integer: {"", "seven", "1.5", 1.5, math.Inf(1), true, []any{}, object{}},
	schema.Number:  {"", "seven", "NaN", "Inf", false, []any{}, object{}},
	schema.Boolean: {"", "yes", 1.0, []any{}, object{}},
	schema.Array:   {"", 0.0, false, object{}},
	schema.Map:     {"", 0.0, false, []any{}},
	schema.Object:  {"", 0.0, false, []any{}},
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if got := schema.Version("aws"); !strings.HasPrefix(got, "6.") {
		t.Errorf("the version of aws is %q", got)
	}
	if got := schema.Version("gcp"); got != "" {
		t.Errorf("the version of gcp is %q, want none", got)
	}
}

func BenchmarkCheck(b *testing.B) {
	service := lookup(b, "aws:ecs/service:Service")
	inputs := object{
		"cluster":              "arn:aws:ecs:eu-central-1:000000000000:cluster/hello",
		"desiredCount":         2.0,
		"networkConfiguration": object{"subnets": []any{"subnet-1", "subnet-2"}, "assignPublicIp": true},
	}
	for b.Loop() {
		if _, failures := service.Check(inputs, isUnknown); failures != nil {
			b.Fatal(failures)
		}
	}
}
