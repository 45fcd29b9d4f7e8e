package ecs

import (
	"time"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/cloud"
)

// The status of a task.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
const (
	// TaskProvisioning is a task whose network interface is being made.
	TaskProvisioning = "PROVISIONING"
	// TaskPending is a task whose containers are being started.
	TaskPending = "PENDING"
	// TaskRunning is a task all of whose containers run.
	TaskRunning = "RUNNING"
	// TaskDeactivating is a task that still runs and is being taken out of its target groups.
	TaskDeactivating = "DEACTIVATING"
	// TaskStopping is a task whose containers are being stopped.
	TaskStopping = "STOPPING"
	// TaskStopped is the record of an ended task.
	TaskStopped = "STOPPED"
)

// Why a task stopped.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
const (
	StopFailedToStart            = "TaskFailedToStart"
	StopEssentialContainerExited = "EssentialContainerExited"
	StopServiceScheduler         = "ServiceSchedulerInitiated"
	StopSpotInterruption         = "SpotInterruption"
	StopUserInitiated            = "UserInitiated"
)

// What health checks say of a container, and of a task through its essential containers.
const (
	HealthUnknown   = "UNKNOWN"
	HealthHealthy   = "HEALTHY"
	HealthUnhealthy = "UNHEALTHY"
)

// TaskSpec describes a wanted task. It never changes.
type TaskSpec struct {
	ClusterARN        string `json:"clusterArn"`
	TaskDefinitionARN string `json:"taskDefinitionArn"`
	// Service is the ARN of the service that owns the task, and Deployment the id of the one that started it; both are empty for a task
	// that was run by itself.
	Service          string `json:"service"`
	Deployment       string `json:"deployment"`
	CapacityProvider string `json:"capacityProvider"`

	// Family is that of the task definition. Group, StartedBy and ClientToken are those of who ran the task by itself.
	Family      string              `json:"family,omitempty"`
	Group       string              `json:"group,omitempty"`
	StartedBy   string              `json:"startedBy,omitempty"`
	ClientToken string              `json:"clientToken,omitempty"`
	Overrides   []ContainerOverride `json:"overrides,omitempty"`

	SubnetID       string                `json:"subnetId"`
	SecurityGroups []string              `json:"securityGroups"`
	AssignPublicIP bool                  `json:"assignPublicIp"`
	LoadBalancers  []ServiceLoadBalancer `json:"loadBalancers"`

	// EnableExecuteCommand says that the task was started for ECS Exec, which cannot be turned on later.
	EnableExecuteCommand bool `json:"enableExecuteCommand,omitempty"`
}

// TaskStatus is the Status of a task.
type TaskStatus struct {
	// LastStatus is the task's status, and DesiredStatus the wanted one: RUNNING or STOPPED.
	LastStatus    string
	DesiredStatus string
	HealthStatus  string
	StopCode      string `json:",omitempty"`
	StoppedReason string `json:",omitempty"`
	// Failed says that the deployment failed to start the task or to keep it healthy, and Counted that the deployment has counted it.
	Failed  bool `json:",omitempty"`
	Counted bool `json:",omitempty"`
	// Checked says that essential containers have health checks, so that HealthStatus means something.
	Checked    bool `json:",omitempty"`
	Containers []ContainerStatus
	// Address is that of the task's network interface within its VPC; empty while it has none.
	Address   string `json:",omitempty"`
	CreatedAt time.Time
	StartedAt time.Time `json:",omitzero"`
	StoppedAt time.Time `json:",omitzero"`
}

// ContainerStatus is the status of one container of a task.
type ContainerStatus struct {
	Name         string
	LastStatus   string
	HealthStatus string
	// ExitCode is nil for a container that has not exited, or never started.
	ExitCode *int   `json:",omitempty"`
	Reason   string `json:",omitempty"`
}

// Task is a set of containers that runs, or has run, in a subnet. The service scheduler and [RunTask] make tasks; their ids are ARNs.
// A task that has stopped is kept for a while as a record and refers to nothing any more.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
var Task = &cloud.Kind[TaskSpec, struct{}]{
	Spec: cloud.Spec{
		Token: taskToken,
		Label: "ECS Task",
		Alive: TaskAlive,
	},
	Refs: func(c *cloud.Call, in *TaskSpec) []cloud.Ref {
		if cloud.StatusOf[TaskStatus](c.Resource).LastStatus == TaskStopped {
			return nil
		}
		return []cloud.Ref{{Token: ClusterToken, Value: in.ClusterARN}}
	},
}

// AddTask starts the life of a task: the record of one that is PROVISIONING.
func AddTask(tx *cloud.Tx, s cloud.Scope, spec TaskSpec) (*cloud.Resource, error) {
	props, err := cloud.Encode(spec)
	if err != nil {
		return nil, err
	}
	id := ids.Hex(32)
	r := &cloud.Resource{
		Key:  cloud.Key{Scope: s, Token: taskToken, ID: TaskARN(s, spec.ClusterARN, id)},
		Name: id, Inputs: props, Outputs: props,
	}
	r.SetStatus(TaskStatus{LastStatus: TaskProvisioning, DesiredStatus: TaskRunning, HealthStatus: HealthUnknown, CreatedAt: time.Now().UTC()})
	tx.Put(r)
	return r, nil
}

// TaskARN returns the ARN of the task with the short id in the cluster with the ARN.
func TaskARN(s cloud.Scope, clusterARN, id string) string {
	return arns.New(s, "ecs", "task/"+clusterNameOf(clusterARN)+"/"+id)
}

// TaskID returns the short id in a task's ARN.
func TaskID(name string) string { return arns.Last(name) }

// TasksOf returns the tasks of a service, including stopped ones, by ARN.
func TasksOf(tx *cloud.Tx, service *cloud.Resource) []*cloud.Resource {
	return tx.Where(service.Scope, taskToken, "service", service.ID)
}

// TaskAlive reports whether a task is not just the record of a stopped one.
func TaskAlive(r *cloud.Resource) bool {
	return cloud.Peek[TaskStatus](r).LastStatus != TaskStopped
}
