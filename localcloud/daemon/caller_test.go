package daemon

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/oidc"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

// awsProvider is one connection of an engine to the daemon's aws package.
type awsProvider struct {
	pulumirpc.ResourceProviderClient
	t *testing.T
}

func (c Client) provider(t *testing.T) awsProvider {
	t.Helper()
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", c.Info.Providers["aws"]), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return awsProvider{pulumirpc.NewResourceProviderClient(conn), t}
}

// configure passes options on as the engine does: structured ones as JSON texts.
func (p awsProvider) configure(options map[string]any) error {
	p.t.Helper()
	m := resource.PropertyMap{"region": resource.NewProperty("eu-central-1")}
	for k, v := range options {
		text, err := json.Marshal(v)
		if err != nil {
			p.t.Fatal(err)
		}
		m[resource.PropertyKey(k)] = resource.NewProperty(string(text))
	}
	_, err := p.Configure(p.t.Context(), &pulumirpc.ConfigureRequest{Args: p.props(m)})
	return err
}

func (p awsProvider) props(m resource.PropertyMap) *structpb.Struct {
	p.t.Helper()
	s, err := plugin.MarshalProperties(m, plugin.MarshalOptions{})
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p awsProvider) create(token string, in map[string]any) error {
	p.t.Helper()
	urn := "urn:pulumi:s::p::" + token + "::r"
	checked, err := p.Check(p.t.Context(), &pulumirpc.CheckRequest{Urn: urn, News: p.props(resource.NewPropertyMapFromMap(in))})
	if err != nil || len(checked.GetFailures()) > 0 {
		p.t.Fatalf("check of %s: %v, %v", token, checked.GetFailures(), err)
	}
	_, err = p.Create(p.t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: checked.GetInputs()})
	return err
}

func (p awsProvider) identity() string {
	p.t.Helper()
	out, err := p.Invoke(p.t.Context(), &pulumirpc.InvokeRequest{Tok: "aws:index/getCallerIdentity:getCallerIdentity"})
	if err != nil {
		p.t.Fatal(err)
	}
	return out.GetReturn().GetFields()["arn"].GetStringValue()
}

// The whole way of a pipeline's job: a token for the role that trusts it, and what that role then may do and may not.
func TestJobOfAPipeline(t *testing.T) {
	dir := t.TempDir()
	c, stop := run(t, dir)
	defer stop()
	const account, role = "111111111111", "arn:aws:iam::111111111111:role/slipway-deploy"
	assume := map[string]any{"assumeRole": map[string]any{"roleArn": role, "sessionName": "me"}}

	bootstrap := c.provider(t)
	if err := bootstrap.configure(assume); err != nil {
		t.Fatal(err)
	}
	if got := bootstrap.identity(); got != "arn:aws:iam::"+account+":root" {
		t.Errorf("before the role is there: %s", got)
	}
	for _, r := range []struct {
		token string
		in    map[string]any
	}{
		{"aws:iam/openIdConnectProvider:OpenIdConnectProvider", map[string]any{
			"url": "https://token.actions.githubusercontent.com", "clientIdLists": []any{"sts.amazonaws.com"},
		}},
		{"aws:iam/role:Role", map[string]any{"name": "slipway-deploy", "assumeRolePolicy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Principal":{"Federated":"arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity",` +
			`"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com",` +
			`"token.actions.githubusercontent.com:sub":"repo:octo/app:environment:dev"}}}]}`}},
		{"aws:iam/rolePolicy:RolePolicy", map[string]any{"name": "p", "role": "slipway-deploy", "policy": `{"Version":"2012-10-17","Statement":[` +
			`{"Effect":"Allow","Action":["ecs:*","iam:CreateServiceLinkedRole"],"Resource":"*"}]}`}},
	} {
		if err := bootstrap.create(r.token, r.in); err != nil {
			t.Fatal(err)
		}
	}

	if err := c.provider(t).configure(assume); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(),
		"IAM Role ("+role+") cannot be assumed: operation error STS: AssumeRole, api error AccessDenied: "+
			"User: arn:aws:iam::000000000000:root is not authorized to perform: sts:AssumeRole on resource: "+role) {
		t.Errorf("assumed by whom it does not trust: %v", err)
	}

	tokens, err := oidc.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	token := func(subject string) map[string]any {
		signed, err := tokens.Sign(oidc.Claims{
			Issuer: "https://token.actions.githubusercontent.com", Subject: subject, Audience: []string{"sts.amazonaws.com"}, Expires: time.Now().Add(time.Minute),
		})
		if err != nil {
			t.Fatal(err)
		}
		return map[string]any{"assumeRoleWithWebIdentity": map[string]any{"roleArn": role, "webIdentityToken": signed, "sessionName": "GitHubActions"}}
	}
	if err := c.provider(t).configure(token("repo:octo/app:pull_request")); err == nil || !strings.Contains(err.Error(), "Not authorized to perform sts:AssumeRoleWithWebIdentity") {
		t.Errorf("a pull request deploys: %v", err)
	}
	job := c.provider(t)
	if err := job.configure(token("repo:octo/app:environment:dev")); err != nil {
		t.Fatal(err)
	}
	const session = "arn:aws:sts::" + account + ":assumed-role/slipway-deploy/GitHubActions"
	if got := job.identity(); got != session {
		t.Errorf("the job is %s", got)
	}
	if err := job.create("aws:ecs/cluster:Cluster", map[string]any{"name": "main"}); err != nil {
		t.Error(err)
	}
	err = job.create("aws:ec2/vpc:Vpc", map[string]any{"cidrBlock": "10.0.0.0/16"})
	if err == nil || !strings.Contains(err.Error(), "creating EC2 VPC: operation error EC2: CreateVpc, api error UnauthorizedOperation: "+
		"You are not authorized to perform this operation. User: "+session+" is not authorized to perform: ec2:CreateVpc on resource: "+
		"arn:aws:ec2:eu-central-1:111111111111:vpc/* because no identity-based policy allows the ec2:CreateVpc action") {
		t.Errorf("a VPC: %v", err)
	}
}
