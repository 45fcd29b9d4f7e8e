package aws

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/cloud"
	"slipway/localcloud/cloudflare"
)

const recordToken = "cloudflare:index/record:Record"

// defaultStack makes one resource of every kind that a program can, each as what it refers to exists, and returns them by
// token. Before each it calls before, which may be nil.
func defaultStack(t *testing.T, before func(c *testCloud, token string, in cloud.Map)) (*testCloud, map[string]*cloud.Resource) {
	t.Helper()
	dns := cloudflare.New([]string{"example.com"})
	c := newCloud(t, slices.Concat(Kinds(), ECR(held{}), dns.Kinds())...)
	made := map[string]*cloud.Resource{}
	id := func(token string) string { return made[token].ID }
	create := func(token string, in cloud.Map) *cloud.Resource {
		t.Helper()
		if before != nil {
			before(c, token, in)
		}
		made[token] = c.create(token, in)
		return made[token]
	}
	block := create(vpcToken, cloud.Map{"cidrBlock": "10.0.0.0/16", "assignGeneratedIpv6CidrBlock": true}).Outputs["ipv6CidrBlock"].(string)
	create(defaultSecurityGroupToken, cloud.Map{"vpcId": id(vpcToken)})
	create(internetGatewayToken, cloud.Map{"vpcId": id(vpcToken)})
	create(routeTableToken, cloud.Map{"vpcId": id(vpcToken), "tags": cloud.Map{"Name": "public"}})
	create(routeToken, cloud.Map{
		"routeTableId": id(routeTableToken), "gatewayId": id(internetGatewayToken), "destinationCidrBlock": "0.0.0.0/0",
	})
	var subnets []any
	for i, zone := range []string{"eu-central-1a", "eu-central-1b"} {
		subnets = append(subnets, create(subnetToken, cloud.Map{
			"vpcId": id(vpcToken), "availabilityZone": zone, "cidrBlock": []string{"10.0.0.0/24", "10.0.1.0/24"}[i],
			"ipv6CidrBlock": strings.Replace(block, "00::/56", []string{"00::/64", "01::/64"}[i], 1), "assignIpv6AddressOnCreation": true,
		}).ID)
	}
	create(routeTableAssociationToken, cloud.Map{"subnetId": id(subnetToken), "routeTableId": id(routeTableToken)})
	create(securityGroupToken, cloud.Map{"vpcId": id(vpcToken), "name": "balancer"})
	create(securityGroupIngressRuleToken, cloud.Map{
		"securityGroupId": id(securityGroupToken), "ipProtocol": "tcp", "fromPort": 80.0, "toPort": 80.0, "cidrIpv6": "::/0",
	})
	create(securityGroupEgressRuleToken, cloud.Map{
		"securityGroupId": id(securityGroupToken), "ipProtocol": "tcp", "fromPort": 8080.0, "toPort": 8080.0,
		"referencedSecurityGroupId": id(securityGroupToken),
	})

	certificate := create(certificateToken, cloud.Map{"domainName": "example.com", "validationMethod": "DNS"})
	validation := Validations(certificate)[0]
	create(recordToken, cloud.Map{"zoneId": dns.Zones()[0].ID, "name": validation.Name, "type": "CNAME", "content": validation.Value, "ttl": 60.0})
	issue := func(certificate *cloud.Resource) {
		t.Helper()
		err := c.Store.Update(func(tx *cloud.Tx) error {
			r := tx.Get(certificate.Key).Clone()
			r.Outputs["status"] = CertificateIssued
			tx.Put(r)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	issue(certificate)
	create(certificateValidationToken, cloud.Map{
		"certificateArn": id(certificateToken), "validationRecordFqdns": []any{validation.Name},
	})

	create(loadBalancerToken, cloud.Map{
		"name": "web", "ipAddressType": "dualstack", "subnets": subnets, "securityGroups": []any{id(securityGroupToken)},
	})
	create(listenerToken, cloud.Map{
		"loadBalancerArn": id(loadBalancerToken), "port": 443.0, "protocol": "HTTPS", "certificateArn": id(certificateToken),
		"sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "defaultActions": []any{fixed("404")},
	})
	further := c.create(certificateToken, cloud.Map{"domainName": "example.org", "validationMethod": "DNS"})
	issue(further)
	create(listenerCertificateToken, cloud.Map{"listenerArn": id(listenerToken), "certificateArn": further.ID})
	create(targetGroupToken, cloud.Map{
		"name": "tasks", "vpcId": id(vpcToken), "targetType": "ip", "protocol": "HTTP", "port": 80.0,
		"healthCheck": cloud.Map{"enabled": true, "path": "/healthz", "matcher": "200", "port": "traffic-port", "interval": 5.0, "timeout": 2.0},
	})
	create(listenerRuleToken, cloud.Map{
		"listenerArn": id(listenerToken), "priority": 1.0, "conditions": []any{host("example.com"), path("/*")},
		"actions": []any{cloud.Map{"type": "forward", "forward": cloud.Map{"targetGroups": []any{
			cloud.Map{"arn": id(targetGroupToken), "weight": 100.0},
		}}}},
	})

	const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":["sts:AssumeRole"]}]}`
	const permissions = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:PutLogEvents"],"Resource":["*"]}]}`
	create(roleToken, cloud.Map{"name": "task", "assumeRolePolicy": trust, "inlinePolicies": []any{
		cloud.Map{"name": "inline", "policy": permissions},
	}})
	create(rolePolicyToken, cloud.Map{"name": "logs", "role": id(roleToken), "policy": permissions})
	create(policyToken, cloud.Map{"name": "shared", "policy": permissions})
	create(rolePolicyAttachmentToken, cloud.Map{"role": id(roleToken), "policyArn": id(policyToken)})
	create(logGroupToken, cloud.Map{"name": "hello", "retentionInDays": 30.0})
	create(secretToken, cloud.Map{"name": "hello", "recoveryWindowInDays": 0.0})
	create(secretVersionToken, cloud.Map{"secretId": id(secretToken), "secretString": `{"A":"b"}`})

	create(openIDConnectProviderToken, cloud.Map{"url": github, "clientIdLists": []any{"sts.amazonaws.com"}})

	create(repositoryToken, cloud.Map{
		"name": "hello", "imageTagMutability": "IMMUTABLE", "imageScanningConfiguration": cloud.Map{"scanOnPush": true},
		"encryptionConfigurations": []any{cloud.Map{"encryptionType": "AES256"}},
	})
	create(lifecyclePolicyToken, cloud.Map{"repository": id(repositoryToken), "policy": lifecycleOf(expireAny(1))})
	create(repositoryPolicyToken, cloud.Map{
		"repository": id(repositoryToken), "policy": policyFor("Allow", `{"AWS":"123456789012"}`, "ecr:BatchGetImage"),
	})
	create(bucketToken, cloud.Map{"bucket": "slipway-state"})
	create(bucketVersioningToken, cloud.Map{"bucket": id(bucketToken), "versioningConfiguration": cloud.Map{"status": "Enabled"}})
	create(bucketEncryptionToken, cloud.Map{"bucket": id(bucketToken), "rules": []any{encryptionRule("AES256", "")}})
	create(bucketPublicAccessBlockToken, cloud.Map{"bucket": id(bucketToken), "blockPublicPolicy": true})
	create(bucketPolicyToken, cloud.Map{
		"bucket": id(bucketToken), "policy": bucketPolicyFor("Allow", `{"AWS":"000000000000"}`, "s3:GetObject", "arn:aws:s3:::slipway-state/*"),
	})

	create(clusterToken, cloud.Map{"name": "main"})
	create(clusterCapacityProvidersToken, cloud.Map{"clusterName": "main", "capacityProviders": []any{Fargate, FargateSpot}})
	definition := create(taskDefinitionToken, definitionOf(containerOf(nil), cloud.Map{
		"executionRoleArn": made[roleToken].Outputs["arn"], "taskRoleArn": made[roleToken].Outputs["arn"],
	}))
	create(serviceToken, cloud.Map{
		"name": "hello", "cluster": id(clusterToken), "taskDefinition": definition.Outputs["arn"], "desiredCount": 1.0,
		"capacityProviderStrategies": []any{cloud.Map{"capacityProvider": Fargate, "base": 0.0, "weight": 1.0}},
		"networkConfiguration":       cloud.Map{"subnets": subnets, "securityGroups": []any{id(securityGroupToken)}, "assignPublicIp": true},
		"loadBalancers": []any{cloud.Map{
			"targetGroupArn": id(targetGroupToken), "containerName": "main", "containerPort": 8080.0,
		}},
		"alarms": cloud.Map{"enable": true, "rollback": true, "alarmNames": []any{"errors"}},
	})
	create(metricAlarmToken, cloud.Map{
		"name": "errors", "comparisonOperator": "GreaterThanThreshold", "threshold": 5.0, "evaluationPeriods": 1.0,
		"treatMissingData": "notBreaching",
		"metricQueries": []any{
			cloud.Map{"id": "rate", "expression": "IF(requests > 10, 100 * errors / requests, 0)", "returnData": true, "label": "5xx %"},
			cloud.Map{"id": "errors", "metric": balancerMetric(Target5XXCount, made)},
			cloud.Map{"id": "requests", "metric": balancerMetric(RequestCount, made)},
		},
	})
	create(scalableTargetToken, scaled(cloud.Map{"minCapacity": 1.0, "maxCapacity": 6.0, "tags": cloud.Map{"Name": "hello"}}))
	create(scalingPolicyToken, scaled(cloud.Map{
		"name": "requests", "policyType": "TargetTrackingScaling", "targetTrackingScalingPolicyConfiguration": cloud.Map{
			"targetValue": 100.0, "scaleInCooldown": 60.0, "predefinedMetricSpecification": cloud.Map{
				"predefinedMetricType": "ALBRequestCountPerTarget",
				"resourceLabel":        fmt.Sprint(made[loadBalancerToken].Outputs["arnSuffix"], "/", made[targetGroupToken].Outputs["arnSuffix"]),
			},
		},
	}))
	create(scheduledActionToken, scaled(cloud.Map{
		"name": "morning", "schedule": "cron(0 8 ? * MON-FRI *)", "timezone": "Europe/Berlin", "startTime": "2026-12-01T00:00:00Z",
		"scalableTargetAction": cloud.Map{"minCapacity": 2.0, "maxCapacity": 6.0},
	}))
	return c, made
}

// balancerMetric is a query for a metric of the stack's load balancer and target group.
func balancerMetric(name string, made map[string]*cloud.Resource) cloud.Map {
	return cloud.Map{"namespace": NamespaceELB, "metricName": name, "stat": Sum, "period": 60.0, "dimensions": cloud.Map{
		"LoadBalancer": made[loadBalancerToken].Outputs["arnSuffix"], "TargetGroup": made[targetGroupToken].Outputs["arnSuffix"],
	}}
}

// Every kind is imported by the id that its page in the registry says. What comes back is what was made.
func TestImport(t *testing.T) {
	c, made := defaultStack(t, nil)
	ids := map[string]string{ // of those that are not imported by the id that they have
		routeToken:                 made[routeTableToken].ID + "_0.0.0.0/0",
		routeTableAssociationToken: made[subnetToken].ID + "/" + made[routeTableToken].ID,
		rolePolicyAttachmentToken:  "task/" + made[policyToken].ID,
		clusterToken:               "main",
		serviceToken:               "main/hello",
		scalableTargetToken:        "ecs/service/main/hello/ecs:service:DesiredCount",
		scalingPolicyToken:         "ecs/service/main/hello/ecs:service:DesiredCount/requests",
	}
	ids[recordToken] = made[recordToken].Inputs["zoneId"].(string) + "/" + made[recordToken].ID
	for _, token := range c.Tokens() {
		if strings.Contains(token, "/get") || token == certificateValidationToken || token == scheduledActionToken { // which cannot be imported
			continue
		}
		if _, _, err := c.Check(token, cloud.Map{}); err != nil {
			continue // made by the cloud alone
		}
		r := made[token]
		if r == nil {
			t.Errorf("the stack has no %s", token)
			continue
		}
		id := ids[token]
		if id == "" {
			id = r.ID
		}
		got, err := c.Read(here, token, id)
		if err != nil || got == nil || got.ID != r.ID {
			t.Errorf("%s by %s: %v, %v; want %s", token, id, got, err, r.ID)
			continue
		}
		checked, failures, err := c.Check(token, got.Inputs)
		if err != nil || len(failures) > 0 {
			t.Errorf("check of the imported %s: %v, %v", token, failures, err)
		}
		if d, err := c.Diff(token, got.Inputs, got.Outputs, checked); err != nil || len(d.Changed) > 0 {
			t.Errorf("%s differs after its import: %v, %v", token, d.Changed, err)
		}
		for _, other := range []string{"", "/", id + "x", "x" + id, "rtb-0_", "x/y"} {
			if got, err := c.Read(here, token, other); err != nil || got != nil {
				t.Errorf("%s by %q: %v, %v", token, other, got, err)
			}
		}
	}
}

func TestDroppedInputsThatAWSChooses(t *testing.T) {
	c, made := defaultStack(t, nil)
	for _, tt := range []struct{ token, property string }{
		{listenerToken, "sslPolicy"},
		{subnetToken, "availabilityZone"},
		{targetGroupToken, "healthCheck"},
		{loadBalancerToken, "ipAddressType"},
		{roleToken, "inlinePolicies"},
		{repositoryToken, "encryptionConfigurations"},
		{repositoryToken, "imageScanningConfiguration"},
		{bucketToken, "bucket"},
		{recordToken, "ttl"},
	} {
		r := made[tt.token]
		in := with(r.Inputs, cloud.Map{tt.property: nil})
		if d, err := c.Diff(tt.token, r.Inputs, r.Outputs, in); err != nil || len(d.Changed) > 0 {
			t.Errorf("%s without %s: %v, %v", tt.token, tt.property, d.Changed, err)
		}
	}
	// An update for another reason leaves it as it is, and a preview says so.
	r := made[listenerToken]
	in := with(r.Inputs, cloud.Map{"sslPolicy": nil, "tags": cloud.Map{"a": "b"}})
	preview, err := c.Preview(listenerToken, r.Inputs, r.Outputs, in)
	if err != nil || preview["sslPolicy"] != r.Inputs["sslPolicy"] {
		t.Errorf("preview: %v, %v", preview["sslPolicy"], err)
	}
	updated, err := c.Update(t.Context(), here, listenerToken, r.ID, in, 0)
	if err != nil || updated.Outputs["sslPolicy"] != r.Inputs["sslPolicy"] {
		t.Errorf("update: %v, %v", updated.Outputs["sslPolicy"], err)
	}
}

func TestTextsThatMeanTheSame(t *testing.T) {
	c, made := defaultStack(t, nil)
	const permission = `{"Statement": [{"Action": "logs:PutLogEvents", "Resource": "*", "Effect": "Allow"}],  "Version": "2012-10-17"}`
	const container = `[{"name":"main","image":"i","essential":true,"cpu":0,"command":[],"environment":[{"name":"B","value":"1"},{"value":"2","name":"A"}],` +
		`"healthCheck":{"command":["CMD","x"],"interval":30},"portMappings":[{"containerPort":80,"hostPort":80,"protocol":"tcp"}]},{"name":"b"}]`
	for _, tt := range []struct {
		name            string
		token, property string
		was, want       any
		same            bool
	}{
		{
			"role", roleToken, "assumeRolePolicy",
			`{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["a","b"]}}]}`,
			`{ "Statement": {"Principal": {"Service": ["b", "a"]}, "Effect": "Allow", "Action": ["sts:AssumeRole"]}}`, true,
		},
		{"role policy", rolePolicyToken, "policy", made[rolePolicyToken].Inputs["policy"], permission, true},
		{"managed policy", policyToken, "policy", made[policyToken].Inputs["policy"], permission, true},
		{
			"lifecycle policy", lifecyclePolicyToken, "policy", lifecycleOf(expireUntagged, expireAny(2)),
			"{\"rules\": [" + expireAny(2) + ", " + expireUntagged + "]}", true,
		},
		{"another lifecycle policy", lifecyclePolicyToken, "policy", lifecycleOf(expireAny(2)), lifecycleOf(expireAny(3)), false},
		{
			"repository policy", repositoryPolicyToken, "policy", policyFor("Allow", `{"AWS":"123456789012"}`, "a", "b"),
			policyFor("Allow", `{"AWS":["123456789012"]}`, "b", "a"), true,
		},
		{
			"inline policy", roleToken, "inlinePolicies", made[roleToken].Inputs["inlinePolicies"],
			[]any{cloud.Map{"name": "inline", "policy": permission}},
			true,
		},
		{
			"another resource", rolePolicyToken, "policy", made[rolePolicyToken].Inputs["policy"],
			strings.Replace(permission, `"*"`, `"a"`, 1), false,
		},
		{
			"one statement less", rolePolicyToken, "policy",
			`{"Statement":[{"Effect":"Allow","Action":"a","Resource":"*"},{"Effect":"Allow","Action":"b","Resource":"*"}]}`,
			`{"Statement":[{"Effect":"Allow","Action":"a","Resource":"*"}]}`, false,
		},
		{
			"containers", taskDefinitionToken, "containerDefinitions", container,
			`[{"name":"b"},{"name":"main","image":"i","environment":[{"name":"A","value":"2"},{"name":"B","value":"1"}],` +
				`"healthCheck":{"command":["CMD","x"],"retries":3},"portMappings":[{"containerPort":80}],"secrets":null}]`, true,
		},
		{"an image", taskDefinitionToken, "containerDefinitions", container, strings.Replace(container, `"i"`, `"j"`, 1), false},
		{"an unknown policy", rolePolicyToken, "policy", made[rolePolicyToken].Inputs["policy"], cloud.Unknown{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			was := with(made[tt.token].Inputs, cloud.Map{tt.property: tt.was})
			d, err := c.Diff(tt.token, was, was, with(was, cloud.Map{tt.property: tt.want}))
			if err != nil || (len(d.Changed) == 0) != tt.same {
				t.Errorf("changed %v, %v", d.Changed, err)
			}
		})
	}
}

func TestNestedSetsInAnotherOrder(t *testing.T) {
	c, made := defaultStack(t, nil)
	r := made[listenerRuleToken]
	groups := func(arns ...string) []any {
		var l []any
		for _, a := range arns {
			l = append(l, cloud.Map{"arn": a})
		}
		return []any{cloud.Map{"type": "forward", "forward": cloud.Map{"targetGroups": l}}}
	}
	was := with(r.Inputs, cloud.Map{"conditions": []any{host("a", "b"), path("/")}, "actions": groups("x", "y")})
	same := with(was, cloud.Map{"conditions": []any{path("/"), host("b", "a")}, "actions": groups("y", "x")})
	if d, err := c.Diff(r.Token, was, was, same); err != nil || len(d.Changed) > 0 {
		t.Errorf("changed %v, %v", d.Changed, err)
	}
	other := with(was, cloud.Map{"conditions": []any{path("/"), host("b", "c")}, "actions": groups("y", "z")})
	if d, err := c.Diff(r.Token, was, was, other); err != nil || !slices.Equal(d.Changed, []string{"actions", "conditions"}) {
		t.Errorf("changed %v, %v", d.Changed, err)
	}
}

func TestForceDetachPolicies(t *testing.T) {
	c, made := defaultStack(t, nil)
	r := made[roleToken]
	if err := c.Delete(t.Context(), here, roleToken, r.ID, time.Millisecond); cloud.Code(err) != "DeleteConflict" {
		t.Errorf("deleting a role with policies: %v", err)
	}
	if _, err := c.update(r, cloud.Map{"forceDetachPolicies": true}); err != nil {
		t.Fatal(err)
	}
	c.delete(r)
	for _, token := range []string{rolePolicyToken, rolePolicyAttachmentToken} {
		if r, _ := c.Read(here, token, made[token].ID); r != nil {
			t.Errorf("%s outlives its role", r.ID)
		}
	}
	if r, _ := c.Read(here, policyToken, made[policyToken].ID); r == nil {
		t.Error("the shared policy went with the role")
	}
}

func TestDeletionProtectionIsNotWaitedFor(t *testing.T) {
	c, made := defaultStack(t, nil)
	r, err := c.update(made[loadBalancerToken], cloud.Map{"enableDeletionProtection": true})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	err = c.Delete(t.Context(), here, r.Token, r.ID, time.Hour) // 3.6 s at the pace of the tests
	c.refused(err, "OperationNotPermitted", "deleting ELBv2 Load Balancer ("+r.ID+")")
	if d := time.Since(begun); d > 3*time.Second {
		t.Errorf("it took %s", d)
	}
}

func TestDeletedSecretIsNotAlive(t *testing.T) {
	c := newCloud(t, secretsManagerKinds()...)
	c.delete(c.create(secretToken, cloud.Map{"name": "hello"})) // with a recovery window of 30 days
	left := 0
	c.Store.View(func(tx *cloud.Tx) {
		for r := range tx.All() {
			left++
			if c.Alive(r) {
				t.Errorf("%s %s is alive", r.Token, r.ID)
			}
		}
	})
	if left == 0 {
		t.Error("nothing keeps the secret's name")
	}
}
