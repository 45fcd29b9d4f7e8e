package ecsapi

import (
	"fmt"
	"slices"
	"strings"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/cloud"

	awsarn "github.com/aws/aws-sdk-go-v2/aws/arn"
)

// sessionActions are what the agent of ECS Exec does as the task's role.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html#ecs-exec-required-iam-permissions
var sessionActions = []string{
	"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
}

// managedAgent is the agent of ECS Exec in a container.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ManagedAgent.html
type managedAgent struct {
	Name       string `json:"name"`
	LastStatus string `json:"lastStatus"`
	Reason     string `json:"reason,omitempty"`
}

// managedAgents returns the agents in a task's container; none in a task without ECS Exec. The agent needs to write to the container's
// root file system, and ends otherwise soon after its start. It does the same without IPv4: "isn't supported in an IPv6-only configuration".
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html#ecs-exec-considerations
// https://github.com/aws/containers-roadmap/issues/1359
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html
func managedAgents(tx *cloud.Tx, r *cloud.Resource, container string) []managedAgent {
	spec, status := ecs.Task.Inputs(r), cloud.Peek[ecs.TaskStatus](r)
	if !spec.EnableExecuteCommand {
		return nil
	}
	agent := managedAgent{Name: "ExecuteCommandAgent", LastStatus: "PENDING"}
	i := slices.IndexFunc(status.Containers, func(c ecs.ContainerStatus) bool { return c.Name == container })
	revision, err := ecs.FindRevision(tx, r.Scope, spec.TaskDefinitionARN)
	if i < 0 || err != nil {
		return []managedAgent{agent}
	}
	switch last := status.Containers[i].LastStatus; {
	case last == ecs.TaskStopped:
		agent.LastStatus = last
	case last == ecs.TaskRunning && (revision.Container(container).ReadonlyRootFilesystem || strings.Contains(status.Address, ":")):
		agent.LastStatus, agent.Reason = ecs.TaskStopped, "Received Container Stopped event"
	case last == ecs.TaskRunning:
		agent.LastStatus = last
	}
	return []managedAgent{agent}
}

// executeCommand refuses what AWS would refuse. The session itself is one of AWS Systems Manager, which is not modelled.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExecuteCommand.html
func executeCommand(r *api.Request) (any, error) {
	var in struct {
		Cluster     string `json:"cluster"`
		Container   string `json:"container"`
		Command     string `json:"command"`
		Interactive bool   `json:"interactive"`
		Task        string `json:"task"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	refuse := func(format string, args ...any) error {
		return cloud.Errorf("InvalidParameterException", format, args...)
	}
	return nil, r.View(func(tx *cloud.Tx) error {
		cluster, err := clusterOf(r, tx, in.Cluster)
		if err != nil {
			return err
		}
		arn := in.Task
		if !awsarn.IsARN(arn) {
			arn = ecs.TaskARN(r.Caller.Scope, cluster.ID, arn)
		}
		found := tx.Get(cloud.Key{Scope: r.Caller.Scope, Token: ecs.Task.Token, ID: arn})
		context := inCluster(cluster.ID)
		context["ecs:container-name"] = in.Container
		if err := iam.May(tx, r.Caller, iam.Look{Action: "ecs:ExecuteCommand", Resource: arn, Of: found, Context: context}); err != nil {
			return err
		}
		switch {
		case in.Command == "":
			return refuse("Command cannot be empty.")
		case !in.Interactive: // "only supports initiating interactive sessions": API_ExecuteCommand
			return refuse("Interactive must be true: ECS Exec only supports interactive sessions.")
		case found == nil:
			return refuse("The task provided in the request was not found.")
		}
		return connect(tx, found, in.Container, refuse)
	})
}

// connect refuses a session that the task's container cannot have.
func connect(tx *cloud.Tx, r *cloud.Resource, name string, refuse func(string, ...any) error) error {
	revision, err := ecs.FindRevision(tx, r.Scope, ecs.Task.Inputs(r).TaskDefinitionARN)
	if err != nil {
		return err
	}
	if name == "" && len(revision.Containers) == 1 {
		name = revision.Containers[0].Name
	}
	if revision.Container(name) == nil {
		return refuse("The container provided in the request was not found in the task: give the name of one of its containers.")
	}
	agents := managedAgents(tx, r, name)
	if len(agents) == 0 || agents[0].LastStatus != ecs.TaskRunning {
		return refuse("The execute command failed because execute command was not enabled when the task was run or the execute command agent isn't running. " +
			"Wait and try again or run a new task with execute command enabled and try again.")
	}
	for _, action := range sessionActions {
		if !iam.Allowed(tx, r.Scope, revision.TaskRoleARN, action, "*") {
			return cloud.Errorf("TargetNotConnectedException", "The execute command failed due to an internal error. Try again later.")
		}
	}
	return fmt.Errorf("a session of AWS Systems Manager, which AWS would begin now; use localcloud exec -container %s %s -- COMMAND: %w",
		name, ecs.TaskID(r.ID), cloud.ErrUnimplemented)
}
