package permissions

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// MaxPolicySize is how many characters a managed policy can have, white space aside ("IAM and AWS STS quotas" in the IAM user
// guide). A role can have ten of them.
const MaxPolicySize = 6144

// Policy is a managed policy.
type Policy struct {
	Name     string // what it is about
	Document Document
}

// Deploy returns the policies that allow everything that the program does, and its recovery, sorted by name. They are several
// because one would be too long.
func Deploy(a Account) ([]Policy, error) {
	var actions []string
	for _, operations := range Kinds {
		actions = append(actions, operations.All()...)
	}
	documents, err := a.statements(slices.Concat(actions, functionActions(), Deployments, Lookups, Orphans))
	if err != nil {
		return nil, err
	}
	var policies []Policy
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		policies = append(policies, Policy{name, documents[name]})
	}
	return policies, nil
}

// DeployStacks returns what of Deploy belongs to a project's stacks alone that are called like the pattern, such as "pr-*". What has
// a name of Pulumi's making in its ARN is theirs by that name: clusters, services, logs, secrets, load balancers and roles, which have
// to have the stacks' own boundary. Nothing is done to what has the tags of another of the project's stacks, or in its name ("Global
// condition keys" in the IAM user guide: aws:ResourceTag, of the resources that have tags, and aws:RequestTag).
//
// What is left open, because it has neither a name nor a tag, or because AWS does not compare it, is written down in
// docs/security.md, "What pull requests can get at".
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
				"StringLike":    {"aws:RequestTag/Stack": {"*"}}, // where there is one
				"StringNotLike": {"aws:RequestTag/Stack": {pattern}},
			},
		},
		{
			Sid: "KeepRolesFound", Effect: deny, Action: []string{"iam:UntagRole"}, Resource: everything,
			Condition: Condition{"ForAnyValue:StringEqualsIgnoreCase": {"aws:TagKeys": {"Project", "Stack"}}},
		},
	}}), nil
}

// Preview returns the policy that allows what a preview does: it calls the program's functions, looks up what the program does by
// itself, and compares with Pulumi's state. No resource is read, unless it is told to refresh.
func Preview(a Account) (Document, error) {
	return a.document(slices.Concat(functionActions(), Lookups))
}

// Refresh returns the policy that allows what a refresh does: it reads every resource, the values of secrets too, and changes
// none. It may run the program too, as a preview does.
func Refresh(a Account) (Document, error) {
	actions := slices.Concat(functionActions(), Lookups)
	for _, operations := range Kinds {
		actions = append(actions, operations.Read...)
	}
	return a.document(actions)
}

// document returns what allows the actions as one policy.
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

// pull is what pulling an image from ECR takes ("Amazon ECR: IAM permissions required to pull an image").
var pull = []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}

// logIn lets a registry's client log in to ECR. The action takes no resource.
func logIn() Statement {
	return Statement{Sid: "LogInToRegistry", Effect: allow, Action: []string{"ecr:GetAuthorizationToken"}, Resource: everything}
}

// Boundary returns the permissions boundary of the roles that the program creates: the most that any policy can give them. It
// is what ECS needs to start the program's services, in any of the account's stacks. The tasks' own roles have no policies;
// one for the tasks' use of another part of AWS takes effect once that is allowed here too.
func Boundary(a Account) Document {
	return Document{
		{
			Sid: "WriteLogs", Effect: allow, Action: []string{"logs:CreateLogStream", "logs:PutLogEvents"},
			Resource: a.regional("logs", a.named("log-group:")),
		},
		{
			Sid: "ReadSecrets", Effect: allow, Action: []string{"secretsmanager:GetSecretValue"},
			Resource: a.regional("secretsmanager", a.named("secret:")),
		},
		{Sid: "PullImages", Effect: allow, Action: pull, Resource: a.images()},
		logIn(),
	}
}

// StacksBoundary returns what of Boundary belongs to the stacks that are called like the pattern. Who may create such roles chooses
// whom they trust, and with what policies: this is all that they can come to.
func StacksBoundary(a Account, project, pattern string) Document {
	a.stacks = &stacks{project: project, beginning: strings.TrimSuffix(pattern, "*")}
	return Boundary(a)
}

// PushImages returns the policy that allows to push images to the repositories, and to pull what is there already ("Amazon
// ECR: IAM permissions for pushing an image to a private repository").
func PushImages(repositoryARNs []string) Document {
	actions := append(slices.Clone(pull),
		"ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart")
	slices.Sort(actions)
	return Document{
		{Sid: "PushImages", Effect: allow, Action: actions, Resource: repositoryARNs},
		logIn(),
	}
}
