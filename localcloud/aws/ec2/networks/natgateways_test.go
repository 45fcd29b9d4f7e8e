package networks_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ec2/networks"
	"slipway/localcloud/cloud"
	"slipway/localcloud/vnet"
)

// behindNAT adds a private subnet, whose route leads to a NAT gateway, and a task in it.
func (s *stage) behindNAT() (task *vnet.Host, public string) {
	s.T.Helper()
	address := s.Make(ec2.EIPToken, cloud.Map{})
	nat := s.Make(ec2.NATGatewayToken, cloud.Map{"allocationId": address.ID, "subnetId": s.Subnets[0]})
	subnet := s.Make(ec2.SubnetToken, cloud.Map{"vpcId": s.VPC.ID, "cidrBlock": "10.0.128.0/24"})
	table := s.Make(ec2.RouteTableToken, cloud.Map{"vpcId": s.VPC.ID})
	s.parts["nat"] = nat
	s.parts["nat route"] = s.Make(ec2.RouteToken, cloud.Map{"routeTableId": table.ID, "destinationCidrBlock": "0.0.0.0/0", "natGatewayId": nat.ID})
	s.parts["nat association"] = s.Make(ec2.RouteTableAssociationToken, cloud.Map{"routeTableId": table.ID, "subnetId": subnet.ID})
	first := s.Subnets[0]
	defer func() { s.Subnets[0] = first }()
	s.Subnets[0] = subnet.ID
	return s.place("task", s.parts["service group"], false), ec2.EIP.Outputs(address).PublicIP
}

// What a task needs gets out by a NAT gateway as its packets do: each part of the way is needed.
func TestNATGatewayTakesPackets(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ without, words string }{
		{"", ""},
		{"nat route", "has no route to 0.0.0.0/0"},
		{"nat association", "has no route to 0.0.0.0/0"},
		{"nat", "is a blackhole"},
		{"route", "has no way out itself"},       // of the gateway's own subnet
		{"association", "has no way out itself"}, // with that route
		{"gateway", "has no way out itself"},
		{"service out", "no egress rule"},
	} {
		s := newStage(t)
		task, _ := s.behindNAT()
		if test.without != "" {
			s.without(test.without)
		}
		s.Store.View(func(tx *cloud.Tx) {
			err := networks.Egress(tx, awstest.Here.Scope, ec2.NetworkInterface.Inputs(ec2.InterfacesOf(tx, awstest.Here.Scope, "task")[0]), 443)
			if (err == nil) != (test.words == "") || err != nil && !strings.Contains(err.Error(), test.words) {
				t.Errorf("without %q: %v, want %q", test.without, err, test.words)
			}
		})
		within := patience
		if test.without != "" {
			within = silence
		}
		if err := s.asks(task, within); (err == nil) != (test.without == "") {
			t.Errorf("without %q, AWS's endpoints: %v", test.without, err)
		}
	}
}

// asks connects to AWS's own endpoints. Routes follow the store soon, and not at once.
func (s *stage) asks(from *vnet.Host, within time.Duration) error {
	s.T.Helper()
	for deadline := time.Now().Add(patience); ; {
		ctx, cancel := context.WithTimeout(s.T.Context(), within)
		c, err := from.DialContext(ctx, "tcp", netip.AddrPortFrom(networks.ServicesIPv4, 80).String())
		cancel()
		if err == nil && within == silence && time.Now().Before(deadline) {
			_ = c.Close()
			continue // until what is gone shows
		}
		if err == nil {
			_ = c.Close()
		}
		return err
	}
}

// Whoever is reached from behind a NAT gateway sees the gateway's address.
func TestNATGatewayHasItsOwnAddress(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	task, public := s.behindNAT()
	stranger := s.inOtherVPC()
	l, err := stranger.Listen(netip.AddrPortFrom(stranger.Addresses()[0], 443))
	if err != nil {
		t.Fatal(err)
	}
	from := make(chan string, 1)
	go func() {
		if c, err := l.Accept(); err == nil {
			from <- c.RemoteAddr().(*net.TCPAddr).IP.String()
		}
	}()
	var address string
	s.Store.View(func(tx *cloud.Tx) {
		address = ec2.NetworkInterface.Inputs(ec2.InterfacesOf(tx, awstest.Here.Scope, "stranger")[0]).PublicIP
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := task.DialContext(ctx, "tcp", address+":443"); err != nil {
		t.Fatal(err)
	}
	if who := <-from; who != public {
		t.Errorf("the task seems to be %s, and its gateway has %s", who, public)
	}
}

// Connections by a NAT gateway end with it, and the other side learns of that.
func TestConnectionsEndWithTheirNATGateway(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	others := make(chan net.Conn, 1)
	s.networks.Outside = func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		others <- there
		return here, nil
	}
	task, _ := s.behindNAT()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := task.DialContext(ctx, "tcp", "192.0.2.1:443")
	if err != nil {
		t.Fatal(err)
	}
	other := <-others
	if _, err := other.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	s.without("nat")
	if err := other.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection goes on: %v", err)
	}
}
