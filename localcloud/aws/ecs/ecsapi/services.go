package ecsapi

import (
	"slices"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html
type service struct {
	ServiceARN     string                    `json:"serviceArn"`
	ServiceName    string                    `json:"serviceName"`
	ClusterARN     string                    `json:"clusterArn"`
	Status         string                    `json:"status"`
	TaskDefinition string                    `json:"taskDefinition"`
	DesiredCount   int                       `json:"desiredCount"`
	RunningCount   int                       `json:"runningCount"`
	PendingCount   int                       `json:"pendingCount"`
	LoadBalancers  []ecs.ServiceLoadBalancer `json:"loadBalancers"`
	Grace          *int                      `json:"healthCheckGracePeriodSeconds,omitempty"`
	Deployments    []deployment              `json:"deployments"`
	Events         []serviceEvent            `json:"events"` // the newest first
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
type deployment struct {
	ID                 string    `json:"id"`
	Status             string    `json:"status"`
	TaskDefinition     string    `json:"taskDefinition"`
	DesiredCount       int       `json:"desiredCount"`
	RunningCount       int       `json:"runningCount"`
	PendingCount       int       `json:"pendingCount"`
	FailedTasks        int       `json:"failedTasks"`
	RolloutState       string    `json:"rolloutState"`
	RolloutStateReason string    `json:"rolloutStateReason"`
	CreatedAt          api.Epoch `json:"createdAt"`
	UpdatedAt          api.Epoch `json:"updatedAt"`
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceEvent.html
type serviceEvent struct {
	CreatedAt api.Epoch `json:"createdAt"`
	Message   string    `json:"message"`
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html
func describeServices(r *api.Request) (any, error) {
	var in struct {
		Cluster  string   `json:"cluster"`
		Services []string `json:"services"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	out := struct {
		Services []service `json:"services"`
		Failures []failure `json:"failures"`
	}{[]service{}, []failure{}}
	return &out, r.View(func(tx *cloud.Tx) error {
		cluster, err := clusterOf(r, tx, in.Cluster)
		if err != nil {
			return err
		}
		for _, name := range in.Services {
			arn, found, err := findService(r, tx, cluster, name, "ecs:DescribeServices")
			if err != nil {
				return err
			}
			if found == nil {
				out.Failures = append(out.Failures, failure{arn, "MISSING"})
				continue
			}
			out.Services = append(out.Services, serviceOf(found, cluster.ID))
		}
		return nil
	})
}

func serviceOf(r *cloud.Resource, cluster string) service {
	in, status := ecs.Service.Inputs(r), cloud.StatusOf[ecs.ServiceStatus](r)
	s := service{
		ServiceARN: r.ID, ServiceName: in.Name, ClusterARN: cluster, Status: status.Status,
		TaskDefinition: status.Primary().TaskDefinition, DesiredCount: in.DesiredCount, LoadBalancers: in.LoadBalancers,
		Grace: in.HealthCheckGracePeriodSeconds,
	}
	for _, d := range status.Deployments {
		s.RunningCount += d.Running
		s.PendingCount += d.Pending
		s.Deployments = append(s.Deployments, deployment{
			ID: d.ID, Status: d.Status, TaskDefinition: d.TaskDefinition, DesiredCount: d.Desired, RunningCount: d.Running, PendingCount: d.Pending,
			FailedTasks: d.FailedTasks, RolloutState: d.RolloutState, RolloutStateReason: d.Reason, CreatedAt: api.Epoch(d.CreatedAt), UpdatedAt: api.Epoch(d.UpdatedAt),
		})
	}
	for _, e := range slices.Backward(status.Events) {
		s.Events = append(s.Events, serviceEvent{api.Epoch(e.CreatedAt), e.Message})
	}
	return s
}
