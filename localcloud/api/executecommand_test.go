package api_test

import (
	"strings"
	"testing"

	localecs "slipway/localcloud/aws/ecs"
	"slipway/localcloud/cloud"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// runWithExec adds a task that runs, and returns its id. Its role may do the actions.
func (w *world) runWithExec(id, actions string, enabled bool) string {
	w.t.Helper()
	return w.runWithExecAt("10.0.0.4", id, actions, enabled)
}

func (w *world) runWithExecAt(address, id, actions string, enabled bool) string {
	w.t.Helper()
	w.role(id, actions)
	revision := "arn:aws:ecs" + arns + "task-definition/" + id + ":1"
	w.put(localecs.TaskDefinitionRevision.Token, revision, cloud.Map{
		"family": id, "cpu": "256", "memory": "512", "networkMode": "awsvpc", "taskRoleArn": "arn:aws:iam::" + account + ":role/" + id,
		"containerDefinitions": `[{"name":"main","image":"i"},{"name":"fixed","image":"i","readonlyRootFilesystem":true},{"name":"before","image":"i"}]`,
	}, localecs.RevisionStatus{Revision: 1, Active: true})
	w.put(localecs.Task.Token, "arn:aws:ecs"+arns+"task/dev/"+id,
		localecs.TaskSpec{ClusterARN: clusterARN, TaskDefinitionARN: revision, EnableExecuteCommand: enabled},
		localecs.TaskStatus{LastStatus: "RUNNING", DesiredStatus: "RUNNING", Address: address, Containers: []localecs.ContainerStatus{
			{Name: "main", LastStatus: "RUNNING"}, {Name: "fixed", LastStatus: "RUNNING"}, {Name: "before", LastStatus: "STOPPED"},
		}})
	return id
}

const sessions = `"ssmmessages:CreateControlChannel","ssmmessages:CreateDataChannel","ssmmessages:OpenControlChannel","ssmmessages:OpenDataChannel"`

func TestExecuteCommand(t *testing.T) {
	w := newWorld(t)
	w.fill()
	task := w.runWithExec("task", sessions, true)
	without := w.runWithExec("without", sessions, false)
	unconnected := w.runWithExec("unconnected", strings.TrimSuffix(sessions, `,"ssmmessages:OpenDataChannel"`), true)
	ipv6 := w.runWithExecAt("2001:db8::4", "ipv6", sessions, true)
	const (
		invalid  = "InvalidParameterException"
		disabled = "execute command was not enabled when the task was run or the execute command agent isn't running"
	)
	client := ecs.NewFromConfig(w.config())
	for _, test := range []struct {
		name        string
		in          ecs.ExecuteCommandInput
		code, words string
	}{
		{"no such cluster", ecs.ExecuteCommandInput{Cluster: sdk.String("other"), Task: &task, Interactive: true}, "ClusterNotFoundException", "Cluster not found."},
		{"no such task", ecs.ExecuteCommandInput{Task: sdk.String("none"), Interactive: true}, invalid, "The task provided in the request was not found."},
		{"not interactive", ecs.ExecuteCommandInput{Task: &task, Container: sdk.String("main")}, invalid, "Interactive must be true"},
		{"no container", ecs.ExecuteCommandInput{Task: &task, Interactive: true}, invalid, "The container provided in the request was not found"},
		{"another container", ecs.ExecuteCommandInput{Task: &task, Container: sdk.String("web"), Interactive: true}, invalid, "The container provided in the request was not found"},
		{"not enabled", ecs.ExecuteCommandInput{Task: &without, Container: sdk.String("main"), Interactive: true}, invalid, disabled},
		{"a read-only root", ecs.ExecuteCommandInput{Task: &task, Container: sdk.String("fixed"), Interactive: true}, invalid, disabled},
		{"no IPv4 address", ecs.ExecuteCommandInput{Task: &ipv6, Container: sdk.String("main"), Interactive: true}, invalid, disabled},
		{"a container that has ended", ecs.ExecuteCommandInput{Task: &task, Container: sdk.String("before"), Interactive: true}, invalid, disabled},
		{"no permission", ecs.ExecuteCommandInput{Task: &unconnected, Container: sdk.String("main"), Interactive: true}, "TargetNotConnectedException", "due to an internal error"},
		{"all of it", ecs.ExecuteCommandInput{Task: &task, Container: sdk.String("main"), Interactive: true}, "ValidationError", "use localcloud exec -container main task -- COMMAND: not modelled"},
	} {
		if test.in.Cluster == nil {
			test.in.Cluster = sdk.String("dev")
		}
		test.in.Command = sdk.String("/bin/sh")
		_, err := client.ExecuteCommand(t.Context(), &test.in)
		if code(err) != test.code || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: %v, want %s with %q", test.name, err, test.code, test.words)
		}
	}

	out, err := client.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: sdk.String("dev"), Tasks: []string{task, without}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{{"RUNNING", "STOPPED", "STOPPED"}, nil} {
		found := out.Tasks[i]
		if found.EnableExecuteCommand != (want != nil) {
			t.Errorf("enableExecuteCommand of task %d is %v", i, found.EnableExecuteCommand)
		}
		for j, c := range found.Containers {
			if want == nil && len(c.ManagedAgents) > 0 || want != nil && (len(c.ManagedAgents) != 1 || *c.ManagedAgents[0].LastStatus != want[j]) {
				t.Errorf("the agents of container %s are %+v", *c.Name, c.ManagedAgents)
			}
		}
	}
}

// Policies say who may run a command.
func TestExecuteCommandIsAllowed(t *testing.T) {
	w := newWorld(t)
	w.fill()
	task := w.runWithExec("task", sessions, true)
	in := &ecs.ExecuteCommandInput{Cluster: sdk.String("dev"), Task: &task, Container: sdk.String("main"), Command: sdk.String("ls"), Interactive: true}
	if _, err := ecs.NewFromConfig(w.role("nobody", `"ecs:DescribeTasks"`)).ExecuteCommand(t.Context(), in); code(err) != "AccessDeniedException" {
		t.Errorf("%v", err)
	}
	if _, err := ecs.NewFromConfig(w.role("somebody", `"ecs:ExecuteCommand"`)).ExecuteCommand(t.Context(), in); code(err) != "ValidationError" {
		t.Errorf("%v", err)
	}
}
