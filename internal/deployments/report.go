package deployments

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// How much each part shows.
const (
	maxEvents  = 8
	maxReasons = 5 // different ones, of tasks and of targets
	maxLines   = 10
	maxLength  = 500 // of a line, in characters
)

// report is the text of a diagnosis.
type report struct{ strings.Builder }

func (r *report) line(format string, args ...any) {
	if r.Len() > 0 {
		r.WriteByte('\n')
	}
	r.WriteString(clean(targetGroupARN.ReplaceAllString(fmt.Sprintf(format, args...), "$1")))
}

// targetGroupARN is in many of ECS's messages, and long; its name is enough.
var targetGroupARN = regexp.MustCompile(`arn:[^ ()]+:targetgroup/([^/ ()]+)/[0-9a-f]+`)

// list adds a title and lines under it, if there are any.
func (r *report) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	r.line("%s", title)
	for _, line := range lines {
		r.line("  %s", line)
	}
}

// unread notes a part that could not be read.
func (r *report) unread(what string, err error) { r.line("could not read %s: %s", what, reason(err)) }

func (r *report) service(s *ecstypes.Service, d Revision) {
	var running, deployments []string
	for _, dep := range s.Deployments {
		of := revision(aws.ToString(dep.TaskDefinition))
		tasks := fmt.Sprintf("%d of %d tasks", dep.RunningCount, dep.DesiredCount)
		if dep.RunningCount > 0 {
			running = append(running, fmt.Sprintf("%s (%s)", of, tasks))
		}
		line := fmt.Sprintf("%s: %s, %s, %s, %d failed", of, aws.ToString(dep.Status), dep.RolloutState, tasks, dep.FailedTasks)
		if why := aws.ToString(dep.RolloutStateReason); why != "" {
			line += ": " + why
		}
		deployments = append(deployments, line)
	}
	r.line("wanted: %s", revision(d.TaskDefinitionARN))
	r.line("runs: %s", cmp.Or(strings.Join(running, ", "), "nothing"))
	r.list("deployments:", deployments)

	var events []string
	for _, e := range s.Events { // the newest first
		message := strings.TrimPrefix(aws.ToString(e.Message), fmt.Sprintf("(service %s) ", aws.ToString(s.ServiceName)))
		if len(events) < maxEvents && !routine.MatchString(message) {
			events = append(events, fmt.Sprintf("%s %s", aws.ToTime(e.CreatedAt).UTC().Format("15:04:05"), message))
		}
	}
	slices.Reverse(events)
	r.list("last events (UTC):", events)
}

// routine matches events of every task that starts or stops.
var routine = regexp.MustCompile(`^((de)?registered \d+ targets|has begun draining connections)`)

// stopped says why tasks stopped. A task that is still stopping has no exit codes yet, and is counted with those that have.
func (r *report) stopped(tasks []ecstypes.Task) {
	var reasons counted
	ends := map[string]string{} // by reason: how the containers of a task ended, if known
	for _, t := range tasks {
		if why, how := stopReason(t), containerEnds(t); stopping(t) && ends[why] == "" {
			ends[why] = how
		}
	}
	for _, t := range tasks {
		if !stopping(t) {
			continue
		}
		why, how := stopReason(t), containerEnds(t)
		if how == "" {
			how = ends[why]
		}
		reasons.add(why + how)
	}
	r.list("stopped tasks of the wanted revision:", reasons.lines())
}

// stopReason says why a task stopped.
func stopReason(t ecstypes.Task) string {
	return cmp.Or(aws.ToString(t.StoppedReason), string(t.StopCode), "no reason given")
}

// containerEnds says how its containers ended.
func containerEnds(t ecstypes.Task) string {
	var all string
	for _, c := range t.Containers {
		var end []string
		if c.ExitCode != nil {
			end = append(end, fmt.Sprintf("exit code %d", *c.ExitCode))
		}
		if c.Reason != nil {
			end = append(end, *c.Reason)
		}
		if len(end) > 0 {
			all += fmt.Sprintf("; container %s: %s", aws.ToString(c.Name), strings.Join(end, ", "))
		}
	}
	return all
}

// unhealthy says why targets were unhealthy since then. After a rollback the failed deployment's targets are gone, and the load
// balancer only knows the good ones. The service's last hundred events still have them ("Service event messages" in the ECS developer
// guide).
func (r *report) unhealthy(events []ecstypes.ServiceEvent, since time.Time) {
	var reasons counted
	for _, e := range slices.Backward(events) { // they come newest first
		message := aws.ToString(e.Message)
		if at := unhealthyTarget.FindStringIndex(message); at != nil && !since.IsZero() && !aws.ToTime(e.CreatedAt).Before(since) {
			reasons.add(message[at[0]:])
		}
	}
	r.list("targets that were unhealthy:", reasons.lines())
}

// unhealthyTarget matches an event that says why a target is unhealthy, after the service and the task, which differ in each.
var unhealthyTarget = regexp.MustCompile(`\(port \d+\) is unhealthy in .* due to `)

// began returns when ECS began to deploy the revision; zero if it is not known. ECS forgets a deployment that was rolled back, but
// keeps its tasks for an hour.
func began(s *ecstypes.Service, tasks []ecstypes.Task, d Revision) (began time.Time) {
	for _, dep := range s.Deployments {
		if at := aws.ToTime(dep.CreatedAt); aws.ToString(dep.TaskDefinition) == d.TaskDefinitionARN && at.After(began) {
			began = at
		}
	}
	if !began.IsZero() {
		return began
	}
	for _, t := range tasks {
		if at := aws.ToTime(t.CreatedAt); began.IsZero() || at.Before(began) {
			began = at
		}
	}
	return began
}

func (r *report) targets(targets []elbtypes.TargetHealthDescription) {
	var states counted
	for _, t := range targets {
		if t.TargetHealth == nil {
			continue
		}
		state := string(t.TargetHealth.State)
		if why := string(t.TargetHealth.Reason); why != "" {
			state += fmt.Sprintf(": %s, %s", why, aws.ToString(t.TargetHealth.Description))
		}
		states.add(state)
	}
	if len(targets) == 0 {
		states.add("no target is registered")
	}
	r.list("targets of the load balancer:", states.lines())
}

func (r *report) log(e excerpt) {
	if len(e.messages) == 0 {
		if e.task != "" {
			r.line("task %s logged nothing", e.task)
		}
		return
	}
	r.list(fmt.Sprintf("last lines of task %s, container %s:", e.task, e.container), e.messages)
}

// counted has each different line once.
type counted struct {
	order []string
	times map[string]int
}

func (c *counted) add(line string) {
	if c.times == nil {
		c.times = make(map[string]int)
	}
	if c.times[line] == 0 {
		c.order = append(c.order, line)
	}
	c.times[line]++
}

// lines returns the first different lines, and how often each was added.
func (c *counted) lines() []string {
	var lines []string
	for _, line := range c.order[:min(len(c.order), maxReasons)] {
		if n := c.times[line]; n > 1 {
			line = fmt.Sprintf("%d × %s", n, line)
		}
		lines = append(lines, line)
	}
	if more := len(c.order) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d other reasons", more))
	}
	return lines
}

// escape is a control sequence of terminals: CSI, OSC and the short ones (ECMA-48).
var escape = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[ -/]*[0-~])")

// clean makes one line of an untrusted text: nothing in it moves the cursor, or colours, hides or reorders text on the terminal.
func clean(text string) string {
	text = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == unicode.ReplacementChar:
			return -1
		}
		return c
	}, escape.ReplaceAllString(text, ""))
	text = strings.TrimRight(text, " ")
	if runes := []rune(text); len(runes) > maxLength {
		text = string(runes[:maxLength]) + "…"
	}
	return text
}

// revision returns the family and revision in a task definition's ARN.
func revision(arn string) string { return lastOf(arn) }

// lastOf returns the part of an ARN after its last slash.
func lastOf(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
