package ecs

import (
	"errors"
	"fmt"
	"slices"

	"slipway/localcloud/cloud"
)

// RunTask describes tasks that run by themselves, without a service.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
type RunTask struct {
	Cluster        string `json:"cluster"`
	TaskDefinition string `json:"taskDefinition"`
	LaunchType     string `json:"launchType"`

	CapacityProviderStrategy []CapacityShare `json:"capacityProviderStrategy"`

	Count       *int   `json:"count"`
	Group       string `json:"group"`
	StartedBy   string `json:"startedBy"`
	ClientToken string `json:"clientToken"`

	EnableECSManagedTags bool `json:"enableECSManagedTags"`

	NetworkConfiguration *struct {
		VPC *struct {
			Subnets        []string `json:"subnets"`
			SecurityGroups []string `json:"securityGroups"`
			AssignPublicIP string   `json:"assignPublicIp"`
		} `json:"awsvpcConfiguration"`
	} `json:"networkConfiguration"`
	Overrides struct {
		Containers []ContainerOverride `json:"containerOverrides"`
	} `json:"overrides"`
}

// ContainerOverride changes a container of one task.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerOverride.html
type ContainerOverride struct {
	Name        string        `json:"name"`
	Command     []string      `json:"command,omitempty"`
	Environment []Environment `json:"environment,omitempty"`
}

// Environment is an environment variable.
type Environment struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ErrNoTask is ECS's answer about a task that it does not know.
func ErrNoTask() *cloud.Error {
	return cloud.Errorf("InvalidParameterException", "The referenced task was not found.")
}

// Revision returns the task definition that the tasks run, which must be active.
func (in *RunTask) Revision(tx *cloud.Tx, s cloud.Scope) (*Revision, error) {
	revision, err := FindRevision(tx, s, in.TaskDefinition)
	switch {
	case errors.Is(err, ErrNoRevision):
		return nil, cloud.Errorf("ClientException", "TaskDefinition not found.")
	case err != nil:
		return nil, err
	case !revision.Active:
		return nil, cloud.Errorf("InvalidParameterException", "TaskDefinition is inactive")
	}
	return revision, nil
}

// Run starts the tasks, and returns them. The scheduler takes them through their lives.
func (in *RunTask) Run(tx *cloud.Tx, s cloud.Scope) ([]*cloud.Resource, error) {
	cluster := tx.Get(cloud.Key{Scope: s, Token: ClusterToken, ID: ClusterARN(s, in.Cluster)})
	if cluster == nil {
		return nil, Cluster.NotFound(in.Cluster)
	}
	revision, err := in.Revision(tx, s)
	if err != nil {
		return nil, err
	}
	if err := in.check(tx, s, cluster, revision); err != nil {
		return nil, err
	}
	count, vpc, provider := 1, in.NetworkConfiguration.VPC, Fargate
	if len(in.CapacityProviderStrategy) > 0 {
		provider = in.CapacityProviderStrategy[0].CapacityProvider
	}
	if in.Count != nil {
		count = *in.Count
	}
	if in.ClientToken != "" {
		// The same token within 24 hours means the same tasks ("Ensuring idempotency" in the ECS API reference).
		if ran := tx.Where(s, taskToken, "clientToken", in.ClientToken); len(ran) > 0 {
			return ran, nil
		}
	}
	group := in.Group
	if group == "" {
		group = "family:" + revision.Family()
	}
	var tasks []*cloud.Resource
	for i := range count {
		task, err := AddTask(tx, s, TaskSpec{
			ClusterARN: cluster.ID, TaskDefinitionARN: revision.ARN, Family: revision.Family(), CapacityProvider: provider,
			Group: group, StartedBy: in.StartedBy, ClientToken: in.ClientToken, Overrides: in.Overrides.Containers,
			SubnetID: vpc.Subnets[i%len(vpc.Subnets)], SecurityGroups: vpc.SecurityGroups, AssignPublicIP: vpc.AssignPublicIP == "ENABLED",
		})
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, task)
	}
	return tasks, nil
}

// check has the rules of RunTask about its parameters.
func (in *RunTask) check(tx *cloud.Tx, s cloud.Scope, cluster *cloud.Resource, revision *Revision) error {
	refuse := func(format string, args ...any) error {
		return cloud.Errorf("InvalidParameterException", format, args...)
	}
	switch {
	case in.LaunchType != "" && len(in.CapacityProviderStrategy) > 0:
		return refuse("Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.")
	case len(in.CapacityProviderStrategy) > 1:
		return fmt.Errorf("a task with several capacity providers: %w", cloud.ErrUnimplemented)
	case in.LaunchType != Fargate && len(in.CapacityProviderStrategy) == 0:
		return fmt.Errorf("a task with another launchType than FARGATE: %w", cloud.ErrUnimplemented)
	case in.Count != nil && (*in.Count < 1 || *in.Count > 10):
		return refuse("Count must be between 1 and 10.")
	case len(in.StartedBy) > 128:
		return refuse("startedBy should not be longer than 128 characters.")
	case in.NetworkConfiguration == nil || in.NetworkConfiguration.VPC == nil:
		return errNoNetwork()
	}
	if err := checkStrategy(in.CapacityProviderStrategy, CapacityProvidersOf(tx, cluster)); err != nil {
		return err
	}
	find := func(ref cloud.Ref) *cloud.Resource {
		return tx.Get(cloud.Key{Scope: s, Token: ref.Token, ID: ref.Value})
	}
	if err := checkNetwork(find, in.NetworkConfiguration.VPC.Subnets, in.NetworkConfiguration.VPC.SecurityGroups); err != nil {
		return err
	}
	for _, o := range in.Overrides.Containers {
		if revision.Container(o.Name) == nil {
			return refuse("Override for container named %s is not a container in the TaskDefinition.", o.Name)
		}
	}
	return nil
}

// StopTask tells a task to stop. One that has stopped stays as it is.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html
func StopTask(tx *cloud.Tx, task *cloud.Resource, reason string) *cloud.Resource {
	status := cloud.StatusOf[TaskStatus](task)
	if status.DesiredStatus == TaskStopped {
		return task
	}
	status.DesiredStatus, status.StopCode, status.StoppedReason = TaskStopped, StopUserInitiated, reason
	task = task.Clone()
	task.SetStatus(status)
	tx.Put(task)
	return task
}

// Override returns the command, and changes the environment, the environment of a container of the task for one of its containers.
func (in *TaskSpec) Override(name string, command []string, environment map[string]string) []string {
	i := slices.IndexFunc(in.Overrides, func(o ContainerOverride) bool { return o.Name == name })
	if i < 0 {
		return command
	}
	for _, e := range in.Overrides[i].Environment {
		environment[e.Name] = e.Value
	}
	if len(in.Overrides[i].Command) > 0 {
		return in.Overrides[i].Command
	}
	return command
}
