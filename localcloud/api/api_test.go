package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/api"
	"slipway/localcloud/aws"
	localecs "slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/logs/streams"
	"slipway/localcloud/aws/sqs/queues"
	localsts "slipway/localcloud/aws/sts"
	"slipway/localcloud/cloud"
	"slipway/localcloud/oidc"
	"slipway/localcloud/schema"
	"slipway/localcloud/services"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	sdkcredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

const (
	region  = "eu-central-1"
	account = localsts.DefaultAccount
	arns    = ":" + region + ":" + account + ":"
)

var here = cloud.Scope{Account: account, Region: region}

// world is a cloud whose APIs the real SDK calls.
type world struct {
	t      *testing.T
	cloud  *cloud.Cloud
	logs   *streams.Logs
	tokens *oidc.Issuer
	url    string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	store, err := cloud.Open(filepath.Join(dir, "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	tokens, err := oidc.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	events, err := streams.Open(store, filepath.Join(dir, "logs.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = events.Close() })
	w := &world{t: t, cloud: cloud.New(store, cloud.Options{Schema: schema.SDKs{}}), logs: events, tokens: tokens}
	w.cloud.Add(aws.Kinds()...)
	messages, err := queues.Open(store, filepath.Join(dir, "queues.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = messages.Close() })
	all := services.Services{Logs: w.logs, Queues: messages}
	server := httptest.NewServer(all.API(store, &localsts.Callers{Store: store, Tokens: tokens}, "token"))
	t.Cleanup(server.Close)
	w.url = server.URL + "/token"
	return w
}

// config is the configuration of a client with a caller's access key.
func (w *world) config() sdk.Config {
	return sdk.Config{Region: region, BaseEndpoint: &w.url, Credentials: sdkcredentials.NewStaticCredentialsProvider("AKIDSOMEBODY", "secret", "")}
}

func (w *world) create(token string, in cloud.Map) *cloud.Resource {
	w.t.Helper()
	checked, failures, err := w.cloud.Check(token, in)
	if err != nil || len(failures) > 0 {
		w.t.Fatalf("check of %s: %v, %v", token, failures, err)
	}
	r, err := w.cloud.Create(w.t.Context(), cloud.Caller{Scope: here}, token, checked, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// role makes a role that trusts everyone in its account, and returns a client's configuration as that role.
func (w *world) role(name, actions string) sdk.Config {
	w.t.Helper()
	role := w.create("aws:iam/role:Role", cloud.Map{"name": name, "assumeRolePolicy": `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::` + account + `:root"}}]}`})
	w.create("aws:iam/rolePolicy:RolePolicy", cloud.Map{"name": "p", "role": name, "policy": `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":[` + actions + `],"Resource":"*"}]}`})
	cfg := w.config()
	cfg.Credentials = sdk.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(w.config()), role.Outputs["arn"].(string),
		func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = "me" }))
	return cfg
}

// put stores a resource like a controller.
func (w *world) put(token, id string, inputs any, status any) {
	w.t.Helper()
	in, err := cloud.Encode(inputs)
	if err != nil {
		w.t.Fatal(err)
	}
	r := &cloud.Resource{Key: cloud.Key{Scope: here, Token: token, ID: id}, Name: id, Inputs: in, Outputs: in}
	r.SetStatus(status)
	if err := w.cloud.Store.Update(func(tx *cloud.Tx) error { tx.Put(r); return nil }); err != nil {
		w.t.Fatal(err)
	}
}

const (
	clusterARN  = "arn:aws:ecs" + arns + "cluster/dev"
	serviceARN  = "arn:aws:ecs" + arns + "service/dev/hello"
	revisionARN = "arn:aws:ecs" + arns + "task-definition/hello:2"
	groupARN    = "arn:aws:elasticloadbalancing" + arns + "targetgroup/hello/1"
	taskARN     = "arn:aws:ecs" + arns + "task/dev/0123"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// fill makes a service with a failed task.
func (w *world) fill() {
	w.t.Helper()
	w.create("aws:ecs/cluster:Cluster", cloud.Map{"name": "dev"})
	w.create("aws:cloudwatch/logGroup:LogGroup", cloud.Map{"name": "hello"})
	w.put(localecs.Service.Token, serviceARN, localecs.ServiceSpec{
		Name: "hello", Cluster: clusterARN, DesiredCount: 2, LoadBalancers: []localecs.ServiceLoadBalancer{{TargetGroupARN: groupARN, ContainerName: "main", ContainerPort: 80}},
	}, localecs.ServiceStatus{
		Status: localecs.ServiceActive,
		Deployments: []localecs.Deployment{{
			ID: "ecs-svc/1", Status: "PRIMARY", RolloutState: "IN_PROGRESS", Reason: "in progress", TaskDefinition: revisionARN,
			Desired: 2, Running: 1, FailedTasks: 3, CreatedAt: noon,
		}},
		Events: []localecs.ServiceEvent{{CreatedAt: noon, Message: "old"}, {CreatedAt: noon, Message: "new"}},
	})
	w.put(localecs.TaskDefinitionRevision.Token, revisionARN, cloud.Map{
		"family": "hello", "cpu": "256", "memory": "512", "networkMode": "awsvpc",
		"containerDefinitions": `[{"name":"main","image":"i","logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"hello"}}}]`,
	}, localecs.RevisionStatus{Revision: 2, Active: true})
	exit := 3
	w.put(localecs.Task.Token, taskARN, localecs.TaskSpec{ClusterARN: clusterARN, TaskDefinitionARN: revisionARN, Service: serviceARN}, localecs.TaskStatus{
		LastStatus: "STOPPED", DesiredStatus: "STOPPED", StopCode: localecs.StopEssentialContainerExited, StoppedReason: "Essential container in task exited",
		StoppedAt: noon, Containers: []localecs.ContainerStatus{{Name: "main", ExitCode: &exit, Reason: "because"}},
	})
	w.put(elbv2.TargetGroup.Token, groupARN, cloud.Map{"port": 80.0}, elbv2.TargetGroupStatus{Targets: []elbv2.Target{
		{ID: "10.0.1.4", Port: 80, State: "unhealthy", Reason: "Target.Timeout", Description: "Request timed out"},
	}})
	out, err := w.logs.Writer(here, "hello", "hello/main/0123")
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := io.WriteString(out, "one\ntwo\nthree\n"); err != nil {
		w.t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		w.t.Fatal(err)
	}
}

func TestServices(t *testing.T) {
	w := newWorld(t)
	w.fill()
	client := ecs.NewFromConfig(w.config())
	out, err := client.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: sdk.String("dev"), Services: []string{"hello", "gone"}})
	if err != nil {
		t.Fatal(err)
	}
	s := out.Services[0]
	if d := s.Deployments[0]; *s.ServiceArn != serviceARN || s.RunningCount != 1 || s.DesiredCount != 2 || *s.LoadBalancers[0].TargetGroupArn != groupARN ||
		d.RolloutState != "IN_PROGRESS" || *d.RolloutStateReason != "in progress" || d.FailedTasks != 3 || *d.TaskDefinition != revisionARN || !d.CreatedAt.Equal(noon) {
		t.Errorf("the service is %+v", s)
	}
	if *s.Events[0].Message != "new" || *s.Events[1].Message != "old" {
		t.Errorf("the events are not the newest first: %+v", s.Events)
	}
	if f := out.Failures; len(f) != 1 || *f[0].Reason != "MISSING" || *f[0].Arn != "arn:aws:ecs"+arns+"service/dev/gone" {
		t.Errorf("what is not there: %+v", f)
	}
}

func TestTasks(t *testing.T) {
	w := newWorld(t)
	w.fill()
	client := ecs.NewFromConfig(w.config())
	list := func(status ecstypes.DesiredStatus) []string {
		out, err := client.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: sdk.String(clusterARN), ServiceName: sdk.String("hello"), DesiredStatus: status})
		if err != nil {
			t.Fatal(err)
		}
		return out.TaskArns
	}
	if running := list(""); len(running) != 0 {
		t.Errorf("running are %v", running)
	}
	out, err := client.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: sdk.String("dev"), Tasks: append(list("STOPPED"), "4567")})
	if err != nil {
		t.Fatal(err)
	}
	task := out.Tasks[0]
	if c := task.Containers[0]; *task.TaskArn != taskARN || task.StopCode != "EssentialContainerExited" || *task.StoppedReason != "Essential container in task exited" ||
		!task.StoppedAt.Equal(noon) || task.StartedAt != nil || *task.Group != "service:hello" || *c.ExitCode != 3 || *c.Reason != "because" {
		t.Errorf("the task is %+v", task)
	}
	if f := out.Failures; len(f) != 1 || *f[0].Reason != "MISSING" {
		t.Errorf("what is not there: %+v", f)
	}
	definition, err := client.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: sdk.String("hello:2")})
	if err != nil {
		t.Fatal(err)
	}
	if d := definition.TaskDefinition; *d.TaskDefinitionArn != revisionARN || d.Revision != 2 || d.Status != "ACTIVE" ||
		d.ContainerDefinitions[0].LogConfiguration.Options["awslogs-group"] != "hello" {
		t.Errorf("the task definition is %+v", d)
	}
}

func TestTasksByThePage(t *testing.T) {
	w := newWorld(t)
	w.fill()
	const more = 249 // in addition to the existing one
	for i := range more {
		w.put(localecs.Task.Token, fmt.Sprintf("arn:aws:ecs%stask/dev/%04d", arns, i+1000),
			localecs.TaskSpec{ClusterARN: clusterARN, TaskDefinitionARN: revisionARN, Service: serviceARN}, localecs.TaskStatus{DesiredStatus: "STOPPED"})
	}
	client := ecs.NewFromConfig(w.config())
	for size, want := range map[int32][]int{0: {100, 100, 50}, 100: {100, 100, 50}, 99: {99, 99, 52}, 50: {50, 50, 50, 50, 50}} {
		in := &ecs.ListTasksInput{Cluster: sdk.String("dev"), DesiredStatus: ecstypes.DesiredStatusStopped}
		pages := ecs.NewListTasksPaginator(client, in, func(o *ecs.ListTasksPaginatorOptions) { o.Limit = size })
		var sizes []int
		listed := map[string]bool{}
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, len(page.TaskArns))
			for _, arn := range page.TaskArns {
				listed[arn] = true
			}
		}
		if !slices.Equal(sizes, want) || len(listed) != more+1 {
			t.Errorf("by %d: pages of %v, want %v; %d different tasks", size, sizes, want, len(listed))
		}
	}
	for _, in := range []*ecs.ListTasksInput{{MaxResults: sdk.Int32(0)}, {MaxResults: sdk.Int32(101)}, {NextToken: sdk.String("!")}} {
		in.Cluster = sdk.String("dev")
		if _, err := client.ListTasks(t.Context(), in); code(err) != "InvalidParameterException" {
			t.Errorf("%+v: %v", in, err)
		}
	}
}

func TestTargetHealth(t *testing.T) {
	w := newWorld(t)
	w.fill()
	out, err := elasticloadbalancingv2.NewFromConfig(w.config()).DescribeTargetHealth(t.Context(), &elasticloadbalancingv2.DescribeTargetHealthInput{
		TargetGroupArn: sdk.String(groupARN),
	})
	if err != nil {
		t.Fatal(err)
	}
	target := out.TargetHealthDescriptions[0]
	if h := target.TargetHealth; *target.Target.Id != "10.0.1.4" || *target.Target.Port != 80 || h.State != "unhealthy" || h.Reason != "Target.Timeout" || *h.Description != "Request timed out" {
		t.Errorf("the target is %+v, %+v", target.Target, h)
	}
}

func TestLogEvents(t *testing.T) {
	w := newWorld(t)
	w.fill()
	client := cloudwatchlogs.NewFromConfig(w.config())
	read := func(stream string, limit int32, head bool) (messages string, err error) {
		out, err := client.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: sdk.String("hello"), LogStreamName: &stream, Limit: &limit, StartFromHead: &head,
		})
		if err != nil {
			return "", err
		}
		for _, e := range out.Events {
			messages += *e.Message + " "
		}
		return messages, nil
	}
	if got, err := read("hello/main/0123", 2, false); got != "two three " || err != nil {
		t.Errorf("the last two: %q, %v", got, err)
	}
	if got, err := read("hello/main/0123", 2, true); got != "one two " || err != nil {
		t.Errorf("the first two: %q, %v", got, err)
	}
	if _, err := read("none", 2, true); code(err) != "ResourceNotFoundException" {
		t.Errorf("a stream that is not there: %v", err)
	}
}

func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// asked are the requests of a diagnosis, by the action that allows each.
func (w *world) asked(cfg sdk.Config) map[string]func(context.Context) error {
	ecsClient, lb, logs := ecs.NewFromConfig(cfg), elasticloadbalancingv2.NewFromConfig(cfg), cloudwatchlogs.NewFromConfig(cfg)
	return map[string]func(context.Context) error{
		"ecs:DescribeServices": func(ctx context.Context) error {
			_, err := ecsClient.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: sdk.String("dev"), Services: []string{"hello"}})
			return err
		},
		"ecs:ListTasks": func(ctx context.Context) error {
			_, err := ecsClient.ListTasks(ctx, &ecs.ListTasksInput{Cluster: sdk.String("dev")})
			return err
		},
		"ecs:DescribeTasks": func(ctx context.Context) error {
			_, err := ecsClient.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: sdk.String("dev"), Tasks: []string{taskARN}})
			return err
		},
		"ecs:DescribeTaskDefinition": func(ctx context.Context) error {
			_, err := ecsClient.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: sdk.String(revisionARN)})
			return err
		},
		"elasticloadbalancing:DescribeTargetHealth": func(ctx context.Context) error {
			_, err := lb.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: sdk.String(groupARN)})
			return err
		},
		"logs:GetLogEvents": func(ctx context.Context) error {
			_, err := logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: sdk.String("hello"), LogStreamName: sdk.String("hello/main/0123")})
			return err
		},
	}
}

// A role may do what its policies say, and each request is one of its actions.
func TestPermissions(t *testing.T) {
	w := newWorld(t)
	w.fill()
	n := 0
	for action := range w.asked(w.config()) {
		n++
		for other, ask := range w.asked(w.role(fmt.Sprintf("r%d", n), `"`+action+`"`)) {
			err := ask(t.Context())
			if action == other && err != nil {
				t.Errorf("%s is allowed, and refused: %v", other, err)
			}
			if action != other && (!strings.HasPrefix(code(err), "AccessDenied") || !strings.Contains(err.Error(), "is not authorized to perform: "+other)) {
				t.Errorf("%s alone is allowed; %s: %v", action, other, err)
			}
		}
	}
}

func TestWhoCalls(t *testing.T) {
	w := newWorld(t)
	who := func(cfg sdk.Config) string {
		t.Helper()
		out, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if err != nil {
			return code(err)
		}
		return *out.Arn
	}
	if got := who(w.config()); got != "arn:aws:iam::"+account+":root" {
		t.Errorf("without a role: %s", got)
	}
	deploy := w.role("deploy", `"sts:AssumeRole"`)
	if got := who(deploy); got != "arn:aws:sts::"+account+":assumed-role/deploy/me" {
		t.Errorf("with a role: %s", got)
	}

	// From there, another one.
	w.role("further", `"logs:*"`)
	chained := w.config()
	chained.Credentials = stscreds.NewAssumeRoleProvider(sts.NewFromConfig(deploy), "arn:aws:iam::"+account+":role/further",
		func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = "still-me" })
	if got := who(chained); got != "arn:aws:sts::"+account+":assumed-role/further/still-me" {
		t.Errorf("with a role of a role: %s", got)
	}

	unknown := w.config()
	unknown.Credentials = sdkcredentials.NewStaticCredentialsProvider("ASIALOCAL"+"FORGOTTEN11", "s", "t")
	if got := who(unknown); got != "InvalidClientTokenId" {
		t.Errorf("with credentials of before a restart: %s", got)
	}
}

func TestWebIdentity(t *testing.T) {
	const issuer, role = "https://token.actions.githubusercontent.com", "arn:aws:iam::" + account + ":role/job"
	w := newWorld(t)
	w.create("aws:iam/openIdConnectProvider:OpenIdConnectProvider", cloud.Map{"url": issuer, "clientIdLists": []any{"sts.amazonaws.com"}})
	w.create("aws:iam/role:Role", cloud.Map{"name": "job", "assumeRolePolicy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"Federated":"arn:aws:iam::` + account + `:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity",` +
		`"Condition":{"StringEquals":{"token.actions.githubusercontent.com:sub":"repo:o/a:environment:dev"}}}]}`})
	assume := func(subject string) (string, error) {
		token, err := w.tokens.Sign(oidc.Claims{Issuer: issuer, Subject: subject, Audience: []string{"sts.amazonaws.com"}, Expires: time.Now().Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		client := sts.NewFromConfig(sdk.Config{Region: region, BaseEndpoint: &w.url})
		out, err := client.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: sdk.String(role), RoleSessionName: sdk.String("run"), WebIdentityToken: &token,
		})
		if err != nil {
			return "", err
		}
		return *out.AssumedRoleUser.Arn, nil
	}
	if got, err := assume("repo:o/a:environment:dev"); got != "arn:aws:sts::"+account+":assumed-role/job/run" || err != nil {
		t.Errorf("the job is %s, %v", got, err)
	}
	if _, err := assume("repo:o/a:pull_request"); code(err) != "AccessDenied" {
		t.Errorf("a pull request: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	w.fill()
	client, lb, tokens, logs := ecs.NewFromConfig(w.config()), elasticloadbalancingv2.NewFromConfig(w.config()), sts.NewFromConfig(w.config()), cloudwatchlogs.NewFromConfig(w.config())
	for name, test := range map[string]struct {
		ask         func(context.Context) error
		code, words string
	}{
		"no such cluster": {func(ctx context.Context) error {
			_, err := client.DescribeServices(ctx, &ecs.DescribeServicesInput{Services: []string{"hello"}})
			return err
		}, "ClusterNotFoundException", "Cluster not found."},
		"no such service": {func(ctx context.Context) error {
			_, err := client.ListTasks(ctx, &ecs.ListTasksInput{Cluster: sdk.String("dev"), ServiceName: sdk.String("gone")})
			return err
		}, "ServiceNotFoundException", "Service not found."},
		"no such task definition": {func(ctx context.Context) error {
			_, err := client.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: sdk.String("gone")})
			return err
		}, "ClientException", "Unable to describe task definition."},
		"no such target group": {func(ctx context.Context) error {
			_, err := lb.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: sdk.String("gone")})
			return err
		}, "TargetGroupNotFound", "Target groups '[gone]' not found"},
		"no such log group": {func(ctx context.Context) error {
			_, err := logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: sdk.String("gone"), LogStreamName: sdk.String("s")})
			return err
		}, "ResourceNotFoundException", "The specified log group does not exist."},
		"operation of ECS": {func(ctx context.Context) error {
			_, err := client.ListClusters(ctx, &ecs.ListClustersInput{})
			return err
		}, "UnknownOperationException", "AmazonEC2ContainerServiceV20141113.ListClusters is not modelled"},
		"operation of STS": {func(ctx context.Context) error {
			_, err := tokens.GetSessionToken(ctx, &sts.GetSessionTokenInput{})
			return err
		}, "InvalidAction", "Action GetSessionToken of version 2011-06-15 is not modelled"},
		"parameter of ECS": {func(ctx context.Context) error {
			_, err := client.ListTasks(ctx, &ecs.ListTasksInput{Cluster: sdk.String("dev"), LaunchType: ecstypes.LaunchTypeFargate})
			return err
		}, "InvalidParameterException", `"launchType"`},
		"parameter of ELB": {func(ctx context.Context) error {
			_, err := lb.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: sdk.String(groupARN)})
			if err != nil {
				return err
			}
			_, err = tokens.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: sdk.String("r"), RoleSessionName: sdk.String("me"), Policy: sdk.String("{}")})
			return err
		}, "ValidationError", "Parameter Policy of AssumeRole is not modelled"},
		"no role's ARN": {func(ctx context.Context) error {
			_, err := tokens.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: sdk.String("deploy"), RoleSessionName: sdk.String("me")})
			return err
		}, "ValidationError", `"deploy" is not a role's ARN`},
	} {
		if err := test.ask(t.Context()); code(err) != test.code || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: got %v, want %s with %q", name, err, test.code, test.words)
		}
	}
}

func TestAddressHoldsToken(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"", "/", "/guess", "/token/more"} {
		req := httptest.NewRequest(http.MethodPost, "http://localhost"+path, strings.NewReader("Action=GetCallerIdentity&Version=2011-06-15"))
		answer := httptest.NewRecorder()
		(&api.Server{Store: w.cloud.Store, Token: "token"}).ServeHTTP(answer, req)
		if answer.Code != http.StatusNotFound {
			t.Errorf("at %q: %d", path, answer.Code)
		}
	}
}

func TestClusters(t *testing.T) {
	w := newWorld(t)
	w.create("aws:ecs/cluster:Cluster", cloud.Map{"name": "dev", "settings": []any{cloud.Map{"name": "containerInsights", "value": "enabled"}}})
	w.create("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders", cloud.Map{"clusterName": "dev", "capacityProviders": []any{"FARGATE"}})
	w.create("aws:ecs/cluster:Cluster", cloud.Map{"name": "bare"})
	client := ecs.NewFromConfig(w.config())
	out, err := client.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{
		Clusters: []string{"dev", "arn:aws:ecs" + arns + "cluster/bare", "gone"}, Include: []ecstypes.ClusterField{"SETTINGS"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range out.Clusters {
		got = append(got, fmt.Sprint(*c.ClusterName, *c.ClusterArn, *c.Status, c.CapacityProviders, *c.Settings[0].Value))
	}
	want := []string{
		fmt.Sprint("dev", "arn:aws:ecs"+arns+"cluster/dev", "ACTIVE", []string{"FARGATE"}, "enabled"),
		fmt.Sprint("bare", "arn:aws:ecs"+arns+"cluster/bare", "ACTIVE", []string{}, "disabled"),
	}
	if !slices.Equal(got, want) || len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" {
		t.Errorf("got %v and %+v, want %v", got, out.Failures, want)
	}
	_, err = client.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{Clusters: []string{"dev"}, Include: []ecstypes.ClusterField{"STATISTICS"}})
	if code(err) != "InvalidParameterException" {
		t.Errorf("statistics: %v", err)
	}
	_, err = ecs.NewFromConfig(w.role("reader", `"ecs:ListTasks"`)).DescribeClusters(t.Context(), &ecs.DescribeClustersInput{Clusters: []string{"dev"}})
	if code(err) != "AccessDeniedException" {
		t.Errorf("somebody who may not: %v", err)
	}
}
