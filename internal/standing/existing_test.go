package standing

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"slipway/internal/awsconfig"
	"slipway/spec"
)

// answering returns the settings of a provider that talks to a fake, which has one answer. An answer with an error code is a refusal.
func answering(t *testing.T, answer string) (awsconfig.Options, *string) {
	t.Helper()
	asked := new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*asked = r.Header.Get("X-Amz-Target") + " " + string(body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if strings.Contains(answer, "__type") {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	return awsconfig.Options{
		"region": "eu-central-1", "accessKey": "key", "secretKey": "secret", "endpoints": fmt.Sprintf(`[{"acm":%[1]q,"ecs":%[1]q}]`, server.URL),
	}, asked
}

func TestCertificate(t *testing.T) {
	t.Parallel()
	options, asked := answering(t, `{"Certificate": {"Status": "ISSUED", "SubjectAlternativeNames": ["example.com", "*.example.com"]}}`)
	got, err := Certificate(t.Context(), options, "arn:1")
	if want := (spec.FoundCertificate{Status: "ISSUED", Names: []string{"example.com", "*.example.com"}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
	if want := `CertificateManager.DescribeCertificate {"CertificateArn":"arn:1"}`; *asked != want {
		t.Errorf("asked %s, want %s", *asked, want)
	}
	options, _ = answering(t, `{"__type": "ResourceNotFoundException", "message": "Could not find certificate arn:1."}`)
	_, err = Certificate(t.Context(), options, "arn:1")
	if err == nil || !strings.HasPrefix(err.Error(), "look up the certificate in the stack's region; is it there?: ") || !strings.Contains(err.Error(), "Could not find certificate arn:1") {
		t.Errorf("a certificate that is not there: %v", err)
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	const cluster = `{"clusters": [{"clusterName": "main", "clusterArn": "arn:main", "status": "ACTIVE", "capacityProviders": ["FARGATE"],
		"settings": [{"name": "containerInsights", "value": "%s"}]}], "failures": []}`
	for value, insights := range map[string]bool{"enabled": true, "enhanced": true, "disabled": false} {
		options, asked := answering(t, fmt.Sprintf(cluster, value))
		got, err := Cluster(t.Context(), options, "main")
		want := spec.FoundCluster{Name: "main", ARN: "arn:main", Status: "ACTIVE", CapacityProviders: []string{"FARGATE"}, Insights: insights}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v (%v), want %+v", got, err, want)
		}
		if want := `AmazonEC2ContainerServiceV20141113.DescribeClusters {"clusters":["main"],"include":["SETTINGS"]}`; *asked != want {
			t.Errorf("asked %s, want %s", *asked, want)
		}
	}
	for answer, want := range map[string]string{
		`{"clusters": [], "failures": [{"arn": "arn:main", "reason": "MISSING"}]}`: "there is no such cluster in the stack's region; use the name",
		`{"__type": "AccessDeniedException", "message": "User is not authorized"}`: "look up the cluster; may the caller do that?: ",
	} {
		options, _ := answering(t, answer)
		if _, err := Cluster(t.Context(), options, "main"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", answer, err, want)
		}
	}
}
