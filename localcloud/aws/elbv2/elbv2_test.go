package elbv2_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/internal/regions"
	"slipway/localcloud/cloud"
)

func TestLoadBalancerRefusals(t *testing.T) {
	s := awstest.NewStage(t)
	s.Make(elbv2.LoadBalancerToken, s.Balancer(cloud.Map{"name": "taken"}))
	second := s.Subnet("10.0.10.0/24", "a", 10)
	plain := s.Subnet("10.0.11.0/24", "b", -1)
	small := s.Subnet("10.0.12.0/28", "b", 12)
	native := s.Make(ec2.SubnetToken, cloud.Map{
		"vpcId": s.VPC.ID, "ipv6Native": true, "availabilityZone": "eu-central-1b", "assignIpv6AddressOnCreation": true,
		"ipv6CidrBlock": strings.Replace(s.VPC.Outputs["ipv6CidrBlock"].(string), "00::/56", "20::/64", 1), "enableResourceNameDnsAaaaRecordOnLaunch": true,
	})
	elsewhere := s.Make(ec2.VPCToken, cloud.Map{"cidrBlock": "10.1.0.0/16"})
	foreign := s.Make(ec2.SubnetToken, cloud.Map{"vpcId": elsewhere.ID, "cidrBlock": "10.1.0.0/24", "availabilityZone": "eu-central-1b"})
	foreignToo := s.Make(ec2.SubnetToken, cloud.Map{"vpcId": elsewhere.ID, "cidrBlock": "10.1.1.0/24", "availabilityZone": "eu-central-1c"})
	stranger := s.Make(ec2.SecurityGroupToken, cloud.Map{"vpcId": elsewhere.ID, "name": "stranger"})
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		for range 4 { // of the 11 addresses that a /28 has for its user
			if _, err := ec2.AddInterface(tx, awstest.Here.Scope, ec2.Interface{SubnetID: small.ID}, false); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		name        string
		change      cloud.Map
		code, words string
	}{
		{"long name", cloud.Map{"name": strings.Repeat("x", 33)}, "Check", "cannot be longer than 32 characters"},
		{"bad character", cloud.Map{"name": "web_1"}, "Check", "only alphanumeric characters and hyphens allowed"},
		{"hyphen first", cloud.Map{"name": "-web"}, "Check", "cannot begin with a hyphen"},
		{"hyphen last", cloud.Map{"name": "web-"}, "Check", "cannot end with a hyphen"},
		{"internal-", cloud.Map{"name": "internal-web"}, "Check", `cannot begin with "internal-"`},
		{"name and prefix", cloud.Map{"namePrefix": "web"}, "Check", "conflicts with name"},
		{"long prefix", cloud.Map{"name": nil, "namePrefix": "webserver"}, "Check", "cannot be longer than 6 characters"},
		{"type", cloud.Map{"loadBalancerType": "classic"}, "Check", "expected loadBalancerType to be one of"},
		{"network", cloud.Map{"loadBalancerType": "network"}, "Check", "a network load balancer: not modelled"},
		{"address type", cloud.Map{"ipAddressType": "ipv6"}, "Check", "expected ipAddressType"},
		{"desync", cloud.Map{"desyncMitigationMode": "lax"}, "Check", "expected desyncMitigationMode"},
		{"desync not modelled", cloud.Map{"desyncMitigationMode": "strictest"}, "Check", "not modelled"},
		{"xff", cloud.Map{"xffHeaderProcessingMode": "drop"}, "Check", "expected xffHeaderProcessingMode"},
		{"access logs", cloud.Map{"accessLogs": cloud.Map{"bucket": "b", "enabled": true}}, "Check", "access logs: not modelled"},
		{"keep-alive", cloud.Map{"clientKeepAlive": 60.0}, "Check", "not modelled"},
		{"both kinds of subnets", cloud.Map{"subnetMappings": []any{cloud.Map{"subnetId": s.Subnets[0]}}}, "Check", "only one of `subnetMappings,subnets`"},
		{"own address", cloud.Map{"subnets": nil, "subnetMappings": []any{cloud.Map{"subnetId": s.Subnets[0], "allocationId": "eipalloc-1"}}}, "Check", "not modelled"},
		{"idle time-out", cloud.Map{"idleTimeout": 4001.0}, "ValidationError", "between '1' and '4000'"},
		{"duplicate", cloud.Map{"name": "taken"}, "DuplicateLoadBalancerName", "ELBv2 Load Balancer (taken) already exists"},
		{"no subnets", cloud.Map{"subnets": nil}, "ValidationError", "At least two subnets in two different Availability Zones must be specified"},
		{"one zone", cloud.Map{"subnets": s.Subnets[:1]}, "ValidationError", "At least two subnets in two different Availability Zones must be specified"},
		{"zone twice", cloud.Map{"subnets": []any{s.Subnets[0], second.ID}}, "InvalidConfigurationRequest", "cannot be attached to multiple subnets in the same Availability Zone"},
		{"two VPCs", cloud.Map{"subnets": []any{s.Subnets[0], foreign.ID}}, "InvalidConfigurationRequest", "must belong to one VPC"},
		{"no such subnet", cloud.Map{"subnets": []any{s.Subnets[0], "subnet-0"}}, "InvalidSubnetID.NotFound", "The subnet ID 'subnet-0' does not exist"},
		{"small subnet", cloud.Map{"subnets": []any{s.Subnets[0], small.ID}}, "InvalidSubnet", "Not enough IP space available in " + small.ID},
		{"no IPv6", cloud.Map{"subnets": []any{s.Subnets[0], plain.ID}, "ipAddressType": "dualstack"}, "ValidationError", "You must specify subnets with an associated IPv6 CIDR block."},
		{"no IPv4", cloud.Map{"subnets": []any{s.Subnets[0], native.ID}}, "InvalidSubnet", "The subnet '" + native.ID + "' has no IPv4 CIDR block"},
		{"no gateway", cloud.Map{"subnets": []any{foreign.ID, foreignToo.ID}, "securityGroups": nil}, "InvalidSubnet", "VPC " + elsewhere.ID + " has no internet gateway"},
		{"no such group", cloud.Map{"securityGroups": []any{"sg-0"}}, "InvalidGroup.NotFound", "The security group 'sg-0' does not exist"},
		{"group elsewhere", cloud.Map{"securityGroups": []any{stranger.ID}}, "InvalidConfigurationRequest", "One or more security groups are invalid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := s.Try(elbv2.LoadBalancerToken, s.Balancer(test.change))
			s.In(t).Refused(err, test.code, test.words)
		})
	}
}

func TestLoadBalancerOutputs(t *testing.T) {
	s := awstest.NewStage(t)
	r := s.Make(elbv2.LoadBalancerToken, s.Balancer(nil))
	for property, pattern := range map[string]string{
		"arn":       `^arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/web/[0-9a-f]{16}$`,
		"arnSuffix": `^app/web/[0-9a-f]{16}$`,
		"dnsName":   `^web-\d+\.eu-central-1\.elb\.amazonaws\.com$`,
		"zoneId":    `^Z215JYRZR1TBD5$`,
		"vpcId":     "^" + s.VPC.ID + "$",
	} {
		if v, _ := r.Outputs[property].(string); !regexp.MustCompile(pattern).MatchString(v) {
			t.Errorf("%s = %v, want %s", property, r.Outputs[property], pattern)
		}
	}
	if r.ID != r.Outputs["arn"] {
		t.Errorf("id %s is not the ARN", r.ID)
	}
	for property, v := range map[string]any{
		"idleTimeout": 60.0, "enableHttp2": true, "dropInvalidHeaderFields": false, "desyncMitigationMode": "defensive",
		"xffHeaderProcessingMode": "append", "ipAddressType": "ipv4", "internal": false, "loadBalancerType": "application",
	} {
		if r.Outputs[property] != v {
			t.Errorf("%s = %v, want %v", property, r.Outputs[property], v)
		}
	}
	internal := s.Make(elbv2.LoadBalancerToken, s.Balancer(cloud.Map{"name": nil, "namePrefix": "in-", "internal": true}))
	if n := internal.Outputs["dnsName"].(string); !strings.HasPrefix(n, "internal-in-") {
		t.Errorf("DNS name of an internal load balancer: %s", n)
	}
	for _, region := range slices.Sorted(maps.Keys(regions.All)) {
		if elbv2.HostedZones[region] == "" {
			t.Errorf("no hosted zone for %s", region)
		}
	}
}

func TestLoadBalancerInterfaces(t *testing.T) {
	s := awstest.NewStage(t)
	r := s.Make(elbv2.LoadBalancerToken, s.Balancer(cloud.Map{"ipAddressType": "dualstack", "subnets": s.Subnets[:2]}))
	interfaces := func() map[string]*ec2.Interface {
		out := map[string]*ec2.Interface{}
		s.Store.View(func(tx *cloud.Tx) {
			for _, ni := range ec2.InterfacesOf(tx, awstest.Here.Scope, r.ID) {
				in := ec2.NetworkInterface.Inputs(ni)
				out[in.SubnetID] = in
			}
		})
		return out
	}
	before := interfaces()
	if len(before) != 2 {
		t.Fatalf("%d network interfaces in 2 subnets", len(before))
	}
	for _, ni := range before {
		if ni.PublicIP == "" || ni.IPv6Address == "" || !slices.Equal(ni.SecurityGroups, []string{s.Group.ID}) {
			t.Errorf("interface of a dual-stack load balancer: %+v", ni)
		}
	}

	other := s.Make(ec2.SecurityGroupToken, cloud.Map{"vpcId": s.VPC.ID, "name": "other"})
	r, err := s.Edit(r, cloud.Map{"ipAddressType": "ipv4", "subnets": s.Subnets[1:], "securityGroups": []any{other.ID}})
	if err != nil {
		t.Fatal(err)
	}
	after := interfaces()
	kept := s.Subnets[1].(string)
	if len(after) != 2 || after[s.Subnets[0].(string)] != nil || after[kept].PrivateIP != before[kept].PrivateIP {
		t.Errorf("interfaces after the change: %v", after)
	}
	for _, ni := range after {
		if ni.IPv6Address != "" || !slices.Equal(ni.SecurityGroups, []string{other.ID}) {
			t.Errorf("interface after the change: %+v", ni)
		}
	}

	s.Refused(s.Delete(t.Context(), awstest.Here, ec2.SecurityGroupToken, other.ID, time.Millisecond), "DependencyViolation", other.ID)
	s.Refused(s.Delete(t.Context(), awstest.Here, ec2.SubnetToken, kept, time.Millisecond), "DependencyViolation", kept)
	s.Remove(r)
	if left := interfaces(); len(left) > 0 {
		t.Errorf("interfaces outlive their load balancer: %v", left)
	}
	s.Remove(other)
}

func TestDeletionProtection(t *testing.T) {
	s := awstest.NewStage(t)
	r := s.Make(elbv2.LoadBalancerToken, s.Balancer(cloud.Map{"enableDeletionProtection": true}))
	s.Refused(s.Delete(t.Context(), awstest.Here, r.Token, r.ID, time.Millisecond), "OperationNotPermitted",
		"Load balancer '"+r.ID+"' cannot be deleted because deletion protection is enabled")
	r, err := s.Edit(r, cloud.Map{"enableDeletionProtection": false})
	if err != nil {
		t.Fatal(err)
	}
	s.Remove(r)
}

func TestTargetGroupRefusals(t *testing.T) {
	s := awstest.NewStage(t)
	s.Make(elbv2.TargetGroupToken, s.Targets(cloud.Map{"name": "taken"}))
	plain := s.Make(ec2.VPCToken, cloud.Map{"cidrBlock": "10.9.0.0/16"})
	health := func(in cloud.Map) cloud.Map { return cloud.Map{"healthCheck": in} }
	for _, test := range []struct {
		name        string
		change      cloud.Map
		code, words string
	}{
		{"long name", cloud.Map{"name": strings.Repeat("x", 33)}, "Check", "cannot be longer than 32 characters"},
		{"hyphen last", cloud.Map{"name": "tasks-"}, "Check", "cannot end with a hyphen"},
		{"default target type", cloud.Map{"targetType": nil}, "Check", "targets of type instance: not modelled"},
		{"lambda", cloud.Map{"targetType": "lambda"}, "Check", "targets of type lambda: not modelled"},
		{"protocol", cloud.Map{"protocol": "GOPHER"}, "Check", "expected protocol to be one of"},
		{"TCP", cloud.Map{"protocol": "TCP"}, "Check", "targets that speak TCP: not modelled"},
		{"gRPC", cloud.Map{"protocolVersion": "GRPC"}, "Check", "targets that speak GRPC: not modelled"},
		{"protocol version", cloud.Map{"protocolVersion": "HTTP3"}, "Check", "expected protocolVersion to be one of"},
		{"address type", cloud.Map{"ipAddressType": "both"}, "Check", "expected ipAddressType to be one of"},
		{"IPv6 targets", cloud.Map{"ipAddressType": "ipv6", "vpcId": plain.ID}, "ValidationError", "must have an associated IPv6 CIDR block"},
		{"port", cloud.Map{"port": 65536.0}, "Check", "expected port to be in the range (1 - 65535), got 65536"},
		{"delay", cloud.Map{"deregistrationDelay": 3601.0}, "Check", "expected deregistrationDelay to be in the range (0 - 3600)"},
		{"slow start", cloud.Map{"slowStart": 10.0}, "Check", "expected slowStart to be in the range (30 - 900)"},
		{"slow start not modelled", cloud.Map{"slowStart": 30.0}, "Check", "a slow start: not modelled"},
		{"algorithm", cloud.Map{"loadBalancingAlgorithmType": "weighted_random"}, "Check", "not modelled"},
		{"stickiness", cloud.Map{"stickiness": cloud.Map{"type": "lb_cookie"}}, "Check", "sticky sessions: not modelled"},
		{"interval", health(cloud.Map{"interval": 4.0}), "Check", "expected healthCheck.interval to be in the range (5 - 300), got 4"},
		{"timeout", health(cloud.Map{"timeout": 1.0}), "Check", "expected healthCheck.timeout to be in the range (2 - 120)"},
		{"healthy", health(cloud.Map{"healthyThreshold": 1.0}), "Check", "healthCheck.healthyThreshold to be in the range (2 - 10)"},
		{"unhealthy", health(cloud.Map{"unhealthyThreshold": 11.0}), "Check", "healthCheck.unhealthyThreshold to be in the range (2 - 10)"},
		{"check by TCP", health(cloud.Map{"protocol": "TCP"}), "Check", "expected healthCheck.protocol to be one of"},
		{"path", health(cloud.Map{"path": "healthz"}), "Check", `start with "/"`},
		{"path with a bad escape", health(cloud.Map{"path": "/%zz"}), "Check", "a path that no URL can have: not modelled"},
		{"check port", health(cloud.Map{"port": "http"}), "Check", "must be a valid port number"},
		{"no check", health(cloud.Map{"enabled": false}), "ValidationError", "Health check enabled must be true"},
		{"slow check", health(cloud.Map{"interval": 5.0, "timeout": 5.0}), "ValidationError", "Health check interval must be greater than the timeout."},
		{"matcher", health(cloud.Map{"matcher": "200-599"}), "ValidationError", "must be within '200-499'"},
		{"matcher's form", health(cloud.Map{"matcher": "2xx"}), "ValidationError", "must be within '200-499'"},
		{"no port", cloud.Map{"port": nil}, "ValidationError", `Attribute "port" must be specified when "targetType" is "ip".`},
		{"no VPC", cloud.Map{"vpcId": nil}, "ValidationError", `Attribute "vpcId" must be specified`},
		{"no such VPC", cloud.Map{"vpcId": "vpc-0"}, "InvalidVpcID.NotFound", "vpc-0"},
		{"duplicate", cloud.Map{"name": "taken"}, "DuplicateTargetGroupName", "ELBv2 Target Group (taken) already exists"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := s.Try(elbv2.TargetGroupToken, s.Targets(test.change))
			s.In(t).Refused(err, test.code, test.words)
		})
	}
}

func TestTargetGroupDefaults(t *testing.T) {
	s := awstest.NewStage(t)
	bare := s.Make(elbv2.TargetGroupToken, s.Targets(nil))
	if want := (&elbv2.HealthCheck{"HTTP", elbv2.TrafficPort, "/", "200", 30, 5, 5, 2}); *elbv2.HealthCheckOf(bare) != *want {
		t.Errorf("health check without any setting: %+v, want %+v", elbv2.HealthCheckOf(bare), want)
	}
	some := s.Make(elbv2.TargetGroupToken, s.Targets(cloud.Map{"name": "some", "healthCheck": cloud.Map{"path": "/healthz", "interval": 10.0}}))
	if want := (&elbv2.HealthCheck{"HTTP", elbv2.TrafficPort, "/healthz", "200", 10, 5, 3, 3}); *elbv2.HealthCheckOf(some) != *want {
		t.Errorf("health check with some settings: %+v, want %+v", elbv2.HealthCheckOf(some), want)
	}
	if bare.Outputs["deregistrationDelay"] != 300.0 || bare.Outputs["protocolVersion"] != "HTTP1" {
		t.Errorf("defaults: %v", bare.Outputs)
	}
	if suffix := bare.Outputs["arnSuffix"].(string); !strings.HasPrefix(suffix, "targetgroup/tasks/") || !strings.HasSuffix(bare.ID, suffix) {
		t.Errorf("ARN suffix %s of %s", suffix, bare.ID)
	}

	// What was changed behind the program's back shows where the program has set it, and nowhere else.
	s.Change(some, func(r *cloud.Resource) {
		check := maps.Clone(r.Outputs["healthCheck"].(cloud.Map))
		check["unhealthyThreshold"] = 9.0
		r.Outputs["healthCheck"] = check
	})
	if d, err := s.Diff(some.Token, some.Inputs, s.Now(some).Outputs, some.Inputs); err != nil || len(d.Changed) > 0 {
		t.Errorf("changed: %v, %v", d.Changed, err)
	}
	s.Change(some, func(r *cloud.Resource) {
		check := maps.Clone(r.Outputs["healthCheck"].(cloud.Map))
		check["path"] = "/"
		r.Outputs["healthCheck"] = check
	})
	if d, err := s.Diff(some.Token, some.Inputs, s.Now(some).Outputs, some.Inputs); err != nil || !slices.Equal(d.Changed, []string{"healthCheck"}) {
		t.Errorf("changed: %v, %v", d.Changed, err)
	}
}

func TestListenerRefusals(t *testing.T) {
	s := awstest.NewStage(t)
	balancer := s.Make(elbv2.LoadBalancerToken, s.Balancer(nil))
	s.Make(elbv2.ListenerToken, awstest.ListenerOn(balancer, cloud.Map{"port": 8080.0}))
	pending, issued := s.Certificate(false), s.Certificate(true)
	https := func(change cloud.Map) cloud.Map {
		return awstest.With(cloud.Map{"protocol": "HTTPS", "port": 443.0, "certificateArn": issued.ID}, change)
	}
	redirect := func(in cloud.Map) cloud.Map {
		return cloud.Map{"defaultActions": []any{cloud.Map{"type": "redirect", "redirect": awstest.With(cloud.Map{"statusCode": "HTTP_301"}, in)}}}
	}
	action := func(in cloud.Map) cloud.Map { return cloud.Map{"defaultActions": []any{in}} }
	absent := "arn:aws:acm:eu-central-1:000000000000:certificate/0"
	for _, test := range []struct {
		name        string
		change      cloud.Map
		code, words string
	}{
		{"port", cloud.Map{"port": 0.0}, "Check", "expected port to be in the range (1 - 65535), got 0"},
		{"protocol", cloud.Map{"protocol": "GOPHER"}, "Check", "expected protocol to be one of"},
		{"authenticate", action(cloud.Map{"type": "authenticate-oidc"}), "Check", "action authenticate-oidc: not modelled"},
		{"action type", action(cloud.Map{"type": "drop"}), "Check", "expected defaultActions[0].type to be one of"},
		{"two ways to forward", action(cloud.Map{"type": "forward", "targetGroupArn": "x", "forward": cloud.Map{"targetGroups": []any{cloud.Map{"arn": "x"}}}}), "Check", "Only one of"},
		{"weight", action(cloud.Map{"type": "forward", "forward": cloud.Map{"targetGroups": []any{cloud.Map{"arn": "x", "weight": 1000.0}}}}), "Check", "(0 - 999), got 1000"},
		{"sticky groups", action(cloud.Map{"type": "forward", "forward": cloud.Map{
			"targetGroups": []any{cloud.Map{"arn": "x"}}, "stickiness": cloud.Map{"enabled": true, "duration": 60.0},
		}}), "Check", "sticky target groups: not modelled"},
		{"content type", action(cloud.Map{"type": "fixed-response", "fixedResponse": cloud.Map{"contentType": "image/png", "statusCode": "200"}}), "Check", "contentType to be one of"},
		{"status", action(awstest.Fixed("301")), "Check", "must be 2XX, 4XX or 5XX"},
		{"body", action(cloud.Map{"type": "fixed-response", "fixedResponse": cloud.Map{
			"contentType": "text/plain", "statusCode": "200", "messageBody": strings.Repeat("x", 1025),
		}}), "Check", "(0 - 1024)"},
		{"redirect status", redirect(cloud.Map{"statusCode": "HTTP_307"}), "Check", "statusCode to be one of"},
		{"redirect protocol", redirect(cloud.Map{"protocol": "FTP"}), "Check", "protocol to be one of"},
		{"redirect path", redirect(cloud.Map{"path": strings.Repeat("x", 129)}), "Check", "(1 - 128)"},
		{"mutual TLS", cloud.Map{"mutualAuthentication": cloud.Map{"mode": "verify"}}, "Check", "mutual authentication: not modelled"},
		{"response header", cloud.Map{"routingHttpResponseServerEnabled": false}, "ValidationError", "not modelled"},
		{"no port", cloud.Map{"port": nil}, "ValidationError", "A listener port must be specified"},
		{"TCP", cloud.Map{"protocol": "TCP"}, "ValidationError", "Protocol 'TCP' must be one of 'HTTP, HTTPS'"},
		{"certificate for HTTP", cloud.Map{"certificateArn": issued.ID}, "ValidationError", "A certificate cannot be specified for HTTP listeners"},
		{"policy for HTTP", cloud.Map{"sslPolicy": "ELBSecurityPolicy-2016-08"}, "ValidationError", "An SSL policy cannot be specified for HTTP listeners"},
		{"no certificate", https(cloud.Map{"certificateArn": nil}), "ValidationError", "A certificate must be specified for HTTPS listeners"},
		{"no such certificate", https(cloud.Map{"certificateArn": absent}), "CertificateNotFound", "Certificate '" + absent + "' not found"},
		{"certificate not issued", https(cloud.Map{"certificateArn": pending.ID}), "UnsupportedCertificate", "The certificate '" + pending.ID + "' must have a fully-qualified domain name"},
		{"policy", https(cloud.Map{"sslPolicy": "TLS-9"}), "SSLPolicyNotFound", "SSL policy 'TLS-9' not found"},
		{"no such balancer", cloud.Map{"loadBalancerArn": "arn"}, "LoadBalancerNotFound", "Load balancers '[arn]' not found"},
		{"port in use", cloud.Map{"port": 8080.0}, "DuplicateListener", "A listener already exists on this port for this load balancer '" + balancer.ID + "'"},
		{"no such group", action(awstest.Forward("arn")), "TargetGroupNotFound", "Target groups 'arn' not found"},
		{"forward nowhere", action(cloud.Map{"type": "forward"}), "ValidationError", "must be specified when"},
		{"redirect nowhere", action(cloud.Map{"type": "redirect"}), "ValidationError", `Attribute "defaultActions[0].redirect" must be specified`},
		{"redirect in a circle", redirect(nil), "InvalidLoadBalancerAction", "creates a loop"},
		{"redirect port", redirect(cloud.Map{"port": "70000"}), "ValidationError", "'70000'"},
		{"no fixed response", action(cloud.Map{"type": "fixed-response"}), "ValidationError", "fixedResponse"},
		{"two actions", cloud.Map{"defaultActions": []any{awstest.Fixed("200"), awstest.Fixed("404")}}, "ValidationError", "Exactly one"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := s.Try(elbv2.ListenerToken, awstest.ListenerOn(balancer, test.change))
			s.In(t).Refused(err, test.code, test.words)
		})
	}
}

func TestListenerOutputs(t *testing.T) {
	s := awstest.NewStage(t)
	balancer := s.Make(elbv2.LoadBalancerToken, s.Balancer(nil))
	plain := s.Make(elbv2.ListenerToken, awstest.ListenerOn(balancer, cloud.Map{"defaultActions": []any{
		cloud.Map{"type": "redirect", "redirect": cloud.Map{"statusCode": "HTTP_301", "protocol": "HTTPS", "port": "443"}},
	}}))
	if want := strings.Replace(balancer.ID, ":loadbalancer/", ":listener/", 1) + "/"; !strings.HasPrefix(plain.ID, want) {
		t.Errorf("ARN %s, want %s…", plain.ID, want)
	}
	redirect := plain.Outputs["defaultActions"].([]any)[0].(cloud.Map)["redirect"].(cloud.Map)
	if redirect["host"] != "#{host}" || redirect["path"] != "/#{path}" || redirect["query"] != "#{query}" || plain.Outputs["protocol"] != "HTTP" {
		t.Errorf("defaults: %v", plain.Outputs)
	}
	cert := s.Certificate(true)
	secure := s.Make(elbv2.ListenerToken, awstest.ListenerOn(balancer, cloud.Map{"protocol": "HTTPS", "port": 443.0, "certificateArn": cert.ID}))
	if secure.Outputs["sslPolicy"] != elbv2.DefaultSSLPolicy {
		t.Errorf("policy %v", secure.Outputs["sslPolicy"])
	}
	s.Refused(s.Delete(t.Context(), awstest.Here, cert.Token, cert.ID, time.Millisecond), "ResourceInUseException", cert.ID)
	s.Remove(secure)
	s.Remove(cert)
}

func TestListenerCertificates(t *testing.T) {
	s := awstest.NewStage(t)
	balancer := s.Make(elbv2.LoadBalancerToken, s.Balancer(nil))
	first := s.Certificate(true)
	plain := s.Make(elbv2.ListenerToken, awstest.ListenerOn(balancer, nil))
	secure := s.Make(elbv2.ListenerToken, awstest.ListenerOn(balancer, cloud.Map{"port": 443.0, "protocol": "HTTPS", "certificateArn": first.ID}))
	other := s.Make(elbv2.ListenerToken, awstest.ListenerOn(balancer, cloud.Map{"port": 8443.0, "protocol": "HTTPS", "certificateArn": first.ID}))
	entry := func(l, c *cloud.Resource) cloud.Map { return cloud.Map{"listenerArn": l.ID, "certificateArn": c.ID} }
	pending := s.Certificate(false)
	missing := cloud.Map{"listenerArn": secure.ID, "certificateArn": first.ID + "0"}
	for _, test := range []struct {
		in          cloud.Map
		code, words string
	}{
		{entry(secure, pending), "UnsupportedCertificate", "must have a fully-qualified domain name"},
		{missing, "CertificateNotFound", "not found"},
		{entry(plain, first), "ValidationError", "A certificate cannot be specified for HTTP listeners"},
		{cloud.Map{"listenerArn": secure.ID + "0", "certificateArn": first.ID}, "ListenerNotFound", "listeners not found"},
		{cloud.Map{"listenerArn": "web", "certificateArn": first.ID}, "Check", "is an invalid ARN"},
		{cloud.Map{"listenerArn": secure.ID, "certificateArn": "mine"}, "Check", "is an invalid ARN"},
	} {
		_, err := s.Try(elbv2.ListenerCertificateToken, test.in)
		s.Refused(err, test.code, test.words)
	}

	// The limit is the load balancer's, and default certificates do not count.
	var last *cloud.Resource
	for i := range elbv2.MaxCertificates {
		listener := secure
		if i%2 == 0 {
			listener = other
		}
		last = s.Make(elbv2.ListenerCertificateToken, entry(listener, s.Certificate(true)))
	}
	one := s.Certificate(true)
	_, err := s.Try(elbv2.ListenerCertificateToken, entry(secure, one))
	s.Refused(err, "TooManyCertificates", "25")
	s.Make(elbv2.ListenerCertificateToken, last.Inputs) // which is in the list already

	used := &cloud.Resource{Key: cloud.Key{Scope: awstest.Here.Scope, Token: acm.CertificateToken, ID: last.Inputs["certificateArn"].(string)}}
	s.Refused(s.DeleteOnce(t.Context(), awstest.Here, used.Token, used.ID), "ResourceInUseException", "is in use")
	s.Remove(last)
	s.Remove(used)

	// The default one can be in the list too. It cannot be taken out, which the provider does not mind.
	both := s.Make(elbv2.ListenerCertificateToken, entry(secure, first))
	s.Refused(s.DeleteOnce(t.Context(), awstest.Here, both.Token, both.ID), "OperationNotPermitted", "Default certificate cannot be removed")
	s.Remove(both)
	if s.Now(both) == nil {
		t.Error("the default certificate was taken out of the list")
	}
	s.Remove(secure) // and its list with it
	s.Remove(balancer)
	if left := s.Left(); slices.ContainsFunc(left, func(l string) bool { return strings.HasPrefix(l, elbv2.ListenerCertificateToken) }) {
		t.Errorf("left: %v", left)
	}
}

func TestRuleRefusals(t *testing.T) {
	s := awstest.NewStage(t)
	balancer := s.Make(elbv2.LoadBalancerToken, s.Balancer(nil))
	listener := s.Make(elbv2.ListenerToken, awstest.ListenerOn(balancer, nil))
	group := s.Make(elbv2.TargetGroupToken, s.Targets(nil))
	s.Make(elbv2.ListenerRuleToken, awstest.Rule(listener, group, cloud.Map{"priority": 7.0}))
	conditions := func(c ...any) cloud.Map { return cloud.Map{"conditions": c} }
	six := []any{"a.com", "b.com", "c.com", "d.com", "e.com", "f.com"}
	for _, test := range []struct {
		name        string
		change      cloud.Map
		code, words string
	}{
		{"priority", cloud.Map{"priority": 50001.0}, "Check", `"priority" must be in the range 1-50000 for normal rule`},
		{"priority 0", cloud.Map{"priority": 0.0}, "Check", "must be in the range 1-50000"},
		{"default rule", cloud.Map{"priority": 99999.0}, "Check", "not modelled"},
		{"two fields", conditions(cloud.Map{"hostHeader": cloud.Map{"values": []any{"a.com"}}, "pathPattern": cloud.Map{"values": []any{"/"}}}), "Check", "can be set per condition"},
		{"long value", conditions(awstest.Path("/" + strings.Repeat("x", 128))), "Check", "(1 - 128)"},
		{"header name", conditions(cloud.Map{"httpHeader": cloud.Map{"httpHeaderName": "a b", "values": []any{"x"}}}), "Check", "httpHeader.httpHeaderName"},
		{"method", conditions(cloud.Map{"httpRequestMethod": cloud.Map{"values": []any{"G T"}}}), "Check", "httpRequestMethod.values[0]"},
		{"source", conditions(cloud.Map{"sourceIp": cloud.Map{"values": []any{"10.0.0.1/8"}}}), "Check", "sourceIp.values[0]"},
		{"no condition", conditions(), "ValidationError", "A condition must be specified"},
		{"empty condition", conditions(cloud.Map{}), "", "must be set per condition"},
		{"no value", conditions(awstest.Host()), "ValidationError", "A condition value must be specified"},
		{"six values", conditions(awstest.Host(six...)), "ValidationError", "A rule can only have '5' condition values"},
		{"six values in all", conditions(awstest.Host(six[:3]...), awstest.Path("/a", "/b", "/c")), "ValidationError", "A rule can only have '5' condition values"},
		{"seven wildcards", conditions(awstest.Path("/*/*/*/*/*/*/*")), "ValidationError", "A rule can only have '6' condition wildcards"},
		{"two host conditions", conditions(awstest.Host("a.com"), awstest.Host("b.com")), "ValidationError", "A rule can only have one 'host-header' condition"},
		{"host", conditions(awstest.Host("a_b.com")), "ValidationError", "Condition value 'a_b.com' contains a character that is not valid"},
		{"path", conditions(awstest.Path("/a b")), "ValidationError", "contains a character that is not valid"},
		{"priority in use", cloud.Map{"priority": 7.0}, "PriorityInUse", "Priority '7' is currently in use"},
		{"no such listener", cloud.Map{"listenerArn": "arn"}, "ListenerNotFound", "One or more listeners not found"},
		{"no such group", cloud.Map{"actions": []any{awstest.Forward("arn")}}, "TargetGroupNotFound", "Target groups 'arn' not found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := s.Try(elbv2.ListenerRuleToken, awstest.Rule(listener, group, test.change))
			s.In(t).Refused(err, test.code, test.words)
		})
	}
}

func TestRulePriorityIsTheNextOne(t *testing.T) {
	s := awstest.NewStage(t)
	listener := s.Make(elbv2.ListenerToken, awstest.ListenerOn(s.Make(elbv2.LoadBalancerToken, s.Balancer(nil)), nil))
	group := s.Make(elbv2.TargetGroupToken, s.Targets(nil))
	s.Make(elbv2.ListenerRuleToken, awstest.Rule(listener, group, cloud.Map{"priority": 41.0}))
	r := s.Make(elbv2.ListenerRuleToken, awstest.Rule(listener, group, cloud.Map{"priority": nil}))
	if elbv2.PriorityOf(r) != 42 {
		t.Errorf("priority %d", elbv2.PriorityOf(r))
	}
	if want := strings.Replace(listener.ID, ":listener/", ":listener-rule/", 1) + "/"; !strings.HasPrefix(r.ID, want) {
		t.Errorf("ARN %s, want %s…", r.ID, want)
	}
	if r, err := s.Edit(r, cloud.Map{"actions": []any{awstest.Fixed("200")}}); err != nil || elbv2.PriorityOf(r) != 42 {
		t.Errorf("priority %d after an update, %v", elbv2.PriorityOf(r), err)
	}
}

func TestRulesAreCountedForEachLoadBalancer(t *testing.T) {
	s := awstest.NewStage(t)
	one, two := s.Make(elbv2.LoadBalancerToken, s.Balancer(nil)), s.Make(elbv2.LoadBalancerToken, s.Balancer(cloud.Map{"name": "two"}))
	first, second := s.Make(elbv2.ListenerToken, awstest.ListenerOn(one, nil)), s.Make(elbv2.ListenerToken, awstest.ListenerOn(one, cloud.Map{"port": 8080.0}))
	group := s.Make(elbv2.TargetGroupToken, s.Targets(nil))
	var last *cloud.Resource
	for i := range elbv2.MaxRules {
		listener := first
		if i%2 == 1 {
			listener = second
		}
		last = s.Make(elbv2.ListenerRuleToken, awstest.Rule(listener, group, cloud.Map{"priority": float64(i + 1)}))
	}
	_, err := s.Try(elbv2.ListenerRuleToken, awstest.Rule(first, group, cloud.Map{"priority": 1000.0}))
	s.Refused(err, "TooManyRules", "The maximum number of rules on load balancer '"+one.ID+"' has been reached")
	if _, err := s.Edit(last, cloud.Map{"priority": 1000.0}); err != nil {
		t.Errorf("a rule that is there cannot be changed: %v", err)
	}
	s.Make(elbv2.ListenerRuleToken, awstest.Rule(s.Make(elbv2.ListenerToken, awstest.ListenerOn(two, nil)), s.Make(elbv2.TargetGroupToken, s.Targets(cloud.Map{"name": "other"})), nil))
}

func TestTargetGroupsKnowTheirLoadBalancer(t *testing.T) {
	s := awstest.NewStage(t)
	one, two := s.Make(elbv2.LoadBalancerToken, s.Balancer(nil)), s.Make(elbv2.LoadBalancerToken, s.Balancer(cloud.Map{"name": "two"}))
	listener, other := s.Make(elbv2.ListenerToken, awstest.ListenerOn(one, nil)), s.Make(elbv2.ListenerToken, awstest.ListenerOn(two, nil))
	group := s.Make(elbv2.TargetGroupToken, s.Targets(nil))
	want := func(arns ...any) {
		t.Helper()
		if got, _ := s.Now(group).Outputs["loadBalancerArns"].([]any); !slices.Equal(got, arns) {
			t.Errorf("load balancers %v, want %v", got, arns)
		}
	}
	want()
	r := s.Make(elbv2.ListenerRuleToken, awstest.Rule(listener, group, cloud.Map{"actions": []any{
		cloud.Map{"type": "forward", "forward": cloud.Map{"targetGroups": []any{cloud.Map{"arn": group.ID, "weight": 100.0}}}},
	}}))
	want(one.ID)
	s.Refused(s.Delete(t.Context(), awstest.Here, group.Token, group.ID, time.Millisecond), "ResourceInUse",
		"Target group '"+group.ID+"' is currently in use by a listener or a rule")
	_, err := s.Try(elbv2.ListenerRuleToken, awstest.Rule(other, group, nil))
	s.Refused(err, "TargetGroupAssociationLimit", group.ID)

	r, err = s.Edit(r, cloud.Map{"actions": []any{awstest.Fixed("200")}})
	if err != nil {
		t.Fatal(err)
	}
	want()
	s.Remove(r)
	s.Make(elbv2.ListenerRuleToken, awstest.Rule(other, group, nil))
	want(two.ID)
	s.Remove(two)
	want()
	s.Remove(group)

	elsewhere := s.Make(ec2.VPCToken, cloud.Map{"cidrBlock": "10.9.0.0/16"})
	far := s.Make(elbv2.TargetGroupToken, s.Targets(cloud.Map{"name": "far", "vpcId": elsewhere.ID}))
	_, err = s.Try(elbv2.ListenerRuleToken, awstest.Rule(listener, far, nil))
	s.Refused(err, "InvalidConfigurationRequest", "same VPC")
}

// Targets with IPv6 addresses are for load balancers that have such addresses too.
func TestIPv6Targets(t *testing.T) {
	s := awstest.NewStage(t)
	plain, dual := s.Make(elbv2.LoadBalancerToken, s.Balancer(nil)), s.Make(elbv2.LoadBalancerToken, s.Balancer(cloud.Map{"name": "two", "ipAddressType": "dualstack"}))
	group := s.Make(elbv2.TargetGroupToken, s.Targets(cloud.Map{"ipAddressType": "ipv6"}))
	_, err := s.Try(elbv2.ListenerRuleToken, awstest.Rule(s.Make(elbv2.ListenerToken, awstest.ListenerOn(plain, nil)), group, nil))
	s.Refused(err, "InvalidConfigurationRequest", "must have IP address type dualstack: "+group.ID)
	rule := s.Make(elbv2.ListenerRuleToken, awstest.Rule(s.Make(elbv2.ListenerToken, awstest.ListenerOn(dual, nil)), group, nil))
	_, err = s.Edit(dual, cloud.Map{"ipAddressType": "ipv4"})
	s.Refused(err, "InvalidConfigurationRequest", group.ID)
	s.Refused(elbv2.CheckTarget(group, "10.0.0.4"), "ValidationError", "'10.0.0.4' is not of the target group's IP address type 'ipv6'")
	if err := elbv2.CheckTarget(group, "2001:db8::4"); err != nil {
		t.Error(err)
	}
	s.Remove(rule)
	if _, err := s.Edit(dual, cloud.Map{"ipAddressType": "ipv4"}); err != nil {
		t.Error(err)
	}
}

func TestListenersAndRulesGoAlong(t *testing.T) {
	s := awstest.NewStage(t)
	before := len(s.Left())
	balancer := s.Make(elbv2.LoadBalancerToken, s.Balancer(nil))
	group := s.Make(elbv2.TargetGroupToken, s.Targets(nil))
	listener := s.Make(elbv2.ListenerToken, awstest.ListenerOn(balancer, nil))
	s.Make(elbv2.ListenerRuleToken, awstest.Rule(listener, group, nil))
	s.Remove(listener)
	listener = s.Make(elbv2.ListenerToken, awstest.ListenerOn(balancer, nil))
	s.Make(elbv2.ListenerRuleToken, awstest.Rule(listener, group, nil))
	s.Remove(balancer)
	s.Remove(group)
	if now := s.Left(); len(now) != before {
		t.Errorf("left: %v", now)
	}
}

func TestTargets(t *testing.T) {
	s := awstest.NewStage(t)
	group := s.Make(elbv2.TargetGroupToken, s.Targets(nil))
	apply := func(f func(*cloud.Tx, *cloud.Resource, string, int)) {
		if err := s.Store.Update(func(tx *cloud.Tx) error {
			f(tx, group, "10.0.0.9", 8080)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	state := func() elbv2.TargetState {
		target, ok := elbv2.TargetHealth(s.Now(group), "10.0.0.9", 8080)
		if !ok {
			return ""
		}
		return target.State
	}
	set := func(state elbv2.TargetState) {
		s.Change(group, func(r *cloud.Resource) {
			status := cloud.StatusOf[elbv2.TargetGroupStatus](r)
			status.Targets[0].State = state
			r.SetStatus(status)
		})
	}
	apply(elbv2.DeregisterTarget) // of what was never there
	for _, step := range []struct {
		do   func()
		want elbv2.TargetState
	}{
		{func() { apply(elbv2.RegisterTarget) }, elbv2.TargetInitial},
		{func() { set(elbv2.TargetHealthy) }, elbv2.TargetHealthy},
		{func() { apply(elbv2.RegisterTarget) }, elbv2.TargetHealthy},
		{func() { apply(elbv2.DeregisterTarget) }, elbv2.TargetDraining},
		{func() { apply(elbv2.RegisterTarget) }, elbv2.TargetInitial},
		{func() { set(elbv2.TargetUnused) }, elbv2.TargetUnused},
		{func() { apply(elbv2.DeregisterTarget) }, ""},
	} {
		step.do()
		if got := state(); got != step.want {
			t.Fatalf("state %q, want %q", got, step.want)
		}
	}
}
