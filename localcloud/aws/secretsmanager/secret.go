package secretsmanager

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"time"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
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

// move moves the stage to the version. The current one becomes previous.
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
	Name                 string    `json:"name"`
	NamePrefix           string    `json:"namePrefix"`
	Description          string    `json:"description"`
	Policy               string    `json:"policy"`
	RecoveryWindowInDays int       `json:"recoveryWindowInDays"`
	Replicas             []any     `json:"replicas"`
	Tags                 tags.Tags `json:"tags"`
}

var secretName = regexp.MustCompile(`^[0-9A-Za-z/_+=.@-]+$`)

type secretOutputs struct {
	ARN      string `json:"arn"`
	Name     string `json:"name"`
	Policy   string `json:"policy"`
	Replicas []any  `json:"replicas"`
}

// Secret is the name under which versions of a secret value are kept.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
var Secret = &cloud.Kind[secret, secretOutputs]{
	Spec: cloud.Spec{
		Token:    SecretToken,
		Label:    "Secrets Manager Secret",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"description": "by hand"}, Serves: true, ServesWithout: true},
		Derived:  tags.All,
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
	Rules: func(_ *cloud.Call, in *secret) error {
		if len(in.Replicas) > 0 {
			return fmt.Errorf("replicas of a secret: %w", cloud.ErrUnimplemented)
		}
		if in.Policy != "" && in.Policy != "{}" {
			return fmt.Errorf("a secret's resource policy: %w", cloud.ErrUnimplemented)
		}
		return nil
	},
	Create: func(c *cloud.Call, in *secret, out *secretOutputs) (string, error) {
		s, name := c.Caller.Scope, cmp.Or(in.Name, in.NamePrefix+ids.Suffix())
		for _, r := range c.Tx.List(s, SecretToken) {
			if cloud.OutputsOf[secretOutputs](r).Name == name {
				return "", cloud.Errorf("ResourceExistsException", "The operation failed because the secret %s already exists.", name)
			}
		}
		if r := c.Tx.Get(cloud.Key{Scope: s, Token: DeletedSecretToken, ID: name}); r != nil {
			if time.Now().Before(cloud.StatusOf[DeletedSecretStatus](r).Until) {
				return "", cloud.Errorf("InvalidRequestException",
					"You can't create this secret because a secret with this name is already scheduled for deletion.")
			}
			c.Tx.Delete(r.Key)
		}
		c.Resource.SetStatus(SecretStatus{})
		// The name is followed by six random characters, so that a secret made again is not taken for the old one.
		*out = secretOutputs{ARN: arns.New(s, "secretsmanager", "secret:"+name+"-"+ids.Random(6)), Name: name, Replicas: []any{}}
		return out.ARN, nil
	},
	Delete: func(c *cloud.Call, in *secret) error {
		for _, r := range c.Tx.List(c.Resource.Scope, SecretVersionToken) {
			if cloud.InputsOf[secretVersion](r).SecretID == c.Resource.ID {
				c.Tx.Delete(r.Key)
			}
		}
		if in.RecoveryWindowInDays > 0 {
			name := cloud.OutputsOf[secretOutputs](c.Resource).Name
			r := &cloud.Resource{Key: cloud.Key{Scope: c.Resource.Scope, Token: DeletedSecretToken, ID: name}, Name: name}
			r.SetStatus(DeletedSecretStatus{Until: time.Now().UTC().AddDate(0, 0, in.RecoveryWindowInDays)})
			c.Tx.Put(r)
		}
		return nil
	},
}

var secretNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		name := o.Regional("secretsmanager", "secret:"+o.Name("name", "namePrefix"))
		o.Creates("secretsmanager:CreateSecret", name, name+"-"+ids.Random(6), "secretsmanager:TagResource", "")
		if o.Given("policy") {
			o.Own("secretsmanager:PutResourcePolicy")
		}
	},
	Read: func(o *permission.Operation) {
		o.Own("secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy")
	},
	Update: func(o *permission.Operation) {
		if o.Changes("description", "kmsKeyId") {
			o.Own("secretsmanager:UpdateSecret")
		}
		if o.Changes("policy") {
			if o.Given("policy") {
				o.Own("secretsmanager:PutResourcePolicy")
			} else {
				o.Own("secretsmanager:DeleteResourcePolicy")
			}
		}
		o.Retags("secretsmanager:TagResource", "secretsmanager:UntagResource")
	},
	Delete: func(o *permission.Operation) { o.Own("secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret") },
}

// DeletedSecretStatus is the Status of a deleted secret.
type DeletedSecretStatus struct {
	// Until is when the recovery window ends.
	Until time.Time
}

// DeletedSecret is the rest of a secret that was deleted with a recovery window: it keeps the name until the window ends. Its value
// cannot be restored here.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_delete-secret.html
var DeletedSecret = &cloud.Kind[struct{}, struct{}]{Spec: cloud.Spec{
	Token: DeletedSecretToken,
	Label: "Secrets Manager Deleted Secret",
	Alive: func(*cloud.Resource) bool { return false },
}}
