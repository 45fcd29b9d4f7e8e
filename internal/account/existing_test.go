package account

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/config"
	"slipway/config/configtest"
	"slipway/internal/settings"
	"slipway/internal/standing"
	"slipway/spec"
)

const certificateARN = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"

// onBalancer returns the config of a stack on somebody's load balancer, with more members of loadBalancer.
func onBalancer(services, more string) settings.Source {
	return configtest.Source(services, "network", `{"vpcId": "`+mocks.VPCID+`", "subnetIds": {"tasks": ["`+mocks.PrivateA+`"]}}`,
		"loadBalancer", `{"arn": "`+mocks.LoadBalancerARN+`"`+more+`}`)
}

// existingCloud returns a cloud with somebody's network and load balancer.
func existingCloud(balancer mocks.Balancer) *mocks.Cloud {
	functions := mocks.NewVPC().Functions()
	maps.Copy(functions, balancer.Functions())
	return &mocks.Cloud{Functions: functions}
}

// lookUpSource looks up what exists for a config.
func lookUpSource(t *testing.T, cloud *mocks.Cloud, source settings.Source, in Account) (found Existing, cfg *config.Config, err error) {
	t.Helper()
	if cfg, err = config.Read(source); err != nil {
		t.Fatal(err)
	}
	err = cloud.Run(func(ctx *pulumi.Context) error {
		found, err = LookUp(ctx, cfg, in)
		return err
	})
	return found, cfg, err
}

func TestLookUpFindsAnExistingLoadBalancer(t *testing.T) {
	t.Parallel()
	in := &holds{listener: standing.Listener{Rules: []standing.Rule{
		{Priority: 10, Hostname: "theirs.example.com", Path: "/*"},
		{Priority: 20},
		{Priority: 30, Hostname: "hello.example.com", Path: "/*", Name: "dev-hello", Service: "hello", Project: "slipway", Stack: "dev", Targets: 3},
	}, Certificates: [][]string{{"theirs.example.com"}}, CertificateARNs: []string{"theirs"}}}
	found, cfg, err := lookUpSource(t, existingCloud(mocks.NewBalancer()), onBalancer(configtest.Service(""), ""), in)
	if err != nil {
		t.Fatal(err)
	}
	if found.Listener == nil || found.Listener.ARN != mocks.ListenerARN || in.sought.ListenerARN != mocks.ListenerARN || in.sought.DNSName != found.Listener.DNSName {
		t.Errorf("found %+v, sought %+v", found.Listener, in.sought)
	}
	// The others' numbers are taken, and their certificates are not the stack's.
	want := spec.HeldPriorities{10: {}, 20: {}, 30: {Hostname: "hello.example.com", Path: "/*"}}
	if !maps.Equal(found.Priorities, want) || found.Certificates != nil || found.Tasks(cfg.Services[0]) != 3 {
		t.Errorf("found priorities %v, certificates %v", found.Priorities, found.Certificates)
	}
	if got := found.Uncertified(cfg); !slices.Equal(got, []string{"hello.example.com"}) {
		t.Errorf("the stack's certificates have %v", got)
	}
}

func TestLookUpRefusesAnExistingLoadBalancer(t *testing.T) {
	t.Parallel()
	issued := &spec.FoundCertificate{Status: "ISSUED", Names: []string{"*.example.com"}}
	onListener := standing.Listener{CertificateARNs: []string{"first", certificateARN}}
	with := `, "certificateArn": "` + certificateARN + `"`
	for name, test := range map[string]struct {
		change func(*mocks.Balancer)
		source settings.Source
		in     *holds
		want   string
	}{
		"its certificate":    {nil, onBalancer(configtest.Service(""), with), &holds{listener: onListener, certificate: issued}, ""},
		"not on it":          {nil, onBalancer(configtest.Service(""), with), &holds{certificate: issued}, "slipway:loadBalancer.certificateArn: is not on the load balancer's HTTPS listener; add it there"},
		"without the name":   {nil, onBalancer(configtest.Service(""), with), &holds{listener: onListener, certificate: &spec.FoundCertificate{Status: "ISSUED"}}, "slipway:loadBalancer.certificateArn: does not have hello.example.com; use"},
		"another region":     {nil, onBalancer(configtest.Service(""), strings.Replace(with, "eu-central-1", "us-east-1", 1)), &holds{}, "slipway:loadBalancer.certificateArn: is in region us-east-1, and the stack in eu-central-1; use one"},
		"no certificate":     {nil, onBalancer(configtest.Service(""), with), &holds{}, "slipway:loadBalancer.certificateArn: there should be no call"},
		"internal, and more": {func(b *mocks.Balancer) { b.Internal = true }, onBalancer(configtest.Service(""), strings.Replace(with, "eu-central-1", "us-east-1", 1)), &holds{}, "slipway:loadBalancer.arn: is internal, so clients on the internet do not reach it; use an internet-facing one\nslipway:loadBalancer.certificateArn: is in region us-east-1"},
		"no balancer":        {func(b *mocks.Balancer) { b.ARN = "" }, onBalancer(configtest.Service(""), ""), &holds{}, "slipway:loadBalancer.arn: look up the load balancer in the stack's region: LoadBalancerNotFound"},
		"their host name": {
			nil, onBalancer(configtest.Service(""), ""), &holds{listener: standing.Listener{Rules: []standing.Rule{{Priority: 7, Hostname: "hello.example.com", Path: "/x"}}}},
			"services.hello.hostnames: hello.example.com has a rule on the load balancer already, with priority 7, which is not this stack's; choose another host name",
		},
	} {
		balancer := mocks.NewBalancer()
		if test.change != nil {
			test.change(&balancer)
		}
		_, _, err := lookUpSource(t, existingCloud(balancer), test.source, test.in)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v\nwant %s", name, err, test.want)
		}
	}
	elsewhere := onBalancer(configtest.Service(""), "")
	elsewhere.Values["slipway:loadBalancer"] = strings.Replace(elsewhere.Values["slipway:loadBalancer"], "eu-central-1", "us-east-1", 1)
	if _, _, err := lookUpSource(t, existingCloud(mocks.NewBalancer()), elsewhere, &holds{}); err == nil || !strings.Contains(err.Error(), "slipway:loadBalancer.arn: is in region us-east-1") {
		t.Errorf("another region: %v", err)
	}
}

func TestLookUpFindsAnExistingCluster(t *testing.T) {
	t.Parallel()
	both := []string{"FARGATE", "FARGATE_SPOT"}
	const arn = "arn:aws:ecs:eu-central-1:123456789012:cluster/main"
	spot := configtest.Service(`"capacity": {"fargateSpot": {"weight": 1}}, "instanceCount": 2`)
	for name, test := range map[string]struct {
		services, cluster string
		in                *holds
		want              string
	}{
		"right":          {spot, "main", &holds{cluster: &spec.FoundCluster{Name: "main", ARN: arn, Status: "ACTIVE", CapacityProviders: both}}, ""},
		"no Spot":        {spot, arn, &holds{cluster: &spec.FoundCluster{Status: "ACTIVE", CapacityProviders: both[:1]}}, "slipway:cluster.name: lacks the capacity provider FARGATE_SPOT, on which"},
		"Spot unused":    {configtest.Service(""), arn, &holds{cluster: &spec.FoundCluster{Name: "main", ARN: arn, Status: "ACTIVE", CapacityProviders: both[:1]}}, ""},
		"gone":           {configtest.Service(""), arn, &holds{}, "slipway:cluster.name: there should be no call"},
		"another region": {configtest.Service(""), strings.Replace(arn, "eu-central-1", "us-east-1", 1), &holds{}, "slipway:cluster.name: is in region us-east-1, and the stack in eu-central-1"},
	} {
		found, _, err := lookUpSource(t, &mocks.Cloud{}, configtest.Source(test.services, "cluster", `{"name": "`+test.cluster+`"}`), test.in)
		if test.want == "" && (err != nil || found.Cluster == nil) || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v\nwant %s", name, err, test.want)
		}
	}
}

// A load balancer of the stack's own can present somebody's certificate.
func TestLookUpChecksTheCertificateOfAnOwnLoadBalancer(t *testing.T) {
	t.Parallel()
	source := configtest.Source(configtest.Service(""), "loadBalancer", `{"certificateArn": "`+certificateARN+`"}`)
	for want, certificate := range map[string]*spec.FoundCertificate{
		"": {Status: "ISSUED", Names: []string{"hello.example.com"}},
		"slipway:loadBalancer.certificateArn: is EXPIRED and not ISSUED": {Status: "EXPIRED", Names: []string{"hello.example.com"}},
	} {
		_, _, err := lookUpSource(t, &mocks.Cloud{}, source, &holds{certificate: certificate})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%+v: %v, want %q", certificate, err, want)
		}
	}
}

// A target group belongs to one load balancer, so a running stack stays on its own.
func TestAStackDoesNotMoveToAnotherLoadBalancer(t *testing.T) {
	t.Parallel()
	own, err := config.Read(inVPC(configtest.Service("")))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := config.Read(onBalancer(configtest.Service(""), ""))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cfg  *config.Config
		last lastNetwork
		want string
	}{
		"stays":            {theirs, lastNetwork{VPCID: mocks.VPCID, Balancer: mocks.LoadBalancerARN}, ""},
		"another network":  {own, lastNetwork{CIDR: "10.0.0.0/16"}, ""},
		"another balancer": {theirs, lastNetwork{VPCID: mocks.VPCID, Balancer: "other"}, "loadBalancer.arn: the stack stands on load balancer other, and one update cannot move it to load balancer " + mocks.LoadBalancerARN + "; bring up another stack there"},
		"from its own":     {theirs, lastNetwork{VPCID: mocks.VPCID}, "loadBalancer.arn: the stack stands on a load balancer of its own, and one update cannot move it to load balancer " + mocks.LoadBalancerARN},
		"to its own":       {own, lastNetwork{VPCID: mocks.VPCID, Balancer: "other"}, "cannot move it to a load balancer of its own"},
	} {
		got := change{Config: test.cfg, last: lastUpdate{Network: &test.last}}.checkMoves()
		if test.want == "" && got != nil || test.want != "" && (got == nil || !strings.Contains(got.Error(), test.want)) {
			t.Errorf("%s: %v\nwant %s", name, got, test.want)
		}
	}
}
