package components

import "strings"

// state is a state in the Amazon States Language, or the whole machine: its members by their names.
// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
type state map[string]any

// How soon a run that failed is run again, and how much longer each further try waits.
const (
	retryInterval = 60 // seconds
	retryBackoff  = 2
)

// finished is the error with which a run that succeeded ends the wait for its timeout.
const finished = "Finished"

// workflow returns the state machine of a scheduled run: unless the job runs alone and is running, it runs the task, and runs it again if
// it fails.
func (j *FargateJob) workflow(cluster, taskDefinition string, subnets []string, securityGroup string) state {
	states := state{"Run": j.runState(cluster, taskDefinition, subnets, securityGroup)}
	if j.args.Timeout > 0 {
		states["Run"] = j.limited(states["Run"].(state))
		states["Succeeded"] = state{"Type": "Succeed"}
	}
	if !j.args.Alone {
		return state{"StartAt": "Run", "States": states}
	}
	states["Look"] = state{
		"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:ecs:listTasks", "ResultPath": "$.running", "Next": "Free?",
		"Parameters": state{"Cluster": cluster, "DesiredStatus": "RUNNING", "Family": familyOf(taskDefinition)},
	}
	states["Free?"] = state{
		"Type": "Choice", "Default": "Run",
		"Choices": []state{{"Variable": "$.running.TaskArns[0]", "IsPresent": true, "Next": "Skipped"}},
	}
	states["Skipped"] = state{"Type": "Succeed"}
	return state{"StartAt": "Look", "States": states}
}

// runState runs the task and waits for its end. It fails if the container's exit code is not 0.
func (j *FargateJob) runState(cluster, taskDefinition string, subnets []string, securityGroup string) state {
	assign := "DISABLED"
	if j.args.In.PublicIP {
		assign = "ENABLED"
	}
	run := state{
		"Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync", "End": true,
		"Parameters": state{
			"Cluster": cluster, "TaskDefinition": taskDefinition, "LaunchType": fargate,
			"NetworkConfiguration": state{"AwsvpcConfiguration": state{
				"AssignPublicIp": assign, "SecurityGroups": []string{securityGroup}, "Subnets": subnets,
			}},
		},
	}
	if j.args.Retries > 0 {
		run["Retry"] = []state{j.again()}
	}
	return run
}

// again is the rule by which a run that failed is run again.
func (j *FargateJob) again() state {
	return state{
		"ErrorEquals": []string{"States.ALL"}, "IntervalSeconds": retryInterval, "BackoffRate": retryBackoff, "MaxAttempts": j.args.Retries,
	}
}

// limited returns a state that runs the task for no longer than the job's timeout.
//
// The task and a wait run in parallel, and the one that ends first fails and so aborts the other: Step Functions then stops the task. Its
// documentation says so of a branch that is aborted ("Run a Job (.sync)"), and not of a task whose TimeoutSeconds are over.
// https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
func (j *FargateJob) limited(run state) state {
	delete(run, "End")
	delete(run, "Retry")
	run["Next"] = finished
	limited := state{
		"Type": "Parallel", "End": true,
		"Branches": []state{
			{"StartAt": "Task", "States": state{"Task": run, finished: state{"Type": "Fail", "Error": finished}}},
			{"StartAt": "Wait", "States": state{
				"Wait":     state{"Type": "Wait", "Seconds": j.args.Timeout, "Next": "TimedOut"},
				"TimedOut": state{"Type": "Fail", "Error": "TimedOut", "Cause": "the job has taken longer than its timeout"},
			}},
		},
		"Catch": []state{{"ErrorEquals": []string{finished}, "Next": "Succeeded"}},
	}
	if j.args.Retries > 0 {
		limited["Retry"] = []state{{"ErrorEquals": []string{finished}, "MaxAttempts": 0}, j.again()}
	}
	return limited
}

// familyOf returns the family in the ARN of a task definition.
func familyOf(taskDefinition string) string {
	family, _, _ := strings.Cut(nameInARN(taskDefinition), ":")
	return family
}
