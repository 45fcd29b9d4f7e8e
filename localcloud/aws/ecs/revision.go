package ecs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/cloud"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// RevisionStatus is the Status of a [TaskDefinitionRevision].
type RevisionStatus struct {
	// Revision counts up from 1 in each family. A number is never used again, even after its revision is gone.
	Revision int
	// Active says that new services and deployments may refer to it.
	Active       bool
	RegisteredAt time.Time
}

// TaskDefinitionRevision is a revision of a task definition as ECS keeps it for ever. Its id is its ARN.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deregister-task-definition-v2.html
var TaskDefinitionRevision = &cloud.Kind[TaskDefinitionSpec, struct{}]{
	Spec: cloud.Spec{
		Token: TaskDefinitionRevisionToken,
		Label: "ECS Task Definition Revision",
		Alive: func(*cloud.Resource) bool { return false }, // AWS keeps all
		// It stays, with its tags, when the program no longer uses it.
		Tagged: func(r *cloud.Resource) (string, map[string]string) {
			if !cloud.StatusOf[RevisionStatus](r).Active {
				return "", nil
			}
			return r.ID, cloud.InputsOf[TaskDefinitionSpec](r).Tags
		},
	},
}

// Revision is a task definition as the scheduler needs it.
type Revision struct {
	ARN              string
	Active           bool
	ExecutionRoleARN string
	TaskRoleARN      string
	// Architecture is that of the images, in Go's and OCI's terms: amd64 or arm64.
	Architecture string
	// CPU is in units of 1/1024 of a processor, Memory in MiB.
	CPU, Memory int
	Volumes     []string
	// FileSystems has the folders of those volumes that are file systems of EFS, by the volumes' names: the parts of their paths.
	FileSystems map[string][]string
	Containers  []ContainerDefinition
}

// Family returns the name that the revisions of a task definition share.
func (r *Revision) Family() string {
	family, _, _ := strings.Cut(arns.Last(r.ARN), ":")
	return family
}

// Container returns the container with the name, or nil.
func (r *Revision) Container(name string) *ContainerDefinition {
	i := slices.IndexFunc(r.Containers, func(d ContainerDefinition) bool { return d.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Containers[i]
}

// ErrNoRevision says that there is no such task definition.
var ErrNoRevision = errors.New("there is no such task definition")

// FindRevision returns the revision that a service means: by ARN, by family and revision, or by family for the newest one
// that is ACTIVE.
func FindRevision(tx *cloud.Tx, s cloud.Scope, name string) (*Revision, error) {
	if !arn.IsARN(name) {
		name = arns.New(s, "ecs", "task-definition/"+name)
	}
	var found *cloud.Resource
	family, revision, _ := strings.Cut(arns.Last(name), ":")
	if revision != "" {
		found = tx.Get(cloud.Key{Scope: s, Token: TaskDefinitionRevisionToken, ID: name})
	} else {
		newest := 0
		for _, r := range tx.Where(s, TaskDefinitionRevisionToken, "family", family) {
			status := cloud.Peek[RevisionStatus](r)
			if strings.HasPrefix(r.ID, name+":") && status.Active && status.Revision > newest {
				found, newest = r, status.Revision
			}
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%s: %w", name, ErrNoRevision)
	}
	in := TaskDefinitionRevision.Inputs(found)
	containers, err := parseContainerDefinitions(in.ContainerDefinitions)
	if err != nil {
		return nil, fmt.Errorf("task definition %s: %w", found.ID, err)
	}
	r := &Revision{
		ARN: found.ID, Active: cloud.StatusOf[RevisionStatus](found).Active, ExecutionRoleARN: in.ExecutionRoleARN, TaskRoleARN: in.TaskRoleARN,
		Architecture: "amd64", Containers: containers, FileSystems: map[string][]string{},
	}
	if in.RuntimePlatform != nil && in.RuntimePlatform.CPUArchitecture == "ARM64" {
		r.Architecture = "arm64"
	}
	if r.CPU, err = cpuUnits(in.CPU); err == nil {
		r.Memory, err = mebibytes(in.Memory)
	}
	if err != nil {
		return nil, fmt.Errorf("task definition %s: %w", found.ID, err)
	}
	for _, v := range in.Volumes {
		r.Volumes = append(r.Volumes, v.Name)
		if v.EFSVolumeConfiguration != nil {
			r.FileSystems[v.Name] = v.EFSVolumeConfiguration.folder()
		}
	}
	return r, nil
}
