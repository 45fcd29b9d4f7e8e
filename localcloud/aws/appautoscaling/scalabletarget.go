package appautoscaling

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

// ScalableTargetSpec says between which bounds a service may be scaled.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
type ScalableTargetSpec struct {
	scalable
	MinCapacity    int            `json:"minCapacity"`
	MaxCapacity    int            `json:"maxCapacity"`
	RoleARN        string         `json:"roleArn"`
	SuspendedState suspendedState `json:"suspendedState"`
	Tags           tags.Tags      `json:"tags"`
}

type suspendedState struct {
	DynamicScalingInSuspended  bool `json:"dynamicScalingInSuspended"`
	DynamicScalingOutSuspended bool `json:"dynamicScalingOutSuspended"`
	ScheduledScalingSuspended  bool `json:"scheduledScalingSuspended"`
}

// ScalableTargetStatus is the Status of a scalable target: its last scaling activities, for the cooldowns that follow them.
type ScalableTargetStatus struct {
	ScaledIn, ScaledOut time.Time `json:",omitzero"`
	// OutFrom is the number of tasks before the last scale-out.
	OutFrom int `json:",omitempty"`
}

type scalableTargetOutputs struct {
	ARN            string         `json:"arn"`
	RoleARN        string         `json:"roleArn"`
	SuspendedState suspendedState `json:"suspendedState"`
}

// register brings the service within the bounds. ECS is always scaled with its service-linked role, even if another role is given.
func (out *scalableTargetOutputs) register(c *cloud.Call, in *ScalableTargetSpec) {
	bound(c.Tx, in.service(c.Tx, c.Caller.Scope), in.MinCapacity, in.MaxCapacity, "")
	out.RoleARN = arns.Global("iam", c.Caller.Scope.Account, "role/aws-service-role/"+scalingPrincipal+"/"+scalingRole)
}

// ScalableTarget is a service whose number of tasks Application Auto Scaling may change. Its id is the resource id.
// Registering it brings the number within the bounds, as does every change of them; deregistering it leaves the number.
// It goes with the service ([ServiceRemoved]). The bounds are shared with scheduled actions.
var ScalableTarget = &cloud.Kind[ScalableTargetSpec, scalableTargetOutputs]{
	Spec: cloud.Spec{
		Token:    ScalableTargetToken,
		Label:    "Application AutoScaling Target",
		Drift:    cloud.Drift{Change: cloud.Map{"maxCapacity": 7.0}, Serves: true, ServesWithout: true},
		Derived:  tags.All,
		Needs:    scalableTargetNeeds,
		Replace:  []string{"resourceId", "scalableDimension", "serviceNamespace"},
		Computed: []string{"roleArn", "suspendedState"},
		Shared:   []string{"minCapacity", "maxCapacity"},
		// https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/appautoscaling_target#import
		Import: &cloud.Import{
			ID: func(r *cloud.Resource) string { return scalableNamespace + "/" + r.ID + "/" + scalableDimension },
			Find: func(_ *cloud.Tx, _ cloud.Scope, id string) string {
				inner, ok := strings.CutPrefix(id, scalableNamespace+"/")
				id, dimension := strings.CutSuffix(inner, "/"+scalableDimension)
				if !ok || !dimension {
					return ""
				}
				return id
			},
		},
		Latency: cloud.Latency{Create: 1, Delete: 1},
		NotFound: func(id string) *cloud.Error {
			return cloud.Errorf("ObjectNotFoundException", "No scalable target registered for service namespace: %s, resource ID: %s, scalable dimension: %s",
				scalableNamespace, id, scalableDimension)
		},
	},
	Check: func(in *ScalableTargetSpec) []cloud.Failure { return in.check() },
	Rules: func(c *cloud.Call, in *ScalableTargetSpec) error {
		if err := checkBounds(in.MinCapacity, in.MaxCapacity); err != nil {
			return err
		}
		if in.service(c.Tx, c.Caller.Scope) == nil || !strings.HasPrefix(in.ResourceID, "service/") {
			return cloud.Errorf("ValidationException", "ECS service doesn't exist: %s", in.ResourceID)
		}
		return nil
	},
	Create: func(c *cloud.Call, in *ScalableTargetSpec, out *scalableTargetOutputs) (string, error) {
		s := c.Caller.Scope
		if registered := c.Find(cloud.Ref{Token: ScalableTargetToken, Value: in.ResourceID}); registered != nil {
			if len(in.Tags) > 0 {
				return "", cloud.Errorf("ValidationException", "The scalable target that you tried to tag already exists. "+
					"To update tags on an existing scalable target, use the TagResource API.")
			}
			out.ARN, c.Resource.Status = cloud.OutputsOf[scalableTargetOutputs](registered).ARN, registered.Status
		} else {
			out.ARN = arns.New(s, "application-autoscaling", "scalable-target/"+ids.Hex(36))
			c.Resource.SetStatus(ScalableTargetStatus{})
		}
		out.register(c, in)
		return in.ResourceID, nil
	},
	Update: func(c *cloud.Call, in *ScalableTargetSpec, out *scalableTargetOutputs) error {
		out.register(c, in)
		return nil
	},
	// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html
	Delete: func(c *cloud.Call, _ *ScalableTargetSpec) error {
		deregister(c.Tx, c.Resource)
		return nil
	},
}

var scalableTargetNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		const call = "application-autoscaling:RegisterScalableTarget"
		name := o.Regional("application-autoscaling", "scalable-target/")
		o.Creates(call, name+"*", name+ids.Hex(32), "application-autoscaling:TagResource", "")
		o.ServiceRole(scalingPrincipal, scalingRole, call)
		scales(o, call)
	},
	Read: func(o *permission.Operation) {
		o.Any("application-autoscaling:DescribeScalableTargets")
		o.Own("application-autoscaling:ListTagsForResource")
	},
	Update: func(o *permission.Operation) {
		if o.ChangesMoreThan("tags") {
			const call = "application-autoscaling:RegisterScalableTarget"
			o.Own(call)
			o.On(o.IAM("role/aws-service-role/"+scalingPrincipal+"/"+scalingRole), "iam:PassRole") // the provider sends the role that it has read
			o.With("iam:passedtoservice", scalingPrincipal).AsPartOf(call)
			scales(o, call)
		}
		o.Retags("application-autoscaling:TagResource", "application-autoscaling:UntagResource")
	},
	Delete: func(o *permission.Operation) {
		o.Own("application-autoscaling:DeregisterScalableTarget")
		o.Any("application-autoscaling:DescribeScalableTargets")
	},
}

// ServiceRemoved removes what scales a service that has gone: Application Auto Scaling deregisters its target.
// https://github.com/hashicorp/terraform-provider-aws/issues/10432
func ServiceRemoved(tx *cloud.Tx, service *cloud.Resource) {
	if target := tx.Get(cloud.Key{Scope: service.Scope, Token: ScalableTargetToken, ID: scalableID(service)}); target != nil {
		deregister(tx, target)
	}
}

// deregister removes a scalable target with its policies, their alarms and its scheduled actions.
func deregister(tx *cloud.Tx, target *cloud.Resource) {
	for _, r := range PoliciesOf(tx, target) {
		removeAlarms(tx, r)
		tx.Delete(r.Key)
	}
	for _, r := range tx.List(target.Scope, ScheduledActionToken) {
		if cloud.InputsOf[ScheduledActionSpec](r).ResourceID == target.ID {
			tx.Delete(r.Key)
		}
	}
	tx.Delete(target.Key)
}

func checkBounds(low, high int) error {
	switch {
	case low < 0:
		return cloud.Errorf("ValidationException", "Minimum capacity must be greater than or equal to 0")
	case high < 0:
		return cloud.Errorf("ValidationException", "Maximum capacity must be greater than or equal to 0")
	case low > high:
		return cloud.Errorf("ValidationException", "Maximum capacity cannot be less than minimum capacity")
	}
	return nil
}

// bound brings the number of a service's tasks within bounds, if it is not being deleted. A cause that is empty is the bounds'.
func bound(tx *cloud.Tx, service *cloud.Resource, low, high int, cause string) {
	switch desired := cloud.InputsOf[ecs.ServiceSpec](service).DesiredCount; {
	case desired < low:
		SetDesiredCount(tx, service, low, cmp.Or(cause, fmt.Sprintf("minimum capacity was set to %d", low)))
	case desired > high:
		SetDesiredCount(tx, service, high, cmp.Or(cause, fmt.Sprintf("maximum capacity was set to %d", high)))
	}
}

// SetBounds gives a scalable target other bounds, and its service a number of tasks within them. Bounds that contradict each
// other it refuses.
func SetBounds(tx *cloud.Tx, target *cloud.Resource, low, high int, cause string) error {
	if err := checkBounds(low, high); err != nil {
		return err
	}
	target = target.Clone()
	for property, v := range map[string]int{"minCapacity": low, "maxCapacity": high} {
		target.Inputs[property], target.Outputs[property] = float64(v), float64(v)
	}
	tx.Put(target)
	if service := ServiceOf(tx, target); service != nil {
		bound(tx, service, low, high, cause)
	}
	return nil
}

// ServiceOf returns the service that a scalable target scales, or nil if it is gone or going.
func ServiceOf(tx *cloud.Tx, target *cloud.Resource) *cloud.Resource {
	service := ScalableTarget.Inputs(target).service(tx, target.Scope)
	if service == nil || cloud.StatusOf[ecs.ServiceStatus](service).Status != ecs.ServiceActive {
		return nil
	}
	return service
}

// SetDesiredCount changes a service's desired count, unless it is being deleted. Why becomes one of the service's events, in the words
// of Application Auto Scaling's activities.
// https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scaling-activities.html
func SetDesiredCount(tx *cloud.Tx, service *cloud.Resource, n int, cause string) {
	status := cloud.StatusOf[ecs.ServiceStatus](service)
	if status.Status != ecs.ServiceActive {
		return
	}
	service = service.Clone()
	service.Inputs["desiredCount"], service.Outputs["desiredCount"] = float64(n), float64(n)
	status.Scale(n)
	status.Record("(service %s) Successfully set desired count to %d. Waiting for change to be fulfilled by ecs. Cause: %s",
		cloud.InputsOf[ecs.ServiceSpec](service).Name, n, cause)
	service.SetStatus(status)
	tx.Put(service)
}
