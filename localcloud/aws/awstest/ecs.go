package awstest

import (
	"encoding/json"
	"testing"

	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
)

// The service that is scaled, and the role that scales it.
const (
	ScaledService = "service/main/hello"
	ScaleRole     = "arn:aws:iam::000000000000:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"
)

// Scaled are inputs of a resource that is about the service.
func Scaled(more cloud.Map) cloud.Map {
	return With(cloud.Map{"resourceId": ScaledService, "scalableDimension": "ecs:service:DesiredCount", "serviceNamespace": "ecs"}, more)
}

const roleOfTests = "arn:aws:iam::000000000000:role/execution"

// ECSStage is a cloud with everything that a service refers to.
type ECSStage struct {
	*Stage
	Cluster, Providers, Definition *cloud.Resource
	TargetGroup, ListenerRule      *cloud.Resource
}

// NewECSStage makes a network, a load balancer, a cluster and a task definition.
func NewECSStage(t *testing.T) *ECSStage {
	t.Helper()
	s := &ECSStage{Stage: NewStage(t)}
	s.Add(ecs.Kinds()...)
	s.TargetGroup = s.Make(elbv2.TargetGroupToken, s.Targets(nil))
	listener := s.Make(elbv2.ListenerToken, ListenerOn(s.Make(elbv2.LoadBalancerToken, s.Balancer(nil)), nil))
	s.ListenerRule = s.Make(elbv2.ListenerRuleToken, Rule(listener, s.TargetGroup, nil))
	s.Cluster = s.Make(ecs.ClusterToken, cloud.Map{"name": "main", "tags": cloud.Map{"Name": "shown"}})
	s.Providers = s.Make(ecs.ClusterCapacityProvidersToken, cloud.Map{
		"clusterName": "main", "capacityProviders": []any{ecs.Fargate, ecs.FargateSpot},
	})
	s.Definition = s.Make(ecs.TaskDefinitionToken, DefinitionOf(ContainerOf(nil), nil))
	return s
}

// ContainerOf returns a container definition with some fields changed; nil takes one away.
func ContainerOf(change cloud.Map) []cloud.Map {
	return []cloud.Map{With(cloud.Map{
		"name": "main", "image": "000000000000.dkr.ecr.eu-central-1.amazonaws.com/hello:1", "essential": true,
		"portMappings": []any{cloud.Map{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}},
		"environment":  []any{cloud.Map{"name": "PORT", "value": "8080"}},
		"logConfiguration": cloud.Map{"logDriver": "awslogs", "options": cloud.Map{
			"awslogs-group": "hello", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "hello", "mode": "non-blocking", "max-buffer-size": "25m",
		}},
		"linuxParameters": cloud.Map{"initProcessEnabled": true}, "stopTimeout": 30, "user": "65532:65532", "readonlyRootFilesystem": true,
	}, change)}
}

// DefinitionOf returns the inputs of a task definition, with some changed.
func DefinitionOf(containers []cloud.Map, change cloud.Map) cloud.Map {
	raw, err := json.Marshal(containers)
	if err != nil {
		panic(err) // plain maps
	}
	return With(cloud.Map{
		"family": "hello", "cpu": "256", "memory": "512", "networkMode": "awsvpc", "requiresCompatibilities": []any{ecs.Fargate},
		"executionRoleArn": roleOfTests, "taskRoleArn": roleOfTests, "containerDefinitions": string(raw), "skipDestroy": true,
		"runtimePlatform": cloud.Map{"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
	}, change)
}

// Service returns the inputs of a service, with some changed.
func (s *ECSStage) Service(change cloud.Map) cloud.Map {
	return With(cloud.Map{
		"name": "hello", "cluster": s.Cluster.ID, "taskDefinition": s.Definition.Outputs["arn"], "desiredCount": 2.0,
		"capacityProviderStrategies": []any{cloud.Map{"capacityProvider": ecs.Fargate, "base": 0.0, "weight": 1.0}},
		"networkConfiguration":       cloud.Map{"subnets": s.Subnets, "securityGroups": []any{s.Group.ID}, "assignPublicIp": true},
		"loadBalancers": []any{cloud.Map{
			"targetGroupArn": s.TargetGroup.ID, "containerName": "main", "containerPort": 8080.0,
		}},
		"deploymentCircuitBreaker":      cloud.Map{"enable": true, "rollback": true},
		"healthCheckGracePeriodSeconds": 10.0, "enableEcsManagedTags": true, "propagateTags": "SERVICE",
	}, change)
}

// Living is left without the records that do not count as alive.
func (s *ECSStage) Living(token string) []string {
	var out []string
	s.Store.View(func(tx *cloud.Tx) {
		for r := range tx.All() {
			if r.Token == token && s.Alive(r) {
				out = append(out, r.ID)
			}
		}
	})
	return out
}

// Gone removes a service, as the scheduler does once it is INACTIVE.
func (s *ECSStage) Gone(service *cloud.Resource) {
	s.T.Helper()
	if err := s.Store.Update(func(tx *cloud.Tx) error { tx.Delete(service.Key); return nil }); err != nil {
		s.T.Fatal(err)
	}
}
