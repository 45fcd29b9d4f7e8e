package secretsmanager_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/secretsmanager"
	"slipway/localcloud/cloud"
)

// value reads a secret as ECS does.
func value(c *awstest.Tester, from string) (v string, err error) {
	c.Store.View(func(tx *cloud.Tx) { v, err = secretsmanager.SecretValue(tx, awstest.Here.Scope, from) })
	return v, err
}

func TestSecretKeepsItsNameWhileItCanBeRecovered(t *testing.T) {
	c := awstest.New(t, secretsmanager.Kinds()...)
	at := c.Make(secretsmanager.SecretToken, cloud.Map{"name": "gone", "recoveryWindowInDays": 0.0})
	c.Remove(at)
	if left := c.Left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	c.Make(secretsmanager.SecretToken, cloud.Map{"name": "gone", "recoveryWindowInDays": 0.0})

	kept := c.Make(secretsmanager.SecretToken, cloud.Map{"name": "kept", "recoveryWindowInDays": 7.0})
	c.Remove(kept)
	_, err := c.Try(secretsmanager.SecretToken, cloud.Map{"name": "kept"})
	c.Refused(err, "InvalidRequestException", "a secret with this name is already scheduled for deletion")

	// Once the window is over the name is free.
	if err := c.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Get(cloud.Key{Scope: awstest.Here.Scope, Token: secretsmanager.DeletedSecretToken, ID: "kept"}).Clone()
		r.SetStatus(secretsmanager.DeletedSecretStatus{Until: time.Now().Add(-time.Second)})
		tx.Put(r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	c.Make(secretsmanager.SecretToken, cloud.Map{"name": "kept"})
}

func TestSecretRefusals(t *testing.T) {
	c := awstest.New(t, secretsmanager.Kinds()...)
	r := c.Make(secretsmanager.SecretToken, cloud.Map{"name": "db"})
	if !strings.HasPrefix(r.ID, "arn:aws:secretsmanager:eu-central-1:000000000000:secret:db-") || len(r.ID)-strings.LastIndex(r.ID, "-") != 7 {
		t.Errorf("id %s", r.ID)
	}
	_, err := c.Try(secretsmanager.SecretToken, cloud.Map{"name": "db"})
	c.Refused(err, "ResourceExistsException", "the secret db already exists")
	for _, test := range []struct {
		in    cloud.Map
		words string
	}{
		{cloud.Map{"name": "a b"}, "special characters are allowed"},
		{cloud.Map{"name": strings.Repeat("x", 513)}, "512"},
		{cloud.Map{"name": "a", "recoveryWindowInDays": 3.0}, "in the range (7 - 30), or 0, got 3"},
	} {
		_, err := c.Try(secretsmanager.SecretToken, test.in)
		c.Refused(err, "Check", test.words)
	}
	_, err = c.Try(secretsmanager.SecretVersionToken, cloud.Map{"secretId": r.ID, "secretBinary": "%"})
	c.Refused(err, "Check", "must be base64-encoded")
	_, err = c.Try(secretsmanager.SecretVersionToken, cloud.Map{"secretId": r.ID, "secretBinary": "YQ==", "secretString": "a"})
	c.Refused(err, "Check", "conflicts with")
	_, err = c.Try(secretsmanager.SecretVersionToken, cloud.Map{"secretId": "arn:none", "secretString": "hush"})
	c.Refused(err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	_, err = c.Try(secretsmanager.SecretVersionToken, cloud.Map{"secretId": r.ID, "secretString": strings.Repeat("hush", 20000)})
	c.Refused(err, "ValidationException", "65536")
	if strings.Contains(err.Error(), "hush") {
		t.Error("the refusal quotes the secret")
	}
}

func TestSecretVersions(t *testing.T) {
	c := awstest.New(t, secretsmanager.Kinds()...)
	secret := c.Make(secretsmanager.SecretToken, cloud.Map{"name": "db"})
	if _, err := value(c, secret.ID); cloud.Code(err) != "ResourceNotFoundException" || !strings.Contains(err.Error(), "staging label: AWSCURRENT") {
		t.Errorf("a secret without a value: %v", err)
	}
	first := c.Make(secretsmanager.SecretVersionToken, cloud.Map{"secretId": secret.ID, "secretString": `{"user":"a","port":1,"none":null}`})
	id := first.Outputs["versionId"].(string)
	if first.ID != secret.ID+"|"+id || len(id) < 32 || len(id) > 64 || !reflect.DeepEqual(first.Outputs["versionStages"], []any{"AWSCURRENT"}) {
		t.Errorf("version %s, stages %v", first.ID, first.Outputs["versionStages"])
	}
	second := c.Make(secretsmanager.SecretVersionToken, cloud.Map{"secretId": secret.ID, "secretString": "second"})
	first, err := c.Read(awstest.Here, secretsmanager.SecretVersionToken, first.ID)
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
		if got := secretsmanager.SecretARN(tx, awstest.Here.Scope, secret.ID+":user::"+id); got != secret.ID {
			t.Errorf("ARN %s", got)
		}
		if got := secretsmanager.SecretARN(tx, awstest.Here.Scope, "db"); got != secret.ID {
			t.Errorf("ARN %s", got)
		}
	})

	c.Remove(first)
	if got, err := value(c, secret.ID+"::AWSPREVIOUS:"); err == nil {
		t.Errorf("a deleted version still has its label, and answers %q", got)
	}
	if got, err := value(c, secret.ID+":user::"+id); err != nil || got != "a" {
		t.Errorf("a deprecated version, by its id: %q, %v; tasks of an earlier revision need it", got, err)
	}
	c.Remove(second) // the current value stays for as long as the secret
	if got, err := value(c, secret.ID); err != nil || got != "second" {
		t.Errorf("after deleting the current version: %q, %v", got, err)
	}
	c.Make(secretsmanager.SecretVersionToken, cloud.Map{"secretId": secret.ID, "secretString": "third"})
	c.Remove(secret)
	if left := c.Left(); len(left) != 1 || !strings.HasPrefix(left[0], secretsmanager.DeletedSecretToken) {
		t.Errorf("left: %v", left)
	}
}

func TestSecretVersionStages(t *testing.T) {
	c := awstest.New(t, secretsmanager.Kinds()...)
	secret := c.Make(secretsmanager.SecretToken, cloud.Map{"name": "db"})
	c.Make(secretsmanager.SecretVersionToken, cloud.Map{"secretId": secret.ID, "secretString": "one"})
	next := c.Make(secretsmanager.SecretVersionToken, cloud.Map{"secretId": secret.ID, "secretString": "two", "versionStages": []any{"NEXT"}})
	if got, err := value(c, secret.ID); err != nil || got != "one" {
		t.Errorf("the current value: %q, %v", got, err)
	}
	if _, err := c.Edit(next, cloud.Map{"versionStages": []any{"AWSCURRENT"}}); err != nil {
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
	c := awstest.New(t, secretsmanager.Kinds()...)
	secret := c.Make(secretsmanager.SecretToken, cloud.Map{"name": "db"})
	for range secretsmanager.MaxVersions + 5 {
		c.Remove(c.Make(secretsmanager.SecretVersionToken, cloud.Map{"secretId": secret.ID, "secretString": "s"}))
	}
	c.Store.View(func(tx *cloud.Tx) {
		versions := cloud.StatusOf[secretsmanager.SecretStatus](tx.Get(secret.Key)).Versions
		if len(versions) != secretsmanager.MaxVersions || !slices.Contains(versions[secretsmanager.MaxVersions-1].Stages, secretsmanager.StageCurrent) {
			t.Errorf("%d versions are kept", len(versions))
		}
	})
}
