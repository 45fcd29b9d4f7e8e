package aws_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/logs"
	"slipway/localcloud/aws/s3"
	"slipway/localcloud/aws/sts"
	"slipway/localcloud/cloud"
	"slipway/localcloud/cloudflare"
	"slipway/localcloud/schema"
)

func TestEveryKindHasItsPermissions(t *testing.T) {
	n := 0
	for token, needed := range allNeeds() {
		_, isKind := schema.Lookup(token)
		if _, isFunction := schema.LookupFunction(token); !isKind && !isFunction { // no program can make it
			continue
		}
		n++
		own, ok := needed.(permission.Needs)
		if !ok {
			t.Errorf("the kind does not say what working on %s needs", token)
		}
		if isKind && own.Read == nil {
			t.Errorf("a look at %s needs nothing", token)
		}
	}
	if n < 50 {
		t.Errorf("only %d kinds and functions were looked at", n)
	}
}

// allNeeds returns what working on each kind and function needs, by its token.
func allNeeds() map[string]cloud.Needs {
	all := map[string]cloud.Needs{}
	for _, k := range cloud.Specs(awstest.AllKinds()...) {
		all[k.Token] = k.Needs
	}
	for _, f := range cloud.Functions(awstest.AllKinds()...) {
		all[f.Token] = f.Needs
	}
	return all
}

// What the schema describes is served: a token without a kind would be refused in words that blame the program.
func TestEveryTokenHasItsKind(t *testing.T) {
	raw, err := os.ReadFile("../schema/tokens.txt")
	if err != nil {
		t.Fatal(err)
	}
	c := cloud.New(nil, cloud.Options{})
	c.Add(slices.Concat(awstest.AllKinds(), cloudflare.New(nil).Kinds())...)
	served, n := c.Tokens(), 0
	for token := range strings.Lines(string(raw)) {
		token = strings.TrimSpace(token)
		if token == "" || strings.HasPrefix(token, "#") {
			continue
		}
		if n++; !slices.Contains(served, token) {
			t.Errorf("schema/tokens.txt has %s, which is neither a kind nor a function here", token)
		}
	}
	if n < 50 {
		t.Errorf("only %d tokens were read", n)
	}
}

// Whatever an operation needs, without it there is no operation, and with all of it there is one.
func TestEachActionIsNeeded(t *testing.T) {
	var g *awstest.Tester
	attempts := 0
	denied := func(verb cloud.Verb, token string, call *cloud.Call, do func() error) {
		t.Helper()
		call.Context, call.Store, call.Caller = t.Context(), g.Store, awstest.Session
		var steps []cloud.Permission
		g.Store.View(func(tx *cloud.Tx) {
			call.Tx = tx
			steps = allNeeds()[token].Permissions(call, cloud.Operation{Verb: verb, Token: token})
		})
		for i, s := range steps {
			prefix, _, _ := strings.Cut(s.API, ":")
			if iam.Clients[prefix].Code == "" {
				t.Errorf("%s %s asks for %s of an unknown service", verb, token, s.API)
			}
			if s.Resource == "" || s.Resource != "*" && strings.Count(s.Resource, ":") < 5 {
				t.Errorf("%s %s asks for %s on %q", verb, token, s.Action, s.Resource)
			}
			if slices.ContainsFunc(steps[:i], func(before cloud.Permission) bool { return before.Action == s.Action }) {
				continue
			}
			g.MayDo(awstest.Everything + `,{"Effect":"Deny","Action":"` + s.Action + `","Resource":"*"}`)
			attempts++
			err := do()
			if err == nil || cloud.Code(err) != iam.Clients[prefix].Code || !strings.Contains(err.Error(), awstest.User+s.Action+" ") ||
				!strings.HasSuffix(err.Error(), "with an explicit deny in an identity-based policy") {
				t.Errorf("%s %s without %s: %v", verb, token, s.Action, err)
			}
		}
		g.MayDo(awstest.Everything)
	}
	_, made := awstest.DefaultStack(t, func(c *awstest.Tester, token string, in cloud.Map) {
		if !strings.HasPrefix(token, "aws:") {
			return
		}
		if g == nil {
			g = c.Guarded(awstest.AllKinds()...)
		}
		checked, _, err := g.Check(token, in)
		if err != nil {
			t.Fatal(err)
		}
		denied(cloud.Create, token, &cloud.Call{Resource: &cloud.Resource{Key: cloud.Key{Scope: awstest.Here.Scope, Token: token}, Inputs: checked}}, func() error {
			r, err := g.Create(t.Context(), awstest.Session, token, checked, time.Millisecond)
			if r != nil {
				t.Errorf("%s was made in spite of: %v", token, err)
			}
			return err
		})
	})
	for token, r := range made {
		if !strings.HasPrefix(token, "aws:") {
			continue
		}
		denied(cloud.Read, token, &cloud.Call{Resource: r}, func() error {
			_, err := g.Read(awstest.Session, token, r.ID)
			return err
		})
		if got, err := g.Read(awstest.Session, token, r.ID); err != nil || got == nil {
			t.Errorf("read %s: %v", token, err)
		}
		changed := r.Clone()
		if _, taggable := r.Outputs["tagsAll"]; taggable {
			changed.Inputs["tags"] = cloud.Map{"Changed": "yes"}
		}
		denied(cloud.Update, token, &cloud.Call{Resource: changed, Old: r}, func() error {
			_, err := g.Update(t.Context(), awstest.Session, token, r.ID, changed.Inputs, time.Millisecond)
			return err
		})
		denied(cloud.Delete, token, &cloud.Call{Resource: r}, func() error {
			return g.Delete(t.Context(), awstest.Session, token, r.ID, time.Millisecond)
		})
	}
	if attempts < 200 {
		t.Errorf("only %d refusals were tried", attempts)
	}
}

// What is refused, in whose words, and what is not.
func TestRefusals(t *testing.T) {
	type operation func(g *awstest.Tester) error
	create := func(token string, in cloud.Map) operation {
		return func(g *awstest.Tester) error {
			_, err := g.Attempt(awstest.Session, token, in)
			return err
		}
	}
	vpc := create(ec2.VPCToken, cloud.Map{"cidrBlock": "10.0.0.0/16", "tags": cloud.Map{"Project": "slipway"}})
	const net = "arn:aws:ec2:eu-central-1:000000000000:"
	role := func(more cloud.Map) operation {
		return create(identity.RoleToken, awstest.With(cloud.Map{"name": "task", "path": "/slipway/", "assumeRolePolicy": awstest.TrustTasks}, more))
	}
	const boundary = "arn:aws:iam::000000000000:policy/boundary"
	bounded := awstest.Allow("iam:CreateRole", "arn:aws:iam::000000000000:role/slipway/*", `,"Condition":{"StringEquals":{"iam:PermissionsBoundary":"`+boundary+`"}}`) +
		"," + awstest.Allow("iam:Get*", "*", "") + "," + awstest.Allow("iam:List*", "*", "") + "," + awstest.Allow("iam:Tag*", "*", "")
	inline := func(role string) operation {
		return create(iam.RolePolicyToken, cloud.Map{"name": "p", "role": role, "policy": awstest.ReadSecret})
	}
	definition := func(role string) operation {
		return create(ecs.TaskDefinitionToken, awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"family": "hello", "executionRoleArn": role, "taskRoleArn": role}))
	}
	const passed = "arn:aws:iam::000000000000:role/slipway/bounded"
	pass := func(resource, service string) string {
		return awstest.Allow("ecs:*", "*", "") + "," + awstest.Allow("iam:PassRole", resource, `,"Condition":{"StringEquals":{"iam:PassedToService":"`+service+`"}}`)
	}
	group := create(logs.LogGroupToken, cloud.Map{"name": "hello"})
	tagged := func(tags cloud.Map) operation {
		return create(ecs.ClusterToken, cloud.Map{"name": "main", "tags": tags})
	}

	for name, test := range map[string]struct {
		policy string
		do     operation
		code   string
		words  string
	}{
		"a VPC without a word": {
			policy: awstest.Allow("s3:*", "*", ""), do: vpc, code: "UnauthorizedOperation",
			words: "creating EC2 VPC: operation error EC2: CreateVpc, api error UnauthorizedOperation: You are not authorized to perform this operation. " +
				awstest.User + "ec2:CreateVpc on resource: " + net + "vpc/* because no identity-based policy allows the ec2:CreateVpc action",
		},
		"a VPC without its tags": {
			policy: awstest.Allow("ec2:CreateVpc", net+"vpc/*", ""), do: vpc, code: "UnauthorizedOperation",
			words: "operation error EC2: CreateVpc, api error UnauthorizedOperation: You are not authorized to perform this operation. " +
				awstest.User + "ec2:CreateTags on resource: " + net + "vpc/* because no identity-based policy allows the ec2:CreateTags action",
		},
		"a VPC that cannot be looked at": {
			policy: awstest.Allow("ec2:Create*", "*", ""), do: vpc, code: "UnauthorizedOperation",
			words: awstest.User + "ec2:DescribeVpcs because no identity-based policy allows the ec2:DescribeVpcs action",
		},
		"a VPC with the wanted tag, and tags on nothing but new things": {
			policy: awstest.Allow("ec2:CreateVpc", "*", `,"Condition":{"StringEquals":{"aws:RequestTag/Project":"slipway"},"ForAllValues:StringEquals":{"aws:TagKeys":["Project","Stack"]}}`) +
				"," + awstest.Allow("ec2:CreateTags", "*", `,"Condition":{"StringEquals":{"ec2:CreateAction":"CreateVpc"}}`) + "," + awstest.Allow("ec2:Describe*", "*", ""),
			do: vpc,
		},
		"a VPC with another tag": {
			policy: awstest.Allow("ec2:CreateVpc", "*", `,"Condition":{"StringEquals":{"aws:RequestTag/Project":"other"}}`), do: vpc, code: "UnauthorizedOperation", words: "ec2:CreateVpc on",
		},
		"a VPC in another region": {
			policy: awstest.Allow("ec2:*", "*", `,"Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`), do: vpc, code: "UnauthorizedOperation", words: "ec2:CreateVpc on",
		},
		"a tag of no value": {
			policy: awstest.Allow("ecs:*", "*", `,"Condition":{"Null":{"aws:RequestTag/Project":"false"}}`) + "," + awstest.Allow("ecs:Describe*", "*", "") + "," + awstest.Allow("iam:*", "*", ""),
			do:     tagged(cloud.Map{"Stack": "dev"}), code: "AccessDeniedException",
			words: "creating ECS Cluster: operation error ECS: CreateCluster, api error AccessDeniedException: " + awstest.User +
				"ecs:CreateCluster on resource: arn:aws:ecs:eu-central-1:000000000000:cluster/main because",
		},
		"a service-linked role": {
			policy: awstest.Allow("ecs:*", "*", ""), do: tagged(nil), code: "AccessDeniedException",
			words: "operation error ECS: CreateCluster, api error AccessDeniedException: " + awstest.User + "iam:CreateServiceLinkedRole on resource: " +
				"arn:aws:iam::000000000000:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS because",
		},
		"that service-linked role": {
			policy: awstest.Allow("ecs:*", "*", "") + "," + awstest.Allow("iam:CreateServiceLinkedRole", "*", `,"Condition":{"StringLike":{"iam:AWSServiceName":"ecs.amazonaws.com"}}`),
			do:     tagged(nil),
		},

		"a role without the boundary": {
			policy: bounded, do: role(nil), code: "AccessDenied",
			words: "operation error IAM: CreateRole, api error AccessDenied: " + awstest.User +
				"iam:CreateRole on resource: arn:aws:iam::000000000000:role/slipway/task because no identity-based policy allows the iam:CreateRole action",
		},
		"a role with the boundary":     {policy: bounded, do: role(cloud.Map{"permissionsBoundary": boundary})},
		"a role with another boundary": {policy: bounded, do: role(cloud.Map{"permissionsBoundary": awstest.ForTasks}), code: "AccessDenied", words: "iam:CreateRole on"},
		"a role of another path":       {policy: bounded, do: role(cloud.Map{"path": "/", "permissionsBoundary": boundary}), code: "AccessDenied", words: "role/task because"},
		"a policy for a bounded role": {
			policy: awstest.Allow("iam:PutRolePolicy", "*", `,"Condition":{"ArnEquals":{"iam:PermissionsBoundary":"`+boundary+`"}}`) + "," + awstest.Allow("iam:GetRolePolicy", "*", ""),
			do:     inline("bounded"),
		},
		"a policy for an unbounded role": {
			policy: awstest.Allow("iam:PutRolePolicy", "*", `,"Condition":{"ArnEquals":{"iam:PermissionsBoundary":"`+boundary+`"}}`) + "," + awstest.Allow("iam:GetRolePolicy", "*", ""),
			do:     inline("unbounded"), code: "AccessDenied", words: "iam:PutRolePolicy on resource: arn:aws:iam::000000000000:role/slipway/unbounded because",
		},
		"a certain policy": {
			policy: awstest.Allow("iam:AttachRolePolicy", "*", `,"Condition":{"ArnEquals":{"iam:PolicyARN":"`+awstest.ForTasks+`"}}`) + "," + awstest.Allow("iam:List*", "*", ""),
			do:     create(iam.RolePolicyAttachmentToken, cloud.Map{"role": "bounded", "policyArn": awstest.ForTasks}),
		},
		"an uncertain policy": {
			policy: awstest.Allow("iam:AttachRolePolicy", "*", `,"Condition":{"ArnEquals":{"iam:PolicyARN":"`+awstest.ForTasks+`"}}`),
			do:     create(iam.RolePolicyAttachmentToken, cloud.Map{"role": "bounded", "policyArn": boundary}), code: "AccessDenied", words: "iam:AttachRolePolicy on",
		},
		"the own boundary away": {
			policy: awstest.Allow("iam:*", "*", "") + `,{"Effect":"Deny","Action":["iam:DeleteRolePermissionsBoundary","iam:PutRolePermissionsBoundary"],"Resource":"*"}`,
			do: func(g *awstest.Tester) error {
				_, err := g.Update(g.T.Context(), awstest.Session, identity.RoleToken, "bounded", cloud.Map{"name": "bounded", "path": "/slipway/", "assumeRolePolicy": awstest.TrustTasks}, 0)
				return err
			},
			code: "AccessDenied", words: "iam:DeleteRolePermissionsBoundary on resource: " + passed + " with an explicit deny in an identity-based policy",
		},

		"a role passed to tasks": {policy: pass("arn:aws:iam::000000000000:role/slipway/*", "ecs-tasks.amazonaws.com"), do: definition(passed)},
		"a role passed to others": {
			policy: pass("*", "ec2.amazonaws.com"), do: definition(passed), code: "AccessDeniedException",
			words: "operation error ECS: RegisterTaskDefinition, api error AccessDeniedException: " + awstest.User + "iam:PassRole on resource: " + passed + " because",
		},
		"another role passed": {
			policy: pass("arn:aws:iam::000000000000:role/slipway/*", "ecs-tasks.amazonaws.com"), do: definition("arn:aws:iam::000000000000:role/admin"),
			code: "AccessDeniedException", words: "iam:PassRole on resource: arn:aws:iam::000000000000:role/admin because",
		},

		// A group's actions are about the streams in it.
		"a log group by its own name": {
			policy: awstest.Allow("logs:*", "arn:aws:logs:eu-central-1:000000000000:log-group:hello", ""), do: group, code: "AccessDeniedException",
			words: "operation error CloudWatch Logs: CreateLogGroup, api error AccessDeniedException: " + awstest.User +
				"logs:CreateLogGroup on resource: arn:aws:logs:eu-central-1:000000000000:log-group:hello:log-stream: because",
		},
		"a log group by its streams": {
			policy: awstest.Allow("logs:*", "arn:aws:logs:eu-central-1:000000000000:log-group:hello:*", "") + "," + awstest.Allow("logs:Describe*", "*", "") + "," +
				awstest.Allow("logs:ListTagsForResource", "arn:aws:logs:eu-central-1:000000000000:log-group:hello", ""),
			do: group,
		},
		"a bucket": {
			policy: awstest.Allow("s3:GetBucket*", "*", ""), do: create(s3.BucketToken, cloud.Map{"bucket": "slipway-state"}), code: "AccessDenied",
			words: "operation error S3: CreateBucket, api error AccessDenied: " + awstest.User + `s3:CreateBucket on resource: "arn:aws:s3:::slipway-state" because`,
		},
		"what a bucket is read by": {
			policy: awstest.Allow("s3:CreateBucket", "*", ""), do: create(s3.BucketToken, cloud.Map{"bucket": "slipway-state"}), code: "AccessDenied",
			words: "operation error S3: HeadBucket, api error AccessDenied: " + awstest.User + "s3:ListBucket on",
		},
		"where one is": {
			policy: awstest.Allow("ecs:*", "*", ""), code: "UnauthorizedOperation", words: "invoking aws:index/getAvailabilityZones:getAvailabilityZones: operation error EC2: DescribeAvailabilityZones",
			do: func(g *awstest.Tester) error {
				_, _, err := g.Invoke(g.T.Context(), awstest.Session, ec2.GetAvailabilityZones.Token, cloud.Map{})
				return err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := awstest.New(t, awstest.AllKinds()...)
			c.Make(iam.PolicyToken, cloud.Map{"name": "boundary", "policy": awstest.TrustOf(awstest.Everything)})
			c.Make(identity.RoleToken, cloud.Map{"name": "bounded", "path": "/slipway/", "assumeRolePolicy": awstest.TrustTasks, "permissionsBoundary": boundary})
			c.Make(identity.RoleToken, cloud.Map{"name": "unbounded", "path": "/slipway/", "assumeRolePolicy": awstest.TrustTasks})
			c.Make(identity.RoleToken, cloud.Map{"name": "admin", "assumeRolePolicy": awstest.TrustTasks})
			g := c.Guarded(awstest.AllKinds()...)
			g.MayDo(test.policy)
			before := len(c.Left())
			err := test.do(g)
			if test.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			c.Refused(err, test.code, test.words)
			if len(c.Left()) != before {
				t.Errorf("left: %v", c.Left())
			}
		})
	}
}

// What a resource is tagged with decides who may change it.
func TestResourceTags(t *testing.T) {
	c := awstest.New(t, awstest.AllKinds()...)
	g := c.Guarded(awstest.AllKinds()...)
	dev := c.Make(ecs.ClusterToken, cloud.Map{"name": "dev", "tags": cloud.Map{"Stack": "dev"}})
	prod := c.Make(ecs.ClusterToken, cloud.Map{"name": "prod", "tags": cloud.Map{"Stack": "prod"}})
	g.MayDo(awstest.Allow("ecs:*", "*", `,"Condition":{"StringEquals":{"aws:ResourceTag/Stack":"dev"},"StringLike":{"ecs:ResourceTag/Stack":"d*"}}`))
	c.Refused(g.Delete(t.Context(), awstest.Session, ecs.ClusterToken, prod.ID, time.Millisecond), "AccessDeniedException", "ecs:DeleteCluster on resource: "+prod.ID)
	if err := g.Delete(t.Context(), awstest.Session, ecs.ClusterToken, dev.ID, time.Millisecond); err != nil {
		t.Error(err)
	}
}

func TestBoundaryOfTheCaller(t *testing.T) {
	c := awstest.New(t, awstest.AllKinds()...)
	g := c.Guarded(awstest.AllKinds()...)
	boundary := c.Make(iam.PolicyToken, cloud.Map{"name": "boundary", "policy": awstest.TrustOf(awstest.Allow("ecs:*", "*", "") + `,{"Effect":"Deny","Action":"ecs:DeleteCluster","Resource":"*"}`)})
	cluster := c.Make(ecs.ClusterToken, cloud.Map{"name": "main"})
	g.MayDo(awstest.Everything)
	err := c.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Get(cloud.Key{Scope: cloud.Scope{Account: sts.DefaultAccount}, Token: identity.RoleToken, ID: "ci"}).Clone()
		r.Inputs["permissionsBoundary"] = boundary.ID
		tx.Put(r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Read(awstest.Session, ecs.ClusterToken, cluster.ID); err != nil {
		t.Error(err)
	}
	_, err = g.Attempt(awstest.Session, ec2.VPCToken, cloud.Map{"cidrBlock": "10.0.0.0/16"})
	c.Refused(err, "UnauthorizedOperation", "ec2:CreateVpc on resource: arn:aws:ec2:eu-central-1:000000000000:vpc/* because no permissions boundary allows the ec2:CreateVpc action")
	c.Refused(g.Delete(t.Context(), awstest.Session, ecs.ClusterToken, cluster.ID, time.Millisecond), "AccessDeniedException",
		"ecs:DeleteCluster on resource: "+cluster.ID+" with an explicit deny in a permissions boundary")
}

func TestCallerIdentity(t *testing.T) {
	c := awstest.New(t, awstest.AllKinds()...)
	g := c.Guarded(awstest.AllKinds()...)
	g.MayDo(awstest.Allow("s3:ListBucket", "*", ""))
	for caller, want := range map[string]string{
		"":                       "arn:aws:iam::000000000000:root 000000000000",
		awstest.Session.Identity: awstest.Session.Identity + " AROA00000000000000000:session",
	} {
		out, _, err := g.Invoke(t.Context(), cloud.Caller{Scope: awstest.Here.Scope, Identity: caller}, sts.GetCallerIdentity.Token, cloud.Map{})
		if got := fmt.Sprint(out["arn"], " ", out["userId"]); err != nil || got != want {
			t.Errorf("%q is %s, %v", caller, got, err)
		}
	}
	gone := awstest.Session
	gone.Identity = "arn:aws:sts::000000000000:assumed-role/gone/session"
	_, _, err := g.Invoke(t.Context(), gone, sts.GetCallerIdentity.Token, cloud.Map{})
	c.Refused(err, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

// What is not there can be read and deleted without a question, so that a refresh finds out that it has gone.
func TestNothingIsAskedOfWhatIsNotThere(t *testing.T) {
	c := awstest.New(t, awstest.AllKinds()...)
	g := c.Guarded(awstest.AllKinds()...)
	g.MayDo(awstest.Allow("s3:ListBucket", "*", ""))
	if r, err := g.Read(awstest.Session, ec2.VPCToken, "vpc-1"); r != nil || err != nil {
		t.Errorf("read: %v, %v", r, err)
	}
	if err := g.Delete(t.Context(), awstest.Session, ec2.VPCToken, "vpc-1", 0); err != nil {
		t.Error(err)
	}
}
