package scheduler

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"slipway/localcloud/addr"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/cloud"
	"slipway/localcloud/pace"
	"slipway/localcloud/task"
	"slipway/localcloud/vnet"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Scheduler does the work of ECS: it keeps the desired count of each service's tasks running, rolls new deployments out and failed ones
// back, and takes every task through its life. All its data is in the store, except the processes themselves, which end with it.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html
type Scheduler struct {
	Options

	// Calls of other parts, which tests replace.
	Start     func(task.Spec) (Containers, error)
	Allowed   func(tx *cloud.Tx, s cloud.Scope, roleARN, action, resource string) bool
	CanAssume func(tx *cloud.Tx, s cloud.Scope, roleARN, principal string) bool
	Egress    func(tx *cloud.Tx, s cloud.Scope, from *ec2.Interface, port int) error
	Throttle  func(failed int) time.Duration

	mu      sync.Mutex
	running map[cloud.Key]runningTask
}

// runningTask is a task whose containers were started and have not all stopped.
type runningTask struct {
	Containers
	spec     *ecs.TaskSpec
	revision *ecs.Revision
}

// Options configure a Scheduler.
type Options struct {
	Store     *cloud.Store
	Runner    *task.Runner
	Addresses *addr.Allocator
	Images    ImageSource
	Logs      LogStreams
	// Interface returns the network interface of a task in its VPC, by its key in the store; the endpoint answers the task at
	// 169.254.170.2, and may be nil. Nil leaves tasks at loopback addresses.
	Interface func(eni cloud.Key, endpoint http.Handler) (*task.Interface, error)
	// Proxy returns the addresses at which the proxy of a task listens for so many names, by the key of the task's network interface, and what
	// puts it next to that. Nil is for networks without proxies.
	Proxy func(eni cloud.Key, names int) (addresses []netip.Addr, plug func() (*vnet.Host, error), err error)
	// Endpoint opens the endpoint of a task, which finds there its metadata, its role's credentials and AWS's APIs; nil for none.
	Endpoint func(task cloud.Key, revision *ecs.Revision) *ecs.TaskEndpoint
	// FileSystems is the folder of the file systems that tasks share.
	FileSystems string
	// Removed is called for each service that becomes INACTIVE, in the transaction that removes it; nil calls nothing.
	Removed func(tx *cloud.Tx, service *cloud.Resource)
	// Latency scales how long it takes to provision a task; 0 is as fast as can be, 1 as slow as Fargate.
	Latency float64
	// Pace is that of the minutes for which deployments are watched, and of how long containers wait for others.
	Pace pace.Pace
}

// ImageSource finds images by the references that task definitions have. [registry.Registry] does.
type ImageSource interface {
	Image(reference string, platform v1.Platform) (v1.Image, error)
}

// LogStreams opens the streams of log groups. [Logs] does.
type LogStreams interface {
	Writer(s cloud.Scope, group, stream string) (io.WriteCloser, error)
}

// Containers are the running containers of a task.
type Containers interface {
	Watch() (task.Status, <-chan struct{})
	Stop(code task.StopCode, reason string)
	Done() <-chan struct{}
	Usage() (task.Usage, error)
	Crash() (container string, err error)
	Exec(ctx context.Context, container string, args []string, stdin, stdout, stderr *os.File) (code int, err error)
}

// New returns a scheduler that does nothing until it is run.
func New(o Options) *Scheduler {
	return &Scheduler{
		Options: o,
		Start: func(spec task.Spec) (Containers, error) {
			t, err := o.Runner.Start(spec)
			if err != nil {
				return nil, err // a nil *task.Task would not be a nil containers
			}
			return t, nil
		},
		Allowed: iam.Allowed, CanAssume: iam.CanAssume, Egress: ec2.Egress, Throttle: throttle,
		running: map[cloud.Key]runningTask{},
	}
}

// Run schedules until ctx ends. Closing the Runner stops the containers that it leaves running.
func (s *Scheduler) Run(ctx context.Context) error {
	err := s.Store.Update(func(tx *cloud.Tx) error {
		endLost(tx)
		for _, r := range tx.Everywhere(ecs.Service.Token) { // so that no reader sees services without their tasks
			if _, err := s.look(tx, r.Key, time.Now().UTC()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("schedule services: %w", err)
	}
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var work sync.WaitGroup
	defer work.Wait()
	store := s.Store.Watch()
	defer store.Stop()
	begun := map[cloud.Key]context.CancelFunc{}
	for {
		there := map[cloud.Key]func(context.Context, cloud.Key) error{}
		err := store.Update(func(tx *cloud.Tx) error {
			s.census(tx, time.Now().UTC(), there)
			return nil
		})
		if err != nil {
			stop(err)
			return fmt.Errorf("schedule services: %w", err)
		}
		for key, leave := range begun {
			if there[key] == nil {
				leave()
				delete(begun, key)
			}
		}
		for key, follow := range there {
			if begun[key] != nil {
				continue
			}
			var followed context.Context
			followed, begun[key] = context.WithCancel(running)
			work.Go(func() {
				if err := follow(followed, key); err != nil {
					stop(fmt.Errorf("%s: %w", key.ID, err))
				}
			})
		}
		switch err := pace.Await(running, store.C, time.Time{}); {
		case ctx.Err() != nil:
			return nil
		case err != nil: // a service or a task could not continue
			return fmt.Errorf("schedule services: %w", context.Cause(running))
		}
	}
}

// census lists the services and the living tasks, with the work for each from now on. Tasks of a deleted service must stop; old records
// of stopped ones are deleted.
func (s *Scheduler) census(tx *cloud.Tx, now time.Time, there map[cloud.Key]func(context.Context, cloud.Key) error) {
	services := map[string]bool{}
	for _, r := range tx.Everywhere(ecs.Service.Token) {
		services[r.ID] = true
		there[r.Key] = s.tend
	}
	for _, r := range tx.Everywhere(ecs.Task.Token) {
		status := *cloud.Peek[ecs.TaskStatus](r)
		if status.LastStatus != ecs.TaskStopped {
			there[r.Key] = s.live
		} else if now.Sub(status.StoppedAt) > remembered {
			tx.Delete(r.Key)
		}
		if owner := ecs.Task.Inputs(r).Service; owner == "" || services[owner] || status.DesiredStatus == ecs.TaskStopped {
			continue
		}
		status.DesiredStatus = ecs.TaskStopped
		status.StopCode, status.StoppedReason = ecs.StopServiceScheduler, "Service deleted"
		tx.PutStatus(r, status)
	}
}

// tend keeps a service as wanted until ctx ends. It looks again when something that it has seen changes: the service, its tasks, their
// target groups and alarms.
func (s *Scheduler) tend(ctx context.Context, key cloud.Key) error {
	store := s.Store.Watch()
	defer store.Stop()
	for {
		var wake time.Time
		err := store.Update(func(tx *cloud.Tx) (err error) {
			wake, err = s.look(tx, key, time.Now().UTC())
			return err
		})
		if err != nil {
			return err
		}
		if pace.Await(ctx, store.C, wake) != nil {
			return nil
		}
	}
}

// endLost ends the tasks of an earlier run, whose processes died with it.
func endLost(tx *cloud.Tx) {
	for _, r := range tx.Everywhere(ecs.Task.Token) {
		if !ecs.TaskAlive(r) {
			continue
		}
		status := cloud.StatusOf[ecs.TaskStatus](r)
		deregister(tx, r.Scope, ecs.Task.Inputs(r), status.Address)
		status.StopCode, status.StoppedReason = ecs.StopServiceScheduler, "The local cloud was restarted."
		finish(tx, r, status)
	}
}

// ECS remembers stopped tasks for an hour. Here there is a limit to their number too, for each service.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-errors.html
const (
	remembered = time.Hour
	maxStopped = 20
)

// finish turns a task into the record of a stopped one: it deletes the network interface and the oldest records.
func finish(tx *cloud.Tx, r *cloud.Resource, status ecs.TaskStatus) {
	for _, ni := range ec2.InterfacesOf(tx, r.Scope, r.ID) {
		tx.Delete(ni.Key)
	}
	status.LastStatus, status.DesiredStatus = ecs.TaskStopped, ecs.TaskStopped
	status.StoppedAt = time.Now().UTC()
	for i := range status.Containers {
		status.Containers[i].LastStatus = ecs.TaskStopped
	}
	r = r.Clone()
	r.SetStatus(status)
	tx.Put(r)

	service := &cloud.Resource{Key: cloud.Key{Scope: r.Scope, Token: ecs.Service.Token, ID: ecs.Task.Inputs(r).Service}}
	stopped := slices.DeleteFunc(ecs.TasksOf(tx, service), ecs.TaskAlive)
	slices.SortFunc(stopped, func(a, b *cloud.Resource) int {
		return cloud.Peek[ecs.TaskStatus](b).StoppedAt.Compare(cloud.Peek[ecs.TaskStatus](a).StoppedAt)
	})
	for _, old := range stopped[min(len(stopped), maxStopped):] {
		tx.Delete(old.Key)
	}
}

// deregister takes a task out of its target groups and returns those it was a target of.
func deregister(tx *cloud.Tx, s cloud.Scope, spec *ecs.TaskSpec, ip string) (from []string) {
	for _, lb := range spec.LoadBalancers {
		group := tx.Get(cloud.Key{Scope: s, Token: elbv2.TargetGroup.Token, ID: lb.TargetGroupARN})
		if group == nil || ip == "" {
			continue
		}
		if _, ok := elbv2.TargetHealth(group, ip, lb.ContainerPort); ok {
			elbv2.DeregisterTarget(tx, group, ip, lb.ContainerPort)
			from = append(from, lb.TargetGroupARN)
		}
	}
	return from
}
