package deployments

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// findings are facts from AWS about targets and tasks that point to a mistake in the configuration, or in how the service listens.
type findings struct {
	// mute has the ports on which the load balancer could not connect, or got no HTTP. late has those on which its requests timed out.
	// "Target.FailedHealthChecks - The load balancer received an error while establishing a connection to the target or the target
	// response was malformed": API_TargetHealth.
	mute, late map[string]bool
	// codes has the status codes that a healthy task would not answer with.
	codes map[string]bool
	// exited says that a task ended by itself, which explains missing answers.
	exited bool
	// killed has how long tasks ran until ECS stopped them for their health checks.
	killed []time.Duration
}

// failedCheck matches an event that says why a target is unhealthy ("Service event messages" in the ECS developer guide).
var failedCheck = regexp.MustCompile(`\(port (\d+)\) is unhealthy in .* due to \(reason ([^\[]*[^\[ :])(?: with these codes: \[(\d+)\])?\)`)

func findingsOf(tasks []ecstypes.Task, events []ecstypes.ServiceEvent, since time.Time, targets []elbtypes.TargetHealthDescription) findings {
	f := findings{mute: map[string]bool{}, late: map[string]bool{}, codes: map[string]bool{}}
	for _, e := range events {
		if since.IsZero() || aws.ToTime(e.CreatedAt).Before(since) {
			continue
		}
		if m := failedCheck.FindStringSubmatch(aws.ToString(e.Message)); m != nil {
			f.add(m[1], m[2], m[3])
		}
	}
	for _, t := range targets {
		if t.TargetHealth == nil || t.TargetHealth.State != elbtypes.TargetHealthStateEnumUnhealthy || t.Target == nil {
			continue
		}
		port := fmt.Sprint(aws.ToInt32(t.Target.Port))
		why, codes, _ := strings.Cut(aws.ToString(t.TargetHealth.Description), " with these codes: ")
		f.add(port, why, strings.Trim(codes, "[]"))
	}
	for _, t := range tasks {
		reason := aws.ToString(t.StoppedReason)
		f.exited = f.exited || t.StopCode == ecstypes.TaskStopCodeEssentialContainerExited || strings.HasPrefix(reason, "Essential container")
		end := aws.ToTime(t.StoppingAt)
		if end.IsZero() {
			end = aws.ToTime(t.StoppedAt)
		}
		if strings.Contains(reason, "failed ELB health checks") && t.StartedAt != nil && !end.IsZero() {
			f.killed = append(f.killed, end.Sub(*t.StartedAt))
		}
	}
	return f
}

// add notes why a target is unhealthy, in the load balancer's words ("Target health status" in the guide to Application Load
// Balancers).
func (f *findings) add(port, why, code string) {
	switch {
	case code != "":
		f.codes[code] = true
	case why == "Health checks failed":
		f.mute[port] = true
	case why == "Request timed out":
		f.late[port] = true
	}
}

// startAllowance is the longest time after its grace period that a task runs if it never becomes healthy, with the usual interval and
// number of checks.
const startAllowance = time.Minute

// lines returns the hints.
func (f *findings) lines(grace time.Duration) []string {
	var lines []string
	if !f.exited && len(f.codes) == 0 {
		for _, port := range slices.Sorted(maps.Keys(f.mute)) {
			lines = append(lines, fmt.Sprintf("nothing answers on port %s; does it listen on $PORT, at every address rather than at 127.0.0.1?", port))
		}
		for _, port := range slices.Sorted(maps.Keys(f.late)) {
			lines = append(lines, fmt.Sprintf("no answer came from port %s in time; does healthCheck.path need longer than healthCheck.timeout?", port))
		}
	}
	for _, code := range slices.Sorted(maps.Keys(f.codes)) {
		if code[0] == '3' || code[0] == '4' { // a service that answers 5xx knows the path
			lines = append(lines, fmt.Sprintf("the health check gets %s; is healthCheck.path right?", code))
		}
	}
	if len(f.killed) > 0 && !f.exited && len(f.codes) == 0 {
		if longest := slices.Max(f.killed); longest <= grace+startAllowance {
			lines = append(lines, fmt.Sprintf("every task was stopped within %s of its start; if it takes longer to start, raise healthCheck.gracePeriod, which is %s",
				longest.Round(time.Second), grace))
		}
	}
	return lines
}

func (r *report) hints(f findings, s *ecstypes.Service) {
	r.list("look at:", f.lines(time.Duration(aws.ToInt32(s.HealthCheckGracePeriodSeconds))*time.Second))
}
