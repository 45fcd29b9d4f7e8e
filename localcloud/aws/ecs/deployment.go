package ecs

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/cloud"
)

// The status of a service. An INACTIVE one is gone from the store.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html
const (
	ServiceActive   = "ACTIVE"
	ServiceDraining = "DRAINING"
)

// ServiceStatus is the Status of a service.
type ServiceStatus struct {
	// Status is [ServiceActive], or [ServiceDraining] once the service is being deleted.
	Status string
	// Deployments are those under way, the PRIMARY one first. There is only one in a steady state.
	Deployments []Deployment
	// Completed is the last deployment that reached a steady state; a failed one is rolled back to it. It is nil if there was none.
	Completed *Deployment `json:",omitempty"`
	// Events are what happened to the service, the newest last; at most [maxEvents].
	Events []ServiceEvent
	// Steady says that its last event was that the service reached a steady state.
	Steady bool
}

// ServiceEvent is one line of a service's history.
type ServiceEvent struct {
	CreatedAt time.Time
	Message   string
}

// maxEvents is how many events ECS keeps of a service.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages.html
const maxEvents = 100

// Record adds an event, unless it equals the one before.
func (s *ServiceStatus) Record(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if n := len(s.Events); n > 0 && s.Events[n-1].Message == message {
		return
	}
	s.Events = append(s.Events, ServiceEvent{CreatedAt: time.Now().UTC(), Message: message})
	s.Events = s.Events[max(0, len(s.Events)-maxEvents):]
}

// Primary returns the deployment that the service is moving to.
func (s *ServiceStatus) Primary() *Deployment { return &s.Deployments[0] }

// The states of a deployment among the others of its service, and of its rollout.
const (
	DeploymentPrimary = "PRIMARY"
	DeploymentActive  = "ACTIVE" // replaced, and still with tasks

	RolloutInProgress = "IN_PROGRESS"
	RolloutCompleted  = "COMPLETED"
	RolloutFailed     = "FAILED"
)

// Deployment is one version of a service and the tasks that run it.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
type Deployment struct {
	ID             string
	Status         string
	RolloutState   string
	Reason         string
	TaskDefinition string // ARN
	// Desired is how many tasks it should have, Pending and Running how many it has; Running ones need not be healthy.
	Desired, Pending, Running int
	// FailedTasks counts the tasks that failed one after the other, without one in between that became healthy.
	FailedTasks int
	// FailedAt is when the last of them failed.
	FailedAt time.Time `json:",omitzero"`
	// Alarms are the names of the alarms that give the deployment up.
	Alarms []string `json:",omitempty"`
	// Endpoints are what its tasks resolve, by Service Connect: those that there were when it began.
	Endpoints []Endpoint `json:",omitempty"`
	// DeployedAt is when its tasks had taken over, and its bake time began: zero before, and without a bake time.
	DeployedAt time.Time `json:",omitzero"`
	CreatedAt  time.Time
	UpdatedAt  time.Time
	// Properties are the service's properties that make up the version.
	Properties cloud.Map
}

// Spec returns the service in this deployment.
func (d *Deployment) Spec() (*ServiceSpec, error) { return cloud.Decode[ServiceSpec](d.Properties) }

// versionProperties are the properties whose change makes a new deployment. AWS says that the capacity provider strategy does not, but
// the real provider changes it only by force or by replacing the service.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
var versionProperties = []string{
	"taskDefinition", "networkConfiguration", "loadBalancers", "capacityProviderStrategies", "launchType", "platformVersion",
	"serviceConnectConfiguration",
}

// versionDefaults are ECS's values of the version properties that were not given.
var versionDefaults = cloud.Map{"launchType": "", "platformVersion": latestPlatform}

const latestPlatform = "LATEST"

func versionOf(inputs cloud.Map) cloud.Map {
	out := cloud.Map{}
	for _, p := range versionProperties {
		if v, ok := inputs[p]; ok {
			out[p] = v
		}
	}
	return out
}

// Restore gives the service the properties of one of its deployments, so callers see what it was rolled back to.
func Restore(service *cloud.Resource, d *Deployment) {
	for _, p := range versionProperties {
		if v, ok := d.Properties[p]; ok {
			service.Inputs[p], service.Outputs[p] = v, v
			continue
		}
		delete(service.Inputs, p)
		delete(service.Outputs, p)
		if v, ok := versionDefaults[p]; ok {
			service.Outputs[p] = v
		}
	}
}

// Scale gives the current deployment so many tasks. An increase also applies to the one that served before.
// https://aws.amazon.com/about-aws/whats-new/2025/11/amazon-ecs-service-availability-rolling-deployments
func (s *ServiceStatus) Scale(n int) {
	more := max(0, n-s.Primary().Desired)
	s.Primary().Desired = n
	for i := range s.Deployments {
		if d := &s.Deployments[i]; d.Status == DeploymentActive && d.Desired > 0 {
			d.Desired += more
		}
	}
}

// deploy makes a new PRIMARY deployment. Those before it stay ACTIVE while they have tasks, and the last completed one keeps its number
// of tasks until the new ones take over.
func (s *ServiceStatus) deploy(taskDefinition string, version cloud.Map, alarms []string) {
	for i := range s.Deployments {
		d := &s.Deployments[i]
		d.Status = DeploymentActive
		if s.Completed == nil || s.Completed.ID != d.ID {
			d.Desired = 0
		}
	}
	now := time.Now().UTC()
	number, _ := strconv.ParseUint(ids.Hex(15), 16, 64) // hexadecimal digits, and few enough
	id := fmt.Sprintf("ecs-svc/%019d", number)
	s.Deployments = slices.Insert(s.Deployments, 0, Deployment{
		ID: id, Status: DeploymentPrimary, RolloutState: RolloutInProgress, Reason: "ECS deployment " + id + " in progress.",
		TaskDefinition: taskDefinition, CreatedAt: now, UpdatedAt: now, Properties: version, Alarms: alarms,
	})
	s.Steady = false
}

// BakeTime is how much longer a deployment is watched once its tasks have taken over. AWS only says that it follows from the alarms and
// is below five minutes; here it is as long as the longest of them looks back.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
func BakeTime(tx *cloud.Tx, s cloud.Scope, alarms []string) time.Duration {
	const most = 5 * time.Minute
	var longest time.Duration
	for _, name := range alarms {
		if r := tx.Get(cloud.Key{Scope: s, Token: cloudwatch.MetricAlarmToken, ID: name}); r != nil {
			a := cloudwatch.AlarmOf(r)
			longest = max(longest, a.Period*time.Duration(a.EvaluationPeriods))
		}
	}
	return min(longest, most)
}
