package taskapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/s3"
	"slipway/localcloud/cloud"
	"slipway/localcloud/registry"
	"slipway/localcloud/services"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const roleARN = "arn:aws:iam::000000000000:role/task"

// client is a task of the default stack.
type client struct {
	t           *testing.T
	cloud       *awstest.Tester
	made        map[string]*cloud.Resource
	services    *services.Services
	endpoint    *ecs.TaskEndpoint
	id          string
	credentials aws.Credentials
	change      func(*http.Request) // after it is signed
}

func newClient(t *testing.T) *client {
	t.Helper()
	tester, made := awstest.DefaultStack(t, nil)
	images, err := registry.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, cloud: tester, made: made, services: services.New(services.Options{Store: tester.Store, Images: images}), change: func(*http.Request) {}}
	server := httptest.NewServer(c.services.Tasks)
	t.Cleanup(server.Close)
	c.services.Tasks.URL = server.URL
	var task *cloud.Resource
	var revision *ecs.Revision
	if err := tester.Store.Update(func(tx *cloud.Tx) (err error) {
		if revision, err = ecs.FindRevision(tx, awstest.Here.Scope, made[ecs.TaskDefinitionToken].ID); err != nil {
			return err
		}
		task, err = ecs.AddTask(tx, awstest.Here.Scope, ecs.TaskSpec{ClusterARN: made[ecs.ClusterToken].ID, TaskDefinitionARN: revision.ARN, Service: made[ecs.ServiceToken].ID})
		if err != nil {
			return err
		}
		_, err = ec2.AddInterface(tx, awstest.Here.Scope, ec2.Interface{SubnetID: made[ec2.SubnetToken].ID, Owner: task.ID}, true)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	c.services.Tasks.Egress = func(*cloud.Tx, cloud.Scope, *ec2.Interface, int) error { return nil }
	revision.TaskRoleARN = roleARN
	c.endpoint, c.id = c.services.Tasks.Open(task.Key, revision), ecs.TaskID(task.ID)
	t.Cleanup(c.endpoint.Close)
	return c
}

// get sends a request that is not signed.
func (c *client) get(path, authorization string) (int, string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.endpoint.URL+path, http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	return answer(c.t, req)
}

func answer(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// authenticate takes the role's credentials, as an SDK does.
func (c *client) authenticate() {
	c.t.Helper()
	status, body := c.get(c.endpoint.CredentialsPath, c.endpoint.Authorization)
	var said struct {
		RoleArn, AccessKeyId, SecretAccessKey, Token string //nolint:revive // AWS's names
		Expiration                                   time.Time
	}
	if err := json.Unmarshal([]byte(body), &said); err != nil || status != http.StatusOK || said.RoleArn != roleARN || time.Until(said.Expiration) < 5*time.Hour {
		c.t.Fatalf("credentials: %d %s", status, body)
	}
	c.credentials = aws.Credentials{AccessKeyID: said.AccessKeyId, SecretAccessKey: said.SecretAccessKey, SessionToken: said.Token}
}

// request returns a signed request.
func (c *client) request(ctx context.Context, service, method, path string, header map[string]string, body string) *http.Request {
	c.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, c.endpoint.URL+ecs.APIPath+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	if given := header["X-Amz-Content-Sha256"]; given != "" {
		hash = given
	}
	if service == "s3" {
		req.Header.Set("X-Amz-Content-Sha256", hash)
	}
	err = v4.NewSigner().SignHTTP(ctx, c.credentials, req, hash, service, "eu-central-1", time.Now(), func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = service == "s3"
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.change(req)
	return req
}

func (c *client) call(service, method, path string, header map[string]string, body string) (int, string) {
	c.t.Helper()
	return answer(c.t, c.request(c.t.Context(), service, method, path, header, body))
}

// want calls and expects a status and words.
func (c *client) want(service, method, path, body string, status int, words ...string) {
	c.t.Helper()
	header := map[string]string{}
	if service == "ssm" {
		header["X-Amz-Target"] = "AmazonSSM." + strings.TrimPrefix(path, "/")
		path = "/"
	}
	got, said := c.call(service, method, path, header, body)
	said = strings.ReplaceAll(said, "&#34;", `"`)
	for _, w := range words {
		if !strings.Contains(said, w) {
			c.t.Errorf("%s %s%s: %d %s\nwant %q", method, service, path, got, said, w)
		}
	}
	if got != status {
		c.t.Errorf("%s %s%s: %d %s\nwant %d", method, service, path, got, said, status)
	}
}

// allow gives the task's role a policy.
func (c *client) allow(statements string) {
	c.cloud.Make(iam.RolePolicyToken, cloud.Map{"namePrefix": "more-", "role": "task", "policy": `{"Version":"2012-10-17","Statement":[` + statements + `]}`})
}

func TestCredentialsWantTheToken(t *testing.T) {
	c := newClient(t)
	for _, authorization := range []string{"", "Bearer x", c.endpoint.Authorization + "x"} {
		if status, _ := c.get(c.endpoint.CredentialsPath, authorization); status != http.StatusUnauthorized {
			t.Errorf("with %q: %d", authorization, status)
		}
	}
	c.authenticate()
	c.want("sts", http.MethodPost, "/", "Action=GetCallerIdentity&Version=2011-06-15", http.StatusOK,
		"<Arn>arn:aws:sts::000000000000:assumed-role/task/"+c.id+"</Arn>", "<Account>000000000000</Account>")
	c.endpoint.Close()
	if status, _ := c.get(c.endpoint.CredentialsPath, c.endpoint.Authorization); status != http.StatusNotFound {
		t.Errorf("after the task's end: %d", status)
	}
}

// Only who has the credentials can call, and only what is signed counts.
func TestSignatures(t *testing.T) {
	c := newClient(t)
	c.authenticate()
	for want, change := range map[string]func(*http.Request){
		"<Code>MissingAuthenticationToken</Code>":                          func(r *http.Request) { r.Header.Del("Authorization") },
		"<Code>InvalidClientTokenId</Code>":                                func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") },
		"<Code>SignatureDoesNotMatch</Code><Message>The request signature": func(r *http.Request) { r.URL.Path += "x" },
		"<Code>SignatureDoesNotMatch</Code><Message>Signature expired": func(r *http.Request) {
			r.Header.Set("X-Amz-Date", time.Now().Add(-time.Hour).UTC().Format("20060102T150405Z"))
		},
		"<Code>IncompleteSignature</Code>": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Signature=", "Signature=x", 1))
		},
	} {
		c.change = change
		path := "/slipway-state/a"
		if strings.Contains(want, "MissingAuthenticationToken") { // of no service then
			path = "/"
		}
		status, said := c.call("s3", http.MethodGet, path, nil, "")
		if path == "/" {
			want = "MissingAuthenticationToken"
			req := c.request(t.Context(), "ssm", http.MethodPost, "/", map[string]string{"X-Amz-Target": "AmazonSSM.GetParameter"}, `{"Name":"a"}`)
			status, said = answer(t, req)
		}
		if status < http.StatusBadRequest || !strings.Contains(said, want) {
			t.Errorf("%d %s\nwant %s", status, said, want)
		}
	}
	c.change = func(*http.Request) {}
	c.credentials.AccessKeyID = "AKIAIOSFODNN7EXAMPLE" // whose root it would be outside a task
	c.want("sts", http.MethodPost, "/", "Action=GetCallerIdentity&Version=2011-06-15", http.StatusForbidden, "InvalidClientTokenId")
}

// A task may do with objects what its role's policies or the bucket's own allow, and is refused in AWS's words.
func TestObjects(t *testing.T) {
	c := newClient(t)
	c.authenticate()
	c.cloud.Make(s3.BucketToken, cloud.Map{"bucket": "reports"})
	who := "User: arn:aws:sts::000000000000:assumed-role/task/" + c.id + " is not authorized to perform: "
	c.want("s3", http.MethodGet, "/reports/a.txt", "", http.StatusForbidden, "<Code>AccessDenied</Code>",
		who+`s3:GetObject on resource: "arn:aws:s3:::reports/a.txt" because no identity-based policy allows the s3:GetObject action`)
	c.allow(`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","s3:DeleteObject"],"Resource":["arn:aws:s3:::reports/*"]}`)
	c.want("s3", http.MethodPut, "/reports/2026/a%20b.txt", "hello", http.StatusOK)
	c.want("s3", http.MethodGet, "/reports/2026/a%20b.txt", "", http.StatusOK, "hello")
	c.want("s3", http.MethodGet, "/reports/none", "", http.StatusForbidden, who+`s3:ListBucket on resource: "arn:aws:s3:::reports"`) // not told that it is not there
	c.want("s3", http.MethodGet, "/reports?list-type=2&max-keys=1", "", http.StatusForbidden, who+"s3:ListBucket")
	c.allow(`{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}`)
	c.want("s3", http.MethodGet, "/reports/none", "", http.StatusNotFound, "<Code>NoSuchKey</Code>")
	c.want("s3", http.MethodGet, "/nowhere?list-type=2", "", http.StatusNotFound, "<Code>NoSuchBucket</Code>")
	c.want("s3", http.MethodPut, "/reports/"+strings.Repeat("k", 1025), "", http.StatusBadRequest, "<Code>KeyTooLongError</Code>")
	c.want("s3", http.MethodPut, "/reports/b.txt", "", http.StatusOK)
	c.want("s3", http.MethodGet, "/reports?list-type=2&delimiter=%2F", "", http.StatusOK, "<KeyCount>2</KeyCount>", "<Prefix>2026/</Prefix>", "<Key>b.txt</Key>")
	c.want("s3", http.MethodGet, "/reports?list-type=2&max-keys=1", "", http.StatusOK, "<IsTruncated>true</IsTruncated>", "<NextContinuationToken>")
	c.want("s3", http.MethodGet, "/reports?list-type=2&max-keys=x", "", http.StatusBadRequest, "<Code>InvalidArgument</Code>")
	c.want("s3", http.MethodGet, "/reports?acl", "", http.StatusNotImplemented, "<Code>NotImplemented</Code>")
	c.want("s3", http.MethodDelete, "/reports/b.txt", "", http.StatusNoContent)
	c.want("s3", http.MethodGet, "/reports?list-type=2&prefix=b", "", http.StatusOK, "<KeyCount>0</KeyCount>")

	// The bucket's own policy refuses what the role's allow, and allows what they do not.
	c.cloud.Make(s3.BucketPolicyToken, cloud.Map{"bucket": "reports", "policy": `{"Version":"2012-10-17","Statement":[
		{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/2026/*"}]}`})
	c.want("s3", http.MethodGet, "/reports/2026/a%20b.txt", "", http.StatusForbidden, "with an explicit deny in a resource-based policy")
	c.cloud.Make(s3.BucketToken, cloud.Map{"bucket": "inbox"})
	c.want("s3", http.MethodPut, "/inbox/a", "", http.StatusForbidden, who+"s3:PutObject")
	c.cloud.Make(s3.BucketPolicyToken, cloud.Map{"bucket": "inbox", "policy": `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"` + roleARN + `"},"Action":"s3:PutObject","Resource":["arn:aws:s3:::inbox/*"]}]}`})
	c.want("s3", http.MethodPut, "/inbox/a", "", http.StatusOK)
}

// The AWS SDKs send objects over TLS in chunks that are not signed, with a checksum after them. Only the content is kept.
func TestObjectsInChunks(t *testing.T) {
	c := newClient(t)
	c.authenticate()
	c.cloud.Make(s3.BucketToken, cloud.Map{"bucket": "reports"})
	c.allow(`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`)
	const unsigned = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	const sum = "x-amz-checksum-crc32:DUoRhQ==\r\n\r\n" // of "hello world"
	for _, tt := range []struct {
		name, sha256, encoding, length, body string
		status                               int
		want                                 string // the object, or a part of the refusal
		kept                                 string // the encoding that the object has
	}{
		{"one chunk", unsigned, "aws-chunked", "11", "b\r\nhello world\r\n0\r\n" + sum, http.StatusOK, "hello world", ""},
		{"two chunks", unsigned, "aws-chunked", "11", "6\r\nhello \r\n5\r\nworld\r\n0\r\n" + sum, http.StatusOK, "hello world", ""},
		{"nothing", unsigned, "aws-chunked", "0", "0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", http.StatusOK, "", ""},
		{"no trailer", unsigned, "aws-chunked", "2", "2\r\nhi\r\n0\r\n\r\n", http.StatusOK, "hi", ""},
		{"another encoding", unsigned, "aws-chunked,br", "2", "2\r\nhi\r\n0\r\n\r\n", http.StatusOK, "hi", "br"},
		{"no chunks", "UNSIGNED-PAYLOAD", "br", "", "hi", http.StatusOK, "hi", "br"},
		{"other length", unsigned, "aws-chunked", "12", "b\r\nhello world\r\n0\r\n" + sum, http.StatusBadRequest, "<Code>IncompleteBody</Code>", ""},
		{"no length", unsigned, "aws-chunked", "", "b\r\nhello world\r\n0\r\n" + sum, http.StatusLengthRequired, "<Code>MissingContentLength</Code>", ""},
		{"cut off in a chunk", unsigned, "aws-chunked", "11", "b\r\nhello", http.StatusBadRequest, "<Code>IncompleteBody</Code>", ""},
		{"cut off before the last chunk", unsigned, "aws-chunked", "11", "b\r\nhello world\r\n", http.StatusBadRequest, "<Code>IncompleteBody</Code>", ""},
		{"cut off in the trailer", unsigned, "aws-chunked", "11", "b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n", http.StatusBadRequest, "<Code>MalformedTrailerError</Code>", ""},
		{"signed", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "aws-chunked", "2", "", http.StatusNotImplemented, "signed chunks", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.t = t
			header := map[string]string{"X-Amz-Content-Sha256": tt.sha256, "Content-Encoding": tt.encoding, "X-Amz-Trailer": "x-amz-checksum-crc32"}
			if tt.length != "" {
				header["X-Amz-Decoded-Content-Length"] = tt.length
			}
			status, said := c.call("s3", http.MethodPut, "/reports/"+strings.ReplaceAll(tt.name, " ", "-"), header, tt.body)
			if status != tt.status {
				t.Fatalf("%d %s, want %d", status, said, tt.status)
			}
			if status != http.StatusOK {
				if !strings.Contains(said, tt.want) {
					t.Errorf("%s\nwant %s", said, tt.want)
				}
				return
			}
			req := c.request(t.Context(), "s3", http.MethodGet, "/reports/"+strings.ReplaceAll(tt.name, " ", "-"), nil, "")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			content, err := io.ReadAll(resp.Body)
			if err != nil || string(content) != tt.want || resp.Header.Get("Content-Encoding") != tt.kept {
				t.Errorf("%q with the encoding %q, %v; want %q with %q", content, resp.Header.Get("Content-Encoding"), err, tt.want, tt.kept)
			}
		})
	}
}

func TestParameters(t *testing.T) {
	c := newClient(t)
	c.authenticate()
	c.want("ssm", http.MethodPost, "/GetParametersByPath", `{"Path":"/app","WithDecryption":true}`, http.StatusBadRequest, "AccessDeniedException",
		"is not authorized to perform: ssm:GetParametersByPath on resource: arn:aws:ssm:eu-central-1:000000000000:parameter/app because no identity-based policy allows")
	c.allow(`{"Effect":"Allow","Action":"ssm:Get*","Resource":"arn:aws:ssm:eu-central-1:*:parameter/app*"}`)
	c.cloud.Make("aws:ssm/parameter:Parameter", cloud.Map{"name": "/app/deep/secret", "type": "SecureString", "value": "hush"})
	c.want("ssm", http.MethodPost, "/GetParametersByPath", `{"Path":"/app"}`, http.StatusOK, `"Parameters":[{"ARN":"arn:aws:ssm:eu-central-1:000000000000:parameter/app/flag"`, `"Value":"on","Version":1}]}`)
	c.want("ssm", http.MethodPost, "/GetParametersByPath", `{"Path":"/app/","Recursive":true,"WithDecryption":true}`, http.StatusOK, `"Value":"hush"`, `"Value":"on"`)
	c.want("ssm", http.MethodPost, "/GetParametersByPath", `{"Path":"/app","NextToken":"%"}`, http.StatusBadRequest, "InvalidNextToken")
	c.want("ssm", http.MethodPost, "/GetParametersByPath", `{"Path":"app"}`, http.StatusBadRequest, "ValidationException")
	c.want("ssm", http.MethodPost, "/GetParameters", `{"Names":["/app/flag","/app/none"]}`, http.StatusOK, `"InvalidParameters":["/app/none"]`, `"Value":"on"`)
	c.want("ssm", http.MethodPost, "/GetParameters", `{"Names":[]}`, http.StatusBadRequest, "ValidationException")
	c.want("ssm", http.MethodPost, "/GetParameter", `{"Name":"/app/none"}`, http.StatusBadRequest, "ParameterNotFound")
	if _, said := c.call("ssm", http.MethodPost, "/", map[string]string{"X-Amz-Target": "AmazonSSM.GetParameter"}, `{"Name":"/app/deep/secret"}`); strings.Contains(said, "hush") {
		t.Errorf("a secret is readable without decryption: %s", said)
	}
}

// What a task cannot reach does not answer.
func TestUnreachable(t *testing.T) {
	c := newClient(t)
	c.authenticate()
	c.services.Tasks.Egress = func(*cloud.Tx, cloud.Scope, *ec2.Interface, int) error { return errors.New("no route") }
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	resp, err := http.DefaultClient.Do(c.request(ctx, "sts", http.MethodPost, "/", nil, "Action=GetCallerIdentity&Version=2011-06-15"))
	if err == nil {
		_ = resp.Body.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it is answered: %v", err)
	}
}

func TestMetadata(t *testing.T) {
	c := newClient(t)
	environment := c.endpoint.Environment("main", false)
	path := strings.TrimPrefix(environment["ECS_CONTAINER_METADATA_URI_V4"], c.endpoint.URL)
	if status, said := c.get(path, ""); status != http.StatusOK || !strings.Contains(said, `"Name":"main"`) || !strings.Contains(said, `"NetworkMode":"awsvpc","IPv4Addresses":["10.0.`) {
		t.Errorf("the container: %d %s", status, said)
	}
	status, said := c.get(path+"/task", "")
	for _, want := range []string{
		`"TaskARN":"arn:aws:ecs:eu-central-1:000000000000:task/main/` + c.id + `"`, `"Revision":"1"`, `"ServiceName":"hello"`, `"LaunchType":"FARGATE"`,
		`"KnownStatus":"PROVISIONING"`, `"Limits":{"CPU":0.25,"Memory":512}`, `"AvailabilityZone":"eu-central-1`,
	} {
		if status != http.StatusOK || !strings.Contains(said, want) {
			t.Errorf("the task: %d %s\nwant %s", status, said, want)
		}
	}
	if status, _ := c.get(strings.TrimSuffix(path, "main")+"none", ""); status != http.StatusNotFound {
		t.Errorf("of a container that is not there: %d", status)
	}
	if got := c.endpoint.Environment("main", true)["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]; got != c.endpoint.CredentialsPath {
		t.Errorf("in a VPC the credentials are at %q", got)
	}
}
