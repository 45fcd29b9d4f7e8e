package provider_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slipway/localcloud/cloud"
	"slipway/localcloud/fault"
	"slipway/localcloud/provider"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

type lamp struct {
	Name   string `json:"name"`
	Colour string `json:"colour"`
}

type lampOutputs struct {
	Watts float64 `json:"watts"`
}

type bulbOutputs struct {
	Watts string `json:"watts"`
}

const urn = "urn:pulumi:s::p::test:index:Lamp::desk"

// dial serves a cloud of lamps and returns a function that opens one connection of an engine to it.
func dial(t *testing.T) func(config string) pulumirpc.ResourceProviderClient {
	t.Helper()
	return dialUnder(t, nil)
}

// dialUnder does so under faults.
func dialUnder(t *testing.T, faults *fault.Plan) func(config string) pulumirpc.ResourceProviderClient {
	t.Helper()
	store, err := cloud.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	c := cloud.New(store, cloud.Options{Schema: anything{}})
	c.Add(&cloud.Kind[lamp, lampOutputs]{
		Spec: cloud.Spec{
			Token:    "test:index:Lamp",
			Label:    "Lamp",
			AutoName: &cloud.AutoName{Property: "name", Max: 16},
			Replace:  []string{"name", "socket"},
			Shared:   []string{"dimmed", "warmth"},
		},
		Check: func(in *lamp) []cloud.Failure {
			if in.Colour == "plaid" {
				return []cloud.Failure{{Property: "colour", Reason: "no lamp is plaid."}}
			}
			return nil
		},
		Create: func(_ *cloud.Call, in *lamp, out *lampOutputs) (string, error) {
			if in.Colour == "broken" {
				panic("a shard of glass")
			}
			out.Watts = 40
			return in.Name, nil
		},
		Apply: func(_ *cloud.Call, in *lamp) error {
			if in.Colour == "black" {
				return errors.New("the lamp stays dark")
			}
			return nil
		},
	})
	made := 0
	c.Add(&cloud.Kind[lamp, bulbOutputs]{
		Spec: cloud.Spec{Token: "test:index:Bulb", Alias: &cloud.Alias{ID: "name", Own: "watts"}},
		Create: func(_ *cloud.Call, in *lamp, out *bulbOutputs) (string, error) {
			made++
			out.Watts = fmt.Sprint(in.Name, ":", made)
			return out.Watts, nil
		},
	})
	server := provider.NewServer(c, provider.Package{
		Name:    "test",
		Secrets: func(string) []string { return []string{"password"} },
		Replace: []string{"region"},
		Caller: func(config cloud.Map) (cloud.Caller, error) {
			return cloud.Caller{Scope: cloud.Scope{Account: fmt.Sprint(config["account"])}}, nil
		},
		Manners: fault.Manners{
			Denied: cloud.Errorf("AccessDenied", "no"),
			Lost:   errors.New("no reply"),
			Waits:  []fault.Wait{{Token: "test:index:Lamp", Wait: cloud.Wait{Verb: cloud.Create, Failure: "waiting for lamp %s in vain"}}},
		},
	}, faults, slog.New(slog.DiscardHandler))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Stop(); _ = store.Close() })
	return func(account string) pulumirpc.ResourceProviderClient {
		conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		client := pulumirpc.NewResourceProviderClient(conn)
		if _, err := client.Configure(t.Context(), &pulumirpc.ConfigureRequest{Args: props(t, resource.PropertyMap{"account": resource.NewProperty(account)})}); err != nil {
			t.Fatal(err)
		}
		return client
	}
}

type anything struct{}

func (anything) Check(_ string, in cloud.Map) (cloud.Map, []cloud.Failure)     { return in, nil }
func (anything) CheckArgs(_ string, in cloud.Map) (cloud.Map, []cloud.Failure) { return in, nil }
func (anything) Outputs(string) []string                                       { return []string{"watts"} }
func (anything) IsMap(string, string) bool                                     { return false }

var options = plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true}

func props(t *testing.T, m resource.PropertyMap) *structpb.Struct {
	t.Helper()
	s, err := plugin.MarshalProperties(m, options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t *testing.T, s *structpb.Struct) resource.PropertyMap {
	t.Helper()
	m, err := plugin.UnmarshalProperties(s, options)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func text(s string) resource.PropertyValue { return resource.NewProperty(s) }

func TestAutoName(t *testing.T) {
	client := dial(t)("1")
	seed := []byte("0123456789abcdef0123456789abcdef")
	check := func(olds, news resource.PropertyMap, urn string) *pulumirpc.CheckResponse {
		resp, err := client.Check(t.Context(), &pulumirpc.CheckRequest{Urn: urn, Olds: props(t, olds), News: props(t, news), RandomSeed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	first := parse(t, check(nil, nil, urn).GetInputs())
	name := first["name"].StringValue()
	if !strings.HasPrefix(name, "desk-") || len(name) != len("desk-")+7 {
		t.Errorf("made-up name: %q", name)
	}
	seed = []byte("another seed, as another run has")
	if again := parse(t, check(first, nil, urn).GetInputs()); again["name"] != first["name"] {
		t.Errorf("the name changed from %v to %v", first["name"], again["name"])
	}
	if named := parse(t, check(nil, resource.PropertyMap{"name": text("mine")}, urn).GetInputs()); named["name"] != text("mine") {
		t.Errorf("the program's name became %v", named["name"])
	}
	if failures := check(nil, nil, urn+"-with-a-long-name").GetFailures(); len(failures) != 1 || !strings.Contains(failures[0].GetReason(), "16") {
		t.Errorf("a name over 16 characters: %v", failures)
	}
}

func TestDeleteBeforeReplaceOfFixedName(t *testing.T) {
	client := dial(t)("1")
	for _, test := range []struct {
		defaults []resource.PropertyValue
		want     bool
	}{
		{defaults: []resource.PropertyValue{text("name")}, want: false},
		{want: true},
	} {
		old := resource.PropertyMap{"name": text("n"), "socket": text("a"), "__defaults": resource.NewProperty(test.defaults)}
		news := old.Copy()
		news["socket"] = text("b")
		d, err := client.Diff(t.Context(), &pulumirpc.DiffRequest{Urn: urn, OldInputs: props(t, old), Olds: props(t, old), News: props(t, news)})
		if err != nil {
			t.Fatal(err)
		}
		if d.GetDeleteBeforeReplace() != test.want || len(d.GetReplaces()) != 1 {
			t.Errorf("defaults %v: delete before replace %v, replaces %v", test.defaults, d.GetDeleteBeforeReplace(), d.GetReplaces())
		}
	}
}

// A value that someone else sets stays, until the program changes its own wish.
func TestSharedInputsAreLeftAlone(t *testing.T) {
	client := dial(t)("1")
	lit := func(dimmed, warmth float64, colour string) resource.PropertyMap {
		return resource.PropertyMap{
			"name": text("n"), "dimmed": resource.NewProperty(dimmed), "warmth": resource.NewProperty(warmth), "colour": text(colour),
		}
	}
	before := lit(1, 1, "red")
	created, err := client.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: props(t, before)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what           string
		news           resource.PropertyMap
		ignored        []string
		dimmed, warmth float64
	}{
		{"the other's change", lit(5, 3, "red"), nil, 5, 3}, // those below go on from what was before
		{"a change of the colour", lit(1, 1, "blue"), nil, 5, 3},
		{"an ignored change", lit(2, 1, "green"), []string{"dimmed"}, 5, 3},
		{"the program's change", lit(2, 1, "blue"), nil, 2, 1},
	} {
		updated, err := client.Update(t.Context(), &pulumirpc.UpdateRequest{
			Urn: urn, Id: created.GetId(), OldInputs: props(t, before), Olds: props(t, before), News: props(t, tt.news), IgnoreChanges: tt.ignored,
		})
		if err != nil {
			t.Fatal(err)
		}
		now := parse(t, updated.GetProperties())
		if dimmed, warmth := now["dimmed"].NumberValue(), now["warmth"].NumberValue(); dimmed != tt.dimmed || warmth != tt.warmth {
			t.Errorf("after %s: dimmed to %v and warm to %v, want %v and %v", tt.what, dimmed, warmth, tt.dimmed, tt.warmth)
		}
	}
}

// An update records changes by someone else. A program that ignores changes of it then sees none.
func TestIgnoredDrift(t *testing.T) {
	client := dial(t)("1")
	lit := func(dimmed float64, colour string) resource.PropertyMap {
		return resource.PropertyMap{"name": text("n"), "dimmed": resource.NewProperty(dimmed), "colour": text(colour)}
	}
	for _, tt := range []struct {
		what    string
		news    resource.PropertyMap
		ignored []string
		want    []string
	}{
		{"nothing ignored", lit(1, "red"), nil, []string{"dimmed"}},
		{"ignored", lit(1, "red"), []string{"dimmed", "warmth"}, nil},
		{"a change beside it", lit(2, "blue"), []string{"dimmed"}, []string{"colour"}},
	} {
		diff, err := client.Diff(t.Context(), &pulumirpc.DiffRequest{
			Urn: urn, Id: "n", OldInputs: props(t, lit(1, "red")), Olds: props(t, lit(5, "red")), News: props(t, tt.news), IgnoreChanges: tt.ignored,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := diff.GetDiffs(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: changed are %v, want %v", tt.what, got, tt.want)
		}
	}
}

// A program's replaceOnChanges names the paths of parts, not known yet in a preview or known.
func TestDetailedDiff(t *testing.T) {
	client := dial(t)("1")
	shade := func(form resource.PropertyValue) resource.PropertyMap {
		return resource.PropertyMap{"name": text("n"), "shade": resource.NewProperty(resource.PropertyMap{
			"form": form, "a.b": resource.NewProperty([]resource.PropertyValue{text("x")}),
		})}
	}
	moved := resource.PropertyMap{"name": text("n"), "shade": shade(text("cone"))["shade"], "socket": text("hall")}
	for name, test := range map[string]struct {
		news resource.PropertyMap
		want map[string]pulumirpc.PropertyDiff_Kind
	}{
		"nothing":       {shade(text("cone")), map[string]pulumirpc.PropertyDiff_Kind{}},
		"a field":       {shade(text("ball")), map[string]pulumirpc.PropertyDiff_Kind{"shade.form": pulumirpc.PropertyDiff_UPDATE}},
		"not known yet": {shade(resource.MakeComputed(text(""))), map[string]pulumirpc.PropertyDiff_Kind{"shade.form": pulumirpc.PropertyDiff_UPDATE}},
		"replaces":      {moved, map[string]pulumirpc.PropertyDiff_Kind{"socket": pulumirpc.PropertyDiff_ADD_REPLACE}},
	} {
		t.Run(name, func(t *testing.T) {
			old := props(t, shade(text("cone")))
			d, err := client.Diff(t.Context(), &pulumirpc.DiffRequest{Urn: urn, OldInputs: old, Olds: old, News: props(t, test.news)})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]pulumirpc.PropertyDiff_Kind{}
			for path, p := range d.GetDetailedDiff() {
				got[path] = p.GetKind()
			}
			if !maps.Equal(got, test.want) {
				t.Errorf("detailed diff %v, want %v", got, test.want)
			}
		})
	}
}

// Another region replaces all, another account nothing (pulumi-terraform-bridge, pkg/tfbridge/provider.go, configDiffer).
func TestDiffConfig(t *testing.T) {
	client := dial(t)("1")
	config := func(pairs ...string) resource.PropertyMap {
		m := resource.PropertyMap{}
		for i := 0; i < len(pairs); i += 2 {
			m[resource.PropertyKey(pairs[i])] = text(pairs[i+1])
		}
		return m
	}
	for name, test := range map[string]struct {
		olds, news resource.PropertyMap
		changed    []string
		replaces   []string
		kind       pulumirpc.PropertyDiff_Kind
	}{
		"nothing":                       {config("region", "a", "profile", "p"), config("region", "a", "profile", "p"), nil, nil, 0},
		"another region":                {config("region", "a"), config("region", "b"), []string{"region"}, []string{"region"}, pulumirpc.PropertyDiff_UPDATE_REPLACE},
		"no region any more":            {config("region", "a"), config(), []string{"region"}, []string{"region"}, pulumirpc.PropertyDiff_DELETE_REPLACE},
		"a region that is not recorded": {config(), config("region", "b"), []string{"region"}, nil, pulumirpc.PropertyDiff_ADD},
		"another account":               {config("assumeRole", `{"roleArn":"x"}`), config("assumeRole", `{"roleArn":"y"}`), []string{"assumeRole"}, nil, pulumirpc.PropertyDiff_UPDATE},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := client.DiffConfig(t.Context(), &pulumirpc.DiffRequest{
				Urn: "urn:pulumi:s::p::pulumi:providers:test::default", OldInputs: props(t, test.olds), Olds: props(t, test.olds), News: props(t, test.news),
			})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(d.GetDiffs(), test.changed) || !slices.Equal(d.GetReplaces(), test.replaces) || d.GetDeleteBeforeReplace() {
				t.Errorf("changed %v, replaces %v, want %v and %v", d.GetDiffs(), d.GetReplaces(), test.changed, test.replaces)
			}
			for _, p := range test.changed {
				if kind := d.GetDetailedDiff()[p].GetKind(); kind != test.kind {
					t.Errorf("%s: %v, want %v", p, kind, test.kind)
				}
			}
		})
	}
}

func TestSecretsStaySecret(t *testing.T) {
	client := dial(t)("1")
	in := resource.PropertyMap{"name": text("n"), "colour": resource.MakeSecret(text("infrared"))}
	checked, err := client.Check(t.Context(), &pulumirpc.CheckRequest{Urn: urn, News: props(t, in)})
	if err != nil {
		t.Fatal(err)
	}
	if c := parse(t, checked.GetInputs())["colour"]; !c.IsSecret() {
		t.Errorf("checked: %v", c)
	}
	created, err := client.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: checked.GetInputs()})
	if err != nil {
		t.Fatal(err)
	}
	out := parse(t, created.GetProperties())
	if !out["colour"].IsSecret() || out["watts"].NumberValue() != 40 {
		t.Errorf("created: %v", out)
	}
	read, err := client.Read(t.Context(), &pulumirpc.ReadRequest{Urn: urn, Id: "n", Inputs: checked.GetInputs(), Properties: created.GetProperties()})
	if err != nil {
		t.Fatal(err)
	}
	if !parse(t, read.GetProperties())["colour"].IsSecret() || !parse(t, read.GetInputs())["colour"].IsSecret() {
		t.Errorf("read: %v", read)
	}
}

func TestImportedSecretsAreMarked(t *testing.T) {
	client := dial(t)("1")
	in := props(t, resource.PropertyMap{"name": text("n"), "password": text("p")})
	if _, err := client.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: in}); err != nil {
		t.Fatal(err)
	}
	read, err := client.Read(t.Context(), &pulumirpc.ReadRequest{Urn: urn, Id: "n"})
	if err != nil {
		t.Fatal(err)
	}
	if !parse(t, read.GetProperties())["password"].IsSecret() || !parse(t, read.GetInputs())["password"].IsSecret() {
		t.Errorf("imported: %v", read)
	}
}

func TestFailureDoesNotShowTheValue(t *testing.T) {
	client := dial(t)("1")
	resp, err := client.Check(t.Context(), &pulumirpc.CheckRequest{Urn: urn, News: props(t, resource.PropertyMap{"colour": text("plaid")})})
	if err != nil {
		t.Fatal(err)
	}
	f := resp.GetFailures()
	if len(f) != 1 || f[0].GetProperty() != "" || f[0].GetReason() != "no lamp is plaid. Examine values at 'desk.colour'." {
		t.Errorf("failures: %v", f)
	}
}

func TestPreviewCreatesNothing(t *testing.T) {
	client := dial(t)("1")
	in := props(t, resource.PropertyMap{"name": text("n")})
	resp, err := client.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: in, Preview: true})
	if err != nil {
		t.Fatal(err)
	}
	if !parse(t, resp.GetProperties())["watts"].IsComputed() {
		t.Errorf("preview: %v", resp)
	}
	if read, err := client.Read(t.Context(), &pulumirpc.ReadRequest{Urn: urn, Id: "n"}); err != nil || read.GetId() != "" {
		t.Errorf("after the preview: %v, %v", read, err)
	}
}

func TestPartialFailureKeepsTheResource(t *testing.T) {
	client := dial(t)("1")
	in := props(t, resource.PropertyMap{"name": text("n"), "colour": text("black")})
	_, err := client.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: in})
	rpcErr, ok := rpcerror.FromError(err)
	if !ok || len(rpcErr.Details()) != 1 {
		t.Fatalf("create: %v", err)
	}
	detail, ok := rpcErr.Details()[0].(*pulumirpc.ErrorResourceInitFailed)
	if !ok || detail.GetId() != "n" || !strings.Contains(detail.GetReasons()[0], "stays dark") {
		t.Errorf("details: %v", rpcErr.Details())
	}
}

func TestConnectionsHaveTheirOwnScope(t *testing.T) {
	connect := dial(t)
	one, two := connect("1"), connect("2")
	in := props(t, resource.PropertyMap{"name": text("n")})
	if _, err := one.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: in}); err != nil {
		t.Fatal(err)
	}
	for client, want := range map[pulumirpc.ResourceProviderClient]string{one: "n", two: ""} {
		got, err := client.Read(t.Context(), &pulumirpc.ReadRequest{Urn: urn, Id: "n"})
		if err != nil || got.GetId() != want {
			t.Errorf("read: %q, %v, want %q", got.GetId(), err, want)
		}
	}
}

func TestUnknownKindIsUnimplemented(t *testing.T) {
	client := dial(t)("1")
	_, err := client.Check(context.Background(), &pulumirpc.CheckRequest{Urn: "urn:pulumi:s::p::test:index:Piano::grand"})
	if status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "test:index:Piano") {
		t.Errorf("check of a piano: %v", err)
	}
}

func TestPanicEndsOneCallAlone(t *testing.T) {
	client := dial(t)("1")
	in := props(t, resource.PropertyMap{"name": text("n"), "colour": text("broken")})
	if _, err := client.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: in}); status.Code(err) != codes.Internal {
		t.Errorf("a kind that panics: %v", err)
	}
	in = props(t, resource.PropertyMap{"name": text("n")})
	if _, err := client.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: in}); err != nil {
		t.Errorf("after the panic: %v", err)
	}
}

// The engine's record of a failed creation decides what a second `pulumi up` does.
func TestFaults(t *testing.T) {
	faults := &fault.Plan{}
	client := dialUnder(t, faults)("1")
	in := props(t, resource.PropertyMap{"name": text("n")})
	read := func() string {
		r, err := client.Read(t.Context(), &pulumirpc.ReadRequest{Urn: urn, Id: "n"})
		if err != nil {
			t.Fatal(err)
		}
		return r.GetId()
	}
	for _, test := range []struct {
		fault     fault.Fault
		want      string
		there     bool // whether the lamp is there afterwards
		reported  bool // whether the engine got its id
		carriedOn bool // whether nothing failed
	}{
		{fault: fault.Fault{Mode: fault.Refuse, Verb: cloud.Create}, want: "creating Lamp: api error AccessDenied: no"},
		{fault: fault.Fault{Mode: fault.Lose, Verb: cloud.Create, Name: "desk"}, want: "creating Lamp: no reply", there: true},
		{fault: fault.Fault{Mode: fault.Partial, Verb: cloud.Create}, want: "waiting for lamp n in vain", there: true, reported: true},
		{fault: fault.Fault{Mode: fault.Refuse, Verb: cloud.Update}, there: true, carriedOn: true},
	} {
		if _, err := faults.Add(test.fault); err != nil {
			t.Fatal(err)
		}
		_, err := client.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: in})
		if test.carriedOn != (err == nil) || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test.fault, err)
		}
		id := ""
		if rpcErr, ok := rpcerror.FromError(err); ok {
			for _, d := range rpcErr.Details() {
				if failed, ok := d.(*pulumirpc.ErrorResourceInitFailed); ok {
					id = failed.GetId()
				}
			}
		}
		if (id == "n") != test.reported || (read() == "n") != test.there {
			t.Errorf("%+v: the engine learned the id %q, the cloud has %q", test.fault, id, read())
		}
		if err := faults.Clear(0); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Delete(t.Context(), &pulumirpc.DeleteRequest{Urn: urn, Id: "n"}); err != nil {
			t.Fatal(err)
		}
	}

	// A deletion without a reply has happened, so it can be repeated.
	if _, err := client.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: in}); err != nil {
		t.Fatal(err)
	}
	if _, err := faults.Add(fault.Fault{Mode: fault.Lose}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Delete(t.Context(), &pulumirpc.DeleteRequest{Urn: urn, Id: "n"}); err == nil || read() != "" {
		t.Errorf("a lost deletion: %v, and then there is %q", err, read())
	}
	if _, err := client.Delete(t.Context(), &pulumirpc.DeleteRequest{Urn: urn, Id: "n"}); err != nil {
		t.Error(err)
	}
}

// Two resources of one id, as two revisions of a task definition are: what the engine recorded says which is meant.
func TestIDsThatAreNotUnique(t *testing.T) {
	const urn = "urn:pulumi:s::p::test:index:Bulb::desk"
	client := dial(t)("1")
	create := func(colour string) *pulumirpc.CreateResponse {
		t.Helper()
		made, err := client.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: props(t, resource.PropertyMap{"name": text("bulb"), "colour": text(colour)})})
		if err != nil || made.GetId() != "bulb" {
			t.Fatalf("it is %q (%v), want bulb", made.GetId(), err)
		}
		return made
	}
	first, second := create("red"), create("green")
	read := func(id string, recorded *structpb.Struct) (told, colour string) {
		t.Helper()
		found, err := client.Read(t.Context(), &pulumirpc.ReadRequest{Urn: urn, Id: id, Properties: recorded})
		if err != nil {
			t.Fatal(err)
		}
		if found.GetId() == "" {
			return "", ""
		}
		return found.GetId(), parse(t, found.GetProperties())["colour"].StringValue()
	}
	for name, step := range map[string]struct {
		id       string
		recorded *structpb.Struct
		told     string
		colour   string
	}{
		"the first":                {"bulb", first.GetProperties(), "bulb", "red"},
		"the second":               {"bulb", second.GetProperties(), "bulb", "green"},
		"an import":                {"bulb:2", nil, "bulb", "green"},
		"a state of an older one":  {"bulb:1", first.GetProperties(), "bulb:1", "red"},
		"an import of what is not": {"bulb", nil, "", ""},
	} {
		if told, colour := read(step.id, step.recorded); told != step.told || colour != step.colour {
			t.Errorf("%s: %q is told, of the %s one, want %q, %s", name, told, colour, step.told, step.colour)
		}
	}

	updated, err := client.Update(t.Context(), &pulumirpc.UpdateRequest{
		Urn: urn, Id: "bulb", Olds: second.GetProperties(), News: props(t, resource.PropertyMap{"name": text("bulb"), "colour": text("blue")}),
	})
	if err != nil || parse(t, updated.GetProperties())["colour"].StringValue() != "blue" {
		t.Errorf("the second is updated to %v (%v)", updated, err)
	}
	if _, err := client.Delete(t.Context(), &pulumirpc.DeleteRequest{Urn: urn, Id: "bulb", Properties: first.GetProperties()}); err != nil {
		t.Error(err)
	}
	if told, _ := read("bulb", first.GetProperties()); told != "" {
		t.Errorf("the first is still there, as %q", told)
	}
	if _, colour := read("bulb", second.GetProperties()); colour != "blue" {
		t.Errorf("the second is %s", colour)
	}
}
