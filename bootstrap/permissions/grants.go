package permissions

import (
	"fmt"
	"slices"
	"strings"
)

// Account is the AWS account that policies are made for.
type Account struct {
	Partition string // "aws"
	ID        string // twelve digits
	// RolePath is the path of the roles that the program creates, "/slipway/".
	RolePath string
	// ScheduleRoles and RunRoles are patterns for the ends of the names of those that start scheduled jobs, and that run their tasks.
	ScheduleRoles, RunRoles string
	// Boundary is the ARN of the managed policy that must be the permissions boundary of each of those roles.
	Boundary string
	// StacksBoundary is the boundary for the stacks of DeployStacks; empty if there are none.
	StacksBoundary string

	// stacks limits the policies; nil for everything in the account.
	stacks *stacks
}

// stacks are the stacks of a project with the same beginning of their names.
type stacks struct {
	project, beginning string // "slipway", "pr-"
}

// boundary returns the boundary that roles are created with.
func (a Account) boundary() string {
	if a.stacks == nil {
		return a.Boundary
	}
	return a.StacksBoundary
}

// named returns a pattern for the names that Pulumi gives the stacks' resources, which begin with the stack's name. If a chosen name is
// part of the ARN, IAM can only tell the stacks apart by it. With a path, the pattern is for names within it.
func (a Account) named(path string) string {
	if a.stacks == nil {
		return path + "*"
	}
	return path + a.stacks.beginning + "*"
}

// families returns a pattern for the families of task definitions, which begin with the project.
func (a Account) families() string {
	if a.stacks == nil {
		return "task-definition/*"
	}
	return "task-definition/" + a.stacks.project + "-" + a.stacks.beginning + "*"
}

// regional returns the ARNs of an account's resources of a service in every region: the account's stacks may be in several.
func (a Account) regional(service string, resources ...string) []string {
	arns := make([]string, len(resources))
	for i, resource := range resources {
		arns[i] = fmt.Sprintf("arn:%s:%s:*:%s:%s", a.Partition, service, a.ID, resource)
	}
	return arns
}

// roles returns the ARN of all roles under a path.
func (a Account) roles(path string) []string {
	return []string{fmt.Sprintf("arn:%s:iam::%s:role%s*", a.Partition, a.ID, path)}
}

// ownRoles returns the ARN of all roles that the program creates.
func (a Account) ownRoles() []string {
	return a.roles(a.RolePath + strings.TrimSuffix(a.named(""), "*"))
}

// only returns the condition that a role whose name has this end makes the request. The key has the role's ARN, with its path, also for a
// session of the role ("AWS global condition context keys" in the IAM user guide: aws:PrincipalArn).
func (a Account) only(end string) Condition {
	return Condition{"ArnLike": {"aws:PrincipalArn": {a.ownRoles()[0] + end}}}
}

// images returns the ARN of the repositories of every account, because a stack can run images of another account. The repository's own
// policy decides whether it may.
func (a Account) images() []string {
	return []string{fmt.Sprintf("arn:%s:ecr:*:*:repository/*", a.Partition)}
}

// everything is for actions without a resource, or without one in some region or version of their service.
var everything = []string{"*"}

// grant says on which resources a policy allows actions.
type grant struct {
	policy    string // the managed policy to which it belongs
	sid       string
	actions   []string // patterns: a "*" at the end stands for the rest
	resources func(Account) []string
	condition func(Account) Condition // nil: none
	besides   bool                    // allows in addition to the first grant that names the action
}

// grants are tried from top to bottom: the first one that names an action allows it, and those with besides. So the deploy role can
// give no role more than the boundary, and can pass only those roles, and only to tasks and to what runs them. It cannot change itself or the boundary,
// because neither is under the path.
var grants = []grant{
	{policy: "network", sid: "ReadNetwork", actions: []string{"ec2:Describe*"}, resources: anywhere},
	{policy: "network", sid: "ChangeNetwork", actions: []string{"ec2:*"}, resources: func(a Account) []string {
		return a.regional("ec2", "egress-only-internet-gateway/*", "elastic-ip/*", "internet-gateway/*", "natgateway/*", "route-table/*",
			"security-group/*", "security-group-rule/*", "subnet/*", "vpc/*", "vpc-flow-log/*")
	}},

	{policy: "load-balancing", sid: "ReadLoadBalancers", actions: []string{"elasticloadbalancing:Describe*"}, resources: anywhere},
	{policy: "load-balancing", sid: "ChangeLoadBalancers", actions: []string{"elasticloadbalancing:*"}, resources: func(a Account) []string {
		return a.regional("elasticloadbalancing", // listeners and rules have the load balancer's name in theirs
			a.named("listener/app/"), a.named("listener-rule/app/"), a.named("loadbalancer/app/"), a.named("targetgroup/"))
	}},
	{policy: "load-balancing", sid: "RequestCertificates", actions: []string{"acm:RequestCertificate"}, resources: anywhere},
	{policy: "load-balancing", sid: "ListCertificates", actions: []string{"acm:ListCertificates"}, resources: anywhere},
	{policy: "load-balancing", sid: "ManageCertificates", actions: []string{"acm:*"}, resources: func(a Account) []string {
		return a.regional("acm", "certificate/*")
	}},

	{policy: "services", sid: "DefineServices", resources: anywhere, actions: []string{
		"ecs:CreateCluster", "ecs:RegisterTaskDefinition", "ecs:DescribeTaskDefinition",
	}},
	// Tasks are listed by a cluster and not by a resource ("Identity-based policy examples for Amazon ECS").
	{policy: "services", sid: "ReadTasks", actions: []string{"ecs:DescribeTasks", "ecs:ListTasks"}, resources: anywhere},
	{policy: "jobs", sid: "StopTasks", actions: []string{"ecs:StopTask"}, resources: func(a Account) []string {
		return a.regional("ecs", a.named("task/")) // a task has its cluster's name in its own
	}},
	{ // in a cluster of its own: the resource is only what runs ("Actions, resources, and condition keys for Amazon ECS")
		policy: "jobs", sid: "RunJobs", actions: []string{"ecs:RunTask"},
		resources: func(a Account) []string { return a.regional("ecs", a.families()) },
		condition: func(a Account) Condition {
			return Condition{"ArnLike": {"ecs:cluster": a.regional("ecs", a.named("cluster/"))}}
		},
	},
	{policy: "services", sid: "ReadServices", actions: []string{"ecs:Describe*"}, resources: func(a Account) []string {
		return a.regional("ecs", a.named("cluster/"), a.named("service/")) // a service has its cluster's name in its own
	}},
	{policy: "services", sid: "RunServices", actions: []string{"ecs:*"}, resources: func(a Account) []string {
		return a.regional("ecs", a.named("cluster/"), a.named("service/"), a.families())
	}},
	{policy: "services", sid: "FindLogs", actions: []string{"logs:Describe*"}, resources: func(a Account) []string {
		return a.regional("logs", "log-group:*") // lists them and names none
	}},
	{policy: "services", sid: "KeepLogs", actions: []string{"logs:*"}, resources: func(a Account) []string {
		return a.regional("logs", a.named("log-group:"))
	}},
	{policy: "services", sid: "WatchServices", actions: []string{"cloudwatch:*"}, resources: func(a Account) []string {
		return a.regional("cloudwatch", "alarm:*")
	}},
	{policy: "services", sid: "ReadScaling", actions: []string{"application-autoscaling:Describe*"}, resources: anywhere},
	{policy: "services", sid: "ScaleServices", actions: []string{"application-autoscaling:*"}, resources: func(a Account) []string {
		return a.regional("application-autoscaling", "scalable-target/*")
	}},
	{policy: "services", sid: "KeepSecrets", actions: []string{"secretsmanager:*"}, resources: func(a Account) []string {
		return a.regional("secretsmanager", a.named("secret:"))
	}},
	{policy: "jobs", sid: "CheckStateMachines", actions: []string{"states:ValidateStateMachineDefinition"}, resources: anywhere},
	{policy: "jobs", sid: "ManageStateMachines", actions: []string{"states:*"}, resources: func(a Account) []string {
		return a.regional("states", a.named("stateMachine:"))
	}},
	{policy: "jobs", sid: "ManageSchedules", actions: []string{"scheduler:*"}, resources: func(a Account) []string {
		return a.regional("scheduler", a.named("schedule-group/"), a.named("schedule/")) // a schedule has its group's name in its own
	}},
	// They take no resource ("Actions, resources, and condition keys for AWS Cloud Map").
	{policy: "services", sid: "NameServices", resources: anywhere, actions: []string{
		"servicediscovery:CreateHttpNamespace", "servicediscovery:GetOperation", "servicediscovery:ListTagsForResource",
	}},
	{policy: "services", sid: "KeepNames", actions: []string{"servicediscovery:*"}, resources: func(a Account) []string {
		return a.regional("servicediscovery", "namespace/*")
	}},
	{policy: "services", sid: "FindImages", actions: []string{"ecr:*"}, resources: Account.images},

	{
		policy: "roles", sid: "MakeRolesWithinTheBoundary",
		actions:   []string{"iam:CreateRole"},
		resources: Account.ownRoles,
		condition: func(a Account) Condition {
			condition := stringEquals("iam:PermissionsBoundary", a.boundary())
			if a.stacks != nil { // a caller that chooses a role's trust must leave the role where it is found
				condition["StringLike"] = map[string][]string{"aws:RequestTag/Stack": {a.stacks.beginning + "*"}}
			}
			return condition
		},
	},
	{
		policy: "roles", sid: "GrantWithinTheBoundary",
		actions:   []string{"iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"},
		resources: Account.ownRoles,
		condition: func(a Account) Condition { return stringEquals("iam:PermissionsBoundary", a.boundary()) },
	},
	{ // to delete a role: also one from before there were two boundaries, and, for people, that of a pull request
		policy: "roles", sid: "TakeBack",
		actions:   []string{"iam:DeleteRolePolicy", "iam:DetachRolePolicy"},
		resources: Account.ownRoles,
		condition: func(a Account) Condition {
			boundaries := []string{a.Boundary}
			if a.StacksBoundary != "" {
				boundaries = append(boundaries, a.StacksBoundary)
			}
			return stringEquals("iam:PermissionsBoundary", boundaries...)
		},
	},
	{
		policy: "roles", sid: "GiveRolesToTasks",
		actions:   []string{"iam:PassRole"},
		resources: Account.ownRoles,
		condition: func(Account) Condition {
			return stringEquals("iam:PassedToService", "ecs-tasks.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com", "vpc-flow-logs.amazonaws.com")
		},
	},
	{ // only that service can assume it, so it does not matter to whom it is passed
		policy: "roles", sid: "NameTheRoleOfScaling", besides: true,
		actions: []string{"iam:PassRole"},
		resources: func(a Account) []string {
			return a.roles("/aws-service-role/ecs.application-autoscaling.amazonaws.com/")
		},
	},
	{
		policy: "roles", sid: "LetServicesMakeTheirRoles",
		actions:   []string{"iam:CreateServiceLinkedRole"},
		resources: func(a Account) []string { return a.roles("/aws-service-role/") },
		condition: func(Account) Condition {
			return stringEquals("iam:AWSServiceName",
				"ecs.amazonaws.com", "ecs.application-autoscaling.amazonaws.com", "elasticloadbalancing.amazonaws.com")
		},
	},
	{ // those that services name, and the boundary, to find out that it allows them
		policy: "roles", sid: "ReadPolicies", actions: []string{"iam:GetPolicy", "iam:GetPolicyVersion"},
		resources: func(a Account) []string {
			return []string{
				fmt.Sprintf("arn:%s:iam::%s:policy/*", a.Partition, a.ID), fmt.Sprintf("arn:%s:iam::aws:policy/*", a.Partition),
			}
		},
	},
	// Neither takes a resource ("Actions, resources, and condition keys for AWS Identity and Access Management (IAM)", and "… for
	// Amazon Resource Group Tagging API").
	{policy: "roles", sid: "FindOrphans", actions: []string{"iam:ListRoles", "tag:GetResources"}, resources: anywhere},
	{
		policy: "roles", sid: "ManageRoles", // named one by one, so that adding another is a decision
		actions: []string{
			"iam:DeleteRole", "iam:Get*", "iam:List*", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRoleDescription",
		},
		resources: Account.ownRoles,
	},
}

func anywhere(Account) []string { return everything }

func stringEquals(key string, values ...string) Condition {
	return Condition{"StringEquals": {key: values}}
}

// allows reports whether one of the grant's patterns names the action.
func (g grant) allows(action string) bool {
	return slices.ContainsFunc(g.actions, func(pattern string) bool {
		prefix, wild := strings.CutSuffix(pattern, "*")
		return action == pattern || wild && strings.HasPrefix(action, prefix)
	})
}

// statements returns the statements that allow the actions, by managed policy.
func (a Account) statements(actions []string) (map[string]Document, error) {
	granted := make(map[string][]string) // by Sid
	for _, action := range actions {
		found := false
		for _, g := range grants {
			if g.allows(action) && (!found || g.besides) {
				granted[g.sid] = append(granted[g.sid], action)
				found = true
			}
		}
		if !found {
			return nil, fmt.Errorf("no grant says on which resources %s is allowed", action)
		}
	}
	documents := make(map[string]Document)
	for _, g := range grants {
		actions := granted[g.sid]
		if len(actions) == 0 {
			continue
		}
		slices.Sort(actions)
		s := Statement{Sid: g.sid, Effect: allow, Action: slices.Compact(actions), Resource: g.resources(a)}
		if g.condition != nil {
			s.Condition = g.condition(a)
		}
		documents[g.policy] = append(documents[g.policy], s)
	}
	return documents, nil
}
