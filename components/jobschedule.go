package components

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/scheduler"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sfn"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// A schedule of EventBridge Scheduler starts an execution of a state machine of Step Functions, which runs the task and waits for its end.
//
// The schedule could run the task itself. But neither EventBridge Scheduler nor ECS ends a task that takes too long
// (https://github.com/aws/containers-roadmap/issues/291), runs a failed one again, or knows whether another one still runs. ECS forgets
// a stopped task within an hour. Step Functions does all of it, and keeps how each run ended for 90 days.

// How long, and how often, EventBridge Scheduler tries to start an execution. A later start is no longer the scheduled run.
const (
	startAge      = 3600 // seconds
	startAttempts = 10
)

// newSchedule creates what runs the job at times. It does nothing for a job without a schedule.
func (j *FargateJob) newSchedule(ctx *pulumi.Context) error {
	if j.args.Schedule == nil {
		return nil
	}
	machine, err := j.newStateMachine(ctx)
	if err != nil {
		return err
	}
	// A schedule has no tags, and its group has.
	// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-group.html
	group, err := scheduler.NewScheduleGroup(ctx, j.name, &scheduler.ScheduleGroupArgs{Tags: j.args.Tags.named(j.name)}, j.parent())
	if err != nil {
		return err
	}
	name := spec.ScheduleRole.Of(j.name)
	role, policy, err := j.newServiceRole(ctx, serviceRole{
		name: name, description: "Used by EventBridge Scheduler to start the job",
		service: "scheduler.amazonaws.com", source: "scheduler", resource: "schedule-group/" + j.name + "-*",
		policy: machine.Arn.ApplyT(func(arn string) (string, error) {
			return policyDocument{{
				Sid: "StartExecution", Effect: "Allow", Action: []string{"states:StartExecution"}, Resource: []string{arn},
			}}.JSON()
		}).(pulumi.StringOutput),
	})
	if err != nil {
		return err
	}
	j.StateMachineARN = machine.Arn
	if err := j.newAlarm(ctx, machine.Arn); err != nil {
		return err
	}
	_, err = scheduler.NewSchedule(ctx, j.name, &scheduler.ScheduleArgs{
		GroupName:                  group.Name,
		Description:                pulumi.String("Runs job " + j.args.Name + " of stack " + ctx.Stack()),
		ScheduleExpression:         pulumi.String(j.args.Schedule.Expression),
		ScheduleExpressionTimezone: pulumi.String(j.args.Schedule.TimeZone),
		State:                      pulumi.String("ENABLED"),
		FlexibleTimeWindow:         scheduler.ScheduleFlexibleTimeWindowArgs{Mode: pulumi.String("OFF")},
		Target: scheduler.ScheduleTargetArgs{
			Arn:     machine.Arn,
			RoleArn: role.Arn,
			RetryPolicy: scheduler.ScheduleTargetRetryPolicyArgs{
				MaximumEventAgeInSeconds: pulumi.Int(startAge),
				MaximumRetryAttempts:     pulumi.Int(startAttempts),
			},
		},
	}, j.parent(), pulumi.DependsOn([]pulumi.Resource{policy}))
	return err
}

// newStateMachine creates the workflow of a scheduled run.
func (j *FargateJob) newStateMachine(ctx *pulumi.Context) (*sfn.StateMachine, error) {
	name := spec.RunRole.Of(j.name)
	role, policy, err := j.newServiceRole(ctx, serviceRole{
		name: name, description: "Used by Step Functions to run the job",
		service: "states.amazonaws.com", source: "states", resource: "stateMachine:" + j.name + "-*",
		policy: j.runPolicy(),
	})
	if err != nil {
		return nil, err
	}
	definition := pulumi.All(j.args.Cluster.ARN, j.TaskDefinitionARN, j.args.In.SubnetIDs, j.around.securityGroup.ToStringOutput()).ApplyT(
		func(known []any) (string, error) {
			text, err := json.Marshal(j.workflow(known[0].(string), known[1].(string), known[2].([]string), known[3].(string)))
			return string(text), err
		}).(pulumi.StringOutput)
	return sfn.NewStateMachine(ctx, j.name, &sfn.StateMachineArgs{
		RoleArn:    role.Arn,
		Definition: definition,
		Type:       pulumi.String("STANDARD"),
		Tags:       j.args.Tags.named(j.name),
	}, j.parent(), pulumi.DependsOn([]pulumi.Resource{policy}))
}

// serviceRole is a role that an AWS service assumes for one of its resources.
type serviceRole struct {
	name, description string
	service           string // its principal
	source, resource  string // its name in ARNs, and the resource for which it acts
	policy            pulumi.StringOutput
}

// newServiceRole creates a role that a service can assume only for the job's own resource in the same account ("The confused deputy
// problem" in the IAM user guide).
func (j *FargateJob) newServiceRole(ctx *pulumi.Context, r serviceRole) (*iam.Role, *iam.RolePolicy, error) {
	trust := j.args.Cluster.ARN.ApplyT(func(cluster string) (string, error) {
		at := placeOf(cluster)
		return policyDocument{{
			Effect: "Allow", Principal: map[string]string{"Service": r.service}, Action: []string{"sts:AssumeRole"},
			Condition: map[string]map[string][]string{
				"StringEquals": {"aws:SourceAccount": {at.account}},
				"ArnLike":      {"aws:SourceArn": {at.arn(r.source, r.resource)}},
			},
		}}.JSON()
	}).(pulumi.StringOutput)
	role, err := iam.NewRole(ctx, r.name, &iam.RoleArgs{
		Path:                pulumi.String(spec.RolePath),
		Description:         pulumi.String(r.description),
		AssumeRolePolicy:    trust,
		PermissionsBoundary: j.args.Access.Boundary,
		Tags:                j.args.Tags.named(r.name),
	}, j.parent())
	if err != nil {
		return nil, nil, err
	}
	policy, err := iam.NewRolePolicy(ctx, r.name, &iam.RolePolicyArgs{Role: role.Name, Policy: r.policy}, j.parent())
	return role, policy, err
}

// runPolicy allows to run the job's task with its roles, and no other one, and to follow and stop it. Revisions of a task definition
// differ only in their number: with all of them, a new one can run as soon as there is one.
// https://docs.aws.amazon.com/step-functions/latest/dg/ecs-iam.html
func (j *FargateJob) runPolicy() pulumi.StringOutput {
	return pulumi.All(j.args.Cluster.ARN, j.definition.ArnWithoutRevision, j.around.execution.Arn, j.around.task.Arn).ApplyT(func(known []any) (string, error) {
		cluster, family := known[0].(string), known[1].(string)
		at := placeOf(cluster)
		inCluster := map[string]map[string][]string{"ArnEquals": {"ecs:cluster": {cluster}}}
		return policyDocument{
			{
				Sid: "RunTask", Effect: "Allow", Action: []string{"ecs:RunTask"}, Condition: inCluster,
				Resource: []string{family + ":*"},
			},
			{
				Sid: "PassRoles", Effect: "Allow", Action: []string{"iam:PassRole"}, Resource: []string{known[2].(string), known[3].(string)},
				Condition: map[string]map[string][]string{"StringEquals": {"iam:PassedToService": {"ecs-tasks.amazonaws.com"}}},
			},
			{
				Sid: "FollowTask", Effect: "Allow", Action: []string{"ecs:DescribeTasks", "ecs:StopTask"},
				Resource: []string{at.arn("ecs", "task/"+nameInARN(cluster)+"/*")},
			},
			{Sid: "FindTasks", Effect: "Allow", Action: []string{"ecs:ListTasks"}, Resource: []string{"*"}, Condition: inCluster},
			{ // Step Functions hears of the end of a task by this rule
				Sid: "HearOfTasks", Effect: "Allow", Action: spec.HearOfTasks, Resource: []string{at.arn("events", "rule/"+spec.TasksRule)},
			},
		}.JSON()
	}).(pulumi.StringOutput)
}

// place is the account and the region of an ARN.
type place struct{ partition, region, account string }

func placeOf(arn string) place {
	const parts = 6 // arn:partition:service:region:account:resource
	fields := strings.SplitN(arn+strings.Repeat(":", parts), ":", parts)
	return place{fields[1], fields[3], fields[4]}
}

// arn returns the ARN of a resource in the same account and region.
func (p place) arn(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", p.partition, service, p.region, p.account, resource)
}
