package daemon

import (
	"fmt"
	"slices"
	"strings"

	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/logs"
	"slipway/localcloud/cloud"
)

// names returns the names by which people know a resource: its id, the name that it has on AWS, and by its tags Name and Stack
// "local/hello" and "hello", for what is called "local-hello" in stack "local". The last one is the shortest.
func names(r *cloud.Resource, physical string) []string {
	all := []string{r.ID, physical}
	tags, _ := r.Inputs["tags"].(map[string]any)
	name, _ := tags["Name"].(string)
	stack, _ := tags["Stack"].(string)
	if name == "" {
		return all
	}
	if stack == "" {
		return append(all, name)
	}
	short := strings.TrimPrefix(name, stack+"-")
	return append(all, name, short, stack+"/"+short)
}

// called returns the one resource of a kind that has the name. Several or none are an error that lists the names.
func called(tx *cloud.Tx, token, what, name string, physical func(*cloud.Resource) string) (*cloud.Resource, error) {
	var found []*cloud.Resource
	var all []string
	for _, r := range tx.Everywhere(token) {
		its := names(r, physical(r))
		all = append(all, its[len(its)-1])
		if slices.Contains(its, name) {
			found = append(found, r)
		}
	}
	slices.Sort(all)
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		var candidates []string
		for _, r := range found {
			candidates = append(candidates, distinct(r, physical(r), found, physical))
		}
		slices.Sort(candidates)
		return nil, fmt.Errorf("%s is the name of several: name one of %s", name, strings.Join(candidates, ", "))
	case len(all) == 0:
		return nil, fmt.Errorf("there are no %ss", what)
	}
	return nil, fmt.Errorf("there is no %s %s; there is %s", what, name, strings.Join(slices.Compact(all), ", "))
}

// distinct returns the shortest name of a resource that none of the others has.
func distinct(r *cloud.Resource, physicalName string, others []*cloud.Resource, physical func(*cloud.Resource) string) string {
	for _, name := range slices.Backward(names(r, physicalName)) {
		if !slices.ContainsFunc(others, func(o *cloud.Resource) bool { return o != r && slices.Contains(names(o, physical(o)), name) }) {
			return name
		}
	}
	return r.ID
}

// serviceCalled returns the ARN of the service that has the name.
func (d *daemon) serviceCalled(name string) (arn string, err error) {
	d.cloud.Store.View(func(tx *cloud.Tx) {
		var r *cloud.Resource
		r, err = called(tx, ecs.Service.Token, "service", name, func(r *cloud.Resource) string { return ecs.Service.Inputs(r).Name })
		if err == nil {
			arn = r.ID
		}
	})
	return arn, err
}

// logGroupCalled returns the log group that has the name, of a service as well.
func logGroupCalled(tx *cloud.Tx, name string) (*cloud.Resource, error) {
	return called(tx, logs.LogGroup.Token, "log group", name, func(r *cloud.Resource) string { return r.ID })
}
