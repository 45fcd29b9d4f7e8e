package permissions

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// MaxPolicySize is how many characters a managed policy can have, without white space ("IAM and AWS STS quotas" in the IAM user guide).
// A role can have ten of them.
const MaxPolicySize = 6144

// Policy is a managed policy.
type Policy struct {
	Name     string // its subject
	Document Document
}

// Deploy returns the policies that allow everything that the program does, and its recovery, sorted by name. One policy would be too
// long.
func Deploy(a Account) ([]Policy, error) {
	var actions []string
	for _, operations := range Kinds {
		actions = append(actions, operations.All()...)
	}
	documents, err := a.statements(slices.Concat(actions, functionActions(), Deployments, Jobs, Lookups, Orphans))
	if err != nil {
		return nil, err
	}
	var policies []Policy
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		policies = append(policies, Policy{name, documents[name]})
	}
	return policies, nil
}

// DeployStacks returns the part of Deploy for a project's stacks whose names match the pattern, such as "pr-*". Resources with a name
// from Pulumi in their ARN belong to the stacks by that name: clusters, services, logs, secrets, load balancers and roles, which must
// have the stacks' own boundary. The policies exclude resources with the tags of another of the project's stacks, also in requests
// ("Global condition keys" in the IAM user guide: aws:ResourceTag, of the resources that have tags, and aws:RequestTag).
//
// docs/security.md, "What pull requests can get at", lists what stays open, because it has neither a name nor a tag, or because AWS
// does not compare it.
func DeployStacks(a Account, project, pattern string) ([]Policy, error) {
	if a.StacksBoundary == "" {
		return nil, errors.New("stacks " + pattern + " have no permissions boundary, which whoever deploys them has to give their roles")
	}
	a.stacks = &stacks{project: project, beginning: strings.TrimSuffix(pattern, "*")}
	policies, err := Deploy(a)
	if err != nil {
		return nil, err
	}
	return append(policies, Policy{"stacks", Document{
		{
			Sid: "LeaveOtherStacksAlone", Effect: deny, Action: []string{"*"}, Resource: everything,
			Condition: Condition{
				"StringEquals":  {"aws:ResourceTag/Project": {project}},
				"StringNotLike": {"aws:ResourceTag/Stack": {pattern}},
			},
		},
		{
			Sid: "TakeNoOtherStacksName", Effect: deny, Action: []string{"*"}, Resource: everything,
			Condition: Condition{
				"StringLike":    {"aws:RequestTag/Stack": {"*"}}, // if there is one
				"StringNotLike": {"aws:RequestTag/Stack": {pattern}},
			},
		},
		{
			Sid: "KeepRolesFound", Effect: deny, Action: []string{"iam:UntagRole"}, Resource: everything,
			Condition: Condition{"ForAnyValue:StringEqualsIgnoreCase": {"aws:TagKeys": {"Project", "Stack"}}},
		},
	}}), nil
}

// Preview returns the policy that allows what a preview does: it calls the program's functions, makes the program's own look-ups, and
// compares with Pulumi's state. It reads no resource, unless it refreshes.
func Preview(a Account) (Document, error) {
	return a.document(slices.Concat(functionActions(), Lookups))
}

// Refresh returns the policy that allows what a refresh does: it reads every resource, also the values of secrets, and changes none. It
// may also run the program, as a preview does.
func Refresh(a Account) (Document, error) {
	actions := slices.Concat(functionActions(), Lookups)
	for _, operations := range Kinds {
		actions = append(actions, operations.Read...)
	}
	return a.document(actions)
}

// document returns one policy that allows the actions.
func (a Account) document(actions []string) (Document, error) {
	documents, err := a.statements(actions)
	if err != nil {
		return nil, err
	}
	var document Document
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		document = append(document, documents[name]...)
	}
	return document, nil
}

func functionActions() []string {
	return slices.Concat(slices.Collect(maps.Values(Functions))...)
}

// pull has the actions to pull an image from ECR ("Amazon ECR: IAM permissions required to pull an image").
var pull = []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}

// logIn lets a registry's client log in to ECR. The action takes no resource.
func logIn() Statement {
	return Statement{Sid: "LogInToRegistry", Effect: allow, Action: []string{"ecr:GetAuthorizationToken"}, Resource: everything}
}

// Boundary returns the permissions boundary of the roles that the program creates: the most that any policy can give them. It has what
// ECS needs to start the program's services, in any of the account's stacks, and what an administrator lets the tasks themselves do in
// addition: a service's own policies take effect only within that.
func Boundary(a Account, tasks ...Statement) Document {
	starts := Document{
		{
			Sid: "WriteLogs", Effect: allow, Action: []string{"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"},
			Resource: a.regional("logs", a.named("log-group:")),
		},
		{Sid: "FindLogGroups", Effect: allow, Action: []string{"logs:DescribeLogGroups"}, Resource: everything}, // flow logs; it names none
		{
			Sid: "ReadSecrets", Effect: allow, Action: []string{"secretsmanager:GetSecretValue"},
			Resource: a.regional("secretsmanager", a.named("secret:")),
		},
		{
			Sid: "ReadParameters", Effect: allow, Action: []string{"ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"},
			Resource: a.regional("ssm", a.named("parameter/")),
		},
		{Sid: "PullImages", Effect: allow, Action: pull, Resource: a.images()},
		logIn(),
	}
	return slices.Concat(starts, a.jobs(), tasks)
}

// jobs returns what EventBridge Scheduler and Step Functions need to run jobs: for the roles that they have, so that no task can start
// another one.
func (a Account) jobs() Document {
	schedules, runs := a.only(a.ScheduleRoles), a.only(a.RunRoles)
	passing := maps.Clone(runs)
	maps.Copy(passing, stringEquals("iam:PassedToService", "ecs-tasks.amazonaws.com"))
	return Document{
		{
			Sid: "StartJobs", Effect: allow, Action: []string{"states:StartExecution"},
			Resource: a.regional("states", a.named("stateMachine:")), Condition: schedules,
		},
		{
			Sid: "RunJobs", Effect: allow, Action: []string{"ecs:RunTask"},
			Resource: a.regional("ecs", a.families()), Condition: runs,
		},
		{
			Sid: "FollowJobs", Effect: allow, Action: []string{"ecs:DescribeTasks", "ecs:StopTask"},
			Resource: a.regional("ecs", a.named("task/")), Condition: runs,
		},
		{Sid: "FindTasks", Effect: allow, Action: []string{"ecs:ListTasks"}, Resource: everything, Condition: runs},
		{Sid: "GiveRolesToTasks", Effect: allow, Action: []string{"iam:PassRole"}, Resource: a.ownRoles(), Condition: passing},
		{
			Sid: "HearOfTasks", Effect: allow, Action: []string{"events:DescribeRule", "events:PutRule", "events:PutTargets"},
			Resource: a.regional("events", "rule/StepFunctionsGetEventsForECSTaskRule"), Condition: runs,
		},
	}
}

// AllowTasks returns a statement of a boundary that lets tasks do more.
func AllowTasks(actions, resources []string) Statement {
	return Statement{Effect: allow, Action: actions, Resource: resources}
}

// StacksBoundary returns the part of Boundary for the stacks whose names match the pattern. The creator of such roles chooses their
// trust and policies, and this is the most that they can get.
func StacksBoundary(a Account, project, pattern string, tasks ...Statement) Document {
	a.stacks = &stacks{project: project, beginning: strings.TrimSuffix(pattern, "*")}
	return Boundary(a, tasks...)
}

// PushImages returns the policy that allows to push images to the repositories, and to pull existing ones ("Amazon ECR: IAM permissions
// for pushing an image to a private repository").
func PushImages(repositoryARNs []string) Document {
	actions := append(slices.Clone(pull),
		"ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart")
	slices.Sort(actions)
	return Document{
		{Sid: "PushImages", Effect: allow, Action: actions, Resource: repositoryARNs},
		logIn(),
	}
}
