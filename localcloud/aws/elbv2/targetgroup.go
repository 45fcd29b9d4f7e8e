package elbv2

import (
	"cmp"
	"maps"
	"strings"
	"time"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type stickiness struct {
	Enabled        *bool  `json:"enabled"`
	Type           string `json:"type"`
	CookieDuration *int   `json:"cookieDuration"`
}

type targetGroup struct {
	Name                           string       `json:"name"`
	NamePrefix                     string       `json:"namePrefix"`
	VPCID                          string       `json:"vpcId"`
	TargetType                     string       `json:"targetType"`
	IPAddressType                  string       `json:"ipAddressType"`
	Protocol                       string       `json:"protocol"`
	ProtocolVersion                string       `json:"protocolVersion"`
	Port                           *int         `json:"port"`
	DeregistrationDelay            int          `json:"deregistrationDelay"` // seconds
	SlowStart                      int          `json:"slowStart"`
	LoadBalancingAlgorithmType     string       `json:"loadBalancingAlgorithmType"`
	LoadBalancingAnomalyMitigation string       `json:"loadBalancingAnomalyMitigation"`
	LoadBalancingCrossZoneEnabled  string       `json:"loadBalancingCrossZoneEnabled"`
	HealthCheck                    *healthCheck `json:"healthCheck"`
	Stickiness                     *stickiness  `json:"stickiness"`
	TargetGroupHealth              *struct{}    `json:"targetGroupHealth"`
	Tags                           tags.Tags    `json:"tags"`
}

// Types of addresses that targets have.
const (
	addressIPv4 = "ipv4"
	addressIPv6 = "ipv6"
)

type targetGroupOutputs struct {
	ARN                   string    `json:"arn"`
	ARNSuffix             string    `json:"arnSuffix"`
	Name                  string    `json:"name"`
	LoadBalancerARNs      []string  `json:"loadBalancerArns"`
	IPAddressType         string    `json:"ipAddressType"`
	ProtocolVersion       string    `json:"protocolVersion"`
	ConnectionTermination bool      `json:"connectionTermination"`
	AlgorithmType         string    `json:"loadBalancingAlgorithmType"`
	AnomalyMitigation     string    `json:"loadBalancingAnomalyMitigation"`
	CrossZoneEnabled      string    `json:"loadBalancingCrossZoneEnabled"`
	HealthCheck           cloud.Map `json:"healthCheck"`
	Stickiness            cloud.Map `json:"stickiness"`
	TargetFailovers       []any     `json:"targetFailovers"`
	TargetHealthStates    []any     `json:"targetHealthStates"`
	TargetGroupHealth     cloud.Map `json:"targetGroupHealth"`
}

// follow fills in what follows from the inputs.
func (out *targetGroupOutputs) follow(c *cloud.Call, in *targetGroup) (err error) {
	out.Stickiness = cloud.Map{"enabled": false, "type": "lb_cookie", "cookieDuration": 86400.0, "cookieName": ""}
	if given, ok := c.Resource.Inputs["stickiness"].(cloud.Map); ok {
		maps.Copy(out.Stickiness, given)
	}
	out.HealthCheck, err = in.HealthCheck.complete()
	return err
}

// complete fills in what the program does not give.
func (out *targetGroupOutputs) complete() {
	if out.TargetFailovers == nil {
		out.TargetFailovers = []any{cloud.Map{}}
	}
	if out.TargetHealthStates == nil {
		out.TargetHealthStates = []any{cloud.Map{}}
	}
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
	if out.TargetGroupHealth == nil {
		out.TargetGroupHealth = cloud.Map{
			"dnsFailover":           cloud.Map{"minimumHealthyTargetsCount": "1", "minimumHealthyTargetsPercentage": "off"},
			"unhealthyStateRouting": cloud.Map{"minimumHealthyTargetsCount": 1.0, "minimumHealthyTargetsPercentage": "off"},
		}
	}
}

// TargetGroup is a set of addresses that load balancers forward to, and how their health is checked. A group of addresses
// for HTTP/1.1 is all that is modelled.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
var TargetGroup = &cloud.Kind[targetGroup, targetGroupOutputs]{
	Spec: cloud.Spec{
		Token:   TargetGroupToken,
		Label:   "ELBv2 Target Group",
		Import:  cloud.ByID,
		Drift:   cloud.Drift{Change: cloud.Map{"deregistrationDelay": 61.0}, Serves: true, Refused: "ResourceInUse"},
		Derived: tags.All,
		Needs:   targetGroupNeeds,
		Defaults: cloud.Map{
			"deregistrationDelay": 300.0, "lambdaMultiValueHeadersEnabled": false, "proxyProtocolV2": false,
			"slowStart": 0.0, "targetType": "instance",
		},
		AutoName: &cloud.AutoName{Property: "name", Max: maxName},
		Replace:  []string{"ipAddressType", "name", "namePrefix", "port", "protocol", "protocolVersion", "targetType", "vpcId"},
		Computed: []string{
			"connectionTermination", "healthCheck", "ipAddressType", "loadBalancingAlgorithmType", "loadBalancingAnomalyMitigation",
			"loadBalancingCrossZoneEnabled", "name", "namePrefix", "preserveClientIp", "protocolVersion", "stickiness", "targetFailovers",
			"targetGroupHealth", "targetHealthStates",
		},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		Patience: 2 * time.Minute,
		NotFound: check.NotFound("TargetGroupNotFound", "Target groups '%s' not found"),
		InUse: func(r, _ *cloud.Resource) *cloud.Error {
			return cloud.Errorf("ResourceInUse", "Target group '%s' is currently in use by a listener or a rule", r.ID)
		},
	},
	Check: func(in *targetGroup) []cloud.Failure {
		f := checkName(in.Name, in.NamePrefix)
		f = append(f, check.OneOf("targetType", in.TargetType, "instance", "ip", "lambda", "alb")...)
		f = append(f, check.OneOf("ipAddressType", in.IPAddressType, addressIPv4, addressIPv6)...)
		f = append(f, check.OneOf("protocol", in.Protocol, "HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE")...)
		f = append(f, check.OneOf("protocolVersion", in.ProtocolVersion, "HTTP1", "HTTP2", "GRPC")...)
		f = append(f, check.OneOf("loadBalancingAlgorithmType", in.LoadBalancingAlgorithmType,
			"round_robin", "least_outstanding_requests", "weighted_random")...)
		f = append(f, check.OneOf("loadBalancingAnomalyMitigation", in.LoadBalancingAnomalyMitigation, "on", "off")...)
		f = append(f, check.OneOf("loadBalancingCrossZoneEnabled", in.LoadBalancingCrossZoneEnabled,
			"true", "false", "use_load_balancer_configuration")...)
		f = append(f, check.Between("deregistrationDelay", in.DeregistrationDelay, 0, 3600)...)
		if in.Port != nil {
			f = append(f, check.Between("port", *in.Port, 1, 65535)...)
		}
		if in.SlowStart != 0 {
			f = append(f, check.Between("slowStart", in.SlowStart, 30, 900)...)
		}
		if in.HealthCheck != nil {
			f = append(f, in.HealthCheck.check()...)
		}
		return append(f, in.unmodelled()...)
	},
	Refs: func(_ *cloud.Call, in *targetGroup) []cloud.Ref {
		return []cloud.Ref{{Token: ec2.VPCToken, Value: in.VPCID, Weak: true, Optional: true}} // a VPC can go before its target groups
	},
	Rules: func(c *cloud.Call, in *targetGroup) error {
		required := check.First(map[string]bool{"port": in.Port == nil, "protocol": in.Protocol == "", "vpcId": in.VPCID == ""})
		if required != "" {
			return cloud.Errorf("ValidationError", "Attribute %q must be specified when %q is %q.", required, "targetType", in.TargetType)
		}
		// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/create-target-group.html
		network := c.Find(cloud.Ref{Token: ec2.VPCToken, Value: in.VPCID})
		if in.IPAddressType == addressIPv6 && network != nil && ec2.VPC.Outputs(network).IPv6CIDRBlock == "" {
			return cloud.Errorf("ValidationError", "The VPC '%s' must have an associated IPv6 CIDR block for a target group of type 'ipv6'", in.VPCID)
		}
		return nil
	},
	Create: func(c *cloud.Call, in *targetGroup, out *targetGroupOutputs) (string, error) {
		if err := out.follow(c, in); err != nil {
			return "", err
		}
		name := nameOf(in.Name, in.NamePrefix)
		for _, r := range c.Tx.List(c.Caller.Scope, TargetGroupToken) {
			if cloud.OutputsOf[targetGroupOutputs](r).Name == name {
				return "", cloud.Errorf("DuplicateTargetGroupName", "ELBv2 Target Group (%s) already exists", name)
			}
		}
		c.Resource.SetStatus(TargetGroupStatus{})
		out.ARN = arns.New(c.Caller.Scope, "elasticloadbalancing", "targetgroup/"+name+"/"+ids.Hex(16))
		out.Name, out.ARNSuffix, out.LoadBalancerARNs = name, "targetgroup/"+strings.Join(arns.Parts(out.ARN), "/"), []string{}
		out.IPAddressType, out.ProtocolVersion = cmp.Or(in.IPAddressType, addressIPv4), cmp.Or(in.ProtocolVersion, "HTTP1")
		out.AlgorithmType, out.AnomalyMitigation = cmp.Or(in.LoadBalancingAlgorithmType, "round_robin"), cmp.Or(in.LoadBalancingAnomalyMitigation, "off")
		out.CrossZoneEnabled = cmp.Or(in.LoadBalancingCrossZoneEnabled, "use_load_balancer_configuration")
		out.complete()
		return out.ARN, nil
	},
	Update: func(c *cloud.Call, in *targetGroup, out *targetGroupOutputs) error { return out.follow(c, in) },
}

var targetGroupNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		o.Any("elasticloadbalancing:DescribeTargetGroups")
		creates(o, "CreateTargetGroup", "targetgroup/"+nameOf(o.Text("name"), o.Text("namePrefix")))
		looksAtEC2(o, "CreateTargetGroup", "DescribeInternetGateways", "DescribeVpcs")
		o.Own("elasticloadbalancing:ModifyTargetGroupAttributes")
	},
	Read: func(o *permission.Operation) {
		o.Any("elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTags")
	},
	Update: func(o *permission.Operation) {
		if o.Changes("healthCheck") {
			o.Own("elasticloadbalancing:ModifyTargetGroup")
		}
		if o.ChangesMoreThan("healthCheck", "tags") {
			o.Own("elasticloadbalancing:ModifyTargetGroupAttributes")
		}
		retags(o)
	},
	Delete: func(o *permission.Operation) { o.Own("elasticloadbalancing:DeleteTargetGroup") },
}

// unmodelled finds settings that would change what becomes of requests, were the group AWS's.
func (in *targetGroup) unmodelled() []cloud.Failure {
	var f []cloud.Failure
	for _, setting := range []struct {
		value    string
		modelled []string
		property string
		what     string
	}{
		{in.TargetType, []string{"ip"}, "targetType", "targets of type " + in.TargetType},
		{in.Protocol, []string{"HTTP", "HTTPS"}, "protocol", "targets that speak " + in.Protocol},
		{in.ProtocolVersion, []string{"HTTP1"}, "protocolVersion", "targets that speak " + in.ProtocolVersion},
		{in.LoadBalancingAlgorithmType, []string{"round_robin"}, "loadBalancingAlgorithmType", "load balancing by " + in.LoadBalancingAlgorithmType},
		{in.LoadBalancingAnomalyMitigation, []string{"off"}, "loadBalancingAnomalyMitigation", "anomaly mitigation"},
		{in.LoadBalancingCrossZoneEnabled, []string{"true", "use_load_balancer_configuration"}, "loadBalancingCrossZoneEnabled", "load balancing within a zone"},
	} {
		if len(check.OneOf(setting.property, setting.value, setting.modelled...)) > 0 {
			f = append(f, check.NotModelled(setting.property, setting.what))
		}
	}
	if in.SlowStart != 0 {
		f = append(f, check.NotModelled("slowStart", "a slow start"))
	}
	if s := in.Stickiness; s != nil && (s.Enabled == nil || *s.Enabled) {
		f = append(f, check.NotModelled("stickiness", "sticky sessions"))
	}
	if in.TargetGroupHealth != nil {
		f = append(f, check.NotModelled("targetGroupHealth", "thresholds for the health of a group"))
	}
	return f
}
