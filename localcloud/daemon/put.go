package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"

	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/aws/secretsmanager"
	"slipway/localcloud/aws/ssm"
	"slipway/localcloud/cloud"
)

// Value is a secret or a parameter that no stack makes: on AWS somebody else keeps it.
type Value struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Name    string `json:"name"`
	Value   string `json:"value"`
	// Secure makes a parameter a SecureString.
	Secure bool `json:"secure,omitempty"`
}

// byHand is the tag of what [Value]s make, which does not count as left over.
const byHand = "localcloud:put-by-hand"

func (v Value) caller() cloud.Caller {
	return cloud.Caller{Scope: cloud.Scope{Account: v.Account, Region: v.Region}}
}

// putParameter makes a parameter, or changes its value, and returns its ARN.
func (d *daemon) putParameter(ctx context.Context, v Value) (string, error) {
	var made *cloud.Resource
	d.cloud.Store.View(func(tx *cloud.Tx) { made = ssm.Find(tx, v.caller().Scope, v.Name) })
	inputs, err := d.checked(ssm.ParameterToken, parameterInputs(v, made))
	if err != nil {
		return "", err
	}
	if made == nil {
		made, err = d.cloud.Create(ctx, v.caller(), ssm.ParameterToken, inputs, 0)
	} else {
		made, err = d.cloud.UpdateOnce(ctx, v.caller(), ssm.ParameterToken, made.ID, inputs)
	}
	if err != nil {
		return "", err
	}
	return made.Text("arn"), nil
}

// parameterInputs are a parameter's inputs with the value. One that is there keeps its others, for they can be a stack's, and its type
// unless it is to be a SecureString now, as with PutParameter in the Systems Manager API reference.
func parameterInputs(v Value, made *cloud.Resource) cloud.Map {
	inputs, value := cloud.Map{"name": v.Name, "type": "String", "tags": cloud.Map{byHand: "true"}}, "value"
	if made != nil {
		inputs = maps.Clone(made.Inputs)
	}
	if v.Secure {
		inputs["type"] = ssm.SecureString
		delete(inputs, "insecureValue") // which only a plain parameter has
	}
	if _, insecure := inputs["insecureValue"]; insecure {
		value = "insecureValue"
	}
	inputs[value] = v.Value
	return inputs
}

// putSecret makes a secret with a first version, or gives it another version, and returns its ARN.
func (d *daemon) putSecret(ctx context.Context, v Value) (string, error) {
	var arn string
	d.cloud.Store.View(func(tx *cloud.Tx) {
		if found := secretsmanager.SecretARN(tx, v.caller().Scope, v.Name); found != v.Name {
			arn = found
		}
	})
	if arn == "" {
		inputs, err := d.checked(secretsmanager.SecretToken, cloud.Map{
			"name": v.Name, "recoveryWindowInDays": 0.0, "tags": cloud.Map{byHand: "true"},
		})
		if err != nil {
			return "", err
		}
		secret, err := d.cloud.Create(ctx, v.caller(), secretsmanager.SecretToken, inputs, 0)
		if err != nil {
			return "", err
		}
		arn = secret.ID
	}
	return arn, d.cloud.Store.Update(func(tx *cloud.Tx) error {
		return secretsmanager.PutValue(tx, v.caller().Scope, arn, v.Value)
	})
}

// makeRepository makes a repository of Amazon ECR for a caller of its API. On AWS, too, it stays when all stacks are gone.
func (d *daemon) makeRepository(ctx context.Context, caller cloud.Caller, inputs cloud.Map) error {
	inputs["tags"] = cloud.Map{byHand: "true"}
	inputs, err := d.checked(ecr.RepositoryToken, inputs)
	if err != nil {
		return err
	}
	_, err = d.cloud.Create(ctx, caller, ecr.RepositoryToken, inputs, 0)
	return err
}

// isByHand reports whether a [Value] made the resource.
func isByHand(r *cloud.Resource) bool {
	tags, _ := r.Inputs["tags"].(cloud.Map)
	return tags[byHand] != nil
}

// checked returns inputs with their defaults, or the first thing that is wrong with them.
func (d *daemon) checked(token string, inputs cloud.Map) (cloud.Map, error) {
	checked, failures, err := d.cloud.Check(token, inputs)
	if err == nil && len(failures) > 0 {
		err = fmt.Errorf("%s: %s", failures[0].Property, failures[0].Reason)
	}
	return checked, err
}

// put answers requests that put something with its ARN.
func put(do func(context.Context, Value) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var v Value
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&v); err != nil {
			http.Error(w, "read the value: "+err.Error(), http.StatusBadRequest)
			return
		}
		arn, err := do(r.Context(), v)
		if err != nil {
			answer(w, err)
			return
		}
		_ = json.NewEncoder(w).Encode(arn) // or the client is gone
	}
}

// PutParameter makes a parameter of Systems Manager, or changes its value, and returns its ARN.
func (c Client) PutParameter(ctx context.Context, v Value) (arn string, err error) {
	return c.put(ctx, "/parameter", v)
}

// PutSecret makes a secret of Secrets Manager, or gives it another value, and returns its ARN.
func (c Client) PutSecret(ctx context.Context, v Value) (arn string, err error) {
	return c.put(ctx, "/secret", v)
}

func (c Client) put(ctx context.Context, path string, v Value) (arn string, err error) {
	raw, err := json.Marshal(v)
	if err == nil {
		err = c.ask(ctx, http.MethodPut, path, raw, &arn)
	}
	if err != nil {
		return "", fmt.Errorf("put %s: %w", v.Name, err)
	}
	return arn, nil
}
