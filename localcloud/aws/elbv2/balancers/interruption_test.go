package balancers_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/cloudwatch/metrics"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/ecs/scheduler"
	"slipway/localcloud/aws/ecs/scheduler/schedulertest"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/task"
)

// A service of real tasks behind a load balancer loses no request when the capacity of one is taken back, if its program goes
// on to serve for a moment after a SIGTERM. That the requests were counted an alarm shows.
func TestInterruptionDropsNothing(t *testing.T) {
	w := newWeb(t, cloud.Map{
		"deregistrationDelay": 1.0,
		"healthCheck":         cloud.Map{"path": "/", "interval": 5.0, "timeout": 2.0},
	}).start()
	const port = 8080.0
	for name, group := range map[string]string{"Egress": "balancer's group", "Ingress": "service's group"} {
		peer := map[string]string{"Egress": "service's group", "Ingress": "balancer's group"}[name]
		w.create(name+" 8080", fmt.Sprintf("aws:vpc/securityGroup%[1]sRule:SecurityGroup%[1]sRule", name), cloud.Map{
			"securityGroupId": w.parts[group].ID, "ipProtocol": "tcp", "fromPort": port, "toPort": port,
			"referencedSecurityGroupId": w.parts[peer].ID,
		})
	}
	runner, err := task.NewRunner(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	scheduler := scheduler.New(scheduler.Options{
		Store: w.cloud.Store, Runner: runner, Addresses: w.addresses, Images: schedulertest.Images{"server": schedulertest.ServerImage(t)}, Logs: schedulertest.FakeLogs{},
	})
	scheduler.CanAssume = func(*cloud.Tx, cloud.Scope, string, string) bool { return true }
	scheduler.Egress = func(*cloud.Tx, cloud.Scope, *ec2.Interface, int) error { return nil }
	metrics := &metrics.Metrics{Store: w.cloud.Store, Balancers: w.controller, Tasks: scheduler, Pace: 0.005}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = scheduler.Run(ctx) })
	running.Go(func() { _ = metrics.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		runner.Close(ctx)
	})

	cluster := w.create("cluster", ecs.Cluster.Token, cloud.Map{"name": "main"})
	w.create("providers", ecs.ClusterCapacityProviders.Token, cloud.Map{"clusterName": "main", "capacityProviders": []any{ecs.FargateSpot}})
	definition := w.create("definition", ecs.TaskDefinition.Token, cloud.Map{
		"family": "hello", "cpu": "256", "memory": "512", "networkMode": "awsvpc", "requiresCompatibilities": []any{"FARGATE"},
		"containerDefinitions": `[{"name": "main", "image": "server", "portMappings": [{"containerPort": 8080}],
			"environment": [{"name": "PORT", "value": "8080"}, {"name": "VERSION", "value": "v1"}, {"name": "DRAIN", "value": "1500ms"}]}]`,
	})
	service := w.create("service", ecs.Service.Token, cloud.Map{
		"name": "hello", "cluster": cluster.ID, "taskDefinition": definition.Outputs["arn"], "desiredCount": 2.0,
		"capacityProviderStrategies": []any{cloud.Map{"capacityProvider": ecs.FargateSpot, "weight": 1.0}},
		"networkConfiguration": cloud.Map{
			"subnets": []any{w.parts["eu-central-1a"].ID, w.parts["eu-central-1b"].ID}, "securityGroups": []any{w.parts["service's group"].ID},
		},
		"loadBalancers": []any{cloud.Map{"targetGroupArn": w.group.ID, "containerName": "main", "containerPort": port}},
	})
	serving := func(tx *cloud.Tx) map[string]bool {
		out := map[string]bool{}
		status := cloud.StatusOf[elbv2.TargetGroupStatus](tx.Get(w.group.Key))
		for _, target := range status.Targets {
			if target.State == elbv2.TargetHealthy {
				out[target.ID] = true
			}
		}
		return out
	}
	var before map[string]bool
	w.await("two healthy tasks", func(tx *cloud.Tx) bool {
		before = serving(tx)
		return len(before) == 2
	})
	alarm := w.create("alarm", cloudwatch.MetricAlarm.Token, cloud.Map{
		"name": "requests", "namespace": cloudwatch.NamespaceELB, "metricName": cloudwatch.Target2XXCount, "statistic": cloudwatch.Sum, "period": 60.0,
		"dimensions":         cloud.Map{"LoadBalancer": w.balancer.Outputs["arnSuffix"], "TargetGroup": w.group.Outputs["arnSuffix"]},
		"comparisonOperator": "GreaterThanThreshold", "threshold": 10.0, "evaluationPeriods": 1.0,
	})

	var sent, failed atomic.Int64
	loading, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	defer clients.Wait()
	defer stop()
	for range 4 {
		client := w.client(awstest.Patience)
		clients.Go(func() {
			defer client.CloseIdleConnections()
			for loading.Err() == nil {
				sent.Add(1)
				response, err := client.Get("https://" + hello + "/")
				if err != nil {
					failed.Add(1)
					t.Error(err)
					return
				}
				if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
					failed.Add(1)
				}
				response.Body.Close()
			}
		})
	}
	w.await("an alarm of many requests", func(tx *cloud.Tx) bool {
		return cloud.StatusOf[cloudwatch.AlarmStatus](tx.Get(alarm.Key)).State == cloudwatch.AlarmAlarm
	})

	victim, err := scheduler.Interrupt("hello")
	if err != nil {
		t.Fatal(err)
	}
	var last ecs.TaskStatus
	w.await("the end of the task and a replacement", func(tx *cloud.Tx) bool {
		for _, r := range ecs.TasksOf(tx, service) {
			if ecs.TaskID(r.ID) == victim {
				last = cloud.StatusOf[ecs.TaskStatus](r)
			}
		}
		after := serving(tx)
		return last.LastStatus == ecs.TaskStopped && len(after) == 2 && !maps.Equal(before, after)
	})
	stop()
	clients.Wait()
	if last.StopCode != ecs.StopSpotInterruption || *last.Containers[0].ExitCode != 0 {
		t.Errorf("the task stopped as %+v", last)
	}
	if failed.Load() > 0 {
		t.Errorf("%d of %d requests failed", failed.Load(), sent.Load())
	}
	t.Logf("%d requests", sent.Load())
}
