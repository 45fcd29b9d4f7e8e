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
		again      = `"Retry":[{"ErrorEquals":["Finished","Skipped"],"MaxAttempts":0},{"BackoffRate":2,"ErrorEquals":["States.ALL"],"IntervalSeconds":60,"MaxAttempts":2}]`
		look       = `"Look":{"Next":"Free?","Parameters":{"Cluster":"cluster","DesiredStatus":"RUNNING","Family":"slipway-dev-purge"},"Resource":"arn:aws:states:::aws-sdk:ecs:listTasks","ResultPath":"$.running","Type":"Task"}`
		free       = `"Free?":{"Choices":[{"IsPresent":true,"Next":"Skipped","Variable":"$.running.TaskArns[0]"}],"Default":"Run","Type":"Choice"}`
		skip       = `"Skipped":{"Cause":"another run of the job is in progress","Error":"Skipped","Type":"Fail"}`
		finish     = `"Finished":{"Error":"Finished","Type":"Fail"}`
		run        = `"Run":{"End":true,` + parameters + `,` + task + `,"Type":"Task"}`
		runThen    = `"Run":{"Next":"Finished",` + parameters + `,` + task + `,"Type":"Task"}`
		once       = `{"StartAt":"Run","States":{` + run + `}}`
		alone      = `{"StartAt":"Look","States":{` + free + `,` + look + `,` + run + `,` + skip + `}}`
		wait       = `{"StartAt":"Wait","States":{"TimedOut":{"Cause":"the job has taken longer than its timeout","Error":"TimedOut","Type":"Fail"},"Wait":{"Next":"TimedOut","Seconds":900,"Type":"Wait"}}}`
		caught     = `"Catch":[{"ErrorEquals":["Finished"],"Next":"Succeeded"}]`
		succeeded  = `"Succeeded":{"Type":"Succeed"}`
	)
	for name, test := range map[string]struct {
		job  spec.Job
		want string
	}{
		"once":              {spec.Job{}, once},
		"on Spot":           {spec.Job{Spot: true}, strings.Replace(strings.Replace(once, `"LaunchType":"FARGATE",`, "", 1), `"Cluster"`, `"CapacityProviderStrategy":[{"CapacityProvider":"FARGATE_SPOT","Weight":1}],"Cluster"`, 1)},
		"retried":           {spec.Job{Retries: 2}, `{"StartAt":"Try","States":{"Try":{"Branches":[` + once + `],"End":true,` + again + `,"Type":"Parallel"}}}`},
		"alone":             {spec.Job{Alone: true}, alone},
		"alone and retried": {spec.Job{Alone: true, Retries: 2}, `{"StartAt":"Try","States":{"Try":{"Branches":[` + alone + `],"End":true,` + again + `,"Type":"Parallel"}}}`},
		"limited": {
			spec.Job{Timeout: 900},
			`{"StartAt":"Try","States":{` + succeeded + `,"Try":{"Branches":[{"StartAt":"Run","States":{` + finish + `,` + runThen + `}},` + wait + `],` + caught + `,"End":true,"Type":"Parallel"}}}`,
		},
		"limited, alone and retried": {
			spec.Job{Timeout: 900, Retries: 2, Alone: true},
			`{"StartAt":"Try","States":{` + succeeded + `,"Try":{"Branches":[{"StartAt":"Look","States":{` + finish + `,` + free + `,` + look + `,` + runThen + `,` + skip + `}},` + wait + `],` +
				caught + `,"End":true,` + again + `,"Type":"Parallel"}}}`,
		},
	} {
		job := &FargateJob{args: FargateJobArgs{Job: test.job}}
		text, err := json.Marshal(job.workflow("cluster", "arn:aws:ecs:eu-central-1:123456789012:task-definition/slipway-dev-purge:7", []string{"subnet"}, "sg"))
		if got := strings.ReplaceAll(string(text), `\u003c`, "<"); err != nil || got != test.want {
			t.Errorf("%s: %s (%v)\nwant %s", name, got, err, test.want)
		}
	}
}
