package spec

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Job is a task that does one piece of work and ends, at times or on demand.
type Job struct {
	Name string // the short name in log streams and tags
	// Service is the service whose image, environment, secrets, roles and network the job has; empty: it has its own.
	Service string
	// Workload is what the task runs. It has neither Before nor Exec nor a ContainerHealthCheck.
	Workload

	// Spot runs the job on Fargate Spot capacity, for about a third of the price. AWS can interrupt a run, with a warning of two minutes.
	// A run is a single task, so there are no shares as in a service's [Capacity].
	Spot        bool
	Schedule    *Schedule // nil: it runs on demand only
	Timeout     int       // seconds that a run may take; 0: as long as it wants
	Retries     int       // how often a scheduled run that failed is run again
	Alone       bool      // a run does not begin while another one is in progress
	StopTimeout int       // seconds between SIGTERM and SIGKILL, by default [DefaultStopTimeout]
}

// Schedule says when a job runs.
type Schedule struct {
	Expression string // "cron(…)", "rate(…)" or "at(…)"; see [CheckExpression]
	TimeZone   string // an IANA name, by default UTC
}

// Bounds of a [Job]. AWS sets none that are lower: a wait in Step Functions can take 99,999,999 seconds, and so many retries are
// possible (Wait, and "Handling errors", in its developer guide).
const (
	MaxJobTimeout = 7 * 24 * 60 * 60
	MaxJobRetries = 10
)

// WithDefaults fills in what is not given, field by field.
func (j Job) WithDefaults() Job {
	j.Workload = j.Workload.withDefaults()
	j.StopTimeout = cmp.Or(j.StopTimeout, DefaultStopTimeout)
	if j.Schedule != nil {
		schedule := *j.Schedule
		schedule.TimeZone = cmp.Or(schedule.TimeZone, "UTC")
		j.Schedule = &schedule
	}
	return j
}

// Inherit returns the job with what it has of its service: the image with its architecture, its entry point, and what the job does not
// have itself of the environment, size and time for logs. What the tasks may do is of the role, which is the service's.
func (j Job) Inherit(s Service) Job {
	j.Image, j.Size.Architecture = s.Image, s.Size.Architecture
	if j.EntryPoint == nil {
		j.EntryPoint = s.EntryPoint
	}
	if j.Size.CPU == 0 && j.Size.Memory == 0 {
		j.Size = s.Size
	}
	j.LogRetention = cmp.Or(j.LogRetention, s.LogRetention)
	j.SecretsFrom, j.Room = s.SecretsFrom, s.Room
	environment := maps.Clone(s.Environment)
	if environment == nil {
		environment = make(map[string]string, len(j.Environment))
	}
	maps.Copy(environment, j.Environment)
	j.Environment = environment
	return j
}

// ErrOfService refuses a job what it has of its service.
var ErrOfService = errors.New("is for a job with an image of its own; this one has its service's")

// CheckOf reports what a job is given itself although it has that of its service, and what contradicts the service. The job is the one
// before [Job.Inherit], and the secrets are the names of the service's secret variables.
func (j Job) CheckOf(s Service, secrets []string) Problems {
	var found Problems
	for _, of := range []struct {
		name  string
		given bool
	}{
		{"image", j.Image != Image{}},
		{"architecture", j.Size.Architecture != ""},
		{"secretsFrom", len(j.SecretsFrom) > 0},
		{"policies", len(j.Policies) > 0},
		{"allow", len(j.Allow) > 0},
		{"reaches", len(j.Reaches) > 0},
		{"tmp", len(j.Room.Tmp) > 0},
		{"volumes", len(j.Room.Volumes) > 0},
		{"storage", j.Room.Storage != 0},
		{"ulimits", j.Room.OpenFiles != 0},
	} {
		if of.given {
			found.Add(ErrOfService, of.name)
		}
	}
	for _, name := range slices.Sorted(slices.Values(secrets)) {
		if _, both := j.Environment[name]; both {
			found.Add(fmt.Errorf("is among the secrets of service %s; a variable has one value", s.Name), "env", name)
		}
	}
	return found
}

// Pinned returns the job with its image replaced by the one that its reference was resolved to.
func (j Job) Pinned(images map[Image]Image) Job {
	j.Image = images[j.Image]
	return j
}

// Settings returns the environment variables that tell the container its settings.
func (j Job) Settings() map[string]string {
	return Drain{StopTimeout: j.StopTimeout}.workerEnvironment()
}

// Problems reports everything that AWS would refuse, or that cannot be meant.
func (j Job) Problems() Problems {
	var found Problems
	found.Add(CheckJobName(j.Name))
	found.Include(j.Workload.Problems())
	found.Include(j.environmentProblems(true))
	if j.Before != nil {
		found.Add(errors.New("is for a service; a job's container is the first to run"), "before")
	}
	if j.Exec != (Exec{}) {
		found.Add(errors.New("is for a service, whose tasks stay"), "exec")
	}
	if j.ContainerHealthCheck != nil {
		found.Add(errors.New("is for a worker; ECS does not stop a job that is unhealthy"), "healthCheck")
	}
	if len(j.Sidecars) > 0 {
		found.Add(errors.New("are for a service; a job has a single container"), "sidecars")
	}
	if len(j.Watch) > 0 {
		found.Add(errors.New("is for a service; a job reads its settings when it starts"), "watch")
	}
	if j.Schedule != nil {
		found.AddValue(j.Schedule.Expression, CheckExpression(j.Schedule.Expression), "schedule")
		found.AddValue(j.Schedule.TimeZone, CheckTimeZone(j.Schedule.TimeZone), "timeZone")
	}
	found.AddRange(j.Timeout, 0, MaxJobTimeout, "timeout")
	found.AddRange(j.Retries, 0, MaxJobRetries, "retries")
	found.AddRange(j.StopTimeout, minWorkerStopTimeout, MaxStopTimeout, "stopTimeout")
	if j.Retries > 0 && j.Schedule == nil {
		found.Add(ErrScheduled, "retries")
	}
	return found
}

// Calls returns what the job's own roles are meant to do, as [Workload.Calls] does, and what runs it at times.
func (j Job) Calls() []Call {
	var calls []Call
	if j.Service == "" {
		calls = j.Workload.Calls()
	}
	if j.Schedule == nil {
		return calls
	}
	calls = append(calls, Call{"schedule", ScheduleRole, "states:StartExecution", "arn:*:states:*:*:stateMachine:*"})
	for _, p := range []Permission{
		{Actions: []string{"ecs:RunTask"}, Resources: []string{"arn:*:ecs:*:*:task-definition/*"}},
		{Actions: []string{"ecs:DescribeTasks", "ecs:StopTask"}, Resources: []string{"arn:*:ecs:*:*:task/*"}},
		{Actions: []string{"iam:PassRole"}, Resources: []string{ExecutionRole.arns(), TaskRole.arns()}},
		{Actions: HearOfTasks, Resources: []string{"arn:*:events:*:*:rule/" + TasksRule}},
	} {
		for _, action := range p.Actions {
			for _, resource := range p.Resources {
				calls = append(calls, Call{"schedule", RunRole, action, resource})
			}
		}
	}
	if j.Alone {
		calls = append(calls, Call{"overlap", RunRole, "ecs:ListTasks", "*"})
	}
	return calls
}

// TasksRule is the rule of EventBridge by which Step Functions hears of the end of a task ("Amazon ECS/Fargate", IAM policies, in its developer guide).
const TasksRule = "StepFunctionsGetEventsForECSTaskRule"

// HearOfTasks is what a state machine's role needs for that rule.
var HearOfTasks = []string{"events:DescribeRule", "events:PutRule", "events:PutTargets"}

// ErrScheduled refuses a job without a schedule a setting that is of no use to it.
var ErrScheduled = errors.New("is for a job with a schedule; who runs a job on demand sees that it failed")

// CheckSecretVariables reports secret variables that are wrong, that are in the environment too, or that the job gets from its settings.
func (j Job) CheckSecretVariables(names []string) Problems {
	return j.CheckSecrets(names, true)
}

// CheckJobName reports what cannot be the short name of a job.
func CheckJobName(name string) error {
	if !serviceNamePattern.MatchString(name) {
		return errors.New("a job's name is lower-case letters, digits and single hyphens, beginning with a letter")
	}
	return nil
}

// CheckNamed reports a text that cannot be the name of a service or a job of the stack.
func CheckNamed(name string) error {
	if !serviceNamePattern.MatchString(name) || len(name) > MaxName {
		return errors.New("is not the name of any")
	}
	return nil
}

// CheckNames reports a job that is called as a service is: their task definitions would be revisions of one family.
func (j Job) CheckNames(services []Service) error {
	for _, s := range services {
		if s.Name == j.Name || s.Canary() != nil && CanaryName(s.Name) == j.Name {
			return fmt.Errorf("is the name of service %s or of its canary; rename one of the two", s.Name)
		}
	}
	return nil
}

// Run is what it takes to run a job, as the output "jobs" of a stack has it.
type Run struct {
	TaskDefinition string   `json:"taskDefinition"` // ARN
	Subnets        []string `json:"subnets"`
	SecurityGroups []string `json:"securityGroups"`
	PublicIP       bool     `json:"publicIp"`
	Timeout        int      `json:"timeout"` // seconds; 0: none
	Alone          bool     `json:"alone"`   // not while another run is in progress
	Spot           bool     `json:"spot"`    // on Fargate Spot capacity
	// StateMachine is the ARN of the state machine whose executions are the scheduled runs; empty without a schedule.
	StateMachine string `json:"stateMachine"`
}
