package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"slipway/localcloud/aws/appautoscaling/scaling"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/cloudwatch/metrics"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/ecs/scheduler/schedulertest"
	"slipway/localcloud/aws/elbv2/balancers"
	"slipway/localcloud/cloud"
)

// growthStage is an ECS stage with the load balancers, alarms and scaling of the daemon, in which tasks answer health checks.
type growthStage struct {
	*schedulertest.Stage
	balancer, listener string
}

func newGrowthStage(t testing.TB) *growthStage {
	t.Helper()
	s := &growthStage{Stage: schedulertest.NewStage(t)}
	s.Behave = serveHealth
	vpc := s.resource("aws:ec2/subnet:Subnet", s.Subnets[0].(string)).Outputs["vpcId"]
	for _, rule := range []string{"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"} {
		s.Make(rule, cloud.Map{"securityGroupId": s.Group, "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"})
	}
	table := s.Make("aws:ec2/routeTable:RouteTable", cloud.Map{"vpcId": vpc}).ID
	s.Store.View(func(tx *cloud.Tx) {
		vpc = tx.Everywhere(ec2.InternetGatewayToken)[0].ID
	})
	s.Make("aws:ec2/route:Route", cloud.Map{"routeTableId": table, "gatewayId": vpc, "destinationCidrBlock": "0.0.0.0/0"})
	for _, subnet := range s.Subnets {
		s.Make("aws:ec2/routeTableAssociation:RouteTableAssociation", cloud.Map{"subnetId": subnet, "routeTableId": table})
	}
	balancers := &balancers.Balancers{Store: s.Store, Addresses: s.Scheduler.Addresses, Log: slog.New(slog.DiscardHandler)}
	metrics := &metrics.Metrics{Store: s.Store, Balancers: balancers, Tasks: s.Scheduler, Pace: 1}
	s.control(balancers, metrics, &scaling.Scaler{Store: s.Store, Alarms: metrics, Pace: 1, Log: balancers.Log})
	s.balancer = s.Make("aws:lb/loadBalancer:LoadBalancer", cloud.Map{
		"name": "web", "loadBalancerType": "application", "subnets": s.Subnets, "securityGroups": []any{s.Group},
	}).ID
	s.listener = s.Make("aws:lb/listener:Listener", cloud.Map{
		"loadBalancerArn": s.balancer, "port": 80.0, "protocol": "HTTP",
		"defaultActions": []any{cloud.Map{"type": "fixed-response", "fixedResponse": cloud.Map{"contentType": "text/plain", "statusCode": "404"}}},
	}).ID
	return s
}

// suffix returns the part of an ARN that metrics have.
func suffix(arn, after string) string {
	_, s, _ := strings.Cut(arn, after)
	return s
}

func (s *growthStage) resource(token, id string) *cloud.Resource {
	return s.Now(&cloud.Resource{Key: cloud.Key{Scope: awstest.Caller.Scope, Token: token, ID: id}})
}

// control runs controllers until the test ends.
func (s *growthStage) control(controllers ...interface{ Run(context.Context) error }) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	for _, c := range controllers {
		go func() { done <- c.Run(ctx) }()
	}
	s.T.Cleanup(func() {
		cancel()
		for range controllers {
			if err := <-done; !errors.Is(err, context.Canceled) {
				s.T.Error(err)
			}
		}
	})
}

// serveHealth plays a task that answers every request.
func serveHealth(f *schedulertest.FakeTask) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	_ = server.Listener.Close()
	var err error
	if server.Listener, err = net.Listen("tcp", netip.AddrPortFrom(f.Spec.Address, 8080).String()); err != nil {
		f.Exit(1)
		return
	}
	server.Start()
	f.Run()
	<-f.Done()
	server.Close()
}

// add brings up a service with all that it has in a stack, and waits until it serves.
func (s *growthStage) add(i int) (service, rule *cloud.Resource) {
	s.T.Helper()
	name := fmt.Sprintf("service-%d", i)
	vpc := s.resource("aws:ec2/subnet:Subnet", s.Subnets[0].(string)).Outputs["vpcId"]
	group := s.Make("aws:lb/targetGroup:TargetGroup", cloud.Map{
		"name": name, "vpcId": vpc, "targetType": "ip", "protocol": "HTTP", "port": 8080.0, "deregistrationDelay": 0.0,
	}).ID
	rule = s.Make("aws:lb/listenerRule:ListenerRule", cloud.Map{
		"listenerArn": s.listener, "priority": float64(i + 1), "actions": []any{cloud.Map{"type": "forward", "targetGroupArn": group}},
		"conditions": []any{cloud.Map{"pathPattern": cloud.Map{"values": []any{"/" + name}}}},
	})
	s.Make(cloudwatch.MetricAlarmToken, cloud.Map{
		"name": name, "namespace": cloudwatch.NamespaceELB, "metricName": cloudwatch.Target5XXCount, "statistic": cloudwatch.Sum, "period": 60.0,
		"dimensions":         cloud.Map{"LoadBalancer": suffix(s.balancer, "loadbalancer/"), "TargetGroup": "targetgroup/" + suffix(group, "targetgroup/")},
		"comparisonOperator": "GreaterThanThreshold", "threshold": 0.0, "evaluationPeriods": 1.0,
	})
	revision := s.Revision(name, "")
	service = s.Make(ecs.ServiceToken, s.Service(revision, cloud.Map{
		"name": name, "loadBalancers": []any{cloud.Map{"targetGroupArn": group, "containerName": "main", "containerPort": 8080.0}},
	}))
	s.Await(name, s.Steady(service, revision, 2))
	return service, rule
}

// remove takes away a service and its rule.
func (s *growthStage) remove(resources ...*cloud.Resource) {
	s.T.Helper()
	for _, r := range resources {
		if err := s.Delete(s.T.Context(), awstest.Caller, r.Token, r.ID, 0); err != nil {
			s.T.Fatal(err)
		}
	}
}

// One more service costs a stack of many no more than a stack of few. How often controllers look differs from time to time, and by
// what they meet: what is held against growth is a ratio. The count is the process's: no test runs in parallel with this one.
func TestServicesAreNoDearerInALargeStack(t *testing.T) {
	const few, many, most = 3, 30, 3
	s := newGrowthStage(t)
	cost := func(do func()) int64 {
		before := cloud.Decodes()
		do()
		return cloud.Decodes() - before
	}
	var added, removed [2]int64
	i := 0
	for size, n := range []int{few, many} {
		for ; i < n; i++ {
			s.add(i)
		}
		var service, rule *cloud.Resource
		added[size] = cost(func() { service, rule = s.add(1000 + size) })
		removed[size] = cost(func() { s.remove(rule, service) })
	}
	t.Logf("decodes to add a service: %d among %d, %d among %d; to remove one: %d and %d", added[0], few, added[1], many, removed[0], removed[1])
	if added[1] > most*added[0] || removed[1] > most*removed[0] {
		t.Errorf("with ten times the services, more than %d times the decodes", most)
	}
}

// BenchmarkServices brings up stacks of services, and takes them down. What a service costs must not depend on how many there are.
func BenchmarkServices(b *testing.B) {
	for _, n := range []int{25, 50, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				s := newGrowthStage(b)
				before := processor(b)
				var all []*cloud.Resource
				for i := range n {
					service, rule := s.add(i)
					all = append(all, rule, service)
				}
				s.remove(all...)
				b.ReportMetric(float64((processor(b)-before).Milliseconds())/float64(n), "cpu-ms/service")
			}
		})
	}
}

// processor returns how much of it the process has had.
func processor(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
