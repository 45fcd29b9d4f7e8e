package main

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumiconfig "github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"

	"slipway/components/fsbp"
	"slipway/components/mocks"
	"slipway/config"
	"slipway/config/configtest"
	"slipway/internal/programtest"
	"slipway/internal/settings"
	"slipway/spec"
)

// program is the program under test.
var program = programtest.Program(deploy)

func TestProgram(t *testing.T) { programtest.Test(t, deploy) }

// exampleSecret is the value of the local stack's secret.
const exampleSecret = "an example"

// Every stack's file has its secrets encrypted.
func TestSecretsAreEncryptedInEveryStackFile(t *testing.T) {
	encrypted := 0
	for _, stack := range programtest.Stacks {
		source := configtest.StackWith(t, ".", stack, func(string) (pulumiconfig.Decrypter, error) { return pulumiconfig.NewBlindingDecrypter(), nil })
		var services map[string]struct {
			Secrets  map[string]string
			Registry struct{ Password *string }
		}
		if err := json.Unmarshal([]byte(source.Values["slipway:services"]), &services); err != nil {
			t.Fatal(err)
		}
		for name, service := range services {
			values := slices.Collect(maps.Values(service.Secrets))
			if service.Registry.Password != nil {
				values = append(values, *service.Registry.Password)
			}
			for _, value := range values {
				if encrypted++; value != "[secret]" { // the blinding decrypter's text for every encrypted value
					t.Errorf("stack %s: service %s has a secret in plain text", stack, name)
				}
			}
		}
	}
	if encrypted == 0 {
		t.Error("no stack has a secret")
	}
}

func deployStack(t *testing.T, name string) *mocks.Cloud {
	t.Helper()
	var cloud mocks.Cloud
	if _, err := program.Deploy(&cloud, configtest.Stack(t, ".", name)); err != nil {
		t.Fatalf("stack %s: %v", name, err)
	}
	return &cloud
}

func TestEveryStackFileIsTested(t *testing.T) {
	files, err := filepath.Glob("Pulumi.*.yaml")
	if err != nil || len(files) != len(programtest.Stacks) {
		t.Errorf("stacks are %v (%v), tested are %v", files, err, programtest.Stacks)
	}
}

func TestOutputs(t *testing.T) {
	for stack, want := range map[string]string{
		"local": `{"beforeImages":{},"calls":{},"canaries":{},` +
			`"checks":{"hello":{"healthCodes":"200","healthPath":"/healthz","healthRouted":true,"paths":["/status"],"versionPath":"/version","websocketPath":"/ws"}},` +
			`"cluster":"local-0123456","dnsTtl":60,` +
			`"images":{"hello":"000000000000.dkr.ecr.eu-central-1.amazonaws.com/hello@sha256:` + strings.Repeat("0", 64) + `"},` +
			`"jobs":{},"loadBalancerDnsName":"local.elb.amazonaws.com",` +
			`"logGroups":{"hello":"local-hello-0123456"},` +
			`"network":{"cidr":"10.0.0.0/16","egress":"public","ipv6":true},` +
			`"services":{"hello":"local-hello-0123456"},` +
			`"urls":{"hello":"https://hello.slipway.test/"},"vpcId":"Vpc/local"}`,
		"prod": `{"beforeImages":{},"calls":{},"canaries":{},` +
			`"checks":{"api":{"healthCodes":"200","healthPath":"/healthz","healthRouted":false,"paths":[],"versionPath":"","websocketPath":""},` +
			`"hello":{"healthCodes":"200","healthPath":"/healthz","healthRouted":true,"paths":["/status"],"versionPath":"/version","websocketPath":"/ws"}},` +
			`"cluster":"prod-0123456","dnsTtl":60,` +
			`"images":{"api":"123456789012.dkr.ecr.eu-central-1.amazonaws.com/api@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",` +
			`"hello":"123456789012.dkr.ecr.eu-central-1.amazonaws.com/hello@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},` +
			`"jobs":{},"loadBalancerDnsName":"prod.elb.amazonaws.com",` +
			`"logGroups":{"api":"prod-api-0123456","hello":"prod-hello-0123456"},` +
			`"network":{"cidr":"10.0.0.0/16","egress":"public","ipv6":true},` +
			`"services":{"api":"prod-api-0123456","hello":"prod-hello-0123456"},` +
			`"urls":{"api":"https://www.example.com/api/","hello":"https://example.com/"},"vpcId":"Vpc/prod"}`,
	} {
		outputs, err := program.Deploy(&mocks.Cloud{}, configtest.Stack(t, ".", stack))
		if err != nil || outputs != want {
			t.Errorf("outputs of %s are %s (%v)\nwant %s", stack, outputs, err, want)
		}
	}
}

// untaggable are the kinds that cannot have tags.
var untaggable = []string{
	"aws:acm/certificateValidation:CertificateValidation",
	"aws:appautoscaling/policy:Policy",
	"aws:appautoscaling/scheduledAction:ScheduledAction",
	"aws:ec2/route:Route",
	"aws:ec2/routeTableAssociation:RouteTableAssociation",
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
	"aws:iam/rolePolicy:RolePolicy",
	"aws:lb/listenerCertificate:ListenerCertificate",
	"aws:secretsmanager/secretVersion:SecretVersion",
}

func TestEveryTaggableResourceHasTags(t *testing.T) {
	for _, stack := range programtest.Stacks {
		for _, r := range deployStack(t, stack).Resources() {
			if !strings.HasPrefix(r.Type, "aws:") || slices.Contains(untaggable, r.Type) {
				continue
			}
			want := resource.PropertyMap{
				"Name": r.Inputs["tags"].ObjectValue()["Name"], "Project": resource.NewProperty("slipway"), "Stack": resource.NewProperty(stack),
			}
			if stack == "prod" {
				want["CostCenter"] = resource.NewProperty("web")
			}
			if parent := resource.URN(r.RPC.GetParent()); parent.Type() == "slipway:index:FargateService" {
				want["Service"] = resource.NewProperty(strings.TrimPrefix(parent.Name(), stack+"-"))
			}
			if r.Type == "aws:lb/listenerRule:ListenerRule" { // it belongs to the service that it leads to
				want["Service"] = resource.NewProperty(strings.TrimPrefix(want["Name"].StringValue(), stack+"-"))
			}
			if tags := r.Inputs["tags"].ObjectValue(); !tags.DeepEquals(want) || !strings.HasPrefix(tags["Name"].StringValue(), stack) {
				t.Errorf("%s %s has tags %v, want %v", r.Type, r.Name, tags, want)
			}
		}
	}
}

// Pulumi can create a replacement before it deletes the old resource, so nothing that can be replaced has a fixed name or is deleted
// first.
func TestNothingStandsInAReplacementsWay(t *testing.T) {
	for _, stack := range programtest.Stacks {
		for _, r := range deployStack(t, stack).Resources() {
			_, named := r.Inputs["name"]
			if r.Type != "cloudflare:index/record:Record" && named {
				t.Errorf("%s %s has a fixed name", r.Type, r.Name)
			}
			if r.RPC.GetDeleteBeforeReplace() {
				t.Errorf("%s %s is deleted before it is replaced", r.Type, r.Name)
			}
			limited := []string{"aws:lb/loadBalancer:LoadBalancer", "aws:lb/targetGroup:TargetGroup"}
			if slices.Contains(limited, r.Type) && len(r.Name) > spec.MaxName {
				t.Errorf("%s %s: with Pulumi's suffix the name has more than 32 characters", r.Type, r.Name)
			}
		}
	}
}

// Inline rules and routes delete those that are resources, and the other way round. The VPC's main route table is not ours.
func TestRulesAndRoutesAreResources(t *testing.T) {
	for _, stack := range programtest.Stacks {
		for _, r := range deployStack(t, stack).Resources() {
			for _, inline := range []resource.PropertyKey{"ingress", "egress", "routes"} {
				if _, found := r.Inputs[inline]; found {
					t.Errorf("%s %s has inline %s", r.Type, r.Name, inline)
				}
			}
			if strings.Contains(r.Type, "efaultRouteTable") || strings.Contains(r.Type, "mainRouteTable") {
				t.Errorf("%s %s adopts a route table", r.Type, r.Name)
			}
			if strings.Contains(r.Type, "serviceLinkedRole") {
				t.Errorf("%s %s is made by AWS itself", r.Type, r.Name)
			}
		}
	}
}

// The security groups' descriptions cannot change: they depend on nothing.
func TestSecurityGroupsAreTheSameInEveryStack(t *testing.T) {
	descriptions := make(map[string]bool)
	for _, stack := range programtest.Stacks {
		for _, r := range deployStack(t, stack).Resources() {
			if r.Type == "aws:ec2/securityGroup:SecurityGroup" {
				descriptions[r.Inputs["description"].StringValue()] = true
			}
		}
	}
	if len(descriptions) != 2 { // the load balancer's and the services'
		t.Errorf("descriptions of security groups are %v", slices.Sorted(maps.Keys(descriptions)))
	}
}

// A resource that needs the internet is created after the route to it, and deleted before it.
func TestWhatNeedsTheInternetDependsOnItsRoutes(t *testing.T) {
	cloud := deployStack(t, "dev")
	for token, name := range map[string]string{"aws:lb/loadBalancer:LoadBalancer": "dev", "aws:ecs/service:Service": "dev-hello"} {
		r := cloud.Resource(token, name)
		for _, route := range []string{"dev-public-ipv4", "dev-public-ipv6"} {
			if !r.DependsOn("aws:ec2/route:Route", route) {
				t.Errorf("%s %s does not depend on route %s", token, name, route)
			}
		}
		if !r.DependsOn("aws:ec2/routeTableAssociation:RouteTableAssociation", "dev-public-2") {
			t.Errorf("%s %s does not depend on its subnets' route tables", token, name)
		}
	}
	if !cloud.Resource("aws:ecs/service:Service", "dev-hello").DependsOn("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders", "dev") {
		t.Error("the service does not depend on the cluster's capacity providers")
	}
}

// Every resource belongs to a component, and its name begins with the component's. DNS records belong to the stack, because services
// share host names.
func TestChildrenAreNamedAfterTheirComponent(t *testing.T) {
	for _, stack := range programtest.Stacks {
		for _, r := range deployStack(t, stack).Resources() {
			parent := resource.URN(r.RPC.GetParent())
			switch {
			case strings.HasPrefix(r.Type, "slipway:") || parent.Type() == "pulumi:pulumi:Stack":
				if r.Type == "cloudflare:index/record:Record" {
					name, zone := r.Inputs["name"].StringValue(), strings.TrimPrefix(r.Inputs["zoneId"].StringValue(), "zone-of-")
					if strings.TrimPrefix(name+"."+zone, "@.") != r.Name {
						t.Errorf("record %s is for %s in zone %s", r.Name, name, zone)
					}
				}
			case parent.Type() == "slipway:index:Certificate" && r.Type == "cloudflare:index/record:Record":
				// A validation record's name is its domain, so it stays when the stack is renamed.
			case !strings.HasPrefix(r.Name, parent.Name()):
				t.Errorf("%s %s is a child of %s", r.Type, r.Name, parent.Name())
			}
		}
	}
}

// Services that share a host name share its record, and its certificate.
func TestSharedHostname(t *testing.T) {
	cloud := deployStack(t, "prod")
	var records []string
	for _, r := range cloud.Resources() {
		if r.Type == "cloudflare:index/record:Record" {
			records = append(records, r.Name)
		}
	}
	if want := []string{"example.com", "example.com", "www.example.com", "www.example.com"}; !slices.Equal(records, want) {
		t.Errorf("records are %v, want %v", records, want)
	}
	priority := func(name string) float64 {
		return cloud.Resource("aws:lb/listenerRule:ListenerRule", name).Inputs["priority"].NumberValue()
	}
	if api, rest := priority("prod/www.example.com/api/*"), priority("prod/www.example.com"); api >= rest {
		t.Errorf("/api/* has priority %v, and every path has %v", api, rest)
	}
}

// From the config to Secrets Manager, a secret is a Pulumi secret, which is encrypted in the state.
func TestSecretsStaySecret(t *testing.T) {
	s := configtest.Stack(t, ".", "local")
	var cloud mocks.Cloud
	outputs, err := program.Deploy(&cloud, s)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(cloud.Listing()+outputs, exampleSecret) {
		t.Errorf("the secret is not secret:\n%s\n%s", cloud.Listing(), outputs)
	}
	value := cloud.Resource("aws:secretsmanager/secretVersion:SecretVersion", "local-hello-environment").Inputs["secretString"]
	if !value.IsSecret() || !strings.Contains(value.SecretValue().Element.StringValue(), exampleSecret) {
		t.Errorf("Secrets Manager gets %v", value)
	}
}

// With a wrong config nothing is registered or looked up.
func TestBadConfigRegistersNothing(t *testing.T) {
	s := configtest.Stack(t, ".", "prod")
	s.Values["slipway:services"] = strings.ReplaceAll(s.Values["slipway:services"], `"cpu":512`, `"cpu":513`)
	s.Values["slipway:networks"] = "{}"
	var cloud mocks.Cloud
	_, err := program.Deploy(&cloud, s)
	for _, key := range []string{"slipway:services.hello.cpu: ", "slipway:networks: "} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%v does not name %s", err, key)
		}
	}
	cloud.Expect(t, "")
	if calls := cloud.Calls(); len(calls) > 0 {
		t.Errorf("looked up %v", calls)
	}
}

// A missing resource outside of the stack is noticed before anything is created.
func TestMissingImageRegistersNothing(t *testing.T) {
	s := configtest.Stack(t, ".", "local")
	s.Values["slipway:services"] = strings.ReplaceAll(s.Values["slipway:services"], "hello:local", "hello:gone")
	s = configtest.Encrypted(s)
	var cloud mocks.Cloud
	_, err := program.Deploy(&cloud, s)
	if err == nil || !strings.Contains(err.Error(), "service hello: look up the digest of image 000000000000.dkr.ecr.eu-central-1.amazonaws.com/hello:gone") {
		t.Errorf("%v does not name the image", err)
	}
	cloud.Expect(t, "")
}

// A zone id in the config saves a look-up, which needs an API token that may read zones.
func TestZoneIDIsNotLookedUp(t *testing.T) {
	s := configtest.Stack(t, ".", "dev")
	s.Values["slipway:zoneId"] = "0123456789abcdef0123456789abcdef"
	var cloud mocks.Cloud
	if _, err := program.Deploy(&cloud, s); err != nil {
		t.Fatal(err)
	}
	if zone := cloud.Resource("cloudflare:index/record:Record", "hello.dev.example.com").Inputs["zoneId"]; zone.StringValue() != s.Values["slipway:zoneId"] {
		t.Errorf("the record is in zone %v", zone)
	}
	if slices.Contains(cloud.Calls(), "cloudflare:index/getZone:getZone") {
		t.Error("the zone is looked up")
	}
}

// Pulumi.yaml describes the keys that the program reads, and no others.
func TestPulumiYAMLDescribesTheConfig(t *testing.T) {
	project, err := workspace.LoadProject("Pulumi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	described := slices.Sorted(maps.Keys(project.Config))
	_, err = config.Read(configtest.Source(configtest.Service(""), "bogus", "x"))
	if want := "slipway:bogus: unknown key; known here are " + strings.Join(described, ", "); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	for key, declaration := range project.Config {
		if declaration.Description == "" || declaration.Type == nil {
			t.Errorf("key %s has no type or no description", key)
		}
	}
}

// An empty object equals a missing one, because `pulumi config rm --path` leaves an empty one.
func TestEmptyObjectsAreNone(t *testing.T) {
	var plain, empty mocks.Cloud
	members := `"env": {}, "secrets": {}, "capacity": {}, "healthCheck": {}, "registry": {}, "deployment": {}, "canary": {}, "before": {}, "scaling": {}`
	for cloud, s := range map[*mocks.Cloud]settings.Source{
		&plain: configtest.Source(configtest.Service("")),
		&empty: configtest.Source(configtest.Service(members), "network", "{}", "dns", "{}", "loadBalancer", "{}", "logs", "{}", "tags", "{}"),
	} {
		if _, err := program.Deploy(cloud, s); err != nil {
			t.Fatal(err)
		}
	}
	empty.Expect(t, plain.Listing())
}

// ECS takes more names of variables than shells do, and empty values. It leaves out a variable only without a value (pull request 224
// of aws-actions/amazon-ecs-deploy-task-definition, 3797 of aws/amazon-ecs-agent).
func TestOddVariables(t *testing.T) {
	var cloud mocks.Cloud
	if _, err := program.Deploy(&cloud, configtest.Source(configtest.Service(`"env": {"discovery.type": "single-node", "A-B": "c", "EMPTY": ""}`))); err != nil {
		t.Fatal(err)
	}
	definitions := cloud.Resource("aws:ecs/taskDefinition:TaskDefinition", "dev-hello").Inputs["containerDefinitions"].StringValue()
	for _, want := range []string{`{"name":"discovery.type","value":"single-node"}`, `{"name":"A-B","value":"c"}`, `{"name":"EMPTY","value":""}`} {
		if !strings.Contains(definitions, want) {
			t.Errorf("%s is not in %s", want, definitions)
		}
	}
}

// Somebody's network gets what the stack needs in it, and nothing of it becomes a resource of the stack.
func TestAnExistingNetworkIsNotTheStacks(t *testing.T) {
	cloud := mocks.Cloud{Functions: mocks.NewVPC().Functions()}
	outputs, err := program.Deploy(&cloud, configtest.Source(configtest.Service(""), "network",
		`{"vpcId": "`+mocks.VPCID+`", "subnetIds": {"public": ["`+mocks.PublicA+`", "`+mocks.PublicB+`"], "tasks": ["`+mocks.PrivateA+`"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"vpcId":"` + mocks.VPCID + `"`, `"network":{"vpcId":"` + mocks.VPCID + `"}`} {
		if !strings.Contains(outputs, want) {
			t.Errorf("outputs are %s, want %s", outputs, want)
		}
	}
	for _, r := range cloud.Resources() {
		inputs := mocks.JSON(r.Inputs)
		switch r.Type {
		case "slipway:index:Network", "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/routeTable:RouteTable", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup":
			t.Errorf("%s %s is a resource of the stack", r.Type, r.Name)
		case "aws:ec2/securityGroup:SecurityGroup", "aws:lb/targetGroup:TargetGroup":
			if !strings.Contains(inputs, `"vpcId":"`+mocks.VPCID+`"`) {
				t.Errorf("%s %s is not in the VPC: %s", r.Type, r.Name, inputs)
			}
		case "aws:lb/loadBalancer:LoadBalancer":
			if !strings.Contains(inputs, `"ipAddressType":"dualstack"`) || !strings.Contains(inputs, `"subnets":["`+mocks.PublicA+`","`+mocks.PublicB+`"]`) {
				t.Errorf("the load balancer is %s", inputs)
			}
		case "aws:ecs/service:Service":
			if !strings.Contains(inputs, `"assignPublicIp":false`) || !strings.Contains(inputs, `"subnets":["`+mocks.PrivateA+`"]`) {
				t.Errorf("the service is %s", inputs)
			}
		}
	}
}

// A stack on a platform has no network, cluster and load balancer of its own. It adds its rules to the platform's, and a certificate for
// the name that the platform's does not have.
func TestStackOnAPlatform(t *testing.T) {
	output := map[string]any{
		"domain": "example.com", "hostnames": []any{"*.example.com"}, "vpcId": "vpc-1", "subnetIds": []any{"subnet-1", "subnet-2"}, "publicIp": true,
		"clusterName": "platform-0123456", "clusterArn": "arn:cluster", "insights": false,
		"listenerArn":     "arn:aws:elasticloadbalancing:eu-central-1:" + mocks.Account + ":listener/app/platform-0123456/0123/4567",
		"securityGroupId": "sg-1", "loadBalancerArnSuffix": "app/platform-0123456/0123", "dnsName": "platform.elb.amazonaws.com", "idleTimeout": 90.0, "open": true,
	}
	cloud := mocks.Cloud{Others: map[string]map[string]any{"acme/slipway/platform": {"platform": output}}}
	services := `{"hello": {"image": "` + configtest.Image + `", "hostnames": ["hello.example.com", "a.b.example.com"]}}`
	outputs, err := program.Deploy(&cloud, configtest.Source(services, "platform", "acme/slipway/platform"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range cloud.Resources() {
		for _, own := range []string{"Vpc", "Subnet", "InternetGateway", "Cluster", "LoadBalancer", "Listener"} {
			if strings.HasSuffix(r.Type, ":"+own) {
				t.Errorf("%s %s is the platform's", r.Type, r.Name)
			}
		}
	}
	inputs := func(token, name string) resource.PropertyMap { return cloud.Resource(token, name).Inputs }
	for got, want := range map[resource.PropertyValue]string{
		inputs("aws:ecs/service:Service", "dev-hello")["cluster"]:                                                                "arn:cluster",
		inputs("aws:lb/targetGroup:TargetGroup", "dev-hello")["vpcId"]:                                                           "vpc-1",
		inputs("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "dev-hello-load-balancer-out-8080")["securityGroupId"]: "sg-1",
		inputs("aws:lb/listenerRule:ListenerRule", "dev/hello.example.com")["listenerArn"]:                                       output["listenerArn"].(string),
		inputs("aws:lb/listenerCertificate:ListenerCertificate", "dev/a.b.example.com")["certificateArn"]:                        "arn:Certificate/dev",
		inputs("cloudflare:index/record:Record", "hello.example.com")["content"]:                                                 "platform.elb.amazonaws.com",
	} {
		if !got.IsString() || got.StringValue() != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
	if r := cloud.Resource("cloudflare:index/record:Record", "hello.example.com"); !r.DependsOn("aws:lb/listenerCertificate:ListenerCertificate", "dev/a.b.example.com") {
		t.Error("clients come before the certificate is on the listener")
	}
	if want := `"network":{"platform":"acme/slipway/platform"}`; !strings.Contains(outputs, want) {
		t.Errorf("outputs are %s, want %s", outputs, want)
	}
}

// A platform offers others what they need, and runs nothing.
func TestPlatformOutput(t *testing.T) {
	source := configtest.Source("", "loadBalancer", `{"hostnames": ["*.example.com"], "idleTimeout": 90}`)
	delete(source.Values, "slipway:services")
	outputs, err := program.Deploy(&mocks.Cloud{}, source)
	const want = `"platform":{"clusterArn":"arn:Cluster/dev","clusterName":"dev-0123456","dnsName":"dev.elb.amazonaws.com","domain":"example.com","egress":"public",` +
		`"hostnames":["*.example.com"],"idleTimeout":90,"insights":false,"listenerArn":"arn:Listener/dev-https",` +
		`"loadBalancerArnSuffix":"app/dev/0123456","open":true,"publicIp":true,"securityGroupId":"SecurityGroup/dev-load-balancer",` +
		`"subnetIds":["Subnet/dev-public-1","Subnet/dev-public-2"],"vpcId":"Vpc/dev"}`
	if err != nil || !strings.Contains(outputs, want) {
		t.Errorf("outputs are %s (%v)\nwant %s", outputs, err, want)
	}
}

// Somebody's load balancer and cluster get the stack's rules, certificates and services, and are not the stack's either.
func TestAnExistingLoadBalancerIsNotTheStacks(t *testing.T) {
	functions := mocks.NewVPC().Functions()
	maps.Copy(functions, mocks.NewBalancer().Functions())
	cloud := mocks.Cloud{Functions: functions}
	outputs, err := program.Deploy(&cloud, configtest.Source(configtest.Service(""), "network", `{"vpcId": "`+mocks.VPCID+`", "subnetIds": {"tasks": ["`+mocks.PrivateA+`"]}}`,
		"loadBalancer", `{"arn": "`+mocks.LoadBalancerARN+`"}`, "cluster", `{"name": "main"}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"cluster":"main"`, `"loadBalancerDnsName":"shared.elb.amazonaws.com"`, `"network":{"loadBalancerArn":"` + mocks.LoadBalancerARN + `","vpcId":"` + mocks.VPCID + `"}`,
	} {
		if !strings.Contains(outputs, want) {
			t.Errorf("outputs are %s, want %s", outputs, want)
		}
	}
	rules, certificates, out := 0, 0, 0
	for _, r := range cloud.Resources() {
		inputs := mocks.JSON(r.Inputs)
		switch r.Type {
		case "slipway:index:LoadBalancer", "slipway:index:Cluster", "aws:lb/loadBalancer:LoadBalancer", "aws:lb/listener:Listener", "aws:ecs/cluster:Cluster",
			"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders", "aws:ec2/vpc:Vpc":
			t.Errorf("%s %s is a resource of the stack", r.Type, r.Name)
		case "aws:lb/listenerRule:ListenerRule":
			rules++
			if !strings.Contains(inputs, `"listenerArn":"`+mocks.ListenerARN+`"`) {
				t.Errorf("rule %s is %s", r.Name, inputs)
			}
		case "aws:lb/listenerCertificate:ListenerCertificate":
			certificates++
			if want := `{"certificateArn":"arn:Certificate/dev","listenerArn":"` + mocks.ListenerARN + `"}`; inputs != want {
				t.Errorf("the certificate is %s, want %s", inputs, want)
			}
		case "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":
			if strings.Contains(inputs, `"securityGroupId":"sg-1"`) {
				out++
			}
		case "cloudflare:index/record:Record":
			if r.Inputs["name"].StringValue() == "hello" && !r.DependsOn("aws:lb/listenerCertificate:ListenerCertificate", "dev/hello.example.com") {
				t.Error("the DNS record comes before the certificate")
			}
		}
	}
	if rules != 2 || certificates != 1 || out != 1 {
		t.Errorf("%d rules, %d certificates, %d rules that let requests out", rules, certificates, out)
	}
}

// A load balancer of the stack's own presents somebody's certificate.
func TestAnExistingCertificateIsNotTheStacks(t *testing.T) {
	const arn = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
	var cloud mocks.Cloud
	if _, err := program.Deploy(&cloud, configtest.Source(configtest.Service(""), "loadBalancer", `{"certificateArn": "`+arn+`"}`)); err != nil {
		t.Fatal(err)
	}
	if got := cloud.Resource("aws:lb/listener:Listener", "dev-https").Inputs["certificateArn"]; got.V != arn {
		t.Errorf("the listener presents %v", got)
	}
	for _, r := range cloud.Resources() {
		if strings.HasPrefix(r.Type, "aws:acm/") || strings.HasPrefix(r.Name, "_") {
			t.Errorf("%s %s is requested", r.Type, r.Name)
		}
	}
}

// A NAT gateway and the load balancer each take minutes. Neither waits for the other, and tasks wait for both.
func TestNATGatewayIsMadeBesideTheLoadBalancer(t *testing.T) {
	var cloud mocks.Cloud
	if _, err := program.Deploy(&cloud, configtest.Source(configtest.Service(""), "network", `{"egress": "nat"}`)); err != nil {
		t.Fatal(err)
	}
	before := make(map[string][]string) // what a resource waits for, by kind and name
	for _, r := range cloud.Resources() {
		for _, urn := range r.RPC.GetDependencies() {
			on := resource.URN(urn)
			before[r.Type+" "+r.Name] = append(before[r.Type+" "+r.Name], string(on.Type())+" "+on.Name())
		}
	}
	waitsFor := func(r, kind string) bool {
		all := slices.Clone(before[r])
		for i := 0; i < len(all); i++ { // grows
			for _, on := range before[all[i]] {
				if !slices.Contains(all, on) {
					all = append(all, on)
				}
			}
		}
		return slices.ContainsFunc(all, func(on string) bool { return strings.HasPrefix(on, kind) })
	}
	const gateway, balancer = "aws:ec2/natGateway:NatGateway", "aws:lb/loadBalancer:LoadBalancer"
	stack := configtest.Source("").Stack
	for _, test := range []struct {
		resource, kind string
		want           bool
	}{
		{balancer + " " + stack, gateway, false},
		{gateway + " " + stack + "-nat-1", balancer, false},
		{"aws:ecs/service:Service " + stack + "-hello", gateway, true},
		{"aws:ecs/service:Service " + stack + "-hello", balancer, true},
	} {
		if len(before[test.resource]) == 0 || waitsFor(test.resource, test.kind) != test.want {
			t.Errorf("%s (which waits for %v) waits for %s: %v", test.resource, before[test.resource], test.kind, !test.want)
		}
	}
	findings, err := fsbp.Findings(cloud.Resources())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Control == "ECS.2" {
			t.Errorf("%s %s has a public address", f.Kind, f.Name)
		}
	}
}

// The engine refuses to destroy a platform before it deletes anything: its components are protected, and their parts with them.
func TestPlatformIsProtected(t *testing.T) {
	for settings, want := range map[string]bool{`{"hostnames": ["*.example.com"]}`: true, `{"hostnames": ["*.example.com"], "deletionProtection": false}`: false} {
		source := configtest.Source("", "loadBalancer", settings)
		delete(source.Values, "slipway:services")
		var cloud mocks.Cloud
		if _, err := program.Deploy(&cloud, source); err != nil {
			t.Fatal(err)
		}
		for _, component := range []string{"Network", "Cluster", "LoadBalancer"} {
			if got := cloud.Resource("slipway:index:"+component, "dev").RPC.GetProtect(); got != want {
				t.Errorf("%s: protection of the %s is %v", settings, component, got)
			}
		}
	}
}
