package appautoscaling

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

// The metrics that a service can be scaled by.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html
const (
	serviceCPU       = "ECSServiceAverageCPUUtilization"
	serviceMemory    = "ECSServiceAverageMemoryUtilization"
	requestPerTarget = "ALBRequestCountPerTarget"
)

const targetTracking = "TargetTrackingScaling"

// TargetTracking keeps a metric at a value.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html
type TargetTracking struct {
	TargetValue                   float64 `json:"targetValue"`
	DisableScaleIn                bool    `json:"disableScaleIn"`
	ScaleInCooldown               int     `json:"scaleInCooldown"` // seconds
	ScaleOutCooldown              int     `json:"scaleOutCooldown"`
	PredefinedMetricSpecification *struct {
		PredefinedMetricType string `json:"predefinedMetricType"`
		ResourceLabel        string `json:"resourceLabel"`
	} `json:"predefinedMetricSpecification"`
	CustomizedMetricSpecification *CustomMetric `json:"customizedMetricSpecification"`
}

// ScalingPolicySpec says how a service is scaled. A cooldown that the program does not give is 0: AWS would take 300 seconds, but the
// Terraform provider says 0 (terraform-provider-aws internal/service/appautoscaling/policy.go).
type ScalingPolicySpec struct {
	scalable
	Name                           string          `json:"name"`
	PolicyType                     string          `json:"policyType"`
	TargetTracking                 *TargetTracking `json:"targetTrackingScalingPolicyConfiguration"`
	StepScalingPolicyConfiguration any             `json:"stepScalingPolicyConfiguration"`
}

// ScalingPolicyStatus is the Status of a scaling policy.
type ScalingPolicyStatus struct {
	// High and Low are the names of the alarms that Application Auto Scaling makes for the policy. Without scaling in there
	// is no low one.
	High, Low string
}

type scalingPolicyOutputs struct {
	ARN            string    `json:"arn"`
	AlarmARNs      []string  `json:"alarmArns"`
	TargetTracking cloud.Map `json:"targetTrackingScalingPolicyConfiguration"`
}

// watch makes the alarms on the metric that scale the service out and in. Those that the policy had keep their names.
func (out *scalingPolicyOutputs) watch(c *cloud.Call, in *ScalingPolicySpec, metric cloud.Map, status ScalingPolicyStatus) {
	s, t, name := c.Caller.Scope, in.TargetTracking, "TargetTracking-"+in.ResourceID
	description := "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy " + out.ARN + "."
	if status.High == "" {
		status.High = name + "-AlarmHigh-" + ids.UUID()
	}
	out.AlarmARNs = []string{addAlarm(c.Tx, s, status.High, description, onThreshold(metric, "GreaterThanThreshold", t.TargetValue, scaleOutPeriods))}
	switch {
	case t.DisableScaleIn:
		status.Low = ""
	default:
		if status.Low == "" {
			status.Low = name + "-AlarmLow-" + ids.UUID()
		}
		low := onThreshold(metric, "LessThanThreshold", scaleInShare*t.TargetValue, scaleInPeriods)
		out.AlarmARNs = append(out.AlarmARNs, addAlarm(c.Tx, s, status.Low, description, low))
	}
	if _, given := out.TargetTracking["disableScaleIn"]; !given {
		out.TargetTracking["disableScaleIn"] = false
	}
	c.Resource.SetStatus(status)
}

// ScalingPolicy scales a scalable target so that a metric stays at a value. Its id is its name.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html
var ScalingPolicy = &cloud.Kind[ScalingPolicySpec, scalingPolicyOutputs]{
	Spec: cloud.Spec{
		Token: ScalingPolicyToken,
		Label: "Application Auto Scaling Scaling Policy",
		Drift: cloud.Drift{Change: cloud.Map{"targetTrackingScalingPolicyConfiguration": cloud.Map{
			"targetValue": 50.0, "predefinedMetricSpecification": cloud.Map{"predefinedMetricType": serviceCPU},
		}}, Serves: true, ServesWithout: true},
		Needs:    scalingNeeds("DescribeScalingPolicies", "PutScalingPolicy", "DeleteScalingPolicy"),
		Defaults: cloud.Map{"policyType": "StepScaling"},
		AutoName: &cloud.AutoName{Property: "name", Max: 255},
		Replace:  []string{"name", "resourceId", "scalableDimension", "serviceNamespace"},
		// https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/appautoscaling_policy#import
		Import: &cloud.Import{
			ID: func(r *cloud.Resource) string {
				return scalableNamespace + "/" + cloud.InputsOf[ScalingPolicySpec](r).ResourceID + "/" + scalableDimension + "/" + r.ID
			},
			Find: func(tx *cloud.Tx, s cloud.Scope, id string) string {
				target, name, _ := strings.Cut(id, "/"+scalableDimension+"/")
				r := tx.Get(cloud.Key{Scope: s, Token: ScalingPolicyToken, ID: name})
				if r == nil || target != scalableNamespace+"/"+cloud.InputsOf[ScalingPolicySpec](r).ResourceID {
					return ""
				}
				return name
			},
		},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: check.NotFound("ObjectNotFoundException", "No scaling policy found for the policy name: %s"),
	},
	Check: func(in *ScalingPolicySpec) []cloud.Failure { return append(in.check(), in.checkPolicy()...) },
	Refs:  func(_ *cloud.Call, in *ScalingPolicySpec) []cloud.Ref { return []cloud.Ref{in.target()} },
	Create: func(c *cloud.Call, in *ScalingPolicySpec, out *scalingPolicyOutputs) (string, error) {
		metric, err := in.metric(c)
		if err != nil {
			return "", err
		}
		if c.Find(cloud.Ref{Token: ScalingPolicyToken, Value: in.Name}) != nil { // with AWS two services' policies may share a name
			return "", fmt.Errorf("a second scaling policy called %s: %w", in.Name, cloud.ErrUnimplemented)
		}
		s := c.Caller.Scope
		out.ARN = arns.New(s, "autoscaling", fmt.Sprintf("scalingPolicy:%s:resource/%s/%s:policyName/%s", ids.UUID(), scalableNamespace, in.ResourceID, in.Name))
		out.watch(c, in, metric, ScalingPolicyStatus{})
		return in.Name, nil
	},
	Update: func(c *cloud.Call, in *ScalingPolicySpec, out *scalingPolicyOutputs) error {
		metric, err := in.metric(c)
		if err != nil {
			return err
		}
		removeAlarms(c.Tx, c.Old)
		out.watch(c, in, metric, cloud.StatusOf[ScalingPolicyStatus](c.Old))
		return nil
	},
	Delete: func(c *cloud.Call, _ *ScalingPolicySpec) error {
		removeAlarms(c.Tx, c.Resource)
		return nil
	},
}

// Target tracking scales out after three minutes above the value, and in after fifteen minutes more than a tenth below it:
// so are the alarms that it makes.
// https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
const (
	scaleOutPeriods = 3
	scaleInPeriods  = 15
	scaleInShare    = 0.9
)

// checkPolicy names what the local cloud does not model.
func (in *ScalingPolicySpec) checkPolicy() []cloud.Failure {
	const configuration = "targetTrackingScalingPolicyConfiguration"
	f := check.Length("name", in.Name, 0, 255)
	if in.PolicyType != "" && in.PolicyType != targetTracking {
		f = append(f, check.NotModelled("policyType", "a scaling policy of type "+in.PolicyType))
	}
	if untyped.Given(in.StepScalingPolicyConfiguration) {
		f = append(f, check.NotModelled("stepScalingPolicyConfiguration", "step scaling"))
	}
	t := in.TargetTracking
	if t == nil {
		return f
	}
	if m := t.PredefinedMetricSpecification; m != nil {
		if p := m.PredefinedMetricType; p != "" && p != serviceCPU && p != serviceMemory && p != requestPerTarget {
			f = append(f, check.NotModelled(configuration+".predefinedMetricSpecification.predefinedMetricType", "scaling by "+p))
		}
		f = append(f, check.Length(configuration+".predefinedMetricSpecification.resourceLabel", m.ResourceLabel, 0, 1023)...)
	}
	return f
}

// metric holds the rules of PutScalingPolicy and returns the inputs of an alarm on the policy's metric.
func (in *ScalingPolicySpec) metric(c *cloud.Call) (cloud.Map, error) {
	refuse := func(format string, args ...any) (cloud.Map, error) {
		return nil, cloud.Errorf("ValidationException", format, args...)
	}
	t := in.TargetTracking
	switch {
	case in.Name == "":
		return refuse("1 validation error detected: Value '' at 'policyName' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case t == nil:
		return refuse("Target tracking scaling policies require a target tracking scaling policy configuration")
	case (t.PredefinedMetricSpecification == nil) == (t.CustomizedMetricSpecification == nil),
		t.PredefinedMetricSpecification != nil && t.PredefinedMetricSpecification.PredefinedMetricType == "":
		return refuse("You must specify exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification")
	case t.TargetValue <= 0:
		return refuse("Target value must be greater than 0")
	case t.ScaleInCooldown < 0 || t.ScaleOutCooldown < 0:
		return refuse("Cooldowns must be 0 seconds or more")
	}
	for _, r := range c.Tx.List(c.Caller.Scope, ScalingPolicyToken) {
		other := cloud.InputsOf[ScalingPolicySpec](r)
		if other.Name != in.Name && other.ResourceID == in.ResourceID && other.TargetTracking.sameMetric(t) {
			return refuse("Only one TargetTrackingScaling policy for a given metric specification is allowed.")
		}
	}
	if t.CustomizedMetricSpecification != nil {
		return t.CustomizedMetricSpecification.metric(c.Caller.Scope)
	}
	kind, label := t.PredefinedMetricSpecification.PredefinedMetricType, t.PredefinedMetricSpecification.ResourceLabel
	if kind == requestPerTarget {
		balancer, group, ok := strings.Cut(label, "/targetgroup/")
		if !ok || !strings.HasPrefix(balancer, "app/") {
			return refuse("The resource label for the metric type %s must be of the form "+
				"app/<load-balancer-name>/<load-balancer-id>/targetgroup/<target-group-name>/<target-group-id>: %q", kind, label)
		}
		group = "targetgroup/" + group
		r := c.Find(cloud.Ref{Token: elbv2.TargetGroupToken, Value: arns.New(c.Caller.Scope, "elasticloadbalancing", group)})
		if r == nil || !slices.Contains(elbv2.TargetGroup.Outputs(r).LoadBalancerARNs, arns.New(c.Caller.Scope, "elasticloadbalancing", "loadbalancer/"+balancer)) {
			return refuse("The load balancer does not route traffic to the target group.")
		}
		// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html
		service := in.service(c.Tx, c.Caller.Scope)
		if service == nil || !slices.ContainsFunc(cloud.InputsOf[ecs.ServiceSpec](service).LoadBalancers, func(lb ecs.ServiceLoadBalancer) bool { return lb.TargetGroupARN == r.ID }) {
			return refuse("The target group of the resource label must be attached to the ECS service: %q", label)
		}
		return cloud.Map{
			"namespace": cloudwatch.NamespaceELB, "metricName": cloudwatch.RequestCountPerTarget, "statistic": cloudwatch.Sum,
			"dimensions": cloud.Map{"LoadBalancer": balancer, "TargetGroup": group},
		}, nil
	}
	if label != "" {
		return refuse("A resource label must not be specified for the metric type %s", kind)
	}
	parts := strings.Split(in.ResourceID, "/") // service/CLUSTER/SERVICE, as the target has it
	metric := cloud.Map{
		"namespace": cloudwatch.NamespaceECS, "metricName": cloudwatch.CPUUtilization, "statistic": cloudwatch.Average,
		"dimensions": cloud.Map{"ClusterName": parts[1], "ServiceName": parts[len(parts)-1]},
	}
	if kind == serviceMemory {
		metric["metricName"] = cloudwatch.MemoryUtilization
	}
	return metric, nil
}

// onThreshold is a metric with when an alarm on it goes off: after so many minutes in a row.
func onThreshold(metric cloud.Map, comparison string, threshold float64, minutes int) cloud.Map {
	in := maps.Clone(metric)
	in["comparisonOperator"], in["threshold"], in["evaluationPeriods"] = comparison, threshold, float64(minutes)
	if in["metricQueries"] == nil { // each of which has its own
		in["period"] = minute
	}
	in["treatMissingData"], in["actionsEnabled"] = cloudwatch.MissingIsMissing, true
	return in
}

// addAlarm makes an alarm that belongs to AWS, and returns its ARN.
func addAlarm(tx *cloud.Tx, s cloud.Scope, name, description string, in cloud.Map) string {
	in["name"], in["alarmDescription"] = name, description
	out := maps.Clone(in)
	out["arn"], out["tagsAll"], out["evaluateLowSampleCountPercentiles"] = arns.New(s, "cloudwatch", "alarm:"+name), cloud.Map{}, ""
	r := &cloud.Resource{Key: cloud.Key{Scope: s, Token: cloudwatch.MetricAlarmToken, ID: name}, Name: name, Inputs: in, Outputs: out}
	r.SetStatus(cloudwatch.AlarmStatus{State: cloudwatch.AlarmInsufficientData, Reason: "Unchecked: Initial alarm creation", UpdatedAt: time.Now().UTC()})
	tx.Put(r)
	return out["arn"].(string)
}

// removeAlarms takes away the alarms of a policy.
func removeAlarms(tx *cloud.Tx, policy *cloud.Resource) {
	status := cloud.StatusOf[ScalingPolicyStatus](policy)
	for _, name := range []string{status.High, status.Low} {
		if name != "" {
			tx.Delete(AlarmKey(policy.Scope, name))
		}
	}
}

// AlarmKey is the key of the alarm with the name.
func AlarmKey(s cloud.Scope, name string) cloud.Key {
	return cloud.Key{Scope: s, Token: cloudwatch.MetricAlarmToken, ID: name}
}

// PoliciesOf returns the scaling policies of a scalable target, by name.
func PoliciesOf(tx *cloud.Tx, target *cloud.Resource) []*cloud.Resource {
	return slices.DeleteFunc(tx.List(target.Scope, ScalingPolicyToken), func(r *cloud.Resource) bool {
		return cloud.InputsOf[ScalingPolicySpec](r).ResourceID != target.ID
	})
}
