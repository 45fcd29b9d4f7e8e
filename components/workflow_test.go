package components

import (
	"encoding/json"
	"strings"
	"testing"

	"slipway/spec"
)

// What a scheduled run does, by the job's settings.
func TestWorkflow(t *testing.T) {
	t.Parallel()
	const (
		parameters = `"Parameters":{"Cluster":"cluster","LaunchType":"FARGATE","NetworkConfiguration":{"AwsvpcConfiguration":{"AssignPublicIp":"DISABLED","SecurityGroups":["sg"],"Subnets":["subnet"]}},"TaskDefinition":"arn:aws:ecs:eu-central-1:123456789012:task-definition/slipway-dev-purge:7"}`
		task       = `"Resource":"arn:aws:states:::ecs:runTask.sync"`
		again      = `{"BackoffRate":2,"ErrorEquals":["States.ALL"],"IntervalSeconds":60,"MaxAttempts":2}`
		look       = `"Look":{"Next":"Free?","Parameters":{"Cluster":"cluster","DesiredStatus":"RUNNING","Family":"slipway-dev-purge"},"Resource":"arn:aws:states:::aws-sdk:ecs:listTasks","ResultPath":"$.running","Type":"Task"}`
		free       = `"Free?":{"Choices":[{"IsPresent":true,"Next":"Skipped","Variable":"$.running.TaskArns[0]"}],"Default":"Run","Type":"Choice"}`
		branches   = `"Branches":[{"StartAt":"Task","States":{"Finished":{"Error":"Finished","Type":"Fail"},"Task":{"Next":"Finished",` + parameters + `,` + task + `,"Type":"Task"}}},` +
			`{"StartAt":"Wait","States":{"TimedOut":{"Cause":"the job has taken longer than its timeout","Error":"TimedOut","Type":"Fail"},"Wait":{"Next":"TimedOut","Seconds":900,"Type":"Wait"}}}]`
		caught = `"Catch":[{"ErrorEquals":["Finished"],"Next":"Succeeded"}]`
	)
	for name, test := range map[string]struct {
		job  spec.Job
		want string
	}{
		"retried": {spec.Job{Retries: 2}, `{"StartAt":"Run","States":{"Run":{"End":true,` + parameters + `,` + task + `,"Retry":[` + again + `],"Type":"Task"}}}`},
		"alone":   {spec.Job{Alone: true}, `{"StartAt":"Look","States":{` + free + `,` + look + `,"Run":{"End":true,` + parameters + `,` + task + `,"Type":"Task"},"Skipped":{"Type":"Succeed"}}}`},
		"limited": {spec.Job{Timeout: 900}, `{"StartAt":"Run","States":{"Run":{` + branches + `,` + caught + `,"End":true,"Type":"Parallel"},"Succeeded":{"Type":"Succeed"}}}`},
		"limited and retried": {
			spec.Job{Timeout: 900, Retries: 2},
			`{"StartAt":"Run","States":{"Run":{` + branches + `,` + caught + `,"End":true,"Retry":[{"ErrorEquals":["Finished"],"MaxAttempts":0},` + again + `],"Type":"Parallel"},"Succeeded":{"Type":"Succeed"}}}`,
		},
	} {
		job := &FargateJob{args: FargateJobArgs{Job: test.job}}
		text, err := json.Marshal(job.workflow("cluster", "arn:aws:ecs:eu-central-1:123456789012:task-definition/slipway-dev-purge:7", []string{"subnet"}, "sg"))
		if got := strings.ReplaceAll(string(text), `\u003c`, "<"); err != nil || got != test.want {
			t.Errorf("%s: %s (%v)\nwant %s", name, got, err, test.want)
		}
	}
}
