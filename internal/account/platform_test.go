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
	"slipway/internal/standing"
	"slipway/spec"
)

const listenerARN = "arn:aws:elasticloadbalancing:eu-central-1:" + mocks.Account + ":listener/app/platform-0123456/0123/4567"

// offered is the output of a platform, with changes.
func offered(changes map[string]any) map[string]any {
	output := map[string]any{
		"domain": "example.com", "hostnames": []any{"*.example.com"}, "vpcId": "vpc-1", "subnetIds": []any{"subnet-1", "subnet-2"}, "publicIp": true,
		"clusterName": "platform-0123456", "clusterArn": "arn:cluster", "insights": false, "listenerArn": listenerARN, "securityGroupId": "sg-1",
		"loadBalancerArnSuffix": "app/platform-0123456/0123", "dnsName": "platform.elb.amazonaws.com", "idleTimeout": 60.0, "open": true,
	}
	maps.Copy(output, changes)
	return map[string]any{"platform": output}
}

// join looks up what exists for a stack on a platform whose stack has the outputs.
func join(t *testing.T, services string, platform, outputs map[string]any, in *holds) (found Existing, err error) {
	t.Helper()
	cfg, err := config.Read(configtest.Source(services, "platform", "acme/slipway/platform"))
	if err != nil {
		t.Fatal(err)
	}
	cloud := mocks.Cloud{Outputs: outputs, Others: map[string]map[string]any{"acme/slipway/platform": platform}}
	err = cloud.Run(func(ctx *pulumi.Context) error {
		found, err = LookUp(ctx, cfg, in)
		return err
	})
	return found, err
}

func TestLookUpJoinsAPlatform(t *testing.T) {
	t.Parallel()
	sharer := spec.Sharer("slipway", "dev")
	attachment := spec.AttachmentRoute("hello", spec.DefaultHealthCheck, false)
	in := &holds{listener: standing.Listener{
		Balancers: []standing.Balancer{{Tagged: true}},
		Rules: []standing.Rule{
			{Priority: 8, Hostname: "hello.example.com", Path: "/*", Service: "hello", Project: "slipway", Stack: "dev"},
			{Priority: 10, Hostname: attachment.Among(sharer).Hostname, Path: "/*", Service: "hello", Project: "slipway", Stack: "dev"},
			{Priority: 12, Hostname: "other.example.com", Path: "/*", Service: "hello", Project: "slipway", Stack: "other"},
			{Priority: 14, Hostname: attachment.Among(spec.Sharer("slipway", "other")).Hostname, Path: "/*", Service: "hello", Project: "slipway", Stack: "other"},
			{Priority: 16},
		},
		Certificates: [][]string{{"*.example.com"}},
	}}
	found, err := join(t, configtest.Service(""), offered(nil), nil, in)
	if err != nil {
		t.Fatal(err)
	}
	if in.sought.ListenerARN != listenerARN || found.Zone != "example.com" || found.Platform.Stack != "acme/slipway/platform" || len(found.Platform.Uncertified) > 0 {
		t.Errorf("sought %+v, found %+v", in.sought, found)
	}
	want := spec.HeldPriorities{
		8: {Hostname: "hello.example.com", Path: "/*"}, 10: {Hostname: attachment.Among(sharer).Hostname, Path: "/*"}, 12: {}, 14: {}, 16: {},
	}
	if !maps.Equal(found.Priorities, want) {
		t.Errorf("held are %v, want %v", found.Priorities, want)
	}
	if found.Certificates != nil {
		t.Errorf("certificates %v of the platform are taken for the stack's", found.Certificates)
	}
}

func TestLookUpNamesWhatThePlatformDoesNotCertify(t *testing.T) {
	t.Parallel()
	services := `{"hello": {"image": "` + configtest.Image + `", "hostnames": ["a.example.com", "a.b.example.com", "*.c.example.com"]}}`
	found, err := join(t, services, offered(nil), nil, &holds{})
	if want := []string{"*.c.example.com", "a.b.example.com"}; err != nil || !slices.Equal(found.Platform.Uncertified, want) {
		t.Errorf("%v (%v), want %v", found.Platform, err, want)
	}
}

func TestPlatformsThatCannotBeJoined(t *testing.T) {
	t.Parallel()
	const image = `"image": "` + configtest.Image + `"`
	service := configtest.Service("")
	listener := func(replace, by string) map[string]any {
		return offered(map[string]any{"listenerArn": strings.Replace(listenerARN, replace, by, 1)})
	}
	for name, test := range map[string]struct {
		services          string
		platform, outputs map[string]any
		rules             []standing.Rule
		want              string
	}{
		"no platform": {
			service,
			map[string]any{"urls": map[string]any{}},
			nil, nil,
			"slipway:platform: stack acme/slipway/platform is not a platform: it has no output platform. Give it loadBalancer.hostnames and no services",
		},
		"of an older program": {service, offered(map[string]any{"dnsName": ""}), nil, nil, "its output platform is incomplete; run `pulumi up` there"},
		"a platform that goes": {
			service, offered(map[string]any{"open": false}), nil, nil,
			"is to be destroyed: its loadBalancer.deletionProtection is false",
		},
		"another region": {service, listener("eu-central-1", "eu-west-1"), nil, nil, "is in region eu-west-1, and this stack is in eu-central-1"},
		"another account": {
			service, listener(mocks.Account, "999999999999"), nil, nil,
			"is in account 999999999999, and this stack is in " + mocks.Account,
		},
		"a wildcard above the platform's domain": {
			`{"hello": {` + image + `, "hostnames": ["*.example.com"]}}`, offered(map[string]any{"domain": "a.example.com"}), nil, nil,
			"slipway:services: *.example.com: a wildcard stands before a name of 3 to 5 labels, as the platform's domain is a.example.com",
		},
		"another stack's host name": {
			service, offered(nil), nil,
			[]standing.Rule{{Hostname: "hello.example.com", Path: "/api/*", Project: "shop", Stack: "prod"}},
			"services.hello.hostnames: hello.example.com is a host name of stack shop/prod, which stands on the same platform",
		},
		"from its own network": {
			service, offered(nil),
			map[string]any{"network": map[string]any{"cidr": "10.0.0.0/16", "ipv6": true}},
			nil,
			"platform: the stack stands on a network and a load balancer of its own, and one update cannot move it to platform acme/slipway/platform",
		},
		"tasks that are not counted": {
			`{"worker": {` + image + `, "scaling": {"max": 2, "queue": {"arn": "arn:aws:sqs:eu-central-1:` + mocks.Account + `:q", "messagesPerTask": 1}}}}`,
			offered(nil), nil, nil, "does not count the tasks in its cluster, which scaling by a queue needs; set cluster.insights to true there",
		},
	} {
		_, err := join(t, test.services, test.platform, test.outputs, &holds{listener: standing.Listener{Rules: test.rules}})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v\nwant %s", name, err, test.want)
		}
	}
}

// A stack can go to its own network no more than to a platform.
func TestLeavingAPlatformIsRefused(t *testing.T) {
	t.Parallel()
	outputs := map[string]any{"network": map[string]any{"platform": "acme/slipway/platform"}}
	_, _, err := lookUp(t, configtest.Service(""), outputs, &holds{})
	const want = "platform: the stack stands on platform acme/slipway/platform, and one update cannot move it to a network and a load balancer of its own"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// A platform in use keeps what the stacks on it need.
func TestPlatformsInUseStay(t *testing.T) {
	t.Parallel()
	inUse := []standing.Rule{
		{Hostname: spec.AttachmentRoute("hello", spec.DefaultHealthCheck, false).Among("one-0123").Hostname, Path: "/*", Project: "slipway", Stack: "one"},
		{Hostname: "one.example.com", Path: "/*", Project: "slipway", Stack: "one"},
		{Hostname: "a.b.example.org", Path: "/*", Project: "slipway", Stack: "one"}, // which has a certificate of its own
	}
	platform := func(hostnames string, more ...string) *config.Config {
		source := configtest.Source("", append([]string{"loadBalancer", `{"hostnames": [` + hostnames + `]}`, "network", `{"egress": "nat"}`}, more...)...)
		delete(source.Values, "slipway:services")
		cfg, err := config.Read(source)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	services, err := config.Read(configtest.Source(configtest.Service("")))
	if err != nil {
		t.Fatal(err)
	}
	last := lastUpdate{Network: &lastNetwork{CIDR: "10.0.0.0/16", IPv6: true}, Platform: &ownPlatform{
		Hostnames: []string{"*.example.com"}, SubnetIDs: []string{"subnet-1", "subnet-2"}, Egress: "nat",
	}}
	for name, test := range map[string]struct {
		cfg  *config.Config
		want string
	}{
		"nothing changes":      {platform(`"*.example.com"`), ""},
		"another name":         {platform(`"*.example.com", "example.com"`), ""},
		"the names themselves": {platform(`"one.example.com"`), ""},
		"a name less":          {platform(`"example.com"`), "loadBalancer.hostnames: no certificate would be left for one.example.com of stack slipway/one"},
		"another network":      {platform(`"*.example.com"`, "network", `{"cidr": "10.9.0.0/16", "egress": "nat"}`), "other stacks stand on these: slipway/one; destroy them first"},
		"a zone more":          {platform(`"*.example.com"`, "network", `{"zones": 3, "egress": "nat"}`), ""},
		"a way out less": {
			platform(`"*.example.com"`, "network", `{"egress": "public"}`),
			"network.egress: tasks of other stacks run in the subnets of nat, which another way out takes away: slipway/one; destroy them first",
		},
		"no protection": {
			platform("", "loadBalancer", `{"hostnames": ["*.example.com"], "deletionProtection": false}`),
			"loadBalancer.deletionProtection: is false, and other stacks stand on this platform: slipway/one; destroy them first",
		},
		"services": {services, "loadBalancer.hostnames: is needed while other stacks stand on this platform: slipway/one"},
	} {
		c := change{Config: test.cfg, last: last, standing: standing.Listener{Balancers: []standing.Balancer{{Tagged: true}}}}
		c.standing.Rules, c.others = splitRules(inUse, "slipway", "platform", false)
		err := c.check()
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v\nwant %q", name, err, test.want)
		}
	}
}

func TestAZoneWithOthersTasksStays(t *testing.T) {
	t.Parallel()
	c := changeOf(t, configtest.Service(""), lastUpdate{Platform: &ownPlatform{SubnetIDs: []string{"subnet-1", "subnet-2", "subnet-3"}}}, standing.Listener{})
	const want = "network.zones: tasks of other stacks run in each of the 3 zones: slipway/one; destroy them first"
	if err := c.checkSubnets("slipway/one"); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// The quota of rules counts those of every stack on the load balancer.
func TestRulesOfOtherStacksCount(t *testing.T) {
	t.Parallel()
	c := changeOf(t, configtest.Service(""), lastUpdate{}, standing.Listener{Balancers: []standing.Balancer{{Tagged: true}}})
	c.others = make([]standing.Rule, config.RulesPerLoadBalancer)
	err := c.checkRules(func() (int, error) { return config.RulesPerLoadBalancer, nil })
	if err == nil || !strings.Contains(err.Error(), "would have 102 rules at once, 100 existing ones and 2 added") {
		t.Error(err)
	}
}

func TestCertificatesOfAPlatformRunOut(t *testing.T) {
	t.Parallel()
	c := change{certificates: make([][]string, 1+maxCertificates)}
	c.certificates[7] = []string{"a.b.example.com"}
	if got := c.certificateWarnings([]string{"a.b.example.com"}); got != nil {
		t.Errorf("a certificate that is there: %v", got)
	}
	got := c.certificateWarnings([]string{"c.b.example.com"})
	if len(got) != 1 || !strings.Contains(got[0], "would have 26 certificates in addition to its default one") {
		t.Errorf("warnings are %v", got)
	}
}
