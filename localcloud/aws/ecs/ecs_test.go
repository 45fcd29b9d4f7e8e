package ecs_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"

	"pgregory.net/rapid"
)

func TestFargateSizes(t *testing.T) {
	for _, tt := range []struct {
		cpu, memory string
		words       string
	}{
		{"256", "512", ""},
		{"256", "1024", ""},
		{"256", "2048", ""},
		{"256", "1536", "256 CPU, 1536 memory"},
		{"256", "4096", "256 CPU, 4096 memory"},
		{"512", "512", "512 CPU, 512 memory"},
		{"512", "3072", ""},
		{"1024", "8192", ""},
		{"1024", "1024", "1024 CPU, 1024 memory"},
		{"2048", "4096", ""},
		{"4096", "30720", ""},
		{"8192", "20480", ""},
		{"8192", "18432", "8192 CPU, 18432 memory"},
		{"16384", "122880", ""},
		{"16384", "36864", "16384 CPU, 36864 memory"},
		{"32768", "61440", ""},
		{"32768", "122880", ""},
		{"32 vCPU", "244 GB", ""},
		{"32768", "69632", "32768 CPU, 69632 memory"},
		{"32768", "32768", "32768 CPU, 32768 memory"},
		{"300", "512", "300 CPU, 512 memory"},
		{".25 vCPU", "0.5 GB", ""},
		{"1 vcpu", "2GB", ""},
		{"one", "512", "Invalid 'cpu' setting for task."},
		{"256", "-1", "Invalid 'memory' setting for task."},
	} {
		err := ecs.Registrable(&ecs.TaskDefinitionSpec{
			Family: "f", CPU: tt.cpu, Memory: tt.memory, NetworkMode: "awsvpc", RequiresCompatibilities: []string{ecs.Fargate},
			ContainerDefinitions: `[{"name":"main","image":"nginx"}]`,
		})
		switch {
		case tt.words == "" && err != nil:
			t.Errorf("%s, %s: %v", tt.cpu, tt.memory, err)
		case tt.words != "" && (err == nil || cloud.Code(err) != "ClientException" || !strings.Contains(err.Error(), tt.words)):
			t.Errorf("%s, %s: got %v, want %q", tt.cpu, tt.memory, err, tt.words)
		}
	}
}

func TestTaskDefinitionRefusals(t *testing.T) {
	s := awstest.NewECSStage(t)
	container := func(change cloud.Map) cloud.Map { return awstest.DefinitionOf(awstest.ContainerOf(change), nil) }
	with2 := func(second cloud.Map) cloud.Map {
		return awstest.DefinitionOf(append(awstest.ContainerOf(nil), second), nil)
	}
	logs := func(options cloud.Map) cloud.Map {
		return container(cloud.Map{"logConfiguration": cloud.Map{"logDriver": "awslogs", "options": options}})
	}
	check := func(change cloud.Map) cloud.Map { return container(cloud.Map{"healthCheck": change}) }
	memory := func(mounts ...any) cloud.Map {
		return container(cloud.Map{"linuxParameters": cloud.Map{"tmpfs": mounts}})
	}
	files := func(efs cloud.Map) cloud.Map {
		return awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"volumes": []any{cloud.Map{"name": "files", "efsVolumeConfiguration": efs}}})
	}
	for _, tt := range []struct {
		name        string
		in          cloud.Map
		code, words string
	}{
		{"family", awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"family": "a b"}), "Check", "family: invalid value"},
		{"role", awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"executionRoleArn": "execution"}), "Check", "invalid ARN"},
		{"compatibility", awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"requiresCompatibilities": []any{"LAMBDA"}}), "Check", `expected requiresCompatibilities[0] to be one of`},
		{"architecture", awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"runtimePlatform": cloud.Map{"cpuArchitecture": "amd64"}}), "Check", "cpuArchitecture"},
		{"storage", awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"ephemeralStorage": cloud.Map{"sizeInGib": 10.0}}), "Check", "(21 - 200)"},
		{"not JSON", awstest.DefinitionOf(nil, cloud.Map{"containerDefinitions": "{"}), "Check", "ECS Task Definition container_definitions is invalid"},
		{"unknown field", container(cloud.Map{"portMapping": []any{}}), "Check", `"portMapping" is not a field of a container definition`},
		{"wrong type", container(cloud.Map{"stopTimeout": "30"}), "Check", "container_definitions is invalid"},
		{"two lists", awstest.DefinitionOf(nil, cloud.Map{"containerDefinitions": "[] []"}), "Check", "something after"},
		{"mode", awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"networkMode": "bridge"}), "ClientException", "Fargate only supports network mode ‘awsvpc’."},
		{"no cpu", awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"cpu": nil}), "ClientException", "Fargate requires that 'cpu' be defined at the task level."},
		{"no memory", awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"memory": nil}), "ClientException", "Fargate requires that 'memory' be defined"},
		{"size", awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"memory": "8192"}), "ClientException", "No Fargate configuration exists for given values: 256 CPU, 8192 memory."},
		{"no containers", awstest.DefinitionOf(nil, cloud.Map{"containerDefinitions": "[]"}), "ClientException", "Container list cannot be empty."},
		{"no name", container(cloud.Map{"name": nil}), "ClientException", "Container.name should not be null or empty."},
		{"name", container(cloud.Map{"name": "a/b"}), "ClientException", "Invalid container name 'a/b'"},
		{"no image", container(cloud.Map{"image": nil}), "ClientException", "Container.image should not be null or empty."},
		{"same name", with2(cloud.Map{"name": "main", "image": "x"}), "ClientException", "must be unique"},
		{"none essential", container(cloud.Map{"essential": false}), "ClientException", "at least one essential container"},
		{"ports differ", container(cloud.Map{"portMappings": []any{cloud.Map{"containerPort": 80, "hostPort": 8080}}}), "ClientException", "host ports and container ports in port mappings must match"},
		{"no port", container(cloud.Map{"portMappings": []any{cloud.Map{"hostPort": 8080}}}), "ClientException", "Invalid 'containerPort' setting for container 'main'."},
		{"same port", with2(cloud.Map{"name": "b", "image": "x", "portMappings": []any{cloud.Map{"containerPort": 8080}}}), "ClientException", "Container port 8080"},
		{"stop timeout", container(cloud.Map{"stopTimeout": 121}), "ClientException", "at most 120 seconds"},
		{"memory of container", container(cloud.Map{"memory": 1024}), "ClientException", "The 'memory' setting for container 'main' is greater than for the task."},
		{"memory of containers", awstest.DefinitionOf([]cloud.Map{
			{"name": "a", "image": "x", "memory": 400}, {"name": "b", "image": "x", "memory": 400, "memoryReservation": 113},
		}, nil), "ClientException", "The sum of all container 'memory' values"},
		{"containers", awstest.DefinitionOf(slices.Repeat(awstest.ContainerOf(nil), 11), nil), "ClientException", "Too many containers."},
		{"cpu of containers", container(cloud.Map{"cpu": 512}), "ClientException", "The sum of all container 'cpu' values"},
		{"role for ECR", awstest.DefinitionOf(awstest.ContainerOf(cloud.Map{"logConfiguration": nil}), cloud.Map{"executionRoleArn": nil}), "ClientException", "to support ECR images."},
		{"role for logs", awstest.DefinitionOf(awstest.ContainerOf(cloud.Map{"image": "nginx"}), cloud.Map{"executionRoleArn": nil}), "ClientException", "to support log driver awslogs."},
		{"role for secrets", awstest.DefinitionOf(awstest.ContainerOf(cloud.Map{"secrets": []any{cloud.Map{"name": "A", "valueFrom": "x"}}}), cloud.Map{"executionRoleArn": nil}), "ClientException", "you must also specify a value for 'executionRoleArn'."},
		{"role for a registry", awstest.DefinitionOf(awstest.ContainerOf(cloud.Map{"image": "nginx", "repositoryCredentials": cloud.Map{"credentialsParameter": "x"}}), cloud.Map{"executionRoleArn": nil}), "ClientException", "private registry"},
		{"secret over variable", container(cloud.Map{"secrets": []any{cloud.Map{"name": "PORT", "valueFrom": "x"}}}), "ClientException", "such as 'PORT'"},
		{"log group", logs(cloud.Map{"awslogs-region": "eu-central-1", "awslogs-stream-prefix": "p"}), "ClientException", "Log driver awslogs requires options: awslogs-region, awslogs-group"},
		{"log prefix", logs(cloud.Map{"awslogs-region": "eu-central-1", "awslogs-group": "g"}), "ClientException", "awslogs-stream-prefix"},
		{"log option", logs(cloud.Map{"awslogs-region": "r", "awslogs-group": "g", "awslogs-stream-prefix": "p", "colour": "red"}), "ClientException", "disallows options: colour"},
		{"log mode", logs(cloud.Map{"awslogs-region": "r", "awslogs-group": "g", "awslogs-stream-prefix": "p", "mode": "fast"}), "ClientException", "blocking or non-blocking"},
		{"check command", check(cloud.Map{"command": []any{"/app"}}), "ClientException", "CMD or CMD-SHELL"},
		{"check interval", check(cloud.Map{"command": []any{"CMD", "/app"}, "interval": 1}), "ClientException", "interval"},
		{"restart period", container(cloud.Map{"readonlyRootFilesystem": true, "restartPolicy": cloud.Map{"enabled": true, "restartAttemptPeriod": 59}}), "ClientException", "59 is not between 60 and 1800"},
		{"restart codes", container(cloud.Map{"readonlyRootFilesystem": true, "restartPolicy": cloud.Map{"enabled": true, "ignoredExitCodes": slices.Repeat([]any{1}, 51)}}), "ClientException", "more than 50"},
		{"restart with files", container(cloud.Map{"readonlyRootFilesystem": false, "restartPolicy": cloud.Map{"enabled": true}}), "", "restartPolicy of container main, which can write to its root file system: not modelled"},
		{"check retries", check(cloud.Map{"command": []any{"CMD", "/app"}, "retries": 11}), "ClientException", "retries"},
		{"unknown dependency", container(cloud.Map{"dependsOn": []any{cloud.Map{"containerName": "b", "condition": "START"}}}), "ClientException", "not in the task definition"},
		{"essential dependency", with2(cloud.Map{"name": "b", "image": "x", "dependsOn": []any{cloud.Map{"containerName": "main", "condition": "SUCCESS"}}}), "ClientException", "cannot be an essential container"},
		{"unchecked dependency", with2(cloud.Map{"name": "b", "image": "x", "dependsOn": []any{cloud.Map{"containerName": "main", "condition": "HEALTHY"}}}), "ClientException", "must have a health check"},
		{"circle", awstest.DefinitionOf([]cloud.Map{
			{"name": "a", "image": "x", "dependsOn": []any{cloud.Map{"containerName": "b", "condition": "START"}}},
			{"name": "b", "image": "x", "dependsOn": []any{cloud.Map{"containerName": "a", "condition": "START"}}},
		}, nil), "ClientException", "depends on itself"},
		{"memory at a relative path", memory(cloud.Map{"containerPath": "tmp", "size": 1}), "ClientException", "must be an absolute path"},
		{"no memory at all", memory(cloud.Map{"containerPath": "/tmp"}), "ClientException", "Tmpfs size must be greater than 0"},
		{"memory twice", memory(cloud.Map{"containerPath": "/tmp", "size": 1}, cloud.Map{"containerPath": "/tmp", "size": 1}), "ClientException", "Duplicate mount path '/tmp'"},
		{"memory's options", memory(cloud.Map{"containerPath": "/tmp", "size": 1, "mountOptions": []any{"rw"}}), "", "mountOptions of a tmpfs of container main: not modelled"},
		{"limits", container(cloud.Map{"ulimits": []any{cloud.Map{"name": "nofile", "softLimit": 2, "hardLimit": 1}}}), "ClientException", "soft limit can not be greater than hard limit"},
		{"another limit", container(cloud.Map{"ulimits": []any{cloud.Map{"name": "nproc", "softLimit": 1, "hardLimit": 1}}}), "ClientException", "does not support the ulimit 'nproc'"},
		{"file system", files(cloud.Map{"fileSystemId": "fs"}), "ClientException", "Invalid fileSystemId 'fs' of volume 'files'."},
		{"access point", files(cloud.Map{"fileSystemId": "fs-01234567", "authorizationConfig": cloud.Map{"accessPointId": "ap"}}), "ClientException", "Invalid accessPointId 'ap'"},
		{"access point in plain", files(cloud.Map{"fileSystemId": "fs-01234567", "authorizationConfig": cloud.Map{"accessPointId": "fsap-01234567"}}), "ClientException", "Transit encryption must be enabled"},
		{"access point and folder", files(cloud.Map{"fileSystemId": "fs-01234567", "rootDirectory": "/a", "transitEncryption": "ENABLED", "authorizationConfig": cloud.Map{"accessPointId": "fsap-01234567"}}), "ClientException", "must be omitted or '/'"},
		{"volume", container(cloud.Map{"mountPoints": []any{cloud.Map{"sourceVolume": "tmp", "containerPath": "/tmp"}}}), "ClientException", "Unknown volume 'tmp'."},
		{"EC2", awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"requiresCompatibilities": []any{"EC2"}}), "", "not modelled"},
		{"privileged", container(cloud.Map{"privileged": true}), "", "privileged of container main: not modelled"},
		{"log driver", container(cloud.Map{"logConfiguration": cloud.Map{"logDriver": "splunk"}}), "", "not modelled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Try(ecs.TaskDefinitionToken, tt.in)
			if err == nil || cloud.Code(err) != tt.code || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("got %v, want %s with %q", err, tt.code, tt.words)
			}
		})
	}
}

func TestRevisionsAreNeverUsedAgain(t *testing.T) {
	s := awstest.NewECSStage(t)
	kept := s.Definition
	if kept.Outputs["arn"] != "arn:aws:ecs:eu-central-1:000000000000:task-definition/hello:1" ||
		kept.Outputs["arnWithoutRevision"] != "arn:aws:ecs:eu-central-1:000000000000:task-definition/hello" || kept.Outputs["revision"] != 1.0 {
		t.Errorf("outputs %v", kept.Outputs)
	}
	gone := s.Make(ecs.TaskDefinitionToken, awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"skipDestroy": false}))
	s.Remove(kept)
	s.Remove(gone)
	next := s.Make(ecs.TaskDefinitionToken, awstest.DefinitionOf(awstest.ContainerOf(nil), nil))
	if next.Outputs["revision"] != 3.0 {
		t.Errorf("revision %v after two were deleted, want 3", next.Outputs["revision"])
	}
	s.Remove(next)
	if left := append(s.Living(ecs.TaskDefinitionToken), s.Living(ecs.TaskDefinitionRevisionToken)...); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	s.Store.View(func(tx *cloud.Tx) {
		for name, active := range map[string]bool{"hello:1": true, "hello:2": false, "hello:3": true} {
			r, err := ecs.FindRevision(tx, awstest.Here.Scope, name)
			if err != nil || r.Active != active {
				t.Errorf("%s: %+v, %v, want active %t", name, r, err, active)
			}
		}
		if r, err := ecs.FindRevision(tx, awstest.Here.Scope, "hello"); err != nil || r.ARN != next.ID {
			t.Errorf("the family means %+v, %v", r, err)
		}
		if _, err := ecs.FindRevision(tx, awstest.Here.Scope, "hello:4"); err == nil {
			t.Error("revision 4 was found")
		}
	})
}

func TestRevisionNumbersGoUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := awstest.NewECSStage(t) // with no revisions yet: ECS forgets none, and all are read to number the next one
		var alive []*cloud.Resource
		last := 0.0
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			if len(alive) > 0 && rapid.Bool().Draw(rt, "delete") {
				i := rapid.IntRange(0, len(alive)-1).Draw(rt, "which")
				s.Remove(alive[i])
				alive = slices.Delete(alive, i, i+1)
				continue
			}
			r := s.Make(ecs.TaskDefinitionToken, awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"family": "counted"}))
			revision := r.Outputs["revision"].(float64)
			if revision <= last {
				rt.Fatalf("revision %v after %v", revision, last)
			}
			last = revision
			alive = append(alive, r)
		}
	})
}

func TestClusterRules(t *testing.T) {
	s := awstest.NewECSStage(t)
	if s.Cluster.Outputs["arn"] != "arn:aws:ecs:eu-central-1:000000000000:cluster/main" {
		t.Errorf("arn %v", s.Cluster.Outputs["arn"])
	}
	for _, tt := range []struct {
		token       string
		in          cloud.Map
		code, words string
	}{
		{ecs.ClusterToken, cloud.Map{"name": "a b"}, "Check", "name: invalid value"},
		{ecs.ClusterToken, cloud.Map{"name": "main"}, "InvalidParameterException", "idempotent request"},
		{ecs.ClusterToken, cloud.Map{"name": "x", "settings": []any{cloud.Map{"name": "insights", "value": "enabled"}}}, "Check", "containerInsights"},
		{ecs.ClusterToken, cloud.Map{"name": "x", "settings": []any{cloud.Map{"name": "containerInsights", "value": "yes"}}}, "InvalidParameterException", "yes"},
		{ecs.ClusterCapacityProvidersToken, cloud.Map{"clusterName": "other", "capacityProviders": []any{ecs.Fargate}}, "ClusterNotFoundException", "Cluster not found."},
		{ecs.ClusterCapacityProvidersToken, cloud.Map{"clusterName": "main", "capacityProviders": []any{"mine"}}, "InvalidParameterException", "was not found"},
		{ecs.ClusterCapacityProvidersToken, cloud.Map{"clusterName": "main", "capacityProviders": []any{ecs.Fargate}, "defaultCapacityProviderStrategies": []any{
			cloud.Map{"capacityProvider": ecs.FargateSpot, "weight": 1.0},
		}}, "InvalidParameterException", "not associated with the cluster"},
		{ecs.ClusterCapacityProvidersToken, cloud.Map{"clusterName": "main", "capacityProviders": []any{ecs.Fargate}, "defaultCapacityProviderStrategies": []any{
			cloud.Map{"capacityProvider": ecs.Fargate, "weight": 1001.0},
		}}, "Check", "(0 - 1000)"},
	} {
		_, err := s.Try(tt.token, tt.in)
		s.Refused(err, tt.code, tt.words)
	}
}

func TestServiceRefusals(t *testing.T) {
	s := awstest.NewECSStage(t)
	unattached := s.Make(elbv2.TargetGroupToken, s.Targets(cloud.Map{"name": "unattached"}))
	instances := s.Make(elbv2.TargetGroupToken, s.Targets(cloud.Map{"name": "lambda", "vpcId": s.VPC.ID}))
	s.Change(instances, func(r *cloud.Resource) { r.Outputs["targetType"] = "instance" })
	elsewhere := s.Make(ec2.VPCToken, cloud.Map{"cidrBlock": "10.1.0.0/16"})
	strangeSubnet := s.Make(ec2.SubnetToken, cloud.Map{"vpcId": elsewhere.ID, "cidrBlock": "10.1.0.0/24"})
	strangeGroup := s.Make(ec2.SecurityGroupToken, cloud.Map{"vpcId": elsewhere.ID, "name": "strange"})
	inactive := s.Make(ecs.TaskDefinitionToken, awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"family": "old", "skipDestroy": false}))
	s.Remove(inactive)
	withoutRole := s.Make(ecs.TaskDefinitionToken, awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"family": "alone", "taskRoleArn": nil}))

	balancer := func(change cloud.Map) cloud.Map {
		return cloud.Map{"loadBalancers": []any{awstest.With(cloud.Map{
			"targetGroupArn": s.TargetGroup.ID, "containerName": "main", "containerPort": 8080.0,
		}, change)}}
	}
	network := func(change cloud.Map) cloud.Map {
		return cloud.Map{"networkConfiguration": awstest.With(cloud.Map{"subnets": s.Subnets, "securityGroups": []any{s.Group.ID}}, change)}
	}
	strategy := func(shares ...any) cloud.Map { return cloud.Map{"capacityProviderStrategies": shares} }
	share := func(provider string, base, weight float64) cloud.Map {
		return cloud.Map{"capacityProvider": provider, "base": base, "weight": weight}
	}
	const invalid = "InvalidParameterException"
	for _, tt := range []struct {
		name        string
		change      cloud.Map
		code, words string
	}{
		{"cluster", cloud.Map{"cluster": "other"}, "ClusterNotFoundException", "Cluster not found."},
		{"task definition", cloud.Map{"taskDefinition": "hello:99"}, "ClientException", "Unable to describe task definition"},
		{"inactive", cloud.Map{"taskDefinition": inactive.ID}, invalid, "TaskDefinition is inactive"},
		{"unattached", balancer(cloud.Map{"targetGroupArn": unattached.ID}), invalid, "The target group with targetGroupArn " + unattached.ID + " does not have an associated load balancer."},
		{"no target group", balancer(cloud.Map{"targetGroupArn": s.TargetGroup.ID + "0"}), invalid, "validate the specified targetGroupArn"},
		{"target type", balancer(cloud.Map{"targetGroupArn": instances.ID}), invalid, "has target type instance"},
		{"container", balancer(cloud.Map{"containerName": "web"}), invalid, "The container web does not exist in the task definition."},
		{"port", balancer(cloud.Map{"containerPort": 80.0}), invalid, "The container main did not have a container port 80 defined."},
		{"no network", cloud.Map{"networkConfiguration": nil}, invalid, "Network Configuration must be provided when networkMode 'awsvpc' is specified."},
		{"no subnets", network(cloud.Map{"subnets": []any{}}), invalid, "subnets can not be empty."},
		{"unknown subnet", network(cloud.Map{"subnets": []any{"subnet-0"}}), invalid, "InvalidSubnetID.NotFound"},
		{"two networks", network(cloud.Map{"subnets": []any{s.Subnets[0], strangeSubnet.ID}}), invalid, "subnets must belong to the same VPC."},
		{"unknown group", network(cloud.Map{"securityGroups": []any{"sg-0"}}), invalid, "InvalidGroup.NotFound"},
		{"group of another network", network(cloud.Map{"securityGroups": []any{strangeGroup.ID}}), invalid, "does not appear to belong to the same VPC"},
		{"launch type too", cloud.Map{"launchType": ecs.Fargate}, invalid, "Specifying both a launch type and capacity provider strategy is not supported."},
		{"launch type", cloud.Map{"launchType": "LAMBDA"}, "Check", "expected launchType"},
		{"two bases", strategy(share(ecs.Fargate, 1, 1), share(ecs.FargateSpot, 1, 1)), invalid, "Only one capacity provider"},
		{"no weight", strategy(share(ecs.Fargate, 1, 0)), invalid, "weight greater than 0"},
		{"twice", strategy(share(ecs.Fargate, 1, 1), share(ecs.Fargate, 0, 1)), invalid, "more than once"},
		{"foreign provider", strategy(share("mine", 0, 1)), invalid, "not associated with the cluster"},
		{"base", strategy(share(ecs.Fargate, 100_001, 1)), "Check", "(0 - 100000)"},
		{"grace without balancer", cloud.Map{"loadBalancers": nil}, invalid, "Health check grace period is only valid for services configured to use load balancers"},
		{"percents", cloud.Map{"deploymentMaximumPercent": 100.0}, invalid, "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."},
		{"minimum", cloud.Map{"deploymentMinimumHealthyPercent": 101.0}, invalid, "minimumHealthyPercent"},
		{"maximum", cloud.Map{"deploymentMaximumPercent": 50.0}, invalid, "maximumPercent"},
		{"count", cloud.Map{"desiredCount": -1.0}, invalid, "Desired count"},
		{"alarms", cloud.Map{"alarms": cloud.Map{"enable": true, "rollback": true, "alarmNames": []any{}}}, invalid, "at least one alarm name"},
		{"exec", cloud.Map{"taskDefinition": withoutRole.ID, "enableExecuteCommand": true}, invalid, "couldn't be created because a valid taskRoleArn is not being used."},
		{"EC2", cloud.Map{"capacityProviderStrategies": nil}, "", "runs on EC2: not modelled"},
		{"daemon", cloud.Map{"schedulingStrategy": "DAEMON"}, "", "not modelled"},
		{"the first of three", cloud.Map{
			"schedulingStrategy": "DAEMON", "iamRole": "ecs", "availabilityZoneRebalancing": "ENABLED",
		}, "", "availabilityZoneRebalancing: not modelled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Try(ecs.ServiceToken, s.Service(tt.change))
			if err == nil || cloud.Code(err) != tt.code || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("got %v, want %s with %q", err, tt.code, tt.words)
			}
		})
	}

	made := s.Make(ecs.ServiceToken, s.Service(nil))
	if made.ID != "arn:aws:ecs:eu-central-1:000000000000:service/main/hello" {
		t.Errorf("id %s", made.ID)
	}
	_, err := s.Try(ecs.ServiceToken, s.Service(nil))
	s.Refused(err, invalid, "Creation of service was not idempotent.")
	s.Refused(s.Delete(t.Context(), awstest.Here, ecs.ClusterToken, s.Cluster.ID, time.Millisecond), "ClusterContainsServicesException", "while Services are active")
	s.Refused(s.Delete(t.Context(), awstest.Here, ecs.ClusterCapacityProvidersToken, s.Providers.ID, time.Millisecond), "ResourceInUseException", "in-use and can't be removed")
	s.Gone(made)
	s.Remove(s.Providers)
	s.Remove(s.Cluster)
}

func TestDrainingServices(t *testing.T) {
	s := awstest.NewECSStage(t)
	made := s.Make(ecs.ServiceToken, s.Service(nil))
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	if err := s.Delete(ctx, awstest.Here, ecs.ServiceToken, made.ID, 0); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted deletion: %v", err)
	}
	_, err := s.Try(ecs.ServiceToken, s.Service(nil))
	s.Refused(err, "InvalidParameterException", "Unable to Start a service that is still Draining.")
	_, err = s.Edit(made, cloud.Map{"desiredCount": 3.0})
	s.Refused(err, "ServiceNotActiveException", "Service was not ACTIVE.")
	if r, err := s.Read(awstest.Here, ecs.ServiceToken, made.ID); err != nil || r != nil {
		t.Errorf("read as %v, %v", r, err)
	}
	s.Gone(made)
	s.Make(ecs.ServiceToken, s.Service(nil))
}

// The AWS provider does not remove a service's alarms: it stays with a change that never ends.
func TestServicesKeepTheirAlarms(t *testing.T) {
	s := awstest.NewECSStage(t)
	watched := cloud.Map{"alarms": cloud.Map{"enable": false, "rollback": false, "alarmNames": []any{"errors"}}}
	made := s.Make(ecs.ServiceToken, s.Service(watched))
	_, err := s.Edit(made, cloud.Map{"alarms": nil})
	if err == nil || !strings.Contains(err.Error(), "a service that loses its alarms, which ECS keeps; replace the service: not modelled") {
		t.Errorf("got %v", err)
	}
	if _, err := s.Edit(made, cloud.Map{"desiredCount": 3.0}); err != nil {
		t.Errorf("another change: %v", err)
	}
}

func TestWhatMakesADeployment(t *testing.T) {
	s := awstest.NewECSStage(t)
	second := s.Make(ecs.TaskDefinitionToken, awstest.DefinitionOf(awstest.ContainerOf(nil), nil))
	for _, tt := range []struct {
		name   string
		change cloud.Map
		want   int
	}{
		{"scaling", cloud.Map{"desiredCount": 3.0}, 1},
		{"limits", cloud.Map{"deploymentMaximumPercent": 150.0}, 1},
		{"circuit breaker", cloud.Map{"deploymentCircuitBreaker": cloud.Map{"enable": false, "rollback": false}}, 1},
		{"grace period", cloud.Map{"healthCheckGracePeriodSeconds": 20.0}, 1},
		{"tags", cloud.Map{"tags": cloud.Map{"a": "b"}}, 1},
		{"task definition", cloud.Map{"taskDefinition": second.ID}, 2},
		{"network", cloud.Map{"networkConfiguration": cloud.Map{"subnets": s.Subnets[:2], "assignPublicIp": true}}, 2},
		{"force", cloud.Map{"forceNewDeployment": true}, 2},
		{"force with tags alone", cloud.Map{"forceNewDeployment": true, "tags": cloud.Map{"a": "b"}}, 2},
		{"propagated tags", cloud.Map{"propagateTags": "NONE", "enableExecuteCommand": true}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := s.Make(ecs.ServiceToken, s.Service(nil))
			defer s.Gone(r)
			updated, err := s.Edit(r, tt.change)
			if err != nil {
				t.Fatal(err)
			}
			status := cloud.StatusOf[ecs.ServiceStatus](updated)
			if len(status.Deployments) != tt.want {
				t.Fatalf("%d deployments, want %d", len(status.Deployments), tt.want)
			}
			d := status.Primary()
			if d.Status != ecs.DeploymentPrimary || d.RolloutState != ecs.RolloutInProgress || d.Desired != int(updated.Inputs["desiredCount"].(float64)) {
				t.Errorf("primary %+v", d)
			}
			for _, old := range status.Deployments[1:] {
				if old.Status != ecs.DeploymentActive || old.Desired != 0 || old.ID == d.ID {
					t.Errorf("replaced %+v", old)
				}
			}
		})
	}
}

func TestRestoreBringsTheVersionBack(t *testing.T) {
	s := awstest.NewECSStage(t)
	r := s.Make(ecs.ServiceToken, s.Service(nil))
	first := cloud.StatusOf[ecs.ServiceStatus](r).Deployments[0]
	second := s.Make(ecs.TaskDefinitionToken, awstest.DefinitionOf(awstest.ContainerOf(nil), nil))
	updated, err := s.Edit(r, cloud.Map{"taskDefinition": second.ID, "desiredCount": 5.0, "platformVersion": "1.4.0"})
	if err != nil {
		t.Fatal(err)
	}
	updated = updated.Clone()
	ecs.Restore(updated, &first)
	if v, ok := updated.Inputs["platformVersion"]; ok || updated.Outputs["platformVersion"] != "LATEST" {
		t.Errorf("a platform version that the old deployment had not: input %v, output %v", v, updated.Outputs["platformVersion"])
	}
	if updated.Inputs["taskDefinition"] != s.Definition.ID || updated.Outputs["taskDefinition"] != s.Definition.ID || updated.Inputs["desiredCount"] != 5.0 {
		t.Errorf("restored to %v", updated.Inputs)
	}
	// A program that still wants the second revision sees the difference.
	want := maps.Clone(updated.Inputs)
	want["taskDefinition"] = second.ID
	d, err := s.Diff(ecs.ServiceToken, updated.Inputs, updated.Outputs, want)
	if err != nil || !slices.Equal(d.Changed, []string{"taskDefinition"}) || len(d.Replace) > 0 {
		t.Errorf("diff %+v, %v", d, err)
	}
}

func TestSteadyStateIsWaitedFor(t *testing.T) {
	s := awstest.NewECSStage(t)
	_, err := s.Try(ecs.ServiceToken, s.Service(cloud.Map{"waitForSteadyState": true}))
	if err == nil || !strings.Contains(err.Error(), "create: timeout while waiting for state to become 'tfSTABLE' (last state: 'tfPENDING', timeout: 1.2s)") {
		t.Errorf("got %v", err)
	}
	// Nothing desired is a steady state.
	s.Make(ecs.ServiceToken, s.Service(cloud.Map{"name": "idle", "desiredCount": 0.0, "waitForSteadyState": true}))
}

// A task that drains takes its time, however impatient the cloud is.
func TestDrainingIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := awstest.NewECSStage(t)
		service := s.Make(ecs.ServiceToken, s.Service(cloud.Map{"desiredCount": 0.0}))
		key := cloud.Key{Scope: service.Scope, Token: ecs.TaskToken, ID: "task"}
		if err := s.Store.Update(func(tx *cloud.Tx) error {
			r := &cloud.Resource{Key: key, Inputs: cloud.Map{"service": service.ID}}
			r.SetStatus(ecs.TaskStatus{LastStatus: ecs.TaskDeactivating})
			tx.Put(r)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		const drain = 2 * time.Minute // the cloud's patience is 1.2 s
		time.AfterFunc(drain, func() {
			_ = s.Store.Update(func(tx *cloud.Tx) error {
				tx.Delete(key)
				tx.Delete(service.Key)
				return nil
			})
		})
		began := time.Now()
		if err := s.Delete(t.Context(), awstest.Here, ecs.ServiceToken, service.ID, 0); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited < drain {
			t.Errorf("it waited for %s", waited)
		}
	})
}

func TestGetService(t *testing.T) {
	s := awstest.NewECSStage(t)
	ask := func(cluster, name string) (cloud.Map, error) {
		out, failures, err := s.Invoke(t.Context(), awstest.Here, "aws:ecs/getService:getService", cloud.Map{"clusterArn": cluster, "serviceName": name})
		if len(failures) > 0 {
			t.Fatal(failures)
		}
		return out, err
	}
	_, err := ask("other", "hello")
	s.Refused(err, "ClusterNotFoundException", "Cluster not found.")
	if _, err := ask(s.Cluster.ID, "hello"); err == nil || !strings.Contains(err.Error(), "no matching ECS Service found") {
		t.Errorf("got %v", err)
	}
	s.Make(ecs.ServiceToken, s.Service(cloud.Map{"taskDefinition": "hello:1", "tags": cloud.Map{"a": "b"}}))
	for _, cluster := range []string{s.Cluster.ID, "main"} {
		out, err := ask(cluster, "hello")
		if err != nil {
			t.Fatal(err)
		}
		if out["taskDefinition"] != s.Definition.ID || out["desiredCount"] != 2.0 || out["clusterArn"] != s.Cluster.ID {
			t.Errorf("got %v", out)
		}
	}
}

func TestClusterKeepsRunningTasks(t *testing.T) {
	s := awstest.NewECSStage(t)
	var task *cloud.Resource
	err := s.Store.Update(func(tx *cloud.Tx) (err error) {
		task, err = ecs.AddTask(tx, awstest.Here.Scope, ecs.TaskSpec{ClusterARN: s.Cluster.ID, TaskDefinitionARN: s.Definition.ID})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Remove(s.Providers)
	s.Refused(s.Delete(t.Context(), awstest.Here, ecs.ClusterToken, s.Cluster.ID, time.Millisecond), "ClusterContainsTasksException", "while Tasks are active")
	s.Change(task, func(r *cloud.Resource) { r.SetStatus(ecs.TaskStatus{LastStatus: ecs.TaskStopped}) })
	s.Remove(s.Cluster)
	if s.Now(task) != nil {
		t.Error("the record of the task is still there")
	}
}

func TestECRRepository(t *testing.T) {
	const registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/"
	for image, want := range map[string]string{
		registry + "hello:v1":                       "arn:aws:ecr:eu-central-1:123456789012:repository/hello",
		registry + "team/hello@sha256:" + "ab":      "arn:aws:ecr:eu-central-1:123456789012:repository/team/hello",
		registry + "hello":                          "arn:aws:ecr:eu-central-1:123456789012:repository/hello",
		"nginx":                                     "",
		"public.ecr.aws/nginx/nginx:1":              "",
		"evil.example/" + registry + "hello:latest": "",
	} {
		if arn, _, ok := ecr.RepositoryARN(image); arn != want || ok != (want != "") {
			t.Errorf("%s: got %q, %t", image, arn, ok)
		}
	}
}
