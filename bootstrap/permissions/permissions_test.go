package permissions

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var testAccount = Account{
	Partition: "aws",
	ID:        "123456789012",
	RolePath:  "/slipway/", ScheduleRoles: "-schedule-???????", RunRoles: "-run-???????",
	Boundary: "arn:aws:iam::123456789012:policy/slipway-boundary",

	StacksBoundary: "arn:aws:iam::123456789012:policy/slipway-pr-boundary",
}

func deployPolicies(t *testing.T) []Policy {
	t.Helper()
	policies, err := Deploy(testAccount)
	if err != nil {
		t.Fatal(err)
	}
	return policies
}

// deployDocument returns everything that the deploy role may do for the program.
func deployDocument(t *testing.T) Document {
	t.Helper()
	var document Document
	for _, p := range deployPolicies(t) {
		document = append(document, p.Document...)
	}
	return document
}

func previewDocument(t *testing.T) Document {
	t.Helper()
	document, err := Preview(testAccount)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func refreshDocument(t *testing.T) Document {
	t.Helper()
	document, err := Refresh(testAccount)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func actions(d Document) []string {
	var all []string
	for _, s := range d {
		all = append(all, s.Action...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// The policies fit their quotas, with room to grow.
func TestPoliciesFit(t *testing.T) {
	t.Parallel()
	account := testAccount
	account.Partition = "aws-us-gov" // the longest
	policies, err := Deploy(account)
	if err != nil {
		t.Fatal(err)
	}
	if most := 10 - len("is"); len(policies) > most { // the images and the state have one each
		t.Errorf("there are %d policies; a role takes 10", len(policies))
	}
	stacks, err := DeployStacks(account, "slipway", "pr-*")
	if err != nil {
		t.Fatal(err)
	}
	policies = append(policies, stacks...)
	preview, err := Preview(account)
	if err != nil {
		t.Fatal(err)
	}
	refresh, err := Refresh(account)
	if err != nil {
		t.Fatal(err)
	}
	policies = append(policies, Policy{"preview", preview}, Policy{"refresh", refresh}, Policy{"boundary", Boundary(account)},
		Policy{"boundary of stacks", StacksBoundary(account, "slipway", "pr-*")})
	for _, p := range policies {
		if n := len(p.Document.JSON()); n > MaxPolicySize {
			t.Errorf("policy %s has %d characters; IAM takes %d", p.Name, n, MaxPolicySize)
		}
	}
}

// The policies have only the table's actions, each once, except for roles that are passed to tasks and to scaling.
func TestDeployIsTheTable(t *testing.T) {
	t.Parallel()
	var wanted []string
	for _, operations := range Kinds {
		wanted = append(wanted, operations.All()...)
	}
	wanted = slices.Concat(wanted, functionActions(), Deployments, Jobs, Lookups, Orphans)
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)

	wanted = append(wanted, "iam:PassRole")
	slices.Sort(wanted)

	var granted []string
	for _, s := range deployDocument(t) {
		granted = append(granted, s.Action...)
	}
	slices.Sort(granted)
	if !slices.Equal(granted, wanted) {
		t.Errorf("granted are %v\nwanted are %v", granted, wanted)
	}
}

func TestActionsAreWellFormed(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(`^[a-z0-9-]+:[A-Z][A-Za-z0-9]+$`)
	for _, action := range actions(deployDocument(t)) {
		if !pattern.MatchString(action) {
			t.Errorf("%s is not an action", action)
		}
	}
	for token, operations := range Kinds {
		if len(operations.Read) == 0 {
			t.Errorf("%s is never read", token)
		}
		lists := slices.Concat([][]string{operations.Create, operations.Read, operations.Tags, operations.Delete}, slices.Collect(maps.Values(operations.Update)))
		for _, list := range lists {
			if unique := slices.Compact(slices.Sorted(slices.Values(list))); len(unique) != len(list) {
				t.Errorf("%s lists an action twice: %v", token, list)
			}
		}
		for _, action := range operations.Read {
			if !reads(action) {
				t.Errorf("%s: %s is no read", token, action)
			}
		}
	}
}

// reads reports whether the action changes nothing.
func reads(action string) bool {
	_, name, _ := strings.Cut(action, ":")
	return strings.HasPrefix(name, "Describe") || strings.HasPrefix(name, "Get") || strings.HasPrefix(name, "List") ||
		action == "states:ValidateStateMachineDefinition"
}

func TestEveryGrantIsUsed(t *testing.T) {
	t.Parallel()
	document := deployDocument(t)
	sids := make(map[string]bool)
	for _, s := range document {
		if sids[s.Sid] {
			t.Errorf("two statements are %s", s.Sid)
		}
		sids[s.Sid] = true
	}
	for _, g := range grants {
		if !sids[g.sid] {
			t.Errorf("grant %s allows nothing", g.sid)
		}
	}
}

func TestActionWithoutGrant(t *testing.T) {
	t.Parallel()
	if _, err := testAccount.statements([]string{"ec2:DescribeVpcs", "iam:CreateUser"}); err == nil || !strings.Contains(err.Error(), "iam:CreateUser") {
		t.Errorf("%v does not name the action", err)
	}
}

// A preview changes nothing and sees no secret.
func TestPreviewReads(t *testing.T) {
	t.Parallel()
	preview := previewDocument(t)
	for _, action := range actions(append(preview, ReadState("arn:aws:s3:::b")...)) {
		if !reads(action) || action == "secretsmanager:GetSecretValue" {
			t.Errorf("a preview may %s", action)
		}
	}
	const want = `{"Version":"2012-10-17","Statement":[` +
		`{"Sid":"CheckStateMachines","Effect":"Allow","Action":["states:ValidateStateMachineDefinition"],"Resource":["*"]},` +
		`{"Sid":"ReadLoadBalancers","Effect":"Allow","Action":["elasticloadbalancing:DescribeAccountLimits","elasticloadbalancing:DescribeListenerCertificates","elasticloadbalancing:DescribeListeners",` +
		`"elasticloadbalancing:DescribeLoadBalancerAttributes","elasticloadbalancing:DescribeLoadBalancers","elasticloadbalancing:DescribeRules","elasticloadbalancing:DescribeTags","elasticloadbalancing:DescribeTargetHealth"],"Resource":["*"]},` +
		`{"Sid":"ListCertificates","Effect":"Allow","Action":["acm:ListCertificates"],"Resource":["*"]},` +
		`{"Sid":"ManageCertificates","Effect":"Allow","Action":["acm:DescribeCertificate"],"Resource":["arn:aws:acm:*:123456789012:certificate/*"]},` +
		`{"Sid":"ReadNetwork","Effect":"Allow","Action":["ec2:DescribeAvailabilityZones","ec2:DescribeRouteTables","ec2:DescribeSecurityGroups","ec2:DescribeSubnets","ec2:DescribeVpcAttribute","ec2:DescribeVpcs"],"Resource":["*"]},` +
		`{"Sid":"ReadPolicies","Effect":"Allow","Action":["iam:GetPolicy","iam:GetPolicyVersion"],"Resource":["arn:aws:iam::123456789012:policy/*","arn:aws:iam::aws:policy/*"]},{"Sid":"ReadServices","Effect":"Allow","Action":["ecs:DescribeClusters","ecs:DescribeServices"],"Resource":["arn:aws:ecs:*:123456789012:cluster/*","arn:aws:ecs:*:123456789012:service/*"]},` +
		`{"Sid":"FindImages","Effect":"Allow","Action":["ecr:DescribeImages","ecr:DescribeRepositories"],"Resource":["arn:aws:ecr:*:*:repository/*"]}]}`
	if got := preview.JSON(); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// Following a deployment only reads. Neither a preview nor a refresh does it, so they do not read logs.
func TestRolloutReads(t *testing.T) {
	t.Parallel()
	deploy := deployDocument(t)
	for _, r := range []request{
		{"ecs:ListTasks", "*", nil},
		{"ecs:DescribeTasks", "arn:aws:ecs:eu-central-1:123456789012:task/dev-1/2", nil},
		{"elasticloadbalancing:DescribeTargetHealth", "*", nil},
		{"logs:GetLogEvents", "arn:aws:logs:eu-central-1:123456789012:log-group:dev-hello:log-stream:hello/main/1", nil},
	} {
		if !slices.Contains(Deployments, r.action) || !deploy.allows(r) {
			t.Errorf("%s on %s is not allowed", r.action, r.resource)
		}
	}
	preview := previewDocument(t)
	refresh := refreshDocument(t)
	for _, action := range Deployments {
		if !reads(action) {
			t.Errorf("%s is no read", action)
		}
	}
	if slices.Contains(actions(append(preview, refresh...)), "logs:GetLogEvents") {
		t.Error("a preview or a refresh may read logs")
	}
}

// The search for orphans only reads. Only deploying roles recover; a role for some stacks searches for theirs and reads no other
// stack's roles.
func TestOrphansReads(t *testing.T) {
	t.Parallel()
	for _, action := range Orphans {
		if !reads(action) {
			t.Errorf("%s is no read", action)
		}
	}
	deployStacks := deployStacks(t)
	const role = "arn:aws:iam::123456789012:role/slipway/"
	for name, document := range map[string]Document{"dev": deployDocument(t), "pr-7": deployStacks} {
		for _, r := range []request{
			{"tag:GetResources", "*", nil},
			{"iam:ListRoles", "*", nil},
			{"iam:GetRole", role + name + "-hello-task-1", nil},
			{"ec2:DescribeRouteTables", "*", nil},
		} {
			if !slices.Contains(Orphans, r.action) || !document.allows(r) {
				t.Errorf("who deploys %s may not %s on %s", name, r.action, r.resource)
			}
		}
	}
	if deployStacks.allows(request{"iam:GetRole", role + "dev-hello-task-1", nil}) {
		t.Error("who deploys pr-7 may read dev's roles")
	}
	preview := previewDocument(t)
	refresh := refreshDocument(t)
	for _, action := range []string{"iam:ListRoles", "tag:GetResources"} {
		if slices.Contains(actions(append(preview, refresh...)), action) {
			t.Errorf("a preview or a refresh may %s", action)
		}
	}
}

// A refresh reads everything that there is, secrets too, where the deploy role may, and changes nothing.
func TestRefreshReads(t *testing.T) {
	t.Parallel()
	refresh := refreshDocument(t)
	wanted := slices.Concat(functionActions(), Lookups)
	for _, operations := range Kinds {
		wanted = append(wanted, operations.Read...)
	}
	slices.Sort(wanted)
	if got := actions(refresh); !slices.Equal(got, slices.Compact(wanted)) || !slices.Contains(got, "secretsmanager:GetSecretValue") {
		t.Errorf("a refresh may %v\nwanted are %v", got, wanted)
	}
	for _, action := range actions(append(refresh, ReadState("arn:aws:s3:::b")...)) {
		if !reads(action) {
			t.Errorf("a refresh may %s", action)
		}
	}
	deploy := deployDocument(t)
	for _, s := range refresh {
		i := slices.IndexFunc(deploy, func(d Statement) bool { return d.Sid == s.Sid })
		if i < 0 || !slices.Equal(s.Resource, deploy[i].Resource) {
			t.Errorf("%s is about other resources than the deploy role's", s.Sid)
		}
	}
}

func TestSmallPolicies(t *testing.T) {
	t.Parallel()
	const logIn = `{"Sid":"LogInToRegistry","Effect":"Allow","Action":["ecr:GetAuthorizationToken"],"Resource":["*"]}`
	const onlyRuns = `"Condition":{"ArnLike":{"aws:PrincipalArn":["arn:aws:iam::123456789012:role/slipway/*-run-???????"]}}`
	for name, test := range map[string]struct {
		document Document
		want     string // the statements
	}{
		"boundary": {Boundary(testAccount), `{"Sid":"WriteLogs","Effect":"Allow","Action":["logs:CreateLogStream","logs:DescribeLogStreams","logs:PutLogEvents"],"Resource":["arn:aws:logs:*:123456789012:log-group:*"]},` +
			`{"Sid":"FindLogGroups","Effect":"Allow","Action":["logs:DescribeLogGroups"],"Resource":["*"]},` +
			`{"Sid":"ReadSecrets","Effect":"Allow","Action":["secretsmanager:GetSecretValue"],"Resource":["arn:aws:secretsmanager:*:123456789012:secret:*"]},` +
			`{"Sid":"ReadParameters","Effect":"Allow","Action":["ssm:GetParameter","ssm:GetParameters","ssm:GetParametersByPath"],"Resource":["arn:aws:ssm:*:123456789012:parameter/*"]},` +
			`{"Sid":"PullImages","Effect":"Allow","Action":["ecr:BatchCheckLayerAvailability","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Resource":["arn:aws:ecr:*:*:repository/*"]},` + logIn + `,` +
			`{"Sid":"StartJobs","Effect":"Allow","Action":["states:StartExecution"],"Resource":["arn:aws:states:*:123456789012:stateMachine:*"],` +
			`"Condition":{"ArnLike":{"aws:PrincipalArn":["arn:aws:iam::123456789012:role/slipway/*-schedule-???????"]}}},` +
			`{"Sid":"RunJobs","Effect":"Allow","Action":["ecs:RunTask"],"Resource":["arn:aws:ecs:*:123456789012:task-definition/*"],` + onlyRuns + `},` +
			`{"Sid":"FollowJobs","Effect":"Allow","Action":["ecs:DescribeTasks","ecs:StopTask"],"Resource":["arn:aws:ecs:*:123456789012:task/*"],` + onlyRuns + `},` +
			`{"Sid":"FindTasks","Effect":"Allow","Action":["ecs:ListTasks"],"Resource":["*"],` + onlyRuns + `},` +
			`{"Sid":"GiveRolesToTasks","Effect":"Allow","Action":["iam:PassRole"],"Resource":["arn:aws:iam::123456789012:role/slipway/*"],` +
			`"Condition":{"ArnLike":{"aws:PrincipalArn":["arn:aws:iam::123456789012:role/slipway/*-run-???????"]},"StringEquals":{"iam:PassedToService":["ecs-tasks.amazonaws.com"]}}},` +
			`{"Sid":"HearOfTasks","Effect":"Allow","Action":["events:DescribeRule","events:PutRule","events:PutTargets"],` +
			`"Resource":["arn:aws:events:*:123456789012:rule/StepFunctionsGetEventsForECSTaskRule"],` + onlyRuns + `}`},
		"boundary with more": {Boundary(testAccount, AllowTasks([]string{"s3:GetObject"}, []string{"arn:aws:s3:::reports/*"}))[12:], `{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::reports/*"]}`},
		"images": {PushImages([]string{"arn:r"}), `{"Sid":"PushImages","Effect":"Allow","Action":["ecr:BatchCheckLayerAvailability","ecr:BatchGetImage","ecr:CompleteLayerUpload",` +
			`"ecr:GetDownloadUrlForLayer","ecr:InitiateLayerUpload","ecr:PutImage","ecr:UploadLayerPart"],"Resource":["arn:r"]},` + logIn},
		"state to write": {WriteState("arn:b"), `{"Sid":"ListState","Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:b"]},` +
			`{"Sid":"WriteState","Effect":"Allow","Action":["s3:DeleteObject","s3:GetObject","s3:PutObject"],"Resource":["arn:b/*"]}`},
		"state to read": {ReadState("arn:b"), `{"Sid":"ListState","Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:b"]},` +
			`{"Sid":"ReadState","Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:b/*"]}`},
		"bucket": {RequireTLS("arn:b"), `{"Sid":"RequireTLS","Effect":"Deny","Principal":{"AWS":["*"]},"Action":["s3:*"],"Resource":["arn:b","arn:b/*"],` +
			`"Condition":{"Bool":{"aws:SecureTransport":["false"]}}}`},
		"stacks to read": {ReadStacks("arn:b", "p", []string{"s"}), `{"Sid":"ListStacks","Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:b"],"Condition":{"StringLike":{"s3:prefix":[` +
			`".pulumi/stacks/p/s.json",".pulumi/stacks/p/s.json.*",".pulumi/stacks/p/s.pulumi-tags",".pulumi/history/p/s/*",".pulumi/backups/p/s/*",".pulumi/locks/organization/p/s/*"]}}},` +
			`{"Sid":"ReadStacks","Effect":"Allow","Action":["s3:GetObject"],"Resource":[` +
			`"arn:b/.pulumi/stacks/p/s.json","arn:b/.pulumi/stacks/p/s.json.*","arn:b/.pulumi/stacks/p/s.pulumi-tags","arn:b/.pulumi/history/p/s/*","arn:b/.pulumi/backups/p/s/*",` +
			`"arn:b/.pulumi/locks/organization/p/s/*","arn:b/.pulumi/meta.yaml"]}`},
		"stacks to write": {WriteStacks("arn:b", "p", []string{"s"}), `{"Sid":"WriteStacks","Effect":"Allow","Action":["s3:DeleteObject","s3:PutObject"],"Resource":[` +
			`"arn:b/.pulumi/stacks/p/s.json","arn:b/.pulumi/stacks/p/s.json.*","arn:b/.pulumi/stacks/p/s.pulumi-tags","arn:b/.pulumi/history/p/s/*","arn:b/.pulumi/backups/p/s/*",` +
			`"arn:b/.pulumi/locks/organization/p/s/*"]}`},
		"shared": {
			ShareWithRoles(Document{
				{Sid: "A", Effect: "Allow", Action: []string{"s3:ListBucket"}, Resource: []string{"arn:b"}, Condition: Condition{"StringLike": {"s3:prefix": {"p"}}}},
				{Sid: "B", Effect: "Allow", Action: []string{"s3:GetObject"}, Resource: []string{"arn:b/*"}},
			}, "aws", "210987654321", "one", "two"),
			`{"Sid":"A210987654321","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::210987654321:root"]},"Action":["s3:ListBucket"],"Resource":["arn:b"],` +
				`"Condition":{"ArnEquals":{"aws:PrincipalArn":["arn:aws:iam::210987654321:role/one","arn:aws:iam::210987654321:role/two"]},"StringLike":{"s3:prefix":["p"]}}},` +
				`{"Sid":"B210987654321","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::210987654321:root"]},"Action":["s3:GetObject"],"Resource":["arn:b/*"],` +
				`"Condition":{"ArnEquals":{"aws:PrincipalArn":["arn:aws:iam::210987654321:role/one","arn:aws:iam::210987654321:role/two"]}}}`,
		},
		"repository": {PullFromAccounts("aws", []string{"210987654321"}), `{"Sid":"PullFromOtherAccounts","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::210987654321:root"]},` +
			`"Action":["ecr:BatchCheckLayerAvailability","ecr:BatchGetImage","ecr:DescribeImages","ecr:DescribeRepositories","ecr:GetDownloadUrlForLayer"]}`},
	} {
		if got, want := test.document.JSON(), `{"Version":"2012-10-17","Statement":[`+test.want+`]}`; got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
}

// request is a request for a policy to decide. The evaluation is IAM's: no statement allows what another one denies.
type request struct {
	action, resource string
	context          map[string]string // by condition key; several values are separated by spaces
}

func (d Document) allows(r request) bool {
	says := func(effect string) bool {
		return slices.ContainsFunc(d, func(s Statement) bool { return s.Effect == effect && s.about(r) })
	}
	return says(allow) && !says(deny)
}

func (s Statement) about(r request) bool {
	for operator, keys := range s.Condition {
		operator, any := strings.CutPrefix(operator, "ForAnyValue:")
		operator, not := strings.CutPrefix(operator, "StringNot")
		for key, values := range keys {
			value, has := r.context[key]
			have := []string{value}
			if any {
				have = strings.Fields(value)
			}
			found := has && slices.ContainsFunc(values, func(want string) bool {
				return slices.ContainsFunc(have, func(value string) bool {
					return want == value || strings.HasSuffix(operator, "Like") && matches(want, value) ||
						strings.HasSuffix(operator, "IgnoreCase") && strings.EqualFold(want, value)
				})
			})
			if found == not {
				return false
			}
		}
	}
	among := func(patterns []string, value string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, value) })
	}
	return among(s.Action, r.action) && among(s.Resource, r.resource)
}

// matches compares with a pattern in which "*" stands for any characters, and "?" for any one.
func matches(pattern, value string) bool {
	expression := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile(`^` + expression + `$`).MatchString(value)
}

// The deploy role cannot extend its permissions.
func TestDeployEscalation(t *testing.T) {
	t.Parallel()
	const (
		own     = "arn:aws:iam::123456789012:role/slipway-deploy"
		service = "arn:aws:iam::123456789012:role/slipway/dev-hello-task-1a2b3c4"
		linked  = "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
	)
	document := deployDocument(t)
	within := map[string]string{"iam:PermissionsBoundary": testAccount.Boundary}
	otherBoundary := map[string]string{"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}
	for name, test := range map[string]struct {
		request request
		want    bool
	}{
		"role within the boundary":     {request{"iam:CreateRole", service, within}, true},
		"policy within the boundary":   {request{"iam:PutRolePolicy", service, within}, true},
		"boundary to another role":     {request{"iam:PutRolePermissionsBoundary", service, within}, true},
		"reading a role":               {request{"iam:GetRole", service, nil}, true},
		"role to tasks":                {request{"iam:PassRole", service, map[string]string{"iam:PassedToService": "ecs-tasks.amazonaws.com"}}, true},
		"scaling's role to scaling":    {request{"iam:PassRole", "arn:aws:iam::123456789012:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService", nil}, true},
		"ECS's role to tasks":          {request{"iam:PassRole", linked, map[string]string{"iam:PassedToService": "ecs-tasks.amazonaws.com"}}, false},
		"ECS makes its role":           {request{"iam:CreateServiceLinkedRole", linked, map[string]string{"iam:AWSServiceName": "ecs.amazonaws.com"}}, true},
		"role without a boundary":      {request{"iam:CreateRole", service, nil}, false},
		"role with another boundary":   {request{"iam:CreateRole", service, otherBoundary}, false},
		"policy without a boundary":    {request{"iam:PutRolePolicy", service, nil}, false},
		"another boundary":             {request{"iam:PutRolePermissionsBoundary", service, otherBoundary}, false},
		"no boundary any more":         {request{"iam:DeleteRolePermissionsBoundary", service, within}, false},
		"managed policy, within it":    {request{"iam:AttachRolePolicy", service, within}, true},
		"managed policy, no boundary":  {request{"iam:AttachRolePolicy", service, nil}, false},
		"managed policy, another one":  {request{"iam:AttachRolePolicy", service, otherBoundary}, false},
		"managed policy to itself":     {request{"iam:AttachRolePolicy", own, within}, false},
		"managed policy elsewhere":     {request{"iam:AttachRolePolicy", "arn:aws:iam::123456789012:role/admin", within}, false},
		"taking a policy back":         {request{"iam:DetachRolePolicy", service, within}, true},
		"taking another's policy":      {request{"iam:DetachRolePolicy", "arn:aws:iam::123456789012:role/admin", within}, false},
		"role elsewhere":               {request{"iam:CreateRole", "arn:aws:iam::123456789012:role/admin", within}, false},
		"role with a similar name":     {request{"iam:CreateRole", "arn:aws:iam::123456789012:role/slipway-more", within}, false},
		"own policies":                 {request{"iam:PutRolePolicy", own, within}, false},
		"own trust":                    {request{"iam:UpdateAssumeRolePolicy", own, nil}, false},
		"itself to tasks":              {request{"iam:PassRole", own, map[string]string{"iam:PassedToService": "ecs-tasks.amazonaws.com"}}, false},
		"role to instances":            {request{"iam:PassRole", service, map[string]string{"iam:PassedToService": "ec2.amazonaws.com"}}, false},
		"role to whatever":             {request{"iam:PassRole", service, nil}, false},
		"the boundary itself":          {request{"iam:CreatePolicyVersion", testAccount.Boundary, nil}, false},
		"the provider":                 {request{"iam:AddClientIDToOpenIDConnectProvider", "arn:aws:iam::123456789012:oidc-provider/" + GitHub, nil}, false},
		"another service makes a role": {request{"iam:CreateServiceLinkedRole", linked, map[string]string{"iam:AWSServiceName": "rds.amazonaws.com"}}, false},
		"role to Step Functions":       {request{"iam:PassRole", service, map[string]string{"iam:PassedToService": "states.amazonaws.com"}}, true},
		"itself to Step Functions":     {request{"iam:PassRole", own, map[string]string{"iam:PassedToService": "states.amazonaws.com"}}, false},
		"a job, as a service":          {request{"ecs:RunTask", "arn:aws:ecs:eu-central-1:123456789012:task-definition/x:1", map[string]string{"ecs:cluster": "arn:aws:ecs:eu-central-1:123456789012:cluster/dev"}}, true}, // with roles that it may pass
		"a job in another's cluster":   {request{"ecs:RunTask", "arn:aws:ecs:eu-central-1:123456789012:task-definition/x:1", map[string]string{"ecs:cluster": "arn:aws:ecs:eu-central-1:210987654321:cluster/dev"}}, false},
		"another account's task":       {request{"ecs:StopTask", "arn:aws:ecs:eu-central-1:210987654321:task/x/1", nil}, false},
		"another account's secret":     {request{"secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-central-1:210987654321:secret:x", nil}, false},
		"another account's VPC":        {request{"ec2:DeleteVpc", "arn:aws:ec2:eu-central-1:210987654321:vpc/vpc-1", nil}, false},
		"instances":                    {request{"ec2:CreateTags", "arn:aws:ec2:eu-central-1:123456789012:instance/i-1", nil}, false},
		"network load balancers":       {request{"elasticloadbalancing:DeleteLoadBalancer", "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/x/1", nil}, false},
		"another region's VPC":         {request{"ec2:DeleteVpc", "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-1", nil}, true},
		"another account's image":      {request{"ecr:DescribeImages", "arn:aws:ecr:eu-central-1:210987654321:repository/hello", nil}, true},
		"log groups":                   {request{"logs:DescribeLogGroups", "arn:aws:logs:eu-central-1:123456789012:log-group::log-stream:", nil}, true},
	} {
		if got := document.allows(test.request); got != test.want {
			t.Errorf("%s: allowed is %v", name, got)
		}
	}
}

// deployStacks returns everything that the role of pull requests may do for the program.
func deployStacks(t *testing.T) Document {
	t.Helper()
	policies, err := DeployStacks(testAccount, "slipway", "pr-*")
	if err != nil {
		t.Fatal(err)
	}
	if most := 10 - len("is"); len(policies) > most { // the images and the state have one each
		t.Errorf("there are %d policies; a role takes 10", len(policies))
	}
	var document Document
	for _, p := range policies {
		document = append(document, p.Document...)
	}
	return document
}

// The role for stacks pr-* does what the deploy role does, and leaves the project's other stacks alone.
func TestDeployStacks(t *testing.T) {
	t.Parallel()
	document := deployStacks(t)
	if got, want := actions(document), append([]string{"*"}, actions(deployDocument(t))...); !slices.Equal(got, want) {
		t.Errorf("the actions are %v\nwant %v", got, want)
	}
	const (
		vpc  = "arn:aws:ec2:eu-central-1:123456789012:vpc/vpc-1"
		cert = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
	)
	in := func(service, resource string) string {
		return "arn:aws:" + service + ":eu-central-1:123456789012:" + resource
	}
	tags := func(project, stack string) map[string]string {
		return map[string]string{"aws:ResourceTag/Project": project, "aws:ResourceTag/Stack": stack}
	}
	named := func(stack string) map[string]string {
		return map[string]string{"aws:RequestTag/Project": "slipway", "aws:RequestTag/Stack": stack}
	}
	role := func(name string) string { return "arn:aws:iam::123456789012:role/slipway/" + name }
	within := func(boundary string, more map[string]string) map[string]string {
		context := map[string]string{"iam:PermissionsBoundary": boundary}
		maps.Copy(context, more)
		return context
	}
	toTasks := map[string]string{"iam:PassedToService": "ecs-tasks.amazonaws.com"}
	const any, own = "arn:aws:iam::123456789012:policy/slipway-boundary", "arn:aws:iam::123456789012:policy/slipway-pr-boundary"
	for name, test := range map[string]struct {
		request request
		want    bool
	}{
		"own VPC":                  {request{"ec2:DeleteVpc", vpc, tags("slipway", "pr-7")}, true},
		"new VPC":                  {request{"ec2:CreateVpc", vpc, named("pr-7")}, true},
		"dev's VPC":                {request{"ec2:DeleteVpc", vpc, tags("slipway", "dev")}, false},
		"VPC of a similar name":    {request{"ec2:DeleteVpc", vpc, tags("slipway", "pr")}, false},
		"VPC of no stack":          {request{"ec2:DeleteVpc", vpc, map[string]string{"aws:ResourceTag/Project": "slipway"}}, false},
		"another project's VPC":    {request{"ec2:DeleteVpc", vpc, tags("other", "dev")}, true}, // docs/security.md says so
		"tagging dev's VPC":        {request{"ec2:CreateTags", vpc, tags("slipway", "dev")}, false},
		"new VPC in dev's name":    {request{"ec2:CreateVpc", vpc, named("dev")}, false},
		"taking dev's name":        {request{"ec2:CreateTags", vpc, named("dev")}, false},
		"another certificate":      {request{"acm:RequestCertificate", "*", named("pr-7")}, true},
		"dev's certificate":        {request{"acm:DeleteCertificate", cert, tags("slipway", "dev")}, false},
		"own cluster":              {request{"ecs:DeleteCluster", in("ecs", "cluster/pr-7-1a2b3c4"), tags("slipway", "pr-7")}, true},
		"dev's cluster":            {request{"ecs:DeleteCluster", in("ecs", "cluster/dev-1a2b3c4"), nil}, false},
		"service in its cluster":   {request{"ecs:CreateService", in("ecs", "service/pr-7-1a2b3c4/pr-7-hello-1a2b3c4"), named("pr-7")}, true},
		"service in dev's cluster": {request{"ecs:CreateService", in("ecs", "service/dev-1a2b3c4/pr-7-hello-1a2b3c4"), named("pr-7")}, false},
		"dev's service":            {request{"ecs:UpdateService", in("ecs", "service/dev-1a2b3c4/dev-hello-1a2b3c4"), nil}, false},
		"tagging its definition":   {request{"ecs:TagResource", in("ecs", "task-definition/slipway-pr-7-hello:1"), named("pr-7")}, true},
		"tagging dev's definition": {request{"ecs:TagResource", in("ecs", "task-definition/slipway-dev-hello:1"), named("pr-7")}, false},

		// Load balancers, logs and secrets belong to it by their names, also those without tags.
		"own load balancer":           {request{"elasticloadbalancing:SetSubnets", in("elasticloadbalancing", "loadbalancer/app/pr-7-1a2b3c4/50dc6c495c0c9188"), nil}, true},
		"own listener":                {request{"elasticloadbalancing:CreateListener", in("elasticloadbalancing", "loadbalancer/app/pr-7-1a2b3c4/50dc6c495c0c9188"), nil}, true},
		"own rule":                    {request{"elasticloadbalancing:DeleteRule", in("elasticloadbalancing", "listener-rule/app/pr-7-1a2b3c4/5/0/1"), nil}, true},
		"own target group":            {request{"elasticloadbalancing:ModifyTargetGroup", in("elasticloadbalancing", "targetgroup/pr-7-hello-1a2b3c4/73e2d6bc24d8a067"), nil}, true},
		"dev's load balancer":         {request{"elasticloadbalancing:DeleteLoadBalancer", in("elasticloadbalancing", "loadbalancer/app/dev-1a2b3c4/50dc6c495c0c9188"), nil}, false},
		"somebody's load balancer":    {request{"elasticloadbalancing:DeleteLoadBalancer", in("elasticloadbalancing", "loadbalancer/app/shop/50dc6c495c0c9188"), nil}, false},
		"rule on prod's listener":     {request{"elasticloadbalancing:CreateRule", in("elasticloadbalancing", "listener/app/prod-1a2b3c4/5/0"), named("pr-7")}, false},
		"prod's rule":                 {request{"elasticloadbalancing:ModifyRule", in("elasticloadbalancing", "listener-rule/app/prod-1a2b3c4/5/0/1"), nil}, false},
		"prod's target group":         {request{"elasticloadbalancing:ModifyTargetGroup", in("elasticloadbalancing", "targetgroup/prod-hello-1a2b3c4/73e2d6bc24d8a067"), nil}, false},
		"own logs":                    {request{"logs:GetLogEvents", in("logs", "log-group:pr-7-hello-1a2b3c4:log-stream:hello/main/1"), nil}, true},
		"dev's logs":                  {request{"logs:GetLogEvents", in("logs", "log-group:dev-hello-1a2b3c4:log-stream:hello/main/1"), nil}, false},
		"somebody's logs":             {request{"logs:DeleteLogGroup", in("logs", "log-group:/aws/lambda/x:log-stream:"), nil}, false},
		"what log groups there are":   {request{"logs:DescribeLogGroups", in("logs", "log-group::log-stream:"), nil}, true},
		"own secret":                  {request{"secretsmanager:GetSecretValue", in("secretsmanager", "secret:pr-7-hello-environment-1a2b3c4-AbCdEf"), tags("slipway", "pr-7")}, true},
		"dev's secret":                {request{"secretsmanager:GetSecretValue", in("secretsmanager", "secret:dev-hello-environment-1a2b3c4-AbCdEf"), nil}, false},
		"prod's secret":               {request{"secretsmanager:PutSecretValue", in("secretsmanager", "secret:prod-hello-environment-1a2b3c4-AbCdEf"), nil}, false},
		"secret of a similar name":    {request{"secretsmanager:GetSecretValue", in("secretsmanager", "secret:private-AbCdEf"), nil}, false},
		"dev's secret in own clothes": {request{"secretsmanager:GetSecretValue", in("secretsmanager", "secret:pr-dev-AbCdEf"), tags("slipway", "dev")}, false},

		// A role gets at most what its boundary allows.
		"own role":                       {request{"iam:CreateRole", role("pr-7-hello-task-1"), within(own, named("pr-7"))}, true},
		"own role's policy":              {request{"iam:PutRolePolicy", role("pr-7-hello-task-1"), within(own, nil)}, true},
		"own role, with all roles' most": {request{"iam:CreateRole", role("pr-7-hello-task-1"), within(any, named("pr-7"))}, false},
		"own role, without a boundary":   {request{"iam:CreateRole", role("pr-7-hello-task-1"), named("pr-7")}, false},
		"own role, that nobody finds":    {request{"iam:CreateRole", role("pr-7-hello-task-1"), within(own, nil)}, false},
		"own role, in dev's name":        {request{"iam:CreateRole", role("pr-7-hello-task-1"), within(own, named("dev"))}, false},
		"hiding its role":                {request{"iam:UntagRole", role("pr-7-hello-task-1"), map[string]string{"aws:TagKeys": "Team stack"}}, false},
		"untagging its role":             {request{"iam:UntagRole", role("pr-7-hello-task-1"), map[string]string{"aws:TagKeys": "Team"}}, true},
		"policy of yesterday's role":     {request{"iam:PutRolePolicy", role("pr-7-hello-task-1"), within(any, nil)}, false},
		"yesterday's role gets its own":  {request{"iam:PutRolePermissionsBoundary", role("pr-7-hello-task-1"), within(own, nil)}, true},
		"yesterday's role goes":          {request{"iam:DeleteRolePolicy", role("pr-7-hello-task-1"), within(any, nil)}, true},
		"all roles' most again":          {request{"iam:PutRolePermissionsBoundary", role("pr-7-hello-task-1"), within(any, nil)}, false},
		"own role to tasks":              {request{"iam:PassRole", role("pr-7-hello-task-1"), toTasks}, true},
		"dev's role to tasks":            {request{"iam:PassRole", role("dev-hello-task-1"), toTasks}, false},
		"dev's role":                     {request{"iam:DeleteRole", role("dev-hello-task-1"), nil}, false},
		"role in dev's name":             {request{"iam:CreateRole", role("dev-hello-task-1"), within(own, named("pr-7"))}, false},
		"the boundary itself":            {request{"iam:CreatePolicyVersion", own, nil}, false},
	} {
		if got := document.allows(test.request); got != test.want {
			t.Errorf("%s: allowed is %v", name, got)
		}
	}
}

func TestDeployStacksNeedsTheirBoundary(t *testing.T) {
	t.Parallel()
	account := testAccount
	account.StacksBoundary = ""
	if _, err := DeployStacks(account, "slipway", "pr-*"); err == nil || !strings.Contains(err.Error(), "stacks pr-* have no permissions boundary") {
		t.Errorf("policies for stacks whose roles may have any boundary: %v", err)
	}
}

// With any policy, a role of a pull request's stack only gets its own logs and secrets, and images: its boundary allows no more. The
// roles of other stacks have another boundary, and people who deploy delete both.
func TestBoundaries(t *testing.T) {
	t.Parallel()
	all, own := Boundary(testAccount), StacksBoundary(testAccount, "slipway", "pr-*")
	if !slices.Equal(actions(all), actions(own)) {
		t.Errorf("the boundary of pull requests allows %v, and that of all %v", actions(own), actions(all))
	}
	const in = ":eu-central-1:123456789012:"
	for _, test := range []struct {
		action, resource string
		all, own         bool
	}{
		{"secretsmanager:GetSecretValue", "arn:aws:secretsmanager" + in + "secret:pr-7-hello-environment-1a2b3c4-AbCdEf", true, true},
		{"secretsmanager:GetSecretValue", "arn:aws:secretsmanager" + in + "secret:prod-hello-environment-1a2b3c4-AbCdEf", true, false},
		{"secretsmanager:GetSecretValue", "arn:aws:secretsmanager" + in + "secret:private-AbCdEf", true, false},
		{"secretsmanager:PutSecretValue", "arn:aws:secretsmanager" + in + "secret:pr-7-hello-environment-1a2b3c4-AbCdEf", false, false},
		{"logs:PutLogEvents", "arn:aws:logs" + in + "log-group:pr-7-hello-1a2b3c4:log-stream:hello/main/1", true, true},
		{"logs:PutLogEvents", "arn:aws:logs" + in + "log-group:dev-hello-1a2b3c4:log-stream:hello/main/1", true, false},
		{"logs:GetLogEvents", "arn:aws:logs" + in + "log-group:pr-7-hello-1a2b3c4:log-stream:hello/main/1", false, false},
		{"ecr:BatchGetImage", "arn:aws:ecr" + in + "repository/hello", true, true},
		{"iam:CreateRole", "arn:aws:iam::123456789012:role/slipway/pr-7", false, false},
		{"sts:AssumeRole", "arn:aws:iam::123456789012:role/slipway-deploy", false, false},
	} {
		r := request{test.action, test.resource, nil}
		if all.allows(r) != test.all || own.allows(r) != test.own {
			t.Errorf("%s on %s: a role within the boundary may: %v; one of a pull request's: %v", test.action, test.resource, all.allows(r), own.allows(r))
		}
	}
	document := deployDocument(t)
	for _, boundary := range []string{testAccount.Boundary, testAccount.StacksBoundary} {
		within := map[string]string{"iam:PermissionsBoundary": boundary}
		const role = "arn:aws:iam::123456789012:role/slipway/pr-7-hello-task-1"
		if !document.allows(request{"iam:DeleteRolePolicy", role, within}) {
			t.Errorf("who deploys does not get rid of a role within %s", boundary)
		}
		if got := document.allows(request{"iam:CreateRole", role, within}); got != (boundary == testAccount.Boundary) {
			t.Errorf("who deploys may make a role within %s: %v", boundary, got)
		}
	}
}

// Within the boundary, jobs' own roles run jobs, and no task's role does, whatever the name of its service.
func TestBoundaryOfJobs(t *testing.T) {
	t.Parallel()
	all, own := Boundary(testAccount), StacksBoundary(testAccount, "slipway", "pr-*")
	const in = ":eu-central-1:123456789012:"
	machine, definition := "arn:aws:states"+in+"stateMachine:pr-7-purge-1a2b3c4", "arn:aws:ecs"+in+"task-definition/slipway-pr-7-purge:1"
	role := "arn:aws:iam::123456789012:role/slipway/pr-7-purge-task-1a2b3c4"
	for _, test := range []struct {
		principal, action, resource string
		all, own                    bool
	}{
		{"pr-7-purge-schedule-1a2b3c4", "states:StartExecution", machine, true, true},
		{"pr-7-purge-run-1a2b3c4", "ecs:RunTask", definition, true, true},
		{"pr-7-purge-run-1a2b3c4", "iam:PassRole", role, true, true},
		{"pr-7-purge-run-1a2b3c4", "ecs:StopTask", "arn:aws:ecs" + in + "task/pr-7-1a2b3c4/1", true, true},
		{"dev-purge-run-1a2b3c4", "ecs:RunTask", definition, true, false},
		{"pr-7-purge-run-1a2b3c4", "states:StartExecution", machine, false, false},
		{"pr-7-purge-schedule-1a2b3c4", "ecs:RunTask", definition, false, false},
		{"pr-7-purge-task-1a2b3c4", "states:StartExecution", machine, false, false},
		{"pr-7-purge-task-1a2b3c4", "ecs:RunTask", definition, false, false},
		{"pr-7-purge-execution-1a2b3c4", "ecs:RunTask", definition, false, false},
		{"pr-7-purge-task-1a2b3c4", "iam:PassRole", role, false, false},
		{"pr-7-purge-task-1a2b3c4", "ecs:ListTasks", "*", false, false},
		{"pr-7-run-task-1a2b3c4", "ecs:RunTask", definition, false, false}, // of a service called run
		{"pr-7-run-execution-1a2b3c4", "iam:PassRole", role, false, false},
		{"pr-7-purge-task-1a2b3c4", "events:PutRule", "arn:aws:events" + in + "rule/StepFunctionsGetEventsForECSTaskRule", false, false},
	} {
		r := request{test.action, test.resource, map[string]string{
			"aws:PrincipalArn": "arn:aws:iam::123456789012:role/slipway/" + test.principal, "iam:PassedToService": "ecs-tasks.amazonaws.com",
		}}
		if all.allows(r) != test.all || own.allows(r) != test.own {
			t.Errorf("%s: %s on %s: within the boundary it may: %v; within that of pull requests: %v", test.principal, test.action, test.resource, all.allows(r), own.allows(r))
		}
	}
}

// No action could lift a limit.
func TestDeployLacksWhatEscalates(t *testing.T) {
	t.Parallel()
	dangerous := []string{
		"iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeleteRolePermissionsBoundary", "iam:SetDefaultPolicyVersion",
		"iam:CreateUser", "iam:CreateAccessKey", "iam:UpdateOpenIDConnectProviderThumbprint", "sts:AssumeRole", "ecs:ExecuteCommand",
	}
	for _, action := range actions(deployDocument(t)) {
		if slices.Contains(dangerous, action) || strings.Contains(action, "*") {
			t.Errorf("%s is allowed", action)
		}
	}
}

// The grants say where their actions are allowed: "*" is only for reads and for creations without a name yet.
func TestWritesAreScoped(t *testing.T) {
	t.Parallel()
	unscoped := []string{"acm:RequestCertificate", "ecs:CreateCluster", "ecs:RegisterTaskDefinition", "servicediscovery:CreateHttpNamespace"}
	for _, s := range deployDocument(t) {
		for _, action := range s.Action {
			if slices.Contains(s.Resource, "*") && !reads(action) && !slices.Contains(unscoped, action) {
				t.Errorf("%s is allowed on everything", action)
			}
		}
	}
}

func TestDocumentsAreASCII(t *testing.T) {
	t.Parallel()
	for _, p := range deployPolicies(t) {
		text := p.Document.JSON()
		if utf8.RuneCountInString(text) != len(text) || strings.ContainsAny(text, " \n") {
			t.Errorf("policy %s: %s", p.Name, text)
		}
	}
}

func TestFunctionsAreFunctions(t *testing.T) {
	t.Parallel()
	for token := range maps.Keys(Functions) {
		if _, name, _ := strings.Cut(token, "/"); !strings.HasPrefix(name, "get") {
			t.Errorf("%s is no function", token)
		}
	}
}
