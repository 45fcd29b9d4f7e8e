package aws

import (
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"slipway/localcloud/cloud"
)

// TrafficPort as the port of a health check stands for the port on which the target receives requests.
const TrafficPort = "traffic-port"

// healthCheck is the input of a target group; a field that is nil or empty has its default.
type healthCheck struct {
	Enabled            *bool  `json:"enabled"`
	Protocol           string `json:"protocol"`
	Port               string `json:"port"`
	Path               string `json:"path"`
	Matcher            string `json:"matcher"`
	Interval           *int   `json:"interval"` // seconds
	Timeout            *int   `json:"timeout"`  // seconds
	HealthyThreshold   *int   `json:"healthyThreshold"`
	UnhealthyThreshold *int   `json:"unhealthyThreshold"`
}

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
	Tags                           tags         `json:"tags"`
}

// TargetGroup is a set of addresses that load balancers forward to, and how their health is checked. A group of addresses
// for HTTP/1.1 is all that is modelled.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
var TargetGroup = &cloud.Kind[targetGroup]{
	Spec: cloud.Spec{
		Token: targetGroupToken,
		Label: "ELBv2 Target Group",
		Needs: targetGroupNeeds,
		Defaults: cloud.Map{
			"deregistrationDelay": 300.0, "lambdaMultiValueHeadersEnabled": false, "proxyProtocolV2": false,
			"slowStart": 0.0, "targetType": "instance",
		},
		AutoName: &cloud.AutoName{Property: "name", Max: elbNameLength},
		Replace:  []string{"ipAddressType", "name", "namePrefix", "port", "protocol", "protocolVersion", "targetType", "vpcId"},
		Computed: []string{
			"connectionTermination", "healthCheck", "ipAddressType", "loadBalancingAlgorithmType", "loadBalancingAnomalyMitigation",
			"loadBalancingCrossZoneEnabled", "name", "namePrefix", "preserveClientIp", "protocolVersion", "stickiness", "targetFailovers",
			"targetGroupHealth", "targetHealthStates",
		},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		Patience: 2 * time.Minute,
		NotFound: notFound("TargetGroupNotFound", "Target groups '%s' not found"),
		InUse: func(r, _ *cloud.Resource) *cloud.Error {
			return cloud.Errorf("ResourceInUse", "Target group '%s' is currently in use by a listener or a rule", r.ID)
		},
	},
	Check: func(in *targetGroup) []cloud.Failure {
		f := checkELBName(in.Name, in.NamePrefix)
		f = append(f, oneOf("targetType", in.TargetType, "instance", "ip", "lambda", "alb")...)
		f = append(f, oneOf("ipAddressType", in.IPAddressType, "ipv4", "ipv6")...)
		f = append(f, oneOf("protocol", in.Protocol, "HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE")...)
		f = append(f, oneOf("protocolVersion", in.ProtocolVersion, "HTTP1", "HTTP2", "GRPC")...)
		f = append(f, oneOf("loadBalancingAlgorithmType", in.LoadBalancingAlgorithmType,
			"round_robin", "least_outstanding_requests", "weighted_random")...)
		f = append(f, oneOf("loadBalancingAnomalyMitigation", in.LoadBalancingAnomalyMitigation, "on", "off")...)
		f = append(f, oneOf("loadBalancingCrossZoneEnabled", in.LoadBalancingCrossZoneEnabled,
			"true", "false", "use_load_balancer_configuration")...)
		f = append(f, between("deregistrationDelay", in.DeregistrationDelay, 0, 3600)...)
		if in.Port != nil {
			f = append(f, between("port", *in.Port, 1, 65535)...)
		}
		if in.SlowStart != 0 {
			f = append(f, between("slowStart", in.SlowStart, 30, 900)...)
		}
		if in.HealthCheck != nil {
			f = append(f, in.HealthCheck.check()...)
		}
		return append(f, in.unmodelled()...)
	},
	Refs: func(_ *cloud.Call, in *targetGroup) []cloud.Ref {
		return []cloud.Ref{{Token: vpcToken, Value: in.VPCID, Weak: true, Optional: true}} // a VPC can go before its target groups
	},
	Outputs: func(c *cloud.Call, in *targetGroup) (cloud.Map, error) {
		s, out := c.Caller.Scope, cloud.Map{"tagsAll": in.Tags.all(c)}
		for _, required := range []string{"port", "protocol", "vpcId"} {
			if v := c.Resource.Inputs[required]; v == nil || v == "" {
				return nil, cloud.Errorf("ValidationError",
					"Attribute %q must be specified when %q is %q.", required, "targetType", in.TargetType)
			}
		}
		health, err := in.HealthCheck.complete()
		if err != nil {
			return nil, err
		}
		out["healthCheck"] = health
		sticky := cloud.Map{"enabled": false, "type": "lb_cookie", "cookieDuration": 86400.0, "cookieName": ""}
		if given, ok := c.Resource.Inputs["stickiness"].(cloud.Map); ok {
			maps.Copy(sticky, given)
		}
		out["stickiness"] = sticky
		if c.Old != nil {
			return out, nil
		}
		name := elbNameOf(in.Name, in.NamePrefix)
		for _, r := range c.Tx.List(s, targetGroupToken) {
			if r.Outputs["name"] == name {
				return nil, cloud.Errorf("DuplicateTargetGroupName", "ELBv2 Target Group (%s) already exists", name)
			}
		}
		c.Resource.ID = arn(s, "elasticloadbalancing", "targetgroup/"+name+"/"+randomHex(16))
		c.Resource.SetStatus(TargetGroupStatus{})
		out["arn"] = c.Resource.ID
		out["arnSuffix"] = "targetgroup/" + strings.Join(arnParts(c.Resource.ID), "/")
		out["loadBalancerArns"] = []any{}
		computed := cloud.Map{
			"name": name, "ipAddressType": "ipv4", "protocolVersion": "HTTP1", "connectionTermination": false,
			"loadBalancingAlgorithmType": "round_robin", "loadBalancingAnomalyMitigation": "off",
			"loadBalancingCrossZoneEnabled": "use_load_balancer_configuration",
			"targetFailovers":               []any{cloud.Map{}}, "targetHealthStates": []any{cloud.Map{}},
			// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
			"targetGroupHealth": cloud.Map{
				"dnsFailover":           cloud.Map{"minimumHealthyTargetsCount": "1", "minimumHealthyTargetsPercentage": "off"},
				"unhealthyStateRouting": cloud.Map{"minimumHealthyTargetsCount": 1.0, "minimumHealthyTargetsPercentage": "off"},
			},
		}
		for property, v := range computed {
			if c.Resource.Inputs[property] == nil {
				out[property] = v
			}
		}
		return out, nil
	},
}

var targetGroupNeeds = needs{
	Create: func(o *operation) {
		o.any("elasticloadbalancing:DescribeTargetGroups")
		createsELB(o, "CreateTargetGroup", "targetgroup/"+elbNameOf(o.text("name"), o.text("namePrefix")))
		looksAtEC2(o, "CreateTargetGroup", "DescribeInternetGateways", "DescribeVpcs")
		o.own("elasticloadbalancing:ModifyTargetGroupAttributes")
	},
	Read: func(o *operation) {
		o.any("elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTags")
	},
	Update: func(o *operation) {
		if o.changes("healthCheck") {
			o.own("elasticloadbalancing:ModifyTargetGroup")
		}
		if o.changesMoreThan("healthCheck", "tags") {
			o.own("elasticloadbalancing:ModifyTargetGroupAttributes")
		}
		retagsELB(o)
	},
	Delete: func(o *operation) { o.own("elasticloadbalancing:DeleteTargetGroup") },
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
		{in.IPAddressType, []string{"ipv4"}, "ipAddressType", "targets with addresses of type " + in.IPAddressType},
		{in.Protocol, []string{"HTTP", "HTTPS"}, "protocol", "targets that speak " + in.Protocol},
		{in.ProtocolVersion, []string{"HTTP1"}, "protocolVersion", "targets that speak " + in.ProtocolVersion},
		{in.LoadBalancingAlgorithmType, []string{"round_robin"}, "loadBalancingAlgorithmType", "load balancing by " + in.LoadBalancingAlgorithmType},
		{in.LoadBalancingAnomalyMitigation, []string{"off"}, "loadBalancingAnomalyMitigation", "anomaly mitigation"},
		{in.LoadBalancingCrossZoneEnabled, []string{"true", "use_load_balancer_configuration"}, "loadBalancingCrossZoneEnabled", "load balancing within a zone"},
	} {
		if len(oneOf(setting.property, setting.value, setting.modelled...)) > 0 {
			f = append(f, notModelled(setting.property, setting.what))
		}
	}
	if in.SlowStart != 0 {
		f = append(f, notModelled("slowStart", "a slow start"))
	}
	if s := in.Stickiness; s != nil && (s.Enabled == nil || *s.Enabled) {
		f = append(f, notModelled("stickiness", "sticky sessions"))
	}
	if in.TargetGroupHealth != nil {
		f = append(f, notModelled("targetGroupHealth", "thresholds for the health of a group"))
	}
	return f
}

// check holds what the Terraform provider refuses in a health check.
func (h *healthCheck) check() []cloud.Failure {
	var f []cloud.Failure
	for _, number := range []struct {
		property  string
		value     *int
		low, high int
	}{
		{"interval", h.Interval, 5, 300},
		{"timeout", h.Timeout, 2, 120},
		{"healthyThreshold", h.HealthyThreshold, 2, 10},
		{"unhealthyThreshold", h.UnhealthyThreshold, 2, 10},
	} {
		if number.value != nil {
			f = append(f, between("healthCheck."+number.property, *number.value, number.low, number.high)...)
		}
	}
	f = append(f, oneOf("healthCheck.protocol", h.Protocol, "HTTP", "HTTPS")...)
	if h.Path != "" {
		f = append(f, length("healthCheck.path", h.Path, 1, 1024)...)
		if !strings.HasPrefix(h.Path, "/") {
			f = append(f, cloud.Failure{
				Property: "healthCheck.path",
				Reason:   fmt.Sprintf(`expected healthCheck.path to start with "/", got %s`, h.Path),
			})
		} else if _, err := url.ParseRequestURI(h.Path); err != nil {
			// AWS would send whatever it is to the targets, which could not make anything of it.
			f = append(f, notModelled("healthCheck.path", "a path that no URL can have"))
		}
	}
	if h.Port != "" && h.Port != TrafficPort {
		if n, err := strconv.Atoi(h.Port); err != nil || n < 1 || n > 65535 {
			f = append(f, cloud.Failure{
				Property: "healthCheck.port",
				Reason:   `"healthCheck.port" must be a valid port number (1-65535) or "traffic-port"`,
			})
		}
	}
	return f
}

// complete returns the health check with AWS's and the provider's defaults, or refuses what AWS refuses.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
func (h *healthCheck) complete() (cloud.Map, error) {
	out := cloud.Map{
		"enabled": true, "protocol": "HTTP", "port": TrafficPort, "path": "/", "matcher": "200",
		"interval": 30.0, "timeout": 5.0, "healthyThreshold": 3.0, "unhealthyThreshold": 3.0,
	}
	if h == nil {
		// Where the provider says nothing at all, AWS has thresholds of its own.
		out["healthyThreshold"], out["unhealthyThreshold"] = 5.0, 2.0
		return out, nil
	}
	given, err := cloud.Encode(h)
	if err != nil {
		return nil, err
	}
	for property, v := range given {
		if v != nil && v != "" {
			out[property] = v
		}
	}
	switch {
	case out["enabled"] == false:
		return nil, cloud.Errorf("ValidationError", "Health check enabled must be true for target groups with target type 'ip'")
	case out["interval"].(float64) <= out["timeout"].(float64):
		return nil, cloud.Errorf("ValidationError", "Health check interval must be greater than the timeout.")
	case !codesWithin(out["matcher"].(string), 200, 499):
		return nil, cloud.Errorf("ValidationError", "Health check matcher HTTP code '%s' must be within '200-499' inclusive", out["matcher"])
	}
	return out, nil
}

// codesWithin reports whether a matcher is a list of status codes and ranges of them, such as "200,300-399", all within the
// given range.
func codesWithin(matcher string, low, high int) bool {
	for part := range strings.SplitSeq(matcher, ",") {
		first, last, ranged := strings.Cut(part, "-")
		if !ranged {
			last = first
		}
		a, errA := strconv.Atoi(first)
		b, errB := strconv.Atoi(last)
		if errA != nil || errB != nil || a < low || b > high || a > b {
			return false
		}
	}
	return true
}

// length finds a text that is too short or too long, in the words of the Terraform plugin SDK.
func length(property, value string, low, high int) []cloud.Failure {
	if len(value) >= low && len(value) <= high {
		return nil
	}
	return []cloud.Failure{{
		Property: property,
		Reason:   fmt.Sprintf("expected length of %s to be in the range (%d - %d), got %s", property, low, high, value),
	}}
}

// HealthCheck is how the targets of a group are checked, defaults filled in.
type HealthCheck struct {
	Protocol           string `json:"protocol"`
	Port               string `json:"port"` // a number, or TrafficPort
	Path               string `json:"path"`
	Matcher            string `json:"matcher"`
	Interval           int    `json:"interval"` // seconds
	Timeout            int    `json:"timeout"`  // seconds
	HealthyThreshold   int    `json:"healthyThreshold"`
	UnhealthyThreshold int    `json:"unhealthyThreshold"`
}

// HealthCheckOf returns the health check of a target group.
func HealthCheckOf(group *cloud.Resource) *HealthCheck {
	return &cloud.OutputsOf[struct {
		HealthCheck HealthCheck `json:"healthCheck"`
	}](group).HealthCheck
}
