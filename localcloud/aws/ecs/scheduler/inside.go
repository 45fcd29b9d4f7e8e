package scheduler

import (
	"context"
	"fmt"
	"os"
	"slices"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/cloud"
)

// Exec runs a command in a container of a running task, and returns its exit code. The task is given by its id or ARN, or by the name or ARN
// of its service, whose oldest it is then. Without a name, the container is the task's first essential one.
func (s *Scheduler) Exec(ctx context.Context, name, container string, args []string, stdin, stdout, stderr *os.File) (code int, err error) {
	_, running, err := s.runningTask(name)
	if err != nil {
		return 0, fmt.Errorf("run %q: %w", args, err)
	}
	if container == "" {
		i := slices.IndexFunc(running.revision.Containers, func(d ecs.ContainerDefinition) bool { return d.IsEssential() })
		container = running.revision.Containers[i].Name
	}
	return running.Exec(ctx, container, args, stdin, stdout, stderr)
}

// InterfaceOf returns the network interface of a running task, which is given as for Exec.
func (s *Scheduler) InterfaceOf(name string) (cloud.Key, error) {
	r, _, err := s.runningTask(name)
	if err != nil {
		return cloud.Key{}, err
	}
	var interfaces []*cloud.Resource
	s.Store.View(func(tx *cloud.Tx) { interfaces = ec2.InterfacesOf(tx, r.Scope, r.ID) })
	if len(interfaces) == 0 {
		return cloud.Key{}, fmt.Errorf("task %s has no network interface any more", ecs.TaskID(r.ID))
	}
	return interfaces[0].Key, nil
}

// runningTask finds a task whose containers run.
func (s *Scheduler) runningTask(name string) (*cloud.Resource, runningTask, error) {
	var candidates []*cloud.Resource
	var err error
	s.Store.View(func(tx *cloud.Tx) {
		for _, r := range tx.Everywhere(ecs.Task.Token) {
			if r.ID == name || ecs.TaskID(r.ID) == name {
				candidates = append(candidates, r)
				return
			}
		}
		var service *cloud.Resource
		if service, err = findService(tx, name); err == nil {
			candidates = serving(tx, service)
		}
	})
	if err != nil {
		return nil, runningTask{}, fmt.Errorf("no task has the id %s, and %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range candidates {
		if running, ok := s.running[r.Key]; ok {
			return r, running, nil
		}
	}
	return nil, runningTask{}, fmt.Errorf("%s has no running task", name)
}
