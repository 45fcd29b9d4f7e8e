package ssm_test

import (
	"strings"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ssm"
	"slipway/localcloud/cloud"
)

func find(c *awstest.Tester, name string) (value string, found bool) {
	c.Store.View(func(tx *cloud.Tx) {
		if r := ssm.Find(tx, awstest.Here.Scope, name); r != nil {
			value, found = ssm.Value(r), true
		}
	})
	return value, found
}

func TestParameter(t *testing.T) {
	c := awstest.New(t, ssm.Kinds()...)
	const arn = "arn:aws:ssm:eu-central-1:000000000000:parameter/"
	path := c.Make(ssm.ParameterToken, cloud.Map{"name": "/app/flag", "type": "String", "value": "on"})
	c.Make(ssm.ParameterToken, cloud.Map{"name": "flag", "type": "SecureString", "value": "hush"})
	if path.ID != "/app/flag" || path.Outputs["arn"] != arn+"app/flag" || path.Outputs["version"] != 1.0 || path.Outputs["tier"] != "Standard" {
		t.Errorf("parameter %s: %v", path.ID, path.Outputs)
	}
	for name, want := range map[string]string{
		"/app/flag": "on", arn + "app/flag": "on", "flag": "hush", arn + "flag": "hush",
		"app/flag": "", "/flag": "", arn + "app": "", "arn:aws:ssm:eu-west-1:000000000000:parameter/flag": "", "": "",
	} {
		if got, found := find(c, name); got != want || found != (want != "") {
			t.Errorf("%q is %q, %t; want %q", name, got, found, want)
		}
	}
	changed, err := c.Edit(path, cloud.Map{"value": "off"})
	if err != nil || changed.Outputs["version"] != 2.0 {
		t.Errorf("after a change: %v, %v", changed.Outputs["version"], err)
	}
	if tagged, err := c.Edit(changed, cloud.Map{"tags": cloud.Map{"Team": "web"}}); err != nil || tagged.Outputs["version"] != 2.0 {
		t.Errorf("after a change of its tags: version %v, %v", tagged.Outputs["version"], err)
	}
	if got, _ := find(c, "/app/flag"); got != "off" {
		t.Errorf("after a change it is %q", got)
	}
}

func TestParameterRefusals(t *testing.T) {
	c := awstest.New(t, ssm.Kinds()...)
	advanced := c.Make(ssm.ParameterToken, cloud.Map{"name": "long", "type": "String", "value": strings.Repeat("x", 5000), "tier": "Advanced"})
	_, err := c.Edit(advanced, cloud.Map{"tier": "Standard", "value": "x"})
	c.Refused(err, "ValidationException", "can't downgrade a parameter")
	_, err = c.Try(ssm.ParameterToken, cloud.Map{"name": "long", "type": "String", "value": "x"})
	c.Refused(err, "ParameterAlreadyExists", "The parameter already exists.")
	_, err = c.UpdateOnce(t.Context(), awstest.Here, ssm.ParameterToken, "none", cloud.Map{"name": "none", "type": "String", "value": "x"})
	c.Refused(err, "ParameterNotFound", "Parameter none not found.")
	for _, test := range []struct {
		in          cloud.Map
		code, words string
	}{
		{cloud.Map{"type": "Text"}, "Check", "expected type to be one of"},
		{cloud.Map{"tier": "Gold"}, "Check", "expected tier to be one of"},
		{cloud.Map{"insecureValue": "x"}, "Check", "only one of insecure_value,value can be specified"},
		{cloud.Map{"name": "a b"}, "ValidationException", "has only letters, digits"},
		{cloud.Map{"name": "/awsome"}, "ValidationException", `can't be prefixed with "aws" or "ssm"`},
		{cloud.Map{"name": "app/flag"}, "ValidationException", "must be a fully qualified name"},
		{cloud.Map{"name": strings.Repeat("/a", 16)}, "HierarchyLevelLimitExceededException", "a maximum of 15 levels"},
		{cloud.Map{"value": ""}, "ValidationException", "greater than or equal to 1"},
		{cloud.Map{"value": strings.Repeat("x", 4097)}, "ValidationException", "maximum parameter value of 4096 characters"},
		{cloud.Map{"value": strings.Repeat("x", 8193), "tier": "Advanced"}, "ValidationException", "maximum parameter value of 8192 characters"},
		{cloud.Map{"allowedPattern": "("}, "InvalidAllowedPatternException", "is not valid"},
		{cloud.Map{"allowedPattern": "[a-z]+"}, "ParameterPatternMismatchException", "cannot be validated against allowedPattern: [a-z]+"},
	} {
		in := cloud.Map{"name": "n", "type": "String", "value": "7"}
		for property, value := range test.in {
			in[property] = value
		}
		_, err := c.Try(ssm.ParameterToken, in)
		c.Refused(err, test.code, test.words)
	}
	for property, value := range map[string]string{"keyId": "alias/mine", "dataType": "aws:ec2:image"} {
		_, err := c.Try(ssm.ParameterToken, cloud.Map{"name": "n", "type": "SecureString", "value": "7", property: value})
		if err == nil || !strings.Contains(err.Error(), "not modelled") {
			t.Errorf("%s: %v", property, err)
		}
	}
}
