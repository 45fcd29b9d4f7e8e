package awsconfig

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// isolate keeps the user's own AWS configuration out of a test.
func isolate(t *testing.T) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

func write(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tokenService is a security token service whose keys name the role and its caller.
func tokenService(t *testing.T) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asker := r.FormValue("WebIdentityToken")
		if asker == "" {
			_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
			asker, _, _ = strings.Cut(credential, "/")
		}
		key := fmt.Sprintf("%s as %s %s for %s", asker, r.FormValue("RoleArn"), r.FormValue("RoleSessionName"), r.FormValue("ExternalId"))
		_, _ = fmt.Fprintf(w, `<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><Credentials>`+
			`<AccessKeyId>%[2]s</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>`+
			`<Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></%[1]sResult></%[1]sResponse>`, r.FormValue("Action"), key)
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
}

func TestOptions(t *testing.T) {
	const keys = "[%s]\naws_access_key_id = %s\naws_secret_access_key = s\n"
	for name, test := range map[string]struct {
		options Options
		env     map[string]string
		want    string
	}{
		"environment": {nil, map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "env", "AWS_SECRET_ACCESS_KEY": "s"}, "env in eu-west-1"},
		"keys": {
			Options{"region": "eu-central-1", "accessKey": "own", "secretKey": "s"},
			map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "env", "AWS_SECRET_ACCESS_KEY": "s"},
			"own in eu-central-1",
		},
		"profile": {Options{
			"region": "eu-central-1", "profile": "mine", "sharedCredentialsFiles": `["` + write(t, fmt.Sprintf(keys, "mine", "shared")) + `"]`,
		}, nil, "shared in eu-central-1"},
		"role": {
			Options{"region": "eu-central-1", "accessKey": "own", "secretKey": "s", "assumeRole": `{"roleArn":"r","sessionName":"me","externalId":"x"}`},
			nil, "own as r me for x in eu-central-1",
		},
		"web identity": {
			Options{"region": "eu-central-1", "assumeRoleWithWebIdentity": `{"roleArn":"r","sessionName":"job","webIdentityTokenFile":"` + write(t, "token") + `"}`},
			nil, "token as r job for  in eu-central-1",
		},
		"web identity, then role": {Options{
			"region": "eu-central-1", "assumeRoleWithWebIdentity": `{"roleArn":"r","sessionName":"job","webIdentityToken":"token"}`,
			"assumeRole": `{"roleArn":"s","sessionName":"me","duration":"20m","tags":{"a":"b"}}`,
		}, nil, "token as r job for  as s me for  in eu-central-1"},
	} {
		t.Run(name, func(t *testing.T) {
			isolate(t)
			tokenService(t)
			for key, value := range test.env {
				t.Setenv(key, value)
			}
			cfg, err := test.options.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			credentials, err := cfg.Credentials.Retrieve(t.Context())
			if got := credentials.AccessKeyID + " in " + cfg.Region; err != nil || got != test.want {
				t.Errorf("got %s, %v; want %s", got, err, test.want)
			}
		})
	}
}

func TestOptionsRefused(t *testing.T) {
	isolate(t)
	const secret = "not-to-be-seen"
	for want, options := range map[string]Options{
		"aws:assumeRole is not understood":        {"assumeRole": `{"roleArn":["` + secret + `"]}`},
		"aws:sharedConfigFiles is not understood": {"sharedConfigFiles": secret},
		"aws:assumeRole.duration":                 {"assumeRole": `{"roleArn":"r","duration":"an hour"}`},
		"aws:endpoints is not understood":         {"endpoints": secret},
		"failed to get shared":                    {"profile": "nobody"},
		"failed to refresh cached credentials":    {"region": "eu-central-1"},
	} {
		_, err := options.Load(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%v: got %v, want %q", options, err, want)
		}
	}
}

func TestEndpoints(t *testing.T) {
	options := Options{"endpoints": `[{"elbv2":"http://localhost:1"},{"acm":"http://localhost:2","logs":""}]`}
	for service, want := range map[string]string{"elbv2": "http://localhost:1", "acm": "http://localhost:2", "logs": "", "ecs": ""} {
		got := ""
		if endpoint := options.Endpoint(service); endpoint != nil {
			got = *endpoint
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", service, got, want)
		}
	}
}

func TestIgnoredOptions(t *testing.T) {
	options := Options{"region": "eu-central-1", "endpoints": `[{"ecs":"http://localhost"}]`, "defaultTags": "{}", "httpsProxy": "http://proxy", "noProxy": "x"}
	if got, want := options.Ignored(), []string{"httpsProxy", "noProxy"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
