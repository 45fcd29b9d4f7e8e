package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
)

// Permission lets the tasks call AWS: it is a statement of an IAM policy that allows actions on resources.
type Permission struct {
	Actions   []string // "s3:GetObject"; * and ? stand for any characters and any one
	Resources []string // ARNs, or * for every resource
}

// What the lists of a [Permission] mean, for whoever left one out.
const (
	ActionsMeaning   = "what the tasks may do, such as s3:GetObject"
	ResourcesMeaning = "the ARNs of what they may do it with, or *"
)

// Bounds of what a task role may have ("IAM and AWS STS quotas"). During a change it has the old and the new policies at once, and what the
// old ones were is not known here.
const (
	maxRoleAttachments = 10
	// watchPolicy is an upper bound for a policy that lets tasks read what is below a path, without the path, which it names twice.
	watchPolicy = 270
	// volumePolicy is an upper bound for a policy that lets tasks mount a volume.
	volumePolicy = 400
)

var (
	// actionPattern matches an action of a service ("IAM JSON policy elements: Action" in the IAM user guide).
	actionPattern = regexp.MustCompile(`^[a-z0-9-]+:[A-Za-z0-9*?]+$`)
	// resourcePattern matches an ARN with wildcards ("IAM JSON policy elements: Resource"). The account and the region can be left empty.
	resourcePattern = regexp.MustCompile(`^arn:(aws(-[a-z]+)*|\*):[a-z0-9*?-]+:[a-z0-9*?-]*:[0-9*?]*:[!-~ ]+$`)
)

// CheckAction reports what is not an action of one service.
func CheckAction(action string) error {
	if action == "*" {
		return errors.New("allows everything; name the services, such as s3:*")
	}
	if !actionPattern.MatchString(action) {
		return errors.New("must be an action of a service, such as s3:GetObject or s3:Get*")
	}
	return nil
}

// CheckResource reports what is neither an ARN nor a star.
func CheckResource(resource string) error {
	if resource != "*" && !resourcePattern.MatchString(resource) {
		return errors.New("must be an ARN, such as arn:aws:s3:::reports/*, or * for every resource")
	}
	return nil
}

// CheckManagedPolicy reports what is not the ARN of a managed policy.
func CheckManagedPolicy(arn string) error {
	if !isManagedPolicy(arn) {
		return errors.New("must be the ARN of a managed policy, such as arn:aws:iam::123456789012:policy/read-orders or arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
	}
	return nil
}

// Problems reports what IAM would refuse, and what would allow nothing.
func (p Permission) Problems() Problems {
	var found Problems
	for _, list := range []struct {
		name, what string
		texts      []string
		check      func(string) error
	}{
		{"actions", ActionsMeaning, p.Actions, CheckAction},
		{"resources", ResourcesMeaning, p.Resources, CheckResource},
	} {
		if len(list.texts) == 0 {
			found.Add(fmt.Errorf("%w; it is a list: %s", ErrMissing, list.what), list.name)
		}
		for i, text := range list.texts {
			found.AddValue(text, list.check(text), list.name, strconv.Itoa(i))
		}
	}
	return found
}

// size is how many characters the permission has as a policy.
func (p Permission) size() int {
	const otherPolicy = 120 // an upper bound for the rest of the policy's JSON
	size, _ := json.Marshal(p)
	return otherPolicy + len(size)
}

// accessProblems reports what is wrong with the policies of the tasks' role.
func (w Workload) accessProblems() Problems {
	var found Problems
	for i, arn := range w.Policies {
		err := CheckManagedPolicy(arn)
		if err == nil && slices.Contains(w.Policies[:i], arn) {
			err = errors.New("is listed more than once")
		}
		found.AddValue(arn, err, "policies", strconv.Itoa(i))
	}
	if len(w.Policies) > maxRoleAttachments {
		found.Add(fmt.Errorf("has %d policies; a role takes %d, and during a change the old and the new ones together", len(w.Policies), maxRoleAttachments), "policies")
	}
	size := len(w.Room.FileSystems()) * volumePolicy
	if w.Exec.Enabled {
		size += execPolicy
	}
	for path := range w.Watch {
		size += watchPolicy + 2*len(path)
	}
	for i, p := range w.Allow {
		found.Include(p.Problems(), "allow", strconv.Itoa(i))
		if slices.ContainsFunc(w.Allow[:i], p.equal) {
			found.Add(errors.New("lists the same actions and resources more than once"), "allow")
		}
		size += p.size()
	}
	if size > maxRolePolicies {
		found.Add(fmt.Errorf("allow, watch, volumes and exec: make policies of about %d characters; a role takes %d, and during a change the old and the new ones together: "+
			"use managed policies, in policies", size, maxRolePolicies))
	}
	return found
}

func (p Permission) equal(other Permission) bool {
	return slices.Equal(p.Actions, other.Actions) && slices.Equal(p.Resources, other.Resources)
}

// A Call is something that a role is meant to do, with the setting that says so.
type Call struct {
	Setting          string // "allow[0]"
	Role             Role
	Action, Resource string
}

// Calls returns what the roles of the workload are meant to do with resources that are not the service's own, as far as settings say it
// one by one.
func (w Workload) Calls() []Call {
	var calls []Call
	for i, p := range w.Allow {
		for _, action := range p.Actions {
			for _, resource := range p.Resources {
				calls = append(calls, Call{fmt.Sprintf("allow[%d]", i), TaskRole, action, resource})
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(w.Watch)) {
		calls = append(calls, Call{"watch", TaskRole, "ssm:GetParametersByPath", "arn:*:ssm:*:*:parameter" + path})
	}
	for _, p := range w.Exec.Permissions("arn:*:logs:*:*:log-group:*") {
		for _, action := range p.Actions {
			calls = append(calls, Call{"exec", TaskRole, action, p.Resources[0]})
		}
	}
	for _, v := range w.Room.FileSystems() {
		for _, action := range MountActions {
			calls = append(calls, Call{"volumes", TaskRole, action, "arn:*:elasticfilesystem:*:*:file-system/" + v.FileSystemID})
		}
	}
	calls = append(calls, secretCalls("secretsFrom", w.SecretsFrom)...)
	for _, name := range w.SidecarNames() {
		calls = append(calls, secretCalls("sidecars."+name+".secretsFrom", w.Sidecars[name].SecretsFrom)...)
	}
	return calls
}

// secretCalls returns how ECS reads the values of a container's variables, each source once.
func secretCalls(setting string, from map[string]SecretReference) []Call {
	var calls []Call
	for _, source := range secretSources(from) {
		action := "secretsmanager:GetSecretValue"
		if source.IsParameter() {
			action = "ssm:GetParameters"
		}
		calls = append(calls, Call{setting, ExecutionRole, action, source.ARN()})
	}
	return calls
}
