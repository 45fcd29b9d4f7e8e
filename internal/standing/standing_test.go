package standing

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"slipway/internal/awsconfig"
)

// fake answers like AWS's APIs: each call of an operation gets its next answer.
type fake struct {
	t       *testing.T
	answers map[string][]string
}

func (f fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		var in struct{ CertificateArn string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			f.t.Error(err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = fmt.Fprint(w, f.next(strings.TrimPrefix(target, "CertificateManager.")+" "+in.CertificateArn+f.in(r)))
		return
	}
	action := r.FormValue("Action")
	answer := f.next(strings.TrimSpace(action+" "+r.FormValue("LoadBalancerArn")+r.FormValue("ListenerArn")+r.FormValue("TargetGroupArn")) + f.in(r))
	w.Header().Set("Content-Type", "text/xml")
	if strings.HasPrefix(answer, "<Error>") {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, "<ErrorResponse>%s</ErrorResponse>", answer)
		return
	}
	_, _ = fmt.Fprintf(w, "<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>", action, answer)
}

// in names the region of the calls, if it is not the stack's.
func (f fake) in(r *http.Request) string {
	if strings.Contains(r.Header.Get("Authorization"), "/us-east-1/") {
		return " in us-east-1"
	}
	return ""
}

func (f fake) next(operation string) string {
	answers := f.answers[operation]
	if len(answers) == 0 {
		f.t.Errorf("%s is not expected", operation)
		return ""
	}
	f.answers[operation] = answers[1:]
	return answers[0]
}

// find calls a fake, and reports answers that were not used.
func find(t *testing.T, answers map[string][]string) (Listener, error) {
	t.Helper()
	return findSought(t, answers, Sought{Tags: map[string]string{"Project": "slipway", "Stack": "dev"}})
}

func findSought(t *testing.T, answers map[string][]string, sought Sought) (Listener, error) {
	t.Helper()
	server := httptest.NewServer(fake{t, answers})
	t.Cleanup(server.Close)
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	options := awsconfig.Options{
		"region": "eu-central-1", "accessKey": "key", "secretKey": "secret",
		"endpoints": fmt.Sprintf(`[{"elbv2":%[1]q,"acm":%[1]q}]`, server.URL),
	}
	found, err := Find(t.Context(), options, sought)
	for operation, left := range answers {
		if len(left) > 0 && err == nil {
			t.Errorf("%s was not asked for", operation)
		}
	}
	return found, err
}

func members(name string, all ...string) string {
	return fmt.Sprintf("<%[1]s><member>%[2]s</member></%[1]s>", name, strings.Join(all, "</member><member>"))
}

func tagged(arn, project, stack string) string {
	tag := "<Key>%s</Key><Value>%s</Value>"
	return "<ResourceArn>" + arn + "</ResourceArn>" + members("Tags", fmt.Sprintf(tag, "Name", "x"), fmt.Sprintf(tag, "Project", project), fmt.Sprintf(tag, "Stack", stack))
}

func rule(priority string, conditions ...string) string {
	return "<RuleArn>rule-" + priority + "</RuleArn><Priority>" + priority + "</Priority>" + members("Conditions", conditions...)
}

func condition(field, config string, values ...string) string {
	return "<Field>" + field + "</Field><" + config + ">" + members("Values", values...) + "</" + config + ">"
}

func TestFind(t *testing.T) {
	host := func(names ...string) string { return condition("host-header", "HostHeaderConfig", names...) }
	path := func(paths ...string) string { return condition("path-pattern", "PathPatternConfig", paths...) }
	certificate := func(arn, isDefault string) string {
		return "<CertificateArn>" + arn + "</CertificateArn><IsDefault>" + isDefault + "</IsDefault>"
	}
	got, err := find(t, map[string][]string{
		"DescribeLoadBalancers": {
			members("LoadBalancers", "<LoadBalancerArn>other</LoadBalancerArn>") + "<NextMarker>more</NextMarker>",
			members("LoadBalancers", "<LoadBalancerArn>ours</LoadBalancerArn>"),
		},
		"DescribeTags": {
			// The first call is refused because one of the two is gone.
			"<Error><Code>LoadBalancerNotFound</Code><Message>gone</Message></Error>",
			"<Error><Code>LoadBalancerNotFound</Code><Message>gone</Message></Error>",
			members("TagDescriptions", tagged("ours", "slipway", "dev")),
			members("TagDescriptions", tagged("rule-4", "slipway", "dev")),
		},
		"DescribeListeners ours": {members("Listeners", "<ListenerArn>http</ListenerArn><Protocol>HTTP</Protocol>", "<ListenerArn>https</ListenerArn><Protocol>HTTPS</Protocol>")},
		"DescribeRules https": {
			members("Rules", rule("4", host("a.x")), rule("3", host("a.x"), condition("http-header", "HttpHeaderConfig", "always"))) + "<NextMarker>more</NextMarker>",
			members("Rules", rule("8", host("a.x"), path("/api/*")), rule("10", host("a.x", "b.x")), rule("12", path("/x")),
				rule("14", host("a.x"), condition("source-ip", "SourceIpConfig", "10.0.0.0/8")), rule("default")),
		},
		"DescribeListenerCertificates https": {members("Certificates", certificate("second", "false"), certificate("arn:aws:iam::1:server-certificate/old", "false"), certificate("first", "false"), certificate("first", "true"), certificate("first", "false"))},
		"DescribeCertificate first":          {`{"Certificate":{"SubjectAlternativeNames":["a.x","b.x"]}}`},
		"DescribeCertificate second":         {`{"Certificate":{"SubjectAlternativeNames":["c.x"]}}`},
	})
	want := Listener{
		Balancers: []Balancer{{Tagged: true}},
		Rules: []Rule{
			{Priority: 4, Hostname: "a.x", Path: "/*", Name: "x", Project: "slipway", Stack: "dev"},
			{Priority: 3, Hostname: "a.x", Path: "/*", Header: true},
			{Priority: 8, Hostname: "a.x", Path: "/api/*"},
			{Priority: 10},
			{Priority: 12},
			{Priority: 14},
		},
		Certificates: [][]string{{"a.x", "b.x"}, {"c.x"}}, CertificateARNs: []string{"first", "second"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("found %+v (%v), want %+v", got, err, want)
	}
}

func TestFindNothing(t *testing.T) {
	for name, answers := range map[string]map[string][]string{
		"no load balancer": {"DescribeLoadBalancers": {""}},
		"none of ours": {
			"DescribeLoadBalancers": {members("LoadBalancers", "<LoadBalancerArn>other</LoadBalancerArn>")},
			"DescribeTags":          {members("TagDescriptions", tagged("other", "other", "dev"))},
		},
		"no listener yet": {
			"DescribeLoadBalancers":  {members("LoadBalancers", "<LoadBalancerArn>ours</LoadBalancerArn>")},
			"DescribeTags":           {members("TagDescriptions", tagged("ours", "slipway", "dev"))},
			"DescribeListeners ours": {""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := find(t, answers); err != nil || !reflect.DeepEqual(got, Listener{Balancers: got.Balancers}) {
				t.Errorf("found %+v (%v)", got, err)
			}
		})
	}
}

// A caller without permission learns which operation it was, and its purpose.
func TestFindIsDenied(t *testing.T) {
	_, err := find(t, map[string][]string{"DescribeLoadBalancers": {"<Error><Code>AccessDenied</Code><Message>not authorized</Message></Error>"}})
	const want = "look up the rules and certificates of the stack's load balancer: Elastic Load Balancing v2 DescribeLoadBalancers: AccessDenied: not authorized"
	if err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}

// A renamed stack, or one in another region, finds its old resources by the load balancer's name, and the tasks behind it.
func TestFindByName(t *testing.T) {
	const dnsName = "old-1.us-east-1.elb.amazonaws.com"
	balancer := func(arn, name string) string {
		return members("LoadBalancers", "<LoadBalancerArn>"+arn+"</LoadBalancerArn><DNSName>"+name+"</DNSName>")
	}
	forward := func(groups ...string) string {
		return members("Actions", "<ForwardConfig>"+members("TargetGroups", groups...)+"</ForwardConfig>")
	}
	group := func(arn, weight string) string {
		return "<TargetGroupArn>" + arn + "</TargetGroupArn><Weight>" + weight + "</Weight>"
	}
	target := func(state string) string { return "<TargetHealth><State>" + state + "</State></TargetHealth>" }
	host := func(name string) string { return condition("host-header", "HostHeaderConfig", name) }
	got, err := findSought(t, map[string][]string{
		"DescribeLoadBalancers in us-east-1": {balancer("old", dnsName)},
		// In another region the tags prove nothing: a stack of the same name can be there.
		"DescribeTags in us-east-1": {
			members("TagDescriptions", tagged("old", "slipway", "dev")),
			members("TagDescriptions",
				"<ResourceArn>rule-4</ResourceArn>"+members("Tags", "<Key>Service</Key><Value>web</Value>"), "<ResourceArn>rule-6</ResourceArn>"),
		},
		"DescribeListeners old in us-east-1": {members("Listeners", "<ListenerArn>https</ListenerArn><Protocol>HTTPS</Protocol>")},
		"DescribeRules https in us-east-1": {members("Rules",
			rule("4", host("a.x"))+forward(group("web", "90"), group("canary", "10"), group("spare", "0")),
			rule("6", host("b.x"))+forward(group("web", "100")))},
		"DescribeTargetHealth web in us-east-1": {members("TargetHealthDescriptions",
			target("healthy"), target("initial"), target("draining"), target("unused"), target("unhealthy"))},
		"DescribeTargetHealth canary in us-east-1":        {"<Error><Code>TargetGroupNotFound</Code><Message>gone</Message></Error>"},
		"DescribeListenerCertificates https in us-east-1": {""},
		"DescribeLoadBalancers":                           {balancer("new", "new-1.eu-central-1.elb.amazonaws.com")},
		"DescribeTags":                                    {members("TagDescriptions", tagged("new", "slipway", "dev"))},
		"DescribeListeners new":                           {""},
	}, Sought{
		Tags: map[string]string{"Project": "slipway", "Stack": "dev"}, DNSName: dnsName,
		Counted: func(hostname, path string) bool { return hostname == "a.x" && path == "/*" },
	})
	want := Listener{
		Balancers: []Balancer{{DNSName: dnsName}, {DNSName: "new-1.eu-central-1.elb.amazonaws.com", Tagged: true}},
		Rules: []Rule{
			{Priority: 4, Hostname: "a.x", Path: "/*", Service: "web", Targets: 3, groups: []string{"web", "canary"}},
			{Priority: 6, Hostname: "b.x", Path: "/*", groups: []string{"web"}},
		},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("found %+v (%v), want %+v", got, err, want)
	}
}
