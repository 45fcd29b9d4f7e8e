package scheduler_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/addr"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/ecs/scheduler"
	"slipway/localcloud/aws/ecs/scheduler/schedulertest"
	"slipway/localcloud/aws/logs/streams"
	"slipway/localcloud/cloud"
	"slipway/localcloud/task"
)

// newRealStage returns a stage whose tasks are real processes, from a real image, with roles, a secret and a network that are
// really looked at. Their log group is called hello.
func newRealStage(t *testing.T) (s *schedulertest.Stage, logs *streams.Logs, secret string) {
	t.Helper()
	s = schedulertest.NewStage(t)
	s.Stop()
	runner, err := task.NewRunner(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		runner.Close(ctx)
	})
	if logs, err = streams.Open(s.Store, filepath.Join(t.TempDir(), "logs.db")); err != nil {
		t.Fatal(err)
	}
	s.Scheduler = scheduler.New(scheduler.Options{
		Store: s.Store, Runner: runner, Addresses: addr.New(), Images: schedulertest.Images{schedulertest.ECRHost + "server:1": schedulertest.ServerImage(t)}, Logs: logs,
	})
	s.Scheduler.Throttle = func(int) time.Duration { return 0 }
	s.Run()

	s.Make("aws:cloudwatch/logGroup:LogGroup", cloud.Map{"name": "hello"})
	secret = s.Make("aws:secretsmanager/secret:Secret", cloud.Map{"name": "hello"}).ID
	s.Make("aws:secretsmanager/secretVersion:SecretVersion", cloud.Map{"secretId": secret, "secretString": `{"key": "sesame"}`})
	for _, role := range []string{"execution", "task"} {
		s.Make("aws:iam/role:Role", cloud.Map{
			"name": role, "assumeRolePolicy": `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}`,
		})
	}
	s.Make("aws:iam/rolePolicy:RolePolicy", cloud.Map{
		"name": "execution", "role": "execution", "policy": fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [
			{"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": ["arn:aws:logs:eu-central-1:000000000000:log-group:hello:*"]},
			{"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": [%q]},
			{"Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Resource": ["arn:aws:ecr:eu-central-1:000000000000:repository/server"]},
			{"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": ["*"]}]}`, secret),
	})
	s.OpenToTheInternet()
	return s, logs, secret
}

func TestServiceOfRealTasks(t *testing.T) {
	s, logs, secret := newRealStage(t)
	revision := func(version string) string {
		return s.Revision(schedulertest.ECRHost+"server:1", fmt.Sprintf(`,
			"environment": [{"name": "PORT", "value": "8080"}, {"name": "VERSION", "value": %q}],
			"secrets": [{"name": "KEY", "valueFrom": "%s:key::"}], "readonlyRootFilesystem": true, "user": "65532:65532",
			"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "hello", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "web"}}`,
			version, secret))
	}

	first := revision("v1")
	service := s.Make(ecs.Service.Token, s.Service(first, nil))
	s.Await("two tasks", s.Steady(service, first, 2))
	for _, address := range s.Addresses() {
		if got := ask(t, address); got != "v1 sesame" {
			t.Errorf("%s says %q", address, got)
		}
	}
	second := revision("v2")
	if _, err := s.Edit(service, cloud.Map{"taskDefinition": second}); err != nil {
		t.Fatal(err)
	}
	s.Await("the new version", s.Steady(service, second, 2))
	updated := s.Addresses()
	for _, address := range updated {
		if got := ask(t, address); got != "v2 sesame" {
			t.Errorf("%s says %q", address, got)
		}
	}
	if err := s.Delete(t.Context(), awstest.Caller, service.Token, service.ID, awstest.Patience); err != nil {
		t.Fatal(err)
	}
	s.Await("the end of all tasks", func(tx *cloud.Tx) bool {
		return len(s.Tasks(tx)[ecs.TaskStopped]) == len(tx.Everywhere(ecs.Task.Token))
	})
	for _, address := range updated {
		if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			_ = conn.Close()
			t.Errorf("%s still answers", address)
		}
	}
	lines := logged(t, logs)
	for stream := range lines {
		if !strings.HasPrefix(stream, "web/main/") {
			t.Errorf("log stream %s", stream)
		}
	}
	for _, want := range []string{"version v1 listens", "version v1 stops", "version v2 listens", "version v2 stops"} {
		if n := count(lines, want); n != 2 {
			t.Errorf("%q was logged %d times, want twice:\n%v", want, n, lines)
		}
	}
}

// Before each task serves its init container runs, in a log stream of its own. A version whose init container fails is rolled
// back, and never serves.
func TestInitContainers(t *testing.T) {
	s, logs, _ := newRealStage(t)
	revision := func(version, fail string) string {
		const logging = `"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "hello", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "web"}}`
		environment := fmt.Sprintf(`"environment": [{"name": "PORT", "value": "8080"}, {"name": "VERSION", "value": %q}, {"name": "FAIL", "value": %q}]`, version, fail)
		return s.Revision(schedulertest.ECRHost+"server:1", fmt.Sprintf(
			`, %s, %s, "dependsOn": [{"containerName": "before", "condition": "SUCCESS"}]}, {"name": "before", "image": %q, "essential": false, "command": ["prepare"], %s, %s`,
			environment, logging, schedulertest.ECRHost+"server:1", environment, logging))
	}
	good := revision("v1", "")
	service := s.Make(ecs.Service.Token, s.Service(good, nil))
	s.Await("two tasks", s.Steady(service, good, 2))
	before := s.Running()
	updated, err := s.Edit(service, cloud.Map{"taskDefinition": revision("v2", "yes")})
	if err != nil {
		t.Fatal(err)
	}
	if updated.Outputs["taskDefinition"] != good {
		t.Errorf("after the bad version it runs %v", updated.Outputs["taskDefinition"])
	}
	s.Await("the good version again", s.Steady(service, good, 2))
	s.Await("the end of the bad tasks", func(tx *cloud.Tx) bool {
		return len(s.Tasks(tx)[ecs.TaskStopped]) == len(tx.Everywhere(ecs.Task.Token))-2
	})
	if after := s.Running(); !slices.Equal(before, after) {
		t.Errorf("the good tasks were %v and are %v", before, after)
	}
	failed := 0
	s.Store.View(func(tx *cloud.Tx) {
		for _, r := range s.Tasks(tx)[ecs.TaskStopped] {
			status := cloud.StatusOf[ecs.TaskStatus](r)
			const why = "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency " +
				"[before (STOPPED->RUNNING) - Exit: 1] for target [main (NONE->RUNNING)] as dependency did not exit successfully."
			if status.StoppedReason == "Essential container in task exited" && status.Containers[0].Reason == why {
				failed++
			} else if status.Failed {
				t.Errorf("it stopped as %+v", status)
			}
			if !status.StartedAt.IsZero() {
				t.Errorf("%s was RUNNING", r.Name)
			}
		}
	})
	if failed < scheduler.Threshold(2) {
		t.Errorf("%d tasks failed, want %d at least", failed, scheduler.Threshold(2))
	}
	lines := logged(t, logs)
	for text, want := range map[string]int{"version v1 is prepared": 2, "version v1 listens": 2, "version v2 is prepared": failed, "version v2 listens": 0} {
		if n := count(lines, text); n < want || want == 0 && n > 0 {
			t.Errorf("%q was logged %d times, want %d: %v", text, n, want, lines)
		}
	}
	for stream, text := range lines {
		if of := strings.Contains(stream, "/before/"); of != strings.Contains(text, "is prepared") {
			t.Errorf("log stream %s says %q", stream, text)
		}
	}
}

// logged returns what tasks logged, by log stream.
func logged(t *testing.T, logs *streams.Logs) map[string]string {
	t.Helper()
	lines := map[string]string{}
	for event, err := range logs.Read(t.Context(), awstest.Caller.Scope, "hello", time.Time{}, false) {
		if err != nil {
			t.Fatal(err)
		}
		lines[event.Stream] += event.Message + "\n"
	}
	return lines
}

// count returns how often a text is in the streams.
func count(lines map[string]string, text string) int {
	n := 0
	for _, said := range lines {
		n += strings.Count(said, text)
	}
	return n
}

// ask returns what a task answers, once it listens: the stage's load balancer takes tasks for healthy before they do.
func ask(t *testing.T, address string) string {
	t.Helper()
	deadline := time.Now().Add(awstest.Patience)
	for {
		response, err := http.Get("http://" + address + "/")
		if err != nil && time.Now().Before(deadline) {
			runtime.Gosched()
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
}
