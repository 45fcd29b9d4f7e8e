package daemon

import (
	"strings"
	"testing"

	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/cloud"
)

// A service is known by its name in the configuration, with its stack or without, by that on AWS, and by its ARN.
func TestNames(t *testing.T) {
	store, err := cloud.Open(t.TempDir() + "/cloud.db")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	service := func(stack, name, physical string) *cloud.Resource {
		tags := cloud.Map{}
		if stack != "" {
			tags = cloud.Map{"Name": name, "Stack": stack}
		}
		return &cloud.Resource{
			Key:    cloud.Key{Scope: cloud.Scope{Account: "1", Region: "eu-central-1"}, Token: ecs.Service.Token, ID: "arn:" + physical},
			Name:   physical,
			Inputs: cloud.Map{"name": physical, "tags": tags},
		}
	}
	find := func(name string) (id, message string) {
		store.View(func(tx *cloud.Tx) {
			r, err := called(tx, ecs.Service.Token, "service", name, func(r *cloud.Resource) string { return r.Name })
			if err != nil {
				message = err.Error()
				return
			}
			id = r.ID
		})
		return id, message
	}
	if _, message := find("hello"); message != "there are no services" {
		t.Errorf("of none: %q", message)
	}
	err = store.Update(func(tx *cloud.Tx) error {
		for _, r := range []*cloud.Resource{
			service("local", "local-hello", "local-hello-1a2b"), service("local", "local-hello-canary", "local-hello-canary-3c4d"),
			service("local", "local-api", "local-api-5e6f"), service("dev", "dev-api", "dev-api-7a8b"), service("", "", "by-hand"),
		} {
			tx.Put(r)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"hello": "arn:local-hello-1a2b", "local/hello": "arn:local-hello-1a2b", "local-hello": "arn:local-hello-1a2b",
		"local-hello-1a2b": "arn:local-hello-1a2b", "arn:local-hello-1a2b": "arn:local-hello-1a2b",
		"hello-canary": "arn:local-hello-canary-3c4d", "dev/api": "arn:dev-api-7a8b", "by-hand": "arn:by-hand",
		"api":    "! api is the name of several: name one of dev/api, local/api",
		"helo":   "! there is no service helo; there is by-hand, dev/api, local/api, local/hello, local/hello-canary",
		"canary": "! there is no service canary; there is by-hand, dev/api, local/api, local/hello, local/hello-canary",
	} {
		id, message := find(name)
		if wanted, refused := strings.CutPrefix(want, "! "); refused && message != wanted || !refused && id != want {
			t.Errorf("%s: %q %q, want %q", name, id, message, want)
		}
	}
}
