package aws

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/cloud"
)

// value reads a secret as ECS does.
func value(c *testCloud, from string) (v string, err error) {
	c.Store.View(func(tx *cloud.Tx) { v, err = SecretValue(tx, here.Scope, from) })
	return v, err
}

func TestSecretKeepsItsNameWhileItCanBeRecovered(t *testing.T) {
	c := newCloud(t, secretsManagerKinds()...)
	at := c.create(secretToken, cloud.Map{"name": "gone", "recoveryWindowInDays": 0.0})
	c.delete(at)
	if left := c.left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	c.create(secretToken, cloud.Map{"name": "gone", "recoveryWindowInDays": 0.0})

	kept := c.create(secretToken, cloud.Map{"name": "kept", "recoveryWindowInDays": 7.0})
	c.delete(kept)
	_, err := c.try(secretToken, cloud.Map{"name": "kept"})
	c.refused(err, "InvalidRequestException", "a secret with this name is already scheduled for deletion")

	// Once the window is over the name is free.
	if err := c.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Get(cloud.Key{Scope: here.Scope, Token: deletedSecretToken, ID: "kept"}).Clone()
		r.SetStatus(DeletedSecretStatus{Until: time.Now().Add(-time.Second)})
		tx.Put(r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	c.create(secretToken, cloud.Map{"name": "kept"})
}

func TestSecretRefusals(t *testing.T) {
	c := newCloud(t, secretsManagerKinds()...)
	r := c.create(secretToken, cloud.Map{"name": "db"})
	if !strings.HasPrefix(r.ID, "arn:aws:secretsmanager:eu-central-1:000000000000:secret:db-") || len(r.ID)-strings.LastIndex(r.ID, "-") != 7 {
		t.Errorf("id %s", r.ID)
	}
	_, err := c.try(secretToken, cloud.Map{"name": "db"})
	c.refused(err, "ResourceExistsException", "the secret db already exists")
	for _, test := range []struct {
		in    cloud.Map
		words string
	}{
		{cloud.Map{"name": "a b"}, "special characters are allowed"},
		{cloud.Map{"name": strings.Repeat("x", 513)}, "512"},
		{cloud.Map{"name": "a", "recoveryWindowInDays": 3.0}, "in the range (7 - 30), or 0, got 3"},
	} {
		_, err := c.try(secretToken, test.in)
		c.refused(err, "Check", test.words)
	}
	_, err = c.try(secretVersionToken, cloud.Map{"secretId": r.ID, "secretBinary": "%"})
	c.refused(err, "Check", "must be base64-encoded")
	_, err = c.try(secretVersionToken, cloud.Map{"secretId": r.ID, "secretBinary": "YQ==", "secretString": "a"})
	c.refused(err, "Check", "conflicts with")
	_, err = c.try(secretVersionToken, cloud.Map{"secretId": "arn:none", "secretString": "hush"})
	c.refused(err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	_, err = c.try(secretVersionToken, cloud.Map{"secretId": r.ID, "secretString": strings.Repeat("hush", 20000)})
	c.refused(err, "ValidationException", "65536")
	if strings.Contains(err.Error(), "hush") {
		t.Error("the refusal quotes the secret")
	}
}

func TestSecretVersions(t *testing.T) {
	c := newCloud(t, secretsManagerKinds()...)
	secret := c.create(secretToken, cloud.Map{"name": "db"})
	if _, err := value(c, secret.ID); cloud.Code(err) != "ResourceNotFoundException" || !strings.Contains(err.Error(), "staging label: AWSCURRENT") {
		t.Errorf("a secret without a value: %v", err)
	}
	first := c.create(secretVersionToken, cloud.Map{"secretId": secret.ID, "secretString": `{"user":"a","port":1,"none":null}`})
	id := first.Outputs["versionId"].(string)
	if first.ID != secret.ID+"|"+id || len(id) < 32 || len(id) > 64 || !reflect.DeepEqual(first.Outputs["versionStages"], []any{"AWSCURRENT"}) {
		t.Errorf("version %s, stages %v", first.ID, first.Outputs["versionStages"])
	}
	second := c.create(secretVersionToken, cloud.Map{"secretId": secret.ID, "secretString": "second"})
	first, err := c.Read(here, secretVersionToken, first.ID)
	if err != nil || !reflect.DeepEqual(first.Outputs["versionStages"], []any{"AWSPREVIOUS"}) {
		t.Errorf("the first version's stages: %v, %v", first.Outputs["versionStages"], err)
	}
	for from, want := range map[string]string{
		secret.ID:                                "second",
		"db":                                     "second",
		secret.ID + ":::":                        "second",
		secret.ID + "::AWSPREVIOUS:":             `{"user":"a","port":1,"none":null}`,
		secret.ID + ":user::" + id:               "a",
		secret.ID + ":port:AWSPREVIOUS:":         "1",
		secret.ID + ":user:AWSPREVIOUS:" + id:    "a",
		secret.ID + ":user::":                    "! is not a JSON object",
		secret.ID + ":pass::" + id:               "! did not contain json key pass",
		secret.ID + ":none::" + id:               "! did not contain json key none",
		secret.ID + ":::nothing":                 "! for VersionId: nothing",
		secret.ID + "::OTHER:":                   "! staging label: OTHER",
		"arn:aws:secretsmanager:::secret:gone-1": "! can't find the specified secret.",
	} {
		got, err := value(c, from)
		if words, refused := strings.CutPrefix(want, "!"); refused {
			if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "second") {
				t.Errorf("%s: %v, want %q and not the value", from, err, words)
			}
		} else if err != nil || got != want {
			t.Errorf("%s: %q, %v", from, got, err)
		}
	}
	c.Store.View(func(tx *cloud.Tx) {
		if got := SecretARN(tx, here.Scope, secret.ID+":user::"+id); got != secret.ID {
			t.Errorf("ARN %s", got)
		}
		if got := SecretARN(tx, here.Scope, "db"); got != secret.ID {
			t.Errorf("ARN %s", got)
		}
	})

	c.delete(first)
	if got, err := value(c, secret.ID+"::AWSPREVIOUS:"); err == nil {
		t.Errorf("a deleted version still has its label, and answers %q", got)
	}
	if got, err := value(c, secret.ID+":user::"+id); err != nil || got != "a" {
		t.Errorf("a deprecated version, by its id: %q, %v; tasks of an earlier revision need it", got, err)
	}
	c.delete(second) // the current value stays for as long as the secret
	if got, err := value(c, secret.ID); err != nil || got != "second" {
		t.Errorf("after deleting the current version: %q, %v", got, err)
	}
	c.create(secretVersionToken, cloud.Map{"secretId": secret.ID, "secretString": "third"})
	c.delete(secret)
	if left := c.left(); len(left) != 1 || !strings.HasPrefix(left[0], deletedSecretToken) {
		t.Errorf("left: %v", left)
	}
}

func TestSecretVersionStages(t *testing.T) {
	c := newCloud(t, secretsManagerKinds()...)
	secret := c.create(secretToken, cloud.Map{"name": "db"})
	c.create(secretVersionToken, cloud.Map{"secretId": secret.ID, "secretString": "one"})
	next := c.create(secretVersionToken, cloud.Map{"secretId": secret.ID, "secretString": "two", "versionStages": []any{"NEXT"}})
	if got, err := value(c, secret.ID); err != nil || got != "one" {
		t.Errorf("the current value: %q, %v", got, err)
	}
	if _, err := c.update(next, cloud.Map{"versionStages": []any{"AWSCURRENT"}}); err != nil {
		t.Fatal(err)
	}
	if got, err := value(c, secret.ID); err != nil || got != "two" {
		t.Errorf("the current value: %q, %v", got, err)
	}
	if got, err := value(c, secret.ID+"::AWSPREVIOUS:"); err != nil || got != "one" {
		t.Errorf("the previous value: %q, %v", got, err)
	}
	if got, err := value(c, secret.ID+"::NEXT:"); err == nil {
		t.Errorf("the label that was taken away finds %q", got)
	}
}

func TestSecretVersionsAreBounded(t *testing.T) {
	c := newCloud(t, secretsManagerKinds()...)
	secret := c.create(secretToken, cloud.Map{"name": "db"})
	for range maxVersions + 5 {
		c.delete(c.create(secretVersionToken, cloud.Map{"secretId": secret.ID, "secretString": "s"}))
	}
	c.Store.View(func(tx *cloud.Tx) {
		versions := cloud.StatusOf[SecretStatus](tx.Get(secret.Key)).Versions
		if len(versions) != maxVersions || !slices.Contains(versions[maxVersions-1].Stages, stageCurrent) {
			t.Errorf("%d versions are kept", len(versions))
		}
	})
}
