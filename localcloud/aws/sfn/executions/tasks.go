package executions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/cloud"
)

// task does what a Task state's resource says, with the state machine's role.
func (e *execution) task(ctx context.Context, s sfn.State) (map[string]any, error) {
	if s.Resource == sfn.ListTasks {
		return e.listTasks(s)
	}
	return nil, e.runTask(ctx, s)
}

// allow refuses what the state machine's role may not do.
func (e *execution) allow(tx *cloud.Tx, action, resource string, keys map[string]string) error {
	why := iam.Denial(tx, e.key.Scope, e.spec.RoleARN, action, resource, keys)
	if why == "" {
		return nil
	}
	user := arns.Global("sts", e.key.Scope.Account, "assumed-role/"+arns.Last(e.spec.RoleARN)+"/"+e.spec.Name)
	return &failure{"ECS.AccessDeniedException", iam.AccessDenied("AccessDeniedException", user, action, resource, why).Message}
}

// refused returns a refusal by ECS as a state's error.
func refused(err error) error {
	if refusal, ok := errors.AsType[*cloud.Error](err); ok {
		return &failure{"ECS." + refusal.Code, refusal.Message}
	}
	return err
}

// runTask runs a task and waits for its end. If the state is aborted, the task is stopped.
// https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html
func (e *execution) runTask(ctx context.Context, s sfn.State) error {
	var in ecs.RunTask
	if err := parameters(s, &in); err != nil {
		return err
	}
	in.StartedBy = "AWS Step Functions"
	scope := e.key.Scope
	var task cloud.Key
	err := e.Store.Update(func(tx *cloud.Tx) error {
		revision, err := in.Revision(tx, scope)
		if err != nil {
			return refused(err)
		}
		inCluster := map[string]string{"ecs:cluster": ecs.ClusterARN(scope, in.Cluster)}
		if err := e.allow(tx, "ecs:RunTask", revision.ARN, inCluster); err != nil {
			return err
		}
		for _, role := range []string{revision.TaskRoleARN, revision.ExecutionRoleARN} {
			if role == "" {
				continue
			}
			if err := e.allow(tx, "iam:PassRole", role, map[string]string{"iam:passedtoservice": "ecs-tasks.amazonaws.com"}); err != nil {
				return err
			}
		}
		tasks, err := in.Run(tx, scope)
		if err != nil {
			return refused(err)
		}
		task = tasks[0].Key
		return nil
	})
	if err != nil {
		return err
	}
	return e.follow(ctx, task)
}

// follow waits for a task's end.
func (e *execution) follow(ctx context.Context, task cloud.Key) error {
	var end *cloud.Resource
	err := e.Store.Wait(ctx, func(tx *cloud.Tx) (bool, error) {
		end = tx.Get(task)
		return end == nil || !ecs.TaskAlive(end), nil
	})
	if ctx.Err() != nil {
		return errors.Join(ctx.Err(), e.stop(task))
	}
	if err != nil || end == nil {
		return err
	}
	status := cloud.StatusOf[ecs.TaskStatus](end)
	failed := slices.ContainsFunc(status.Containers, func(c ecs.ContainerStatus) bool { return c.ExitCode == nil || *c.ExitCode != 0 })
	if len(status.Containers) > 0 && !failed && status.StopCode == ecs.StopEssentialContainerExited {
		return nil
	}
	type container struct {
		Name     string
		ExitCode *int `json:",omitempty"`
	}
	cause := struct {
		TaskArn, TaskDefinitionArn, StopCode, StoppedReason string
		Containers                                          []container
	}{end.ID, ecs.Task.Inputs(end).TaskDefinitionARN, status.StopCode, status.StoppedReason, nil}
	for _, c := range status.Containers {
		cause.Containers = append(cause.Containers, container{c.Name, c.ExitCode})
	}
	text, err := json.Marshal(cause)
	if err != nil {
		return err
	}
	return &failure{"States.TaskFailed", string(text)}
}

// stop stops the task of a state that is aborted, if the role allows it. Step Functions then does its best.
// https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
func (e *execution) stop(task cloud.Key) error {
	return e.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Get(task)
		if r == nil {
			return nil
		}
		why := iam.Denial(tx, e.key.Scope, e.spec.RoleARN, "ecs:StopTask", r.ID, map[string]string{"ecs:cluster": ecs.Task.Inputs(r).ClusterARN})
		if why == "" {
			ecs.StopTask(tx, r, fmt.Sprintf("The Task state in AWS Step Functions execution [%s] which was managing this resource was aborted", e.key.ID))
		}
		return nil
	})
}

// listTasks lists the tasks of a family.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
func (e *execution) listTasks(s sfn.State) (map[string]any, error) {
	var in struct {
		Cluster       string `json:"cluster"`
		Family        string `json:"family"`
		DesiredStatus string `json:"desiredStatus"`
	}
	if err := parameters(s, &in); err != nil {
		return nil, err
	}
	found := []any{}
	var err error
	e.Store.View(func(tx *cloud.Tx) {
		cluster := ecs.ClusterARN(e.key.Scope, in.Cluster)
		if err = e.allow(tx, "ecs:ListTasks", "*", map[string]string{"ecs:cluster": cluster}); err != nil {
			return
		}
		for _, r := range tx.List(e.key.Scope, ecs.Task.Token) {
			spec := ecs.Task.Inputs(r)
			if spec.ClusterARN == cluster && spec.Family == in.Family && cloud.Peek[ecs.TaskStatus](r).DesiredStatus == in.DesiredStatus {
				found = append(found, r.ID)
			}
		}
	})
	return map[string]any{"TaskArns": found}, err
}

// parameters reads a state's parameters. Their names begin with capitals where those of the API do not.
func parameters(s sfn.State, into any) error {
	var raw any
	if err := json.Unmarshal(s.Parameters, &raw); err != nil {
		return &failure{"States.Runtime", err.Error()}
	}
	text, err := json.Marshal(lowered(raw))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return &failure{"States.Runtime", err.Error()}
	}
	return nil
}

// lowered returns JSON with the names of its members as the API has them.
func lowered(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			out[strings.ToLower(name[:1])+name[1:]] = lowered(member)
		}
		return out
	case []any:
		for i := range v {
			v[i] = lowered(v[i])
		}
	}
	return v
}
