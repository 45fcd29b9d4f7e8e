package images_test

import (
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/aws/ecr/images"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/ecs/scheduler/schedulertest"
	"slipway/localcloud/cloud"
	"slipway/localcloud/registry"
	"slipway/localcloud/schema"

	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// pusher serves a registry and returns it with a function that pushes a new image under a reference and returns its digest.
func pusher(t *testing.T) (*registry.Registry, func(reference string) (string, error)) {
	t.Helper()
	r, err := registry.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return r, func(reference string) (string, error) {
		img, err := random.Image(1000, 2)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := registry.Locate(server.Listener.Addr().String(), reference)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := img.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return digest.String(), remote.Write(ref, img, remote.WithContext(t.Context()))
	}
}

func TestECRImages(t *testing.T) {
	r, try := pusher(t)
	const repository = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/hello"
	push := func(tag string) string {
		digest, err := try(repository + ":" + tag)
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	first, second := push("v1"), push("v2")

	held, ok := images.Images{r}.Images(repository)
	if !ok || len(held) != 2 || held[0].Digest != first || held[1].Digest != second || !slices.Equal(held[1].Tags, []string{"v2"}) {
		t.Fatalf("images %+v, %v; want %s and then %s", held, ok, first, second)
	}
	if held[0].Size < 2000 || held[0].Size > 5000 {
		t.Errorf("two layers of 1000 bytes have %d bytes", held[0].Size)
	}
	if others, ok := (images.Images{r}).Images("000000000000.dkr.ecr.eu-central-1.amazonaws.com/other"); ok {
		t.Errorf("another repository has %v", others)
	}
}

// The registry does as the repositories in the store say, takes what is pushed to a name that has none, and is emptied by the
// deletion of one.
func TestRepositoriesRuleTheRegistry(t *testing.T) {
	store, err := cloud.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	r, push := pusher(t)
	c := cloud.New(store, cloud.Options{Schema: schema.SDKs{}})
	c.Add(ecr.WithImages(images.Of(store, r))...)
	const url = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/hello"
	there := cloud.Caller{Scope: cloud.Scope{Account: "123456789012", Region: "eu-west-1"}}
	accepted := func(tag string, want bool) {
		t.Helper()
		_, err := push(url + ":" + tag)
		if refusal := err != nil && strings.Contains(err.Error(), "TAG_INVALID: The image tag '"+tag+"' already exists in the 'team/hello' repository"); (err == nil) != want || !want && !refusal {
			t.Errorf("pushing %s: %v, want it accepted: %t", tag, err, want)
		}
	}
	accepted("v1", true)
	accepted("v1", true) // without a resource the tag moves
	store.View(func(tx *cloud.Tx) {
		for r := range tx.All() {
			t.Errorf("the push made %s", r.Key)
		}
	})
	in, _, err := c.Check(ecr.Repository.Token, cloud.Map{"name": "team/hello", "imageTagMutability": "IMMUTABLE"})
	if err != nil {
		t.Fatal(err)
	}
	repository, err := c.Create(t.Context(), there, ecr.Repository.Token, in, 0)
	if err != nil || repository.Outputs["repositoryUrl"] != url {
		t.Fatalf("repository %v, %v", repository, err)
	}
	accepted("v1", false) // it was there before its repository was
	accepted("v2", true)
	accepted("v2", false)
	in["imageTagMutability"] = "MUTABLE"
	if _, err = c.Update(t.Context(), there, repository.Token, repository.ID, in, 0); err != nil {
		t.Fatal(err)
	}
	accepted("v2", true)

	if err := c.Delete(t.Context(), there, repository.Token, repository.ID, time.Second); cloud.Code(err) != "RepositoryNotEmptyException" {
		t.Errorf("deleting a repository with images: %v", err)
	}
	in["forceDelete"] = true
	if _, err = c.Update(t.Context(), there, repository.Token, repository.ID, in, 0); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), there, repository.Token, repository.ID, time.Second); err != nil {
		t.Error(err)
	}
	if left := r.Repositories(); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
}

func TestPullFromAnotherAccount(t *testing.T) {
	const (
		registryHost = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
		image        = registryHost + "/hello:v1"
		repository   = "arn:aws:ecr:eu-central-1:123456789012:repository/hello"
		noManifest   = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref " + image +
			": pulling from host " + registryHost + " failed with status code [manifests v1]: 403 Forbidden (AccessDeniedException: User: " +
			"arn:aws:sts::000000000000:assumed-role/execution/"
		noLayers = "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: "
	)
	allow := func(principal string, actions ...string) string {
		return fmt.Sprintf(`{"Statement":[{"Effect":"Allow","Principal":%s,"Action":["%s"]}]}`, principal, strings.Join(actions, `","`))
	}
	const account = `{"AWS":"arn:aws:iam::000000000000:root"}`
	for _, tt := range []struct {
		name, policy string // no policy: no repository either, but for the one that a push makes
		begin, words string // of the reason for which the task stops; empty if it starts
	}{
		{"without a policy", "", noManifest, " is not authorized to perform: ecr:BatchGetImage on resource: " + repository + " because no resource-based policy allows the ecr:BatchGetImage action)"},
		{"for others", allow(`{"AWS":"210987654321"}`, "ecr:*"), noManifest, "because no resource-based policy allows the ecr:BatchGetImage action)"},
		{"without the layers", allow(account, "ecr:BatchGetImage"), noLayers, "because no resource-based policy allows the ecr:GetDownloadUrlForLayer action)"},
		{"with a refusal", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*"},{"Effect":"Deny","Principal":"*","Action":"ecr:BatchGetImage"}]}`, noManifest, "with an explicit deny in a resource-based policy)"},
		{"for the account", allow(account, "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"), "", ""},
		{"for everybody", allow(`"*"`, "ecr:*"), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := schedulertest.NewStage(t)
			r, _ := pusher(t)
			s.Add(ecr.WithImages(images.Of(s.Store, r))...)
			there := cloud.Caller{Scope: cloud.Scope{Account: "123456789012", Region: "eu-central-1"}}
			create := func(token string, in cloud.Map) {
				if _, err := s.Create(t.Context(), there, token, in, 0); err != nil {
					t.Fatal(err)
				}
			}
			if tt.policy != "" {
				create(ecr.Repository.Token, cloud.Map{"name": "hello"})
				create(ecr.RepositoryPolicy.Token, cloud.Map{"repository": "hello", "policy": tt.policy})
			}
			revision := s.Revision(image, "")
			service := s.Make(ecs.Service.Token, s.Service(revision, cloud.Map{"waitForSteadyState": false, "desiredCount": 1.0}))
			if tt.begin == "" {
				s.Await("the task", s.Steady(service, revision, 1))
				return
			}
			var reason string
			s.Await("a task to stop", func(tx *cloud.Tx) bool {
				for _, r := range s.Tasks(tx)[ecs.TaskStopped] {
					reason = cloud.StatusOf[ecs.TaskStatus](r).StoppedReason
				}
				return reason != ""
			})
			if !strings.HasPrefix(reason, tt.begin) || !strings.HasSuffix(reason, tt.words) {
				t.Errorf("stopped for %s\nwant %s…%s", reason, tt.begin, tt.words)
			}
		})
	}
}
