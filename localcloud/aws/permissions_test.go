package aws

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/cloud"
	"slipway/localcloud/cloudflare"
	"slipway/localcloud/schema"
)

// guarded returns the cloud as callers with roles meet it.
func (c *testCloud) guarded(members ...any) *testCloud {
	g := cloud.New(c.Store, cloud.Options{Schema: schema.SDKs{}, Patience: 0.001, Authorize: Authorize})
	g.Add(members...)
	return &testCloud{Cloud: g, t: c.t}
}

// session is a caller with a role, of the account that tests work in.
var session = cloud.Caller{Scope: here.Scope, Identity: "arn:aws:sts::000000000000:assumed-role/ci/session"}

// mayDo gives the role of the session the policy statements, and no others.
func (c *testCloud) mayDo(statements string) {
	c.t.Helper()
	err := c.Store.Update(func(tx *cloud.Tx) error {
		tx.Put(&cloud.Resource{
			Key:    cloud.Key{Scope: cloud.Scope{Account: DefaultAccount}, Token: roleToken, ID: "ci"},
			Inputs: cloud.Map{"name": "ci", "inlinePolicies": []any{cloud.Map{"name": "p", "policy": trustOf(statements)}}},
			Outputs: cloud.Map{
				"arn": "arn:aws:iam::000000000000:role/ci", "uniqueId": "AROA00000000000000000", "name": "ci",
			},
		})
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

const (
	everything = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	user       = "User: arn:aws:sts::000000000000:assumed-role/ci/session is not authorized to perform: "
)

func allow(action, resource, rest string) string {
	return fmt.Sprintf(`{"Effect":"Allow","Action":[%q],"Resource":[%q]%s}`, action, resource, rest)
}

func allKinds() []any { return slices.Concat(Kinds(), ECR(held{})) }

func TestEveryKindHasItsPermissions(t *testing.T) {
	n := 0
	for token, needed := range allNeeds() {
		_, isKind := schema.Lookup(token)
		if _, isFunction := schema.LookupFunction(token); !isKind && !isFunction { // no program can make it
			continue
		}
		n++
		own, ok := needed.(needs)
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
	for _, k := range cloud.Specs(allKinds()...) {
		all[k.Token] = k.Needs
	}
	for _, f := range cloud.Functions(allKinds()...) {
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
	c.Add(slices.Concat(allKinds(), cloudflare.New(nil).Kinds())...)
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
	var g *testCloud
	attempts := 0
	denied := func(verb cloud.Verb, token string, call *cloud.Call, do func() error) {
		t.Helper()
		call.Context, call.Store, call.Caller = t.Context(), g.Store, session
		var steps []cloud.Permission
		g.Store.View(func(tx *cloud.Tx) {
			call.Tx = tx
			steps = allNeeds()[token].Permissions(call, cloud.Operation{Verb: verb, Token: token})
		})
		for i, s := range steps {
			prefix, _, _ := strings.Cut(s.API, ":")
			if clients[prefix].code == "" {
				t.Errorf("%s %s asks for %s of an unknown service", verb, token, s.API)
			}
			if s.Resource == "" || s.Resource != "*" && strings.Count(s.Resource, ":") < 5 {
				t.Errorf("%s %s asks for %s on %q", verb, token, s.Action, s.Resource)
			}
			if slices.ContainsFunc(steps[:i], func(before cloud.Permission) bool { return before.Action == s.Action }) {
				continue
			}
			g.mayDo(everything + `,{"Effect":"Deny","Action":"` + s.Action + `","Resource":"*"}`)
			attempts++
			err := do()
			if err == nil || cloud.Code(err) != clients[prefix].code || !strings.Contains(err.Error(), user+s.Action+" ") ||
				!strings.HasSuffix(err.Error(), "with an explicit deny in an identity-based policy") {
				t.Errorf("%s %s without %s: %v", verb, token, s.Action, err)
			}
		}
		g.mayDo(everything)
	}
	_, made := defaultStack(t, func(c *testCloud, token string, in cloud.Map) {
		if !strings.HasPrefix(token, "aws:") {
			return
		}
		if g == nil {
			g = c.guarded(allKinds()...)
		}
		checked, _, err := g.Check(token, in)
		if err != nil {
			t.Fatal(err)
		}
		denied(cloud.Create, token, &cloud.Call{Resource: &cloud.Resource{Key: cloud.Key{Scope: here.Scope, Token: token}, Inputs: checked}}, func() error {
			r, err := g.Create(t.Context(), session, token, checked, time.Millisecond)
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
			_, err := g.Read(session, token, r.ID)
			return err
		})
		if got, err := g.Read(session, token, r.ID); err != nil || got == nil {
			t.Errorf("read %s: %v", token, err)
		}
		changed := r.Clone()
		if _, taggable := r.Outputs["tagsAll"]; taggable {
			changed.Inputs["tags"] = cloud.Map{"Changed": "yes"}
		}
		denied(cloud.Update, token, &cloud.Call{Resource: changed, Old: r}, func() error {
			_, err := g.Update(t.Context(), session, token, r.ID, changed.Inputs, time.Millisecond)
			return err
		})
		denied(cloud.Delete, token, &cloud.Call{Resource: r}, func() error {
			return g.Delete(t.Context(), session, token, r.ID, time.Millisecond)
		})
	}
	if attempts < 200 {
		t.Errorf("only %d refusals were tried", attempts)
	}
}

// What is refused, in whose words, and what is not.
func TestRefusals(t *testing.T) {
	type operation func(g *testCloud) error
	create := func(token string, in cloud.Map) operation {
		return func(g *testCloud) error {
			_, err := g.attempt(session, token, in)
			return err
		}
	}
	vpc := create(vpcToken, cloud.Map{"cidrBlock": "10.0.0.0/16", "tags": cloud.Map{"Project": "slipway"}})
	const net = "arn:aws:ec2:eu-central-1:000000000000:"
	role := func(more cloud.Map) operation {
		return create(roleToken, with(cloud.Map{"name": "task", "path": "/slipway/", "assumeRolePolicy": trustTasks}, more))
	}
	const boundary = "arn:aws:iam::000000000000:policy/boundary"
	bounded := allow("iam:CreateRole", "arn:aws:iam::000000000000:role/slipway/*", `,"Condition":{"StringEquals":{"iam:PermissionsBoundary":"`+boundary+`"}}`) +
		"," + allow("iam:Get*", "*", "") + "," + allow("iam:List*", "*", "") + "," + allow("iam:Tag*", "*", "")
	inline := func(role string) operation {
		return create(rolePolicyToken, cloud.Map{"name": "p", "role": role, "policy": readSecret})
	}
	definition := func(role string) operation {
		return create(taskDefinitionToken, definitionOf(containerOf(nil), cloud.Map{"family": "hello", "executionRoleArn": role, "taskRoleArn": role}))
	}
	const passed = "arn:aws:iam::000000000000:role/slipway/bounded"
	pass := func(resource, service string) string {
		return allow("ecs:*", "*", "") + "," + allow("iam:PassRole", resource, `,"Condition":{"StringEquals":{"iam:PassedToService":"`+service+`"}}`)
	}
	group := create(logGroupToken, cloud.Map{"name": "hello"})
	tagged := func(tags cloud.Map) operation { return create(clusterToken, cloud.Map{"name": "main", "tags": tags}) }

	for name, test := range map[string]struct {
		policy string
		do     operation
		code   string
		words  string
	}{
		"a VPC without a word": {
			policy: allow("s3:*", "*", ""), do: vpc, code: "UnauthorizedOperation",
			words: "creating EC2 VPC: operation error EC2: CreateVpc, api error UnauthorizedOperation: You are not authorized to perform this operation. " +
				user + "ec2:CreateVpc on resource: " + net + "vpc/* because no identity-based policy allows the ec2:CreateVpc action",
		},
		"a VPC without its tags": {
			policy: allow("ec2:CreateVpc", net+"vpc/*", ""), do: vpc, code: "UnauthorizedOperation",
			words: "operation error EC2: CreateVpc, api error UnauthorizedOperation: You are not authorized to perform this operation. " +
				user + "ec2:CreateTags on resource: " + net + "vpc/* because no identity-based policy allows the ec2:CreateTags action",
		},
		"a VPC that cannot be looked at": {
			policy: allow("ec2:Create*", "*", ""), do: vpc, code: "UnauthorizedOperation",
			words: user + "ec2:DescribeVpcs because no identity-based policy allows the ec2:DescribeVpcs action",
		},
		"a VPC with the wanted tag, and tags on nothing but new things": {
			policy: allow("ec2:CreateVpc", "*", `,"Condition":{"StringEquals":{"aws:RequestTag/Project":"slipway"},"ForAllValues:StringEquals":{"aws:TagKeys":["Project","Stack"]}}`) +
				"," + allow("ec2:CreateTags", "*", `,"Condition":{"StringEquals":{"ec2:CreateAction":"CreateVpc"}}`) + "," + allow("ec2:Describe*", "*", ""),
			do: vpc,
		},
		"a VPC with another tag": {
			policy: allow("ec2:CreateVpc", "*", `,"Condition":{"StringEquals":{"aws:RequestTag/Project":"other"}}`), do: vpc, code: "UnauthorizedOperation", words: "ec2:CreateVpc on",
		},
		"a VPC in another region": {
			policy: allow("ec2:*", "*", `,"Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`), do: vpc, code: "UnauthorizedOperation", words: "ec2:CreateVpc on",
		},
		"a tag of no value": {
			policy: allow("ecs:*", "*", `,"Condition":{"Null":{"aws:RequestTag/Project":"false"}}`) + "," + allow("ecs:Describe*", "*", "") + "," + allow("iam:*", "*", ""),
			do:     tagged(cloud.Map{"Stack": "dev"}), code: "AccessDeniedException",
			words: "creating ECS Cluster: operation error ECS: CreateCluster, api error AccessDeniedException: " + user +
				"ecs:CreateCluster on resource: arn:aws:ecs:eu-central-1:000000000000:cluster/main because",
		},
		"a service-linked role": {
			policy: allow("ecs:*", "*", ""), do: tagged(nil), code: "AccessDeniedException",
			words: "operation error ECS: CreateCluster, api error AccessDeniedException: " + user + "iam:CreateServiceLinkedRole on resource: " +
				"arn:aws:iam::000000000000:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS because",
		},
		"that service-linked role": {
			policy: allow("ecs:*", "*", "") + "," + allow("iam:CreateServiceLinkedRole", "*", `,"Condition":{"StringLike":{"iam:AWSServiceName":"ecs.amazonaws.com"}}`),
			do:     tagged(nil),
		},

		"a role without the boundary": {
			policy: bounded, do: role(nil), code: "AccessDenied",
			words: "operation error IAM: CreateRole, api error AccessDenied: " + user +
				"iam:CreateRole on resource: arn:aws:iam::000000000000:role/slipway/task because no identity-based policy allows the iam:CreateRole action",
		},
		"a role with the boundary":     {policy: bounded, do: role(cloud.Map{"permissionsBoundary": boundary})},
		"a role with another boundary": {policy: bounded, do: role(cloud.Map{"permissionsBoundary": forTasks}), code: "AccessDenied", words: "iam:CreateRole on"},
		"a role of another path":       {policy: bounded, do: role(cloud.Map{"path": "/", "permissionsBoundary": boundary}), code: "AccessDenied", words: "role/task because"},
		"a policy for a bounded role": {
			policy: allow("iam:PutRolePolicy", "*", `,"Condition":{"ArnEquals":{"iam:PermissionsBoundary":"`+boundary+`"}}`) + "," + allow("iam:GetRolePolicy", "*", ""),
			do:     inline("bounded"),
		},
		"a policy for an unbounded role": {
			policy: allow("iam:PutRolePolicy", "*", `,"Condition":{"ArnEquals":{"iam:PermissionsBoundary":"`+boundary+`"}}`) + "," + allow("iam:GetRolePolicy", "*", ""),
			do:     inline("unbounded"), code: "AccessDenied", words: "iam:PutRolePolicy on resource: arn:aws:iam::000000000000:role/slipway/unbounded because",
		},
		"a certain policy": {
			policy: allow("iam:AttachRolePolicy", "*", `,"Condition":{"ArnEquals":{"iam:PolicyARN":"`+forTasks+`"}}`) + "," + allow("iam:List*", "*", ""),
			do:     create(rolePolicyAttachmentToken, cloud.Map{"role": "bounded", "policyArn": forTasks}),
		},
		"an uncertain policy": {
			policy: allow("iam:AttachRolePolicy", "*", `,"Condition":{"ArnEquals":{"iam:PolicyARN":"`+forTasks+`"}}`),
			do:     create(rolePolicyAttachmentToken, cloud.Map{"role": "bounded", "policyArn": boundary}), code: "AccessDenied", words: "iam:AttachRolePolicy on",
		},
		"the own boundary away": {
			policy: allow("iam:*", "*", "") + `,{"Effect":"Deny","Action":["iam:DeleteRolePermissionsBoundary","iam:PutRolePermissionsBoundary"],"Resource":"*"}`,
			do: func(g *testCloud) error {
				_, err := g.Update(g.t.Context(), session, roleToken, "bounded", cloud.Map{"name": "bounded", "path": "/slipway/", "assumeRolePolicy": trustTasks}, 0)
				return err
			},
			code: "AccessDenied", words: "iam:DeleteRolePermissionsBoundary on resource: " + passed + " with an explicit deny in an identity-based policy",
		},

		"a role passed to tasks": {policy: pass("arn:aws:iam::000000000000:role/slipway/*", "ecs-tasks.amazonaws.com"), do: definition(passed)},
		"a role passed to others": {
			policy: pass("*", "ec2.amazonaws.com"), do: definition(passed), code: "AccessDeniedException",
			words: "operation error ECS: RegisterTaskDefinition, api error AccessDeniedException: " + user + "iam:PassRole on resource: " + passed + " because",
		},
		"another role passed": {
			policy: pass("arn:aws:iam::000000000000:role/slipway/*", "ecs-tasks.amazonaws.com"), do: definition("arn:aws:iam::000000000000:role/admin"),
			code: "AccessDeniedException", words: "iam:PassRole on resource: arn:aws:iam::000000000000:role/admin because",
		},

		// A group's actions are about the streams in it.
		"a log group by its own name": {
			policy: allow("logs:*", "arn:aws:logs:eu-central-1:000000000000:log-group:hello", ""), do: group, code: "AccessDeniedException",
			words: "operation error CloudWatch Logs: CreateLogGroup, api error AccessDeniedException: " + user +
				"logs:CreateLogGroup on resource: arn:aws:logs:eu-central-1:000000000000:log-group:hello:log-stream: because",
		},
		"a log group by its streams": {
			policy: allow("logs:*", "arn:aws:logs:eu-central-1:000000000000:log-group:hello:*", "") + "," + allow("logs:Describe*", "*", "") + "," +
				allow("logs:ListTagsForResource", "arn:aws:logs:eu-central-1:000000000000:log-group:hello", ""),
			do: group,
		},
		"a bucket": {
			policy: allow("s3:GetBucket*", "*", ""), do: create(bucketToken, cloud.Map{"bucket": "slipway-state"}), code: "AccessDenied",
			words: "operation error S3: CreateBucket, api error AccessDenied: " + user + `s3:CreateBucket on resource: "arn:aws:s3:::slipway-state" because`,
		},
		"what a bucket is read by": {
			policy: allow("s3:CreateBucket", "*", ""), do: create(bucketToken, cloud.Map{"bucket": "slipway-state"}), code: "AccessDenied",
			words: "operation error S3: HeadBucket, api error AccessDenied: " + user + "s3:ListBucket on",
		},
		"where one is": {
			policy: allow("ecs:*", "*", ""), code: "UnauthorizedOperation", words: "invoking aws:index/getAvailabilityZones:getAvailabilityZones: operation error EC2: DescribeAvailabilityZones",
			do: func(g *testCloud) error {
				_, _, err := g.Invoke(g.t.Context(), session, getAvailabilityZones.Token, cloud.Map{})
				return err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t, allKinds()...)
			c.create(policyToken, cloud.Map{"name": "boundary", "policy": trustOf(everything)})
			c.create(roleToken, cloud.Map{"name": "bounded", "path": "/slipway/", "assumeRolePolicy": trustTasks, "permissionsBoundary": boundary})
			c.create(roleToken, cloud.Map{"name": "unbounded", "path": "/slipway/", "assumeRolePolicy": trustTasks})
			c.create(roleToken, cloud.Map{"name": "admin", "assumeRolePolicy": trustTasks})
			g := c.guarded(allKinds()...)
			g.mayDo(test.policy)
			before := len(c.left())
			err := test.do(g)
			if test.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			c.refused(err, test.code, test.words)
			if len(c.left()) != before {
				t.Errorf("left: %v", c.left())
			}
		})
	}
}

// What a resource is tagged with decides who may change it.
func TestResourceTags(t *testing.T) {
	c := newCloud(t, allKinds()...)
	g := c.guarded(allKinds()...)
	dev := c.create(clusterToken, cloud.Map{"name": "dev", "tags": cloud.Map{"Stack": "dev"}})
	prod := c.create(clusterToken, cloud.Map{"name": "prod", "tags": cloud.Map{"Stack": "prod"}})
	g.mayDo(allow("ecs:*", "*", `,"Condition":{"StringEquals":{"aws:ResourceTag/Stack":"dev"},"StringLike":{"ecs:ResourceTag/Stack":"d*"}}`))
	c.refused(g.Delete(t.Context(), session, clusterToken, prod.ID, time.Millisecond), "AccessDeniedException", "ecs:DeleteCluster on resource: "+prod.ID)
	if err := g.Delete(t.Context(), session, clusterToken, dev.ID, time.Millisecond); err != nil {
		t.Error(err)
	}
}

func TestBoundaryOfTheCaller(t *testing.T) {
	c := newCloud(t, allKinds()...)
	g := c.guarded(allKinds()...)
	boundary := c.create(policyToken, cloud.Map{"name": "boundary", "policy": trustOf(allow("ecs:*", "*", "") + `,{"Effect":"Deny","Action":"ecs:DeleteCluster","Resource":"*"}`)})
	cluster := c.create(clusterToken, cloud.Map{"name": "main"})
	g.mayDo(everything)
	err := c.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Get(cloud.Key{Scope: cloud.Scope{Account: DefaultAccount}, Token: roleToken, ID: "ci"}).Clone()
		r.Inputs["permissionsBoundary"] = boundary.ID
		tx.Put(r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Read(session, clusterToken, cluster.ID); err != nil {
		t.Error(err)
	}
	_, err = g.attempt(session, vpcToken, cloud.Map{"cidrBlock": "10.0.0.0/16"})
	c.refused(err, "UnauthorizedOperation", "ec2:CreateVpc on resource: arn:aws:ec2:eu-central-1:000000000000:vpc/* because no permissions boundary allows the ec2:CreateVpc action")
	c.refused(g.Delete(t.Context(), session, clusterToken, cluster.ID, time.Millisecond), "AccessDeniedException",
		"ecs:DeleteCluster on resource: "+cluster.ID+" with an explicit deny in a permissions boundary")
}

func TestCallerIdentity(t *testing.T) {
	c := newCloud(t, allKinds()...)
	g := c.guarded(allKinds()...)
	g.mayDo(allow("s3:ListBucket", "*", ""))
	for caller, want := range map[string]string{
		"":               "arn:aws:iam::000000000000:root 000000000000",
		session.Identity: session.Identity + " AROA00000000000000000:session",
	} {
		out, _, err := g.Invoke(t.Context(), cloud.Caller{Scope: here.Scope, Identity: caller}, getCallerIdentity.Token, cloud.Map{})
		if got := fmt.Sprint(out["arn"], " ", out["userId"]); err != nil || got != want {
			t.Errorf("%q is %s, %v", caller, got, err)
		}
	}
	gone := session
	gone.Identity = "arn:aws:sts::000000000000:assumed-role/gone/session"
	_, _, err := g.Invoke(t.Context(), gone, getCallerIdentity.Token, cloud.Map{})
	c.refused(err, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

// What is not there can be read and deleted without a question, so that a refresh finds out that it has gone.
func TestNothingIsAskedOfWhatIsNotThere(t *testing.T) {
	c := newCloud(t, allKinds()...)
	g := c.guarded(allKinds()...)
	g.mayDo(allow("s3:ListBucket", "*", ""))
	if r, err := g.Read(session, vpcToken, "vpc-1"); r != nil || err != nil {
		t.Errorf("read: %v, %v", r, err)
	}
	if err := g.Delete(t.Context(), session, vpcToken, "vpc-1", 0); err != nil {
		t.Error(err)
	}
}
