package networks_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/vnet"
)

// The proxy of a task is reached by the task without a rule, and by nobody else; and it gets where the task's security groups let it.
func TestProxyHasTheGroupsOfItsTask(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	proxy, name := s.proxy("balancer")
	l, err := proxy.Listen(netip.AddrPortFrom(name, 9000))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = c.Write([]byte("x")) }()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := s.balancer.DialContext(ctx, "tcp", fmt.Sprintf("%s:9000", name))
	if err != nil {
		t.Fatalf("the task: %v", err)
	}
	if err := answers(c, patience); err != nil {
		t.Errorf("the task: %v", err)
	}
	short, end := context.WithTimeout(t.Context(), silence)
	defer end()
	if _, err := s.service.DialContext(short, "tcp", fmt.Sprintf("%s:9000", name)); !isTimeout(err) {
		t.Errorf("somebody else: %v", err)
	}
	echo(t, s.service, 8080)
	echo(t, s.service, 8081)
	c, err = dial(proxy, s.service, 8080, patience)
	if err != nil {
		t.Fatalf("where the task gets: %v", err)
	}
	if err := answers(c, patience); err != nil {
		t.Errorf("where the task gets: %v", err)
	}
	if _, err := dial(proxy, s.service, 8081, silence); !isTimeout(err) {
		t.Errorf("where the task does not get: %v", err)
	}
}

// proxy puts a proxy with one name next to a network interface.
func (s *stage) proxy(owner string) (proxy *vnet.Host, name netip.Addr) {
	s.T.Helper()
	var key cloud.Key
	s.Store.View(func(tx *cloud.Tx) { key = ec2.InterfacesOf(tx, awstest.Here.Scope, owner)[0].Key })
	addresses, plug, err := s.networks.Proxy(key, 1)
	if err != nil {
		s.T.Fatal(err)
	}
	if proxy, err = plug(); err != nil {
		s.T.Fatal(err)
	}
	return proxy, addresses[0]
}
