package aws_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/appautoscaling"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
	"slipway/localcloud/cloudflare"
	"slipway/localcloud/schema"
)

// What a kind computes is what the SDK knows of it, so that programs can read it; what can be tagged has all tags.
func TestComputedOutputsAreDescribed(t *testing.T) {
	kinds := slices.Concat(awstest.AllKinds(), cloudflare.New(nil).Kinds())
	computed, n := cloud.OutputNames(kinds...), 0
	for _, spec := range cloud.Specs(kinds...) {
		described, ok := schema.Lookup(spec.Token)
		if !ok { // no program can make it
			continue
		}
		for _, output := range computed[spec.Token] {
			n++
			if _, ok := described.Outputs[output]; !ok {
				t.Errorf("%s computes %s, which is none of its outputs", spec.Token, output)
			}
		}
		if _, taggable := described.Outputs["tagsAll"]; taggable != (spec.Derived != nil) {
			t.Errorf("%s can be tagged: %t; derives all tags: %t", spec.Token, taggable, spec.Derived != nil)
		}
	}
	if n < 100 {
		t.Errorf("only %d outputs were looked at", n)
	}
}

// What the state has of a kind that no program gave and no rule makes: as it is with terraform-provider-aws 5.100.0, against which
// these were read.
func TestOutputsOfTheRealProvider(t *testing.T) {
	c, made := awstest.DefaultStack(t, nil)
	none := []any{}
	for token, want := range map[string]cloud.Map{
		ec2.VPCToken: {"enableNetworkAddressUsageMetrics": false, "ipv6NetmaskLength": 0.0},
		ec2.SubnetToken: {
			"mapPublicIpOnLaunch": false, "enableDns64": false, "ipv6Native": false, "enableResourceNameDnsARecordOnLaunch": false,
			"enableResourceNameDnsAaaaRecordOnLaunch": false, "mapCustomerOwnedIpOnLaunch": false, "enableLniAtDeviceIndex": 0.0,
			"privateDnsHostnameTypeOnLaunch": "ip-name", "assignIpv6AddressOnCreation": true, // as the program says
		},
		ec2.RouteTableToken:               {"routes": none, "propagatingVgws": none},
		ec2.SecurityGroupToken:            {"revokeRulesOnDelete": false, "ingress": none, "egress": none},
		ecs.TaskDefinitionToken:           {"trackLatest": false, "volumes": none, "placementConstraints": none},
		ecs.ServiceToken:                  {"placementConstraints": none, "orderedPlacementStrategies": none},
		ecs.ClusterCapacityProvidersToken: {"defaultCapacityProviderStrategies": none},
		identity.RoleToken: {
			"managedPolicyArns": none,
			"assumeRolePolicy":  `{"Statement":[{"Action":["sts:AssumeRole"],"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"}}],"Version":"2012-10-17"}`,
		},
		iam.RolePolicyToken:         {"policy": `{"Statement":[{"Action":["logs:PutLogEvents"],"Effect":"Allow","Resource":["*"]}],"Version":"2012-10-17"}`},
		iam.PolicyToken:             {"policy": `{"Statement":[{"Action":["logs:PutLogEvents"],"Effect":"Allow","Resource":["*"]}],"Version":"2012-10-17"}`},
		elbv2.TargetGroupToken:      {"targetFailovers": []any{cloud.Map{}}, "targetHealthStates": []any{cloud.Map{}}},
		elbv2.LoadBalancerToken:     {"dnsRecordClientRoutingPolicy": nil},
		cloudwatch.MetricAlarmToken: {"datapointsToAlarm": 0.0, "period": 0.0},
		acm.CertificateToken:        {"subjectAlternativeNames": []any{"example.com"}},
	} {
		for property, value := range want {
			if got := made[token].Outputs[property]; !reflect.DeepEqual(got, value) {
				t.Errorf("%s of %s: %#v, want %#v", property, token, got, value)
			}
		}
	}
	if id := made[ec2.SubnetToken].Text("ipv6CidrBlockAssociationId"); !strings.HasPrefix(id, "subnet-cidr-assoc-") {
		t.Errorf("association %q", id)
	}
	if _, id, _ := strings.Cut(made[appautoscaling.ScalableTargetToken].Text("arn"), "scalable-target/"); len(id) != 36 {
		t.Errorf("a scalable target ends in %q", id)
	}
	if text := made[ecs.TaskDefinitionToken].Text("containerDefinitions"); !strings.HasPrefix(text, `[{"environment":[`) {
		t.Errorf("containers %s", text)
	}
	var told []string
	for _, q := range untyped.List(made[cloudwatch.MetricAlarmToken].Outputs["metricQueries"]) {
		told = append(told, fmt.Sprint(q.(cloud.Map)["returnData"]))
	}
	if strings.Join(told, " ") != "true false false" {
		t.Errorf("queries return data: %v", told)
	}
	if config, _ := made[appautoscaling.ScalingPolicyToken].Outputs["targetTrackingScalingPolicyConfiguration"].(cloud.Map); config["disableScaleIn"] != false {
		t.Errorf("the policy is %v", config)
	}

	// A state of before it was so is not taken for a change.
	for token, r := range made {
		state := r.Clone().Outputs
		for property, value := range r.Inputs {
			state[property] = value
		}
		if d, err := c.Diff(token, r.Inputs, state, r.Inputs); err != nil || len(d.Changed) > 0 {
			t.Errorf("%s as it was before: %v, %v", token, d.Changed, err)
		}
	}
	balancer := made[elbv2.LoadBalancerToken]
	before := awstest.With(balancer.Inputs, cloud.Map{"dnsRecordClientRoutingPolicy": "any_availability_zone"})
	if d, err := c.Diff(elbv2.LoadBalancerToken, before, awstest.With(balancer.Outputs, before), balancer.Inputs); err != nil || len(d.Changed) > 0 {
		t.Errorf("the load balancer as it was before: %v, %v", d.Changed, err)
	}
}

// The names of a certificate are the same with its domain name among them and without.
func TestNamesOfCertificates(t *testing.T) {
	c := awstest.New(t, acm.Kinds()...)
	in := cloud.Map{"domainName": "a.test", "subjectAlternativeNames": []any{"b.test"}, "validationMethod": "DNS"}
	r := c.Make(acm.CertificateToken, in)
	if got := r.Outputs["subjectAlternativeNames"]; !reflect.DeepEqual(got, []any{"a.test", "b.test"}) {
		t.Errorf("names %v", got)
	}
	yesterday := awstest.With(r.Outputs, cloud.Map{"subjectAlternativeNames": []any{"b.test"}})
	for what, test := range map[string]struct {
		state, names any
		changed      bool
	}{
		"as they were":           {r.Outputs, []any{"b.test"}, false},
		"all of them":            {r.Outputs, []any{"b.test", "a.test"}, false},
		"as recorded yesterday":  {yesterday, []any{"b.test"}, false},
		"all of yesterday's":     {yesterday, []any{"a.test", "b.test"}, false},
		"another":                {r.Outputs, []any{"c.test"}, true},
		"the domain name alone":  {r.Outputs, []any{"a.test"}, true},
		"not said":               {r.Outputs, nil, false},
		"not known yet":          {r.Outputs, cloud.Unknown{}, true},
		"one more, not known":    {r.Outputs, []any{"b.test", cloud.Unknown{}}, true},
		"one more than the rest": {r.Outputs, []any{"a.test", "b.test", "c.test"}, true},
	} {
		d, err := c.Diff(acm.CertificateToken, r.Inputs, test.state.(cloud.Map), awstest.With(r.Inputs, cloud.Map{"subjectAlternativeNames": test.names}))
		if err != nil || len(d.Replace) > 0 != test.changed {
			t.Errorf("%s: changed %v, %v", what, d.Changed, err)
		}
	}
}
