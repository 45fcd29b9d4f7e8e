package scheduler

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/cloud"
	"slipway/localcloud/registry"
	"slipway/localcloud/task"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// startError is why a task cannot start, in AWS's words. If these do not name the cause, it follows in parentheses.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
type startError struct{ reason string }

func (e *startError) Error() string { return e.reason }

func startErrorf(format string, args ...any) error { return &startError{fmt.Sprintf(format, args...)} }

// cannotAssume begins ECS's message that it may not assume a role.
const cannotAssume = "ECS was unable to assume the role"

// ecsTasks is the service that takes on the roles of a task.
const ecsTasks = "ecs-tasks.amazonaws.com"

// httpsPort is the port of AWS's services and registries.
const httpsPort = 443

// prepare does everything that comes before the first container starts, in the order in which Fargate does it: the roles,
// the network interface, registry log-in and secrets, images, log streams. Each needs the network and the execution role.
func (l *life) prepare(ctx context.Context) (task.Spec, error) {
	var revision *ecs.Revision
	var err error
	l.Store.View(func(tx *cloud.Tx) {
		if revision, err = ecs.FindRevision(tx, l.key.Scope, l.spec.TaskDefinitionARN); err == nil {
			err = l.checkRoles(tx, revision)
		}
	})
	if errors.Is(err, ecs.ErrNoRevision) {
		err = &startError{err.Error()}
	}
	if err != nil {
		return task.Spec{}, err
	}
	l.revision = revision
	for _, d := range revision.Containers {
		if d.HealthCheck != nil && d.IsEssential() {
			l.checked = append(l.checked, d.Name)
		}
	}
	const provisioning, pending = 15, 15 // seconds on Fargate; every task takes some 30 in total
	if err := l.pause(ctx, provisioning); err != nil {
		return task.Spec{}, err
	}
	ni, err := l.provision(portsOf(revision))
	if err != nil {
		return task.Spec{}, err
	}
	err = l.change(func(_ *cloud.Tx, status *ecs.TaskStatus) error {
		status.LastStatus, status.Checked = ecs.TaskPending, len(l.checked) > 0
		return nil
	})
	if err != nil {
		return task.Spec{}, err
	}
	if err := l.pause(ctx, pending); err != nil {
		return task.Spec{}, err
	}

	var secrets map[string]map[string]string
	l.Store.View(func(tx *cloud.Tx) { secrets, err = l.fetch(tx, revision, ni) })
	if err != nil {
		return task.Spec{}, err
	}
	images := map[string]v1.Image{}
	for _, d := range revision.Containers {
		if images[d.Name], err = l.pull(d.Image, revision, ni); err != nil {
			return task.Spec{}, err
		}
	}
	logs := map[string]func(task.LogLine){}
	for _, d := range revision.Containers {
		if logs[d.Name], err = l.openLog(&d, revision, ni); err != nil {
			return task.Spec{}, err
		}
	}
	if l.Endpoint != nil {
		l.endpoint = l.Endpoint(l.key, revision)
	}
	spec := taskSpec(l, revision, ni, images, secrets, logs)
	if l.Interface != nil {
		var endpoint http.Handler
		if l.endpoint != nil {
			endpoint = l.endpoint.Handler
		}
		if spec.Interface, err = l.Interface(l.eni, endpoint); err != nil {
			return task.Spec{}, startErrorf("Unexpected EC2 error while attempting to attach network interface with instance: %s", err)
		}
	}
	if err := l.connect(&spec); err != nil {
		return task.Spec{}, err
	}
	return spec, ctx.Err()
}

// endpointFor is the name of a service's endpoint that Fargate uses for a task: the dual-stack one if the task has no IPv4 address.
// https://docs.aws.amazon.com/general/latest/gr/rande.html#dual-stack-endpoints
func endpointFor(ni *ec2.Interface, service, region string) string {
	if ni.IPv6Only() {
		return service + "." + region + ".api.aws"
	}
	if service == "ecr" {
		service = "api.ecr"
	}
	return service + "." + region + ".amazonaws.com"
}

func (l *life) checkRoles(tx *cloud.Tx, revision *ecs.Revision) error {
	for _, role := range []string{revision.ExecutionRoleARN, revision.TaskRoleARN} {
		if role != "" && !l.CanAssume(tx, l.key.Scope, role, ecsTasks) {
			return startErrorf("%s '%s' that was provided for this task. Please verify that the role being passed has the proper "+
				"trust relationship and permissions and that your IAM user has permissions to pass this role.", cannotAssume, role)
		}
	}
	return nil
}

// denied returns how a service refuses a call by the execution role, or "" if it does not.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
func (l *life) denied(tx *cloud.Tx, role, action, resource string) string {
	if l.Allowed(tx, l.key.Scope, role, action, resource) {
		return ""
	}
	return l.refusal(role, action, resource, "because no identity-based policy allows the "+action+" action")
}

// deniedImages is denied for an action on a repository's images, where the repository's own policy counts too.
func (l *life) deniedImages(tx *cloud.Tx, role, action, repository string) string {
	why := ecr.RepositoryDenial(tx, repository, role, action, l.Allowed(tx, l.key.Scope, role, action, repository))
	if why == "" {
		return ""
	}
	return l.refusal(role, action, repository, why)
}

func (l *life) refusal(role, action, resource, why string) string {
	user := arns.Global("sts", l.key.Scope.Account, "assumed-role/"+arns.Last(role)+"/"+l.id)
	return fmt.Sprintf("AccessDeniedException: User: %s is not authorized to perform: %s on resource: %s %s", user, action, resource, why)
}

// fetch logs in to the registries and reads the secrets, which it returns by container and name of the variable.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html
func (l *life) fetch(tx *cloud.Tx, revision *ecs.Revision, ni *ec2.Interface) (map[string]map[string]string, error) {
	role := revision.ExecutionRoleARN
	unreachable := l.Egress(tx, l.key.Scope, ni, httpsPort)
	for _, d := range revision.Containers {
		_, region, ok := ecr.RepositoryARN(d.Image)
		if !ok {
			continue
		}
		if unreachable != nil {
			return nil, startErrorf(pullFailed+"unable to retrieve ecr registry auth: service call has been retried 3 time(s): RequestError: "+
				"send request failed caused by: Post \"https://%s/\": dial tcp: i/o timeout. "+
				"Please check your task network configuration. (%v)", endpointFor(ni, "ecr", region), unreachable)
		}
		if no := l.denied(tx, role, "ecr:GetAuthorizationToken", "*"); no != "" {
			return nil, startErrorf(pullFailed+"unable to retrieve ecr registry auth: service call has been retried 1 time(s): %s", no)
		}
	}
	source := secretSource{life: l, tx: tx, role: role, unreachable: unreachable}
	values := map[string]map[string]string{}
	for _, d := range revision.Containers {
		var err error
		if values[d.Name], err = source.variables(d.Secrets); err != nil {
			return nil, err
		}
		if d.RepositoryCredentials == nil {
			continue
		}
		value, err := source.secret(d.RepositoryCredentials.CredentialsParameter)
		if err != nil {
			return nil, err
		}
		// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/private-auth.html
		var login struct{ Username, Password string }
		if json.Unmarshal([]byte(value), &login) != nil || login.Username == "" || login.Password == "" {
			return nil, startErrorf(pullFailed + "unable to get registry credentials: the secret must be a JSON object with username and password")
		}
	}
	return values, nil
}

// message is an error as the stopped reason of a task quotes it.
func message(err error) string {
	if e, ok := errors.AsType[*cloud.Error](err); ok {
		return e.Code + ": " + e.Message
	}
	return err.Error()
}

// pull finds the image in the local registry, if the task could reach it and its execution role may pull it.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
func (l *life) pull(image string, revision *ecs.Revision, ni *ec2.Interface) (v1.Image, error) {
	const failed = "CannotPullContainerError: "
	host, _, _ := strings.Cut(image, "/")
	if ni.IPv6Only() && ecr.IPv4Only(host) {
		return nil, startErrorf(failed+"pull image manifest has been retried 5 time(s): failed to resolve ref %s: failed to do request: "+
			"Head \"https://%s/v2/\": dial tcp: connect: network is unreachable (%s has no IPv6 address, and the task no other)", image, host, host)
	}
	repository, _, isECR := ecr.RepositoryARN(image)
	var err error
	l.Store.View(func(tx *cloud.Tx) {
		if unreachable := l.Egress(tx, l.key.Scope, ni, httpsPort); unreachable != nil {
			err = startErrorf(failed+"pull image manifest has been retried 5 time(s): failed to resolve ref %s: failed to do request: "+
				"Head \"https://%s/v2/\": dial tcp: i/o timeout (%v)", image, host, unreachable)
			return
		}
		if !isECR {
			return
		}
		if no := l.deniedImages(tx, revision.ExecutionRoleARN, "ecr:BatchGetImage", repository); no != "" {
			_, target, _ := registry.Split(image) // checked with the task definition
			err = startErrorf(failed+"pull image manifest has been retried 1 time(s): failed to resolve ref %s: pulling from host %s "+
				"failed with status code [manifests %s]: 403 Forbidden (%s)", image, host, target, no)
		}
	})
	if err != nil {
		return nil, err
	}
	img, err := l.Images.Image(ecr.Canonical(image), v1.Platform{OS: "linux", Architecture: revision.Architecture})
	if err != nil {
		retried := 1
		if errors.Is(err, registry.ErrPlatform) {
			retried = 7
		}
		return nil, startErrorf(failed+"pull image manifest has been retried %d time(s): %s", retried, err)
	}
	if isECR {
		l.Store.View(func(tx *cloud.Tx) {
			if no := l.deniedImages(tx, revision.ExecutionRoleARN, "ecr:GetDownloadUrlForLayer", repository); no != "" {
				err = startErrorf(failed+"ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: "+
					"unexpected status code https://%s/v2/: 403 Forbidden (%s)", host, no)
			}
		})
	}
	return img, err
}

// openLog makes the container's log stream. Lines that the role may not write are lost, as on AWS.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
func (l *life) openLog(d *ecs.ContainerDefinition, revision *ecs.Revision, ni *ec2.Interface) (func(task.LogLine), error) {
	if d.LogConfiguration == nil {
		return nil, nil
	}
	const failed = "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: " +
		"failed to create Cloudwatch log stream: %s : exit status 1"
	o := d.LogConfiguration.Options
	group, stream := o["awslogs-group"], o["awslogs-stream-prefix"]+"/"+d.Name+"/"+l.id
	scope := cloud.Scope{Account: l.key.Scope.Account, Region: o["awslogs-region"]}
	resource := arns.New(scope, "logs", "log-group:"+group+":log-stream:"+stream)
	refused, lost := "", false
	l.Store.View(func(tx *cloud.Tx) {
		if err := l.Egress(tx, l.key.Scope, ni, httpsPort); err != nil {
			refused = fmt.Sprintf("RequestError: send request failed caused by: Post \"https://%s/\": "+
				"dial tcp: i/o timeout (%v)", endpointFor(ni, "logs", scope.Region), err)
			return
		}
		refused = l.denied(tx, revision.ExecutionRoleARN, "logs:CreateLogStream", resource)
		lost = l.denied(tx, revision.ExecutionRoleARN, "logs:PutLogEvents", resource) != ""
	})
	if refused != "" {
		return nil, startErrorf(failed, refused)
	}
	w, err := l.Logs.Writer(scope, group, stream)
	if err != nil {
		return nil, startErrorf(failed, message(err))
	}
	l.logs = append(l.logs, w)
	if lost {
		return nil, nil
	}
	return func(line task.LogLine) {
		// A line that cannot be written is lost: the group is gone, or the disk is full. The service continues.
		_, _ = w.Write(append(bytes.Clone(line.Text), '\n'))
	}, nil
}

// portsOf lists the ports on which the containers listen.
func portsOf(revision *ecs.Revision) []int {
	var ports []int
	for _, d := range revision.Containers {
		for _, p := range d.PortMappings {
			if p.Protocol != "udp" {
				ports = append(ports, p.ContainerPort)
			}
		}
	}
	return ports
}

// taskSpec makes the runner's specification of the task.
func taskSpec(
	l *life, revision *ecs.Revision, ni *ec2.Interface,
	images map[string]v1.Image, secrets map[string]map[string]string, logs map[string]func(task.LogLine),
) task.Spec {
	spec := task.Spec{
		ID: l.id, Address: l.address, Architecture: revision.Architecture, Volumes: revision.Volumes, Shared: map[string]string{},
		Limits:   task.Limits{CPU: revision.CPU, Memory: int64(revision.Memory) * mebibyte},
		Hostname: ni.HostName(l.key.Scope.Region),
	}
	for volume, folder := range revision.FileSystems {
		spec.Shared[volume] = filepath.Join(append([]string{l.FileSystems, l.key.Scope.Account, l.key.Scope.Region}, folder...)...)
	}
	for _, d := range revision.Containers {
		env := environment(l.key.Scope.Region)
		if l.endpoint != nil {
			maps.Copy(env, l.endpoint.Environment(d.Name, l.Interface != nil))
		}
		if l.Interface == nil {
			env["HOST"] = l.address.String()
		}
		for _, e := range d.Environment {
			env[e.Name] = e.Value
		}
		for name, value := range secrets[d.Name] {
			env[name] = value
		}
		command := l.spec.Override(d.Name, d.Command, env)
		c := task.Container{
			Name:       d.Name,
			Image:      func(context.Context) (v1.Image, error) { return images[d.Name], nil },
			EntryPoint: d.EntryPoint, Command: command, Environment: env,
			User: d.User, WorkingDirectory: d.WorkingDirectory,
			Essential: d.IsEssential(), ReadonlyRootFilesystem: d.ReadonlyRootFilesystem,
			InitProcessEnabled: d.LinuxParameters.InitProcessEnabled,
			StartTimeout:       cmp.Or(seconds(d.StartTimeout), l.Pace.Real(task.DefaultStartTimeout)), StopTimeout: seconds(d.StopTimeout),
			CPU: d.CPU, Log: logs[d.Name],
		}
		if p := d.RestartPolicy; p != nil && p.Enabled {
			const usual = 300 // API_ContainerRestartPolicy
			c.Restart = &task.Restart{After: l.Pace.Real(cmp.Or(seconds(p.RestartAttemptPeriod), usual*time.Second)), Ignored: p.IgnoredExitCodes}
		}
		if d.Memory != nil {
			c.Memory = int64(*d.Memory) * mebibyte
		}
		for _, m := range d.LinuxParameters.Tmpfs {
			c.Tmpfs = append(c.Tmpfs, task.Tmpfs{ContainerPath: m.ContainerPath, Size: m.Size})
		}
		for _, m := range d.MountPoints {
			c.MountPoints = append(c.MountPoints, task.MountPoint{SourceVolume: m.SourceVolume, ContainerPath: m.ContainerPath, ReadOnly: m.ReadOnly})
		}
		for _, dep := range d.DependsOn {
			c.DependsOn = append(c.DependsOn, task.Dependency{Container: dep.ContainerName, Condition: task.Condition(dep.Condition)})
		}
		if h := d.HealthCheck; h != nil {
			c.HealthCheck = &task.HealthCheck{
				Command: h.Command, Interval: seconds(h.Interval), Timeout: seconds(h.Timeout), StartPeriod: seconds(h.StartPeriod),
			}
			if h.Retries != nil {
				c.HealthCheck.Retries = *h.Retries
			}
		}
		spec.Containers = append(spec.Containers, c)
	}
	return spec
}

// environment is every container's environment on Fargate. A task without a network interface also has HOST, its own address on this
// machine. Its container must listen on it if the runner cannot redirect it ([task.Runner.Listens]). The task definition's values win.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-metadata.html
func environment(region string) map[string]string {
	return map[string]string{"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE"}
}

func seconds(n *int) time.Duration {
	if n == nil {
		return 0
	}
	return time.Duration(*n) * time.Second
}
