package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumiconfig "github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"go.yaml.in/yaml/v3"

	"slipway/bootstrap/permissions"
	"slipway/components/fsbp"
	"slipway/components/mocks"
	"slipway/internal/settings"
)

// The accounts of the example stacks.
const (
	devAccount  = "123456789012"
	prodAccount = "210987654321"
)

// cloud is the program's mocks in an account.
type cloud struct {
	mocks.Cloud
	account string // devAccount if empty
}

// Call implements [pulumi.MockResourceMonitor].
func (c *cloud) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	switch args.Token {
	case "aws:index/getCallerIdentity:getCallerIdentity":
		return resource.PropertyMap{"accountId": resource.NewProperty(cmp.Or(c.account, devAccount))}, nil
	case "aws:index/getPartition:getPartition":
		return resource.PropertyMap{"partition": resource.NewProperty("aws")}, nil
	}
	return c.Cloud.Call(args)
}

// NewResource implements [pulumi.MockResourceMonitor].
func (c *cloud) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	id, outputs, err := c.Cloud.NewResource(args)
	switch {
	case err != nil:
		return "", nil, err
	case args.TypeToken == "aws:ecr/repository:Repository":
		outputs["repositoryUrl"] = resource.NewProperty("registry/" + args.Name)
	case args.TypeToken == "aws:s3/bucketV2:BucketV2":
		outputs["bucket"] = resource.NewProperty(args.Name + "-0123456")
	}
	return id, outputs, nil
}

// deploy runs the program with a config and returns its outputs as JSON.
func (c *cloud) deploy(s settings.Source) (outputs string, err error) {
	var captured settings.Source
	c.Options = []pulumi.RunOption{pulumi.WithMocks(s.Project, s.Stack, c), func(info *pulumi.RunInfo) {
		info.Config, info.ConfigSecretKeys = s.Values, s.SecretKeys
	}, captured.Capture, func(*pulumi.RunInfo) { captured.File = s.File }}
	err = c.Run(func(ctx *pulumi.Context) error {
		if err := bootstrap(ctx, captured); err != nil {
			return err
		}
		pulumi.JSONMarshal(pulumi.Map(ctx.GetCurrentExportMap())).ApplyT(func(text string) string {
			outputs = text
			return text
		})
		return nil
	})
	return outputs, err
}

// readStack reads a stack's config from its file, as the engine does.
func readStack(t *testing.T, name string) settings.Source {
	t.Helper()
	project, err := workspace.LoadProject("Pulumi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	stack, err := workspace.LoadProjectStack(nil, project, "Pulumi."+name+".yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := settings.Source{Project: string(project.Name), Stack: name, Values: make(map[string]string)}
	for key, value := range stack.Config {
		if s.Values[key.String()], err = value.Value(pulumiconfig.NopDecrypter); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func testAccount(id string) permissions.Account {
	a := permissions.Account{Partition: "aws", ID: id, RolePath: "/slipway/", ScheduleRoles: "-schedule-???????", RunRoles: "-run-???????", Boundary: "arn:aws:iam::" + id + ":policy/slipway-boundary"}
	if id == devAccount { // it has the stacks of pull requests
		a.StacksBoundary = "arn:aws:iam::" + id + ":policy/slipway-pr-boundary"
	}
	return a
}

// quote returns the document in the form of a listing of inputs.
func quote(document permissions.Document) string { return quoteText(document.JSON()) }

func quoteText(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(quoted)
}

// provider is the ARN of the created provider.
const provider = "arn:OpenIdConnectProvider/github"

// commonResources are in every account.
func commonResources(t *testing.T, account, bucketARN, environment string, previewTrust permissions.Document) string {
	t.Helper()
	here := testAccount(account)
	preview, err := permissions.Preview(here)
	if err != nil {
		t.Fatal(err)
	}
	refresh, err := permissions.Refresh(here)
	if err != nil {
		t.Fatal(err)
	}
	policies, err := permissions.Deploy(here)
	if err != nil {
		t.Fatal(err)
	}
	deploy := make(map[string]string)
	for _, p := range policies {
		deploy[p.Name] = quote(p.Document)
	}
	return `
aws:iam/openIdConnectProvider:OpenIdConnectProvider github {"clientIdLists":["sts.amazonaws.com"],"url":"https://token.actions.githubusercontent.com"}
aws:iam/policy:Policy slipway-boundary {"description":"The most that roles of slipway's services can do","name":"slipway-boundary","policy":` + quote(permissions.Boundary(here)) + `}
aws:iam/role:Role slipway-preview {"assumeRolePolicy":` + quote(previewTrust) + `,"description":"Previews slipway's stacks","maxSessionDuration":3600,"name":"slipway-preview"}
aws:iam/policy:Policy slipway-preview-program {"policy":` + quote(preview) + `}
aws:iam/rolePolicyAttachment:RolePolicyAttachment slipway-preview-program {"policyArn":"arn:Policy/slipway-preview-program","role":"slipway-preview-0123456"}
aws:iam/policy:Policy slipway-preview-state {"policy":` + quote(permissions.ReadState(bucketARN)) + `}
aws:iam/rolePolicyAttachment:RolePolicyAttachment slipway-preview-state {"policyArn":"arn:Policy/slipway-preview-state","role":"slipway-preview-0123456"}
aws:iam/role:Role slipway-drift {"assumeRolePolicy":` + quote(permissions.TrustMain(provider, "example/hello", []string{"drift"}, nil)) + `,"description":"Compares slipway's stacks with their state","maxSessionDuration":3600,"name":"slipway-drift"}
aws:iam/policy:Policy slipway-drift-program {"policy":` + quote(refresh) + `}
aws:iam/rolePolicyAttachment:RolePolicyAttachment slipway-drift-program {"policyArn":"arn:Policy/slipway-drift-program","role":"slipway-drift-0123456"}
aws:iam/policy:Policy slipway-drift-state {"policy":` + quote(permissions.ReadState(bucketARN)) + `}
aws:iam/rolePolicyAttachment:RolePolicyAttachment slipway-drift-state {"policyArn":"arn:Policy/slipway-drift-state","role":"slipway-drift-0123456"}
aws:iam/role:Role slipway-deploy {"assumeRolePolicy":` + quote(permissions.TrustMain(provider, "example/hello", []string{environment}, nil)) + `,"description":"Deploys slipway's stacks","maxSessionDuration":3600,"name":"slipway-deploy"}
aws:iam/policy:Policy slipway-deploy-load-balancing {"policy":` + deploy["load-balancing"] + `}
aws:iam/rolePolicyAttachment:RolePolicyAttachment slipway-deploy-load-balancing {"policyArn":"arn:Policy/slipway-deploy-load-balancing","role":"slipway-deploy-0123456"}
aws:iam/policy:Policy slipway-deploy-network {"policy":` + deploy["network"] + `}
aws:iam/rolePolicyAttachment:RolePolicyAttachment slipway-deploy-network {"policyArn":"arn:Policy/slipway-deploy-network","role":"slipway-deploy-0123456"}
aws:iam/policy:Policy slipway-deploy-jobs {"policy":` + deploy["jobs"] + `}
aws:iam/rolePolicyAttachment:RolePolicyAttachment slipway-deploy-jobs {"policyArn":"arn:Policy/slipway-deploy-jobs","role":"slipway-deploy-0123456"}
aws:iam/policy:Policy slipway-deploy-roles {"policy":` + deploy["roles"] + `}
aws:iam/rolePolicyAttachment:RolePolicyAttachment slipway-deploy-roles {"policyArn":"arn:Policy/slipway-deploy-roles","role":"slipway-deploy-0123456"}
aws:iam/policy:Policy slipway-deploy-services {"policy":` + deploy["services"] + `}
aws:iam/rolePolicyAttachment:RolePolicyAttachment slipway-deploy-services {"policyArn":"arn:Policy/slipway-deploy-services","role":"slipway-deploy-0123456"}
aws:iam/policy:Policy slipway-deploy-state {"policy":` + quote(permissions.WriteState(bucketARN)) + `}
aws:iam/rolePolicyAttachment:RolePolicyAttachment slipway-deploy-state {"policyArn":"arn:Policy/slipway-deploy-state","role":"slipway-deploy-0123456"}
`
}

// Prod's account has the state of all stacks, and lets dev's account use the state of its own.
func TestProd(t *testing.T) {
	c := cloud{account: prodAccount}
	outputs, err := c.deploy(readStack(t, "prod"))
	if err != nil {
		t.Fatal(err)
	}
	const bucketARN = "arn:BucketV2/slipway-state"
	stacks := []string{"dev", "pr-*"}
	bucketPolicy := slices.Concat(permissions.RequireTLS(bucketARN),
		permissions.ShareWithRoles(permissions.ReadStacks(bucketARN, "slipway", stacks), "aws", devAccount, "slipway-deploy", "slipway-drift", "slipway-preview", "slipway-pr"),
		permissions.ShareWithRoles(permissions.WriteStacks(bucketARN, "slipway", stacks), "aws", devAccount, "slipway-deploy", "slipway-pr"))
	c.Expect(t, commonResources(t, prodAccount, bucketARN, "prod", permissions.TrustMain(provider, "example/hello", []string{"preview"}, nil))+`
aws:s3/bucketV2:BucketV2 slipway-state
aws:s3/bucketVersioningV2:BucketVersioningV2 slipway-state {"bucket":"BucketV2/slipway-state","versioningConfiguration":{"status":"Enabled"}}
aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2 slipway-state {"bucket":"BucketV2/slipway-state","rules":[{"applyServerSideEncryptionByDefault":{"sseAlgorithm":"AES256"}}]}
aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock slipway-state {"blockPublicAcls":true,"blockPublicPolicy":true,"bucket":"BucketV2/slipway-state","ignorePublicAcls":true,"restrictPublicBuckets":true}
aws:s3/bucketPolicy:BucketPolicy slipway-state {"bucket":"BucketV2/slipway-state","policy":`+quote(bucketPolicy)+`}
`)
	const want = `{"deployRoleArn":"arn:Role/slipway-deploy","driftRoleArn":"arn:Role/slipway-drift","permissionsBoundary":"arn:Policy/slipway-boundary",` +
		`"previewRoleArn":"arn:Role/slipway-preview","repositoryUrls":{},"stateBucket":"slipway-state-0123456"}`
	if outputs != want {
		t.Errorf("outputs are %s\nwant %s", outputs, want)
	}
}

func TestDev(t *testing.T) {
	c := cloud{account: devAccount}
	outputs, err := c.deploy(readStack(t, "dev"))
	if err != nil {
		t.Fatal(err)
	}
	const bucketARN = "arn:aws:s3:::slipway-state-0123456"
	policies, err := permissions.DeployStacks(testAccount(devAccount), "slipway", "pr-*")
	if err != nil {
		t.Fatal(err)
	}
	policies = append(policies,
		permissions.Policy{Name: "images", Document: permissions.PushImages([]string{"arn:aws:ecr:eu-central-1:123456789012:repository/pr/hello"})},
		permissions.Policy{Name: "state", Document: append(
			permissions.ReadStacks(bucketARN, "slipway", []string{"dev", "pr-*"}), permissions.WriteStacks(bucketARN, "slipway", []string{"pr-*"})...)})
	var pullRequest strings.Builder
	for _, p := range policies {
		name := "slipway-pr-" + p.Name
		fmt.Fprintf(&pullRequest, "aws:iam/policy:Policy %s {\"policy\":%s}\n", name, quote(p.Document))
		fmt.Fprintf(&pullRequest, "aws:iam/rolePolicyAttachment:RolePolicyAttachment %s {\"policyArn\":\"arn:Policy/%[1]s\",\"role\":\"slipway-pr-0123456\"}\n", name)
	}
	c.Expect(t, commonResources(t, devAccount, bucketARN, "dev", permissions.TrustPullRequests(provider, "example/hello", "preview"))+pullRequest.String()+`
aws:iam/policy:Policy slipway-pr-boundary {"description":"The most that roles of pull requests' stacks can do","name":"slipway-pr-boundary","policy":`+
		quote(permissions.StacksBoundary(testAccount(devAccount), "slipway", "pr-*"))+`}
aws:iam/role:Role slipway-pr {"assumeRolePolicy":`+quote(permissions.TrustEveryBranch(provider, "example/hello", "pr"))+`,"description":"Deploys the stacks of pull requests","maxSessionDuration":3600,"name":"slipway-pr"}
aws:ecr/repository:Repository pr/hello {"encryptionConfigurations":[{"encryptionType":"AES256"}],"imageScanningConfiguration":{"scanOnPush":true},"imageTagMutability":"IMMUTABLE","name":"pr/hello"}
aws:ecr/lifecyclePolicy:LifecyclePolicy pr/hello {"policy":`+quoteText(expireAfter(30))+`,"repository":"pr/hello"}
aws:ecr/repository:Repository hello {"encryptionConfigurations":[{"encryptionType":"AES256"}],"imageScanningConfiguration":{"scanOnPush":true},"imageTagMutability":"IMMUTABLE","name":"hello"}
aws:ecr/lifecyclePolicy:LifecyclePolicy hello {"policy":`+quoteText(keepNewest(100))+`,"repository":"hello"}
aws:ecr/repositoryPolicy:RepositoryPolicy hello {"policy":`+quote(permissions.PullFromAccounts("aws", []string{prodAccount}))+`,"repository":"hello"}
aws:iam/policy:Policy slipway-deploy-images {"policy":`+quote(permissions.PushImages([]string{"arn:aws:ecr:eu-central-1:123456789012:repository/hello"}))+`}
aws:iam/rolePolicyAttachment:RolePolicyAttachment slipway-deploy-images {"policyArn":"arn:Policy/slipway-deploy-images","role":"slipway-deploy-0123456"}
`)
	if want := `"pullRequestRoleArn":"arn:Role/slipway-pr","repositoryUrls":{"hello":"registry/hello"},"stateBucket":"slipway-state-0123456"`; !strings.Contains(outputs, want) {
		t.Errorf("outputs %s lack %s", outputs, want)
	}
}

// The accounts are in the policy in one order, so that no update changes it for nothing.
func TestStateOfSeveralAccounts(t *testing.T) {
	a := account{Account: testAccount(prodAccount), config: &config{stateAccounts: map[string][]string{
		"333333333333": {"qa"}, "111111111111": {"dev"}, "222222222222": {"pr-*"},
	}}}
	want := permissions.RequireTLS("arn:b")
	for _, share := range []struct{ account, stack string }{{"111111111111", "dev"}, {"222222222222", "pr-*"}, {"333333333333", "qa"}} {
		stacks := []string{share.stack}
		readers, deployers := []string{"slipway-deploy", "slipway-drift", "slipway-preview"}, []string{"slipway-deploy"}
		if share.stack == "pr-*" {
			readers, deployers = append(readers, "slipway-pr"), append(deployers, "slipway-pr")
		}
		want = append(want, permissions.ShareWithRoles(permissions.ReadStacks("arn:b", "slipway", stacks), "aws", share.account, readers...)...)
		want = append(want, permissions.ShareWithRoles(permissions.WriteStacks("arn:b", "slipway", stacks), "aws", share.account, deployers...)...)
	}
	if got := a.stateBucketPolicy("arn:b").JSON(); got != want.JSON() {
		t.Errorf("%s\nwant %s", got, want.JSON())
	}
	sids := make(map[string]bool)
	for _, s := range want {
		if sids[s.Sid] {
			t.Errorf("two statements are %s", s.Sid)
		}
		sids[s.Sid] = true
	}
}

// Shared stacks belong to the program's project.
func TestProgramProject(t *testing.T) {
	project, err := workspace.LoadProject(filepath.Join("..", "Pulumi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if project.Name != programProject {
		t.Errorf("the program's project is %s, not %s", project.Name, programProject)
	}
}

func TestLifecyclePolicy(t *testing.T) {
	const want = `{"rules":[` +
		`{"rulePriority":1,"description":"Expire what was never tagged","selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":7},"action":{"type":"expire"}},` +
		`{"rulePriority":2,"description":"Keep the newest images","selection":{"tagStatus":"tagged","tagPatternList":["*"],"countType":"imageCountMoreThan","countNumber":25},"action":{"type":"expire"}}]}`
	if got := keepNewest(25); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestExpireAfter(t *testing.T) {
	const want = `{"rules":[{"rulePriority":1,"description":"Expire what is old",` +
		`"selection":{"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days","countNumber":30},"action":{"type":"expire"}}]}`
	if got := expireAfter(30); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// Pulumi Cloud has the state, the provider exists already, and people deploy too.
func TestOptions(t *testing.T) {
	const provider, admin = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com", "arn:aws:iam::123456789012:role/admin"
	s := readStack(t, "prod")
	delete(s.Values, "slipway-bootstrap:stateAccounts")
	s.Values["slipway-bootstrap:stateBucket"] = "false"
	s.Values["slipway-bootstrap:oidcProviderArn"] = provider
	s.Values["slipway-bootstrap:deployers"] = `["` + admin + `"]`
	var c cloud
	outputs, err := c.deploy(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range c.Resources() {
		if strings.HasPrefix(r.Type, "aws:s3/") || strings.HasPrefix(r.Type, "aws:ecr/") || strings.Contains(r.Type, "openIdConnect") || strings.HasSuffix(r.Name, "-state") {
			t.Errorf("%s %s is made", r.Type, r.Name)
		}
	}
	if strings.Contains(outputs, "stateBucket") {
		t.Errorf("outputs have a bucket: %s", outputs)
	}
	for role, want := range map[string]permissions.Document{
		"slipway-deploy":  permissions.TrustMain(provider, "example/hello", []string{"prod"}, []string{admin}),
		"slipway-drift":   permissions.TrustMain(provider, "example/hello", []string{"drift"}, nil),
		"slipway-preview": permissions.TrustMain(provider, "example/hello", []string{"preview"}, nil),
	} {
		if trust := c.Resource("aws:iam/role:Role", role).Inputs["assumeRolePolicy"].StringValue(); trust != want.JSON() {
			t.Errorf("role %s trusts %s\nwant %s", role, trust, want.JSON())
		}
	}
}

// deployEverything makes everything that an account can have: dev's resources and the bucket.
func deployEverything(t *testing.T) *cloud {
	t.Helper()
	s := readStack(t, "dev")
	delete(s.Values, "slipway-bootstrap:sharedStateBucket")
	var c cloud
	if _, err := c.deploy(s); err != nil {
		t.Fatal(err)
	}
	return &c
}

func TestEveryTaggableResourceHasTags(t *testing.T) {
	c := deployEverything(t)
	taggable := []string{
		"aws:ecr/repository:Repository", "aws:iam/openIdConnectProvider:OpenIdConnectProvider", "aws:iam/policy:Policy", "aws:iam/role:Role", "aws:s3/bucketV2:BucketV2",
	}
	want := resource.PropertyMap{"Project": resource.NewProperty("slipway-bootstrap"), "Stack": resource.NewProperty("dev")}
	for _, r := range c.Resources() {
		tags := r.Inputs["tags"]
		if tagged := tags.IsObject() && tags.ObjectValue().DeepEquals(want); tagged != slices.Contains(taggable, r.Type) {
			t.Errorf("%s %s has tags %v", r.Type, r.Name, tags)
		}
	}
}

// A fixed name prevents a replacement.
func TestFixedNamesAreDeletedBeforeReplaced(t *testing.T) {
	c := deployEverything(t)
	for _, r := range c.Resources() {
		_, named := r.Inputs["name"]
		_, url := r.Inputs["url"]
		if before := r.RPC.GetDeleteBeforeReplace(); before != (named || url) {
			t.Errorf("%s %s: deleted before it is replaced is %v", r.Type, r.Name, before)
		}
	}
}

func TestBucketPolicyComesAfterThePublicAccessBlock(t *testing.T) {
	c := deployEverything(t)
	if !c.Resource("aws:s3/bucketPolicy:BucketPolicy", "slipway-state").DependsOn("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "slipway-state") {
		t.Error("both are changed at a time")
	}
}

// Nothing is registered if the config is wrong, or the account and region are not known.
func TestFailuresRegisterNothing(t *testing.T) {
	wrong := readStack(t, "dev")
	wrong.Values["slipway-bootstrap:repository"] = "hello"
	for name, test := range map[string]struct {
		source settings.Source
		fail   func(token, name string) error
		want   string
	}{
		"config": {wrong, nil, "slipway-bootstrap:repository: "},
		"region": {readStack(t, "dev"), func(string, string) error { return errors.New("no region") }, "look up the AWS region, which is aws:region or that of the environment: "},
	} {
		c := cloud{Cloud: mocks.Cloud{Fail: test.fail}}
		if _, err := c.deploy(test.source); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, test.want)
		}
		c.Expect(t, "")
	}
}

// Each environment with its own role uses it, and no job has another's. A job without an environment belongs to a pull request.
func TestEnvironmentsHaveTheirRoles(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", ".github", "workflows", "*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var workflow struct {
			Jobs map[string]struct {
				Environment string
				Steps       []struct{ With map[string]string }
			}
		}
		if err := yaml.Unmarshal(text, &workflow); err != nil {
			t.Fatal(err)
		}
		for name, job := range workflow.Jobs {
			want := deployName
			if role, reserved := reservedEnvironments[job.Environment]; reserved {
				want = role
			} else if job.Environment == "" {
				want = previewName
			}
			found[job.Environment] = true
			for _, step := range job.Steps {
				for _, role := range regexp.MustCompile(`role/([\w-]+)`).FindAllStringSubmatch(step.With["role"]+step.With["role-to-assume"], -1) {
					if role[1] != want {
						t.Errorf("%s: job %s of environment %q has the role %s, not %s", file, name, job.Environment, role[1], want)
					}
				}
			}
		}
	}
	for environment := range reservedEnvironments {
		if !found[environment] {
			t.Errorf("no job is of the environment %s", environment)
		}
	}
}

// The local cloud serves these kinds.
func TestKindsAreServedByTheLocalCloud(t *testing.T) {
	tokens, err := os.ReadFile(filepath.Join("..", "localcloud", "schema", "tokens.txt"))
	if err != nil {
		t.Fatal(err)
	}
	served := strings.Fields(string(tokens))
	c := deployEverything(t)
	for _, r := range c.Resources() {
		if !slices.Contains(served, r.Type) {
			t.Errorf("%s is not served", r.Type)
		}
	}
}

// Pulumi.yaml describes the keys that the program reads, and no others.
func TestPulumiYAMLDescribesTheConfig(t *testing.T) {
	project, err := workspace.LoadProject("Pulumi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	described := slices.Sorted(maps.Keys(project.Config))
	s := readStack(t, "dev")
	s.Values["slipway-bootstrap:bogus"] = "x"
	_, err = readConfig(s)
	if want := "slipway-bootstrap:bogus: unknown key; known here are " + strings.Join(described, ", "); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	for key, declaration := range project.Config {
		if declaration.Description == "" || declaration.Type == nil {
			t.Errorf("key %s has no type or no description", key)
		}
	}
}

// Every resource of every account keeps AWS's Foundational Security Best Practices, except those that docs/security.md explains.
func TestBestPractices(t *testing.T) {
	var findings []fsbp.Finding
	for _, stack := range []string{"dev", "prod"} {
		var c cloud
		if _, err := c.deploy(readStack(t, stack)); err != nil {
			t.Fatalf("%s: %v", stack, err)
		}
		found, err := fsbp.Findings(c.Resources())
		if err != nil {
			t.Fatalf("%s: %v", stack, err)
		}
		findings = append(findings, found...)
	}
	fsbp.Expect(t, findings, fsbp.AccountExceptions)
}
