package runtime

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/addr"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/cloud"
	"slipway/localcloud/image"
	"slipway/localcloud/task"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// images finds images by their references.
type images map[string]v1.Image

func (i images) Image(reference string, _ v1.Platform) (v1.Image, error) {
	if img, ok := i[reference]; ok {
		return img, nil
	}
	return nil, fmt.Errorf("failed to resolve ref %s: %s: not found", reference, reference)
}

// serverImage builds the image of testdata/server.
func serverImage(t *testing.T) v1.Image {
	t.Helper()
	program := filepath.Join(t.TempDir(), "server")
	build := exec.Command("go", "build", "-o", program, "./testdata/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	img, err := image.Build(image.BuildConfig{
		Dockerfile: []byte("FROM scratch AS build\nFROM scratch\nCOPY --from=build /out/server /server\nENTRYPOINT [\"/server\"]\n"),
		Files:      map[string]string{"/out/server": program},
		Platform:   v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
	})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// newRealStage returns a stage whose tasks are real processes, from a real image, with roles, a secret and a network that are
// really looked at. Their log group is called hello.
func newRealStage(t *testing.T) (s *ecsStage, logs *Logs, secret string) {
	t.Helper()
	s = newECSStage(t)
	s.stop()
	runner, err := task.NewRunner(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		runner.Close(ctx)
	})
	logs = NewLogs(s.Store, t.TempDir())
	s.scheduler = NewScheduler(SchedulerOptions{
		Store: s.Store, Runner: runner, Addresses: addr.New(), Images: images{ecrHost + "server:1": serverImage(t)}, Logs: logs,
	})
	s.scheduler.throttle = func(int) time.Duration { return 0 }
	s.run()

	s.create("aws:cloudwatch/logGroup:LogGroup", cloud.Map{"name": "hello"})
	secret = s.create("aws:secretsmanager/secret:Secret", cloud.Map{"name": "hello"}).ID
	s.create("aws:secretsmanager/secretVersion:SecretVersion", cloud.Map{"secretId": secret, "secretString": `{"key": "sesame"}`})
	for _, role := range []string{"execution", "task"} {
		s.create("aws:iam/role:Role", cloud.Map{
			"name": role, "assumeRolePolicy": `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}`,
		})
	}
	s.create("aws:iam/rolePolicy:RolePolicy", cloud.Map{
		"name": "execution", "role": "execution", "policy": fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [
			{"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": ["arn:aws:logs:eu-central-1:000000000000:log-group:hello:*"]},
			{"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": [%q]},
			{"Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Resource": ["arn:aws:ecr:eu-central-1:000000000000:repository/server"]},
			{"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": ["*"]}]}`, secret),
	})
	s.openToTheInternet()
	return s, logs, secret
}

func TestServiceOfRealTasks(t *testing.T) {
	s, logs, secret := newRealStage(t)
	revision := func(version string) string {
		return s.revision(ecrHost+"server:1", fmt.Sprintf(`,
			"environment": [{"name": "PORT", "value": "8080"}, {"name": "VERSION", "value": %q}],
			"secrets": [{"name": "KEY", "valueFrom": "%s:key::"}], "readonlyRootFilesystem": true, "user": "65532:65532",
			"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "hello", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "web"}}`,
			version, secret))
	}

	first := revision("v1")
	service := s.create(ecs.Service.Token, s.service(first, nil))
	s.await("two tasks", s.steady(service, first, 2))
	for _, address := range s.addresses() {
		if got := ask(t, address); got != "v1 sesame" {
			t.Errorf("%s says %q", address, got)
		}
	}
	second := revision("v2")
	if _, err := s.update(service, cloud.Map{"taskDefinition": second}); err != nil {
		t.Fatal(err)
	}
	s.await("the new version", s.steady(service, second, 2))
	updated := s.addresses()
	for _, address := range updated {
		if got := ask(t, address); got != "v2 sesame" {
			t.Errorf("%s says %q", address, got)
		}
	}
	if err := s.Delete(t.Context(), tester, service.Token, service.ID, patience); err != nil {
		t.Fatal(err)
	}
	s.await("the end of all tasks", func(tx *cloud.Tx) bool {
		return len(s.tasks(tx)[ecs.TaskStopped]) == len(tx.Everywhere(ecs.Task.Token))
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
		return s.revision(ecrHost+"server:1", fmt.Sprintf(
			`, %s, %s, "dependsOn": [{"containerName": "before", "condition": "SUCCESS"}]}, {"name": "before", "image": %q, "essential": false, "command": ["prepare"], %s, %s`,
			environment, logging, ecrHost+"server:1", environment, logging))
	}
	good := revision("v1", "")
	service := s.create(ecs.Service.Token, s.service(good, nil))
	s.await("two tasks", s.steady(service, good, 2))
	before := s.running()
	updated, err := s.update(service, cloud.Map{"taskDefinition": revision("v2", "yes")})
	if err != nil {
		t.Fatal(err)
	}
	if updated.Outputs["taskDefinition"] != good {
		t.Errorf("after the bad version it runs %v", updated.Outputs["taskDefinition"])
	}
	s.await("the good version again", s.steady(service, good, 2))
	s.await("the end of the bad tasks", func(tx *cloud.Tx) bool {
		return len(s.tasks(tx)[ecs.TaskStopped]) == len(tx.Everywhere(ecs.Task.Token))-2
	})
	if after := s.running(); !slices.Equal(before, after) {
		t.Errorf("the good tasks were %v and are %v", before, after)
	}
	failed := 0
	s.Store.View(func(tx *cloud.Tx) {
		for _, r := range s.tasks(tx)[ecs.TaskStopped] {
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
	if failed < threshold(2) {
		t.Errorf("%d tasks failed, want %d at least", failed, threshold(2))
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
func logged(t *testing.T, logs *Logs) map[string]string {
	t.Helper()
	lines := map[string]string{}
	for event, err := range logs.Read(t.Context(), tester.Scope, "hello", time.Time{}, false) {
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

// openToTheInternet gives the tasks of the stage a way out.
func (s *ecsStage) openToTheInternet() {
	var gateway, vpc string
	s.Store.View(func(tx *cloud.Tx) {
		r := tx.Everywhere("aws:ec2/internetGateway:InternetGateway")[0]
		gateway, vpc = r.ID, r.Inputs["vpcId"].(string)
	})
	table := s.create("aws:ec2/routeTable:RouteTable", cloud.Map{"vpcId": vpc}).ID
	s.create("aws:ec2/route:Route", cloud.Map{"routeTableId": table, "gatewayId": gateway, "destinationCidrBlock": "0.0.0.0/0"})
	for _, subnet := range s.subnets {
		s.create("aws:ec2/routeTableAssociation:RouteTableAssociation", cloud.Map{"routeTableId": table, "subnetId": subnet})
	}
	s.create("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", cloud.Map{
		"securityGroupId": s.group, "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0",
	})
}

// addresses returns where the running tasks listen.
func (s *ecsStage) addresses() (out []string) {
	s.Store.View(func(tx *cloud.Tx) {
		for _, r := range s.tasks(tx)[ecs.TaskRunning] {
			for _, ni := range ec2.InterfacesOf(tx, r.Scope, r.ID) {
				out = append(out, net.JoinHostPort(cloud.StatusOf[ec2.InterfaceStatus](ni).Loopback, "8080"))
			}
		}
	})
	return out
}

// ask returns what a task answers, once it listens: the stage's load balancer takes tasks for healthy before they do.
func ask(t *testing.T, address string) string {
	t.Helper()
	deadline := time.Now().Add(patience)
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
