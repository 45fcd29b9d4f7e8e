package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slipway/localcloud/aws"
	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/logs"
	"slipway/localcloud/cloud"
	"slipway/localcloud/cloudflare"
	"slipway/localcloud/daemon"
	"slipway/localcloud/e2e/life"
)

// A drift is a change by hand of a resource of the default stack.
type drift struct {
	cloud.Drift
	kind string
	name string // matches the name in the program; empty for any
}

// which of several resources of a kind is changed: one that a refresh reports alone, or that only some requests need.
var which = map[string]string{
	cloudwatch.MetricAlarmToken:       "errors",
	ecs.TaskDefinitionToken:           "hello$",
	ecs.ServiceToken:                  "hello",
	ec2.RouteTableAssociationToken:    "-1$",
	ec2.SecurityGroupToken:            "hello",
	ec2.SecurityGroupEgressRuleToken:  "load-balancer-out",
	ec2.SecurityGroupIngressRuleToken: "in-8080",
	elbv2.ListenerToken:               "https",
	elbv2.ListenerRuleToken:           "^local/",
	iam.RolePolicyToken:               "hello-execution-logs",
	iam.Role.Token:                    "hello-execution",
	logs.LogGroupToken:                "hello",
	cloudflare.RecordToken:            "^hello",
}

// neverDue is the schedule of a job that no test waits for.
const neverDue = "rate(300 days)"

// driftsOf returns the drifts of a stack's kinds, each at the place of the resource that is changed. A resource that is deleted with
// another, or that needs it to change, comes before it: a state lists first what others need. A task's own role has no policies, and
// can be deleted.
func driftsOf(t *testing.T, state []stateResource) []drift {
	t.Helper()
	kinds := cloud.Specs(slices.Concat(aws.Kinds(), cloudflare.New(nil).Kinds())...)
	var drifts []drift
	for _, r := range slices.Backward(state) {
		if !regexp.MustCompile(which[r.Type]).MatchString(r.Name) || slices.ContainsFunc(drifts, func(d drift) bool { return d.kind == r.Type }) {
			continue
		}
		i := slices.IndexFunc(kinds, func(k *cloud.Spec) bool { return k.Token == r.Type })
		if i < 0 {
			t.Errorf("%s: no kind says what somebody could do to it by hand", r.Type)
			continue
		}
		drifts = append(drifts, drift{Drift: kinds[i].Drift, kind: r.Type, name: which[r.Type]})
	}
	for _, r := range state {
		if !slices.ContainsFunc(drifts, func(d drift) bool { return d.kind == r.Type }) {
			t.Errorf("the stack has no %s of a name like %q", r.Type, which[r.Type])
		}
	}
	return append(drifts, drift{kind: iam.Role.Token, name: "hello-task", Drift: cloud.Drift{
		Change: cloud.Map{"maxSessionDuration": 7200.0}, Serves: true, ServesWithout: true,
	}})
}

// TestDrift changes and deletes by hand a resource of every kind of a default stack with a scheduled job, and a worker that is called and
// scales: a refresh reports each, the
// next update repairs it, and meanwhile the service answers if it would on AWS.
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
	for _, setting := range [][]string{
		{"services.hello.secrets.KEY", "--secret", "value"},
		{"jobs.purge.service", "hello"},
		{"jobs.purge.command[0]", "healthcheck"},
		{"jobs.purge.schedule", neverDue},
		{"services.mailer.image", "000000000000.dkr.ecr.eu-central-1.amazonaws.com/hello:local"},
		{"services.mailer.port", "8080"},
		{"services.mailer.scaling.max", "2"},
		{"services.mailer.scaling.queue.arn", "arn:aws:sqs:eu-central-1:000000000000:orders"},
		{"services.mailer.scaling.queue.messagesPerTask", "10"},
		{"services.hello.calls[0]", "mailer"},
		{"services.hello.secretsFrom.FLAG", "--plaintext", "arn:aws:ssm:eu-central-1:000000000000:parameter" + life.Parameter},
	} {
		if out, err := s.Pulumi(ctx, append([]string{"config", "set", "--path"}, setting...)...); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if out, err := s.Up(ctx); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := s.Converged(ctx, "hello.slipway.test"); err != nil {
		t.Fatal(err)
	}
	drifts := driftsOf(t, stateOf(t, s))

	change := func(d drift, r stateResource) error { return s.Cloud.Change(ctx, r.Type, r.ID, d.Change) }
	remove := func(d drift, r stateResource) error { return s.Cloud.Delete(ctx, r.Type, r.ID) }
	for _, round := range []struct {
		name    string
		by      func(drift, stateResource) error
		of      func(drift) bool
		answers bool
	}{
		{"changed", change, func(d drift) bool { return d.Change != nil && d.Serves }, true},
		{"changed, to its harm", change, func(d drift) bool { return d.Change != nil && !d.Serves }, false},
		{"deleted", remove, func(d drift) bool { return d.Deletable() && d.ServesWithout }, true},
		{"deleted, to its harm", remove, func(d drift) bool { return d.Deletable() && !d.ServesWithout }, false},
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
			if d.Refused == "" {
				continue
			}
			r := pick(t, state, d)
			if r.Type == "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup" {
				r.Type = "aws:ec2/securityGroup:SecurityGroup" // it is one of those
			}
			err := s.Cloud.Delete(ctx, r.Type, r.ID)
			if err == nil || !regexp.MustCompile(": api error "+d.Refused+": ").MatchString(err.Error()) {
				t.Errorf("deletion of %s %s: %v; want %s", r.Type, r.Name, err, d.Refused)
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

// toldIn reports whether the engine's output says that the resource will be changed, or is gone.
func (r stateResource) toldIn(output string) bool {
	pkg, rest, _ := strings.Cut(r.Type, ":")
	module, kind, _ := strings.Cut(rest, ":")
	module, _, _ = strings.Cut(module, "/")
	line := fmt.Sprintf(`(?m)^ [~-] +%s:%s:%s +%s `, pkg, module, kind, regexp.QuoteMeta(r.Name))
	return regexp.MustCompile(line).MatchString(output)
}
