package e2e

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/rogpeppe/go-internal/testscript"
)

// command asks AWS's API to run a command in the container main of a cluster's one running task, as `aws ecs execute-command` does, and
// prints the answer. The cluster is in a file.
//
//	command FILE
func command(ts *testscript.TestScript, neg bool, args []string) {
	client := ecs.New(ecs.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(ts.Getenv("AWS_ENDPOINT_URL")),
		Credentials: credentials.NewStaticCredentialsProvider(ts.Getenv("AWS_ACCESS_KEY_ID"), ts.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
	})
	cluster := ts.ReadFile(args[0])
	cluster = cluster[:len(cluster)-1] // the end of the line
	tasks, err := client.ListTasks(context.Background(), &ecs.ListTasksInput{Cluster: &cluster})
	ts.Check(err)
	if len(tasks.TaskArns) != 1 {
		ts.Fatalf("%d tasks should run in %s, want 1", len(tasks.TaskArns), cluster)
	}
	_, err = client.ExecuteCommand(context.Background(), &ecs.ExecuteCommandInput{
		Cluster: &cluster, Task: &tasks.TaskArns[0], Container: aws.String("main"), Command: aws.String("/app healthcheck"), Interactive: true,
	})
	if err == nil == neg {
		ts.Fatalf("the answer is %v", err)
	}
	_, _ = fmt.Fprintln(ts.Stdout(), err)
}
