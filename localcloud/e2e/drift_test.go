package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slipway/localcloud/daemon"
	"slipway/localcloud/e2e/life"
)

// A drift is what somebody does by hand to a resource of a kind, in the AWS console or Cloudflare's dashboard.
type drift struct {
	kind string
	name string // matches the name in the program; empty for any
	// change are the properties that are changed; nil if there is nothing to change, because of unchanged.
	change    map[string]any
	unchanged string
	// whole says that the service keeps answering then.
	whole bool
	// left says why it is not deleted by hand; empty if it is, or if that is refused.
	left string
	// refused matches the code with which AWS and the local cloud refuse to delete it, for it is in use or goes with another.
	refused string
	// survived says that the service keeps answering without it.
	survived bool
}

const (
	noThing  = "it is no thing of its own"
	takesOne = "AWS has nothing else that it could lead to"
)

var handmade = map[string]any{"tags": map[string]any{"By": "hand"}}

func (d drift) deletable() bool { return d.left == "" && d.refused == "" }

// drifts has at least one row for every kind that a default stack consists of; what goes with another comes before it.
var drifts = []drift{
	{kind: "aws:acm/certificate:Certificate", change: handmade, whole: true, refused: "ResourceInUseException"},
	{kind: "aws:acm/certificateValidation:CertificateValidation", unchanged: noThing, left: noThing},
	{kind: "aws:cloudwatch/logGroup:LogGroup", change: map[string]any{"retentionInDays": 1}, whole: true, survived: true},
	{kind: "aws:cloudwatch/metricAlarm:MetricAlarm", name: "errors", change: map[string]any{"threshold": 50}, whole: true, survived: true},
	{kind: "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", change: map[string]any{"ingress": []any{
		map[string]any{"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": []any{"0.0.0.0/0"}},
	}}, whole: true, refused: "CannotDelete"},
	{kind: "aws:ec2/internetGateway:InternetGateway", change: handmade, whole: true, refused: "DependencyViolation"},
	{kind: "aws:ec2/route:Route", unchanged: takesOne},
	{kind: "aws:ec2/routeTable:RouteTable", change: handmade, whole: true, left: "the local cloud takes it from its subnets first, as the provider does"},
	{kind: "aws:ec2/routeTableAssociation:RouteTableAssociation", name: "-1$", unchanged: "its subnet would have to have another table"},
	{kind: "aws:ec2/securityGroup:SecurityGroup", name: "hello", change: handmade, whole: true, refused: "DependencyViolation"},
	{kind: "aws:ec2/subnet:Subnet", change: map[string]any{"mapPublicIpOnLaunch": false}, whole: true, refused: "DependencyViolation"},
	{kind: "aws:ec2/vpc:Vpc", change: map[string]any{"enableDnsHostnames": false}, whole: true, refused: "DependencyViolation"},
	{kind: "aws:ecs/cluster:Cluster", change: handmade, whole: true, refused: "ClusterContains(Services|Tasks)Exception"},
	{kind: "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders", change: map[string]any{"capacityProviders": []any{"FARGATE"}}, whole: true, refused: "ResourceInUseException"},
	{kind: "aws:ecs/service:Service", change: map[string]any{"desiredCount": 2}, whole: true},
	{kind: "aws:ecs/taskDefinition:TaskDefinition", change: handmade, whole: true, survived: true}, // which tasks need to start alone
	{kind: "aws:iam/role:Role", name: "execution", change: map[string]any{"description": "by hand"}, whole: true, left: "it has policies, with which IAM refuses it"},
	{kind: "aws:iam/role:Role", name: "task", change: map[string]any{"maxSessionDuration": 7200}, whole: true, survived: true},
	{
		kind: "aws:iam/rolePolicy:RolePolicy", name: "logs", whole: true, survived: true,
		change: map[string]any{"policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["logs:*"],"Resource":["*"]}]}`},
	},
	{kind: "aws:lb/listenerRule:ListenerRule", name: "^local/", change: map[string]any{"conditions": []any{
		map[string]any{"hostHeader": map[string]any{"values": []any{"other.slipway.test"}}},
	}}},
	{kind: "aws:lb/listener:Listener", name: "https", change: map[string]any{"sslPolicy": "ELBSecurityPolicy-2016-08"}, whole: true},
	{kind: "aws:lb/loadBalancer:LoadBalancer", change: map[string]any{"idleTimeout": 61}, whole: true},
	{kind: "aws:lb/targetGroup:TargetGroup", change: map[string]any{"deregistrationDelay": 61}, whole: true, refused: "ResourceInUse"},
	{kind: "aws:secretsmanager/secret:Secret", change: map[string]any{"description": "by hand"}, whole: true, survived: true},
	{kind: "aws:secretsmanager/secretVersion:SecretVersion", unchanged: "another value is another version", left: "Secrets Manager keeps a secret's current one"},
	{kind: "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", name: "load-balancer-out", change: handmade, whole: true},
	{kind: "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", name: "in-8080", change: map[string]any{"fromPort": 8000}, whole: true},
	{kind: "cloudflare:index/record:Record", name: "^hello", change: map[string]any{"ttl": 120}, whole: true},
}

// TestDrift changes and deletes by hand a resource of every kind of a default stack: a refresh tells of each, the next update
// repairs it, and meanwhile the service answers where it would on AWS.
func TestDrift(t *testing.T) {
	shares(t)
	ctx := t.Context()
	lab, err := life.NewLab(ctx, binaries, root, t.TempDir(), "local")
	if err != nil {
		t.Fatal(err)
	}
	s, err := lab.Begin(ctx, root+"/Pulumi.local.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer s.End(ctx)
	if out, err := s.Pulumi(ctx, "config", "set", "--path", "services.hello.secrets.KEY", "--secret", "value"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := s.Up(ctx); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := s.Converged(ctx, "hello.slipway.test"); err != nil {
		t.Fatal(err)
	}
	for _, r := range stateOf(t, s) {
		if !slices.ContainsFunc(drifts, func(d drift) bool { return d.kind == r.Type }) {
			t.Errorf("%s: say in drifts what somebody could do to it by hand", r.Type)
		}
	}
	for _, d := range drifts {
		if (d.change == nil) != (d.unchanged != "") || d.whole && d.change == nil ||
			d.left != "" && d.refused != "" || d.survived && !d.deletable() {
			t.Errorf("the row of %s contradicts itself", d.kind)
		}
	}

	change := func(d drift, r stateResource) error { return s.Cloud.Change(ctx, r.Type, r.ID, d.change) }
	remove := func(d drift, r stateResource) error { return s.Cloud.Delete(ctx, r.Type, r.ID) }
	for _, round := range []struct {
		name    string
		by      func(drift, stateResource) error
		of      func(drift) bool
		answers bool
	}{
		{"changed", change, func(d drift) bool { return d.change != nil && d.whole }, true},
		{"changed, to its harm", change, func(d drift) bool { return d.change != nil && !d.whole }, false},
		{"deleted", remove, func(d drift) bool { return d.deletable() && d.survived }, true},
		{"deleted, to its harm", remove, func(d drift) bool { return d.deletable() && !d.survived }, false},
	} {
		t.Run(round.name, func(t *testing.T) {
			stop, err := s.Watch(ctx, "hello.slipway.test")
			if err != nil {
				t.Fatal(err)
			}
			var touched []stateResource
			state := stateOf(t, s)
			for _, d := range drifts {
				if !round.of(d) {
					continue
				}
				r := pick(t, state, d)
				if err := round.by(d, r); err != nil {
					t.Fatalf("%s %s: %v", d.kind, r.Name, err)
				}
				touched = append(touched, r)
			}
			told, err := s.Pulumi(ctx, "refresh", "--preview-only", "--expect-no-changes", "--suppress-progress")
			if !life.Failed(err) {
				t.Fatalf("a refresh finds nothing: %v: %s", err, told)
			}
			for _, r := range touched {
				if !r.toldIn(told) {
					t.Errorf("a refresh does not tell of %s %s:\n%s", r.Type, r.Name, told)
				}
			}
			if out, err := s.Pulumi(ctx, "up", "--refresh", "--yes", "--skip-preview", "--suppress-progress"); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if failures := stop(); round.answers != (len(failures) == 0) {
				t.Errorf("does the service keep answering? %v", failures)
			}
			if err := s.Converged(ctx, "hello.slipway.test"); err != nil {
				t.Error(err)
			}
			if out, err := s.Pulumi(ctx, "refresh", "--preview-only", "--expect-no-changes", "--suppress-progress"); err != nil {
				t.Errorf("it has still drifted: %v: %s", err, out)
			}
		})
	}

	t.Run("in use", func(t *testing.T) {
		state := stateOf(t, s)
		for _, d := range drifts {
			if d.refused == "" {
				continue
			}
			r := pick(t, state, d)
			if r.Type == "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup" {
				r.Type = "aws:ec2/securityGroup:SecurityGroup" // which it is one of
			}
			err := s.Cloud.Delete(ctx, r.Type, r.ID)
			if err == nil || !regexp.MustCompile(": api error "+d.refused+": ").MatchString(err.Error()) {
				t.Errorf("deletion of %s %s: %v; want %s", r.Type, r.Name, err, d.refused)
			}
			living, err := s.Living(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(living, func(l daemon.Resource) bool { return l.Type == r.Type && l.ID == r.ID }) {
				t.Errorf("%s %s was deleted", r.Type, r.Name)
			}
		}
		if err := s.Converged(ctx, "hello.slipway.test"); err != nil {
			t.Error(err)
		}
	})

	if out, err := s.Destroy(ctx); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if left, err := s.Living(ctx); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// stateResource is a resource of a stack's state that a provider manages.
type stateResource struct{ Type, ID, Name string }

// stateOf returns the resources of the stack's state.
func stateOf(t *testing.T, s *life.Stack) []stateResource {
	t.Helper()
	out, err := s.Pulumi(t.Context(), "stack", "export")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var state struct {
		Deployment struct {
			Resources []struct {
				URN, Type, ID string
				Custom        bool
				Outputs       struct{ ARN string }
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &state); err != nil {
		t.Fatal(err)
	}
	var resources []stateResource
	for _, r := range state.Deployment.Resources {
		if r.Custom && !strings.HasPrefix(r.Type, "pulumi:") {
			if r.Type == "aws:ecs/taskDefinition:TaskDefinition" {
				r.ID = r.Outputs.ARN // to the engine it is the family, which does not say which revision it is
			}
			resources = append(resources, stateResource{r.Type, r.ID, r.URN[strings.LastIndex(r.URN, "::")+2:]})
		}
	}
	return resources
}

// pick returns the first resource that a row is about.
func pick(t *testing.T, state []stateResource, d drift) stateResource {
	t.Helper()
	for _, r := range state {
		if r.Type == d.kind && regexp.MustCompile(d.name).MatchString(r.Name) {
			return r
		}
	}
	t.Fatalf("the stack has no %s of a name like %q", d.kind, d.name)
	return stateResource{}
}

// toldIn reports whether the engine's output says that the resource is to be changed, or is gone.
func (r stateResource) toldIn(output string) bool {
	pkg, rest, _ := strings.Cut(r.Type, ":")
	module, kind, _ := strings.Cut(rest, ":")
	module, _, _ = strings.Cut(module, "/")
	line := fmt.Sprintf(`(?m)^ [~-] +%s:%s:%s +%s `, pkg, module, kind, regexp.QuoteMeta(r.Name))
	return regexp.MustCompile(line).MatchString(output)
}
