package spec

import (
	"testing"
)

// text returns what problems say, "" for none.
func text(p Problems) string {
	if err := p.Err(); err != nil {
		return err.Error()
	}
	return ""
}

func TestFoundLoadBalancer(t *testing.T) {
	t.Parallel()
	right := FoundLoadBalancer{VPCID: someVPC, SecurityGroups: []string{"sg-1"}, Listener: "HTTPS"}
	for name, test := range map[string]struct {
		change func(*FoundLoadBalancer)
		want   string
	}{
		"right":       {func(*FoundLoadBalancer) {}, ""},
		"internal":    {func(b *FoundLoadBalancer) { b.Internal = true }, "arn: is internal, so clients on the internet do not reach it; use an internet-facing one"},
		"elsewhere":   {func(b *FoundLoadBalancer) { b.VPCID = "vpc-1" }, "arn: is in vpc-1, and the tasks in " + someVPC + "; it reaches only tasks in its own VPC"},
		"no group":    {func(b *FoundLoadBalancer) { b.SecurityGroups = nil }, "arn: has no security group that could be let into the tasks'; give it one"},
		"no listener": {func(b *FoundLoadBalancer) { b.Listener = "" }, "arn: has no listener on port 443; add an HTTPS listener there"},
		"HTTP":        {func(b *FoundLoadBalancer) { b.Listener = "HTTP" }, "arn: has a listener for HTTP on port 443; make it one for HTTPS"},
		"two things": {func(b *FoundLoadBalancer) { b.Internal, b.Listener = true, "" }, "arn: is internal, so clients on the internet do not reach it; use an internet-facing one\n" +
			"arn: has no listener on port 443; add an HTTPS listener there"},
	} {
		b := right
		test.change(&b)
		if got := text(b.Problems(someVPC)); got != test.want {
			t.Errorf("%s: %s\nwant %s", name, got, test.want)
		}
	}
}

func TestFoundCertificate(t *testing.T) {
	t.Parallel()
	hostnames := []string{"a.example.com", "b.a.example.com", "example.com"}
	const missing = "; use a certificate with all host names, or leave certificateArn out: then the stack requests its own"
	for name, test := range map[string]struct {
		certificate FoundCertificate
		want        string
	}{
		"all":        {FoundCertificate{"ISSUED", []string{"example.com", "*.example.com", "b.a.example.com"}}, ""},
		"one level":  {FoundCertificate{"ISSUED", []string{"*.example.com"}}, "certificateArn: does not have b.a.example.com, example.com" + missing},
		"not issued": {FoundCertificate{"PENDING_VALIDATION", hostnames}, "certificateArn: is PENDING_VALIDATION and not ISSUED, so no load balancer takes it; validate it, or use another one"},
	} {
		if got := text(test.certificate.Problems(hostnames)); got != test.want {
			t.Errorf("%s: %s\nwant %s", name, got, test.want)
		}
	}
}

func TestFoundCluster(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cluster   FoundCluster
		providers []string
		insights  bool
		want      string
	}{
		"right":       {FoundCluster{Status: "ACTIVE", CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"}, Insights: true}, []string{"FARGATE", "FARGATE_SPOT"}, true, ""},
		"inactive":    {FoundCluster{Status: "INACTIVE"}, []string{"FARGATE"}, true, "name: is INACTIVE and not ACTIVE; use another cluster"},
		"no Spot":     {FoundCluster{Status: "ACTIVE", CapacityProviders: []string{"FARGATE"}}, []string{"FARGATE", "FARGATE_SPOT"}, false, "name: lacks the capacity provider FARGATE_SPOT, on which tasks are meant to run; add it to the cluster, or change capacity"},
		"no insights": {FoundCluster{Status: "ACTIVE", CapacityProviders: []string{"FARGATE"}}, []string{"FARGATE"}, true, "name: does not count its tasks, which scaling by a queue needs; turn on Container Insights in the cluster"},
	} {
		if got := text(test.cluster.Problems(test.providers, test.insights)); got != test.want {
			t.Errorf("%s: %s\nwant %s", name, got, test.want)
		}
	}
}

func TestIdentifiers(t *testing.T) {
	t.Parallel()
	const account = ":eu-central-1:123456789012:"
	for name, test := range map[string]struct {
		check        func(string) error
		right, wrong []string
	}{
		"load balancer": {
			CheckLoadBalancerARN,
			[]string{"arn:aws:elasticloadbalancing" + account + "loadbalancer/app/web/0123456789abcdef", "arn:aws-cn:elasticloadbalancing" + account + "loadbalancer/app/a-b/0123456789abcdef"},
			[]string{"", "web", "arn:aws:elasticloadbalancing" + account + "loadbalancer/net/web/0123456789abcdef", "arn:aws:elasticloadbalancing" + account + "listener/app/web/0123456789abcdef/0123456789abcdef"},
		},
		"certificate": {
			CheckCertificateARN,
			[]string{"arn:aws:acm" + account + "certificate/01234567-89ab-cdef-0123-456789abcdef"},
			[]string{"", "certificate/01234567-89ab-cdef-0123-456789abcdef", "arn:aws:iam::123456789012:server-certificate/web"},
		},
		"cluster": {
			CheckCluster, []string{"main", "arn:aws:ecs" + account + "cluster/main_1"}, []string{"", "a b", "arn:aws:ecs" + account + "service/main/web"},
		},
	} {
		for _, id := range test.right {
			if err := test.check(id); err != nil {
				t.Errorf("%s %s: %v", name, id, err)
			}
		}
		for _, id := range test.wrong {
			if test.check(id) == nil {
				t.Errorf("%s %q is right", name, id)
			}
		}
	}
}
