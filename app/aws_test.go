package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// fakeAWS answers a task as AWS does: with its credentials, a bucket and its parameters.
func fakeAWS(t *testing.T, greeting *atomic.Pointer[string]) *awsClient {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /credentials", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"AccessKeyId":"ASIA1","SecretAccessKey":"secret","Token":"session","Expiration":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	})
	signed := func(service string, r *http.Request) {
		if a := r.Header.Get("Authorization"); !strings.HasPrefix(a, "AWS4-HMAC-SHA256 Credential=ASIA1/") || !strings.Contains(a, "/eu-central-1/"+service+"/aws4_request") ||
			r.Header.Get("X-Amz-Security-Token") != "session" {
			t.Errorf("a request for %s is signed by %q", service, a)
		}
	}
	mux.HandleFunc("GET /aws/{bucket}", func(w http.ResponseWriter, r *http.Request) {
		signed("s3", r)
		if r.PathValue("bucket") != "reports" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>User: x is not authorized</Message></Error>`)
			return
		}
		_, _ = io.WriteString(w, "<ListBucketResult></ListBucketResult>")
	})
	mux.HandleFunc("POST /aws/", func(w http.ResponseWriter, r *http.Request) {
		signed("ssm", r)
		var asked struct {
			Path      string
			Recursive bool
			NextToken string
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParametersByPath" || !asked.Recursive {
			t.Errorf("asked for %+v, %v", asked, err)
		}
		switch {
		case asked.Path != "/app":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"com.amazonaws#AccessDeniedException","Message":"no"}`)
		case asked.NextToken == "":
			_, _ = io.WriteString(w, `{"Parameters":[{"Name":"/app/deep/limit","Value":"3"}],"NextToken":"2"}`)
		default:
			fmt.Fprintf(w, `{"Parameters":[{"Name":"/app/greeting","Value":%q}]}`, *greeting.Load())
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	environment := map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": server.URL + "/aws/", "AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL + "/credentials",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN": "token",
	}
	return newAWSClient(func(name string) string { return environment[name] })
}

func TestBucketCheck(t *testing.T) {
	client := fakeAWS(t, nil)
	if err := (bucketCheck{"reports", "reports", client}).Check(t.Context()); err != nil {
		t.Error(err)
	}
	err := (bucketCheck{"reports", "invoices", client}).Check(t.Context())
	if err == nil || err.Error() != "AccessDenied: User: x is not authorized" {
		t.Errorf("a refusal is told as %v", err)
	}
	outside := newAWSClient(func(string) string { return "" })
	if err := outside.listBucket(t.Context(), "reports"); err == nil || !strings.Contains(err.Error(), errNoCredentials.Error()) {
		t.Errorf("outside a task: %v", err)
	}
}

// The greeting changes while the service runs, and stays if its parameters cannot be read.
func TestWatch(t *testing.T) {
	var greeting atomic.Pointer[string]
	say := func(text string) { greeting.Store(&text) }
	say("good morning")
	client, s := fakeAWS(t, &greeting), newSettings([]watched{{"/app", time.Millisecond}, {"/other", time.Hour}})
	values, err := client.parameters(t.Context(), "/app")
	if err != nil || values["greeting"] != "good morning" || values["deep/limit"] != "3" {
		t.Fatalf("%v, %v", values, err)
	}
	if _, err := client.parameters(t.Context(), "/other"); err == nil || err.Error() != "AccessDeniedException: no" {
		t.Errorf("a refusal is told as %v", err)
	}
	if s.greeting("hello") != "hello" {
		t.Error("without parameters there is no fallback")
	}
	ctx, cancel := context.WithCancel(t.Context())
	read := make(chan struct{}, 100)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.watch(ctx, func(ctx context.Context, path string) (map[string]string, error) {
			values, err := client.parameters(ctx, path)
			if path == "/app" {
				defer func() {
					select {
					case read <- struct{}{}:
					default:
					}
				}()
			}
			return values, err
		}, slog.New(slog.DiscardHandler))
	}()
	for _, want := range []string{"good morning", "good night"} {
		say(want)
		for s.greeting("") != want {
			<-read
		}
	}
	cancel()
	<-ended
	if s.greeting("") != "good night" {
		t.Error("the last settings do not stay")
	}
}
