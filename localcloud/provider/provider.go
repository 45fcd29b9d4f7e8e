// Package provider serves a cloud to Pulumi's engine: it implements the resource provider protocol over package cloud, with
// the manners of the bridged Terraform providers (auto-naming, defaults, partial failures), and knows no kind by name.
package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/cloud"
	"slipway/localcloud/fault"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// Package is one of Pulumi's packages, such as aws, served by a cloud.
type Package struct {
	// Name and Version are what the official provider would report.
	Name, Version string
	// Caller reads the account and the identity from the provider's configuration. Its error refuses the configuration.
	Caller func(config cloud.Map) (cloud.Caller, error)
	// Secrets names the properties of a kind that are always secret; nil for none. It also marks the properties of imported resources,
	// which no program has marked.
	Secrets func(token string) []string
	// Replace lists the provider's settings whose change replaces everything that was made with them.
	Replace []string
	// Manners are how the official provider takes faults.
	Manners fault.Manners
}

// NewServer returns a server for the package. The engine opens one connection for each provider resource of a program and
// configures it; so the configuration belongs to the connection. Operations fail as the faults say, which may be nil.
func NewServer(c *cloud.Cloud, p Package, faults *fault.Plan, log *slog.Logger) *grpc.Server {
	s := grpc.NewServer(
		grpc.StatsHandler(connections{}),
		// The engine allows itself messages of 400 MB; nothing here comes near, but a limit of 4 MB would refuse a large stack.
		grpc.MaxRecvMsgSize(64<<20),
		// A mistake in one kind must not take the whole cloud and its tasks down.
		grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
			defer func() {
				if r := recover(); r != nil {
					log.Error("panic", "method", info.FullMethod, "panic", r, "stack", string(debug.Stack()))
					err = status.Errorf(codes.Internal, "%s: a bug in the local cloud: %v", info.FullMethod, r)
				}
			}()
			return next(ctx, req)
		}),
	)
	pulumirpc.RegisterResourceProviderServer(s, &server{cloud: c, pkg: p, faults: faults})
	return s
}

type server struct {
	pulumirpc.UnimplementedResourceProviderServer
	cloud  *cloud.Cloud
	pkg    Package
	faults *fault.Plan
}

func (s *server) Attach(context.Context, *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (s *server) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: s.pkg.Version}, nil
}

func (s *server) CheckConfig(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: req.GetNews()}, nil
}

// DiffConfig says which settings of the provider have changed, and whether one of them replaces the provider and so every resource that
// it made: new ones come first. Other changes, also of the account, leave resources where the engine recorded them.
func (s *server) DiffConfig(_ context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	m, err := readAll(req.GetOldInputs(), req.GetNews())
	if err != nil {
		return nil, err
	}
	olds, news := m[0].props, m[1].props
	ignore(req.GetIgnoreChanges(), olds, olds, news)
	resp := &pulumirpc.DiffResponse{
		Changes: pulumirpc.DiffResponse_DIFF_NONE, HasDetailedDiff: true, DetailedDiff: map[string]*pulumirpc.PropertyDiff{},
	}
	settings := maps.Clone(news)
	maps.Copy(settings, olds)
	for _, p := range slices.Sorted(maps.Keys(settings)) {
		was, had := olds[p]
		if reflect.DeepEqual(was, news[p]) {
			continue
		}
		resp.Changes = pulumirpc.DiffResponse_DIFF_SOME
		resp.Diffs = append(resp.Diffs, p)
		// A state without the old value comes from an old engine, which recorded less.
		replace := had && slices.Contains(s.pkg.Replace, p)
		if replace {
			resp.Replaces = append(resp.Replaces, p)
		}
		part := cloud.Part{Path: []any{p}, Had: had, Has: news[p] != nil}
		resp.DetailedDiff[p] = &pulumirpc.PropertyDiff{Kind: diffKind(part, replace), InputDiff: true}
	}
	return resp, nil
}

func (s *server) Configure(ctx context.Context, req *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	config, err := readConfig(req)
	if err != nil {
		return nil, fmt.Errorf("configure %s: %w", s.pkg.Name, err)
	}
	caller, err := s.pkg.Caller(config)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "configure %s: %v", s.pkg.Name, err)
	}
	connectionOf(ctx).caller.Store(&caller)
	return &pulumirpc.ConfigureResponse{
		AcceptSecrets:                   true,
		SupportsPreview:                 true,
		SupportsAutonamingConfiguration: true,
	}, nil
}

func (s *server) Check(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	urn := resource.URN(req.GetUrn())
	token := string(urn.Type())
	news, err := read(req.GetNews())
	if err != nil {
		return nil, err
	}
	olds, err := read(req.GetOlds())
	if err != nil {
		return nil, err
	}
	if err := s.autoName(req, urn, olds.props, news.props); err != nil {
		//nolint:nilerr // a name that cannot be made is the program's failure, not the call's
		return &pulumirpc.CheckResponse{Failures: []*pulumirpc.CheckFailure{{Reason: err.Error()}}}, nil
	}
	inputs, failures, err := s.cloud.Check(token, news.props)
	if err != nil {
		return nil, refusal(err)
	}
	props, err := write(inputs, news.secret)
	return &pulumirpc.CheckResponse{Inputs: props, Failures: checkFailures(urn.Name(), failures)}, err
}

// checkFailures words failures as the bridged providers do: with the property in the text and not in the field for it, which
// would make the engine print the property's value, a secret's too.
func checkFailures(name string, failures []cloud.Failure) []*pulumirpc.CheckFailure {
	var out []*pulumirpc.CheckFailure
	for _, f := range failures {
		reason := f.Reason
		if f.Property != "" {
			reason = fmt.Sprintf("%s. Examine values at '%s.%s'.", strings.TrimSuffix(reason, "."), name, f.Property)
		}
		out = append(out, &pulumirpc.CheckFailure{Reason: reason})
	}
	return out
}

// The key under which the bridged providers list the inputs that they filled in themselves.
const defaultsKey = "__defaults"

// autoName names a resource that the program left unnamed, and keeps the name it was given before.
func (s *server) autoName(req *pulumirpc.CheckRequest, urn resource.URN, olds, news cloud.Map) error {
	news[defaultsKey] = []any{}
	auto := s.cloud.AutoName(string(urn.Type()))
	if auto == nil || news[auto.Property] != nil || news[auto.Property+"Prefix"] != nil {
		return nil
	}
	news[defaultsKey] = []any{auto.Property}
	if isDefaulted(olds, auto.Property) && olds[auto.Property] != nil {
		news[auto.Property] = olds[auto.Property]
		return nil
	}
	if p := req.GetAutonaming().GetProposedName(); p != "" {
		news[auto.Property] = p
		return nil
	}
	const random = 7 // hexadecimal digits, as every bridged provider adds
	name, err := resource.NewUniqueName(req.GetRandomSeed(), urn.Name()+"-", random, auto.Max, nil)
	if err != nil {
		return fmt.Errorf("%w: give the resource a shorter name in the program, or set %s", err, auto.Property)
	}
	news[auto.Property] = name
	return nil
}

func isDefaulted(inputs cloud.Map, property string) bool {
	l, _ := inputs[defaultsKey].([]any)
	return slices.Contains(l, any(property))
}

func (s *server) Diff(_ context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	token := string(resource.URN(req.GetUrn()).Type())
	m, err := readAll(req.GetOldInputs(), req.GetOlds(), req.GetNews())
	if err != nil {
		return nil, err
	}
	oldInputs, state, news := m[0].props, m[1].props, m[2].props
	ignore(req.GetIgnoreChanges(), oldInputs, state, news)
	defaulted := news[defaultsKey]
	for _, m := range []cloud.Map{oldInputs, state, news} {
		delete(m, defaultsKey)
	}
	d, err := s.cloud.Diff(token, oldInputs, state, news)
	if err != nil {
		return nil, refusal(err)
	}
	resp := &pulumirpc.DiffResponse{
		Changes: pulumirpc.DiffResponse_DIFF_NONE, Diffs: d.Changed, Replaces: d.Replace, DeleteBeforeReplace: d.DeleteBeforeReplace,
		HasDetailedDiff: true, DetailedDiff: map[string]*pulumirpc.PropertyDiff{},
	}
	if len(d.Changed) > 0 {
		resp.Changes = pulumirpc.DiffResponse_DIFF_SOME
	}
	// In addition to the kinds that say so themselves: two resources cannot have one name. If the program fixed it, the old one must be
	// deleted first.
	if auto := s.cloud.AutoName(token); auto != nil && len(d.Replace) > 0 {
		named := isDefaulted(cloud.Map{defaultsKey: defaulted}, auto.Property)
		if !named && news[auto.Property] != nil && !slices.Contains(d.Changed, auto.Property) {
			resp.DeleteBeforeReplace = true
		}
	}
	for _, p := range d.Changed {
		for _, part := range d.Parts[p] {
			resp.DetailedDiff[resource.PropertyPath(part.Path).String()] = &pulumirpc.PropertyDiff{Kind: diffKind(part, slices.Contains(d.Replace, p))}
		}
	}
	return resp, nil
}

// diffKind says it of each innermost part, as the bridged providers do: a program's replaceOnChanges names the path of one, such
// as "networkConfiguration.subnets" (pulumi-terraform-bridge, pkg/tfbridge/detailed_diff.go).
func diffKind(part cloud.Part, replace bool) pulumirpc.PropertyDiff_Kind {
	switch {
	case !part.Had && replace:
		return pulumirpc.PropertyDiff_ADD_REPLACE
	case !part.Had:
		return pulumirpc.PropertyDiff_ADD
	case !part.Has && replace:
		return pulumirpc.PropertyDiff_DELETE_REPLACE
	case !part.Has:
		return pulumirpc.PropertyDiff_DELETE
	case replace:
		return pulumirpc.PropertyDiff_UPDATE_REPLACE
	}
	return pulumirpc.PropertyDiff_UPDATE
}

func (s *server) Create(ctx context.Context, req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	token := string(resource.URN(req.GetUrn()).Type())
	in, err := read(req.GetProperties())
	if err != nil {
		return nil, err
	}
	if req.GetPreview() {
		out, err := s.cloud.Preview(token, nil, nil, in.props)
		if err != nil {
			return nil, refusal(err)
		}
		props, err := write(out, in.secret)
		return &pulumirpc.CreateResponse{Properties: props}, err
	}
	caller, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	r, failure := s.try(ctx, cloud.Create, req.GetUrn(), func() (*cloud.Resource, error) {
		return s.cloud.Create(ctx, caller, token, in.props, seconds(req.GetTimeout()))
	})
	if r == nil {
		return nil, refusal(failure)
	}
	props, err := write(r.Outputs, in.secret)
	if err != nil {
		return nil, err
	}
	if failure != nil {
		return nil, partial(s.told(token, r), props, req.GetProperties(), failure)
	}
	return &pulumirpc.CreateResponse{Id: s.told(token, r), Properties: props}, nil
}

func (s *server) Update(ctx context.Context, req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	token := string(resource.URN(req.GetUrn()).Type())
	m, err := readAll(req.GetOldInputs(), req.GetOlds(), req.GetNews())
	if err != nil {
		return nil, err
	}
	oldInputs, state, news := m[0], m[1], m[2]
	ignore(req.GetIgnoreChanges(), oldInputs.props, state.props, news.props)
	if req.GetPreview() {
		out, err := s.cloud.Preview(token, oldInputs.props, state.props, news.props)
		if err != nil {
			return nil, refusal(err)
		}
		props, err := write(out, news.secret)
		return &pulumirpc.UpdateResponse{Properties: props}, err
	}
	caller, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	id := s.own(token, req.GetId(), state.props)
	if err := s.leaveShared(caller, token, id, state.props, news.props); err != nil {
		return nil, refusal(err)
	}
	r, failure := s.try(ctx, cloud.Update, req.GetUrn(), func() (*cloud.Resource, error) {
		return s.cloud.Update(ctx, caller, token, id, news.props, seconds(req.GetTimeout()))
	})
	if r == nil {
		return nil, refusal(failure)
	}
	props, err := write(r.Outputs, news.secret)
	if err != nil {
		return nil, err
	}
	if failure != nil {
		return nil, partial(req.GetId(), props, req.GetNews(), failure)
	}
	return &pulumirpc.UpdateResponse{Properties: props}, nil
}

// told is a resource's id for the engine.
func (s *server) told(token string, r *cloud.Resource) string {
	if alias := s.cloud.Alias(token); alias != nil {
		if id, ok := r.Outputs[alias.ID].(string); ok {
			return id
		}
	}
	return r.ID
}

// own is the resource's own id, from the engine's record, if the engine has another one. An imported resource has no record, and is
// named by its own id.
func (s *server) own(token, id string, recorded cloud.Map) string {
	if alias := s.cloud.Alias(token); alias != nil {
		if own, ok := recorded[alias.Own].(string); ok {
			return own
		}
	}
	return id
}

// ignore keeps the recorded values of the properties whose changes the program ignores. They may differ from the old inputs if someone
// else changed them before an update.
func ignore(properties []string, oldInputs, state, news cloud.Map) {
	for _, p := range properties {
		if v, ok := state[p]; ok {
			news[p] = v
		} else if v, ok := oldInputs[p]; ok {
			news[p] = v
		} else {
			delete(news, p)
		}
	}
}

// leaveShared gives the new inputs the resource's current values of properties that others may have changed since the engine recorded
// it, if the program has changed none of them.
func (s *server) leaveShared(caller cloud.Caller, token, id string, recorded, news cloud.Map) error {
	shared := s.cloud.Shared(token)
	changed := func(p string) bool { return !reflect.DeepEqual(recorded[p], news[p]) }
	if len(shared) == 0 || slices.ContainsFunc(shared, changed) {
		return nil
	}
	now, err := s.cloud.Read(caller, token, id)
	if err != nil || now == nil {
		return err // an update of a deleted resource is refused
	}
	for _, p := range shared {
		if v, ok := now.Inputs[p]; ok {
			news[p] = v
		}
	}
	return nil
}

func (s *server) Read(ctx context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	token := string(resource.URN(req.GetUrn()).Type())
	caller, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	m, err := readAll(req.GetInputs(), req.GetProperties())
	if err != nil {
		return nil, err
	}
	r, err := s.try(ctx, cloud.Read, req.GetUrn(), func() (*cloud.Resource, error) {
		return s.cloud.Read(caller, token, s.own(token, req.GetId(), m[1].props))
	})
	if err != nil {
		return nil, refusal(err)
	}
	if r == nil {
		return &pulumirpc.ReadResponse{}, nil // the protocol's word for "it is gone"
	}
	inputs := maps.Clone(r.Inputs)
	if d, ok := m[0].props[defaultsKey]; ok {
		inputs[defaultsKey] = d
	}
	secret := maps.Clone(m[0].secret)
	maps.Copy(secret, m[1].secret)
	if s.pkg.Secrets != nil {
		for _, p := range s.pkg.Secrets(token) {
			secret[p] = true
		}
	}
	resp := &pulumirpc.ReadResponse{Id: s.told(token, r)}
	if len(m[1].props) > 0 && s.cloud.Alias(token) != nil {
		resp.Id = req.GetId() // a state keeps its id: the resource's own id, if an older local cloud returned that
	}
	if resp.Inputs, err = write(inputs, secret); err != nil {
		return nil, err
	}
	resp.Properties, err = write(r.Outputs, secret)
	return resp, err
}

func (s *server) Delete(ctx context.Context, req *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	caller, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	token := string(resource.URN(req.GetUrn()).Type())
	recorded, err := read(req.GetProperties())
	if err != nil {
		return nil, err
	}
	_, err = s.try(ctx, cloud.Delete, req.GetUrn(), func() (*cloud.Resource, error) {
		return nil, s.cloud.Delete(ctx, caller, token, s.own(token, req.GetId(), recorded.props), seconds(req.GetTimeout()))
	})
	if err != nil {
		return nil, refusal(err)
	}
	return &emptypb.Empty{}, nil
}

func (s *server) Invoke(ctx context.Context, req *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	caller, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	args, err := read(req.GetArgs())
	if err != nil {
		return nil, err
	}
	var out cloud.Map
	var failures []cloud.Failure
	o := fault.Operation{Verb: cloud.Invoke, Token: req.GetTok()}
	err = s.faults.Around(ctx, o, o.Token, &s.pkg.Manners, func() (_ string, err error) {
		out, failures, err = s.cloud.Invoke(ctx, caller, o.Token, args.props)
		return "", err
	})
	if err != nil {
		return nil, refusal(err)
	}
	ret, err := write(out, nil)
	return &pulumirpc.InvokeResponse{Return: ret, Failures: checkFailures(req.GetTok(), failures)}, err
}

// Cancel ends the running operations of the engine's connection.
func (s *server) Cancel(ctx context.Context, _ *emptypb.Empty) (*emptypb.Empty, error) {
	connectionOf(ctx).cancel(errors.New("cancelled by the engine"))
	return &emptypb.Empty{}, nil
}

func (s *server) caller(ctx context.Context) (cloud.Caller, error) {
	c := connectionOf(ctx).caller.Load()
	if c == nil {
		return cloud.Caller{}, status.Errorf(codes.FailedPrecondition, "provider %s is not configured", s.pkg.Name)
	}
	return *c, nil
}

// try carries out an operation on a resource, under the faults. With a lost reply, the result is nil.
func (s *server) try(ctx context.Context, verb cloud.Verb, urn string, do func() (*cloud.Resource, error)) (*cloud.Resource, error) {
	o := fault.Operation{Verb: verb, Token: string(resource.URN(urn).Type()), Name: resource.URN(urn).Name()}
	var r *cloud.Resource
	err := s.faults.Around(ctx, o, s.cloud.Label(o.Token), &s.pkg.Manners, func() (id string, err error) {
		if r, err = do(); r != nil {
			id = r.ID
		}
		return id, err
	})
	if fault.IsLost(err) {
		r = nil
	}
	return r, err
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// refusal is the only place where an error of the cloud becomes one of the protocol.
func refusal(err error) error {
	if errors.Is(err, cloud.ErrUnimplemented) {
		return status.Error(codes.Unimplemented, err.Error())
	}
	return status.Error(codes.Unknown, err.Error())
}

// partial tells the engine that the resource exists but differs from the inputs, so it keeps it in the state and retries.
func partial(id string, props, inputs *structpb.Struct, err error) error {
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, err.Error()), &pulumirpc.ErrorResourceInitFailed{
		Id: id, Properties: props, Inputs: inputs, Reasons: []string{err.Error()},
	})
}
