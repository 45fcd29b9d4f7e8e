package fsbp

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"slipway/components/mocks"
)

// uncontrolled are the kinds without a control of their own in the standard.
var uncontrolled = []string{
	"aws:acm/certificateValidation:CertificateValidation",
	"aws:appautoscaling/policy:Policy", // AutoScaling.* are about groups of EC2 instances
	"aws:appautoscaling/scheduledAction:ScheduledAction",
	"aws:appautoscaling/target:Target",
	"aws:cloudwatch/logGroup:LogGroup",       // CloudWatch.16, its retention, is of another standard
	"aws:cloudwatch/metricAlarm:MetricAlarm", // and so are CloudWatch.15 and .17, their actions
	"aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway",
	"aws:ec2/flowLog:FlowLog",
	"aws:ec2/eip:Eip", // EC2.12, no unused ones, is of another standard
	"aws:ec2/internetGateway:InternetGateway",
	"aws:ec2/natGateway:NatGateway",
	"aws:ec2/route:Route",
	"aws:ec2/routeTable:RouteTable",
	"aws:ec2/routeTableAssociation:RouteTableAssociation",
	"aws:ec2/securityGroup:SecurityGroup", // its rules are separate resources
	"aws:ecr/lifecyclePolicy:LifecyclePolicy",
	"aws:ecr/repositoryPolicy:RepositoryPolicy",
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
	"aws:scheduler/schedule:Schedule",
	"aws:scheduler/scheduleGroup:ScheduleGroup",
	"aws:iam/openIdConnectProvider:OpenIdConnectProvider",
	"aws:lb/listenerCertificate:ListenerCertificate",
	"aws:lb/listenerRule:ListenerRule",
	"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
	"aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
	"aws:s3/bucketVersioningV2:BucketVersioningV2",
	"aws:secretsmanager/secretVersion:SecretVersion",
	"aws:servicediscovery/httpNamespace:HttpNamespace",
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
}

// recommendedTLS are the security policies that ELB.17 accepts.
var recommendedTLS = []string{
	"ELBSecurityPolicy-TLS13-1-3-2021-06", "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04",
	"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04",
	"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
	"ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09", "ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09",
}

// riskyPorts are the ports that EC2.19 wants closed to the world.
var riskyPorts = []int{
	20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601, 8080, 8088, 8888, 9200, 9300,
}

// credentials are the environment variables that ECS.8 treats as secret.
var credentials = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ECS_ENGINE_AUTH_DATA"}

// adminS3 are the actions on a bucket that S3.6 denies to other accounts.
var adminS3 = []string{
	"s3:DeleteBucketPolicy", "s3:PutBucketAcl", "s3:PutBucketPolicy", "s3:PutEncryptionConfiguration", "s3:PutObjectAcl",
}

var controls = slices.Concat(acm, ec2, ecr, ecs, elb, iam, s3, secretsManager)

var acm = []control{
	// ACM itself fulfils ACM.1, renewal in time, for certificates that are validated by DNS.
	{"ACM.1", on("aws:acm/certificate:Certificate"), func(r mocks.Resource, _ []mocks.Resource) bool { return text(r, "validationMethod") != "DNS" }},
	{"ACM.2", on("aws:acm/certificate:Certificate"), func(r mocks.Resource, _ []mocks.Resource) bool { return text(r, "keyAlgorithm") == "RSA_1024" }},
}

var ec2 = []control{
	{"EC2.2", on("aws:ec2/vpc:Vpc"), func(r mocks.Resource, stack []mocks.Resource) bool {
		return !hasOne(stack, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "vpcId", r)
	}},
	{"EC2.2", on("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"), func(r mocks.Resource, _ []mocks.Resource) bool {
		return given(r, "ingress") || given(r, "egress")
	}},
	{"EC2.6", on("aws:ec2/vpc:Vpc"), lacks("aws:ec2/flowLog:FlowLog", "vpcId")},
	{"EC2.10", on("aws:ec2/vpc:Vpc"), lacksEndpoint("ec2")},
	{"EC2.15", on("aws:ec2/subnet:Subnet"), func(r mocks.Resource, _ []mocks.Resource) bool {
		return is(r, "mapPublicIpOnLaunch") || is(r, "assignIpv6AddressOnCreation")
	}},
	{"EC2.18", on("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"), func(r mocks.Resource, _ []mocks.Resource) bool {
		return open(r) && !allows(r, 80, 80) && !allows(r, 443, 443)
	}},
	{"EC2.19", on("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"), func(r mocks.Resource, _ []mocks.Resource) bool {
		return open(r) && slices.ContainsFunc(riskyPorts, func(port int) bool { return reaches(r, port) })
	}},
	{"EC2.55", on("aws:ec2/vpc:Vpc"), lacksEndpoint("ecr.api")},
	{"EC2.56", on("aws:ec2/vpc:Vpc"), lacksEndpoint("ecr.dkr")},
	{"EC2.57", on("aws:ec2/vpc:Vpc"), lacksEndpoint("ssm")},
	{"EC2.58", on("aws:ec2/vpc:Vpc"), lacksEndpoint("ssm-contacts")},
	{"EC2.60", on("aws:ec2/vpc:Vpc"), lacksEndpoint("ssm-incidents")},
}

var ecr = []control{
	{"ECR.1", on("aws:ecr/repository:Repository"), func(r mocks.Resource, _ []mocks.Resource) bool {
		scanning := r.Inputs["imageScanningConfiguration"]
		return !scanning.IsObject() || !scanning.ObjectValue()["scanOnPush"].BoolValue()
	}},
	{"ECR.2", on("aws:ecr/repository:Repository"), func(r mocks.Resource, _ []mocks.Resource) bool {
		return text(r, "imageTagMutability") != "IMMUTABLE"
	}},
	{"ECR.3", on("aws:ecr/repository:Repository"), func(r mocks.Resource, stack []mocks.Resource) bool {
		return !slices.ContainsFunc(stack, func(other mocks.Resource) bool {
			return other.Type == "aws:ecr/lifecyclePolicy:LifecyclePolicy" && text(other, "repository") == text(r, "name")
		})
	}},
}

var ecs = []control{
	{"ECS.2", on("aws:ecs/service:Service"), publicAddress},
	{"ECS.3", on("aws:ecs/taskDefinition:TaskDefinition"), func(r mocks.Resource, _ []mocks.Resource) bool { return text(r, "pidMode") == "host" }},
	{"ECS.4", on("aws:ecs/taskDefinition:TaskDefinition"), anyContainer(func(c container) bool { return c.Privileged })},
	{"ECS.5", on("aws:ecs/taskDefinition:TaskDefinition"), anyContainer(func(c container) bool { return !c.ReadonlyRootFilesystem })},
	{"ECS.8", on("aws:ecs/taskDefinition:TaskDefinition"), anyContainer(func(c container) bool {
		return slices.ContainsFunc(c.Environment, func(v variable) bool { return slices.Contains(credentials, v.Name) })
	})},
	{"ECS.9", on("aws:ecs/taskDefinition:TaskDefinition"), anyContainer(func(c container) bool { return c.LogConfiguration.LogDriver == "" })},
	{"ECS.10", on("aws:ecs/service:Service"), func(r mocks.Resource, _ []mocks.Resource) bool {
		return given(r, "platformVersion") && text(r, "platformVersion") != "LATEST"
	}},
	{"ECS.12", on("aws:ecs/cluster:Cluster"), func(r mocks.Resource, _ []mocks.Resource) bool {
		settings := r.Inputs["settings"]
		return !settings.IsArray() || !slices.ContainsFunc(settings.ArrayValue(), func(setting resource.PropertyValue) bool {
			value := setting.ObjectValue()["value"].StringValue()
			return setting.ObjectValue()["name"].StringValue() == "containerInsights" && (value == "enabled" || value == "enhanced")
		})
	}},
	{"ECS.16", on("aws:ecs/taskSet:TaskSet"), publicAddress},
	{"ECS.17", on("aws:ecs/taskDefinition:TaskDefinition"), func(r mocks.Resource, _ []mocks.Resource) bool { return text(r, "networkMode") == "host" }},
	{"ECS.18", on("aws:ecs/taskDefinition:TaskDefinition"), func(r mocks.Resource, _ []mocks.Resource) bool { return given(r, "volumes") }},
	{"ECS.20", on("aws:ecs/taskDefinition:TaskDefinition"), anyContainer(func(c container) bool {
		user, _, _ := strings.Cut(c.User, ":")
		return user == "" || user == "0" || user == "root"
	})},
	{"ECS.21", on("aws:ecs/taskDefinition:TaskDefinition"), func(r mocks.Resource, _ []mocks.Resource) bool {
		platform := r.Inputs["runtimePlatform"]
		return !platform.IsObject() || platform.ObjectValue()["operatingSystemFamily"].StringValue() != "LINUX"
	}},
}

var elb = []control{
	{"ELB.1", on("aws:lb/listener:Listener"), func(r mocks.Resource, _ []mocks.Resource) bool {
		action := r.Inputs["defaultActions"].ArrayValue()[0].ObjectValue()
		return text(r, "protocol") == "HTTP" &&
			(!action["redirect"].IsObject() || action["redirect"].ObjectValue()["protocol"].StringValue() != "HTTPS")
	}},
	{"ELB.4", on("aws:lb/loadBalancer:LoadBalancer"), func(r mocks.Resource, _ []mocks.Resource) bool { return !is(r, "dropInvalidHeaderFields") }},
	{"ELB.5", on("aws:lb/loadBalancer:LoadBalancer"), func(r mocks.Resource, _ []mocks.Resource) bool {
		logs := r.Inputs["accessLogs"]
		return !logs.IsObject() || !logs.ObjectValue()["enabled"].IsBool() || !logs.ObjectValue()["enabled"].BoolValue()
	}},
	{"ELB.6", on("aws:lb/loadBalancer:LoadBalancer"), func(r mocks.Resource, _ []mocks.Resource) bool { return !is(r, "enableDeletionProtection") }},
	{"ELB.12", on("aws:lb/loadBalancer:LoadBalancer"), func(r mocks.Resource, _ []mocks.Resource) bool {
		return !slices.Contains([]string{"defensive", "strictest"}, text(r, "desyncMitigationMode"))
	}},
	{"ELB.13", on("aws:lb/loadBalancer:LoadBalancer"), func(r mocks.Resource, _ []mocks.Resource) bool { return len(r.Inputs["subnets"].ArrayValue()) < 2 }},
	{"ELB.17", on("aws:lb/listener:Listener"), func(r mocks.Resource, _ []mocks.Resource) bool {
		return text(r, "protocol") == "HTTPS" && !slices.Contains(recommendedTLS, text(r, "sslPolicy"))
	}},
	{"ELB.18", on("aws:lb/listener:Listener"), func(r mocks.Resource, _ []mocks.Resource) bool { return text(r, "protocol") != "HTTPS" }},
	{"ELB.21", on("aws:lb/targetGroup:TargetGroup"), func(r mocks.Resource, _ []mocks.Resource) bool {
		return r.Inputs["healthCheck"].ObjectValue()["protocol"].StringValue() != "HTTPS"
	}},
	{"ELB.22", on("aws:lb/targetGroup:TargetGroup"), func(r mocks.Resource, _ []mocks.Resource) bool { return text(r, "protocol") != "HTTPS" }},
}

// The standard has IAM.1, IAM.21 and KMS.1 for managed policies, and KMS.2 for inline ones. Here all of them apply to both.
var iam = []control{
	{"IAM.1", on("aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy"), anyStatement(func(s statement) bool {
		return s.Effect == "Allow" && slices.Contains(s.Action, "*") && slices.Contains(s.Resource, "*")
	})},
	// AWS can change what its own policies allow, and they allow more than any service needs.
	{"IAM.1", on("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "aws:iam/role:Role"), func(r mocks.Resource, _ []mocks.Resource) bool {
		return strings.Contains(text(r, "policyArn"), "::aws:policy/") || given(r, "managedPolicyArns") || given(r, "inlinePolicies")
	}},
	{"IAM.21", on("aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy"), anyStatement(func(s statement) bool {
		return s.Effect == "Allow" && slices.ContainsFunc(s.Action, func(action string) bool { return action == "*" || strings.HasSuffix(action, ":*") })
	})},
	{"KMS.1", on("aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy"), anyStatement(func(s statement) bool {
		return s.Effect == "Allow" && slices.ContainsFunc(s.Action, func(action string) bool {
			return action == "kms:Decrypt" || action == "kms:ReEncryptFrom"
		}) && slices.ContainsFunc(s.Resource, func(arn string) bool { return arn == "*" || strings.HasSuffix(arn, ":key/*") })
	})},
}

var s3 = []control{
	// The block of S3.8 covers S3.2 and S3.3: nothing is public to read or to write.
	{"S3.8", on("aws:s3/bucketV2:BucketV2"), func(r mocks.Resource, stack []mocks.Resource) bool {
		return !slices.ContainsFunc(stack, func(other mocks.Resource) bool {
			return other.Type == "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock" && belongs(other, "bucket", r) &&
				is(other, "blockPublicAcls") && is(other, "blockPublicPolicy") && is(other, "ignorePublicAcls") && is(other, "restrictPublicBuckets")
		})
	}},
	{"S3.5", on("aws:s3/bucketV2:BucketV2"), func(r mocks.Resource, stack []mocks.Resource) bool {
		return !slices.ContainsFunc(stack, func(other mocks.Resource) bool {
			return other.Type == "aws:s3/bucketPolicy:BucketPolicy" && belongs(other, "bucket", r) &&
				slices.ContainsFunc(statements(other), func(s statement) bool {
					return s.Effect == "Deny" && s.Condition["Bool"]["aws:SecureTransport"] != nil && slices.Contains(s.Action, "s3:*")
				})
		})
	}},
	{"S3.6", on("aws:s3/bucketPolicy:BucketPolicy"), anyStatement(func(s statement) bool {
		return s.Effect == "Allow" && slices.ContainsFunc(s.Action, func(action string) bool {
			return strings.HasSuffix(action, "*") || slices.Contains(adminS3, action)
		})
	})},
	{"S3.9", on("aws:s3/bucketV2:BucketV2"), lacks("aws:s3/bucketLoggingV2:BucketLoggingV2", "bucket")},
	{"S3.12", on("aws:s3/bucketV2:BucketV2"), func(r mocks.Resource, stack []mocks.Resource) bool {
		return given(r, "acl") || given(r, "grants") || hasOne(stack, "aws:s3/bucketAclV2:BucketAclV2", "bucket", r)
	}},
	{"S3.13", on("aws:s3/bucketV2:BucketV2"), lacks("aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", "bucket")},
}

var secretsManager = []control{
	{"SecretsManager.1", on("aws:secretsmanager/secret:Secret"), lacks("aws:secretsmanager/secretRotation:SecretRotation", "secretId")},
	// SecretsManager.2 is about rotations that fail. SecretsManager.3, no unused secrets: every secret's ARN is in a task definition.
	{"SecretsManager.3", on("aws:secretsmanager/secret:Secret"), func(r mocks.Resource, stack []mocks.Resource) bool {
		return !slices.ContainsFunc(stack, func(other mocks.Resource) bool {
			return other.Type == "aws:ecs/taskDefinition:TaskDefinition" && strings.Contains(text(other, "containerDefinitions"), `"arn:Secret/`+r.Name)
		})
	}},
	{"SecretsManager.4", on("aws:secretsmanager/secret:Secret"), lacks("aws:secretsmanager/secretRotation:SecretRotation", "secretId")},
	{"StepFunctions.1", on("aws:sfn/stateMachine:StateMachine"), func(r mocks.Resource, _ []mocks.Resource) bool {
		logging := r.Inputs["loggingConfiguration"]
		return !logging.IsObject() || !logging.ObjectValue()["level"].IsString() || logging.ObjectValue()["level"].StringValue() == "OFF"
	}},
}

func on(tokens ...string) []string { return tokens }

// text returns a string input of the resource, empty if it is not given.
func text(r mocks.Resource, key resource.PropertyKey) string {
	if value := r.Inputs[key]; value.IsString() {
		return value.StringValue()
	}
	return ""
}

// is reports whether an input is true.
func is(r mocks.Resource, key resource.PropertyKey) bool {
	value := r.Inputs[key]
	return value.IsBool() && value.BoolValue()
}

// given reports whether an input is given.
func given(r mocks.Resource, key resource.PropertyKey) bool {
	_, found := r.Inputs[key]
	return found
}

// belongs reports whether a resource refers to another one's id.
func belongs(r mocks.Resource, key resource.PropertyKey, to mocks.Resource) bool {
	id := text(r, key)
	kind := to.Type[strings.LastIndex(to.Type, ":")+1:]
	return id == kind+"/"+to.Name || id == "arn:"+kind+"/"+to.Name
}

// hasOne reports whether the stack has a resource of a kind that belongs to another.
func hasOne(stack []mocks.Resource, token string, key resource.PropertyKey, of mocks.Resource) bool {
	return slices.ContainsFunc(stack, func(r mocks.Resource) bool { return r.Type == token && belongs(r, key, of) })
}

// lacks is broken by a resource to which no resource of a kind refers.
func lacks(token string, key resource.PropertyKey) func(mocks.Resource, []mocks.Resource) bool {
	return func(r mocks.Resource, stack []mocks.Resource) bool { return !hasOne(stack, token, key, r) }
}

// lacksEndpoint is broken by a VPC without an interface endpoint for a service.
func lacksEndpoint(service string) func(mocks.Resource, []mocks.Resource) bool {
	return func(r mocks.Resource, stack []mocks.Resource) bool {
		return !slices.ContainsFunc(stack, func(other mocks.Resource) bool {
			return other.Type == "aws:ec2/vpcEndpoint:VpcEndpoint" && belongs(other, "vpcId", r) && strings.HasSuffix(text(other, "serviceName"), "."+service)
		})
	}
}

func publicAddress(r mocks.Resource, _ []mocks.Resource) bool {
	network := r.Inputs["networkConfiguration"]
	return network.IsObject() && network.ObjectValue()["assignPublicIp"].IsBool() && network.ObjectValue()["assignPublicIp"].BoolValue()
}

// open reports whether a rule is for any address.
func open(r mocks.Resource) bool {
	return strings.HasSuffix(text(r, "cidrIpv4"), "/0") || strings.HasSuffix(text(r, "cidrIpv6"), "/0")
}

// allows reports whether a rule is for these TCP ports and no others.
func allows(r mocks.Resource, from, to int) bool {
	return text(r, "ipProtocol") == "tcp" && given(r, "fromPort") && given(r, "toPort") &&
		r.Inputs["fromPort"].NumberValue() == float64(from) && r.Inputs["toPort"].NumberValue() == float64(to)
}

// reaches reports whether a rule includes a port.
func reaches(r mocks.Resource, port int) bool {
	if text(r, "ipProtocol") == "-1" || !given(r, "fromPort") {
		return true
	}
	return r.Inputs["fromPort"].NumberValue() <= float64(port) && float64(port) <= r.Inputs["toPort"].NumberValue()
}

// container is the part of a container definition that controls check.
type container struct {
	Privileged             bool
	ReadonlyRootFilesystem bool
	User                   string
	Environment            []variable
	LogConfiguration       struct{ LogDriver string }
}

type variable struct{ Name string }

// anyContainer is broken by a task definition with a wrong container, or one that cannot be read.
func anyContainer(wrong func(container) bool) func(mocks.Resource, []mocks.Resource) bool {
	return func(r mocks.Resource, _ []mocks.Resource) bool {
		var containers []container
		if err := json.Unmarshal([]byte(text(r, "containerDefinitions")), &containers); err != nil || len(containers) == 0 {
			return true
		}
		return slices.ContainsFunc(containers, wrong)
	}
}

// statement is a statement of an IAM policy.
type statement struct {
	Effect           string
	Action, Resource []string
	Condition        map[string]map[string][]string
}

// statements returns the statements of the resource's policy; a policy that cannot be read allows everything.
func statements(r mocks.Resource) []statement {
	var policy struct{ Statement []statement }
	if err := json.Unmarshal([]byte(text(r, "policy")), &policy); err != nil || len(policy.Statement) == 0 {
		return []statement{{Effect: "Allow", Action: []string{"*"}, Resource: []string{"*"}}}
	}
	return policy.Statement
}

// anyStatement is broken by a policy with a wrong statement.
func anyStatement(wrong func(statement) bool) func(mocks.Resource, []mocks.Resource) bool {
	return func(r mocks.Resource, _ []mocks.Resource) bool { return slices.ContainsFunc(statements(r), wrong) }
}
