package aws

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"slipway/localcloud/cloud"
)

// What the state has of a kind that no program gave and no rule makes: as it is with terraform-provider-aws 5.100.0, against which
// these were read.
func TestOutputsOfTheRealProvider(t *testing.T) {
	c, made := defaultStack(t, nil)
	none := []any{}
	for token, want := range map[string]cloud.Map{
		vpcToken: {"enableNetworkAddressUsageMetrics": false, "ipv6NetmaskLength": 0.0},
		subnetToken: {
			"mapPublicIpOnLaunch": false, "enableDns64": false, "ipv6Native": false, "enableResourceNameDnsARecordOnLaunch": false,
			"enableResourceNameDnsAaaaRecordOnLaunch": false, "mapCustomerOwnedIpOnLaunch": false, "enableLniAtDeviceIndex": 0.0,
			"privateDnsHostnameTypeOnLaunch": "ip-name", "assignIpv6AddressOnCreation": true, // as the program says
		},
		routeTableToken:               {"routes": none, "propagatingVgws": none},
		securityGroupToken:            {"revokeRulesOnDelete": false, "ingress": none, "egress": none},
		taskDefinitionToken:           {"trackLatest": false, "volumes": none, "placementConstraints": none},
		serviceToken:                  {"placementConstraints": none, "orderedPlacementStrategies": none},
		clusterCapacityProvidersToken: {"defaultCapacityProviderStrategies": none},
		roleToken: {
			"managedPolicyArns": none,
			"assumeRolePolicy":  `{"Statement":[{"Action":["sts:AssumeRole"],"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"}}],"Version":"2012-10-17"}`,
		},
		rolePolicyToken:   {"policy": `{"Statement":[{"Action":["logs:PutLogEvents"],"Effect":"Allow","Resource":["*"]}],"Version":"2012-10-17"}`},
		policyToken:       {"policy": `{"Statement":[{"Action":["logs:PutLogEvents"],"Effect":"Allow","Resource":["*"]}],"Version":"2012-10-17"}`},
		targetGroupToken:  {"targetFailovers": []any{cloud.Map{}}, "targetHealthStates": []any{cloud.Map{}}},
		loadBalancerToken: {"dnsRecordClientRoutingPolicy": nil},
		metricAlarmToken:  {"datapointsToAlarm": 0.0, "period": 0.0},
		certificateToken:  {"subjectAlternativeNames": []any{"example.com"}},
	} {
		for property, value := range want {
			if got := made[token].Outputs[property]; !reflect.DeepEqual(got, value) {
				t.Errorf("%s of %s: %#v, want %#v", property, token, got, value)
			}
		}
	}
	if id := made[subnetToken].Text("ipv6CidrBlockAssociationId"); !strings.HasPrefix(id, "subnet-cidr-assoc-") {
		t.Errorf("association %q", id)
	}
	if _, id, _ := strings.Cut(made[scalableTargetToken].Text("arn"), "scalable-target/"); len(id) != 36 {
		t.Errorf("a scalable target ends in %q", id)
	}
	if text := made[taskDefinitionToken].Text("containerDefinitions"); !strings.HasPrefix(text, `[{"environment":[`) {
		t.Errorf("containers %s", text)
	}
	var told []string
	for _, q := range list(made[metricAlarmToken].Outputs["metricQueries"]) {
		told = append(told, fmt.Sprint(q.(cloud.Map)["returnData"]))
	}
	if strings.Join(told, " ") != "true false false" {
		t.Errorf("queries return data: %v", told)
	}
	if config, _ := made[scalingPolicyToken].Outputs["targetTrackingScalingPolicyConfiguration"].(cloud.Map); config["disableScaleIn"] != false {
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
	balancer := made[loadBalancerToken]
	before := with(balancer.Inputs, cloud.Map{"dnsRecordClientRoutingPolicy": "any_availability_zone"})
	if d, err := c.Diff(loadBalancerToken, before, with(balancer.Outputs, before), balancer.Inputs); err != nil || len(d.Changed) > 0 {
		t.Errorf("the load balancer as it was before: %v, %v", d.Changed, err)
	}
}

// The names of a certificate are the same with its domain name among them and without.
func TestNamesOfCertificates(t *testing.T) {
	c := newCloud(t, acmKinds()...)
	in := cloud.Map{"domainName": "a.test", "subjectAlternativeNames": []any{"b.test"}, "validationMethod": "DNS"}
	r := c.create(certificateToken, in)
	if got := r.Outputs["subjectAlternativeNames"]; !reflect.DeepEqual(got, []any{"a.test", "b.test"}) {
		t.Errorf("names %v", got)
	}
	yesterday := with(r.Outputs, cloud.Map{"subjectAlternativeNames": []any{"b.test"}})
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
		d, err := c.Diff(certificateToken, r.Inputs, test.state.(cloud.Map), with(r.Inputs, cloud.Map{"subjectAlternativeNames": test.names}))
		if err != nil || len(d.Replace) > 0 != test.changed {
			t.Errorf("%s: changed %v, %v", what, d.Changed, err)
		}
	}
}
