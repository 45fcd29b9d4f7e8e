package aws

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/cloud"
)

const (
	secretToken        = "aws:secretsmanager/secret:Secret"
	secretVersionToken = "aws:secretsmanager/secretVersion:SecretVersion"
	deletedSecretToken = "aws:secretsmanager/deletedSecret:DeletedSecret"
)

func secretsManagerKinds() []any { return []any{Secret, SecretVersion, DeletedSecret} }

// The labels by which versions of a secret are found.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
const (
	stageCurrent  = "AWSCURRENT"
	stagePrevious = "AWSPREVIOUS"
)

// SecretStatus is the Status of a secret: its versions, the oldest first.
type SecretStatus struct{ Versions []StoredVersion }

// StoredVersion is one value that a secret has or had.
type StoredVersion struct {
	ID     string
	String string   `json:",omitempty"`
	Binary []byte   `json:",omitempty"`
	Stages []string `json:",omitempty"`
}

// move gives the stage to the version and takes it from the one that had it. The one that was current becomes previous.
func (s *SecretStatus) move(stage, id string) {
	var from string
	for i := range s.Versions {
		v := &s.Versions[i]
		switch had := slices.Index(v.Stages, stage); {
		case had >= 0 && v.ID != id:
			v.Stages = slices.Delete(v.Stages, had, had+1)
			from = v.ID
		case had < 0 && v.ID == id:
			v.Stages = append(v.Stages, stage)
		}
	}
	if stage == stageCurrent && from != "" {
		s.move(stagePrevious, from)
	}
}

func (s *SecretStatus) version(id string) *StoredVersion {
	for i := range s.Versions {
		if s.Versions[i].ID == id {
			return &s.Versions[i]
		}
	}
	return nil
}

type secret struct {
	Name                 string `json:"name"`
	NamePrefix           string `json:"namePrefix"`
	Description          string `json:"description"`
	Policy               string `json:"policy"`
	RecoveryWindowInDays int    `json:"recoveryWindowInDays"`
	Replicas             []any  `json:"replicas"`
	Tags                 tags   `json:"tags"`
}

var secretName = regexp.MustCompile(`^[0-9A-Za-z/_+=.@-]+$`)

// Secret is the name under which versions of a secret value are kept.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
var Secret = &cloud.Kind[secret]{
	Spec: cloud.Spec{
		Token:    secretToken,
		Label:    "Secrets Manager Secret",
		Needs:    secretNeeds,
		Defaults: cloud.Map{"recoveryWindowInDays": 30.0, "forceOverwriteReplicaSecret": false},
		AutoName: &cloud.AutoName{Property: "name", Max: 512},
		Replace:  []string{"name", "namePrefix"},
		Computed: []string{"name", "namePrefix", "policy", "replicas"},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: func(string) *cloud.Error {
			return cloud.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
		},
	},
	Check: func(in *secret) []cloud.Failure {
		var failures []cloud.Failure
		switch {
		case in.Name == "":
		case len(in.Name) > 512:
			failures = append(failures, cloud.Failure{Property: "name", Reason: `"name" cannot be greater than 512 characters`})
		case !secretName.MatchString(in.Name):
			failures = append(failures, cloud.Failure{Property: "name", Reason: `only alphanumeric characters and /_+=.@- special characters are allowed in "name"`})
		}
		if d := in.RecoveryWindowInDays; d != 0 && (d < 7 || d > 30) {
			failures = append(failures, cloud.Failure{
				Property: "recoveryWindowInDays", Reason: fmt.Sprintf("expected recovery_window_in_days to be in the range (7 - 30), or 0, got %d", d),
			})
		}
		return failures
	},
	Outputs: func(c *cloud.Call, in *secret) (cloud.Map, error) {
		if len(in.Replicas) > 0 {
			return nil, fmt.Errorf("replicas of a secret: %w", cloud.ErrUnimplemented)
		}
		if in.Policy != "" && in.Policy != "{}" {
			return nil, fmt.Errorf("a secret's resource policy: %w", cloud.ErrUnimplemented)
		}
		out := cloud.Map{"tagsAll": in.Tags.all(c)}
		if c.Old != nil {
			return out, nil
		}
		s, name := c.Caller.Scope, in.Name
		if name == "" {
			name = in.NamePrefix + uniqueSuffix()
		}
		for _, r := range c.Tx.List(s, secretToken) {
			if r.Outputs["name"] == name {
				return nil, cloud.Errorf("ResourceExistsException", "The operation failed because the secret %s already exists.", name)
			}
		}
		if r := c.Tx.Get(cloud.Key{Scope: s, Token: deletedSecretToken, ID: name}); r != nil {
			if time.Now().Before(cloud.StatusOf[DeletedSecretStatus](r).Until) {
				return nil, cloud.Errorf("InvalidRequestException",
					"You can't create this secret because a secret with this name is already scheduled for deletion.")
			}
			c.Tx.Delete(r.Key)
		}
		// The name is followed by six random characters, so that a secret made again is not taken for the old one.
		c.Resource.ID = arn(s, "secretsmanager", "secret:"+name+"-"+randomID(6))
		c.Resource.SetStatus(SecretStatus{})
		out["name"], out["arn"] = name, c.Resource.ID
		out["policy"], out["replicas"] = "", []any{}
		return out, nil
	},
	Delete: func(c *cloud.Call, in *secret) error {
		for _, r := range c.Tx.List(c.Resource.Scope, secretVersionToken) {
			if r.Inputs["secretId"] == c.Resource.ID {
				c.Tx.Delete(r.Key)
			}
		}
		if in.RecoveryWindowInDays > 0 {
			name, _ := c.Resource.Outputs["name"].(string)
			r := &cloud.Resource{Key: cloud.Key{Scope: c.Resource.Scope, Token: deletedSecretToken, ID: name}, Name: name}
			r.SetStatus(DeletedSecretStatus{Until: time.Now().UTC().AddDate(0, 0, in.RecoveryWindowInDays)})
			c.Tx.Put(r)
		}
		return nil
	},
}

var secretNeeds = needs{
	Create: func(o *operation) {
		name := o.regional("secretsmanager", "secret:"+o.name("name", "namePrefix"))
		o.creates("secretsmanager:CreateSecret", name, name+"-"+randomID(6), "secretsmanager:TagResource", "")
		if o.given("policy") {
			o.own("secretsmanager:PutResourcePolicy")
		}
	},
	Read: func(o *operation) { o.own("secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy") },
	Update: func(o *operation) {
		if o.changes("description", "kmsKeyId") {
			o.own("secretsmanager:UpdateSecret")
		}
		if o.changes("policy") {
			if o.given("policy") {
				o.own("secretsmanager:PutResourcePolicy")
			} else {
				o.own("secretsmanager:DeleteResourcePolicy")
			}
		}
		o.retags("secretsmanager:TagResource", "secretsmanager:UntagResource")
	},
	Delete: func(o *operation) { o.own("secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret") },
}

// DeletedSecretStatus is the Status of a deleted secret.
type DeletedSecretStatus struct {
	// Until is when the recovery window ends.
	Until time.Time
}

// DeletedSecret is what is left of a secret that was deleted with a recovery window: it keeps its name until then. Its value
// cannot be had back here.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_delete-secret.html
var DeletedSecret = &cloud.Kind[struct{}]{Spec: cloud.Spec{
	Token: deletedSecretToken,
	Label: "Secrets Manager Deleted Secret",
	Alive: func(*cloud.Resource) bool { return false },
}}

type secretVersion struct {
	SecretID      string   `json:"secretId"`
	SecretString  *string  `json:"secretString"`
	SecretBinary  string   `json:"secretBinary"`
	VersionStages []string `json:"versionStages"`
}

// SecretVersion is a value of a secret.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
var SecretVersion = &cloud.Kind[secretVersion]{
	Spec: cloud.Spec{
		Token:    secretVersionToken,
		Label:    "Secrets Manager Secret Version",
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
		return []cloud.Ref{{Token: secretToken, Value: in.SecretID, Weak: true}} // goes with its secret
	},
	Outputs: func(c *cloud.Call, in *secretVersion) (cloud.Map, error) {
		// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
		if in.SecretString != nil && len(*in.SecretString) > 65536 {
			return nil, cloud.Errorf("ValidationException", "1 validation error detected: Value at 'secretString' failed to satisfy constraint: "+
				"Member must have length less than or equal to 65536")
		}
		owner := c.Find(cloud.Ref{Token: secretToken, Value: in.SecretID})
		s := cloud.StatusOf[SecretStatus](owner)
		id, _ := c.Resource.Outputs["versionId"].(string)
		if c.Old == nil {
			id = "terraform-" + uniqueSuffix() // the provider's request token is the version's id
			c.Resource.ID = in.SecretID + "|" + id
			v := StoredVersion{ID: id}
			if in.SecretString != nil {
				v.String = *in.SecretString
			}
			v.Binary, _ = base64.StdEncoding.DecodeString(in.SecretBinary) // checked before
			s.Versions = append(s.Versions, v)
		}
		stages := in.VersionStages
		if len(stages) == 0 && c.Old == nil {
			stages = []string{stageCurrent}
		}
		// The first version is current whatever it is labelled, and AWSCURRENT can be moved but not taken away.
		if len(s.Versions) == 1 && !slices.Contains(stages, stageCurrent) {
			stages = append(slices.Clone(stages), stageCurrent)
		}
		if v := s.version(id); v != nil && len(in.VersionStages) > 0 {
			v.Stages = slices.DeleteFunc(v.Stages, func(stage string) bool { return stage != stageCurrent && !slices.Contains(stages, stage) })
		}
		for _, stage := range stages {
			s.move(stage, id)
		}
		putVersions(c, owner, s)
		out := cloud.Map{"arn": in.SecretID, "versionId": id}
		if len(in.VersionStages) == 0 {
			out["versionStages"] = stagesOf(&s, id)
		}
		return out, nil
	},
	Delete: func(c *cloud.Call, in *secretVersion) error {
		owner := c.Tx.Get(cloud.Key{Scope: c.Resource.Scope, Token: secretToken, ID: in.SecretID})
		if owner == nil {
			return nil
		}
		s := cloud.StatusOf[SecretStatus](owner)
		id, _ := c.Resource.Outputs["versionId"].(string)
		// AWSCURRENT cannot be taken away, only moved. Without a label the version is deprecated, and still found by its id.
		if v := s.version(id); v != nil {
			v.Stages = slices.DeleteFunc(v.Stages, func(stage string) bool { return stage != stageCurrent })
		}
		putVersions(c, owner, s)
		return nil
	},
}

var secretVersionNeeds = needs{
	Create: func(o *operation) { o.other(secretToken, "secretId", "secretsmanager:PutSecretValue") },
	Read:   func(o *operation) { o.other(secretToken, "secretId", "secretsmanager:GetSecretValue") },
	Update: func(o *operation) {
		o.other(secretToken, "secretId", "secretsmanager:ListSecretVersionIds", "secretsmanager:UpdateSecretVersionStage")
	},
	Delete: func(o *operation) {
		// The provider takes away every stage but the current one, and looks until the version is gone.
		stages := list(o.Resource.Outputs["versionStages"])
		for _, stage := range stages {
			if stage != stageCurrent {
				o.other(secretToken, "secretId", "secretsmanager:UpdateSecretVersionStage")
				break
			}
		}
		o.other(secretToken, "secretId", "secretsmanager:GetSecretValue")
	},
}

// maxVersions is about how many versions a secret keeps: of more, the oldest deprecated ones go.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
const maxVersions = 100

// putVersions stores the versions of a secret, and what has become of the labels of its other versions.
func putVersions(c *cloud.Call, owner *cloud.Resource, s SecretStatus) {
	excess := len(s.Versions) - maxVersions
	s.Versions = slices.DeleteFunc(s.Versions, func(v StoredVersion) bool {
		excess--
		return excess >= 0 && len(v.Stages) == 0
	})
	owner = owner.Clone()
	owner.SetStatus(s)
	c.Tx.Put(owner)
	for _, r := range c.Tx.List(owner.Scope, secretVersionToken) {
		id, _ := r.Outputs["versionId"].(string)
		if r.Inputs["secretId"] != owner.ID || r.ID == c.Resource.ID || s.version(id) == nil {
			continue
		}
		r = r.Clone()
		r.Outputs["versionStages"] = stagesOf(&s, id)
		c.Tx.Put(r)
	}
}

func stagesOf(s *SecretStatus, id string) []any {
	out := []any{}
	if v := s.version(id); v != nil {
		for _, stage := range v.Stages {
			out = append(out, stage)
		}
	}
	return out
}

// SecretValue returns what a task definition means by the place of a secret: the secret's ARN, or its name, and after colons
// optionally a key of the JSON object that it holds, a version's stage and a version's id. Without the last two it is the
// current version.
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

// SecretARN returns the ARN of the secret that a task definition's reference to a value names: what the execution role must be
// allowed to read.
func SecretARN(tx *cloud.Tx, s cloud.Scope, valueFrom string) string {
	id, _, _, _ := splitSecret(valueFrom)
	if r := findSecret(tx, s, id); r != nil {
		return r.ID
	}
	return id
}

func splitSecret(valueFrom string) (id, key, stage, version string) {
	parts := strings.Split(valueFrom, ":")
	if !strings.HasPrefix(valueFrom, "arn:") || len(parts) < 8 {
		return valueFrom, "", "", ""
	}
	parts = append(parts, "", "")
	return strings.Join(parts[:7], ":"), parts[7], parts[8], parts[9]
}

func findSecret(tx *cloud.Tx, s cloud.Scope, id string) *cloud.Resource {
	for _, r := range tx.List(s, secretToken) {
		if r.ID == id || r.Outputs["name"] == id {
			return r
		}
	}
	return nil
}
