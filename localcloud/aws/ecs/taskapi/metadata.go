package taskapi

import (
	"net/http"
	"strings"
	"time"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/cloud"
)

// taskMetadata and containerMetadata are the task metadata endpoint's answers, version 4, without what the local cloud does not know.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate-response.html
type taskMetadata struct {
	Cluster          string
	TaskARN          string
	Family           string
	Revision         string
	ServiceName      string `json:",omitempty"`
	DesiredStatus    string
	KnownStatus      string
	Limits           limits
	AvailabilityZone string
	LaunchType       string
	Containers       []containerMetadata
}

type limits struct {
	CPU    float64
	Memory int `json:",omitempty"`
}

type containerMetadata struct {
	DockerID      string `json:"DockerId"`
	Name          string
	DockerName    string
	Image         string
	Labels        map[string]string
	DesiredStatus string
	KnownStatus   string
	ExitCode      *int `json:",omitempty"`
	Limits        limits
	CreatedAt     time.Time
	StartedAt     time.Time `json:",omitzero"`
	Type          string
	ContainerARN  string
	Networks      []network
}

type network struct {
	NetworkMode     string
	IPv4Addresses   []string `json:",omitempty"`
	IPv6Addresses   []string `json:",omitempty"`
	AttachmentIndex int
	IPv4SubnetCIDR  string `json:"IPv4SubnetCIDRBlock,omitempty"`
	IPv6SubnetCIDR  string `json:"IPv6SubnetCIDRBlock,omitempty"`
	PrivateDNSName  string
}

// metadata describes the task as it is now; false if it is gone.
func (e *endpoint) metadata() (m taskMetadata, found bool) {
	e.of.Store.View(func(tx *cloud.Tx) {
		r := tx.Get(e.task)
		if r == nil {
			return
		}
		found = true
		spec, status := ecs.Task.Inputs(r), cloud.StatusOf[ecs.TaskStatus](r)
		family, revision, _ := strings.Cut(arns.Last(e.revision.ARN), ":")
		const unitsOfCPU = 1024
		m = taskMetadata{
			Cluster: spec.ClusterARN, TaskARN: r.ID, Family: family, Revision: revision, ServiceName: arns.Last(spec.Service),
			DesiredStatus: status.DesiredStatus, KnownStatus: status.LastStatus, LaunchType: "FARGATE",
			Limits: limits{CPU: float64(e.revision.CPU) / unitsOfCPU, Memory: e.revision.Memory},
		}
		var networks []network
		for _, ni := range ec2.InterfacesOf(tx, e.task.Scope, r.ID) {
			networks = append(networks, networkOf(tx, ni, &m.AvailabilityZone))
		}
		for _, d := range e.revision.Containers {
			m.Containers = append(m.Containers, e.containerOf(&d, &m, status, networks))
		}
	})
	return m, found
}

func networkOf(tx *cloud.Tx, r *cloud.Resource, zone *string) network {
	ni := ec2.NetworkInterface.Inputs(r)
	n := network{NetworkMode: "awsvpc", PrivateDNSName: ni.HostName(r.Scope.Region)}
	if ni.PrivateIP != "" {
		n.IPv4Addresses = []string{ni.PrivateIP}
	}
	if ni.IPv6Address != "" {
		n.IPv6Addresses = []string{ni.IPv6Address}
	}
	if subnet := tx.Get(cloud.Key{Scope: r.Scope, Token: ec2.Subnet.Token, ID: ni.SubnetID}); subnet != nil {
		in := ec2.Subnet.Inputs(subnet)
		n.IPv4SubnetCIDR, n.IPv6SubnetCIDR, *zone = in.CIDRBlock, in.IPv6CIDRBlock, in.AvailabilityZone
	}
	return n
}

func (e *endpoint) containerOf(d *ecs.ContainerDefinition, m *taskMetadata, task ecs.TaskStatus, networks []network) containerMetadata {
	c := containerMetadata{
		DockerID: containerID(e.task, d.Name), Name: d.Name, DockerName: d.Name, Image: d.Image, Type: "NORMAL",
		Labels: map[string]string{
			"com.amazonaws.ecs.cluster": m.Cluster, "com.amazonaws.ecs.container-name": d.Name, "com.amazonaws.ecs.task-arn": m.TaskARN,
			"com.amazonaws.ecs.task-definition-family": m.Family, "com.amazonaws.ecs.task-definition-version": m.Revision,
		},
		DesiredStatus: task.DesiredStatus, KnownStatus: "CREATED", Limits: limits{CPU: float64(d.CPU)},
		CreatedAt: task.CreatedAt, StartedAt: task.StartedAt, Networks: networks,
		ContainerARN: arns.New(e.task.Scope, "ecs", "container/"+arns.Last(m.Cluster)+"/"+ecs.TaskID(e.task.ID)+"/"+d.Name),
	}
	if d.Memory != nil {
		c.Limits.Memory = *d.Memory
	}
	for _, status := range task.Containers {
		if status.Name == d.Name {
			c.KnownStatus, c.ExitCode = status.LastStatus, status.ExitCode
		}
	}
	return c
}

// containerID is a container's id in its metadata.
func containerID(task cloud.Key, container string) string {
	return ecs.TaskID(task.ID) + "-" + container
}

// describe answers with the task's metadata.
func (e *endpoint) describe(w http.ResponseWriter, r *http.Request) {
	m, found := e.metadata()
	if !found {
		http.NotFound(w, r)
		return
	}
	answer(w, m)
}

// container answers with the metadata of the container that asks.
func (e *endpoint) container(w http.ResponseWriter, r *http.Request) {
	m, _ := e.metadata()
	for _, c := range m.Containers {
		if c.Name == r.PathValue("container") {
			answer(w, c)
			return
		}
	}
	http.NotFound(w, r)
}
