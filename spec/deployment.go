package spec

import (
	"cmp"
	"errors"
	"fmt"
)

// Deployment is how ECS replaces a service's tasks by those of a new version. ECS rolls back if the new tasks do not get healthy, and
// for the reasons given here.
type Deployment struct {
	// Strategy is [Rolling] by default. The alternative is to give both percentages.
	Strategy Strategy
	// MinimumHealthyPercent of the desired count keeps serving; ECS rounds the number of tasks up.
	MinimumHealthyPercent int
	// MaximumPercent of the desired count bounds the old and new tasks together; ECS rounds the number of tasks down.
	MaximumPercent int
	// Alarms makes ECS roll back when one of the service's alarms goes off during a deployment. ECS then also keeps the deployment open
	// for a while to see whether one does ("How CloudWatch alarms detect Amazon ECS deployment failures").
	Alarms bool
	// ErrorPercent is the share of a minute's requests that tasks may answer with 5xx, or not take. Its default is
	// [DefaultErrorPercent].
	ErrorPercent int
}

// Strategy is a named way to deploy. With each of them, at least the desired count keeps serving.
type Strategy string

// The strategies.
const (
	// Rolling starts half as many new tasks as there are old ones, and more as these get healthy.
	Rolling Strategy = "rolling"
	// AllAtOnce starts all new tasks while the old ones run. It is fast, and takes twice the capacity for a moment.
	AllAtOnce Strategy = "all-at-once"
	// OneAtATime starts one new task, and the next when that one is healthy and an old one is gone.
	OneAtATime Strategy = "one-at-a-time"
)

// mostOneAtATime is the number of tasks at which 1 percent, the least that ECS takes, is two tasks.
const mostOneAtATime = 200

// DefaultErrorPercent is the default of [Deployment].ErrorPercent.
const DefaultErrorPercent = 5

// MaxMaximumPercent bounds Deployment.MaximumPercent here. ECS sets no bound, but more is a typing error.
const MaxMaximumPercent = 1000

// Check reports an unknown strategy.
func (s Strategy) Check() error {
	switch s {
	case Rolling, AllAtOnce, OneAtATime:
		return nil
	}
	return fmt.Errorf("must be %s, %s or %s", Rolling, AllAtOnce, OneAtATime)
}

// maximumPercent returns the percentage that bounds the old and new tasks in a deployment of so many tasks.
func (s Strategy) maximumPercent(tasks int) int {
	tasks = max(tasks, 1)
	oneMore := divideUp(100, tasks) // the least percentage that ECS rounds down to one task
	switch s {
	case AllAtOnce:
		return 200
	case OneAtATime:
		return 100 + oneMore
	default:
		return 100 + max(50, oneMore)
	}
}

// WithDefaults fills in what is not given, except the percentages.
func (d Deployment) WithDefaults() Deployment {
	if d.MinimumHealthyPercent == 0 && d.MaximumPercent == 0 {
		d.Strategy = cmp.Or(d.Strategy, Rolling)
	}
	d.ErrorPercent = cmp.Or(d.ErrorPercent, DefaultErrorPercent)
	return d
}

// Percentages returns the percentages that ECS is given for a service of so many tasks ("Amazon ECS deployment configuration" in the
// ECS developer guide).
func (d Deployment) Percentages(tasks int) (minimumHealthy, maximum int) {
	if d.Strategy == "" {
		return d.MinimumHealthyPercent, d.MaximumPercent
	}
	return 100, d.Strategy.maximumPercent(tasks)
}

// Batch returns how many of so many tasks ECS replaces at a time.
func (d Deployment) Batch(tasks int) int {
	minimumHealthy, maximum := d.Percentages(tasks)
	stay, room := taskLimits(tasks, minimumHealthy, maximum)
	return max(1, room-stay)
}

// taskLimits returns how many tasks stay, and how many there can be at most, while ECS replaces so many.
func taskLimits(tasks, minimumHealthyPercent, maximumPercent int) (stay, room int) {
	return divideUp(tasks*minimumHealthyPercent, 100), tasks * maximumPercent / 100
}

func divideUp(n, by int) int { return (n + by - 1) / by }

// Problems reports why a deployment of a service of so many tasks would drop requests or get nowhere. A service that scales is checked
// with its fewest tasks: with more, there is more room.
func (d Deployment) Problems(tasks int, scaling *Scaling) Problems {
	var found Problems
	d = d.WithDefaults()
	found.AddRange(d.ErrorPercent, 1, 99, "errorPercent")
	if d.Strategy == "" {
		found.Include(d.percentageProblems(max(tasks, 1))) // with none there is nothing to check, and there may be one later
		return found
	}
	switch err := d.Strategy.Check(); {
	case d.MinimumHealthyPercent != 0 || d.MaximumPercent != 0:
		found.Add(errors.New("strategy and the percentages exclude each other"), "strategy")
	case err != nil:
		found.AddValue(string(d.Strategy), err, "strategy")
	case d.Strategy == OneAtATime && scaling != nil:
		found.AddContradiction(fmt.Errorf("strategy %s and scaling exclude each other: ECS takes percentages, and the percentage that means one task changes with the number of tasks", OneAtATime), "strategy")
	case d.Strategy == OneAtATime && tasks >= mostOneAtATime:
		found.AddContradiction(fmt.Errorf("strategy %s is for fewer than %d tasks: ECS takes whole percentages, and 1 percent of %d tasks is more than one",
			OneAtATime, mostOneAtATime, tasks), "strategy")
	}
	return found
}

// percentages are the settings that must be given together.
var percentages = []string{"minimumHealthyPercent", "maximumPercent"}

func (d Deployment) percentageProblems(tasks int) Problems {
	var found Problems
	found.AddRange(d.MinimumHealthyPercent, 0, 100, "minimumHealthyPercent")
	found.AddRange(d.MaximumPercent, 100, MaxMaximumPercent, "maximumPercent")
	if len(found) > 0 {
		return found
	}
	switch stay, room := taskLimits(tasks, d.MinimumHealthyPercent, d.MaximumPercent); {
	case stay == 0:
		found.AddContradiction(errors.New("minimumHealthyPercent 0 lets ECS stop every task before a new one serves: requests would be dropped"), percentages...)
	case room <= stay:
		found.AddContradiction(fmt.Errorf("minimumHealthyPercent %d keeps %d of %d tasks, and maximumPercent %d leaves no room for a new one: "+
			"a deployment would make no progress", d.MinimumHealthyPercent, stay, tasks, d.MaximumPercent), percentages...)
	}
	return found
}
