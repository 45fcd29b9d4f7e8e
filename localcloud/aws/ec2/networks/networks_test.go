package networks_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ec2/networks"
	"slipway/localcloud/ca"
	"slipway/localcloud/cloud"
	"slipway/localcloud/dns"
	"slipway/localcloud/vnet"
)

const (
	patience = 20 * time.Second
	silence  = 150 * time.Millisecond
)

// stage is a VPC with a load balancer's network interface and a service's, in which everything works. What may be taken away has a name.
type stage struct {
	*awstest.Stage
	networks          *networks.Networks
	parts             map[string]*cloud.Resource
	balancer, service *vnet.Host
	outside           atomic.Value // what was dialled there last
	trusted           *x509.CertPool
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{Stage: awstest.NewStage(t), parts: map[string]*cloud.Resource{}}
	add := func(name, token string, in cloud.Map) *cloud.Resource {
		s.parts[name] = s.Make(token, in)
		return s.parts[name]
	}
	group := add("service group", ec2.SecurityGroupToken, cloud.Map{"vpcId": s.VPC.ID, "name": "service"})
	rule := func(of *cloud.Resource, port float64, peer string, value any) cloud.Map {
		return cloud.Map{"securityGroupId": of.ID, "ipProtocol": "tcp", "fromPort": port, "toPort": port, peer: value}
	}
	add("balancer out", ec2.SecurityGroupEgressRuleToken, rule(s.Group, 8080, "referencedSecurityGroupId", group.ID))
	add("service in", ec2.SecurityGroupIngressRuleToken, rule(group, 8080, "referencedSecurityGroupId", s.Group.ID))
	add("service out", ec2.SecurityGroupEgressRuleToken, cloud.Map{"securityGroupId": group.ID, "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"})
	table := s.Make(ec2.RouteTableToken, cloud.Map{"vpcId": s.VPC.ID})
	add("route", ec2.RouteToken, cloud.Map{"routeTableId": table.ID, "gatewayId": s.Gateway.ID, "destinationCidrBlock": "0.0.0.0/0"})
	add("association", ec2.RouteTableAssociationToken, cloud.Map{"routeTableId": table.ID, "subnetId": s.Subnets[0]})
	s.parts["gateway"] = s.Gateway

	s.networks = networks.New(s.Store, nil)
	s.networks.Zones = func() []dns.Zone {
		return []dns.Zone{{Origin: "example.com", Records: []dns.Record{{Name: "here.example.com", Type: "A", Content: "10.0.9.9", TTL: 60}}}}
	}
	s.networks.Outside = func(_ context.Context, _, address string) (net.Conn, error) {
		s.outside.Store(address)
		return nil, errors.New("nobody is there")
	}
	s.outside.Store("")
	authority, err := ca.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.trusted = authority.Pool()
	s.networks.Certificate = func(name string) (tls.Certificate, error) { return authority.Issue([]string{name}) }
	s.networks.Services = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "this is "+r.Host) })
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.networks.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-done
	})
	s.balancer, s.service = s.place("balancer", s.Group, true), s.place("service", group, true)
	return s
}

// place puts a network interface into the first subnet.
func (s *stage) place(owner string, group *cloud.Resource, public bool) *vnet.Host {
	s.T.Helper()
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		_, err := ec2.AddInterface(tx, awstest.Here.Scope, ec2.Interface{SubnetID: s.Subnets[0].(string), SecurityGroups: []string{group.ID}, Owner: owner}, public)
		return err
	}); err != nil {
		s.T.Fatal(err)
	}
	hosts, err := s.networks.Nodes(awstest.Here.Scope, owner)
	if err != nil || len(hosts) != 1 {
		s.T.Fatalf("%d nodes, %v", len(hosts), err)
	}
	return hosts[0]
}

func (s *stage) without(part string) {
	s.T.Helper()
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		tx.Delete(s.parts[part].Key)
		return nil
	}); err != nil {
		s.T.Fatal(err)
	}
}

// echo listens at every address of the host.
func echo(t *testing.T, h *vnet.Host, port uint16) {
	t.Helper()
	l, err := h.Listen(netip.AddrPortFrom(netip.IPv6Unspecified(), port))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
}

func dial(h *vnet.Host, to *vnet.Host, port int, within time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return h.DialContext(ctx, "tcp", fmt.Sprintf("%s:%d", to.Addresses()[0], port))
}

func answers(c net.Conn, within time.Duration) error {
	if err := c.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("x")); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 1))
	return err
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// A connection begins if a rule of either group lets it, and waits in vain otherwise. When a rule goes, connections go on: they are tracked.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
func TestSecurityGroupsDecide(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"balancer out", "service in"} {
		s := newStage(t)
		echo(t, s.service, 8080)
		echo(t, s.service, 8081)
		c, err := dial(s.balancer, s.service, 8080, patience)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dial(s.balancer, s.service, 8081, silence); !isTimeout(err) {
			t.Errorf("a port without a rule: %v", err)
		}
		echo(t, s.balancer, 80)
		if _, err := dial(s.service, s.balancer, 80, silence); !isTimeout(err) {
			t.Errorf("a connection that only its beginner's group lets pass: %v", err)
		}
		s.without(rule)
		if err := answers(c, patience); err != nil {
			t.Errorf("without %q, a connection under way: %v", rule, err)
		}
		if _, err := dial(s.balancer, s.service, 8080, silence); !isTimeout(err) {
			t.Errorf("without %q, a new connection: %v", rule, err)
		}
	}
}

// Two VPCs may have the same block of addresses, and reach nothing of each other.
func TestVPCsAreApart(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	stranger := s.inOtherVPC()
	echo(t, s.service, 8080)
	if _, err := dial(stranger, s.service, 8080, silence); !isTimeout(err) {
		t.Errorf("from another VPC: %v", err)
	}
}

func (s *stage) subnet() (r *cloud.Resource) {
	s.Store.View(func(tx *cloud.Tx) {
		r = tx.Get(cloud.Key{Scope: awstest.Here.Scope, Token: ec2.SubnetToken, ID: s.Subnets[0].(string)})
	})
	return r
}

// What goes outside takes a rule, a route to a gateway that is there, and a public address; and it never goes there for an address of the VPC.
func TestInternet(t *testing.T) {
	t.Parallel()
	outside := func(s *stage, h *vnet.Host, address string) bool {
		ctx, cancel := context.WithTimeout(t.Context(), silence)
		defer cancel()
		_, _ = h.DialContext(ctx, "tcp", address) // nobody is there
		return s.outside.Swap("") == address
	}
	s := newStage(t)
	if !outside(s, s.service, "192.0.2.1:443") {
		t.Error("with everything in place, nothing goes outside")
	}
	if outside(s, s.balancer, "192.0.2.1:443") {
		t.Error("without a rule, something goes outside")
	}
	if private := s.place("private", s.parts["service group"], false); outside(s, private, "192.0.2.1:443") {
		t.Error("without a public address, something goes outside")
	}
	for _, address := range []string{"10.0.200.200:443", "10.0.1.77:80"} {
		if outside(s, s.service, address) {
			t.Errorf("the VPC's own address %s is dialled outside", address)
		}
	}
	for _, part := range []string{"route", "gateway", "association", "service out"} {
		s := newStage(t)
		s.without(part)
		// The route goes soon after, as on AWS.
		for deadline := time.Now().Add(patience); outside(s, s.service, "192.0.2.1:443"); {
			if time.Now().After(deadline) {
				t.Errorf("without the %s, something goes outside", part)
				break
			}
		}
	}
}

// The resolver is at the base of the VPC's addresses plus two, and no security group is in its way.
func TestResolver(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, network := range []string{"udp", "tcp"} {
		r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return s.balancer.DialContext(ctx, network, "10.0.0.2:53")
		}}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if got, err := r.LookupHost(ctx, "here.example.com."); err != nil || len(got) != 1 || got[0] != "10.0.9.9" {
			t.Errorf("over %s: %v, %v", network, got, err)
		}
		if _, err := r.LookupHost(ctx, "elsewhere.example.org."); err == nil {
			t.Errorf("over %s, a name that nobody knows has an address", network)
		}
	}
}

// An interface that goes takes its host along, and a task's interface says what a container has to set up.
func TestInterfaces(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var key cloud.Key
	s.Store.View(func(tx *cloud.Tx) { key = ec2.InterfacesOf(tx, awstest.Here.Scope, "service")[0].Key })
	i, err := s.networks.Task(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	own := s.service.Addresses()[0]
	if len(i.Resolvers) != 1 || i.Resolvers[0].String() != "10.0.0.2" || i.Tap.Addresses[0].Addr() != own || !i.Tap.Addresses[0].Contains(i.Tap.Gateways[0]) {
		t.Errorf("the interface is %+v", i)
	}
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		tx.Delete(key)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; {
		if _, err := dial(s.service, s.balancer, 80, silence); errors.Is(err, vnet.ErrClosed) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the host of an interface that is gone still dials")
		}
	}
	if _, err := s.networks.Task(key, nil); err == nil {
		t.Error("an interface that is gone is plugged in")
	}
}

// The endpoints of tasks are there without a rule and a route, and answer nobody but tasks.
func TestTaskEndpointNeedsNoRule(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	c := http.Client{Transport: &http.Transport{DialContext: s.balancer.DialContext}, Timeout: patience}
	resp, err := c.Get("http://" + networks.TaskEndpoint.String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("who is no task gets %s", resp.Status)
	}
}

// Where everybody is let in and every answer out, nobody remembers connections: they end with the rule. The others go on.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html#untracked-connections
func TestUntrackedConnectionsEndWithTheirRule(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, cidr string
		ends       bool
	}{{"everybody", "0.0.0.0/0", true}, {"the VPC", "10.0.0.0/8", false}} {
		s := newStage(t)
		in := s.Make(ec2.SecurityGroupIngressRuleToken, cloud.Map{
			"securityGroupId": s.parts["service group"].ID, "ipProtocol": "tcp", "fromPort": 9000.0, "toPort": 9000.0, "cidrIpv4": c.cidr,
		})
		s.parts["in"] = in
		s.Make(ec2.SecurityGroupEgressRuleToken, cloud.Map{"securityGroupId": s.Group.ID, "ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"})
		echo(t, s.service, 9000)
		conn, err := dial(s.balancer, s.service, 9000, patience)
		if err != nil {
			t.Fatal(err)
		}
		if err := answers(conn, patience); err != nil {
			t.Fatal(err)
		}
		s.without("in")
		if !c.ends {
			if err := answers(conn, patience); err != nil {
				t.Errorf("a connection by a rule for %s ended with it: %v", c.name, err)
			}
			continue
		}
		for deadline := time.Now().Add(patience); !isTimeout(answers(conn, silence)); {
			if time.Now().After(deadline) {
				t.Errorf("a connection by a rule for %s goes on without it", c.name)
				break
			}
		}
	}
}

// AWS's own endpoints answer whoever gets out, over HTTP and HTTPS, by whatever name they are asked.
func TestServices(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	ask := func(from *vnet.Host, url string, within time.Duration) (string, error) {
		c := http.Client{Timeout: within, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: s.trusted, MinVersion: tls.VersionTLS12},
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				_, port, _ := net.SplitHostPort(address)
				return from.DialContext(ctx, network, net.JoinHostPort(networks.ServicesIPv4.String(), port))
			},
		}}
		defer c.CloseIdleConnections()
		resp, err := c.Get(url)
		if err != nil {
			return "", err
		}
		defer func() { _ = resp.Body.Close() }()
		said, err := io.ReadAll(resp.Body)
		return string(said), err
	}
	for _, url := range []string{"http://sts.eu-central-1.amazonaws.com/", "https://sts.eu-central-1.amazonaws.com/"} {
		if said, err := ask(s.service, url, patience); err != nil || said != "this is sts.eu-central-1.amazonaws.com" {
			t.Errorf("%s answers %q, %v", url, said, err)
		}
	}
	if _, err := ask(s.service, "http://sts.amazonaws.com:81/", patience); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("another port: %v", err)
	}
	if _, err := ask(s.balancer, "https://sts.amazonaws.com/", silence); !isTimeout(err) {
		t.Errorf("without a rule: %v", err)
	}
	if s.outside.Load() != "" {
		t.Errorf("%v was dialled in the internet", s.outside.Load())
	}
}

// What a task needs before it starts gets out as its packets will.
func TestEgressIsThatOfPackets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		without string
		words   string
	}{
		{"", ""}, {"route", "has no route to 0.0.0.0/0"}, {"gateway", "blackhole"}, {"service out", "no egress rule"}, {"association", "has no route"},
	} {
		s := newStage(t)
		if c.without != "" {
			s.without(c.without)
		}
		var err error
		s.Store.View(func(tx *cloud.Tx) {
			err = networks.Egress(tx, awstest.Here.Scope, ec2.NetworkInterface.Inputs(ec2.InterfacesOf(tx, awstest.Here.Scope, "service")[0]), 443)
		})
		if (err == nil) != (c.words == "") || err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("without %q: %v, want %q", c.without, err, c.words)
		}
	}
	// Rules that cover the endpoints need not be for everybody.
	s := newStage(t)
	s.without("service out")
	s.Make(ec2.SecurityGroupEgressRuleToken, cloud.Map{
		"securityGroupId": s.parts["service group"].ID, "ipProtocol": "tcp", "fromPort": 443.0, "toPort": 443.0, "cidrIpv4": "128.0.0.0/1",
	})
	s.Store.View(func(tx *cloud.Tx) {
		if err := networks.Egress(tx, awstest.Here.Scope, ec2.NetworkInterface.Inputs(ec2.InterfacesOf(tx, awstest.Here.Scope, "service")[0]), 443); err != nil {
			t.Error(err)
		}
	})
}

// By its public address, an interface is reached from another VPC, and sees the public address of who comes.
func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var public string
	s.Store.View(func(tx *cloud.Tx) {
		public = ec2.NetworkInterface.Inputs(ec2.InterfacesOf(tx, awstest.Here.Scope, "balancer")[0]).PublicIP
	})
	s.Make(ec2.SecurityGroupIngressRuleToken, cloud.Map{"securityGroupId": s.Group.ID, "ipProtocol": "tcp", "fromPort": 443.0, "toPort": 443.0, "cidrIpv4": "198.18.0.0/15"})
	stranger := s.inOtherVPC()
	l, err := s.balancer.Listen(netip.AddrPortFrom(s.balancer.Addresses()[0], 443))
	if err != nil {
		t.Fatal(err)
	}
	from := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		from <- c.RemoteAddr().(*net.TCPAddr).IP.String()
		_, _ = io.Copy(c, c)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := stranger.DialContext(ctx, "tcp", public+":443")
	if err != nil {
		t.Fatal(err)
	}
	if err := answers(c, patience); err != nil {
		t.Error(err)
	}
	var own string
	s.Store.View(func(tx *cloud.Tx) {
		own = ec2.NetworkInterface.Inputs(ec2.InterfacesOf(tx, awstest.Here.Scope, "stranger")[0]).PublicIP
	})
	if who := <-from; who != own || own == public {
		t.Errorf("the stranger, who has the public address %s, seems to be %s", own, who)
	}
	// What no rule lets in vanishes, and so does what is sent to an address that nobody has.
	for _, address := range []string{public + ":80", "198.19.255.1:443"} {
		ctx, cancel := context.WithTimeout(t.Context(), silence)
		defer cancel()
		if _, err := stranger.DialContext(ctx, "tcp", address); err == nil || errors.Is(err, syscall.ECONNREFUSED) && address == public+":80" {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// inOtherVPC places an interface into a VPC with the same addresses, and an internet gateway.
func (s *stage) inOtherVPC() *vnet.Host {
	s.T.Helper()
	other := s.Make(ec2.VPCToken, cloud.Map{"cidrBlock": "10.0.0.0/16"})
	gateway := s.Make(ec2.InternetGatewayToken, cloud.Map{"vpcId": other.ID})
	subnet := s.Make(ec2.SubnetToken, cloud.Map{"vpcId": other.ID, "cidrBlock": ec2.Subnet.Inputs(s.subnet()).CIDRBlock, "availabilityZone": "eu-central-1a"})
	table := s.Make(ec2.RouteTableToken, cloud.Map{"vpcId": other.ID})
	s.Make(ec2.RouteToken, cloud.Map{"routeTableId": table.ID, "gatewayId": gateway.ID, "destinationCidrBlock": "0.0.0.0/0"})
	s.Make(ec2.RouteTableAssociationToken, cloud.Map{"routeTableId": table.ID, "subnetId": subnet.ID})
	group := s.Make(ec2.SecurityGroupToken, cloud.Map{
		"vpcId": other.ID, "name": "open",
		"egress":  []any{cloud.Map{"protocol": "-1", "fromPort": 0.0, "toPort": 0.0, "cidrBlocks": []any{"0.0.0.0/0"}}},
		"ingress": []any{cloud.Map{"protocol": "-1", "fromPort": 0.0, "toPort": 0.0, "cidrBlocks": []any{"0.0.0.0/0"}}},
	})
	first := s.Subnets[0]
	defer func() { s.Subnets[0] = first }()
	s.Subnets[0] = subnet.ID
	return s.place("stranger", group, true)
}
