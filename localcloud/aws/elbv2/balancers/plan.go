package balancers

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/lb"
)

// plan is the wanted state of a load balancer, from the store. Deeply equal plans want the same.
type plan struct {
	address string // the loopback address it has; empty for none yet
	state   lb.State
	// problems are why listeners, rules and target groups are not in the state.
	problems []string
	// access and reach are the current answers of the security groups and routes, by listener's port and by target. Each connection
	// asks again; here they show that something has changed for existing connections.
	access map[int]bool
	reach  map[netip.AddrPort]bool
}

// ports lists those of the listeners.
func (p *plan) ports() []int {
	var ports []int
	for _, l := range p.state.Listeners {
		ports = append(ports, l.Port)
	}
	return ports
}

// keyPairs are the certificates that listeners use, parsed.
type keyPairs map[cloud.Key]keyPair

type keyPair struct {
	status string // it was parsed from
	cert   tls.Certificate
}

// get returns the certificate as a server uses it.
func (k keyPairs) get(tx *cloud.Tx, key cloud.Key) (tls.Certificate, error) {
	r := tx.Get(key)
	if r == nil {
		return tls.Certificate{}, fmt.Errorf("certificate %s does not exist", key.ID)
	}
	if known, ok := k[key]; ok && known.status == string(r.Status) {
		return known.cert, nil
	}
	cert, err := cloud.Peek[acm.CertificateStatus](r).KeyPair()
	if err != nil {
		return cert, fmt.Errorf("certificate %s: %w", key.ID, err)
	}
	k[key] = keyPair{status: string(r.Status), cert: cert}
	return cert, nil
}

// forget drops the certificates that are gone.
func (k keyPairs) forget(tx *cloud.Tx) {
	for key := range k {
		if tx.Get(key) == nil {
			delete(k, key)
		}
	}
}

// plan reads the load balancer's wanted state from the store. In a network of its own, packets find out what reaches a target.
func (k keyPairs) plan(tx *cloud.Tx, r *cloud.Resource, ownNetwork bool) *plan {
	in := elbv2.LoadBalancer.Described(r)
	p := &plan{
		address: cloud.Peek[elbv2.LoadBalancerStatus](r).Address,
		state: lb.State{
			IdleTimeout:        time.Duration(in.IdleTimeout) * time.Second,
			DropInvalidHeaders: in.DropInvalidHeaderFields,
			DisableHTTP2:       !in.EnableHTTP2,
		},
		access: map[int]bool{}, reach: map[netip.AddrPort]bool{},
	}
	broken, nodes := map[string]bool{}, ec2.InterfacesOf(tx, r.Scope, r.ID)
	for _, g := range tx.Where(r.Scope, elbv2.TargetGroup.Token, "loadBalancerArns", r.ID) {
		group := targetGroup(tx, g)
		if err := group.Check(); err != nil {
			p.problems = append(p.problems, fmt.Sprintf("target group %s: %v", g.ID, err))
			broken[g.ID] = true
			continue
		}
		p.state.TargetGroups = append(p.state.TargetGroups, group)
		for _, t := range group.Targets {
			if !ownNetwork {
				p.reach[t] = reaches(tx, r.Scope, nodes, t)
			}
		}
	}
	for _, l := range tx.Where(r.Scope, elbv2.Listener.Token, "loadBalancerArn", r.ID) {
		in := elbv2.Listener.Described(l)
		p.access[*in.Port] = admits(tx, r.Key, netip.Addr{}, *in.Port)
		out, problems, err := k.listener(tx, l)
		for _, problem := range append(problems, err) {
			if problem != nil {
				p.problems = append(p.problems, fmt.Sprintf("listener on port %d: %v", *in.Port, problem))
			}
		}
		if err != nil {
			continue
		}
		uses := func(a lb.Action) bool {
			return slices.ContainsFunc(a.Forward, func(g lb.WeightedTargetGroup) bool { return broken[g.TargetGroup] })
		}
		if uses(out.Default) {
			p.problems = append(p.problems, fmt.Sprintf("listener on port %d: its default action forwards to a target group that does not work", out.Port))
			continue
		}
		out.Rules = slices.DeleteFunc(out.Rules, func(rule lb.Rule) bool {
			if uses(rule.Action) {
				p.problems = append(p.problems, fmt.Sprintf("listener on port %d: rule %d forwards to a target group that does not work", out.Port, rule.Priority))
			}
			return uses(rule.Action)
		})
		p.state.Listeners = append(p.state.Listeners, out)
	}
	return p
}

// listener reads a listener's wanted state, and its parts that do not work. An error means that nothing of it works.
func (k keyPairs) listener(tx *cloud.Tx, r *cloud.Resource) (out lb.Listener, problems []error, err error) {
	in := elbv2.Listener.Described(r)
	out = lb.Listener{ID: r.ID, Port: *in.Port, Protocol: lb.Protocol(in.Protocol), Default: action(in.DefaultActions)}
	if out.Protocol == lb.HTTPS {
		for i, arn := range append([]string{in.CertificateARN}, elbv2.CertificatesOf(tx, r)...) {
			cert, err := k.get(tx, cloud.Key{Scope: r.Scope, Token: acm.Certificate.Token, ID: arn})
			switch {
			case err != nil && i == 0:
				return out, problems, err
			case err != nil:
				problems = append(problems, err)
			default:
				out.Certificates = append(out.Certificates, cert)
			}
		}
		if out.MinTLS, out.MaxTLS, err = elbv2.TLSVersions(in.SSLPolicy); err != nil {
			return out, problems, err
		}
	}
	for _, r := range tx.Where(r.Scope, elbv2.ListenerRule.Token, "listenerArn", r.ID) {
		rule := elbv2.ListenerRule.Described(r)
		out.Rules = append(out.Rules, lb.Rule{
			Priority: elbv2.PriorityOf(r), Conditions: conditions(rule.Conditions), Action: action(rule.Actions),
		})
	}
	return out, problems, nil
}

// action returns the one action that ends a request.
func action(actions []elbv2.Action) (out lb.Action) {
	a := actions[len(actions)-1]
	for _, s := range a.Shares() {
		out.Forward = append(out.Forward, lb.WeightedTargetGroup{TargetGroup: s.ARN, Weight: s.Weight})
	}
	if r := a.Redirect; r != nil {
		out.Redirect = &lb.Redirect{Protocol: r.Protocol, Host: r.Host, Port: r.Port, Path: r.Path, StatusCode: 302}
		if r.StatusCode == "HTTP_301" {
			out.Redirect.StatusCode = 301
		}
		if r.Query != nil {
			out.Redirect.Query = *r.Query
		}
	}
	if f := a.FixedResponse; f != nil {
		code, _ := strconv.Atoi(f.StatusCode) // it matched a pattern
		out.FixedResponse = &lb.FixedResponse{StatusCode: code, ContentType: f.ContentType, Body: f.MessageBody}
	}
	return out
}

func conditions(in []elbv2.Condition) []lb.Condition {
	var out []lb.Condition
	for _, c := range in {
		switch {
		case c.HostHeader != nil:
			out = append(out, lb.Condition{Field: lb.HostHeader, Values: c.HostHeader.Values})
		case c.PathPattern != nil:
			out = append(out, lb.Condition{Field: lb.PathPattern, Values: c.PathPattern.Values})
		case c.HTTPHeader != nil:
			out = append(out, lb.Condition{Field: lb.HTTPHeader, Header: c.HTTPHeader.Name, Values: c.HTTPHeader.Values})
		case c.HTTPRequestMethod != nil:
			out = append(out, lb.Condition{Field: lb.RequestMethod, Values: c.HTTPRequestMethod.Values})
		case c.SourceIP != nil:
			out = append(out, lb.Condition{Field: lb.SourceIP, Values: c.SourceIP.Values})
		default:
			var pairs []lb.QueryPair
			for _, q := range c.QueryStrings {
				pairs = append(pairs, lb.QueryPair{Key: q.Key, Value: q.Value})
			}
			out = append(out, lb.Condition{Field: lb.QueryString, Query: pairs})
		}
	}
	return out
}

func targetGroup(tx *cloud.Tx, r *cloud.Resource) lb.TargetGroup {
	in, check := elbv2.TargetGroup.Described(r), elbv2.HealthCheckOf(r)
	out := lb.TargetGroup{
		ID: r.ID, Protocol: lb.Protocol(in.Protocol), DeregistrationDelay: time.Duration(in.DeregistrationDelay) * time.Second,
		HealthCheck: lb.HealthCheck{
			Protocol: lb.Protocol(check.Protocol), Path: check.Path, Matcher: check.Matcher,
			Interval: time.Duration(check.Interval) * time.Second, Timeout: time.Duration(check.Timeout) * time.Second,
			HealthyThreshold: check.HealthyThreshold, UnhealthyThreshold: check.UnhealthyThreshold,
		},
	}
	out.HealthCheck.Port, _ = strconv.Atoi(check.Port) // zero, the target's own, for "traffic-port"
	for _, t := range cloud.Peek[elbv2.TargetGroupStatus](r).Targets {
		if address, ok := addressOf(tx, r.Scope, in.VPCID, t); ok && t.State != elbv2.TargetDraining {
			out.Targets = append(out.Targets, address)
		}
	}
	return out
}
