package awstest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"slipway/localcloud/aws"
	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/appautoscaling"
	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/logs"
	"slipway/localcloud/aws/s3"
	"slipway/localcloud/aws/scheduler"
	"slipway/localcloud/aws/secretsmanager"
	"slipway/localcloud/aws/servicediscovery"
	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/aws/sqs"
	"slipway/localcloud/aws/ssm"
	"slipway/localcloud/cloud"
	"slipway/localcloud/cloudflare"
)

// RecordToken is the token of Cloudflare's records.
const RecordToken = "cloudflare:index/record:Record"

// FlowLogRole makes a role with which flow logs may write to every log group.
func FlowLogRole(c *Tester) *cloud.Resource {
	role := c.Make(identity.RoleToken, cloud.Map{
		"name": "flow-logs", "path": "/slipway/", "assumeRolePolicy": strings.ReplaceAll(TrustTasks, "ecs-tasks.amazonaws.com", "vpc-flow-logs.amazonaws.com"),
	})
	c.Make(iam.RolePolicyToken, cloud.Map{"name": "flow-logs", "role": role.ID, "policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:*"],"Resource":["*"]}]}`})
	return role
}

// DefaultStack makes one resource of every kind that a program can make, each after its references, and returns them by token. Before
// each it calls before, which may be nil.
func DefaultStack(t *testing.T, before func(c *Tester, token string, in cloud.Map)) (*Tester, map[string]*cloud.Resource) {
	t.Helper()
	dns := cloudflare.New([]string{"example.com"})
	c := New(t, slices.Concat(aws.Kinds(), ecr.WithImages(Held{}), dns.Kinds())...)
	made := map[string]*cloud.Resource{}
	id := func(token string) string { return made[token].ID }
	create := func(token string, in cloud.Map) *cloud.Resource {
		t.Helper()
		if before != nil {
			before(c, token, in)
		}
		made[token] = c.Make(token, in)
		return made[token]
	}
	block := create(ec2.VPCToken, cloud.Map{"cidrBlock": "10.0.0.0/16", "assignGeneratedIpv6CidrBlock": true}).Outputs["ipv6CidrBlock"].(string)
	create(ec2.DefaultSecurityGroupToken, cloud.Map{"vpcId": id(ec2.VPCToken)})
	create(ec2.InternetGatewayToken, cloud.Map{"vpcId": id(ec2.VPCToken)})
	create(ec2.EgressOnlyInternetGatewayToken, cloud.Map{"vpcId": id(ec2.VPCToken)})
	create(ec2.RouteTableToken, cloud.Map{"vpcId": id(ec2.VPCToken), "tags": cloud.Map{"Name": "public"}})
	create(ec2.RouteToken, cloud.Map{
		"routeTableId": id(ec2.RouteTableToken), "gatewayId": id(ec2.InternetGatewayToken), "destinationCidrBlock": "0.0.0.0/0",
	})
	var subnets []any
	for i, zone := range []string{"eu-central-1a", "eu-central-1b"} {
		subnets = append(subnets, create(ec2.SubnetToken, cloud.Map{
			"vpcId": id(ec2.VPCToken), "availabilityZone": zone, "cidrBlock": []string{"10.0.0.0/24", "10.0.1.0/24"}[i],
			"ipv6CidrBlock": strings.Replace(block, "00::/56", []string{"00::/64", "01::/64"}[i], 1), "assignIpv6AddressOnCreation": true,
		}).ID)
	}
	create(ec2.RouteTableAssociationToken, cloud.Map{"subnetId": id(ec2.SubnetToken), "routeTableId": id(ec2.RouteTableToken)})
	create(ec2.EIPToken, cloud.Map{"domain": "vpc"})
	create(ec2.NATGatewayToken, cloud.Map{"subnetId": id(ec2.SubnetToken), "allocationId": id(ec2.EIPToken)})
	create(ec2.SecurityGroupToken, cloud.Map{"vpcId": id(ec2.VPCToken), "name": "balancer"})
	create(ec2.SecurityGroupIngressRuleToken, cloud.Map{
		"securityGroupId": id(ec2.SecurityGroupToken), "ipProtocol": "tcp", "fromPort": 80.0, "toPort": 80.0, "cidrIpv6": "::/0",
	})
	create(ec2.SecurityGroupEgressRuleToken, cloud.Map{
		"securityGroupId": id(ec2.SecurityGroupToken), "ipProtocol": "tcp", "fromPort": 8080.0, "toPort": 8080.0,
		"referencedSecurityGroupId": id(ec2.SecurityGroupToken),
	})

	certificate := create(acm.CertificateToken, cloud.Map{"domainName": "example.com", "validationMethod": "DNS"})
	validation := acm.Validations(certificate)[0]
	create(RecordToken, cloud.Map{"zoneId": dns.Zones()[0].ID, "name": validation.Name, "type": "CNAME", "content": validation.Value, "ttl": 60.0})
	issue := func(certificate *cloud.Resource) {
		t.Helper()
		err := c.Store.Update(func(tx *cloud.Tx) error {
			r := tx.Get(certificate.Key).Clone()
			r.Outputs["status"] = acm.CertificateIssued
			tx.Put(r)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	issue(certificate)
	create(acm.CertificateValidationToken, cloud.Map{
		"certificateArn": id(acm.CertificateToken), "validationRecordFqdns": []any{validation.Name},
	})

	create(elbv2.LoadBalancerToken, cloud.Map{
		"name": "web", "ipAddressType": "dualstack", "subnets": subnets, "securityGroups": []any{id(ec2.SecurityGroupToken)},
	})
	create(elbv2.ListenerToken, cloud.Map{
		"loadBalancerArn": id(elbv2.LoadBalancerToken), "port": 443.0, "protocol": "HTTPS", "certificateArn": id(acm.CertificateToken),
		"sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "defaultActions": []any{Fixed("404")},
	})
	further := c.Make(acm.CertificateToken, cloud.Map{"domainName": "example.org", "validationMethod": "DNS"})
	issue(further)
	create(elbv2.ListenerCertificateToken, cloud.Map{"listenerArn": id(elbv2.ListenerToken), "certificateArn": further.ID})
	create(elbv2.TargetGroupToken, cloud.Map{
		"name": "tasks", "vpcId": id(ec2.VPCToken), "targetType": "ip", "protocol": "HTTP", "port": 80.0,
		"healthCheck": cloud.Map{"enabled": true, "path": "/healthz", "matcher": "200", "port": "traffic-port", "interval": 5.0, "timeout": 2.0},
	})
	create(elbv2.ListenerRuleToken, cloud.Map{
		"listenerArn": id(elbv2.ListenerToken), "priority": 1.0, "conditions": []any{Host("example.com"), Path("/*")},
		"actions": []any{cloud.Map{"type": "forward", "forward": cloud.Map{"targetGroups": []any{
			cloud.Map{"arn": id(elbv2.TargetGroupToken), "weight": 100.0},
		}}}},
	})

	const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":["sts:AssumeRole"]}]}`
	const permissions = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:PutLogEvents"],"Resource":["*"]}]}`
	create(identity.RoleToken, cloud.Map{"name": "task", "assumeRolePolicy": trust, "inlinePolicies": []any{
		cloud.Map{"name": "inline", "policy": permissions},
	}})
	create(iam.RolePolicyToken, cloud.Map{"name": "logs", "role": id(identity.RoleToken), "policy": permissions})
	create(iam.PolicyToken, cloud.Map{"name": "shared", "policy": permissions})
	create(iam.RolePolicyAttachmentToken, cloud.Map{"role": id(identity.RoleToken), "policyArn": id(iam.PolicyToken)})
	create(logs.LogGroupToken, cloud.Map{"name": "hello", "retentionInDays": 30.0})
	create(ec2.FlowLogToken, cloud.Map{
		"vpcId": id(ec2.VPCToken), "trafficType": "ALL", "logDestination": made[logs.LogGroupToken].Text("arn"), "iamRoleArn": FlowLogRole(c).Text("arn"),
	})
	create(secretsmanager.SecretToken, cloud.Map{"name": "hello", "recoveryWindowInDays": 0.0})
	create(secretsmanager.SecretVersionToken, cloud.Map{"secretId": id(secretsmanager.SecretToken), "secretString": `{"A":"b"}`})

	create(ssm.ParameterToken, cloud.Map{"name": "/app/flag", "type": "String", "value": "on", "tags": cloud.Map{"Name": "flag"}})

	create(iam.OpenIDConnectProviderToken, cloud.Map{"url": Github, "clientIdLists": []any{"sts.amazonaws.com"}})

	create(ecr.RepositoryToken, cloud.Map{
		"name": "hello", "imageTagMutability": "IMMUTABLE", "imageScanningConfiguration": cloud.Map{"scanOnPush": true},
		"encryptionConfigurations": []any{cloud.Map{"encryptionType": "AES256"}},
	})
	create(ecr.LifecyclePolicyToken, cloud.Map{"repository": id(ecr.RepositoryToken), "policy": LifecycleOf(ExpireAny(1))})
	create(ecr.RepositoryPolicyToken, cloud.Map{
		"repository": id(ecr.RepositoryToken), "policy": PolicyFor("Allow", `{"AWS":"123456789012"}`, "ecr:BatchGetImage"),
	})
	create(sqs.QueueToken, cloud.Map{"name": "orders"})
	create(s3.BucketToken, cloud.Map{"bucket": "slipway-state"})
	create(s3.BucketVersioningToken, cloud.Map{"bucket": id(s3.BucketToken), "versioningConfiguration": cloud.Map{"status": "Enabled"}})
	create(s3.BucketEncryptionToken, cloud.Map{"bucket": id(s3.BucketToken), "rules": []any{EncryptionRule("AES256", "")}})
	create(s3.BucketPublicAccessBlockToken, cloud.Map{"bucket": id(s3.BucketToken), "blockPublicPolicy": true})
	create(s3.BucketPolicyToken, cloud.Map{
		"bucket": id(s3.BucketToken), "policy": BucketPolicyFor("Allow", `{"AWS":"000000000000"}`, "s3:GetObject", "arn:aws:s3:::slipway-state/*"),
	})

	create(servicediscovery.HTTPNamespaceToken, cloud.Map{"name": "main"})
	create(ecs.ClusterToken, cloud.Map{"name": "main"})
	create(ecs.ClusterCapacityProvidersToken, cloud.Map{"clusterName": "main", "capacityProviders": []any{ecs.Fargate, ecs.FargateSpot}})
	definition := create(ecs.TaskDefinitionToken, DefinitionOf(ContainerOf(nil), cloud.Map{
		"executionRoleArn": made[identity.RoleToken].Outputs["arn"], "taskRoleArn": made[identity.RoleToken].Outputs["arn"],
	}))
	create(ecs.ServiceToken, cloud.Map{
		"name": "hello", "cluster": id(ecs.ClusterToken), "taskDefinition": definition.Outputs["arn"], "desiredCount": 1.0,
		"capacityProviderStrategies": []any{cloud.Map{"capacityProvider": ecs.Fargate, "base": 0.0, "weight": 1.0}},
		"networkConfiguration":       cloud.Map{"subnets": subnets, "securityGroups": []any{id(ec2.SecurityGroupToken)}, "assignPublicIp": true},
		"loadBalancers": []any{cloud.Map{
			"targetGroupArn": id(elbv2.TargetGroupToken), "containerName": "main", "containerPort": 8080.0,
		}},
		"alarms":                      cloud.Map{"enable": true, "rollback": true, "alarmNames": []any{"errors"}},
		"serviceConnectConfiguration": cloud.Map{"enabled": true, "namespace": made[servicediscovery.HTTPNamespaceToken].Outputs["arn"]},
	})
	create(cloudwatch.MetricAlarmToken, cloud.Map{
		"name": "errors", "comparisonOperator": "GreaterThanThreshold", "threshold": 5.0, "evaluationPeriods": 1.0,
		"treatMissingData": "notBreaching",
		"metricQueries": []any{
			cloud.Map{"id": "rate", "expression": "IF(requests > 10, 100 * errors / requests, 0)", "returnData": true, "label": "5xx %"},
			cloud.Map{"id": "errors", "metric": balancerMetric(cloudwatch.Target5XXCount, made)},
			cloud.Map{"id": "requests", "metric": balancerMetric(cloudwatch.RequestCount, made)},
		},
	})
	create(appautoscaling.ScalableTargetToken, Scaled(cloud.Map{"minCapacity": 1.0, "maxCapacity": 6.0, "tags": cloud.Map{"Name": "hello"}}))
	create(appautoscaling.ScalingPolicyToken, Scaled(cloud.Map{
		"name": "requests", "policyType": "TargetTrackingScaling", "targetTrackingScalingPolicyConfiguration": cloud.Map{
			"targetValue": 100.0, "scaleInCooldown": 60.0, "predefinedMetricSpecification": cloud.Map{
				"predefinedMetricType": "ALBRequestCountPerTarget",
				"resourceLabel":        fmt.Sprint(made[elbv2.LoadBalancerToken].Outputs["arnSuffix"], "/", made[elbv2.TargetGroupToken].Outputs["arnSuffix"]),
			},
		},
	}))
	create(appautoscaling.ScheduledActionToken, Scaled(cloud.Map{
		"name": "morning", "schedule": "cron(0 8 ? * MON-FRI *)", "timezone": "Europe/Berlin", "startTime": "2026-12-01T00:00:00Z",
		"scalableTargetAction": cloud.Map{"minCapacity": 2.0, "maxCapacity": 6.0},
	}))
	workflow := c.Make(identity.RoleToken, cloud.Map{"name": "workflow", "path": "/slipway/", "assumeRolePolicy": TrustOfService("states.amazonaws.com"), "inlinePolicies": []any{
		cloud.Map{"name": "run", "policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecs:*","events:*","iam:PassRole"],"Resource":["*"]}]}`},
	}})
	create(sfn.StateMachineToken, cloud.Map{
		"name": "purge", "roleArn": workflow.Outputs["arn"], "tags": cloud.Map{"Name": "purge"},
		"definition": `{"StartAt":"Run","States":{"Run":{"Type":"Task","Resource":"arn:aws:states:::ecs:runTask.sync","Parameters":{},"End":true}}}`,
	})
	nightly := c.Make(identity.RoleToken, cloud.Map{"name": "nightly", "path": "/slipway/", "assumeRolePolicy": TrustOfService("scheduler.amazonaws.com")})
	create(scheduler.ScheduleGroupToken, cloud.Map{"name": "purge", "tags": cloud.Map{"Name": "purge"}})
	create(scheduler.ScheduleToken, cloud.Map{
		"name": "purge", "groupName": "purge", "scheduleExpression": "cron(0 3 * * ? *)", "scheduleExpressionTimezone": "Europe/Berlin",
		"flexibleTimeWindow": cloud.Map{"mode": "OFF"}, "target": cloud.Map{
			"arn": id(sfn.StateMachineToken), "roleArn": nightly.Outputs["arn"],
			"retryPolicy": cloud.Map{"maximumEventAgeInSeconds": 3600.0, "maximumRetryAttempts": 10.0},
		},
	})
	return c, made
}

// TrustOfService is the trust policy of a role that a service assumes.
func TrustOfService(service string) string {
	return TrustOf(`{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":["sts:AssumeRole"]}`)
}

// balancerMetric is a query for a metric of the stack's load balancer and target group.
func balancerMetric(name string, made map[string]*cloud.Resource) cloud.Map {
	return cloud.Map{"namespace": cloudwatch.NamespaceELB, "metricName": name, "stat": cloudwatch.Sum, "period": 60.0, "dimensions": cloud.Map{
		"LoadBalancer": made[elbv2.LoadBalancerToken].Outputs["arnSuffix"], "TargetGroup": made[elbv2.TargetGroupToken].Outputs["arnSuffix"],
	}}
}

// AllKinds returns the kinds and functions, including those that need a registry.
func AllKinds() []any { return slices.Concat(aws.Kinds(), ecr.WithImages(Held{})) }

// EncryptionRule is a rule for the encryption of a bucket.
func EncryptionRule(algorithm, key string) cloud.Map {
	applied := cloud.Map{"sseAlgorithm": algorithm}
	if key != "" {
		applied["kmsMasterKeyId"] = key
	}
	return cloud.Map{"applyServerSideEncryptionByDefault": applied}
}
