package daemon

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/logs"
	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/cloud"
	"slipway/localcloud/cloudflare"
)

// status looks at everything in the store at one moment.
func (d *daemon) status() *Status {
	s := &Status{
		Resources: []Resource{}, Endpoints: []Endpoint{}, Services: []Service{}, Alarms: []Alarm{}, Executions: []Execution{}, DNS: []Record{}, Problems: []string{},
		Faults: d.faults.List(), CAFile: d.info.CAFile, Tasks: d.tasks,
	}
	d.cloud.Store.View(func(tx *cloud.Tx) {
		for r := range tx.All() {
			if d.cloud.Alive(r) {
				s.Resources = append(s.Resources, Resource{
					Type: r.Token, ID: r.ID, Name: r.Name, Plain: !d.cloud.Models(r.Token), ByHand: isByHand(r),
				})
			}
		}
		records := d.cloudflare.Records(tx)
		for _, r := range records {
			s.DNS = append(s.DNS, Record{Name: r.Name, Type: r.Type, Content: r.Content})
		}
		s.Endpoints = endpoints(tx, records)
		for _, r := range tx.Everywhere(elbv2.LoadBalancer.Token) {
			switch b := cloud.StatusOf[elbv2.LoadBalancerStatus](r); b.State {
			case elbv2.LoadBalancerImpaired, elbv2.LoadBalancerFailed:
				s.Problems = append(s.Problems, fmt.Sprintf("load balancer %s is %s: %s", r.Name, b.State, b.Reason))
			}
		}
		for _, r := range tx.Everywhere(ecs.Service.Token) {
			s.Services = append(s.Services, service(r))
		}
		for _, r := range tx.Everywhere(cloudwatch.MetricAlarm.Token) {
			a := cloud.StatusOf[cloudwatch.AlarmStatus](r)
			s.Alarms = append(s.Alarms, Alarm{Name: r.Name, State: a.State, Reason: a.Reason})
		}
		for _, r := range tx.Everywhere(sfn.Execution.Token) {
			e := cloud.StatusOf[sfn.ExecutionStatus](r)
			machine := sfn.Execution.Inputs(r).StateMachineARN
			s.Executions = append(s.Executions, Execution{
				StateMachine: machine[strings.LastIndex(machine, ":")+1:], Status: e.Status, Error: e.Error, StartedAt: e.StartedAt,
			})
		}
	})
	s.sort()
	return s
}

// endpoints returns every listener that works by every host name that leads to its load balancer, HTTPS first.
func endpoints(tx *cloud.Tx, records []cloudflare.Record) []Endpoint {
	out := []Endpoint{}
	for _, scheme := range []string{"https", "http"} {
		for _, r := range tx.Everywhere(elbv2.LoadBalancer.Token) {
			balancer := cloud.StatusOf[elbv2.LoadBalancerStatus](r)
			for _, record := range records {
				if record.Type != "CNAME" || !strings.EqualFold(record.Content, elbv2.LoadBalancer.Outputs(r).DNSName) {
					continue
				}
				for _, e := range balancer.Endpoints {
					if strings.EqualFold(e.Protocol, scheme) {
						out = append(out, Endpoint{URL: scheme + "://" + e.Address, Hostname: record.Name})
					}
				}
			}
		}
	}
	return out
}

func service(r *cloud.Resource) Service {
	spec, status := ecs.Service.Inputs(r), cloud.StatusOf[ecs.ServiceStatus](r)
	out := Service{Name: spec.Name, Desired: spec.DesiredCount, Deployments: []Deployment{}, Events: []string{}}
	for _, d := range status.Deployments {
		out.Running += d.Running
		out.Deployments = append(out.Deployments, Deployment{
			ID: d.ID, Status: d.Status, RolloutState: d.RolloutState, TaskDefinition: d.TaskDefinition,
		})
	}
	out.Steady = status.Status == "ACTIVE" && status.Steady && len(out.Deployments) == 1 && out.Running == out.Desired
	for _, e := range status.Events[max(0, len(status.Events)-shownEvents):] {
		out.Events = append(out.Events, e.CreatedAt.Format(time.TimeOnly)+" "+e.Message)
	}
	return out
}

// shownEvents is how many of a service's events the status shows.
const shownEvents = 8

// writeLogs writes the events of a log group, or of all groups in order, by time.
func (d *daemon) writeLogs(ctx context.Context, w io.Writer, group string, follow bool) error {
	var groups []*cloud.Resource
	var err error
	d.cloud.Store.View(func(tx *cloud.Tx) {
		if group == "" {
			groups = tx.Everywhere(logs.LogGroup.Token)
			return
		}
		var one *cloud.Resource
		if one, err = logGroupCalled(tx, group); err == nil {
			groups = append(groups, one)
		}
	})
	if err != nil {
		return err
	}
	lines := make(chan string)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(groups))
	for _, g := range groups {
		go func() {
			for e, err := range d.services.Logs.Read(ctx, g.Scope, g.ID, time.Time{}, follow) {
				if err != nil {
					ended <- err
					return
				}
				select {
				case lines <- fmt.Sprintf("%s %s %s\n", e.Time.Format(time.RFC3339), e.Stream, e.Message):
				case <-ctx.Done():
					return
				}
			}
			ended <- nil
		}()
	}
	for open := len(groups); open > 0; {
		select {
		case line := <-lines:
			if _, err := io.WriteString(w, line); err != nil {
				return nil // the client is gone
			}
		case err := <-ended:
			if err != nil {
				return err
			}
			open--
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// scope returns the scope that a caller has who works on the resource.
func (d *daemon) scope(r *cloud.Resource) cloud.Scope {
	s := r.Scope
	if s.Region == "" && strings.HasPrefix(r.Token, "aws:") {
		s.Region = "us-east-1" // a global service's own
	}
	return s
}
