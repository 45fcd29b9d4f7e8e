package aws_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/appautoscaling"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/s3"
	"slipway/localcloud/aws/secretsmanager"
	"slipway/localcloud/cloud"
	"slipway/localcloud/cloudflare"
)

// Every kind is imported by the id that its page in the registry says. What comes back is what was made.
func TestImport(t *testing.T) {
	c, made := awstest.DefaultStack(t, nil)
	written := map[string]string{ // as the pages have them, of those that are not imported by the id that they have
		ec2.RouteToken:                     made[ec2.RouteTableToken].ID + "_0.0.0.0/0",
		ec2.RouteTableAssociationToken:     made[ec2.SubnetToken].ID + "/" + made[ec2.RouteTableToken].ID,
		iam.RolePolicyAttachmentToken:      "task/" + made[iam.PolicyToken].ID,
		ecs.ClusterToken:                   "main",
		ecs.ServiceToken:                   "main/hello",
		appautoscaling.ScalableTargetToken: "ecs/service/main/hello/ecs:service:DesiredCount",
		appautoscaling.ScalingPolicyToken:  "ecs/service/main/hello/ecs:service:DesiredCount/requests",
		awstest.RecordToken:                made[awstest.RecordToken].Inputs["zoneId"].(string) + "/" + made[awstest.RecordToken].ID,
	}
	imported := 0
	for _, spec := range public(t, c) {
		token := spec.Token
		if spec.Import == nil {
			t.Errorf("%s does not say how it is imported", token)
			continue
		}
		if spec.Import == cloud.NotImported {
			continue
		}
		imported++
		r := made[token]
		if r == nil {
			t.Errorf("the stack has no %s", token)
			continue
		}
		id := spec.Import.ID(r)
		if want := cmp.Or(written[token], r.ID); id != want {
			t.Errorf("%s is imported by %s; want %s", token, id, want)
		}
		got, err := c.Read(awstest.Here, token, id)
		if err != nil || got == nil || got.ID != r.ID {
			t.Errorf("%s by %s: %v, %v; want %s", token, id, got, err, r.ID)
			continue
		}
		checked, failures, err := c.Check(token, got.Inputs)
		if err != nil || len(failures) > 0 {
			t.Errorf("check of the imported %s: %v, %v", token, failures, err)
		}
		if d, err := c.Diff(token, got.Inputs, got.Outputs, checked); err != nil || len(d.Changed) > 0 {
			t.Errorf("%s differs after its import: %v, %v", token, d.Changed, err)
		}
		for _, other := range []string{"", "/", id + "x", "x" + id, "rtb-0_", "x/y"} {
			if got, err := c.Read(awstest.Here, token, other); err != nil || got != nil {
				t.Errorf("%s by %q: %v, %v", token, other, got, err)
			}
		}
	}
	if imported < 38 {
		t.Errorf("only %d kinds were imported", imported)
	}
}

// public returns what is known of the kinds that programs can make.
func public(t *testing.T, c *awstest.Tester) []*cloud.Spec {
	t.Helper()
	var out []*cloud.Spec
	for _, spec := range cloud.Specs(slices.Concat(awstest.AllKinds(), cloudflare.New(nil).Kinds())...) {
		if _, _, err := c.Check(spec.Token, cloud.Map{}); err == nil { // the others are made by the cloud alone
			out = append(out, spec)
		}
	}
	if len(out) < 40 {
		t.Errorf("only %d kinds are looked at", len(out))
	}
	return out
}

func TestDroppedInputsThatAWSChooses(t *testing.T) {
	c, made := awstest.DefaultStack(t, nil)
	for _, tt := range []struct{ token, property string }{
		{elbv2.ListenerToken, "sslPolicy"},
		{ec2.SubnetToken, "availabilityZone"},
		{elbv2.TargetGroupToken, "healthCheck"},
		{elbv2.LoadBalancerToken, "ipAddressType"},
		{identity.RoleToken, "inlinePolicies"},
		{ecr.RepositoryToken, "encryptionConfigurations"},
		{ecr.RepositoryToken, "imageScanningConfiguration"},
		{s3.BucketToken, "bucket"},
		{awstest.RecordToken, "ttl"},
	} {
		r := made[tt.token]
		in := awstest.With(r.Inputs, cloud.Map{tt.property: nil})
		if d, err := c.Diff(tt.token, r.Inputs, r.Outputs, in); err != nil || len(d.Changed) > 0 {
			t.Errorf("%s without %s: %v, %v", tt.token, tt.property, d.Changed, err)
		}
	}
	// An update for another reason leaves it as it is, and a preview says so.
	r := made[elbv2.ListenerToken]
	in := awstest.With(r.Inputs, cloud.Map{"sslPolicy": nil, "tags": cloud.Map{"a": "b"}})
	preview, err := c.Preview(elbv2.ListenerToken, r.Inputs, r.Outputs, in)
	if err != nil || preview["sslPolicy"] != r.Inputs["sslPolicy"] {
		t.Errorf("preview: %v, %v", preview["sslPolicy"], err)
	}
	updated, err := c.Update(t.Context(), awstest.Here, elbv2.ListenerToken, r.ID, in, 0)
	if err != nil || updated.Outputs["sslPolicy"] != r.Inputs["sslPolicy"] {
		t.Errorf("update: %v, %v", updated.Outputs["sslPolicy"], err)
	}
}

func TestTextsThatMeanTheSame(t *testing.T) {
	c, made := awstest.DefaultStack(t, nil)
	const permission = `{"Statement": [{"Action": "logs:PutLogEvents", "Resource": "*", "Effect": "Allow"}],  "Version": "2012-10-17"}`
	const container = `[{"name":"main","image":"i","essential":true,"cpu":0,"command":[],"environment":[{"name":"B","value":"1"},{"value":"2","name":"A"}],` +
		`"healthCheck":{"command":["CMD","x"],"interval":30},"portMappings":[{"containerPort":80,"hostPort":80,"protocol":"tcp"}]},{"name":"b"}]`
	for _, tt := range []struct {
		name            string
		token, property string
		was, want       any
		same            bool
	}{
		{
			"role", identity.RoleToken, "assumeRolePolicy",
			`{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["a","b"]}}]}`,
			`{ "Statement": {"Principal": {"Service": ["b", "a"]}, "Effect": "Allow", "Action": ["sts:AssumeRole"]}}`, true,
		},
		{
			"an account and its root", identity.RoleToken, "assumeRolePolicy",
			`{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"123456789012"}}]}`,
			`{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::123456789012:root"}}]}`, true,
		},
		{"role policy", iam.RolePolicyToken, "policy", made[iam.RolePolicyToken].Inputs["policy"], permission, true},
		{"managed policy", iam.PolicyToken, "policy", made[iam.PolicyToken].Inputs["policy"], permission, true},
		{
			"lifecycle policy", ecr.LifecyclePolicyToken, "policy", awstest.LifecycleOf(awstest.ExpireUntagged, awstest.ExpireAny(2)),
			"{\"rules\": [" + awstest.ExpireAny(2) + ", " + awstest.ExpireUntagged + "]}", true,
		},
		{"another lifecycle policy", ecr.LifecyclePolicyToken, "policy", awstest.LifecycleOf(awstest.ExpireAny(2)), awstest.LifecycleOf(awstest.ExpireAny(3)), false},
		{
			"repository policy", ecr.RepositoryPolicyToken, "policy", awstest.PolicyFor("Allow", `{"AWS":"123456789012"}`, "a", "b"),
			awstest.PolicyFor("Allow", `{"AWS":["123456789012"]}`, "b", "a"), true,
		},
		{
			"inline policy", identity.RoleToken, "inlinePolicies", made[identity.RoleToken].Inputs["inlinePolicies"],
			[]any{cloud.Map{"name": "inline", "policy": permission}},
			true,
		},
		{
			"another resource", iam.RolePolicyToken, "policy", made[iam.RolePolicyToken].Inputs["policy"],
			strings.Replace(permission, `"*"`, `"a"`, 1), false,
		},
		{
			"one statement less", iam.RolePolicyToken, "policy",
			`{"Statement":[{"Effect":"Allow","Action":"a","Resource":"*"},{"Effect":"Allow","Action":"b","Resource":"*"}]}`,
			`{"Statement":[{"Effect":"Allow","Action":"a","Resource":"*"}]}`, false,
		},
		{
			"containers", ecs.TaskDefinitionToken, "containerDefinitions", container,
			`[{"name":"b"},{"name":"main","image":"i","environment":[{"name":"A","value":"2"},{"name":"B","value":"1"}],` +
				`"healthCheck":{"command":["CMD","x"],"retries":3},"portMappings":[{"containerPort":80}],"secrets":null}]`, true,
		},
		{"an image", ecs.TaskDefinitionToken, "containerDefinitions", container, strings.Replace(container, `"i"`, `"j"`, 1), false},
		{"an unknown policy", iam.RolePolicyToken, "policy", made[iam.RolePolicyToken].Inputs["policy"], cloud.Unknown{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			was := awstest.With(made[tt.token].Inputs, cloud.Map{tt.property: tt.was})
			d, err := c.Diff(tt.token, was, was, awstest.With(was, cloud.Map{tt.property: tt.want}))
			if err != nil || (len(d.Changed) == 0) != tt.same {
				t.Errorf("changed %v, %v", d.Changed, err)
			}
		})
	}
}

func TestNestedSetsInAnotherOrder(t *testing.T) {
	c, made := awstest.DefaultStack(t, nil)
	r := made[elbv2.ListenerRuleToken]
	groups := func(arns ...string) []any {
		var l []any
		for _, a := range arns {
			l = append(l, cloud.Map{"arn": a})
		}
		return []any{cloud.Map{"type": "forward", "forward": cloud.Map{"targetGroups": l}}}
	}
	was := awstest.With(r.Inputs, cloud.Map{"conditions": []any{awstest.Host("a", "b"), awstest.Path("/")}, "actions": groups("x", "y")})
	same := awstest.With(was, cloud.Map{"conditions": []any{awstest.Path("/"), awstest.Host("b", "a")}, "actions": groups("y", "x")})
	if d, err := c.Diff(r.Token, was, was, same); err != nil || len(d.Changed) > 0 {
		t.Errorf("changed %v, %v", d.Changed, err)
	}
	other := awstest.With(was, cloud.Map{"conditions": []any{awstest.Path("/"), awstest.Host("b", "c")}, "actions": groups("y", "z")})
	if d, err := c.Diff(r.Token, was, was, other); err != nil || !slices.Equal(d.Changed, []string{"actions", "conditions"}) {
		t.Errorf("changed %v, %v", d.Changed, err)
	}
}

func TestForceDetachPolicies(t *testing.T) {
	c, made := awstest.DefaultStack(t, nil)
	r := made[identity.RoleToken]
	if err := c.Delete(t.Context(), awstest.Here, identity.RoleToken, r.ID, time.Millisecond); cloud.Code(err) != "DeleteConflict" {
		t.Errorf("deleting a role with policies: %v", err)
	}
	if _, err := c.Edit(r, cloud.Map{"forceDetachPolicies": true}); err != nil {
		t.Fatal(err)
	}
	c.Remove(r)
	for _, token := range []string{iam.RolePolicyToken, iam.RolePolicyAttachmentToken} {
		if r, _ := c.Read(awstest.Here, token, made[token].ID); r != nil {
			t.Errorf("%s outlives its role", r.ID)
		}
	}
	if r, _ := c.Read(awstest.Here, iam.PolicyToken, made[iam.PolicyToken].ID); r == nil {
		t.Error("the shared policy went with the role")
	}
}

func TestDeletionProtectionIsNotWaitedFor(t *testing.T) {
	c, made := awstest.DefaultStack(t, nil)
	r, err := c.Edit(made[elbv2.LoadBalancerToken], cloud.Map{"enableDeletionProtection": true})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	err = c.Delete(t.Context(), awstest.Here, r.Token, r.ID, time.Hour) // 3.6 s at the pace of the tests
	c.Refused(err, "OperationNotPermitted", "deleting ELBv2 Load Balancer ("+r.ID+")")
	if d := time.Since(begun); d > 3*time.Second {
		t.Errorf("it took %s", d)
	}
}

func TestDeletedSecretIsNotAlive(t *testing.T) {
	c := awstest.New(t, secretsmanager.Kinds()...)
	c.Remove(c.Make(secretsmanager.SecretToken, cloud.Map{"name": "hello"})) // with a recovery window of 30 days
	left := 0
	c.Store.View(func(tx *cloud.Tx) {
		for r := range tx.All() {
			left++
			if c.Alive(r) {
				t.Errorf("%s %s is alive", r.Token, r.ID)
			}
		}
	})
	if left == 0 {
		t.Error("nothing keeps the secret's name")
	}
}
