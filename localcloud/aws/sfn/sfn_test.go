package sfn_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/cloud"
)

// stage is a cloud with a role for state machines. Its policy allows the actions.
func stage(t *testing.T, actions, source string) (c *awstest.Tester, role string) {
	t.Helper()
	c = awstest.New(t, append(iam.Kinds(), sfn.Kinds()...)...)
	r := c.Make(identity.RoleToken, cloud.Map{
		"name": "run", "assumeRolePolicy": awstest.TrustOf(`{"Effect":"Allow","Principal":{"Service":"states.amazonaws.com"},"Action":["sts:AssumeRole"],` +
			`"Condition":{"ArnLike":{"aws:SourceArn":"` + source + `"},"StringEquals":{"aws:SourceAccount":"000000000000"}}}`),
		"inlinePolicies": []any{cloud.Map{"name": "run", "policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["` + actions + `"],"Resource":["*"]}]}`}},
	})
	return c, r.Outputs["arn"].(string)
}

const (
	purges = "arn:aws:states:eu-central-1:000000000000:stateMachine:purge-*"
	run    = `{"StartAt":"Run","States":{"Run":{"Type":"Task","Resource":"arn:aws:states:::ecs:runTask.sync","Parameters":{},"End":true}}}`
)

// A state machine's role trusts Step Functions for this state machine, and may make the rule by which that hears of the end of tasks.
func TestStateMachineNeedsItsRole(t *testing.T) {
	c, role := stage(t, "events:*", purges)
	r := c.Make(sfn.StateMachineToken, cloud.Map{"name": "purge-1", "roleArn": role, "definition": run})
	if r.ID != "arn:aws:states:eu-central-1:000000000000:stateMachine:purge-1" || r.Outputs["status"] != "ACTIVE" {
		t.Errorf("made %s: %v", r.ID, r.Outputs)
	}
	_, err := c.Try(sfn.StateMachineToken, cloud.Map{"name": "purge-1", "roleArn": role, "definition": run})
	c.Refused(err, "StateMachineAlreadyExists", "State Machine Already Exists")
	_, err = c.Try(sfn.StateMachineToken, cloud.Map{"name": "other-1", "roleArn": role, "definition": run})
	c.Refused(err, "AccessDeniedException", "is authorized to assume the provided role")

	c, role = stage(t, "ecs:*", purges)
	_, err = c.Try(sfn.StateMachineToken, cloud.Map{"name": "purge-1", "roleArn": role, "definition": run})
	c.Refused(err, "AccessDeniedException", "is not authorized to create managed-rule")
	c.Make(sfn.StateMachineToken, cloud.Map{"name": "purge-1", "roleArn": role, "definition": `{"StartAt":"Done","States":{"Done":{"Type":"Succeed"}}}`})
	c.Refused(sfn.StateMachine.NotFound("x"), "StateMachineDoesNotExist", "State Machine Does Not Exist: 'x'")
}

func TestStateMachineChecks(t *testing.T) {
	c, role := stage(t, "events:*", purges)
	for _, test := range []struct {
		in    cloud.Map
		words string
	}{
		{cloud.Map{"name": "purge 1"}, "should only contain 0-9, A-Z, a-z, - and _"},
		{cloud.Map{"type": "FAST"}, "expected type to be one of"},
		{cloud.Map{"roleArn": "run"}, "is an invalid ARN"},
	} {
		in := cloud.Map{"name": "purge-1", "roleArn": role, "definition": run}
		for p, v := range test.in {
			in[p] = v
		}
		_, err := c.Try(sfn.StateMachineToken, in)
		c.Refused(err, "Check", test.words)
	}
}

// A state machine stays until its executions have ended.
func TestDeleteWaitsForExecutions(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, append(iam.Kinds(), sfn.Kinds()...)...)
	machine := c.Make(sfn.StateMachineToken, cloud.Map{
		"name": "purge", "definition": `{"StartAt":"Done","States":{"Done":{"Type":"Succeed"}}}`,
		"roleArn": c.Make(identity.RoleToken, cloud.Map{"name": "run", "assumeRolePolicy": awstest.TrustOfService("states.amazonaws.com")}).Outputs["arn"],
	})
	var execution *cloud.Resource
	if err := c.Store.Update(func(tx *cloud.Tx) (err error) {
		execution, err = sfn.Start(tx, machine, "", time.Now())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	remove := func() error {
		return c.Delete(t.Context(), cloud.Caller{Scope: machine.Scope}, sfn.StateMachineToken, machine.ID, 1)
	}
	if err := remove(); !errors.Is(err, cloud.ErrTimeout) || !strings.Contains(err.Error(), "last state: 'DELETING'") {
		t.Errorf("while it runs: %v", err)
	}
	if err := c.Store.Update(func(tx *cloud.Tx) error {
		sfn.End(tx, tx.Get(execution.Key), sfn.ExecutionStatus{Status: sfn.Succeeded}, time.Now())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := remove(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestDefinitions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		definition string
		words      string // empty: it is not modelled
	}{
		"not JSON":          {`{`, "INVALID_JSON_DESCRIPTION"},
		"no start":          {`{"StartAt":"A","States":{}}`, "Missing 'Next' target: A at /StartAt"},
		"no next":           {`{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1,"Next":"B"}}}`, "Missing 'Next' target: B at /States/A/Next"},
		"next and end":      {`{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1,"Next":"A","End":true}}}`, "either Next or End at /States/A"},
		"no branches":       {`{"StartAt":"A","States":{"A":{"Type":"Parallel","End":true}}}`, "Branches must have at least one at /States/A"},
		"in a branch":       {`{"StartAt":"A","States":{"A":{"Type":"Parallel","End":true,"Branches":[{"StartAt":"B","States":{}}]}}}`, "Missing 'Next' target: B at /States/A/Branches[0]/StartAt"},
		"no catch":          {`{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1,"End":true,"Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}]}}}`, "at /States/A/Catch[0]/Next"},
		"no choice":         {`{"StartAt":"A","States":{"A":{"Type":"Choice","Default":"A","Choices":[{"Variable":"$.a","IsPresent":true,"Next":"B"}]}}}`, "at /States/A/Choices[0]/Next"},
		"another resource":  {`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","End":true}}}`, ""},
		"another type":      {`{"StartAt":"A","States":{"A":{"Type":"Map","End":true}}}`, ""},
		"another field":     {`{"StartAt":"A","TimeoutSeconds":1,"States":{"A":{"Type":"Succeed"}}}`, ""},
		"paths":             {`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::ecs:runTask.sync","Parameters":{"Cluster.$":"$.a"},"End":true}}}`, ""},
		"another condition": {`{"StartAt":"A","States":{"A":{"Type":"Choice","Default":"A","Choices":[{"Variable":"$.a","Next":"A"}]}}}`, ""},
	} {
		_, err := sfn.Parse(test.definition)
		if test.words == "" {
			if !errors.Is(err, cloud.ErrUnimplemented) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		(&awstest.Tester{T: t}).Refused(err, "InvalidDefinition", test.words)
	}
	if m, err := sfn.Parse(run); err != nil || !m.Uses(sfn.RunTaskSync) || m.Uses(sfn.ListTasks) {
		t.Errorf("read %+v (%v)", m, err)
	}
}
