package ecr_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/sts"
	"slipway/localcloud/cloud"
	"slipway/localcloud/schema"
)

const helloURL = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/hello"

// twoImages is what hello holds in some tests.
func twoImages() []ecr.Image {
	return []ecr.Image{
		{Digest: "sha256:1", Tags: []string{"v1"}, Size: 10}, {Digest: "sha256:2", Tags: []string{"latest", "v2"}, Size: 20},
	}
}

// newRegistry returns a cloud with a registry and roles.
func newRegistry(t *testing.T, images awstest.Held) *awstest.Tester {
	return awstest.New(t, slices.Concat(ecr.Kinds(), ecr.WithImages(images), iam.Kinds())...)
}

func TestRepository(t *testing.T) {
	images := awstest.Held{}
	c := newRegistry(t, images)
	r := c.Make(ecr.RepositoryToken, cloud.Map{"name": "hello", "imageTagMutability": "IMMUTABLE", "tags": cloud.Map{"a": "b"}})
	for property, want := range map[string]any{
		"arn": "arn:aws:ecr:eu-central-1:000000000000:repository/hello", "registryId": sts.DefaultAccount, "repositoryUrl": helloURL,
	} {
		if r.ID != "hello" || r.Outputs[property] != want {
			t.Errorf("%s of %s is %v, want %v", property, r.ID, r.Outputs[property], want)
		}
	}
	_, err := c.Try(ecr.RepositoryToken, cloud.Map{"name": "hello"})
	c.Refused(err, "RepositoryAlreadyExistsException", "The repository with name 'hello' already exists in the registry with id '000000000000'")

	immutable := func(url string) (is bool) {
		c.Store.View(func(tx *cloud.Tx) { is = ecr.ImmutableTags(tx, url) })
		return is
	}
	for url, want := range map[string]bool{
		helloURL: true, helloURL + "x": false, "ghcr.io/hello": false,
		strings.Replace(helloURL, sts.DefaultAccount, awstest.ThereAccount, 1): false, strings.Replace(helloURL, "central", "west", 1): false,
	} {
		if immutable(url) != want {
			t.Errorf("tags of %s: immutable is not %t", url, want)
		}
	}
	if r, err = c.Edit(r, cloud.Map{"imageTagMutability": "MUTABLE", "imageScanningConfiguration": cloud.Map{"scanOnPush": true}}); err != nil || immutable(helloURL) {
		t.Errorf("after the update: %v, %t", err, immutable(helloURL))
	}

	images[helloURL] = twoImages()
	err = c.Delete(t.Context(), awstest.Here, ecr.RepositoryToken, "hello", time.Millisecond)
	c.Refused(err, "RepositoryNotEmptyException", "not empty, consider using force_delete: api error RepositoryNotEmptyException: "+
		"The repository with name 'hello' in registry with id '000000000000' cannot be deleted because it still contains images")
	if r, err = c.Edit(r, cloud.Map{"forceDelete": true}); err != nil {
		t.Fatal(err)
	}
	c.Make(ecr.RepositoryPolicyToken, cloud.Map{"repository": "hello", "policy": awstest.PolicyFor("Allow", `"*"`, "ecr:BatchGetImage")})
	c.Make(ecr.LifecyclePolicyToken, cloud.Map{"repository": "hello", "policy": awstest.LifecycleOf(awstest.ExpireAny(1))})
	c.Remove(r)
	if left := c.Left(); len(images) > 0 || len(left) > 0 {
		t.Errorf("left: %v and %v", images, left)
	}
}

func TestRepositoryRefusals(t *testing.T) {
	c := newRegistry(t, awstest.Held{})
	for _, tt := range []struct {
		in          cloud.Map
		code, words string
	}{
		{cloud.Map{"name": "Hello"}, "InvalidParameterException", "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression"},
		{cloud.Map{"name": "a/"}, "InvalidParameterException", "must satisfy regular expression"},
		{cloud.Map{"name": "a__b"}, "InvalidParameterException", "must satisfy regular expression"},
		{cloud.Map{"name": "a"}, "InvalidParameterException", "must have length between 2 and 256"},
		{cloud.Map{"name": "hello", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}, "Check", `expected imageTagMutability to be one of ["MUTABLE" "IMMUTABLE"], got IMMUTABLE_WITH_EXCLUSION`},
		{cloud.Map{"name": "hello", "encryptionConfigurations": []any{cloud.Map{"encryptionType": "DES"}}}, "Check", `to be one of ["AES256" "KMS" "KMS_DSSE"], got DES`},
		{cloud.Map{"name": "hello", "encryptionConfigurations": []any{cloud.Map{"encryptionType": "KMS"}}}, "", "encryption of a repository with a key of KMS: not modelled"},
	} {
		_, err := c.Try(ecr.RepositoryToken, tt.in)
		c.Refused(err, tt.code, tt.words)
	}
	c.Make(ecr.RepositoryToken, cloud.Map{"name": "team/my.app_1-x", "encryptionConfigurations": []any{cloud.Map{"encryptionType": "AES256"}}})
	for _, token := range []string{ecr.LifecyclePolicyToken, ecr.RepositoryPolicyToken} {
		_, err := c.Try(token, cloud.Map{"repository": "hello", "policy": "{}"})
		c.Refused(err, "RepositoryNotFoundException", "The repository with name 'hello' does not exist in the registry")
	}
}

func TestLifecyclePolicy(t *testing.T) {
	c := newRegistry(t, awstest.Held{})
	c.Make(ecr.RepositoryToken, cloud.Map{"name": "hello"})
	rule := func(priority int, selection string) string {
		return fmt.Sprintf(`{"rulePriority":%d,"selection":{%s},"action":{"type":"expire"}}`, priority, selection)
	}
	const count, days = `"countType":"imageCountMoreThan","countNumber":5`, `"countType":"sinceImagePushed","countUnit":"days","countNumber":14`
	for policy, words := range map[string]string{
		`[]`:                  "Could not map policyString into LifecyclePolicy.",
		`{}`:                  `object has missing required properties (["rules"])`,
		awstest.LifecycleOf(): "a policy has between 1 and 50 rules, and this one 0",
		`{"rules":[{}]}`:      `object has missing required properties (["rulePriority","selection","action"])`,
		awstest.LifecycleOf(`{"rulePriority":1,"extra":1}`):                                                                                              `unknown field "extra"`,
		awstest.LifecycleOf(strings.Replace(awstest.ExpireAny(1), "expire", "transition", 1)):                                                            `instance value ("transition") not found in enum (possible values: ["expire"])`,
		awstest.LifecycleOf(rule(1, `"tagStatus":"all",`+count)):                                                                                         `instance value ("all") not found in enum`,
		awstest.LifecycleOf(rule(1, `"tagStatus":"any","countType":"many","countNumber":1`)):                                                             `instance value ("many") not found in enum`,
		awstest.LifecycleOf(rule(1, `"tagStatus":"any","countType":"imageCountMoreThan"`)):                                                               `object has missing required properties (["countNumber"])`,
		awstest.LifecycleOf(rule(0, `"tagStatus":"any",`+count)):                                                                                         "lower than the required minimum (minimum: 1, found: 0)",
		awstest.LifecycleOf(rule(1, `"tagStatus":"any",`+strings.Replace(count, "5", "-1", 1))):                                                          "lower than the required minimum (minimum: 1, found: -1)",
		awstest.LifecycleOf(rule(1, `"tagStatus":"any","countUnit":"days",`+count)):                                                                      "instance failed to match exactly one schema (matched 0 out of 2)",
		awstest.LifecycleOf(rule(1, `"tagStatus":"any","countType":"sinceImagePushed","countNumber":1`)):                                                 "instance failed to match exactly one schema (matched 0 out of 2)",
		awstest.LifecycleOf(rule(1, `"tagStatus":"tagged",`+count)):                                                                                      "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.",
		awstest.LifecycleOf(rule(1, `"tagStatus":"untagged","tagPrefixList":["v"],`+count)):                                                              "are for tagStatus=TAGGED alone",
		awstest.LifecycleOf(rule(1, `"tagStatus":"tagged","tagPrefixList":["v"],"tagPatternList":["v*"],`+count)):                                        "exclude each other",
		awstest.LifecycleOf(rule(1, `"tagStatus":"tagged","tagPatternList":["*a*b*c*d*"],`+count)):                                                       "at most four wildcards",
		awstest.LifecycleOf(rule(1, `"tagStatus":"untagged",`+days), awstest.ExpireAny(1)):                                                               "rulePriority 1 is not unique",
		awstest.LifecycleOf(rule(2, `"tagStatus":"untagged",`+days), awstest.ExpireAny(1)):                                                               "Rule for tagStatus=ANY must have the lowest priority per storage class",
		awstest.LifecycleOf(rule(1, `"tagStatus":"untagged",`+days), rule(2, `"tagStatus":"untagged",`+count)):                                           "Only one rule can select Untagged images per storage class",
		awstest.LifecycleOf(rule(1, `"tagStatus":"untagged",`+days), rule(2, `"tagStatus":"tagged","tagPrefixList":["v"],`+count), awstest.ExpireAny(3)): "",
	} {
		r, err := c.Try(ecr.LifecyclePolicyToken, cloud.Map{"repository": "hello", "policy": policy})
		if words == "" {
			if err != nil || r.ID != "hello" || r.Outputs["registryId"] != sts.DefaultAccount {
				t.Errorf("policy %s: %v, %v", policy, r, err)
			}
			continue
		}
		c.Refused(err, "InvalidParameterException", words)
		if err != nil && !strings.Contains(err.Error(), "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: ") {
			t.Errorf("policy %s: %v", policy, err)
		}
	}
	_, err := c.Try(ecr.LifecyclePolicyToken, cloud.Map{"repository": "hello", "policy": "{"})
	c.Refused(err, "Check", `"policy" contains an invalid JSON`)
}

func TestRepositoryPolicyRefusals(t *testing.T) {
	c := newRegistry(t, awstest.Held{})
	c.Make(ecr.RepositoryToken, cloud.Map{"name": "hello"})
	good := awstest.PolicyFor("Allow", `{"AWS":"123456789012"}`, "ecr:BatchGetImage")
	for _, tt := range []struct{ name, policy, code, words string }{
		{"no JSON", `{"a":}`, "Check", "contains an invalid JSON policy"},
		{"no statement", `{"Version":"2012-10-17"}`, "", "Missing required field Statement"},
		{"a version", strings.Replace(good, "2012", "2013", 1), "", "must contain a valid version"},
		{"an effect", strings.Replace(good, "Allow", "Let", 1), "", "Invalid effect: Let"},
		{"no principal", `{"Statement":{"Effect":"Allow","Action":"ecr:BatchGetImage"}}`, "", "Missing required field Principal"},
		{"no action", `{"Statement":{"Effect":"Allow","Principal":"*"}}`, "", "Missing required field Action"},
		{"no such role", strings.Replace(good, "123456789012", "arn:aws:iam::123456789012:role/nobody", 1), "", "Invalid principal in policy"},
		{"a resource", strings.Replace(good, `"Action"`, `"Resource":"*","Action"`, 1), "", "a statement names a resource"},
		{"another service", strings.Replace(good, "ecr:", "s3:", 1), "", "an action is not one of ecr"},
		{"a field", strings.Replace(good, `"Action"`, `"Acton":"*","Action"`, 1), "", `unknown field "Acton"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.Try(ecr.RepositoryPolicyToken, cloud.Map{"repository": "hello", "policy": tt.policy})
			if tt.code == "" {
				tt.code = "InvalidParameterException"
				if !strings.Contains(fmt.Sprint(err), "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'") {
					t.Errorf("got %v", err)
				}
			}
			c.Refused(err, tt.code, tt.words)
		})
	}
	_, err := c.Try(ecr.RepositoryPolicyToken, cloud.Map{
		"repository": "hello", "policy": strings.Replace(good, `"Action"`, `"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}},"Action"`, 1),
	})
	c.Refused(err, "", "the condition key aws:PrincipalOrgID of a policy: not modelled")
	r := c.Make(ecr.RepositoryPolicyToken, cloud.Map{"repository": "hello", "policy": good})
	if r.ID != "hello" || r.Outputs["registryId"] != sts.DefaultAccount {
		t.Errorf("got %s, %v", r.ID, r.Outputs)
	}
}

func TestRepositoryDenial(t *testing.T) {
	c := newRegistry(t, awstest.Held{})
	c.Make(ecr.RepositoryToken, cloud.Map{"name": "hello"})
	const (
		repository = "arn:aws:ecr:eu-central-1:000000000000:repository/hello"
		pull       = "ecr:BatchGetImage"
		near       = "arn:aws:iam::000000000000:role/task"
		far        = "arn:aws:iam::123456789012:role/slipway/task"
		third      = "arn:aws:iam::210987654321:role/task"
		noIdentity = "because no identity-based policy allows the ecr:BatchGetImage action"
		noResource = "because no resource-based policy allows the ecr:BatchGetImage action"
		explicit   = "with an explicit deny in a resource-based policy"
	)
	// Roles in policies must exist.
	for account, in := range map[string]cloud.Map{
		sts.DefaultAccount: {"name": "task", "assumeRolePolicy": awstest.TrustTasks}, awstest.ThereAccount: {"name": "task", "path": "/slipway/", "assumeRolePolicy": awstest.TrustTasks},
	} {
		checked, _, err := c.Check(identity.RoleToken, in)
		if err != nil {
			t.Fatal(err)
		}
		caller := cloud.Caller{Scope: cloud.Scope{Account: account, Region: awstest.Here.Scope.Region}}
		if _, err := c.Create(t.Context(), caller, identity.RoleToken, checked, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, policy, principal string
		allowed                 bool // by the principal's own policies
		want                    string
	}{
		{"no policy, same account", "", near, true, ""},
		{"no policy, same account, not allowed", "", near, false, noIdentity},
		{"no policy, other account", "", far, true, noResource},
		{"no policy, other account, not allowed", "", far, false, noIdentity},
		{"root of the account", awstest.PolicyFor("Allow", `{"AWS":"arn:aws:iam::123456789012:root"}`, pull), far, true, ""},
		{"the account's number", awstest.PolicyFor("Allow", `{"AWS":"123456789012"}`, "ecr:*"), far, true, ""},
		{"the role", awstest.PolicyFor("Allow", `{"AWS":["`+near+`","`+far+`"]}`, pull), far, true, ""},
		{"everybody", awstest.PolicyFor("Allow", `"*"`, pull), far, true, ""},
		{"everybody of AWS", awstest.PolicyFor("Allow", `{"AWS":"*"}`, pull), third, true, ""},
		{"allowed there alone", awstest.PolicyFor("Allow", `{"AWS":"123456789012"}`, pull), far, false, noIdentity},
		{"another account", awstest.PolicyFor("Allow", `{"AWS":"123456789012"}`, pull), third, true, noResource},
		{"another action", awstest.PolicyFor("Allow", `{"AWS":"123456789012"}`, "ecr:DescribeImages"), far, true, noResource},
		{"a service", awstest.PolicyFor("Allow", `{"Service":"ecs.amazonaws.com"}`, pull), far, true, noResource},
		{"allowed here by the repository alone", awstest.PolicyFor("Allow", `{"AWS":"`+near+`"}`, pull), near, false, ""},
		{"refused here", awstest.PolicyFor("Deny", `"*"`, pull), near, true, explicit},
		{"refused to all but one", `{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":"123456789012"},"Action":"ecr:*"},` +
			`{"Effect":"Allow","Principal":"*","Action":"ecr:*"}]}`, far, true, ""},
		{"refused to all but another", `{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":"123456789012"},"Action":"ecr:*"},` +
			`{"Effect":"Allow","Principal":"*","Action":"ecr:*"}]}`, third, true, explicit},
		{"a condition that holds", strings.Replace(awstest.PolicyFor("Allow", `"*"`, pull), `"Action"`,
			`"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/slipway/*"}},"Action"`, 1), far, true, ""},
		{"a condition that does not", strings.Replace(awstest.PolicyFor("Allow", `"*"`, pull), `"Action"`,
			`"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/slipway/*"}},"Action"`, 1), third, true, noResource},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.policy != "" {
				r := c.Make(ecr.RepositoryPolicyToken, cloud.Map{"repository": "hello", "policy": tt.policy})
				defer c.Remove(r)
			}
			c.Store.View(func(tx *cloud.Tx) {
				if got := ecr.RepositoryDenial(tx, repository, tt.principal, pull, tt.allowed); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestGetImage(t *testing.T) {
	c := newRegistry(t, awstest.Held{helloURL: twoImages()})
	ask := func(caller cloud.Caller, args cloud.Map) (cloud.Map, error) {
		out, failures, err := c.Invoke(t.Context(), caller, "aws:ecr/getImage:getImage", args)
		if len(failures) > 0 {
			t.Fatal(failures)
		}
		return out, err
	}
	for _, test := range []struct {
		args cloud.Map
		want string
	}{
		{cloud.Map{"registryId": sts.DefaultAccount, "repositoryName": "hello", "imageTag": "v1"}, "sha256:1"},
		{cloud.Map{"repositoryName": "hello", "imageDigest": "sha256:2"}, "sha256:2"},
		{cloud.Map{"repositoryName": "hello", "mostRecent": true}, "sha256:2"},
	} {
		out, err := ask(awstest.Here, test.args)
		function, _ := schema.LookupFunction("aws:ecr/getImage:getImage")
		if failures := function.CheckResult(out, nil); len(failures) > 0 {
			t.Errorf("result: %v", failures)
		}
		if err != nil || out["imageDigest"] != test.want || out["imageUri"] != helloURL+"@"+test.want {
			t.Errorf("%v: %v, %v", test.args, out, err)
		}
	}
	_, err := ask(awstest.Here, cloud.Map{"repositoryName": "hello", "imageTag": "v9"})
	c.Refused(err, "", "reading ECR Images: couldn't find resource")
	_, err = ask(awstest.Here, cloud.Map{"repositoryName": "empty", "imageTag": "v1"})
	c.Refused(err, "RepositoryNotFoundException", "The repository with name 'empty' does not exist in the registry with id '000000000000'")
	c.Make(ecr.RepositoryToken, cloud.Map{"name": "empty"})
	_, err = ask(awstest.Here, cloud.Map{"repositoryName": "empty", "imageTag": "v1"})
	c.Refused(err, "", "reading ECR Images: couldn't find resource")
	_, err = ask(awstest.Here, cloud.Map{"repositoryName": "hello"})
	c.Refused(err, "", "must be specified")

	// From another account it takes the repository's policy, which one made by a push has not.
	there := cloud.Caller{Scope: cloud.Scope{Account: awstest.ThereAccount, Region: awstest.Here.Scope.Region}}
	args := cloud.Map{"registryId": sts.DefaultAccount, "repositoryName": "hello", "imageTag": "v1"}
	const denied = "User: arn:aws:iam::123456789012:root is not authorized to perform: ecr:%s on resource: " +
		"arn:aws:ecr:eu-central-1:000000000000:repository/hello because no resource-based policy allows the ecr:%[1]s action"
	_, err = ask(there, args)
	c.Refused(err, "AccessDeniedException", fmt.Sprintf(denied, "DescribeImages"))
	c.Make(ecr.RepositoryToken, cloud.Map{"name": "hello"})
	policy := c.Make(ecr.RepositoryPolicyToken, cloud.Map{
		"repository": "hello", "policy": awstest.PolicyFor("Allow", `{"AWS":"123456789012"}`, "ecr:BatchGetImage", "ecr:DescribeImages"),
	})
	_, err = ask(there, args)
	c.Refused(err, "AccessDeniedException", fmt.Sprintf(denied, "DescribeRepositories"))
	if _, err := c.Edit(policy, cloud.Map{"policy": awstest.PolicyFor("Allow", `{"AWS":"123456789012"}`, "ecr:Describe*")}); err != nil {
		t.Fatal(err)
	}
	if out, err := ask(there, args); err != nil || out["imageUri"] != helloURL+"@sha256:1" {
		t.Errorf("got %v, %v", out, err)
	}
}
