package programtest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"slipway/bootstrap/permissions"
	"slipway/components/mocks"
	"slipway/config/configtest"
	"slipway/internal/settings"
	"slipway/spec"
)

// Managed policies in the account.
const (
	testBoundary = "arn:aws:iam::123456789012:policy/slipway-boundary"
	readOrders   = "arn:aws:iam::123456789012:policy/read-orders"
)

// testGroup is the security group of somebody else.
const testGroup = "sg-0123456789abcdef0"

// testCloud returns a cloud with what the configs of everyFeature need.
func testCloud() *mocks.Cloud {
	functions := mocks.NewVPC().Functions()
	maps.Copy(functions, mocks.NewBalancer().Functions())
	return &mocks.Cloud{GroupVPCs: map[string]string{testGroup: mocks.VPCID}, Functions: functions}
}

// everyFeature returns configs that together use every feature of the program.
func everyFeature(t *testing.T) map[string]settings.Source {
	t.Helper()
	configs := map[string]settings.Source{
		"secrets, another registry, Spot, one address family": configtest.Encrypted(configtest.Source(configtest.Service(`
			"secrets": {"TOKEN": "swordfish"}, "policies": ["`+readOrders+`"], "watch": {"/app": 30},
			"reaches": [{"securityGroupId": "`+testGroup+`", "port": 5432}],
			"allow": [{"actions": ["secretsmanager:GetSecretValue"], "resources": ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:theirs-*"]}],
			"secretsFrom": {"FLAG": "arn:aws:ssm:eu-central-1:123456789012:parameter/app/flag"}, "env": {"A": "a"},
			"sidecars": {"otel": {"image": "`+configtest.Image+`", "essential": false, "secrets": {"KEY": "swordfish"}}},
			"capacity": {"fargate": {"base": 1, "weight": 1}, "fargateSpot": {"weight": 1}},
			"registry": {"username": "me", "password": "swordfish"}`), "network", `{"ipv6": false}`)),
		"a canary after a migration, and scaling": configtest.Source(configtest.Service(`
			"before": {"command": ["migrate"]}, "canary": {"image": "` + configtest.Image + `", "weight": 10},
			"scaling": {"max": 4, "cpu": 60, "memory": 70, "requests": 600, "schedule": {"night": {"at": "cron(0 22 * * ? *)", "max": 1}}}`)),
		"a backlog to scale by": configtest.Source(configtest.Service(`
			"scaling": {"max": 4, "queue": {"arn": "arn:aws:sqs:eu-central-1:123456789012:orders", "messagesPerTask": 10}}`)),
		"jobs on demand, at times and before a deployment": configtest.Encrypted(configtest.Source(configtest.Service(`"before": {"job": "migrate"}`), "jobs", `{
			"migrate": {"service": "hello", "command": ["migrate"]}, "purge": {"service": "hello", "schedule": "rate(1 day)", "timeout": 60, "retries": 1, "overlap": false},
			"own": {"image": "`+configtest.Image+`", "secrets": {"TOKEN": "swordfish"}, "secretsFrom": {"FLAG": "arn:aws:ssm:eu-central-1:123456789012:parameter/flag"},
				"policies": ["`+readOrders+`"], "reaches": [{"securityGroupId": "`+testGroup+`", "port": 5432}], "schedule": "cron(0 3 * * ? *)"}}`)),
		"more names than one certificate takes": configtest.Source(strings.Replace(configtest.Service(""), `"hello.example.com"`,
			`"a.example.com","b.example.com","c.example.com","d.example.com","e.example.com","f.example.com","g.example.com","h.example.com","i.example.com","j.example.com","k.example.com"`, 1)),
		"a zone that is known, behind Cloudflare": configtest.Source(configtest.Service(""), "zoneId", "0123456789abcdef0123456789abcdef", "dns", `{"proxied": true}`),
	}
	configs["tasks with IPv6 addresses alone"] = configtest.Source(strings.ReplaceAll(configtest.Service(""), "ghcr.io/", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/"), "network", `{"egress": "ipv6"}`)
	configs["a way out in each zone"] = configtest.Source(configtest.Service(""), "network", `{"egress": "nat-per-zone", "flowLogs": {}}`)
	configs["services that call each other"] = configtest.Source(`{
		"web": {"image": "` + configtest.Image + `", "hostnames": ["web.example.com"], "calls": ["billing"]},
		"billing": {"image": "` + configtest.Image + `", "port": 9000}}`)
	configs["somebody's network"] = configtest.Source(configtest.Service(""), "network",
		`{"vpcId": "`+mocks.VPCID+`", "subnetIds": {"public": ["`+mocks.PublicA+`", "`+mocks.PublicB+`"]}, "subnetTags": {"tasks": {"Tier": "private"}}}`)
	configs["somebody's load balancer and cluster"] = configtest.Source(configtest.Service(""), "network",
		`{"vpcId": "`+mocks.VPCID+`", "subnetIds": {"tasks": ["`+mocks.PrivateA+`"]}}`, "loadBalancer", `{"arn": "`+mocks.LoadBalancerARN+`"}`, "cluster", `{"name": "main"}`)
	for _, stack := range Stacks { // a tag in ECR, three zones, several services and paths
		configs["stack "+stack] = configtest.Stack(t, ".", stack)
	}
	for name := range configs {
		configs[name].Values["slipway:permissionsBoundary"] = testBoundary
	}
	return configs
}

// usage has what the program registers and calls with these configs.
type usage struct {
	kinds, functions map[string]bool // by token
	resources        []mocks.Resource
}

func (p Program) everyUse(t *testing.T) usage {
	t.Helper()
	u := usage{kinds: make(map[string]bool), functions: make(map[string]bool)}
	for name, source := range everyFeature(t) {
		cloud := testCloud()
		if _, err := p.Deploy(cloud, source); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, r := range cloud.Resources() {
			u.resources = append(u.resources, r)
			if strings.HasPrefix(r.Type, "aws:") {
				u.kinds[r.Type] = true
			}
		}
		for _, token := range cloud.Calls() {
			if strings.HasPrefix(token, "aws:") {
				u.functions[token] = true
			}
		}
	}
	return u
}

// A kind or function in the program must be in the permissions too, and the other way round: the deploy role may do what the program
// does, and no more.
func (p Program) testPermissionsAreWhatTheProgramNeeds(t *testing.T) {
	used := p.everyUse(t)
	compare := func(what string, used, listed []string) {
		for _, token := range used {
			if !slices.Contains(listed, token) {
				t.Errorf("the program uses %s %s, which bootstrap/permissions/kinds.go does not list: add the actions that the AWS provider calls for it", what, token)
			}
		}
		for _, token := range listed {
			if !slices.Contains(used, token) {
				t.Errorf("bootstrap/permissions/kinds.go lists %s %s, which the program uses with no config", what, token)
			}
		}
	}
	compare("kind", slices.Sorted(maps.Keys(used.kinds)), slices.Sorted(maps.Keys(permissions.Kinds)))
	compare("function", slices.Sorted(maps.Keys(used.functions)), slices.Sorted(maps.Keys(permissions.Functions)))
}

// The table's properties are ones that the program sets, and it has the actions for tags of each tagged kind.
func (p Program) testUpdatesAreOfWhatTheProgramSets(t *testing.T) {
	sets := make(map[string]map[string]bool) // properties, by kind
	for _, r := range p.everyUse(t).resources {
		if sets[r.Type] == nil {
			sets[r.Type] = make(map[string]bool)
		}
		for property := range r.Inputs {
			sets[r.Type][string(property)] = true
		}
	}
	for token, operations := range permissions.Kinds {
		for property := range operations.Update {
			if property != "" && !sets[token][property] {
				t.Errorf("no config sets %s of %s, and bootstrap/permissions/kinds.go has actions for its change", property, token)
			}
		}
		if tagged := len(operations.Tags) > 0; tagged != sets[token]["tags"] {
			t.Errorf("%s is tagged: %v; bootstrap/permissions/kinds.go has actions for changed tags: %v", token, sets[token]["tags"], tagged)
		}
	}
}

func testAccount() permissions.Account {
	return permissions.Account{Partition: "aws", ID: "123456789012", RolePath: spec.RolePath, ScheduleRoles: spec.ScheduleRole.End(), RunRoles: spec.RunRole.End(), Boundary: testBoundary}
}

// allowed returns the actions that the documents allow somewhere.
func allowed(documents ...permissions.Document) map[string]bool {
	actions := make(map[string]bool)
	for _, document := range documents {
		for _, statement := range document {
			for _, action := range statement.Action {
				actions[action] = statement.Effect == "Allow"
			}
		}
	}
	return actions
}

func (p Program) testPreviewRoleMayLookUpAlone(t *testing.T) {
	document, err := permissions.Preview(testAccount())
	if err != nil {
		t.Fatal(err)
	}
	needed := make(map[string]bool)
	for token := range p.everyUse(t).functions {
		for _, action := range permissions.Functions[token] {
			needed[action] = true
		}
	}
	for _, action := range permissions.Lookups {
		needed[action] = true
	}
	may := allowed(document)
	if !maps.Equal(may, needed) {
		t.Errorf("allowed are %v\nneeded are %v", slices.Sorted(maps.Keys(may)), slices.Sorted(maps.Keys(needed)))
	}
	for action := range may {
		if !reads(action) || action == "secretsmanager:GetSecretValue" {
			t.Errorf("a preview may %s", action)
		}
	}
}

// reads reports whether the action only reads.
func reads(action string) bool {
	_, name, _ := strings.Cut(action, ":")
	return strings.HasPrefix(name, "Describe") || strings.HasPrefix(name, "Get") || strings.HasPrefix(name, "List") ||
		action == "states:ValidateStateMachineDefinition"
}

func (p Program) testDriftRoleMayReadTheProgramsResourcesAlone(t *testing.T) {
	document, err := permissions.Refresh(testAccount())
	if err != nil {
		t.Fatal(err)
	}
	used := p.everyUse(t)
	needed := slices.Clone(permissions.Lookups)
	for token := range used.kinds {
		needed = append(needed, permissions.Kinds[token].Read...)
	}
	for token := range used.functions {
		needed = append(needed, permissions.Functions[token]...)
	}
	slices.Sort(needed)
	may := slices.Sorted(maps.Keys(allowed(document)))
	if needed = slices.Compact(needed); !slices.Equal(may, needed) {
		t.Errorf("allowed are %v\nneeded are %v", may, needed)
	}
	for _, action := range may {
		if !reads(action) {
			t.Errorf("a refresh may %s", action)
		}
	}
}

// The deploy role can create the program's roles, and the boundary allows all that they need.
func (p Program) testBoundaryFitsTheProgramsRoles(t *testing.T) {
	account := testAccount()
	within := allowed(permissions.Boundary(account))
	granted := make(map[string]bool)
	for _, r := range p.everyUse(t).resources {
		switch r.Type {
		case "aws:iam/role:Role":
			if path, boundary := r.Inputs["path"], r.Inputs["permissionsBoundary"]; !path.IsString() || path.StringValue() != account.RolePath ||
				!boundary.IsString() || boundary.StringValue() != account.Boundary {
				t.Errorf("role %s has path %v and boundary %v", r.Name, path, boundary)
			}
		case "aws:iam/rolePolicy:RolePolicy":
			var policy struct{ Statement permissions.Document }
			if err := json.Unmarshal([]byte(r.Inputs["policy"].StringValue()), &policy); err != nil {
				t.Fatal(err)
			}
			maps.Copy(granted, allowed(policy.Statement))
		}
	}
	if !maps.Equal(within, granted) {
		t.Errorf("the boundary allows %v\nthe program's policies %v", slices.Sorted(maps.Keys(within)), slices.Sorted(maps.Keys(granted)))
	}
}
