package fsbp

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"slipway/components/mocks"
)

// Every control has a resource that breaks it, and one that does not.
func TestControls(t *testing.T) {
	t.Parallel()
	const (
		task   = "aws:ecs/taskDefinition:TaskDefinition"
		rule   = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
		vpc    = "aws:ec2/vpc:Vpc"
		bucket = "aws:s3/bucketV2:BucketV2"
		policy = "aws:iam/policy:Policy"
	)
	type inputs = map[string]any
	containers := func(json string) inputs { return inputs{"containerDefinitions": "[" + json + "]"} }
	statement := func(json string) inputs { return inputs{"policy": `{"Statement":[` + json + `]}`} }
	endpoint := func(service string) []mocks.Resource {
		return []mocks.Resource{made("aws:ec2/vpcEndpoint:VpcEndpoint", "", inputs{"vpcId": "Vpc/x", "serviceName": "com.amazonaws.eu-central-1." + service})}
	}
	one := func(token, key, id string, more ...inputs) []mocks.Resource {
		all := inputs{key: id}
		for _, m := range more {
			for k, v := range m {
				all[k] = v
			}
		}
		return []mocks.Resource{made(token, "", all)}
	}
	block := inputs{"blockPublicAcls": true, "blockPublicPolicy": true, "ignorePublicAcls": true, "restrictPublicBuckets": true}
	rotation := one("aws:secretsmanager/secretRotation:SecretRotation", "secretId", "arn:Secret/x")

	tested := make(map[string]bool)
	for _, test := range []struct {
		control, kind string
		broken, kept  inputs
		with          []mocks.Resource // in addition to the one that keeps it
	}{
		{"ACM.1", "aws:acm/certificate:Certificate", inputs{"validationMethod": "EMAIL"}, inputs{"validationMethod": "DNS"}, nil},
		{"ACM.2", "aws:acm/certificate:Certificate", inputs{"keyAlgorithm": "RSA_1024"}, inputs{"keyAlgorithm": "RSA_2048"}, nil},
		{"EC2.2", vpc, nil, nil, one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "vpcId", "Vpc/x")},
		{"EC2.2", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", inputs{"ingress": []any{}}, nil, nil},
		{"EC2.6", vpc, nil, nil, one("aws:ec2/flowLog:FlowLog", "vpcId", "Vpc/x")},
		{"EC2.10", vpc, nil, nil, endpoint("ec2")},
		{"EC2.15", "aws:ec2/subnet:Subnet", inputs{"mapPublicIpOnLaunch": true}, nil, nil},
		{"EC2.15", "aws:ec2/subnet:Subnet", inputs{"assignIpv6AddressOnCreation": true}, nil, nil},
		{"EC2.18", rule, inputs{"cidrIpv4": "0.0.0.0/0", "ipProtocol": "tcp", "fromPort": 80, "toPort": 81}, inputs{"cidrIpv4": "0.0.0.0/0", "ipProtocol": "tcp", "fromPort": 80, "toPort": 80}, nil},
		{"EC2.18", rule, inputs{"cidrIpv6": "::/0", "ipProtocol": "udp", "fromPort": 443, "toPort": 443}, inputs{"referencedSecurityGroupId": "x", "ipProtocol": "-1"}, nil},
		{"EC2.19", rule, inputs{"cidrIpv6": "::/0", "ipProtocol": "-1"}, inputs{"cidrIpv6": "::/0", "ipProtocol": "tcp", "fromPort": 443, "toPort": 443}, nil},
		{"EC2.19", rule, inputs{"cidrIpv4": "0.0.0.0/0", "ipProtocol": "tcp", "fromPort": 0, "toPort": 22}, inputs{"cidrIpv4": "10.0.0.0/8", "ipProtocol": "tcp", "fromPort": 22, "toPort": 22}, nil},
		{"EC2.55", vpc, nil, nil, endpoint("ecr.api")},
		{"EC2.56", vpc, nil, nil, endpoint("ecr.dkr")},
		{"EC2.57", vpc, nil, nil, endpoint("ssm")},
		{"EC2.58", vpc, nil, nil, endpoint("ssm-contacts")},
		{"EC2.60", vpc, nil, nil, endpoint("ssm-incidents")},
		{"ECR.1", "aws:ecr/repository:Repository", nil, inputs{"imageScanningConfiguration": inputs{"scanOnPush": true}}, nil},
		{"ECR.2", "aws:ecr/repository:Repository", inputs{"imageTagMutability": "MUTABLE"}, inputs{"imageTagMutability": "IMMUTABLE"}, nil},
		{"ECR.3", "aws:ecr/repository:Repository", inputs{"name": "x"}, inputs{"name": "x"}, one("aws:ecr/lifecyclePolicy:LifecyclePolicy", "repository", "x")},
		{"ECS.2", "aws:ecs/service:Service", inputs{"networkConfiguration": inputs{"assignPublicIp": true}}, inputs{"networkConfiguration": inputs{}}, nil},
		{"ECS.3", task, inputs{"pidMode": "host"}, inputs{"pidMode": "task"}, nil},
		{"ECS.4", task, containers(`{}, {"privileged": true}`), containers(`{}`), nil},
		{"ECS.5", task, containers(`{"readonlyRootFilesystem": true}, {}`), containers(`{"readonlyRootFilesystem": true}`), nil},
		{"ECS.8", task, containers(`{"environment": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "x"}]}`), containers(`{"secrets": [{"name": "AWS_SECRET_ACCESS_KEY"}]}`), nil},
		{"ECS.9", task, containers(`{}`), containers(`{"logConfiguration": {"logDriver": "awslogs"}}`), nil},
		{"ECS.9", task, containers(`not JSON`), containers(`{"logConfiguration": {"logDriver": "awslogs"}}`), nil},
		{"ECS.10", "aws:ecs/service:Service", inputs{"platformVersion": "1.3.0"}, inputs{"platformVersion": "LATEST"}, nil},
		{"ECS.12", "aws:ecs/cluster:Cluster", inputs{"settings": []any{inputs{"name": "containerInsights", "value": "disabled"}}}, inputs{"settings": []any{inputs{"name": "containerInsights", "value": "enabled"}}}, nil},
		{"ECS.16", "aws:ecs/taskSet:TaskSet", inputs{"networkConfiguration": inputs{"assignPublicIp": true}}, nil, nil},
		{"ECS.17", task, inputs{"networkMode": "host"}, inputs{"networkMode": "awsvpc"}, nil},
		{"ECS.18", task, inputs{"volumes": []any{}}, nil, nil},
		{"ECS.20", task, containers(`{"user": "root"}`), containers(`{"user": "65532:65532"}`), nil},
		{"ECS.20", task, containers(`{"user": "0:65532"}`), containers(`{"user": "nobody"}`), nil},
		{"ECS.21", task, inputs{"runtimePlatform": inputs{"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}, inputs{"runtimePlatform": inputs{"operatingSystemFamily": "LINUX"}}, nil},
		{
			"ELB.1", "aws:lb/listener:Listener",
			inputs{"protocol": "HTTP", "defaultActions": []any{inputs{"type": "forward"}}},
			inputs{"protocol": "HTTP", "defaultActions": []any{inputs{"redirect": inputs{"protocol": "HTTPS"}}}},
			nil,
		},
		{"ELB.4", "aws:lb/loadBalancer:LoadBalancer", nil, inputs{"dropInvalidHeaderFields": true}, nil},
		{"ELB.5", "aws:lb/loadBalancer:LoadBalancer", nil, inputs{"accessLogs": inputs{"enabled": true}}, nil},
		{"ELB.5", "aws:lb/loadBalancer:LoadBalancer", inputs{"accessLogs": inputs{"enabled": false}}, inputs{"accessLogs": inputs{"enabled": true}}, nil},
		{"ELB.6", "aws:lb/loadBalancer:LoadBalancer", inputs{"enableDeletionProtection": false}, inputs{"enableDeletionProtection": true}, nil},
		{"ELB.12", "aws:lb/loadBalancer:LoadBalancer", inputs{"desyncMitigationMode": "monitor"}, inputs{"desyncMitigationMode": "defensive"}, nil},
		{"ELB.13", "aws:lb/loadBalancer:LoadBalancer", inputs{"subnets": []any{"a"}}, inputs{"subnets": []any{"a", "b"}}, nil},
		{"ELB.17", "aws:lb/listener:Listener", inputs{"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-2016-08"}, inputs{"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-3-2021-06"}, nil},
		{"ELB.18", "aws:lb/listener:Listener", inputs{"protocol": "HTTP"}, inputs{"protocol": "HTTPS"}, nil},
		{"ELB.21", "aws:lb/targetGroup:TargetGroup", inputs{"healthCheck": inputs{"protocol": "HTTP"}}, inputs{"healthCheck": inputs{"protocol": "HTTPS"}}, nil},
		{"ELB.22", "aws:lb/targetGroup:TargetGroup", inputs{"protocol": "HTTP"}, inputs{"protocol": "HTTPS"}, nil},
		{"IAM.1", policy, statement(`{"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}`), statement(`{"Effect": "Deny", "Action": ["*"], "Resource": ["*"]}`), nil},
		{"IAM.1", policy, inputs{"policy": "not JSON"}, statement(`{"Effect": "Allow", "Action": ["*"], "Resource": ["arn"]}`), nil},
		{"IAM.1", "aws:iam/rolePolicyAttachment:RolePolicyAttachment", inputs{"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}, inputs{"policyArn": "arn:aws:iam::123456789012:policy/x"}, nil},
		{"IAM.1", "aws:iam/role:Role", inputs{"managedPolicyArns": []any{}}, nil, nil},
		{"IAM.21", "aws:iam/rolePolicy:RolePolicy", statement(`{"Effect": "Allow", "Action": ["ecs:*"], "Resource": ["arn"]}`), statement(`{"Effect": "Allow", "Action": ["ecs:Describe*"], "Resource": ["*"]}`), nil},
		{"KMS.1", policy, statement(`{"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": ["*"]}`), statement(`{"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": ["arn:aws:kms:eu-central-1:123456789012:key/x"]}`), nil},
		{
			"S3.5", bucket, nil, nil, one("aws:s3/bucketPolicy:BucketPolicy", "bucket", "BucketV2/x",
				statement(`{"Effect": "Deny", "Action": ["s3:*"], "Condition": {"Bool": {"aws:SecureTransport": ["false"]}}}`)),
		},
		{"S3.6", "aws:s3/bucketPolicy:BucketPolicy", statement(`{"Effect": "Allow", "Action": ["s3:PutBucketPolicy"]}`), statement(`{"Effect": "Allow", "Action": ["s3:PutObject"]}`), nil},
		{"S3.8", bucket, nil, nil, one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "bucket", "BucketV2/x", block)},
		{"S3.9", bucket, nil, nil, one("aws:s3/bucketLoggingV2:BucketLoggingV2", "bucket", "BucketV2/x")},
		{"S3.12", bucket, inputs{"acl": "private"}, nil, nil},
		{"S3.13", bucket, nil, nil, one("aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", "bucket", "BucketV2/x")},
		{"SecretsManager.1", "aws:secretsmanager/secret:Secret", nil, nil, rotation},
		{"SecretsManager.3", "aws:secretsmanager/secret:Secret", nil, nil, []mocks.Resource{made(task, "", containers(`{"secrets": [{"valueFrom": "arn:Secret/x:KEY::1"}]}`))}},
		{"SecretsManager.4", "aws:secretsmanager/secret:Secret", nil, nil, rotation},
		{"StepFunctions.1", "aws:sfn/stateMachine:StateMachine", inputs{"loggingConfiguration": inputs{"level": "OFF"}}, inputs{"loggingConfiguration": inputs{"level": "ERROR"}}, nil},
	} {
		tested[test.control] = true
		if r := made(test.kind, "x", test.broken); !breaks(test.control, r, nil) {
			t.Errorf("%s %v does not break %s", test.kind, test.broken, test.control)
		}
		if r := made(test.kind, "x", test.kept); breaks(test.control, r, test.with) {
			t.Errorf("%s %v breaks %s", test.kind, test.kept, test.control)
		}
	}
	for _, c := range controls {
		if !tested[c.id] {
			t.Errorf("%s is not tested", c.id)
		}
	}
}

// made is a resource with these inputs.
func made(token, name string, inputs map[string]any) mocks.Resource {
	return mocks.Resource{Type: token, Name: name, Inputs: resource.NewPropertyMapFromMap(inputs)}
}

// breaks reports whether the resource breaks a control.
func breaks(id string, r mocks.Resource, with []mocks.Resource) bool {
	return slices.ContainsFunc(controls, func(c control) bool {
		return c.id == id && slices.Contains(c.kinds, r.Type) && c.broken(r, append(with, r))
	})
}

func TestUnknownKind(t *testing.T) {
	t.Parallel()
	_, err := Findings([]mocks.Resource{{Type: "aws:lambda/function:Function"}})
	if err == nil || !strings.Contains(err.Error(), "aws:lambda/function:Function") {
		t.Errorf("%v does not name the kind", err)
	}
	if findings, err := Findings([]mocks.Resource{{Type: "slipway:index:Network"}, {Type: "cloudflare:index/record:Record"}}); err != nil || findings != nil {
		t.Errorf("%v, %v; want nothing about what is not AWS's", findings, err)
	}
}

func TestUnexpected(t *testing.T) {
	t.Parallel()
	findings := []Finding{{Control: "ECS.2", Name: "a"}, {Control: "ECS.5", Name: "b"}}
	unexpected, unneeded := Unexpected(findings, []string{"ECS.2", "ELB.5"})
	if !slices.Equal(unexpected, findings[1:]) || !slices.Equal(unneeded, []string{"ELB.5"}) {
		t.Errorf("unexpected %v, unneeded %v", unexpected, unneeded)
	}
}
