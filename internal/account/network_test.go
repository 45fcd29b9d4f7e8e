package account

import (
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

// inVPC returns the config of a stack in somebody's network.
func inVPC(services string) settings.Source {
	return configtest.Source(services, "network", `{"vpcId": "`+mocks.VPCID+`", "subnetIds": {"public": ["`+mocks.PublicA+`", "`+mocks.PublicB+
		`"], "tasks": ["`+mocks.PrivateA+`", "`+mocks.PrivateB+`"]}}`)
}

func TestLookUpFindsAnExistingNetwork(t *testing.T) {
	t.Parallel()
	const group = "sg-0123456789abcdef0"
	for name, test := range map[string]struct {
		change  func(*mocks.VPC)
		members string
		groups  string // the VPC of a group that is reached
		in      Account
		want    string
	}{
		"an empty account": {nil, "", "", nil, ""},
		"an account":       {nil, "", "", &holds{}, ""},
		"everything wrong": {func(v *mocks.VPC) { v.NoDNS, v.Tables["public"] = true, mocks.Table{} }, "", "", &holds{}, "slipway:network.vpcId: \"" + mocks.VPCID +
			"\": has DNS support turned off, so tasks cannot look up any name; turn enableDnsSupport on\nslipway:network.subnetIds.public: \"" + mocks.PublicA + `": has no route to an internet gateway`},
		"wrong without an account": {func(v *mocks.VPC) { v.NoDNS = true }, "", "", nil, "slipway:network.vpcId: "},
		"no room":                  {nil, `"instanceCount": 268`, "", &holds{}, "slipway:network.subnetIds.tasks: have 400 free addresses together, and 402 tasks may start there"},
		"room enough":              {nil, `"instanceCount": 267`, "", &holds{}, ""},
		// Not even the stack's first update needs to be over.
		"a group in it":      {nil, `"reaches": [{"securityGroupId": "` + group + `", "port": 5432}]`, mocks.VPCID, &holds{}, ""},
		"a group of another": {nil, `"reaches": [{"securityGroupId": "` + group + `", "port": 5432}]`, "vpc-1", &holds{}, "is in vpc-1; use a group in " + mocks.VPCID + ", the VPC of the stack"},
	} {
		vpc := mocks.NewVPC()
		if test.change != nil {
			test.change(&vpc)
		}
		cfg, err := config.Read(inVPC(configtest.Service(test.members)))
		if err != nil {
			t.Fatal(err)
		}
		cloud := mocks.Cloud{Functions: vpc.Functions(), GroupVPCs: map[string]string{group: test.groups}}
		var found Existing
		err = cloud.Run(func(ctx *pulumi.Context) error {
			found, err = LookUp(ctx, cfg, test.in)
			return err
		})
		if test.want != "" {
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v\nwant %s", name, err, test.want)
			}
		} else if err != nil || found.Network == nil || found.Network.VPCID != mocks.VPCID {
			t.Errorf("%s: %+v, %v", name, found.Network, err)
		}
	}
}

func TestAnExistingNetworkNeedsRoomForWhatIsNew(t *testing.T) {
	t.Parallel()
	cfg, err := config.Read(inVPC(`{
		"web": {"image": "` + configtest.Image + `", "hostnames": ["web.example.com"], "instanceCount": 4},
		"worker": {"image": "` + configtest.Image + `", "instanceCount": 2, "deployment": {"strategy": "all-at-once"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	stays := []standing.Balancer{{Tagged: true}}
	here, elsewhere := &lastNetwork{VPCID: mocks.VPCID}, &lastNetwork{CIDR: "10.0.0.0/16", IPv6: true}
	for name, test := range map[string]struct {
		last      lastUpdate
		balancers []standing.Balancer
		want      spec.NetworkNeed
	}{
		"everything":           {lastUpdate{}, nil, spec.NetworkNeed{LoadBalancer: true, NewLoadBalancer: true, NewTasks: 6 + 4}},
		"after an interrupt":   {lastUpdate{}, stays, spec.NetworkNeed{LoadBalancer: true}},
		"nothing":              {lastUpdate{Network: here, Images: map[string]string{"web": "a", "worker": "b"}}, stays, spec.NetworkNeed{LoadBalancer: true}},
		"from its own network": {lastUpdate{Network: elsewhere, Images: map[string]string{"web": "a", "worker": "b"}}, stays, spec.NetworkNeed{LoadBalancer: true, NewLoadBalancer: true, NewTasks: 10}},
	} {
		c := change{Config: cfg, last: test.last, standing: standing.Listener{Balancers: test.balancers}}
		if got := c.need(); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// Another VPC means another load balancer, as another CIDR does.
func TestAnExistingNetworkReplacesAnother(t *testing.T) {
	t.Parallel()
	own, err := config.Read(configtest.Source(configtest.Service("")))
	if err != nil {
		t.Fatal(err)
	}
	existing, err := config.Read(inVPC(configtest.Service("")))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cfg  *config.Config
		last *lastNetwork
		want bool
	}{
		"an older program":   {existing, nil, false},
		"the same":           {existing, &lastNetwork{VPCID: mocks.VPCID}, false},
		"another":            {existing, &lastNetwork{VPCID: "vpc-1"}, true},
		"from its own":       {existing, &lastNetwork{CIDR: "10.0.0.0/16", IPv6: true}, true},
		"back to its own":    {own, &lastNetwork{VPCID: mocks.VPCID}, true},
		"its own, unchanged": {own, &lastNetwork{CIDR: "10.0.0.0/16", IPv6: true}, false},
	} {
		c := change{Config: test.cfg, last: lastUpdate{Network: test.last}}
		if got := c.replacesNetwork(); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
