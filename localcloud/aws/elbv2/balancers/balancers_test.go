package balancers_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"slipway/localcloud/addr"
	"slipway/localcloud/aws"
	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/elbv2/balancers"
	"slipway/localcloud/ca"
	"slipway/localcloud/cloud"
	"slipway/localcloud/schema"
)

// web is a cloud with a load balancer before a target, and its controller.
type web struct {
	t          *testing.T
	file       string
	cloud      *cloud.Cloud
	authority  *ca.Authority
	addresses  *addr.Allocator
	controller *balancers.Balancers
	stop       func()

	parts    map[string]*cloud.Resource
	balancer *cloud.Resource
	group    *cloud.Resource
	target   netip.AddrPort // where it really is
	private  string         // its address in the VPC
	hits     atomic.Int64   // requests that are no health checks
}

const hello = "hello.slipway.test"

// newWeb builds what the program builds: a network, a load balancer that answers 404 by HTTPS and redirects HTTP, and a rule
// for one host name. The target group's own settings can be changed.
func newWeb(t *testing.T, settings cloud.Map) *web {
	t.Helper()
	w := &web{t: t, file: filepath.Join(t.TempDir(), "cloud.db"), addresses: addr.New(), parts: map[string]*cloud.Resource{}}
	w.open()
	t.Cleanup(func() { _ = w.cloud.Store.Close() })
	var err error
	if w.authority, err = ca.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.hits.Add(1)
		}
		fmt.Fprint(rw, "hello by ", r.Header.Get("X-Forwarded-Proto"))
	}))
	ip, err := w.addresses.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	target.Listener.Close()
	if target.Listener, err = net.Listen("tcp", netip.AddrPortFrom(ip, 0).String()); err != nil {
		t.Fatal(err)
	}
	target.Start()
	t.Cleanup(target.Close)
	w.target = target.Listener.Addr().(*net.TCPAddr).AddrPort()
	port := float64(w.target.Port())

	vpc := w.create("vpc", "aws:ec2/vpc:Vpc", cloud.Map{"cidrBlock": "10.0.0.0/16"})
	gateway := w.create("gateway", "aws:ec2/internetGateway:InternetGateway", cloud.Map{"vpcId": vpc.ID})
	table := w.create("table", "aws:ec2/routeTable:RouteTable", cloud.Map{"vpcId": vpc.ID})
	w.create("route", "aws:ec2/route:Route", cloud.Map{"routeTableId": table.ID, "gatewayId": gateway.ID, "destinationCidrBlock": "0.0.0.0/0"})
	var subnets []any
	for i, zone := range []string{"eu-central-1a", "eu-central-1b"} {
		s := w.create(zone, "aws:ec2/subnet:Subnet", cloud.Map{"vpcId": vpc.ID, "availabilityZone": zone, "cidrBlock": fmt.Sprintf("10.0.%d.0/24", i+1)})
		w.create(zone+" routes", "aws:ec2/routeTableAssociation:RouteTableAssociation", cloud.Map{"subnetId": s.ID, "routeTableId": table.ID})
		subnets = append(subnets, s.ID)
	}
	outer := w.create("balancer's group", "aws:ec2/securityGroup:SecurityGroup", cloud.Map{"vpcId": vpc.ID, "name": "balancer"})
	inner := w.create("service's group", "aws:ec2/securityGroup:SecurityGroup", cloud.Map{"vpcId": vpc.ID, "name": "service"})
	rule := func(group *cloud.Resource, port float64, peer string, value any) cloud.Map {
		return cloud.Map{"securityGroupId": group.ID, "ipProtocol": "tcp", "fromPort": port, "toPort": port, peer: value}
	}
	w.create("balancer in 443", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", rule(outer, 443, "cidrIpv4", "0.0.0.0/0"))
	w.create("balancer in 80", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", rule(outer, 80, "cidrIpv4", "0.0.0.0/0"))
	w.create("balancer out", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", rule(outer, port, "referencedSecurityGroupId", inner.ID))
	w.create("service in", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", rule(inner, port, "referencedSecurityGroupId", outer.ID))

	w.update(func(tx *cloud.Tx) error { // the task's network interface, as the scheduler makes it
		r, err := ec2.AddInterface(tx, awstest.InFrankfurt.Scope, ec2.Interface{
			SubnetID: subnets[0].(string), SecurityGroups: []string{inner.ID}, Owner: "task",
		}, true)
		if err != nil {
			return err
		}
		r.SetStatus(ec2.InterfaceStatus{Address: w.target.Addr().String()})
		w.private, w.parts["interface"] = ec2.NetworkInterface.Inputs(r).PrivateIP, r
		return nil
	})

	w.balancer = w.create("balancer", "aws:lb/loadBalancer:LoadBalancer", cloud.Map{"name": "web", "subnets": subnets, "securityGroups": []any{outer.ID}})
	group := cloud.Map{
		"vpcId": vpc.ID, "targetType": "ip", "protocol": "HTTP", "port": 80.0, "deregistrationDelay": 0.0,
		"healthCheck": cloud.Map{"path": "/healthz", "interval": 5.0, "timeout": 2.0},
	}
	maps.Copy(group, settings)
	w.group = w.create("group", "aws:lb/targetGroup:TargetGroup", group)
	https := w.create("https", "aws:lb/listener:Listener", cloud.Map{
		"loadBalancerArn": w.balancer.ID, "port": 443.0, "protocol": "HTTPS", "certificateArn": w.certificate().ID,
		"sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
		"defaultActions": []any{cloud.Map{"type": "fixed-response", "fixedResponse": cloud.Map{
			"statusCode": "404", "contentType": "application/json", "messageBody": `{"message": "Not Found"}`,
		}}},
	})
	w.create("http", "aws:lb/listener:Listener", cloud.Map{
		"loadBalancerArn": w.balancer.ID, "port": 80.0,
		"defaultActions": []any{cloud.Map{"type": "redirect", "redirect": cloud.Map{"statusCode": "HTTP_301", "protocol": "HTTPS", "port": "443"}}},
	})
	w.create("rule", "aws:lb/listenerRule:ListenerRule", cloud.Map{
		"listenerArn": https.ID, "priority": 1.0, "conditions": []any{cloud.Map{"hostHeader": cloud.Map{"values": []any{hello}}}},
		"actions": []any{cloud.Map{"type": "forward", "forward": cloud.Map{"targetGroups": []any{cloud.Map{"arn": w.group.ID, "weight": 100.0}}}}},
	})
	w.controller = &balancers.Balancers{ConnectTimeout: 200 * time.Millisecond, Retry: 20 * time.Millisecond}
	w.stop = func() {}
	t.Cleanup(func() { w.stop() })
	return w
}

// open makes the cloud from its file.
func (w *web) open() {
	w.t.Helper()
	store, err := cloud.Open(w.file)
	if err != nil {
		w.t.Fatal(err)
	}
	w.cloud = cloud.New(store, cloud.Options{Schema: schema.SDKs{}})
	w.cloud.Add(aws.Kinds()...)
}

// start runs the controller until stop is called.
func (w *web) start() *web {
	w.t.Helper()
	c := &balancers.Balancers{
		Store: w.cloud.Store, Addresses: w.addresses, Log: slog.New(slog.DiscardHandler),
		ConnectTimeout: w.controller.ConnectTimeout, Retry: w.controller.Retry, Listen: w.controller.Listen,
	}
	w.controller = c
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			w.t.Errorf("the controller ended with %v", err)
		}
		w.stop = func() {}
	}
	return w
}

func (w *web) create(name, token string, in cloud.Map) *cloud.Resource {
	w.t.Helper()
	checked, failures, err := w.cloud.Check(token, in)
	if err != nil || len(failures) > 0 {
		w.t.Fatalf("check %s: %v, %v", name, failures, err)
	}
	r, err := w.cloud.Create(w.t.Context(), awstest.InFrankfurt, token, checked, awstest.Patience)
	if err != nil {
		w.t.Fatal(err)
	}
	w.parts[name] = r
	return r
}

func (w *web) change(name string, change cloud.Map) {
	w.t.Helper()
	r := w.parts[name]
	in := maps.Clone(r.Inputs)
	maps.Copy(in, change)
	if _, err := w.cloud.Update(w.t.Context(), awstest.InFrankfurt, r.Token, r.ID, in, awstest.Patience); err != nil {
		w.t.Fatal(err)
	}
}

func (w *web) delete(names ...string) {
	w.t.Helper()
	for _, name := range names {
		if err := w.cloud.Delete(w.t.Context(), awstest.InFrankfurt, w.parts[name].Token, w.parts[name].ID, awstest.Patience); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *web) update(f func(*cloud.Tx) error) {
	w.t.Helper()
	if err := w.cloud.Store.Update(f); err != nil {
		w.t.Fatal(err)
	}
}

// certificate makes a certificate and has it issued.
func (w *web) certificate() *cloud.Resource { return w.certificateFor("certificate", hello) }

func (w *web) certificateFor(part, name string) *cloud.Resource {
	w.t.Helper()
	r := w.create(part, "aws:acm/certificate:Certificate", cloud.Map{"domainName": name, "validationMethod": "DNS"})
	pair, err := w.authority.Issue([]string{name})
	if err != nil {
		w.t.Fatal(err)
	}
	w.update(func(tx *cloud.Tx) error { return acm.IssueCertificate(tx, r.Key, pair) })
	return r
}

func (w *web) register() *web {
	w.update(func(tx *cloud.Tx) error {
		elbv2.RegisterTarget(tx, w.group, w.private, int(w.target.Port()))
		return nil
	})
	return w
}

func (w *web) deregister() {
	w.update(func(tx *cloud.Tx) error {
		elbv2.DeregisterTarget(tx, w.group, w.private, int(w.target.Port()))
		return nil
	})
}

// await waits until the condition holds in the store.
func (w *web) await(what string, condition func(*cloud.Tx) bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeoutCause(w.t.Context(), awstest.Patience, errors.New("waited too long for "+what))
	defer cancel()
	if err := w.cloud.Store.Wait(ctx, func(tx *cloud.Tx) (bool, error) { return condition(tx), nil }); err != nil {
		w.t.Fatal(err)
	}
}

// awaitTarget waits for a state of the target; none means that it is a target no more.
func (w *web) awaitTarget(state elbv2.TargetState) (last elbv2.Target) {
	w.t.Helper()
	w.await("a target that is "+string(state), func(tx *cloud.Tx) bool {
		last, _ = elbv2.TargetHealth(tx.Get(w.group.Key), w.private, int(w.target.Port()))
		return last.State == state
	})
	return last
}

// awaitBalancer waits for a state of the load balancer with so many listeners.
func (w *web) awaitBalancer(state elbv2.LoadBalancerState, listeners int) (last elbv2.LoadBalancerStatus) {
	w.t.Helper()
	w.await("a load balancer that is "+string(state), func(tx *cloud.Tx) bool {
		last = cloud.StatusOf[elbv2.LoadBalancerStatus](tx.Get(w.balancer.Key))
		return last.State == state && len(last.Endpoints) == listeners
	})
	return last
}

// client returns an HTTP client for which host names lead to the load balancer.
func (w *web) client(timeout time.Duration) *http.Client {
	var status elbv2.LoadBalancerStatus
	w.cloud.Store.View(func(tx *cloud.Tx) { status = cloud.StatusOf[elbv2.LoadBalancerStatus](tx.Get(w.balancer.Key)) })
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: w.authority.Pool()},
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				for _, e := range status.Endpoints {
					if strings.HasSuffix(address, fmt.Sprint(":", e.Port)) {
						return new(net.Dialer).DialContext(ctx, network, e.Address)
					}
				}
				return nil, fmt.Errorf("no listener for %s among %v", address, status.Endpoints)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// get asks for a URL, whose host name leads to the load balancer, over a new connection.
func (w *web) get(url string, timeout time.Duration) (*http.Response, string, error) {
	client := w.client(timeout)
	client.Transport.(*http.Transport).DisableKeepAlives = true
	response, err := client.Get(url)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

// answers asks until the answer has the status code, for what changes within a moment.
func (w *web) answers(url string, code int) string {
	w.t.Helper()
	deadline := time.Now().Add(awstest.Patience)
	for {
		response, body, err := w.get(url, awstest.Patience)
		if err == nil && response.StatusCode == code {
			return body
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: got %v, %v, want %d", url, response, err, code)
		}
	}
}

// A client gets the certificate for the name that it asks for, as soon as that is in the listener's list and for as long.
func TestCertificateOfTheList(t *testing.T) {
	const other = "other.slipway.test"
	w := newWeb(t, nil).start()
	w.awaitBalancer(elbv2.LoadBalancerActive, 2)
	if _, _, err := w.get("https://"+other+"/", awstest.Patience); err == nil {
		t.Error("a name that no certificate is for was answered")
	}
	w.create("listed", "aws:lb/listenerCertificate:ListenerCertificate", cloud.Map{
		"listenerArn": w.parts["https"].ID, "certificateArn": w.certificateFor("second", other).ID,
	})
	w.answers("https://"+other+"/", 404)
	w.answers("https://"+hello+"/", 503) // it has no target
	w.delete("listed", "second")
	gone := time.Now().Add(awstest.Patience)
	for {
		if _, _, err := w.get("https://"+other+"/", awstest.Patience); err != nil {
			break
		}
		if time.Now().After(gone) {
			t.Fatal("a certificate that is in the list no more is still presented")
		}
	}
}

func TestBalancerServes(t *testing.T) {
	w := newWeb(t, nil).register().start()
	if target := w.awaitTarget(elbv2.TargetHealthy); target.Reason != "" {
		t.Errorf("a healthy target with a reason: %+v", target)
	}
	status := w.awaitBalancer(elbv2.LoadBalancerActive, 2)
	if ip, err := netip.ParseAddr(status.Address); err != nil || !ip.IsLoopback() {
		t.Errorf("address %q", status.Address)
	}
	if body := w.answers("https://"+hello+"/", 200); body != "hello by https" {
		t.Errorf("answer %q", body)
	}
	response, body, err := w.get("http://"+hello+"/path?query", awstest.Patience)
	if err != nil {
		t.Fatal(err)
	}
	if l := response.Header.Get("Location"); response.StatusCode != http.StatusMovedPermanently || l != "https://"+hello+":443/path?query" {
		t.Errorf("HTTP: %d to %s %q", response.StatusCode, l, body)
	}
	w.delete("rule")
	if body := w.answers("https://"+hello+"/", 404); body != `{"message": "Not Found"}` {
		t.Errorf("answer %q", body)
	}
	m, ok := w.controller.Metrics(w.balancer.Key)
	if !ok || m.Listeners[w.parts["https"].ID].FixedResponses == 0 {
		t.Errorf("metrics: %v, %+v", ok, m)
	}
	if _, ok := w.controller.Metrics(cloud.Key{}); ok {
		t.Error("metrics of nothing")
	}
}

func TestBalancerFeelsSecurityGroups(t *testing.T) {
	w := newWeb(t, nil).register().start()
	w.awaitTarget(elbv2.TargetHealthy)
	w.answers("https://"+hello+"/", 200)
	for _, part := range []string{"service in", "balancer out"} {
		before := w.parts[part]
		w.delete(part)
		w.answers("https://"+hello+"/", 504)
		hits := w.hits.Load()
		w.answers("https://"+hello+"/", 504)
		if now := w.hits.Load(); now != hits {
			t.Errorf("%d requests got through without %q", now-hits, part)
		}
		w.create(part, before.Token, before.Inputs)
		w.answers("https://"+hello+"/", 200)
	}
	for _, part := range []string{"balancer in 443", "route"} {
		before := w.parts[part]
		w.delete(part)
		if _, _, err := w.get("https://"+hello+"/", 300*time.Millisecond); !isTimeout(err) {
			t.Errorf("without %q: %v, want a time-out", part, err)
		}
		w.create(part, before.Token, before.Inputs)
		w.answers("https://"+hello+"/", 200)
	}
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

func TestBalancerTargetThatIsOutOfReachIsNeverHealthy(t *testing.T) {
	w := newWeb(t, nil)
	w.delete("service in")
	w.update(func(tx *cloud.Tx) error { // faster than AWS allows
		r := tx.Get(w.group.Key).Clone()
		check := maps.Clone(r.Outputs["healthCheck"].(cloud.Map))
		check["interval"], check["timeout"], check["unhealthyThreshold"] = 1.0, 1.0, 2.0
		r.Outputs["healthCheck"] = check
		tx.Put(r)
		return nil
	})
	w.register().start()
	if target := w.awaitTarget(elbv2.TargetUnhealthy); target.Reason != "Target.Timeout" || target.Description != "Request timed out" {
		t.Errorf("target %+v", target)
	}
}

func TestBalancerTargetWithoutInterface(t *testing.T) {
	w := newWeb(t, nil).register().start()
	w.awaitTarget(elbv2.TargetHealthy)
	w.update(func(tx *cloud.Tx) error { tx.Delete(w.parts["interface"].Key); return nil })
	if target := w.awaitTarget(elbv2.TargetUnhealthy); target.Reason != "Target.Timeout" {
		t.Errorf("target %+v", target)
	}
	w.answers("https://"+hello+"/", 503)
}

func TestBalancerTakesANewCertificate(t *testing.T) {
	w := newWeb(t, nil).start()
	w.awaitBalancer(elbv2.LoadBalancerActive, 2)
	serial := func() string {
		response, _, err := w.get("https://"+hello+"/", awstest.Patience)
		if err != nil {
			t.Fatal(err)
		}
		return response.TLS.PeerCertificates[0].SerialNumber.String()
	}
	before := serial()
	w.change("https", cloud.Map{"certificateArn": w.certificate().ID})
	for deadline := time.Now().Add(awstest.Patience); serial() == before; {
		if time.Now().After(deadline) {
			t.Fatal("the old certificate is still there")
		}
	}
}

func TestBalancerSurvivesARestart(t *testing.T) {
	w := newWeb(t, nil).register().start()
	w.awaitTarget(elbv2.TargetHealthy)
	address := w.awaitBalancer(elbv2.LoadBalancerActive, 2).Address
	w.stop()
	if err := w.cloud.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", net.JoinHostPort(address, "443")); err == nil {
		t.Error("the load balancer outlives its controller")
	}
	w.open()
	w.start()
	w.answers("https://"+hello+"/", 200)
	if now := w.awaitBalancer(elbv2.LoadBalancerActive, 2).Address; now != address {
		t.Errorf("address %s, was %s", now, address)
	}
}

func TestBalancerDrains(t *testing.T) {
	w := newWeb(t, cloud.Map{"deregistrationDelay": 1.0}).register().start()
	w.awaitTarget(elbv2.TargetHealthy)
	w.answers("https://"+hello+"/", 200)
	w.deregister()
	if target := w.awaitTarget(elbv2.TargetDraining); target.Reason != "Target.DeregistrationInProgress" {
		t.Errorf("target %+v", target)
	}
	w.answers("https://"+hello+"/", 503)
	w.awaitTarget("")
	w.register()
	w.awaitTarget(elbv2.TargetHealthy)
	w.answers("https://"+hello+"/", 200)
}

func TestBalancerForgetsWhatDrainedBeforeARestart(t *testing.T) {
	w := newWeb(t, cloud.Map{"deregistrationDelay": 1.0}).register().start()
	w.awaitTarget(elbv2.TargetHealthy)
	w.stop()
	w.deregister()
	w.start()
	w.awaitTarget("")
}

func TestUnusedTargets(t *testing.T) {
	w := newWeb(t, nil)
	w.delete("rule")
	w.register().start()
	if target := w.awaitTarget(elbv2.TargetUnused); target.Reason != "Target.NotInUse" {
		t.Errorf("target %+v", target)
	}
	w.deregister()
	w.awaitTarget("")
}

func TestBalancerListenerThatCannotBeBound(t *testing.T) {
	w := newWeb(t, nil).register()
	var taken atomic.Bool
	taken.Store(true)
	w.controller.Listen = func(network, address string) (net.Listener, error) {
		if taken.Load() && strings.HasSuffix(address, ":80") {
			return nil, &net.OpError{Op: "listen", Net: network, Err: syscall.EMFILE}
		}
		return net.Listen(network, address)
	}
	w.start()
	status := w.awaitBalancer(elbv2.LoadBalancerImpaired, 1)
	if !strings.Contains(status.Reason, "too many open files") || !strings.Contains(status.Reason, w.parts["http"].ID) {
		t.Errorf("reason %q", status.Reason)
	}
	w.awaitTarget(elbv2.TargetHealthy)
	w.answers("https://"+hello+"/", 200) // the other listener works
	taken.Store(false)
	if status := w.awaitBalancer(elbv2.LoadBalancerActive, 2); status.Reason != "" {
		t.Errorf("reason %q", status.Reason)
	}
	w.answers("http://"+hello+"/", 301)
}

func TestBalancerWhoseAddressIsTaken(t *testing.T) {
	w := newWeb(t, nil).register().start()
	address := w.awaitBalancer(elbv2.LoadBalancerActive, 2).Address
	w.stop()
	other, err := net.Listen("tcp", net.JoinHostPort(address, "443"))
	if err != nil {
		t.Skipf("this user may not listen on port 443: %v", err)
	}
	defer other.Close()
	w.start()
	w.await("a new address", func(tx *cloud.Tx) bool {
		status := cloud.StatusOf[elbv2.LoadBalancerStatus](tx.Get(w.balancer.Key))
		return status.Address != address && status.State == elbv2.LoadBalancerActive
	})
	w.answers("https://"+hello+"/", 200)
}

func TestBalancerKeepsItsAddressForItself(t *testing.T) {
	w := newWeb(t, nil).register().start()
	address := netip.MustParseAddr(w.awaitBalancer(elbv2.LoadBalancerActive, 2).Address)
	w.stop()
	w.start()
	w.awaitBalancer(elbv2.LoadBalancerActive, 2)
	w.answers("https://"+hello+"/", 200)
	if !w.addresses.Shared() && w.addresses.Reserve(address) {
		t.Error("the address can be given to somebody else")
	}
}

func TestBalancerDoesWithoutABrokenTargetGroup(t *testing.T) {
	w := newWeb(t, nil).register().start()
	w.awaitTarget(elbv2.TargetHealthy)
	path := func(path string) {
		w.update(func(tx *cloud.Tx) error {
			r := tx.Get(w.group.Key).Clone()
			check := maps.Clone(r.Outputs["healthCheck"].(cloud.Map))
			check["path"] = path
			r.Outputs["healthCheck"] = check
			tx.Put(r)
			return nil
		})
	}
	path("/%zz")
	status := w.awaitBalancer(elbv2.LoadBalancerImpaired, 2)
	for _, want := range []string{w.group.ID, `health check path "/%zz"`, "listener on port 443: rule 1"} {
		if !strings.Contains(status.Reason, want) {
			t.Errorf("reason %q lacks %q", status.Reason, want)
		}
	}
	w.answers("https://"+hello+"/", 404) // the default action
	w.answers("http://"+hello+"/", 301)
	path("/healthz")
	w.awaitBalancer(elbv2.LoadBalancerActive, 2)
	w.answers("https://"+hello+"/", 200)
}

func TestBalancerGoes(t *testing.T) {
	w := newWeb(t, nil).start()
	status := w.awaitBalancer(elbv2.LoadBalancerActive, 2)
	w.delete("balancer")
	for deadline := time.Now().Add(awstest.Patience); ; {
		conn, err := net.Dial("tcp", status.Endpoints[0].Address)
		if err != nil {
			break
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("the load balancer still listens")
		}
	}
}

func TestInternalBalancerIsOutOfReach(t *testing.T) {
	w := newWeb(t, nil)
	w.update(func(tx *cloud.Tx) error {
		r := tx.Get(w.balancer.Key).Clone()
		r.Inputs["internal"], r.Outputs["internal"] = true, true
		tx.Put(r)
		return nil
	})
	w.create("service out", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", cloud.Map{
		"securityGroupId": w.parts["service's group"].ID, "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0",
	})
	w.start()
	w.awaitBalancer(elbv2.LoadBalancerActive, 2)
	if _, _, err := w.get("https://"+hello+"/", 300*time.Millisecond); !isTimeout(err) {
		t.Errorf("got %v, want a time-out", err)
	}
	w.cloud.Store.View(func(tx *cloud.Tx) {
		if !balancers.Admits(tx, w.balancer.Key, w.target.Addr(), 443) {
			t.Error("a task does not reach an internal load balancer that lets everyone in")
		}
		if balancers.Admits(tx, w.balancer.Key, w.target.Addr(), 8443) {
			t.Error("a task reaches a port that no rule is about")
		}
	})
}
