package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/cloud"
)

// epoch is a time as the JSON protocol has it: in seconds since 1970.
type epoch time.Time

// MarshalJSON implements [json.Marshaler].
func (t epoch) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(time.Time(t).UnixMilli()) / 1000)
}

// failure is what was asked for and is not there.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Failure.html
type failure struct {
	ARN    string `json:"arn"`
	Reason string `json:"reason"`
}

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
	ID                 string `json:"id"`
	Status             string `json:"status"`
	TaskDefinition     string `json:"taskDefinition"`
	DesiredCount       int    `json:"desiredCount"`
	RunningCount       int    `json:"runningCount"`
	PendingCount       int    `json:"pendingCount"`
	FailedTasks        int    `json:"failedTasks"`
	RolloutState       string `json:"rolloutState"`
	RolloutStateReason string `json:"rolloutStateReason"`
	CreatedAt          epoch  `json:"createdAt"`
	UpdatedAt          epoch  `json:"updatedAt"`
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceEvent.html
type serviceEvent struct {
	CreatedAt epoch  `json:"createdAt"`
	Message   string `json:"message"`
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html
func describeServices(r *request) (any, error) {
	var in struct {
		Cluster  string   `json:"cluster"`
		Services []string `json:"services"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	out := struct {
		Services []service `json:"services"`
		Failures []failure `json:"failures"`
	}{[]service{}, []failure{}}
	return &out, r.view(func(tx *cloud.Tx) error {
		cluster, err := r.cluster(tx, in.Cluster)
		if err != nil {
			return err
		}
		for _, name := range in.Services {
			arn, found, err := r.service(tx, cluster, name, "ecs:DescribeServices")
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

// cluster returns the cluster with the name or ARN.
func (r *request) cluster(tx *cloud.Tx, nameOrARN string) (*cloud.Resource, error) {
	arn := ecs.ClusterARN(r.caller.Scope, nameOrARN)
	found := tx.Get(cloud.Key{Scope: r.caller.Scope, Token: ecs.Cluster.Token, ID: arn})
	if found == nil {
		return nil, ecs.Cluster.NotFound(arn)
	}
	return found, nil
}

// service returns the service of the cluster with the name or ARN, nil if there is none, to a caller who may look at it.
func (r *request) service(tx *cloud.Tx, cluster *cloud.Resource, nameOrARN, action string) (string, *cloud.Resource, error) {
	arn := nameOrARN
	if !strings.HasPrefix(arn, "arn:") {
		arn = ecs.ServiceARN(r.caller.Scope, cluster.ID, nameOrARN)
	}
	found := tx.Get(cloud.Key{Scope: r.caller.Scope, Token: ecs.Service.Token, ID: arn})
	return arn, found, r.may(tx, iam.Look{Action: action, Resource: arn, Of: found, Context: inCluster(cluster.ID)})
}

// inCluster is the condition key that tells of the cluster in which something is.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
func inCluster(arn string) map[string]string { return map[string]string{"ecs:cluster": arn} }

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
			FailedTasks: d.FailedTasks, RolloutState: d.RolloutState, RolloutStateReason: d.Reason, CreatedAt: epoch(d.CreatedAt), UpdatedAt: epoch(d.UpdatedAt),
		})
	}
	for _, e := range slices.Backward(status.Events) {
		s.Events = append(s.Events, serviceEvent{epoch(e.CreatedAt), e.Message})
	}
	return s
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
func listTasks(r *request) (any, error) {
	var in struct {
		Cluster       string `json:"cluster"`
		ServiceName   string `json:"serviceName"`
		DesiredStatus string `json:"desiredStatus"`
		MaxResults    *int   `json:"maxResults"`
		NextToken     string `json:"nextToken"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	in.DesiredStatus = cmp.Or(in.DesiredStatus, ecs.TaskRunning)
	var arns []string
	err := r.view(func(tx *cloud.Tx) error {
		cluster, err := r.cluster(tx, in.Cluster)
		if err != nil {
			return err
		}
		if err := r.may(tx, iam.Look{Action: "ecs:ListTasks", Context: inCluster(cluster.ID)}); err != nil {
			return err
		}
		of := ""
		if in.ServiceName != "" {
			if of = in.ServiceName; !strings.HasPrefix(of, "arn:") {
				of = ecs.ServiceARN(r.caller.Scope, cluster.ID, of)
			}
			if tx.Get(cloud.Key{Scope: r.caller.Scope, Token: ecs.Service.Token, ID: of}) == nil {
				return ecs.Service.NotFound(of)
			}
		}
		for _, t := range tx.List(r.caller.Scope, ecs.Task.Token) {
			spec, status := ecs.Task.Inputs(t), cloud.StatusOf[ecs.TaskStatus](t)
			if spec.ClusterARN == cluster.ID && (of == "" || spec.Service == of) && status.DesiredStatus == in.DesiredStatus {
				arns = append(arns, t.ID)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out struct {
		TaskARNs  []string `json:"taskArns"`
		NextToken string   `json:"nextToken,omitempty"`
	}
	out.TaskARNs, out.NextToken, err = page(arns, in.MaxResults, in.NextToken)
	return &out, err
}

// page returns the part of a list that follows a token, and the token of what follows that, if anything does.
func page(all []string, maxResults *int, token string) (some []string, next string, err error) {
	const most = 100 // and as many if the request does not say, as API_ListTasks has it
	size := most
	if maxResults != nil {
		size = *maxResults
	}
	if size < 1 || size > most {
		return nil, "", cloud.Errorf("InvalidParameterException", "maxResults must be between 1 and %d.", most)
	}
	some, next, ok := pageOf(all, func(s string) string { return s }, size, token)
	if !ok {
		return nil, "", cloud.Errorf("InvalidParameterException", "Invalid nextToken.")
	}
	return append([]string{}, some...), next, nil
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
type task struct {
	TaskARN           string      `json:"taskArn"`
	ClusterARN        string      `json:"clusterArn"`
	TaskDefinitionARN string      `json:"taskDefinitionArn"`
	LastStatus        string      `json:"lastStatus"`
	DesiredStatus     string      `json:"desiredStatus"`
	HealthStatus      string      `json:"healthStatus"`
	StopCode          string      `json:"stopCode,omitempty"`
	StoppedReason     string      `json:"stoppedReason,omitempty"`
	Group             string      `json:"group"`
	StartedBy         string      `json:"startedBy"`
	CapacityProvider  string      `json:"capacityProviderName"`
	CreatedAt         epoch       `json:"createdAt"`
	StartedAt         epoch       `json:"startedAt"`
	StoppedAt         epoch       `json:"stoppedAt"`
	Containers        []container `json:"containers"`
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Container.html
type container struct {
	Name         string `json:"name"`
	LastStatus   string `json:"lastStatus"`
	HealthStatus string `json:"healthStatus"`
	ExitCode     *int   `json:"exitCode,omitempty"`
	Reason       string `json:"reason,omitempty"`
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
func describeTasks(r *request) (any, error) {
	var in struct {
		Cluster string   `json:"cluster"`
		Tasks   []string `json:"tasks"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	out := struct {
		Tasks    []task    `json:"tasks"`
		Failures []failure `json:"failures"`
	}{[]task{}, []failure{}}
	return &out, r.view(func(tx *cloud.Tx) error {
		cluster, err := r.cluster(tx, in.Cluster)
		if err != nil {
			return err
		}
		for _, arn := range in.Tasks {
			if !strings.HasPrefix(arn, "arn:") {
				arn = ecs.TaskARN(r.caller.Scope, cluster.ID, arn)
			}
			if err := r.may(tx, iam.Look{Action: "ecs:DescribeTasks", Resource: arn, Context: inCluster(cluster.ID)}); err != nil {
				return err
			}
			found := tx.Get(cloud.Key{Scope: r.caller.Scope, Token: ecs.Task.Token, ID: arn})
			if found == nil {
				out.Failures = append(out.Failures, failure{arn, "MISSING"})
				continue
			}
			out.Tasks = append(out.Tasks, taskOf(found))
		}
		return nil
	})
}

func taskOf(r *cloud.Resource) task {
	spec, status := ecs.Task.Inputs(r), cloud.StatusOf[ecs.TaskStatus](r)
	t := task{
		TaskARN: r.ID, ClusterARN: spec.ClusterARN, TaskDefinitionARN: spec.TaskDefinitionARN,
		LastStatus: status.LastStatus, DesiredStatus: status.DesiredStatus, HealthStatus: status.HealthStatus,
		StopCode: status.StopCode, StoppedReason: status.StoppedReason,
		Group: "service:" + ecs.TaskID(spec.Service), StartedBy: spec.Deployment, CapacityProvider: spec.CapacityProvider,
		CreatedAt: epoch(status.CreatedAt), StartedAt: epoch(status.StartedAt), StoppedAt: epoch(status.StoppedAt),
	}
	for _, c := range status.Containers {
		t.Containers = append(t.Containers, container(c))
	}
	return t
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html
func describeTaskDefinition(r *request) (any, error) {
	var in struct {
		TaskDefinition string `json:"taskDefinition"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	var out struct {
		TaskDefinition struct {
			TaskDefinitionARN    string          `json:"taskDefinitionArn"`
			Family               string          `json:"family"`
			Revision             int             `json:"revision"`
			Status               string          `json:"status"`
			NetworkMode          string          `json:"networkMode"`
			CPU                  string          `json:"cpu"`
			Memory               string          `json:"memory"`
			ExecutionRoleARN     string          `json:"executionRoleArn,omitempty"`
			TaskRoleARN          string          `json:"taskRoleArn,omitempty"`
			ContainerDefinitions json.RawMessage `json:"containerDefinitions"` // Pulumi's inputs have ECS's own JSON
		} `json:"taskDefinition"`
	}
	return &out, r.view(func(tx *cloud.Tx) error {
		if err := r.may(tx, iam.Look{Action: "ecs:DescribeTaskDefinition"}); err != nil {
			return err
		}
		revision, err := ecs.FindRevision(tx, r.caller.Scope, in.TaskDefinition)
		if errors.Is(err, ecs.ErrNoRevision) {
			return cloud.Errorf("ClientException", "Unable to describe task definition.")
		}
		if err != nil {
			return err
		}
		found := tx.Get(cloud.Key{Scope: r.caller.Scope, Token: ecs.TaskDefinitionRevision.Token, ID: revision.ARN})
		spec, status := ecs.TaskDefinitionRevision.Inputs(found), cloud.StatusOf[ecs.RevisionStatus](found)
		d := &out.TaskDefinition
		d.TaskDefinitionARN, d.Family, d.Revision, d.Status = found.ID, spec.Family, status.Revision, "INACTIVE"
		if status.Active {
			d.Status = "ACTIVE"
		}
		d.NetworkMode, d.CPU, d.Memory, d.ExecutionRoleARN, d.TaskRoleARN = spec.NetworkMode, spec.CPU, spec.Memory, spec.ExecutionRoleARN, spec.TaskRoleARN
		d.ContainerDefinitions = json.RawMessage(spec.ContainerDefinitions)
		return nil
	})
}
