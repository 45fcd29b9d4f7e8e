package ecs

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/servicediscovery"
	"slipway/localcloud/cloud"
)

// ServiceLoadBalancer registers a port of a container in a target group.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LoadBalancer.html
type ServiceLoadBalancer struct {
	TargetGroupARN string `json:"targetGroupArn"`
	ContainerName  string `json:"containerName"`
	ContainerPort  int    `json:"containerPort"`
	ELBName        string `json:"elbName,omitempty"`
}

// DeploymentAlarms are the alarms that give a deployment up.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentAlarms.html
type DeploymentAlarms struct {
	AlarmNames []string `json:"alarmNames"`
	Enable     bool     `json:"enable"`
	Rollback   bool     `json:"rollback"`
}

// ServiceSpec describes a wanted service.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
type ServiceSpec struct {
	Name                            string `json:"name"`
	Cluster                         string `json:"cluster"`
	TaskDefinition                  string `json:"taskDefinition"`
	DesiredCount                    int    `json:"desiredCount"`
	LaunchType                      string `json:"launchType"`
	PlatformVersion                 string `json:"platformVersion"`
	SchedulingStrategy              string `json:"schedulingStrategy"`
	PropagateTags                   string `json:"propagateTags"`
	AvailabilityZoneRebalancing     string `json:"availabilityZoneRebalancing"`
	DeploymentMinimumHealthyPercent int    `json:"deploymentMinimumHealthyPercent"`
	DeploymentMaximumPercent        int    `json:"deploymentMaximumPercent"`
	DeploymentCircuitBreaker        struct {
		Enable   bool `json:"enable"`
		Rollback bool `json:"rollback"`
	} `json:"deploymentCircuitBreaker"`
	DeploymentController struct {
		Type string `json:"type"`
	} `json:"deploymentController"`
	Alarms *DeploymentAlarms `json:"alarms"`
	// HealthCheckGracePeriodSeconds is how long after a task's start the health checks of its load balancers do not count.
	HealthCheckGracePeriodSeconds *int                  `json:"healthCheckGracePeriodSeconds"`
	LoadBalancers                 []ServiceLoadBalancer `json:"loadBalancers"`
	NetworkConfiguration          *struct {
		Subnets        []string `json:"subnets"`
		SecurityGroups []string `json:"securityGroups"`
		AssignPublicIP bool     `json:"assignPublicIp"`
	} `json:"networkConfiguration"`
	CapacityProviderStrategies  []CapacityShare   `json:"capacityProviderStrategies"`
	ForceNewDeployment          bool              `json:"forceNewDeployment"`
	WaitForSteadyState          bool              `json:"waitForSteadyState"`
	ForceDelete                 bool              `json:"forceDelete"`
	EnableECSManagedTags        bool              `json:"enableEcsManagedTags"`
	EnableExecuteCommand        bool              `json:"enableExecuteCommand"`
	ServiceConnectConfiguration *ServiceConnect   `json:"serviceConnectConfiguration"`
	Triggers                    map[string]string `json:"triggers"`
	Tags                        tags.Tags         `json:"tags"`

	// Not modelled: refused unless empty.
	IAMRole                    string `json:"iamRole"`
	OrderedPlacementStrategies []any  `json:"orderedPlacementStrategies"`
	PlacementConstraints       []any  `json:"placementConstraints"`
	ServiceRegistries          any    `json:"serviceRegistries"`
	VolumeConfiguration        any    `json:"volumeConfiguration"`
	VPCLatticeConfigurations   []any  `json:"vpcLatticeConfigurations"`
}

type serviceOutputs struct {
	IAMRole              string            `json:"iamRole"`
	Cluster              string            `json:"cluster"`
	PropagateTags        string            `json:"propagateTags"`
	Triggers             map[string]string `json:"triggers"`
	DeploymentController cloud.Map         `json:"deploymentController"`
	LaunchType           string            `json:"launchType"`
	PlatformVersion      string            `json:"platformVersion"`
}

// follow fills in what follows from the inputs.
func (out *serviceOutputs) follow(s cloud.Scope, in *ServiceSpec) {
	out.IAMRole = "/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
	out.Cluster, out.PropagateTags = cmp.Or(in.Cluster, ClusterARN(s, in.Cluster)), cmp.Or(in.PropagateTags, "NONE")
	if out.Triggers = in.Triggers; in.Triggers == nil {
		out.Triggers = map[string]string{}
	}
	out.DeploymentController = cloud.Map{"type": "ECS"}
	out.LaunchType, out.PlatformVersion = in.LaunchType, cmp.Or(in.PlatformVersion, latestPlatform)
}

// revision returns the task definition that the service runs. A new one must be active.
func (in *ServiceSpec) revision(c *cloud.Call, changed bool) (*Revision, error) {
	revision, err := FindRevision(c.Tx, c.Caller.Scope, in.TaskDefinition)
	switch {
	case errors.Is(err, ErrNoRevision):
		return nil, cloud.Errorf("ClientException", "Unable to describe task definition. (%s)", in.TaskDefinition)
	case err != nil:
		return nil, err
	case !revision.Active && changed:
		return nil, cloud.Errorf("InvalidParameterException", "TaskDefinition is inactive")
	}
	if err := runnable(c, in, revision, ClusterARN(c.Caller.Scope, in.Cluster)); err != nil {
		return nil, err
	}
	return revision, checkConnect(c, in, revision, ServiceARN(c.Caller.Scope, ClusterARN(c.Caller.Scope, in.Cluster), in.Name))
}

// Service keeps a number of tasks running and replaces them by those of a new version. Its id is its ARN.
var Service = &cloud.Kind[ServiceSpec, serviceOutputs]{
	Spec: cloud.Spec{
		Token: ServiceToken,
		Label: "ECS Service",
		Drift: cloud.Drift{Change: cloud.Map{"desiredCount": 2.0}, Serves: true},
		// terraform-provider-aws v5.100.0, internal/service/ecs/service.go
		Waits: []cloud.Wait{
			{
				Verb:    cloud.Create,
				Failure: "waiting for ECS Service (%s) create: timeout while waiting for state to become 'tfSTABLE' (last state: 'tfPENDING', timeout: 20m0s)",
			},
			{
				Verb:    cloud.Update,
				Failure: "waiting for ECS Service (%s) update: timeout while waiting for state to become 'tfSTABLE' (last state: 'tfPENDING', timeout: 20m0s)",
			},
		},
		Derived: tags.All,
		Needs:   serviceNeeds,
		Filled:  cloud.Map{"placementConstraints": []any{}, "orderedPlacementStrategies": []any{}},
		Defaults: cloud.Map{
			"availabilityZoneRebalancing": "DISABLED", "deploymentMaximumPercent": 200.0, "deploymentMinimumHealthyPercent": 100.0,
			"schedulingStrategy": "REPLICA", "waitForSteadyState": false, "enableEcsManagedTags": false, "enableExecuteCommand": false,
		},
		AutoName: &cloud.AutoName{Property: "name", Max: 255},
		// A change of capacityProviderStrategies replaces the service in the real provider too, unless forceNewDeployment is set.
		Replace:  []string{"capacityProviderStrategies", "cluster", "iamRole", "launchType", "name", "schedulingStrategy"},
		Computed: []string{"cluster", "iamRole", "launchType", "platformVersion", "triggers"},
		Sets:     []string{"capacityProviderStrategies", "loadBalancers"},
		Shared:   []string{"desiredCount"},
		// https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/ecs_service#import
		Import: &cloud.Import{
			ID: func(r *cloud.Resource) string {
				return strings.TrimPrefix(arns.Resource(r.ID), "service/")
			},
			Find: func(_ *cloud.Tx, s cloud.Scope, id string) string { return arns.New(s, "ecs", "service/"+id) },
		},
		Latency: cloud.Latency{Create: 1, Delete: 5},
		// The provider waits two minutes for it to get ACTIVE, which a draining one never does; then it treats it as gone
		// (terraform-provider-aws v5.100.0, internal/service/ecs/service.go, findServiceByTwoPartKeyWaitForActive).
		Gone:     func(r *cloud.Resource) bool { return cloud.StatusOf[ServiceStatus](r).Status == ServiceDraining },
		NotFound: func(string) *cloud.Error { return cloud.Errorf("ServiceNotFoundException", "Service not found.") },
	},
	Check: func(in *ServiceSpec) []cloud.Failure {
		f := checkShares("capacityProviderStrategies", in.CapacityProviderStrategies)
		f = append(f, check.OneOf("launchType", in.LaunchType, "EC2", Fargate, "EXTERNAL")...)
		f = append(f, check.OneOf("schedulingStrategy", in.SchedulingStrategy, "REPLICA", "DAEMON")...)
		f = append(f, check.OneOf("propagateTags", in.PropagateTags, "TASK_DEFINITION", "SERVICE", "NONE")...)
		f = append(f, check.OneOf("availabilityZoneRebalancing", in.AvailabilityZoneRebalancing, "ENABLED", "DISABLED")...)
		f = append(f, check.OneOf("deploymentController.type", in.DeploymentController.Type, "ECS", "CODE_DEPLOY", "EXTERNAL")...)
		if g := in.HealthCheckGracePeriodSeconds; g != nil {
			f = append(f, check.Between("healthCheckGracePeriodSeconds", *g, 0, 1<<31-1)...)
		}
		for i, lb := range in.LoadBalancers {
			f = append(f, check.Between(fmt.Sprintf("loadBalancers[%d].containerPort", i), lb.ContainerPort, 0, 65536)...)
			if p := fmt.Sprintf("loadBalancers[%d].targetGroupArn", i); lb.TargetGroupARN != "" && !arns.Pattern.MatchString(lb.TargetGroupARN) {
				f = append(f, cloud.Failure{Property: p, Reason: fmt.Sprintf("%q (%s) is an invalid ARN", p, lb.TargetGroupARN)})
			}
		}
		return f
	},
	Refs: func(c *cloud.Call, in *ServiceSpec) []cloud.Ref {
		refs := []cloud.Ref{{Token: ClusterToken, Value: ClusterARN(c.Resource.Scope, in.Cluster)}}
		if in.Connects() {
			refs = append(refs, cloud.Ref{Token: servicediscovery.HTTPNamespaceToken, Value: namespaceID(in.ServiceConnectConfiguration.Namespace), Lenient: true})
		}
		return refs
	},
	Rules: func(c *cloud.Call, in *ServiceSpec) error {
		// The provider sends alarms only where there are some, and reads the old ones back: the service keeps them, and each later preview
		// shows a change (terraform-provider-aws v5.100.0, internal/service/ecs/service.go, resourceServiceUpdate).
		if c.Old != nil && in.Alarms == nil && cloud.InputsOf[ServiceSpec](c.Old).Alarms != nil {
			return check.Unimplemented("a service that loses its alarms, which ECS keeps; replace the service")
		}
		return modelled(in)
	},
	Create: func(c *cloud.Call, in *ServiceSpec, out *serviceOutputs) (string, error) {
		s := c.Caller.Scope
		id := ServiceARN(s, ClusterARN(s, in.Cluster), in.Name)
		if r := c.Find(cloud.Ref{Token: ServiceToken, Value: id}); r != nil {
			if cloud.StatusOf[ServiceStatus](r).Status == ServiceDraining {
				return "", cloud.Errorf("InvalidParameterException", "Unable to Start a service that is still Draining.")
			}
			return "", cloud.Errorf("InvalidParameterException", "Creation of service was not idempotent.")
		}
		revision, err := in.revision(c, true)
		if err != nil {
			return "", err
		}
		status := ServiceStatus{Status: ServiceActive}
		status.deploy(revision.ARN, versionOf(c.Resource.Inputs), in.watchedAlarms(c.Tx, s))
		status.Primary().Desired, status.Primary().Endpoints = in.DesiredCount, endpointsIn(c, in, id, revision)
		c.Resource.SetStatus(status)
		out.follow(s, in)
		return id, nil
	},
	Update: func(c *cloud.Call, in *ServiceSpec, out *serviceOutputs) error {
		status := cloud.StatusOf[ServiceStatus](c.Old)
		if status.Status != ServiceActive {
			return cloud.Errorf("ServiceNotActiveException", "Service was not ACTIVE.")
		}
		revision, err := in.revision(c, in.TaskDefinition != cloud.InputsOf[ServiceSpec](c.Old).TaskDefinition)
		if err != nil {
			return err
		}
		version := versionOf(c.Resource.Inputs)
		if in.ForceNewDeployment && changedBesideTags(c) || !reflect.DeepEqual(versionOf(c.Old.Inputs), version) {
			status.deploy(revision.ARN, version, in.watchedAlarms(c.Tx, c.Caller.Scope))
			status.Primary().Desired, status.Primary().Endpoints = in.DesiredCount, endpointsIn(c, in, c.Resource.ID, revision)
		}
		status.Scale(in.DesiredCount)
		c.Resource.SetStatus(status)
		out.follow(c.Caller.Scope, in)
		return nil
	},
	Apply: func(c *cloud.Call, in *ServiceSpec) error {
		if !in.WaitForSteadyState {
			return nil
		}
		doing := "create"
		if c.Old != nil {
			doing = "update"
		}
		return awaitStable(c, doing)
	},
	Release: func(c *cloud.Call, in *ServiceSpec) error {
		err := c.Store.Update(func(tx *cloud.Tx) error {
			r := tx.Get(c.Resource.Key)
			if r == nil {
				return nil
			}
			r = r.Clone()
			status := cloud.StatusOf[ServiceStatus](r)
			status.Status = ServiceDraining
			r.SetStatus(status)
			tx.Put(r)
			return nil
		})
		if err != nil {
			return err
		}
		// The scheduler stops the tasks and removes the service, even if no caller waits.
		err = awaitTasks(c, func(tx *cloud.Tx) (bool, error) { return tx.Get(c.Resource.Key) == nil, nil })
		if errors.Is(err, cloud.ErrTimeout) {
			return fmt.Errorf("waiting for ECS Service (%s) delete: %w to become 'INACTIVE' (last state: 'DRAINING', timeout: %s)",
				c.Resource.ID, cloud.ErrTimeout, allowed(c, serviceTimeout))
		}
		return err
	},
}

var serviceNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		name := "service/" + clusterNameOf(clusterARNOf(o)) + "/" + o.Text("name")
		creates(o, "CreateService", name, name)
		inCluster(o, clusterARNOf(o), 0)
		passes(o, "iamRole", "ecs.amazonaws.com", "ecs:CreateService")
	},
	Read: func(o *permission.Operation) { ownService(o, "ecs:DescribeServices") },
	Update: func(o *permission.Operation) {
		if o.ChangesMoreThan("tags") {
			ownService(o, "ecs:UpdateService")
		}
		retags(o)
	},
	Delete: func(o *permission.Operation) {
		ownService(o, "ecs:UpdateService", "ecs:DeleteService", "ecs:DescribeServices")
	},
}

// Drained reports whether a DRAINING service is INACTIVE, and so gone: whether all of its tasks are STOPPING or STOPPED.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html
func Drained(tx *cloud.Tx, service *cloud.Resource) bool {
	return cloud.Peek[ServiceStatus](service).Status == ServiceDraining &&
		!slices.ContainsFunc(TasksOf(tx, service), func(r *cloud.Resource) bool {
			last := cloud.Peek[TaskStatus](r).LastStatus
			return last != TaskStopping && last != TaskStopped
		})
}

// serviceTimeout is how long the provider waits for a service.
const serviceTimeout = 20 * time.Minute

// allowed is the limit of a wait as in [cloud.Call.Await], for the message about a timeout.
func allowed(c *cloud.Call, limit time.Duration) time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return time.Duration(float64(limit) * c.Patience).Round(time.Millisecond)
}

// awaitTasks waits for a service's tasks as long as the provider does. Leaving tasks take the real seconds of their deregistration
// delay and stop timeout, which patience does not scale: the wait continues while there are some, but not longer than AWS's own.
func awaitTasks(c *cloud.Call, condition func(*cloud.Tx) (bool, error)) error {
	began := time.Now()
	for {
		leaving := false
		err := c.Await(serviceTimeout, func(tx *cloud.Tx) (bool, error) {
			leaving = slices.ContainsFunc(TasksOf(tx, c.Resource), func(task *cloud.Resource) bool {
				last := cloud.StatusOf[TaskStatus](task).LastStatus
				return last == TaskDeactivating || last == TaskStopping
			})
			return condition(tx)
		})
		if !errors.Is(err, cloud.ErrTimeout) || !leaving || time.Since(began) >= cmp.Or(c.Timeout, serviceTimeout) {
			return err
		}
	}
}

// awaitStable waits as the provider does: until there is one deployment and the desired count of tasks runs, healthy or not. A
// deployment that was rolled back ends the wait without an error; one that failed and could not be rolled back never does
// (terraform-provider-aws v5.100.0 internal/service/ecs/service.go, waitServiceStable). The message about the timeout is the
// provider's; why the last task failed is added.
func awaitStable(c *cloud.Call, doing string) error {
	last := ""
	err := awaitTasks(c, func(tx *cloud.Tx) (bool, error) {
		r := tx.Get(c.Resource.Key)
		if r == nil {
			return false, cloud.Errorf("ServiceNotFoundException", "Service not found.")
		}
		s := cloud.StatusOf[ServiceStatus](r)
		last = lastFailure(tx, r)
		d := s.Primary()
		return s.Status == ServiceActive && len(s.Deployments) == 1 && d.Desired == d.Running, nil
	})
	if errors.Is(err, cloud.ErrTimeout) {
		err = fmt.Errorf("%w to become 'tfSTABLE' (last state: 'tfPENDING', timeout: %s)", cloud.ErrTimeout, allowed(c, serviceTimeout))
		if last != "" {
			err = fmt.Errorf("%w; %s", err, last)
		}
	}
	if err != nil {
		return fmt.Errorf("waiting for ECS Service (%s) %s: %w", c.Resource.ID, doing, err)
	}
	return nil
}

// lastFailure describes the youngest failed task of the service; empty if none is known.
func lastFailure(tx *cloud.Tx, service *cloud.Resource) string {
	var last TaskStatus
	id := ""
	for _, r := range TasksOf(tx, service) {
		if s := cloud.StatusOf[TaskStatus](r); s.Failed && s.CreatedAt.After(last.CreatedAt) {
			last, id = s, TaskID(r.ID)
		}
	}
	if id == "" {
		return ""
	}
	text := "task " + id + " stopped: " + last.StoppedReason
	for _, c := range last.Containers {
		if c.ExitCode != nil {
			text += fmt.Sprintf(" (%s: exit code %d)", c.Name, *c.ExitCode)
		}
	}
	return text
}

// watchedAlarms returns the alarms that a new deployment watches: none if one of them is in ALARM already, so that a fix of its cause
// can be deployed. A missing alarm does not count.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
func (in *ServiceSpec) watchedAlarms(tx *cloud.Tx, s cloud.Scope) []string {
	if in.Alarms == nil || !in.Alarms.Enable || cloudwatch.InAlarm(tx, s, in.Alarms.AlarmNames) != "" {
		return nil
	}
	return in.Alarms.AlarmNames
}

// changedBesideTags reports whether an update needs a call of UpdateService.
func changedBesideTags(c *cloud.Call) bool {
	strip := func(m cloud.Map) cloud.Map {
		m = maps.Clone(m)
		for _, p := range []string{"forceDelete", "tags", "tagsAll"} {
			delete(m, p)
		}
		return m
	}
	return !reflect.DeepEqual(strip(c.Old.Inputs), strip(c.Resource.Inputs))
}

// modelled refuses what the local cloud does not model.
func modelled(in *ServiceSpec) error {
	what := check.First(map[string]bool{
		"iamRole":                                  in.IAMRole != "",
		"serviceRegistries":                        in.ServiceRegistries != nil,
		"volumeConfiguration":                      in.VolumeConfiguration != nil,
		"vpcLatticeConfigurations":                 len(in.VPCLatticeConfigurations) > 0,
		"schedulingStrategy DAEMON":                in.SchedulingStrategy == "DAEMON",
		"launchType EC2 or EXTERNAL":               in.LaunchType == "EC2" || in.LaunchType == "EXTERNAL",
		"a deploymentController that is not ECS":   in.DeploymentController.Type != "" && in.DeploymentController.Type != "ECS",
		"availabilityZoneRebalancing":              in.AvailabilityZoneRebalancing == "ENABLED",
		"a platform version before 1.4.0":          strings.HasPrefix(in.PlatformVersion, "1.") && in.PlatformVersion != "1.4.0",
		"placement constraints on Fargate's tasks": len(in.PlacementConstraints) > 0 || len(in.OrderedPlacementStrategies) > 0,
	})
	if what == "" {
		return nil
	}
	return check.Unimplemented(what)
}

// runnable has the rules of CreateService and UpdateService about the service's references.
func runnable(c *cloud.Call, in *ServiceSpec, revision *Revision, clusterID string) error {
	refuse := func(format string, args ...any) error {
		return cloud.Errorf("InvalidParameterException", format, args...)
	}
	switch {
	case in.DesiredCount < 0:
		return refuse("Desired count must be at least 0.")
	case in.DeploymentMinimumHealthyPercent < 0 || in.DeploymentMinimumHealthyPercent > 100:
		return refuse("minimumHealthyPercent must be between 0 and 100.")
	case in.DeploymentMaximumPercent < 100:
		return refuse("maximumPercent must be at least 100.")
	case in.DeploymentMinimumHealthyPercent == 100 && in.DeploymentMaximumPercent == 100:
		return refuse("Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.")
	case in.HealthCheckGracePeriodSeconds != nil && *in.HealthCheckGracePeriodSeconds > 0 && len(in.LoadBalancers) == 0:
		return refuse("Health check grace period is only valid for services configured to use load balancers")
	case in.Alarms != nil && in.Alarms.Enable && len(in.Alarms.AlarmNames) == 0:
		return refuse("You must specify at least one alarm name to use deployment alarms.")
	case in.LaunchType != "" && len(in.CapacityProviderStrategies) > 0:
		return refuse("Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.")
	case in.EnableExecuteCommand && revision.TaskRoleARN == "":
		doing := "created"
		if c.Old != nil {
			doing = "updated"
		}
		return refuse("The service couldn't be %s because a valid taskRoleArn is not being used. Specify a valid task role in your task definition and try again.", doing)
	}
	if err := checkCapacity(c, in, clusterID); err != nil {
		return err
	}
	if in.NetworkConfiguration == nil {
		return errNoNetwork()
	}
	if err := checkNetwork(c.Find, in.NetworkConfiguration.Subnets, in.NetworkConfiguration.SecurityGroups); err != nil {
		return err
	}
	for _, lb := range in.LoadBalancers {
		if lb.ELBName != "" {
			return fmt.Errorf("elbName, a Classic Load Balancer: %w", cloud.ErrUnimplemented)
		}
		container := revision.Container(lb.ContainerName)
		switch {
		case container == nil:
			return refuse("The container %s does not exist in the task definition.", lb.ContainerName)
		case !slices.ContainsFunc(container.PortMappings, func(p PortMapping) bool { return p.ContainerPort == lb.ContainerPort }):
			return refuse("The container %s did not have a container port %d defined.", lb.ContainerName, lb.ContainerPort)
		}
		group := c.Find(cloud.Ref{Token: elbv2.TargetGroupToken, Value: lb.TargetGroupARN})
		switch {
		case group == nil:
			return refuse("Unable to assume role and validate the specified targetGroupArn. " +
				"Please verify that the ECS service role being passed has the proper permissions.")
		case elbv2.TargetGroup.Described(group).TargetType != "ip":
			return refuse("The provided target group %s has target type %v, which is incompatible with the awsvpc network mode "+
				"specified in the task definition.", lb.TargetGroupARN, elbv2.TargetGroup.Described(group).TargetType)
		case len(elbv2.TargetGroup.Outputs(group).LoadBalancerARNs) == 0:
			return refuse("The target group with targetGroupArn %s does not have an associated load balancer.", lb.TargetGroupARN)
		}
	}
	return nil
}

// checkCapacity finds the capacity for the service's tasks: the launch type, its own strategy or its cluster's default one.
func checkCapacity(c *cloud.Call, in *ServiceSpec, clusterID string) error {
	providers := &clusterCapacityProviders{}
	if r := c.Find(cloud.Ref{Token: ClusterCapacityProvidersToken, Value: clusterNameOf(clusterID)}); r != nil {
		providers = cloud.InputsOf[clusterCapacityProviders](r)
	}
	if in.LaunchType == "" && len(in.CapacityProviderStrategies) == 0 && len(providers.DefaultCapacityProviderStrategies) == 0 {
		return fmt.Errorf("a service with neither launchType FARGATE nor a capacity provider strategy runs on EC2: %w", cloud.ErrUnimplemented)
	}
	return checkStrategy(in.CapacityProviderStrategies, providers.CapacityProviders)
}

// Shares returns by what strategy the tasks of a service are placed on capacity providers.
func (in *ServiceSpec) Shares(tx *cloud.Tx, s cloud.Scope) []CapacityShare {
	if in.LaunchType != "" {
		return []CapacityShare{{CapacityProvider: in.LaunchType, Weight: 1}}
	}
	if len(in.CapacityProviderStrategies) > 0 {
		return in.CapacityProviderStrategies
	}
	r := tx.Get(cloud.Key{Scope: s, Token: ClusterCapacityProvidersToken, ID: clusterNameOf(ClusterARN(s, in.Cluster))})
	if r == nil {
		return []CapacityShare{{CapacityProvider: Fargate, Weight: 1}}
	}
	return ClusterCapacityProviders.Inputs(r).DefaultCapacityProviderStrategies
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
func checkNetwork(find func(cloud.Ref) *cloud.Resource, subnets, groups []string) error {
	refuse := func(format string, args ...any) error {
		return cloud.Errorf("InvalidParameterException", format, args...)
	}
	if len(subnets) == 0 {
		return refuse("subnets can not be empty.")
	}
	const maxSubnets, maxGroups = 16, 5
	if len(subnets) > maxSubnets || len(groups) > maxGroups {
		return refuse("There is a limit of %d subnets and %d security groups per awsvpcConfiguration.", maxSubnets, maxGroups)
	}
	vpc := ""
	for _, id := range subnets {
		r := find(cloud.Ref{Token: ec2.SubnetToken, Value: id})
		if r == nil {
			return refuse("Error retrieving subnet information for [%s]: %s (ErrorCode: InvalidSubnetID.NotFound)", id, ec2.Subnet.NotFound(id).Message)
		}
		switch in := ec2.Subnet.Inputs(r); {
		case vpc == "":
			vpc = in.VPCID
		case vpc != in.VPCID:
			return refuse("subnets must belong to the same VPC.")
		}
	}
	for _, id := range groups {
		r := find(cloud.Ref{Token: ec2.SecurityGroupToken, Value: id})
		if r == nil {
			return refuse("Error retrieving security group information for [%s]: %s (ErrorCode: InvalidGroup.NotFound)", id, ec2.SecurityGroup.NotFound(id).Message)
		}
		if ec2.SecurityGroup.Inputs(r).VPCID != vpc {
			return refuse("Security Group %s does not appear to belong to the same VPC as the input subnets.", id)
		}
	}
	return nil
}

// errNoNetwork is ECS's answer to tasks without a network configuration.
func errNoNetwork() error {
	return cloud.Errorf("InvalidParameterException", "Network Configuration must be provided when networkMode 'awsvpc' is specified.")
}

// ServiceARN returns the ARN of the service with the name in the cluster with the ARN.
func ServiceARN(s cloud.Scope, clusterARN, name string) string {
	return arns.New(s, "ecs", "service/"+clusterNameOf(clusterARN)+"/"+name)
}
