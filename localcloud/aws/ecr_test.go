package aws

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/cloud"
	"slipway/localcloud/schema"
)

// held is a registry: images by repository.
type held map[string][]Image

func (h held) Images(repository string) ([]Image, bool) {
	images, ok := h[repository]
	return images, ok
}

func (h held) Remove(repository string) error {
	delete(h, repository)
	return nil
}

const (
	helloURL = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/hello"
	// there is another account than here.
	thereAccount = "123456789012"
)

// twoImages is what hello holds in some tests.
func twoImages() []Image {
	return []Image{
		{Digest: "sha256:1", Tags: []string{"v1"}, Size: 10}, {Digest: "sha256:2", Tags: []string{"latest", "v2"}, Size: 20},
	}
}

// newRegistry returns a cloud with a registry and roles.
func newRegistry(t *testing.T, images held) *testCloud {
	return newCloud(t, slices.Concat(ecrKinds(), ECR(images), iamKinds())...)
}

// policyFor is a repository's policy with one statement.
func policyFor(effect, principal string, actions ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"new statement","Effect":"%s","Principal":%s,"Action":["%s"]}]}`,
		effect, principal, strings.Join(actions, `","`))
}

func TestRepository(t *testing.T) {
	images := held{}
	c := newRegistry(t, images)
	r := c.create(repositoryToken, cloud.Map{"name": "hello", "imageTagMutability": "IMMUTABLE", "tags": cloud.Map{"a": "b"}})
	for property, want := range map[string]any{
		"arn": "arn:aws:ecr:eu-central-1:000000000000:repository/hello", "registryId": DefaultAccount, "repositoryUrl": helloURL,
	} {
		if r.ID != "hello" || r.Outputs[property] != want {
			t.Errorf("%s of %s is %v, want %v", property, r.ID, r.Outputs[property], want)
		}
	}
	_, err := c.try(repositoryToken, cloud.Map{"name": "hello"})
	c.refused(err, "RepositoryAlreadyExistsException", "The repository with name 'hello' already exists in the registry with id '000000000000'")

	immutable := func(url string) (is bool) {
		c.Store.View(func(tx *cloud.Tx) { is = ImmutableTags(tx, url) })
		return is
	}
	for url, want := range map[string]bool{
		helloURL: true, helloURL + "x": false, "ghcr.io/hello": false,
		strings.Replace(helloURL, DefaultAccount, thereAccount, 1): false, strings.Replace(helloURL, "central", "west", 1): false,
	} {
		if immutable(url) != want {
			t.Errorf("tags of %s: immutable is not %t", url, want)
		}
	}
	if r, err = c.update(r, cloud.Map{"imageTagMutability": "MUTABLE", "imageScanningConfiguration": cloud.Map{"scanOnPush": true}}); err != nil || immutable(helloURL) {
		t.Errorf("after the update: %v, %t", err, immutable(helloURL))
	}

	images[helloURL] = twoImages()
	err = c.Delete(t.Context(), here, repositoryToken, "hello", time.Millisecond)
	c.refused(err, "RepositoryNotEmptyException", "not empty, consider using force_delete: api error RepositoryNotEmptyException: "+
		"The repository with name 'hello' in registry with id '000000000000' cannot be deleted because it still contains images")
	if r, err = c.update(r, cloud.Map{"forceDelete": true}); err != nil {
		t.Fatal(err)
	}
	c.create(repositoryPolicyToken, cloud.Map{"repository": "hello", "policy": policyFor("Allow", `"*"`, "ecr:BatchGetImage")})
	c.create(lifecyclePolicyToken, cloud.Map{"repository": "hello", "policy": lifecycleOf(expireAny(1))})
	c.delete(r)
	if left := c.left(); len(images) > 0 || len(left) > 0 {
		t.Errorf("left: %v and %v", images, left)
	}
}

func TestRepositoryRefusals(t *testing.T) {
	c := newRegistry(t, held{})
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
		_, err := c.try(repositoryToken, tt.in)
		c.refused(err, tt.code, tt.words)
	}
	c.create(repositoryToken, cloud.Map{"name": "team/my.app_1-x", "encryptionConfigurations": []any{cloud.Map{"encryptionType": "AES256"}}})
	for _, token := range []string{lifecyclePolicyToken, repositoryPolicyToken} {
		_, err := c.try(token, cloud.Map{"repository": "hello", "policy": "{}"})
		c.refused(err, "RepositoryNotFoundException", "The repository with name 'hello' does not exist in the registry")
	}
}

// expireUntagged is a rule for images whose tags have moved on.
const expireUntagged = `{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":14},"action":{"type":"expire"}}`

// expireAny is a rule for every image.
func expireAny(priority int) string {
	return fmt.Sprintf(`{"rulePriority":%d,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":5},"action":{"type":"expire"}}`, priority)
}

func lifecycleOf(rules ...string) string { return `{"rules":[` + strings.Join(rules, ",") + `]}` }

func TestLifecyclePolicy(t *testing.T) {
	c := newRegistry(t, held{})
	c.create(repositoryToken, cloud.Map{"name": "hello"})
	rule := func(priority int, selection string) string {
		return fmt.Sprintf(`{"rulePriority":%d,"selection":{%s},"action":{"type":"expire"}}`, priority, selection)
	}
	const count, days = `"countType":"imageCountMoreThan","countNumber":5`, `"countType":"sinceImagePushed","countUnit":"days","countNumber":14`
	for policy, words := range map[string]string{
		`[]`:             "Could not map policyString into LifecyclePolicy.",
		`{}`:             `object has missing required properties (["rules"])`,
		lifecycleOf():    "a policy has between 1 and 50 rules, and this one 0",
		`{"rules":[{}]}`: `object has missing required properties (["rulePriority","selection","action"])`,
		lifecycleOf(`{"rulePriority":1,"extra":1}`):                                                                                      `unknown field "extra"`,
		lifecycleOf(strings.Replace(expireAny(1), "expire", "transition", 1)):                                                            `instance value ("transition") not found in enum (possible values: ["expire"])`,
		lifecycleOf(rule(1, `"tagStatus":"all",`+count)):                                                                                 `instance value ("all") not found in enum`,
		lifecycleOf(rule(1, `"tagStatus":"any","countType":"many","countNumber":1`)):                                                     `instance value ("many") not found in enum`,
		lifecycleOf(rule(1, `"tagStatus":"any","countType":"imageCountMoreThan"`)):                                                       `object has missing required properties (["countNumber"])`,
		lifecycleOf(rule(0, `"tagStatus":"any",`+count)):                                                                                 "lower than the required minimum (minimum: 1, found: 0)",
		lifecycleOf(rule(1, `"tagStatus":"any",`+strings.Replace(count, "5", "-1", 1))):                                                  "lower than the required minimum (minimum: 1, found: -1)",
		lifecycleOf(rule(1, `"tagStatus":"any","countUnit":"days",`+count)):                                                              "instance failed to match exactly one schema (matched 0 out of 2)",
		lifecycleOf(rule(1, `"tagStatus":"any","countType":"sinceImagePushed","countNumber":1`)):                                         "instance failed to match exactly one schema (matched 0 out of 2)",
		lifecycleOf(rule(1, `"tagStatus":"tagged",`+count)):                                                                              "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.",
		lifecycleOf(rule(1, `"tagStatus":"untagged","tagPrefixList":["v"],`+count)):                                                      "are for tagStatus=TAGGED alone",
		lifecycleOf(rule(1, `"tagStatus":"tagged","tagPrefixList":["v"],"tagPatternList":["v*"],`+count)):                                "exclude each other",
		lifecycleOf(rule(1, `"tagStatus":"tagged","tagPatternList":["*a*b*c*d*"],`+count)):                                               "at most four wildcards",
		lifecycleOf(rule(1, `"tagStatus":"untagged",`+days), expireAny(1)):                                                               "rulePriority 1 is not unique",
		lifecycleOf(rule(2, `"tagStatus":"untagged",`+days), expireAny(1)):                                                               "Rule for tagStatus=ANY must have the lowest priority per storage class",
		lifecycleOf(rule(1, `"tagStatus":"untagged",`+days), rule(2, `"tagStatus":"untagged",`+count)):                                   "Only one rule can select Untagged images per storage class",
		lifecycleOf(rule(1, `"tagStatus":"untagged",`+days), rule(2, `"tagStatus":"tagged","tagPrefixList":["v"],`+count), expireAny(3)): "",
	} {
		r, err := c.try(lifecyclePolicyToken, cloud.Map{"repository": "hello", "policy": policy})
		if words == "" {
			if err != nil || r.ID != "hello" || r.Outputs["registryId"] != DefaultAccount {
				t.Errorf("policy %s: %v, %v", policy, r, err)
			}
			continue
		}
		c.refused(err, "InvalidParameterException", words)
		if err != nil && !strings.Contains(err.Error(), "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: ") {
			t.Errorf("policy %s: %v", policy, err)
		}
	}
	_, err := c.try(lifecyclePolicyToken, cloud.Map{"repository": "hello", "policy": "{"})
	c.refused(err, "Check", `"policy" contains an invalid JSON`)
}

func TestRepositoryPolicyRefusals(t *testing.T) {
	c := newRegistry(t, held{})
	c.create(repositoryToken, cloud.Map{"name": "hello"})
	good := policyFor("Allow", `{"AWS":"123456789012"}`, "ecr:BatchGetImage")
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
			_, err := c.try(repositoryPolicyToken, cloud.Map{"repository": "hello", "policy": tt.policy})
			if tt.code == "" {
				tt.code = "InvalidParameterException"
				if !strings.Contains(fmt.Sprint(err), "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'") {
					t.Errorf("got %v", err)
				}
			}
			c.refused(err, tt.code, tt.words)
		})
	}
	_, err := c.try(repositoryPolicyToken, cloud.Map{
		"repository": "hello", "policy": strings.Replace(good, `"Action"`, `"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}},"Action"`, 1),
	})
	c.refused(err, "", "the condition key aws:PrincipalOrgID of a policy: not modelled")
	r := c.create(repositoryPolicyToken, cloud.Map{"repository": "hello", "policy": good})
	if r.ID != "hello" || r.Outputs["registryId"] != DefaultAccount {
		t.Errorf("got %s, %v", r.ID, r.Outputs)
	}
}

func TestRepositoryDenial(t *testing.T) {
	c := newRegistry(t, held{})
	c.create(repositoryToken, cloud.Map{"name": "hello"})
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
	// The roles that policies name have to exist.
	for account, in := range map[string]cloud.Map{
		DefaultAccount: {"name": "task", "assumeRolePolicy": trustTasks}, thereAccount: {"name": "task", "path": "/slipway/", "assumeRolePolicy": trustTasks},
	} {
		checked, _, err := c.Check(roleToken, in)
		if err != nil {
			t.Fatal(err)
		}
		caller := cloud.Caller{Scope: cloud.Scope{Account: account, Region: here.Scope.Region}}
		if _, err := c.Create(t.Context(), caller, roleToken, checked, 0); err != nil {
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
		{"root of the account", policyFor("Allow", `{"AWS":"arn:aws:iam::123456789012:root"}`, pull), far, true, ""},
		{"the account's number", policyFor("Allow", `{"AWS":"123456789012"}`, "ecr:*"), far, true, ""},
		{"the role", policyFor("Allow", `{"AWS":["`+near+`","`+far+`"]}`, pull), far, true, ""},
		{"everybody", policyFor("Allow", `"*"`, pull), far, true, ""},
		{"everybody of AWS", policyFor("Allow", `{"AWS":"*"}`, pull), third, true, ""},
		{"allowed there alone", policyFor("Allow", `{"AWS":"123456789012"}`, pull), far, false, noIdentity},
		{"another account", policyFor("Allow", `{"AWS":"123456789012"}`, pull), third, true, noResource},
		{"another action", policyFor("Allow", `{"AWS":"123456789012"}`, "ecr:DescribeImages"), far, true, noResource},
		{"a service", policyFor("Allow", `{"Service":"ecs.amazonaws.com"}`, pull), far, true, noResource},
		{"allowed here by the repository alone", policyFor("Allow", `{"AWS":"`+near+`"}`, pull), near, false, ""},
		{"refused here", policyFor("Deny", `"*"`, pull), near, true, explicit},
		{"refused to all but one", `{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":"123456789012"},"Action":"ecr:*"},` +
			`{"Effect":"Allow","Principal":"*","Action":"ecr:*"}]}`, far, true, ""},
		{"refused to all but another", `{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":"123456789012"},"Action":"ecr:*"},` +
			`{"Effect":"Allow","Principal":"*","Action":"ecr:*"}]}`, third, true, explicit},
		{"a condition that holds", strings.Replace(policyFor("Allow", `"*"`, pull), `"Action"`,
			`"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/slipway/*"}},"Action"`, 1), far, true, ""},
		{"a condition that does not", strings.Replace(policyFor("Allow", `"*"`, pull), `"Action"`,
			`"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/slipway/*"}},"Action"`, 1), third, true, noResource},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.policy != "" {
				r := c.create(repositoryPolicyToken, cloud.Map{"repository": "hello", "policy": tt.policy})
				defer c.delete(r)
			}
			c.Store.View(func(tx *cloud.Tx) {
				if got := RepositoryDenial(tx, repository, tt.principal, pull, tt.allowed); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestGetImage(t *testing.T) {
	c := newRegistry(t, held{helloURL: twoImages()})
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
		{cloud.Map{"registryId": DefaultAccount, "repositoryName": "hello", "imageTag": "v1"}, "sha256:1"},
		{cloud.Map{"repositoryName": "hello", "imageDigest": "sha256:2"}, "sha256:2"},
		{cloud.Map{"repositoryName": "hello", "mostRecent": true}, "sha256:2"},
	} {
		out, err := ask(here, test.args)
		function, _ := schema.LookupFunction("aws:ecr/getImage:getImage")
		if failures := function.CheckResult(out, nil); len(failures) > 0 {
			t.Errorf("result: %v", failures)
		}
		if err != nil || out["imageDigest"] != test.want || out["imageUri"] != helloURL+"@"+test.want {
			t.Errorf("%v: %v, %v", test.args, out, err)
		}
	}
	_, err := ask(here, cloud.Map{"repositoryName": "hello", "imageTag": "v9"})
	c.refused(err, "", "reading ECR Images: couldn't find resource")
	_, err = ask(here, cloud.Map{"repositoryName": "empty", "imageTag": "v1"})
	c.refused(err, "RepositoryNotFoundException", "The repository with name 'empty' does not exist in the registry with id '000000000000'")
	c.create(repositoryToken, cloud.Map{"name": "empty"})
	_, err = ask(here, cloud.Map{"repositoryName": "empty", "imageTag": "v1"})
	c.refused(err, "", "reading ECR Images: couldn't find resource")
	_, err = ask(here, cloud.Map{"repositoryName": "hello"})
	c.refused(err, "", "must be specified")

	// From another account it takes the repository's policy, which one made by a push has not.
	there := cloud.Caller{Scope: cloud.Scope{Account: thereAccount, Region: here.Scope.Region}}
	args := cloud.Map{"registryId": DefaultAccount, "repositoryName": "hello", "imageTag": "v1"}
	const denied = "User: arn:aws:iam::123456789012:root is not authorized to perform: ecr:%s on resource: " +
		"arn:aws:ecr:eu-central-1:000000000000:repository/hello because no resource-based policy allows the ecr:%[1]s action"
	_, err = ask(there, args)
	c.refused(err, "AccessDeniedException", fmt.Sprintf(denied, "DescribeImages"))
	c.create(repositoryToken, cloud.Map{"name": "hello"})
	policy := c.create(repositoryPolicyToken, cloud.Map{
		"repository": "hello", "policy": policyFor("Allow", `{"AWS":"123456789012"}`, "ecr:BatchGetImage", "ecr:DescribeImages"),
	})
	_, err = ask(there, args)
	c.refused(err, "AccessDeniedException", fmt.Sprintf(denied, "DescribeRepositories"))
	if _, err := c.update(policy, cloud.Map{"policy": policyFor("Allow", `{"AWS":"123456789012"}`, "ecr:Describe*")}); err != nil {
		t.Fatal(err)
	}
	if out, err := ask(there, args); err != nil || out["imageUri"] != helloURL+"@sha256:1" {
		t.Errorf("got %v, %v", out, err)
	}
}
