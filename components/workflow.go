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

// Errors with which a run ends that is not to be tried again.
const (
	finished = "Finished" // it has succeeded, and ends the wait for its timeout
	skipped  = "Skipped"  // another one is in progress
)

// workflow returns the state machine of a scheduled run: unless the job runs alone and is running, it runs the task, and does both again
// if that fails.
func (j *FargateJob) workflow(cluster, taskDefinition string, subnets []string, securityGroup string) state {
	once := state{"StartAt": "Run", "States": state{"Run": j.runState(cluster, taskDefinition, subnets, securityGroup)}}
	if j.args.Alone {
		once = j.alone(once, cluster, taskDefinition)
	}
	switch {
	case j.args.Timeout > 0:
		return state{"StartAt": "Try", "States": state{"Try": j.limited(once), "Succeeded": state{"Type": "Succeed"}}}
	case j.args.Retries > 0:
		try := state{"Type": "Parallel", "End": true, "Branches": []state{once}, "Retry": j.again()}
		return state{"StartAt": "Try", "States": state{"Try": try}}
	default:
		return once
	}
}

// alone returns the states that look first whether the task runs already. A run that is skipped fails, so that people see when one that
// hangs keeps all others from running.
func (j *FargateJob) alone(once state, cluster, taskDefinition string) state {
	states := once["States"].(state)
	states["Look"] = state{
		"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:ecs:listTasks", "ResultPath": "$.running", "Next": "Free?",
		"Parameters": state{"Cluster": cluster, "DesiredStatus": "RUNNING", "Family": familyOf(taskDefinition)},
	}
	states["Free?"] = state{
		"Type": "Choice", "Default": "Run",
		"Choices": []state{{"Variable": "$.running.TaskArns[0]", "IsPresent": true, "Next": skipped}},
	}
	states[skipped] = state{"Type": "Fail", "Error": skipped, "Cause": "another run of the job is in progress"}
	return state{"StartAt": "Look", "States": states}
}

// runState runs the task and waits for its end. It fails if the container's exit code is not 0.
func (j *FargateJob) runState(cluster, taskDefinition string, subnets []string, securityGroup string) state {
	assign := "DISABLED"
	if j.args.In.PublicIP {
		assign = "ENABLED"
	}
	parameters := state{
		"Cluster": cluster, "TaskDefinition": taskDefinition,
		"NetworkConfiguration": state{"AwsvpcConfiguration": state{
			"AssignPublicIp": assign, "SecurityGroups": []string{securityGroup}, "Subnets": subnets,
		}},
	}
	if j.args.Spot { // instead of a launch type (RunTask in the ECS API reference)
		parameters["CapacityProviderStrategy"] = []state{{"CapacityProvider": fargateSpot, "Weight": 1}}
	} else {
		parameters["LaunchType"] = fargate
	}
	return state{"Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync", "End": true, "Parameters": parameters}
}

// again has the rules by which a run that failed is run again.
func (j *FargateJob) again() []state {
	return []state{
		{"ErrorEquals": []string{finished, skipped}, "MaxAttempts": 0},
		{"ErrorEquals": []string{"States.ALL"}, "IntervalSeconds": retryInterval, "BackoffRate": retryBackoff, "MaxAttempts": j.args.Retries},
	}
}

// limited returns a state that runs the task for no longer than the job's timeout.
//
// The task and a wait run in parallel, and the one that ends first fails and so aborts the other: Step Functions then stops the task. Its
// documentation says so of a branch that is aborted ("Run a Job (.sync)"), and not of a task whose TimeoutSeconds are over.
// https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
func (j *FargateJob) limited(once state) state {
	states := once["States"].(state)
	run := states["Run"].(state)
	delete(run, "End")
	run["Next"] = finished
	states[finished] = state{"Type": "Fail", "Error": finished}
	limited := state{
		"Type": "Parallel", "End": true,
		"Branches": []state{
			once,
			{"StartAt": "Wait", "States": state{
				"Wait":     state{"Type": "Wait", "Seconds": j.args.Timeout, "Next": "TimedOut"},
				"TimedOut": state{"Type": "Fail", "Error": "TimedOut", "Cause": "the job has taken longer than its timeout"},
			}},
		},
		"Catch": []state{{"ErrorEquals": []string{finished}, "Next": "Succeeded"}},
	}
	if j.args.Retries > 0 {
		limited["Retry"] = j.again()
	}
	return limited
}

// familyOf returns the family in the ARN of a task definition.
func familyOf(taskDefinition string) string {
	family, _, _ := strings.Cut(nameInARN(taskDefinition), ":")
	return family
}
