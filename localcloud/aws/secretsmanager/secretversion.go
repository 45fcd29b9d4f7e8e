package secretsmanager

import (
	"encoding/base64"
	"slices"

	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/cloud"
)

// The labels that identify versions of a secret.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
const (
	stageCurrent  = "AWSCURRENT"
	stagePrevious = "AWSPREVIOUS"
)

type secretVersion struct {
	SecretID      string   `json:"secretId"`
	SecretString  *string  `json:"secretString"`
	SecretBinary  string   `json:"secretBinary"`
	VersionStages []string `json:"versionStages"`
}

type secretVersionOutputs struct {
	ARN           string   `json:"arn"`
	VersionID     string   `json:"versionId"`
	VersionStages []string `json:"versionStages"`
}

// label gives the version the stages. The first version is current with any labels, and AWSCURRENT can be moved but not removed.
func (out *secretVersionOutputs) label(s *SecretStatus, in *secretVersion, stages []string) {
	if len(s.Versions) == 1 && !slices.Contains(stages, stageCurrent) {
		stages = append(slices.Clone(stages), stageCurrent)
	}
	if v := s.version(out.VersionID); v != nil && len(in.VersionStages) > 0 {
		v.Stages = slices.DeleteFunc(v.Stages, func(stage string) bool { return stage != stageCurrent && !slices.Contains(stages, stage) })
	}
	for _, stage := range stages {
		s.move(stage, out.VersionID)
	}
	if len(in.VersionStages) == 0 {
		out.VersionStages = stagesOf(s, out.VersionID)
	}
}

// SecretVersion is a value of a secret.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
var SecretVersion = &cloud.Kind[secretVersion, secretVersionOutputs]{
	Spec: cloud.Spec{
		Token:    SecretVersionToken,
		Label:    "Secrets Manager Secret Version",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Unchanged: "another value is another version", Left: "Secrets Manager keeps a secret's current one"},
		Needs:    secretVersionNeeds,
		Replace:  []string{"secretId", "secretString", "secretBinary"},
		Computed: []string{"versionStages"},
		Sets:     []string{"versionStages"},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
	},
	Check: func(in *secretVersion) []cloud.Failure {
		var failures []cloud.Failure
		if in.SecretBinary != "" && in.SecretString != nil {
			failures = append(failures, cloud.Failure{Property: "secretBinary", Reason: `"secret_binary": conflicts with secret_string`})
		}
		if _, err := base64.StdEncoding.DecodeString(in.SecretBinary); err != nil {
			failures = append(failures, cloud.Failure{Property: "secretBinary", Reason: `"secret_binary" must be base64-encoded`})
		}
		return failures
	},
	Refs: func(_ *cloud.Call, in *secretVersion) []cloud.Ref {
		return []cloud.Ref{{Token: SecretToken, Value: in.SecretID, Weak: true}} // goes with its secret
	},
	Rules: func(_ *cloud.Call, in *secretVersion) error {
		if in.SecretString != nil && len(*in.SecretString) > maxValue {
			return errTooLong()
		}
		return nil
	},
	Create: func(c *cloud.Call, in *secretVersion, out *secretVersionOutputs) (string, error) {
		owner := c.Find(cloud.Ref{Token: SecretToken, Value: in.SecretID})
		s := cloud.StatusOf[SecretStatus](owner)
		v := StoredVersion{ID: "terraform-" + ids.Suffix()} // the provider's request token is the version's id
		if in.SecretString != nil {
			v.String = *in.SecretString
		}
		v.Binary, _ = base64.StdEncoding.DecodeString(in.SecretBinary) // checked before
		s.Versions = append(s.Versions, v)
		out.ARN, out.VersionID = in.SecretID, v.ID
		stages := in.VersionStages
		if len(stages) == 0 {
			stages = []string{stageCurrent}
		}
		out.label(&s, in, stages)
		putVersions(c.Tx, owner, c.Resource.ID, s)
		return in.SecretID + "|" + v.ID, nil
	},
	Update: func(c *cloud.Call, in *secretVersion, out *secretVersionOutputs) error {
		owner := c.Find(cloud.Ref{Token: SecretToken, Value: in.SecretID})
		s := cloud.StatusOf[SecretStatus](owner)
		out.label(&s, in, in.VersionStages)
		putVersions(c.Tx, owner, c.Resource.ID, s)
		return nil
	},
	Delete: func(c *cloud.Call, in *secretVersion) error {
		owner := c.Tx.Get(cloud.Key{Scope: c.Resource.Scope, Token: SecretToken, ID: in.SecretID})
		if owner == nil {
			return nil
		}
		s := cloud.StatusOf[SecretStatus](owner)
		// AWSCURRENT cannot be taken away, only moved. Without a label the version is deprecated, and still found by its id.
		if v := s.version(cloud.OutputsOf[secretVersionOutputs](c.Resource).VersionID); v != nil {
			v.Stages = slices.DeleteFunc(v.Stages, func(stage string) bool { return stage != stageCurrent })
		}
		putVersions(c.Tx, owner, c.Resource.ID, s)
		return nil
	},
}

var secretVersionNeeds = permission.Needs{
	Create: func(o *permission.Operation) { o.Other(SecretToken, "secretId", "secretsmanager:PutSecretValue") },
	Read:   func(o *permission.Operation) { o.Other(SecretToken, "secretId", "secretsmanager:GetSecretValue") },
	Update: func(o *permission.Operation) {
		o.Other(SecretToken, "secretId", "secretsmanager:ListSecretVersionIds", "secretsmanager:UpdateSecretVersionStage")
	},
	Delete: func(o *permission.Operation) {
		// The provider takes away every stage but the current one, and looks until the version is gone.
		stages := cloud.OutputsOf[secretVersionOutputs](o.Resource).VersionStages
		if slices.ContainsFunc(stages, func(stage string) bool { return stage != stageCurrent }) {
			o.Other(SecretToken, "secretId", "secretsmanager:UpdateSecretVersionStage")
		}
		o.Other(SecretToken, "secretId", "secretsmanager:GetSecretValue")
	},
}

// maxValue is how long a value may be.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
const maxValue = 65536

func errTooLong() error {
	return cloud.Errorf("ValidationException", "1 validation error detected: Value at 'secretString' failed to satisfy constraint: "+
		"Member must have length less than or equal to %d", maxValue)
}

// maxVersions is about how many versions a secret keeps: of more, the oldest deprecated ones go.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
const maxVersions = 100

// putVersions stores the versions of a secret, with the changed labels of all but the resource that is being changed.
func putVersions(tx *cloud.Tx, owner *cloud.Resource, changing string, s SecretStatus) {
	excess := len(s.Versions) - maxVersions
	s.Versions = slices.DeleteFunc(s.Versions, func(v StoredVersion) bool {
		excess--
		return excess >= 0 && len(v.Stages) == 0
	})
	owner = owner.Clone()
	owner.SetStatus(s)
	tx.Put(owner)
	for _, r := range tx.List(owner.Scope, SecretVersionToken) {
		out := *cloud.OutputsOf[secretVersionOutputs](r)
		if cloud.InputsOf[secretVersion](r).SecretID != owner.ID || r.ID == changing || s.version(out.VersionID) == nil {
			continue
		}
		out.VersionStages = stagesOf(&s, out.VersionID)
		r = r.Clone()
		cloud.SetOutputs(r, &out)
		tx.Put(r)
	}
}

func stagesOf(s *SecretStatus, id string) []string {
	if v := s.version(id); v != nil {
		return append([]string{}, v.Stages...)
	}
	return []string{}
}
