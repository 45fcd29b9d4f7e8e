package ecsapi

import (
	"cmp"
	"strings"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/cloud"

	awsarn "github.com/aws/aws-sdk-go-v2/aws/arn"
)

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
func listTasks(r *api.Request) (any, error) {
	var in struct {
		Cluster       string `json:"cluster"`
		ServiceName   string `json:"serviceName"`
		Family        string `json:"family"`
		StartedBy     string `json:"startedBy"`
		DesiredStatus string `json:"desiredStatus"`
		MaxResults    *int   `json:"maxResults"`
		NextToken     string `json:"nextToken"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	in.DesiredStatus = cmp.Or(in.DesiredStatus, ecs.TaskRunning)
	var arns []string
	err := r.View(func(tx *cloud.Tx) error {
		cluster, err := clusterOf(r, tx, in.Cluster)
		if err != nil {
			return err
		}
		if err := iam.May(tx, r.Caller, iam.Look{Action: "ecs:ListTasks", Context: inCluster(cluster.ID)}); err != nil {
			return err
		}
		of := ""
		if in.ServiceName != "" {
			if of = in.ServiceName; !awsarn.IsARN(of) {
				of = ecs.ServiceARN(r.Caller.Scope, cluster.ID, of)
			}
			if tx.Get(cloud.Key{Scope: r.Caller.Scope, Token: ecs.Service.Token, ID: of}) == nil {
				return ecs.Service.NotFound(of)
			}
		}
		for _, t := range tx.List(r.Caller.Scope, ecs.Task.Token) {
			spec, status := ecs.Task.Inputs(t), cloud.StatusOf[ecs.TaskStatus](t)
			if spec.ClusterARN == cluster.ID && (of == "" || spec.Service == of) && status.DesiredStatus == in.DesiredStatus &&
				(in.Family == "" || familyOf(spec) == in.Family) && (in.StartedBy == "" || startedBy(spec) == in.StartedBy) {
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

// page returns the part of a list after a token, and the next token, if more follows.
func page(all []string, maxResults *int, token string) (some []string, next string, err error) {
	const most = 100 // and as many if the request does not say, as API_ListTasks has it
	size := most
	if maxResults != nil {
		size = *maxResults
	}
	if size < 1 || size > most {
		return nil, "", cloud.Errorf("InvalidParameterException", "maxResults must be between 1 and %d.", most)
	}
	some, next, ok := api.Page(all, func(s string) string { return s }, size, token)
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
	CreatedAt         api.Epoch   `json:"createdAt"`
	StartedAt         api.Epoch   `json:"startedAt"`
	StoppedAt         api.Epoch   `json:"stoppedAt"`
	Containers        []container `json:"containers"`

	EnableExecuteCommand bool `json:"enableExecuteCommand"`
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Container.html
type container struct {
	Name         string `json:"name"`
	LastStatus   string `json:"lastStatus"`
	HealthStatus string `json:"healthStatus"`
	ExitCode     *int   `json:"exitCode,omitempty"`
	Reason       string `json:"reason,omitempty"`

	ManagedAgents []managedAgent `json:"managedAgents,omitempty"`
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
func describeTasks(r *api.Request) (any, error) {
	var in struct {
		Cluster string   `json:"cluster"`
		Tasks   []string `json:"tasks"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	out := struct {
		Tasks    []task    `json:"tasks"`
		Failures []failure `json:"failures"`
	}{[]task{}, []failure{}}
	return &out, r.View(func(tx *cloud.Tx) error {
		cluster, err := clusterOf(r, tx, in.Cluster)
		if err != nil {
			return err
		}
		for _, arn := range in.Tasks {
			if !awsarn.IsARN(arn) {
				arn = ecs.TaskARN(r.Caller.Scope, cluster.ID, arn)
			}
			if err := iam.May(tx, r.Caller, iam.Look{Action: "ecs:DescribeTasks", Resource: arn, Context: inCluster(cluster.ID)}); err != nil {
				return err
			}
			found := tx.Get(cloud.Key{Scope: r.Caller.Scope, Token: ecs.Task.Token, ID: arn})
			if found == nil {
				out.Failures = append(out.Failures, failure{arn, "MISSING"})
				continue
			}
			out.Tasks = append(out.Tasks, taskOf(tx, found))
		}
		return nil
	})
}

func taskOf(tx *cloud.Tx, r *cloud.Resource) task {
	spec, status := ecs.Task.Inputs(r), cloud.StatusOf[ecs.TaskStatus](r)
	t := task{
		TaskARN: r.ID, ClusterARN: spec.ClusterARN, TaskDefinitionARN: spec.TaskDefinitionARN,
		LastStatus: status.LastStatus, DesiredStatus: status.DesiredStatus, HealthStatus: status.HealthStatus,
		StopCode: status.StopCode, StoppedReason: status.StoppedReason,
		Group: groupOf(spec), StartedBy: startedBy(spec), CapacityProvider: spec.CapacityProvider,
		CreatedAt: api.Epoch(status.CreatedAt), StartedAt: api.Epoch(status.StartedAt), StoppedAt: api.Epoch(status.StoppedAt),
		EnableExecuteCommand: spec.EnableExecuteCommand,
	}
	for _, c := range status.Containers {
		t.Containers = append(t.Containers, container{
			Name: c.Name, LastStatus: c.LastStatus, HealthStatus: c.HealthStatus, ExitCode: c.ExitCode, Reason: c.Reason,
			ManagedAgents: managedAgents(tx, r, c.Name),
		})
	}
	return t
}

// familyOf returns the family of the task's definition.
func familyOf(spec *ecs.TaskSpec) string {
	family, _, _ := strings.Cut(ecs.TaskID(spec.TaskDefinitionARN), ":")
	return family
}

// groupOf returns the task's group: its service, or what it was run with.
func groupOf(spec *ecs.TaskSpec) string {
	if spec.Service != "" {
		return "service:" + ecs.TaskID(spec.Service)
	}
	return spec.Group
}

// startedBy returns who started the task: a deployment of its service, or who ran it.
func startedBy(spec *ecs.TaskSpec) string { return cmp.Or(spec.Deployment, spec.StartedBy) }
