package task

import "time"

// State is where a task or a container is in its life (Amazon ECS developer guide, "Amazon ECS task lifecycle").
type State string

// The states that the runner knows; those around them (PROVISIONING, DEPROVISIONING…) belong to the network.
const (
	StatePending  State = "PENDING"
	StateRunning  State = "RUNNING" // of a task: each container has started, and no essential one has stopped
	StateStopping State = "STOPPING"
	StateStopped  State = "STOPPED"
)

// Health is the result of health checks (API_HealthCheck).
type Health string

// The results of health checks.
const (
	HealthUnknown   Health = "UNKNOWN" // not checked yet, or no check is defined
	HealthHealthy   Health = "HEALTHY"
	HealthUnhealthy Health = "UNHEALTHY"
)

// StopCode is the kind of reason for which a task stopped (API_Task, stopCode).
type StopCode string

// The stop codes of API_Task.
const (
	StopTaskFailedToStart         StopCode = "TaskFailedToStart"
	StopEssentialContainerExited  StopCode = "EssentialContainerExited"
	StopUserInitiated             StopCode = "UserInitiated"
	StopServiceSchedulerInitiated StopCode = "ServiceSchedulerInitiated"
	StopSpotInterruption          StopCode = "SpotInterruption"
	StopTerminationNotice         StopCode = "TerminationNotice"
)

// Status is a snapshot of a task.
type Status struct {
	State         State
	Health        Health // HEALTHY if every essential container is, UNHEALTHY if one of them is
	StopCode      StopCode
	StoppedReason string
	CreatedAt     time.Time
	StartedAt     time.Time // zero until RUNNING
	StoppedAt     time.Time // zero until STOPPED
	Containers    []ContainerStatus
}

// ContainerStatus is a snapshot of a container.
type ContainerStatus struct {
	Name     string
	State    State
	Health   Health
	ExitCode *int   // nil until it has exited, and if it never started
	Reason   string // why it did not start or was not left running; empty after an ordinary exit
	PID      int    // of the process on this machine, while RUNNING
}

// Usage is what a task uses of the machine.
type Usage struct {
	CPU    time.Duration // processor time since the task started
	Memory int64         // resident memory in bytes
}
