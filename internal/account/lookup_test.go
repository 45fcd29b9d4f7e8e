package account

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components"
	"slipway/components/mocks"
	"slipway/config"
	"slipway/config/configtest"
	"slipway/internal/standing"
	"slipway/spec"
)

// holds is an account with a load balancer that has something already.
type holds struct {
	components.Watcher
	components.JobRunner
	listener standing.Listener
	sought   standing.Sought // the last call
	quota    int
	// What others keep; nil: the call is not expected.
	certificate *spec.FoundCertificate
	cluster     *spec.FoundCluster
}

func (h *holds) Certificate(context.Context, string) (spec.FoundCertificate, error) {
	if h.certificate == nil {
		return spec.FoundCertificate{}, errors.New("there should be no call")
	}
	return *h.certificate, nil
}

func (h *holds) Cluster(context.Context, string) (spec.FoundCluster, error) {
	if h.cluster == nil {
		return spec.FoundCluster{}, errors.New("there should be no call")
	}
	return *h.cluster, nil
}

func (h *holds) Standing(_ context.Context, sought standing.Sought) (standing.Listener, error) {
	h.sought = sought
	return h.listener, nil
}

func (h *holds) RuleQuota(context.Context) (int, error) {
	if h.quota == 0 {
		return 0, errors.New("there should be no call")
	}
	return h.quota, nil
}

// lookUp looks up what exists for services, in a stack with outputs of its last update.
func lookUp(t *testing.T, services string, outputs map[string]any, in *holds) (found Existing, cfg *config.Config, err error) {
	t.Helper()
	return lookUpIn(t, &mocks.Cloud{Outputs: outputs}, services, in)
}

// lookUpIn is lookUp in a cloud.
func lookUpIn(t *testing.T, cloud *mocks.Cloud, services string, in *holds) (found Existing, cfg *config.Config, err error) {
	t.Helper()
	cfg, err = config.Read(configtest.Source(services))
	if err != nil {
		t.Fatal(err)
	}
	err = cloud.Run(func(ctx *pulumi.Context) error {
		found, err = LookUp(ctx, cfg, in)
		return err
	})
	return found, cfg, err
}

func TestLookUpFindsWhatTheLastUpdateLeft(t *testing.T) {
	t.Parallel()
	const dnsName = "old-1.eu-central-1.elb.amazonaws.com"
	in := &holds{listener: standing.Listener{
		Balancers: []standing.Balancer{{DNSName: dnsName}, {DNSName: "new", Tagged: true}},
		Rules: []standing.Rule{
			{Priority: 2, Hostname: "hello.example.com", Path: "/*", Name: "old-hello-canary", Service: "hello", Targets: 7},
			{Priority: 2, Hostname: "hello.example.com", Path: "/*", Name: "dev-hello", Service: "hello", Targets: 2},
		},
	}}
	found, cfg, err := lookUp(t, configtest.Service(`"scaling": {"max": 9, "cpu": 50}`), map[string]any{"loadBalancerDnsName": dnsName, "dnsTtl": 300.0}, in)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"Project": "slipway", "Stack": "dev", "Name": "dev"}; in.sought.DNSName != dnsName || !reflect.DeepEqual(in.sought.Tags, want) {
		t.Errorf("sought %+v", in.sought)
	}
	if in.sought.Counted == nil || !in.sought.Counted("hello.example.com", "/*") {
		t.Error("tasks are not counted for a service that scales")
	}
	// An update that was interrupted during its wait left both load balancers: the next one waits again.
	if !found.Replacing || found.Remembered != 5*time.Minute {
		t.Errorf("replacing is %v, and resolvers remember for %s", found.Replacing, found.Remembered)
	}
	if got := found.Tasks(cfg.Services[0]); got != 7 {
		t.Errorf("%d tasks serve", got)
	}
}

// An update that raised the records' time-to-live and failed did not export it.
func TestLookUpFindsHowLongRecordsAreRemembered(t *testing.T) {
	t.Parallel()
	const hostname = "hello.example.com"
	moved := []standing.Balancer{{DNSName: "old"}, {DNSName: "new", Tagged: true}}
	told := map[string]any{"dnsTtl": 120.0}
	for name, test := range map[string]struct {
		outputs   map[string]any
		records   map[string]int
		balancers []standing.Balancer
		want      time.Duration
	}{
		"raised":          {told, map[string]int{hostname: 900}, moved, 15 * time.Minute},
		"lowered":         {told, map[string]int{hostname: 60}, moved, 2 * time.Minute},
		"proxied":         {nil, map[string]int{hostname: 1}, moved, spec.ProxiedTTL * time.Second},
		"no record":       {told, nil, moved, 2 * time.Minute},
		"going back":      {told, map[string]int{hostname: 900}, []standing.Balancer{{Tagged: true}, {Tagged: true}}, 15 * time.Minute},
		"nothing moves":   {told, map[string]int{hostname: 900}, moved[1:], 2 * time.Minute},
		"nothing told it": {nil, nil, moved, spec.MinTTL * time.Second},
	} {
		cloud := mocks.Cloud{Outputs: test.outputs, RecordTTLs: test.records}
		found, _, err := lookUpIn(t, &cloud, configtest.Service(""), &holds{listener: standing.Listener{Balancers: test.balancers}})
		if err != nil || found.Remembered != test.want {
			t.Errorf("%s: %s (%v), want %s", name, found.Remembered, err, test.want)
		}
	}
	refused := mocks.Cloud{Fail: func(token, _ string) error {
		if token == "cloudflare:index/getRecord:getRecord" {
			return errors.New("Authentication error (10000)")
		}
		return nil
	}}
	_, _, err := lookUpIn(t, &refused, configtest.Service(""), &holds{listener: standing.Listener{Balancers: moved}})
	if err == nil || !strings.Contains(err.Error(), "look up the DNS record of hello.example.com: ") {
		t.Errorf("error %v", err)
	}
}

// A rule with a header belongs to a canary. A service may have a canary's name.
func TestLookUpFindsFormerRules(t *testing.T) {
	t.Parallel()
	in := &holds{listener: standing.Listener{Rules: []standing.Rule{
		{Priority: 1, Hostname: "a.example.com", Path: "/*", Header: true, Name: "dev-a-canary", Service: "a"},
		{Priority: 2, Hostname: "a.example.com", Path: "/*", Name: "dev-a", Service: "a"},
		{Priority: 3, Hostname: "b.example.com", Path: "/*", Header: true, Name: "dev-b-canary-canary", Service: "b-canary"},
		{Priority: 4, Hostname: "b.example.com", Path: "/*", Name: "dev-b-canary", Service: "b-canary"},
		{Priority: 6, Hostname: "c.example.com", Path: "/*", Name: "dev-c-canary", Service: "c-canary"},
	}}}
	found, _, err := lookUp(t, configtest.Service(""), nil, in)
	if err != nil {
		t.Fatal(err)
	}
	want := map[spec.Route]string{
		{Hostname: "a.example.com", Path: "/*"}: "dev-a",
		{Hostname: "b.example.com", Path: "/*"}: "dev-b-canary",
		{Hostname: "c.example.com", Path: "/*"}: "dev-c-canary",
	}
	if !reflect.DeepEqual(found.Former, want) {
		t.Errorf("found %v, want %v", found.Former, want)
	}
}

func TestLookUpOfANewStack(t *testing.T) {
	t.Parallel()
	in := &holds{}
	found, cfg, err := lookUp(t, configtest.Service(""), nil, in)
	if err != nil || found.Replacing || found.Left != nil || found.Tasks(cfg.Services[0]) != 0 || in.sought.DNSName != "" || in.sought.Counted != nil {
		t.Errorf("found %+v by %+v (%v)", found, in.sought, err)
	}
}

func TestLookUpRefuses(t *testing.T) {
	t.Parallel()
	in := &holds{listener: standing.Listener{Rules: []standing.Rule{{Hostname: "hello.example.com", Path: "/*", Service: "other", Targets: 1}}}}
	if _, _, err := lookUp(t, configtest.Service(`"instanceCount": 0`), nil, in); err == nil || !strings.Contains(err.Error(), "services.hello.instanceCount: is 0") {
		t.Errorf("error %v", err)
	}
	for i := range 99 {
		in.listener.Rules = append(in.listener.Rules, standing.Rule{Priority: 2*i + 2, Hostname: "others.example.com"})
	}
	in.quota = 100
	if _, _, err := lookUp(t, configtest.Service(""), nil, in); err == nil || !strings.Contains(err.Error(), "101 rules at once, 100 existing ones and 1 added") {
		t.Errorf("error %v", err)
	}
	in.quota = 101
	found, _, err := lookUp(t, configtest.Service(""), nil, in)
	if err != nil || found.Priorities[2] != (spec.Route{Hostname: "others.example.com"}) {
		t.Errorf("found %v (%v)", found.Priorities, err)
	}
}

// Application Auto Scaling finds no metrics of a queue elsewhere, and would never scale. The sentence comes before the first resource.
func TestLookUpRefusesAQueueElsewhere(t *testing.T) {
	t.Parallel()
	scaling := func(arn string) string {
		return configtest.Service(`"scaling": {"max": 2, "queue": {"arn": "` + arn + `", "messagesPerTask": 10}}`)
	}
	for arn, want := range map[string]string{
		"arn:aws:sqs:eu-central-1:" + mocks.Account + ":orders": "",
		"arn:aws:sqs:eu-west-1:" + mocks.Account + ":orders":    "slipway:services.hello.scaling.queue.arn: the queue is in region eu-west-1 and the stack in eu-central-1",
		"arn:aws:sqs:eu-central-1:210987654321:orders":          "slipway:services.hello.scaling.queue.arn: the queue is in account 210987654321 and the stack in " + mocks.Account,
	} {
		if _, _, err := lookUp(t, scaling(arn), nil, &holds{}); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", arn, err, want)
		}
	}
}
