package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// awsClient calls AWS as the task's role. It uses the SDK's signatures without its clients of whole services, which would
// make the image several times as large for a few calls; a service with more calls is better off with those.
type awsClient struct {
	region, endpoint string // the endpoint is empty for AWS's own
	credentials      aws.CredentialsProvider
	signer           *v4.Signer
	http             *http.Client
}

// errNoCredentials says that the service does not run as a task with a role.
var errNoCredentials = errors.New("no credentials: outside a task of Amazon ECS there is no role")

// newAWSClient returns a client for the task that the environment describes. It calls nothing.
func newAWSClient(getenv func(string) string) *awsClient {
	c := &awsClient{
		region: getenv("AWS_REGION"), endpoint: strings.TrimSuffix(getenv("AWS_ENDPOINT_URL"), "/"), signer: v4.NewSigner(),
		// A connection for each call: they are far apart.
		http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}},
	}
	// "Container credential provider" in the AWS SDKs and Tools Reference Guide.
	from := getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if path := getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); path != "" {
		from = "http://169.254.170.2" + path
	}
	if from == "" {
		c.credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errNoCredentials })
		return c
	}
	token := getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")
	c.credentials = aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		return c.roleCredentials(ctx, from, token)
	}), func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = 5 * time.Minute })
	return c
}

// roleCredentials gets the credentials of the task's role.
func (c *awsClient) roleCredentials(ctx context.Context, from, token string) (aws.Credentials, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, http.NoBody)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("get credentials: %w", err)
	}
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	transport := &http.Transport{DisableKeepAlives: true} // and no proxy: the endpoint is the task's own
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("get credentials: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	var said struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string
		Expiration      time.Time
	}
	if resp.StatusCode != http.StatusOK {
		return aws.Credentials{}, fmt.Errorf("get credentials: answered %d", resp.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&said); err != nil {
		return aws.Credentials{}, fmt.Errorf("get credentials: %w", err)
	}
	return aws.Credentials{
		AccessKeyID: said.AccessKeyID, SecretAccessKey: said.SecretAccessKey, SessionToken: said.Token, CanExpire: true, Expires: said.Expiration,
	}, nil
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// do sends a signed request and returns the body of a successful answer.
func (c *awsClient) do(ctx context.Context, service, method, path string, header http.Header, body []byte) ([]byte, error) {
	base := c.endpoint
	if base == "" {
		base = fmt.Sprintf("https://%s.%s.amazonaws.com", service, c.region)
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	credentials, err := c.credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	err = c.signer.SignHTTP(ctx, credentials, req, hash, service, c.region, time.Now(), func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = service == "s3"
	})
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, refusal(resp.StatusCode, answer)
	}
	return answer, nil
}

// maxMessage is more than AWS's errors have, with two names of resources in them.
const maxMessage = 4 << 10

// refusal is AWS's error in an answer, in XML from S3 and in JSON from others.
func refusal(status int, body []byte) error {
	var said struct {
		Code, Message string
		Type          string `json:"__type" xml:"-"`
	}
	if xml.Unmarshal(body, &said) != nil && json.Unmarshal(body, &said) != nil || said.Code+said.Type == "" {
		return fmt.Errorf("answered %d", status)
	}
	code := said.Code + said.Type[strings.LastIndex(said.Type, "#")+1:]
	return fmt.Errorf("%s: %s", code, said.Message[:min(len(said.Message), maxMessage)])
}

// listBucket finds out whether the bucket's objects can be listed.
func (c *awsClient) listBucket(ctx context.Context, bucket string) error {
	_, err := c.do(ctx, "s3", http.MethodGet, "/"+url.PathEscape(bucket)+"?list-type=2&max-keys=1", nil, nil)
	return err
}

// parameters returns the values of the parameters below a path, by the rest of their names.
func (c *awsClient) parameters(ctx context.Context, path string) (map[string]string, error) {
	values := map[string]string{}
	next := ""
	for {
		body, err := json.Marshal(struct {
			Path                      string
			Recursive, WithDecryption bool
			NextToken                 string `json:",omitempty"`
		}{path, true, true, next})
		if err != nil {
			return nil, err
		}
		answer, err := c.do(ctx, "ssm", http.MethodPost, "/", http.Header{
			"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"AmazonSSM.GetParametersByPath"},
		}, body)
		if err != nil {
			return nil, err
		}
		var page struct {
			Parameters []struct{ Name, Value string }
			NextToken  string
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			return nil, err
		}
		for _, p := range page.Parameters {
			values[strings.TrimPrefix(p.Name, path+"/")] = p.Value
		}
		if next = page.NextToken; next == "" {
			return values, nil
		}
	}
}
