package scheduler

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/cloud"
)

// spotInterrupted is why a task stopped whose capacity AWS took back.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
const spotInterrupted = "Your Spot Task was interrupted."

// Interrupt takes back the capacity of the running Fargate Spot task of a service that has run longest, with AWS's warning
// of two minutes: the task leaves its target groups and gets a SIGTERM, after its stop timeout a SIGKILL, and the scheduler
// starts another one at once. The service is given by name or ARN; tasks that run by themselves, by the family of their task
// definition, and nothing starts another one. It returns the id of the task.
func (s *Scheduler) Interrupt(service string) (taskID string, err error) {
	err = s.Store.Update(func(tx *cloud.Tx) error {
		running := oldestFirst(byThemselves(tx, service))
		if len(running) == 0 {
			r, err := findService(tx, service)
			if err != nil {
				return err
			}
			service, running = "service "+r.Name, serving(tx, r)
		}
		spot := slices.DeleteFunc(running, func(r *cloud.Resource) bool {
			return ecs.Task.Inputs(r).CapacityProvider != ecs.FargateSpot
		})
		if len(spot) == 0 {
			return fmt.Errorf("%s has no running task on %s: only such tasks are interrupted", service, ecs.FargateSpot)
		}
		victim := spot[0].Clone()
		status := cloud.StatusOf[ecs.TaskStatus](victim)
		status.DesiredStatus, status.StopCode, status.StoppedReason = ecs.TaskStopped, ecs.StopSpotInterruption, spotInterrupted
		victim.SetStatus(status)
		tx.Put(victim)
		taskID = ecs.TaskID(victim.ID)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("interrupt a task: %w", err)
	}
	return taskID, nil
}

// Crash kills an essential container of the running task of a service that has run longest, as a fault of its program would:
// without a warning, and with exit code 137. The service is given by name or ARN. It returns the id of the task.
func (s *Scheduler) Crash(service string) (taskID string, err error) {
	fail := func(err error) (string, error) { return "", fmt.Errorf("crash a task: %w", err) }
	var tasks []*cloud.Resource
	s.Store.View(func(tx *cloud.Tx) {
		var r *cloud.Resource
		if r, err = findService(tx, service); err == nil {
			tasks = serving(tx, r)
		}
	})
	if err != nil {
		return fail(err)
	}
	errs := []error{fmt.Errorf("service %s has no running task", service)}
	for _, r := range tasks {
		s.mu.Lock()
		running, ok := s.running[r.Key]
		s.mu.Unlock()
		if !ok {
			continue
		}
		if _, err := running.Crash(); err != nil { // it has just ended by itself
			errs = append(errs, err)
			continue
		}
		return ecs.TaskID(r.ID), nil
	}
	return fail(errors.Join(errs...))
}

// findService finds a service by its ARN, or by a name that only one service has.
func findService(tx *cloud.Tx, service string) (*cloud.Resource, error) {
	var found []*cloud.Resource
	var names []string
	for _, r := range tx.Everywhere(ecs.Service.Token) {
		name := ecs.Service.Inputs(r).Name
		names = append(names, name)
		if r.ID == service || name == service {
			found = append(found, r)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, fmt.Errorf("%d services are called %s: name the one meant by its ARN, which `localcloud status` shows", len(found), service)
	case len(names) == 0:
		return nil, errors.New("there are no services")
	}
	return nil, fmt.Errorf("there is no service %s; there is %s", service, strings.Join(names, ", "))
}

// serving returns the running tasks of a service that are not stopping, the oldest first.
func serving(tx *cloud.Tx, service *cloud.Resource) []*cloud.Resource {
	return oldestFirst(ecs.TasksOf(tx, service))
}

// byThemselves returns the tasks of a family that belong to no service.
func byThemselves(tx *cloud.Tx, family string) []*cloud.Resource {
	return slices.DeleteFunc(tx.Everywhere(ecs.Task.Token), func(r *cloud.Resource) bool {
		spec := ecs.Task.Inputs(r)
		return spec.Service != "" || spec.Family != family
	})
}

// oldestFirst returns the running ones among the tasks that are not stopping, the oldest first.
func oldestFirst(tasks []*cloud.Resource) []*cloud.Resource {
	tasks = slices.DeleteFunc(tasks, func(r *cloud.Resource) bool {
		status := cloud.StatusOf[ecs.TaskStatus](r)
		return status.LastStatus != ecs.TaskRunning || status.DesiredStatus != ecs.TaskRunning
	})
	slices.SortFunc(tasks, func(a, b *cloud.Resource) int {
		started := cloud.StatusOf[ecs.TaskStatus](a).StartedAt.Compare(cloud.StatusOf[ecs.TaskStatus](b).StartedAt)
		return cmp.Or(started, cmp.Compare(a.ID, b.ID))
	})
	return tasks
}

const mebibyte = 1 << 20

// Usage measures the running tasks of a service. Those that cannot be measured, as on systems other than Linux, are left out.
func (s *Scheduler) Usage(service cloud.Key) []ecs.Usage {
	s.mu.Lock()
	running := map[cloud.Key]runningTask{}
	for key, r := range s.running {
		if r.spec.Service == service.ID {
			running[key] = r
		}
	}
	s.mu.Unlock()
	var out []ecs.Usage
	for key, r := range running {
		u, err := r.Containers.Usage()
		if err != nil {
			continue
		}
		out = append(out, ecs.Usage{
			Task: key.ID, CPU: u.CPU, Memory: u.Memory, CPUUnits: r.revision.CPU, MemoryLimit: int64(r.revision.Memory) * mebibyte,
		})
	}
	return out
}
