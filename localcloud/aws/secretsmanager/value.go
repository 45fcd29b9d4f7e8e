package secretsmanager

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/cloud"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// SecretValue returns the value of a task definition's reference to a secret: the secret's ARN, or its name, and after colons
// optionally a key of its JSON object, a version's stage and a version's id. Without the last two it is the current version.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
func SecretValue(tx *cloud.Tx, s cloud.Scope, valueFrom string) (string, error) {
	id, key, stage, version := splitSecret(valueFrom)
	owner := findSecret(tx, s, id)
	if owner == nil {
		return "", Secret.NotFound(id)
	}
	status := cloud.StatusOf[SecretStatus](owner)
	if stage == "" && version == "" {
		stage = stageCurrent
	}
	i := slices.IndexFunc(status.Versions, func(v StoredVersion) bool {
		return (version == "" || v.ID == version) && (stage == "" || slices.Contains(v.Stages, stage))
	})
	switch {
	case i < 0 && version != "":
		return "", cloud.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: %s", version)
	case i < 0:
		return "", cloud.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: %s", stage)
	case key == "":
		return status.Versions[i].String, nil
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(status.Versions[i].String), &object); err != nil {
		return "", fmt.Errorf("the value of secret %s is not a JSON object, but its key %s is asked for", id, key) // err would quote the value
	}
	switch v := object[key].(type) {
	case nil:
		return "", fmt.Errorf("retrieved secret from Secrets Manager did not contain json key %s", key)
	case string:
		return v, nil
	default:
		raw, err := json.Marshal(v)
		return string(raw), err
	}
}

// SecretARN returns the ARN of the secret that a task definition's reference to a value names: the execution role must be allowed to
// read it.
func SecretARN(tx *cloud.Tx, s cloud.Scope, valueFrom string) string {
	id, _, _, _ := splitSecret(valueFrom)
	if r := findSecret(tx, s, id); r != nil {
		return r.ID
	}
	return id
}

func splitSecret(valueFrom string) (id, key, stage, version string) {
	secret, err := arn.Parse(valueFrom)
	parts := strings.Split(secret.Resource, ":")
	if err != nil || len(parts) < 3 {
		return valueFrom, "", "", ""
	}
	parts = append(parts, "", "")
	secret.Resource = parts[0] + ":" + parts[1]
	return secret.String(), parts[2], parts[3], parts[4]
}

// findSecret returns the secret with the ARN, also of another region or account, or with the name in the scope.
func findSecret(tx *cloud.Tx, s cloud.Scope, id string) *cloud.Resource {
	if a, err := arn.Parse(id); err == nil {
		return tx.Get(cloud.Key{Scope: cloud.Scope{Account: a.AccountID, Region: a.Region}, Token: SecretToken, ID: id})
	}
	for _, r := range tx.List(s, SecretToken) {
		if Secret.Outputs(r).Name == id {
			return r
		}
	}
	return nil
}

// PutValue gives a secret another current value, as somebody does who is not the stack that made it.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
func PutValue(tx *cloud.Tx, s cloud.Scope, id, value string) error {
	owner := findSecret(tx, s, id)
	switch {
	case owner == nil:
		return Secret.NotFound(id)
	case len(value) > maxValue:
		return errTooLong()
	}
	status := cloud.StatusOf[SecretStatus](owner)
	v := StoredVersion{ID: ids.UUID(), String: value}
	status.Versions = append(slices.Clone(status.Versions), v)
	status.move(stageCurrent, v.ID)
	putVersions(tx, owner, "", status)
	return nil
}
