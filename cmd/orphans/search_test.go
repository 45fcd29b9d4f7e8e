package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/internal/stack"
)

const (
	network = resource.URN("urn:pulumi:dev::slipway::slipway:index:Network::dev")
	here    = ":eu-central-1:000000000000:"
)

// fakeStack is a stack whose providers answer from its fields.
type fakeStack struct {
	state     map[resource.URN]string // ids
	creations []stack.Creation
	planErr   error
	tags      map[string]map[string]string // by ARN
	roles     map[string]map[string]string // by name
	tables    map[string]fakeTable
	records   map[string]foundRecord // by host name
	absent    []string               // ids of what was listed and does not exist, or is not of a kind: "TOKEN ID"
	going     []string               // ids of what is gone when it is to be imported
	lookErr   error                  // of looking whether something exists
	did       []string
}

type fakeTable struct{ routes, subnets []string }

func (f *fakeStack) Name() string { return "organization/slipway/dev" }

func (f *fakeStack) Deployment(context.Context) (apitype.DeploymentV3, error) {
	var d apitype.DeploymentV3
	for urn, id := range f.state {
		d.Resources = append(d.Resources, apitype.ResourceV3{
			URN: urn, Type: urn.Type(), Custom: id != "", ID: resource.ID(id), Outputs: map[string]any{"arn": "arn:aws:ec2" + here + "vpc/" + id},
		})
	}
	return d, nil
}

func (f *fakeStack) Creations(context.Context) ([]stack.Creation, error) {
	left := slices.DeleteFunc(slices.Clone(f.creations), func(c stack.Creation) bool { return f.state[c.URN] != "" })
	return left, f.planErr
}

func (f *fakeStack) Import(_ context.Context, resources []stack.Import) (gone []string, err error) {
	for _, r := range resources {
		if f.lacks(r) || slices.Contains(f.going, r.ID) {
			gone = append(gone, r.ID)
			continue
		}
		f.did = append(f.did, fmt.Sprintf("import %s as %s", r.ID, r.URN.Name()))
		f.state[r.URN] = r.ID
	}
	return gone, nil
}

func (f *fakeStack) Missing(_ context.Context, resources []stack.Import) (gone []string, err error) {
	for _, r := range resources {
		if f.lacks(r) {
			gone = append(gone, r.ID)
		}
	}
	return gone, f.lookErr
}

func (f *fakeStack) lacks(r stack.Import) bool {
	return slices.Contains(f.absent, r.ID) || slices.Contains(f.absent, string(r.URN.Type())+" "+r.ID)
}

func (f *fakeStack) Destroy(_ context.Context, urns []resource.URN, _ io.Writer) error {
	var ids []string
	for _, urn := range urns {
		id := f.state[urn]
		ids = append(ids, id)
		delete(f.state, urn)
		maps.DeleteFunc(f.tags, func(arn string, _ map[string]string) bool { return strings.HasSuffix(arn, id) })
		delete(f.roles, id)
	}
	f.did = append(f.did, "destroy "+strings.Join(slices.Sorted(slices.Values(ids)), " "))
	return nil
}

func (f *fakeStack) Ask(_ context.Context, program func(*pulumi.Context) error) error {
	return pulumi.RunErr(program, pulumi.WithMocks("slipway", "dev", f))
}

func (f *fakeStack) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	return "", nil, fmt.Errorf("%s: nothing is to be made", args.TypeToken)
}

func (f *fakeStack) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	answer := map[string]any{}
	switch args.Token {
	case "aws:resourcegroupstaggingapi/getResources:getResources":
		var list []any
		for _, arn := range slices.Sorted(maps.Keys(f.tags)) {
			list = append(list, map[string]any{"resourceArn": arn, "tags": anyMap(f.tags[arn])})
		}
		answer["resourceTagMappingLists"] = append(list, list...) // each may be told of more than once
	case "aws:iam/getRoles:getRoles":
		var names []any
		for _, name := range slices.Sorted(maps.Keys(f.roles)) {
			names = append(names, name)
		}
		answer["names"] = names
	case "aws:iam/getRole:getRole":
		name := args.Args["name"].StringValue()
		if f.roles[name]["Stack"] != "dev" { // as slipway-pr is told
			return nil, errors.New("AccessDenied: not authorized to perform: iam:GetRole")
		}
		answer["arn"], answer["tags"] = "arn:aws:iam::000000000000:role/slipway/"+name, anyMap(f.roles[name])
	case "aws:ec2/getRouteTable:getRouteTable":
		table := f.tables[args.Args["routeTableId"].StringValue()]
		var routes, associations []any
		for _, r := range table.routes {
			routes = append(routes, map[string]any{"cidrBlock": r})
		}
		for _, s := range table.subnets {
			associations = append(associations, map[string]any{"subnetId": s})
		}
		answer["routes"], answer["associations"] = routes, associations
	case "cloudflare:index/getZone:getZone":
		answer["name"] = "example.com"
	case "cloudflare:index/getRecord:getRecord":
		r, ok := f.records[args.Args["hostname"].StringValue()]
		if !ok {
			return nil, errors.New("didn't get any DNS records for hostname: x")
		}
		answer["id"], answer["value"] = r.id, r.content
	default:
		return nil, fmt.Errorf("%s is not to be called", args.Token)
	}
	return resource.NewPropertyMapFromMap(answer), nil
}

func anyMap(m map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func tagsOf(name string) map[string]string {
	return map[string]string{"Name": name, "Project": "slipway", "Stack": "dev"}
}

// creation is what an update would create in the network.
func creation(token, name string, inputs map[string]any) stack.Creation {
	urn := resource.NewURN(tokens.QName("dev"), "slipway", network.QualifiedType(), tokens.Type(token), name)
	return stack.Creation{URN: urn, Parent: network, Inputs: inputs}
}

func withTags(name string, more ...string) map[string]any {
	inputs := map[string]any{"tags": anyMap(tagsOf(name))}
	for i := 0; i < len(more); i += 2 {
		inputs[more[i]] = more[i+1]
	}
	return inputs
}

const (
	vpcARN   = "arn:aws:ec2" + here + "vpc/"
	groupARN = "arn:aws:ec2" + here + "security-group/"
)

func TestSearch(t *testing.T) {
	vpc := creation("aws:ec2/vpc:Vpc", "dev", withTags("dev"))
	subnet := creation("aws:ec2/subnet:Subnet", "dev-public-1", withTags("dev-public-1", "vpcId", unknown))
	balancer := resource.NewURN("dev", "slipway", "", "aws:lb/loadBalancer:LoadBalancer", "dev")
	record := creation(recordToken, "hello.example.com", map[string]any{"zoneId": "z", "name": "hello", "type": "CNAME"})
	ofTheStack := record
	ofTheStack.URN = resource.NewURN("dev", "slipway", "", recordToken, "hello.example.com")
	ofTheStack.Parent = resource.NewURN("dev", "slipway", "", resource.RootStackType, "slipway-dev")
	for name, test := range map[string]struct {
		stack         fakeStack
		adopt, delete bool
		want          []string // what is done
		says          []string
		err           error
	}{
		"nothing": {
			stack: fakeStack{tags: map[string]map[string]string{vpcARN + "vpc-known": tagsOf("dev")}, state: map[resource.URN]string{vpc.URN: "vpc-known"}},
			says:  []string{"All resources with the tags"},
		},
		"what is only listed stays": {
			stack: fakeStack{tags: map[string]map[string]string{vpcARN + "vpc-1": tagsOf("dev")}, creations: []stack.Creation{vpc}},
			says:  []string{"can be imported  aws:ec2:Vpc  dev  vpc-1"}, err: errLeft,
		},
		"what the program wants is imported, and then what was hidden": {
			stack: fakeStack{
				tags:      map[string]map[string]string{vpcARN + "vpc-1": tagsOf("dev")},
				creations: []stack.Creation{vpc, creation(routeToken, "dev-ipv4", map[string]any{"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"})},
				tables:    map[string]fakeTable{"rtb-1": {routes: []string{"0.0.0.0/0"}}},
			},
			adopt: true, want: []string{"import rtb-1_0.0.0.0/0 as dev-ipv4", "import vpc-1 as dev"},
		},
		"what has another name, or a made-up one, is deleted": {
			stack: fakeStack{
				tags:      map[string]map[string]string{vpcARN + "vpc-1": tagsOf("old"), groupARN + "sg-1": tagsOf("dev-hello")},
				creations: []stack.Creation{vpc, creation("aws:ec2/securityGroup:SecurityGroup", "dev-hello", withTags("dev-hello"))},
			},
			adopt: true, delete: true,
			want: []string{"import sg-1 as orphan-sg-1", "import vpc-1 as orphan-vpc-1", "destroy sg-1", "destroy vpc-1"},
		},
		"a part of what is not there cannot be wanted": {
			stack: fakeStack{
				tags:      map[string]map[string]string{"arn:aws:ec2" + here + "subnet/subnet-1": tagsOf("dev-public-1")},
				creations: []stack.Creation{vpc, subnet},
			},
			adopt: true, says: []string{"can be deleted  aws:ec2:Subnet"}, err: errLeft,
		},
		"two for one place": {
			stack: fakeStack{
				tags:      map[string]map[string]string{vpcARN + "vpc-1": tagsOf("dev"), vpcARN + "vpc-2": tagsOf("dev")},
				creations: []stack.Creation{vpc},
			},
			adopt: true, delete: true, want: []string{"import vpc-1 as orphan-vpc-1", "import vpc-2 as orphan-vpc-2", "destroy vpc-1 vpc-2"},
		},
		"roles": {
			stack:  fakeStack{roles: map[string]map[string]string{"dev-task-1": tagsOf("dev-task"), "prod-task-1": {"Project": "slipway", "Stack": "prod"}}},
			delete: true, want: []string{"import dev-task-1 as orphan-dev-task-1", "destroy dev-task-1"},
		},
		"an association": {
			stack: fakeStack{
				creations: []stack.Creation{creation(associationToken, "dev-public-1", map[string]any{"routeTableId": "rtb-1", "subnetId": "subnet-1"})},
				tables:    map[string]fakeTable{"rtb-1": {subnets: []string{"subnet-1"}}},
			},
			adopt: true, want: []string{"import subnet-1/rtb-1 as dev-public-1"},
		},
		"a record that leads here": {
			stack: fakeStack{
				creations: []stack.Creation{record}, state: map[resource.URN]string{balancer: "lb"},
				tags:    map[string]map[string]string{"arn:aws:elasticloadbalancing" + here + "loadbalancer/app/dev-1/a": tagsOf("dev")},
				records: map[string]foundRecord{"hello.example.com": {"r", "dev-1-123.eu-central-1.elb.amazonaws.com"}},
			},
			adopt: true, want: []string{"import z/r as hello.example.com"}, err: errLeft, // the balancer
		},
		"a record that leads to what an empty state does not know": {
			stack: fakeStack{
				creations: []stack.Creation{ofTheStack},
				tags:      map[string]map[string]string{"arn:aws:elasticloadbalancing" + here + "loadbalancer/app/dev-1/a": tagsOf("dev")},
				records:   map[string]foundRecord{"hello.example.com": {"r", "dev-1-123.eu-central-1.elb.amazonaws.com"}},
			},
			delete: true, says: []string{"can be imported  cloudflare:index:Record"},
			want: []string{
				"import arn:aws:elasticloadbalancing" + here + "loadbalancer/app/dev-1/a as orphan-arn:aws:elasticloadbalancing" +
					here + "loadbalancer%2Fapp%2Fdev-1%2Fa",
				"import z/r as orphan-z%2Fr", "destroy z/r", "destroy arn:aws:elasticloadbalancing" + here + "loadbalancer/app/dev-1/a",
			},
		},
		"another's record": {
			stack: fakeStack{
				creations: []stack.Creation{record},
				records:   map[string]foundRecord{"hello.example.com": {"r", "prod-1-123.eu-central-1.elb.amazonaws.com"}},
			},
			adopt: true, delete: true, says: []string{"All resources with the tags"},
		},
		"a rule of the other direction": {
			stack: fakeStack{
				tags:   map[string]map[string]string{"arn:aws:ec2" + here + "security-group-rule/sgr-1": tagsOf("x")},
				absent: []string{"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule sgr-1"},
			},
			delete: true, want: []string{"import sgr-1 as orphan-sgr-1", "destroy sgr-1"},
			says: []string{"aws:vpc:SecurityGroupIngressRule or aws:vpc:SecurityGroupEgressRule"},
		},
		"what is gone already": {
			stack: fakeStack{tags: map[string]map[string]string{vpcARN + "vpc-1": tagsOf("dev")}, absent: []string{"vpc-1"}},
			says:  []string{"1 of AWS's list are deleted already", "All resources with the tags"},
		},
		"what is gone already, among others": {
			stack: fakeStack{
				tags:      map[string]map[string]string{vpcARN + "vpc-1": tagsOf("dev"), vpcARN + "vpc-2": tagsOf("dev"), groupARN + "sg-1": tagsOf("x")},
				absent:    []string{"vpc-1"},
				creations: []stack.Creation{vpc},
			},
			adopt: true, delete: true, want: []string{"import vpc-2 as dev", "import sg-1 as orphan-sg-1", "destroy sg-1"},
		},
		"what may be gone already": {
			stack: fakeStack{tags: map[string]map[string]string{vpcARN + "vpc-1": tagsOf("dev")}, lookErr: errors.New("AccessDenied")},
			says:  []string{"may be deleted already: AWS lists it late, and the look-up failed: AccessDenied", "can be deleted  aws:ec2:Vpc"}, err: errLeft,
		},
		"what goes before it is deleted": {
			stack:  fakeStack{tags: map[string]map[string]string{vpcARN + "vpc-1": tagsOf("dev")}, going: []string{"vpc-1"}},
			delete: true, says: []string{"vpc-1 does not exist any more"},
		},
		"what goes before it is imported": {
			stack: fakeStack{tags: map[string]map[string]string{vpcARN + "vpc-1": tagsOf("dev")}, going: []string{"vpc-1"}, creations: []stack.Creation{vpc}},
			adopt: true, says: []string{"vpc-1 does not exist any more", "All resources with the tags"},
		},
		"what is not of our kinds beside what is": {
			stack:  fakeStack{tags: map[string]map[string]string{vpcARN + "vpc-1": tagsOf("dev"), "arn:aws:sqs" + here + "queue": tagsOf("q")}},
			delete: true, want: []string{"import vpc-1 as orphan-vpc-1", "destroy vpc-1"}, says: []string{"are not changed"}, err: errForeign,
		},
		"what is kept, adopted or of no kind of ours": {
			stack: fakeStack{
				tags: map[string]map[string]string{
					"arn:aws:ecs" + here + "task-definition/a:1": tagsOf("a"), groupARN + "sg-default": tagsOf("dev-default"),
					"arn:aws:sqs" + here + "queue": tagsOf("q"),
				},
				creations: []stack.Creation{creation(adoptedGroupToken, "dev", withTags("dev-default"))},
			},
			adopt: true, delete: true, says: []string{"not of the program's kinds    q  arn:aws:sqs" + here + "queue", "are not changed"}, err: errForeign,
		},
		"a program that does not run": {
			stack: fakeStack{tags: map[string]map[string]string{vpcARN + "vpc-1": tagsOf("dev")}, planErr: errors.New("config is wrong")},
			adopt: true, delete: true,
			want: []string{"import vpc-1 as orphan-vpc-1", "destroy vpc-1"}, says: []string{"nothing can be imported: config is wrong"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &test.stack
			if f.state == nil {
				f.state = map[resource.URN]string{}
			}
			f.state[network] = ""
			var out bytes.Buffer
			s := &search{
				project: "slipway", adopt: test.adopt, delete: test.delete, out: &out,
				confirm: func(context.Context, string) (bool, error) { return true, nil },
			}
			err := s.run(t.Context(), f)
			if !errors.Is(err, test.err) || test.err == nil && err != nil {
				t.Errorf("%v, want %v", err, test.err)
			}
			if !slices.Equal(f.did, test.want) {
				t.Errorf("did %q, want %q", f.did, test.want)
			}
			for _, text := range test.says {
				if !strings.Contains(out.String(), text) {
					t.Errorf("does not say %q:\n%s", text, out.String())
				}
			}
		})
	}
}

func TestNothingIsDoneUnlessAgreed(t *testing.T) {
	for _, adopt := range []bool{false, true} {
		vpc := creation("aws:ec2/vpc:Vpc", "dev", withTags("dev"))
		f := &fakeStack{
			state: map[resource.URN]string{network: ""}, tags: map[string]map[string]string{vpcARN + "vpc-1": tagsOf("dev")},
			creations: []stack.Creation{vpc},
		}
		asked := ""
		var out bytes.Buffer
		s := &search{project: "slipway", adopt: adopt, delete: !adopt, out: &out, confirm: func(_ context.Context, question string) (bool, error) {
			asked = question
			return false, nil
		}}
		want := map[bool]string{true: "Import 1?", false: "Delete 1?"}[adopt]
		if err := s.run(t.Context(), f); !errors.Is(err, errDeclined) || len(f.did) > 0 || asked != want {
			t.Errorf("asked %q, did %q: %v", asked, f.did, err)
		}
		if !strings.Contains(out.String(), "Nothing was changed.") {
			t.Errorf("it says %s", out.String())
		}
	}
}

// Who agrees to the imports and not to the deletions is not told that nothing was changed.
func TestDeletionsDeclined(t *testing.T) {
	f := &fakeStack{
		state:     map[resource.URN]string{network: ""},
		tags:      map[string]map[string]string{vpcARN + "vpc-1": tagsOf("dev"), groupARN + "sg-1": tagsOf("x")},
		creations: []stack.Creation{creation("aws:ec2/vpc:Vpc", "dev", withTags("dev"))},
	}
	var out bytes.Buffer
	s := &search{project: "slipway", adopt: true, delete: true, out: &out, confirm: func(_ context.Context, question string) (bool, error) {
		return question == "Import 1?", nil
	}}
	err := s.run(t.Context(), f)
	if want := []string{"import vpc-1 as dev"}; !errors.Is(err, errDeclined) || !slices.Equal(f.did, want) {
		t.Errorf("did %q: %v", f.did, err)
	}
	if said := out.String(); !strings.Contains(said, "Nothing more was changed.") || strings.Contains(said, "Nothing was changed.") {
		t.Errorf("it says %s", said)
	}
}
