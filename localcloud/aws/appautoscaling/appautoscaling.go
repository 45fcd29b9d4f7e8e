// Package appautoscaling has the kinds of Application Auto Scaling, a file each. What callers must be allowed follows, for
// the calls, the provider's own source, and for actions, resources and condition keys the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html
// terraform-provider-aws, internal/service/appautoscaling
package appautoscaling

import (
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/cloud"
)

// The tokens of the kinds.
const (
	ScalableTargetToken  = "aws:appautoscaling/target:Target"
	ScalingPolicyToken   = "aws:appautoscaling/policy:Policy"
	ScheduledActionToken = "aws:appautoscaling/scheduledAction:ScheduledAction"
)

// Kinds returns the kinds and functions of the service.
func Kinds() []any { return []any{ScalableTarget, ScalingPolicy, ScheduledAction} }

// What can be scaled here: how many tasks a service has.
const (
	scalableNamespace = "ecs"
	scalableDimension = "ecs:service:DesiredCount"
)

// The role with which that is done, and whose it is.
// https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html
const (
	scalingRole      = "AWSServiceRoleForApplicationAutoScaling_ECSService"
	scalingPrincipal = "ecs.application-autoscaling.amazonaws.com"
)

// scalable is the common beginning of all Application Auto Scaling resources: the thing to scale.
type scalable struct {
	ResourceID        string `json:"resourceId"` // service/CLUSTER/SERVICE
	ScalableDimension string `json:"scalableDimension"`
	ServiceNamespace  string `json:"serviceNamespace"`
}

func (s scalable) check() []cloud.Failure {
	var f []cloud.Failure
	if s.ServiceNamespace != "" && s.ServiceNamespace != scalableNamespace {
		f = append(f, check.NotModelled("serviceNamespace", "scaling what belongs to "+s.ServiceNamespace))
	}
	if s.ScalableDimension != "" && s.ScalableDimension != scalableDimension {
		f = append(f, check.NotModelled("scalableDimension", "scaling "+s.ScalableDimension))
	}
	return f
}

// target is the reference to the scalable target that a policy or an action belongs to. When that goes, so do they.
func (s scalable) target() cloud.Ref {
	return cloud.Ref{Token: ScalableTargetToken, Value: s.ResourceID, Weak: true}
}

// scalableID is the resource id of a service.
func scalableID(service *cloud.Resource) string {
	return arns.Resource(service.ID)
}

// service returns the service that is scaled, or nil.
func (s scalable) service(tx *cloud.Tx, scope cloud.Scope) *cloud.Resource {
	return tx.Get(cloud.Key{Scope: scope, Token: ecs.ServiceToken, ID: arns.New(scope, "ecs", s.ResourceID)})
}

// scalingNeeds are the needs of the parts of a scalable target; permissions are for the target.
func scalingNeeds(describe, put, remove string) permission.Needs {
	onTarget := func(call string) func(*permission.Operation) {
		return func(o *permission.Operation) {
			o.Other(ScalableTargetToken, "resourceId", "application-autoscaling:"+call)
		}
	}
	return permission.Needs{
		Create: onTarget(put), Update: onTarget(put), Delete: onTarget(remove),
		Read: func(o *permission.Operation) { o.Any("application-autoscaling:" + describe) },
	}
}

// scales adds the calls that Application Auto Scaling makes for a caller to find out whether it may scale the service: for alarms it
// names no resource. A refusal is then a ValidationException on AWS.
// https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_permission_validation.html
// https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_id-based-policy-examples.html
func scales(o *permission.Operation, api string) {
	service := o.Regional("ecs", o.Text("resourceId"))
	for _, try := range []struct{ resource, action string }{
		{service, "ecs:DescribeServices"},
		{service, "ecs:UpdateService"},
		{o.Regional("cloudwatch", "alarm:"), "cloudwatch:PutMetricAlarm"},
		{o.Regional("cloudwatch", "alarm:*"), "cloudwatch:DescribeAlarms"},
		{o.Regional("cloudwatch", "alarm:"), "cloudwatch:DeleteAlarms"},
	} {
		o.On(try.resource, try.action)
		o.AsPartOf(api)
	}
}
