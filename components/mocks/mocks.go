// Package mocks runs Pulumi programs in tests without an engine. It records what a program registers, and answers with outputs like
// AWS's.
package mocks

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// The project and the stack of the programs.
const (
	Project = "slipway"
	Stack   = "dev"
)

// Resource is a registered resource.
type Resource struct {
	Type, Name string
	Inputs     resource.PropertyMap
	RPC        *pulumirpc.RegisterResourceRequest // parent, dependencies and options
}

// Cloud is the cloud of a program. In the zero value everything succeeds.
type Cloud struct {
	Zones       []string                       // availability zones; three if nil
	Images      map[string]string              // digests in ECR by "repository:tag"
	Refused     map[string]string              // ECR's answers for digests that it does not return; it has all others
	Policies    map[string]string              // documents of managed policies by their ARNs
	GroupVPCs   map[string]string              // of the security groups that others made, by their ids
	RecordTTLs  map[string]int                 // of the DNS records that there are, by their host names
	RunningTask string                         // ARN of the task definition of every service; the wanted one if empty
	Outputs     map[string]any                 // of the stack's last successful update
	Others      map[string]map[string]any      // outputs of other stacks, by their names
	Scaled      int                            // the task count of every service; the wanted one if 0
	Fail        func(token, name string) error // refuses resources and function calls
	Functions   map[string]Function            // answer further functions, by their tokens
	Options     []pulumi.RunOption             // for the run, such as another stack and its config

	mu        sync.Mutex
	resources []Resource
	calls     []string
	wanted    map[string]resource.PropertyMap // the inputs of services, by their names
	preview   bool
}

// Function answers a call of a provider's function.
type Function func(args resource.PropertyMap) (map[string]any, error)

// Run runs the program as in `pulumi up`.
func (c *Cloud) Run(program pulumi.RunFunc) error { return c.run(program, false) }

// Preview runs the program as in `pulumi preview`: AWS's values are unknown.
func (c *Cloud) Preview(program pulumi.RunFunc) error { return c.run(program, true) }

func (c *Cloud) run(program pulumi.RunFunc, preview bool) error {
	c.preview = preview
	mode := func(info *pulumi.RunInfo) { info.DryRun = preview }
	return pulumi.RunErr(program, append([]pulumi.RunOption{pulumi.WithMocks(Project, Stack, c), mode}, c.Options...)...)
}

// Resources returns what was registered, sorted by type and name.
func (c *Cloud) Resources() []Resource {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(slices.Values(c.resources), func(a, b Resource) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
	})
}

// Resource returns a registered resource, or one without inputs if there is none.
func (c *Cloud) Resource(token, name string) Resource {
	for _, r := range c.Resources() {
		if r.Type == token && r.Name == name {
			return r
		}
	}
	return Resource{Type: token, Name: name, RPC: &pulumirpc.RegisterResourceRequest{}}
}

// Calls returns the tokens of the functions that were called, sorted.
func (c *Cloud) Calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(slices.Values(c.calls))
}

// Listing returns a line for each registered resource, sorted: its type, its name and its inputs as JSON, without tags.
// Secrets are shown as "[secret]".
func (c *Cloud) Listing() string {
	var b strings.Builder
	for _, r := range c.Resources() {
		fmt.Fprintf(&b, "%s %s", r.Type, r.Name)
		inputs := r.Inputs.Copy()
		delete(inputs, "tags")
		if len(inputs) > 0 {
			fmt.Fprintf(&b, " %s", JSON(inputs))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// JSON returns inputs as JSON, with "[secret]" and "[unknown]" for what is secret or unknown.
func JSON(inputs resource.PropertyMap) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	plain := inputs.MapRepl(nil, func(v resource.PropertyValue) (any, bool) {
		switch {
		case v.IsSecret():
			return "[secret]", true
		case v.IsComputed() || v.IsOutput():
			return "[unknown]", true
		}
		return nil, false
	})
	if err := encoder.Encode(plain); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Expect reports how the listing differs from the wanted lines, in any order.
func (c *Cloud) Expect(t testing.TB, want string) {
	t.Helper()
	lines := func(text string) []string {
		return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
	}
	wanted, got := lines(want), lines(c.Listing())
	for _, line := range wanted {
		if !slices.Contains(got, line) {
			t.Errorf("not registered: %s", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(wanted, line) {
			t.Errorf("not expected:   %s", line)
		}
	}
}

// DependsOn reports whether the resource is created after the one of the given type and name, and deleted before it.
func (r Resource) DependsOn(token, name string) bool {
	for _, urn := range r.RPC.GetDependencies() {
		parsed := resource.URN(urn)
		if string(parsed.Type()) == token && parsed.Name() == name {
			return true
		}
	}
	return false
}

// sharesURN reports whether both resources have the same URN, which an engine refuses. A URN consists of a resource's name, its type
// and its parent's types.
func (r Resource) sharesURN(other Resource) bool {
	parents := func(r Resource) string {
		if parent := resource.URN(r.RPC.GetParent()); parent.IsValid() {
			return string(parent.QualifiedType())
		}
		return ""
	}
	return r.Type == other.Type && r.Name == other.Name && parents(r) == parents(other)
}

// NewResource implements [pulumi.MockResourceMonitor].
func (c *Cloud) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	if c.Fail != nil {
		if err := c.Fail(args.TypeToken, args.Name); err != nil {
			return "", nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := Resource{Type: args.TypeToken, Name: args.Name, Inputs: args.Inputs, RPC: args.RegisterRPC}
	if slices.ContainsFunc(c.resources, r.sharesURN) {
		return "", nil, fmt.Errorf("duplicate resource URN: %s %s is registered twice", r.Type, r.Name)
	}
	c.resources = append(c.resources, r)

	if !args.Custom {
		return "", nil, nil // a component
	}
	outputs := args.Inputs.Copy()
	set := func(key resource.PropertyKey, value any) { outputs[key] = resource.NewPropertyValue(value) }
	kind := args.TypeToken[strings.LastIndex(args.TypeToken, ":")+1:]
	id, arn, name := kind+"/"+args.Name, "arn:"+kind+"/"+args.Name, args.Name+"-0123456"
	switch kind {
	case "Cluster", "LogGroup", "MetricAlarm", "Role", "ScheduleGroup", "Service":
		set("name", name) // Pulumi sets it, so a preview knows it
	}
	if c.preview {
		return "", outputs, nil // missing outputs are unknown
	}
	switch kind {
	case "Vpc":
		set("ipv6CidrBlock", "2001:db8:1234:1a00::/56")
	case "Certificate":
		set("arn", arn)
		set("domainValidationOptions", validationOptions(args.Inputs))
	case "Record":
		set("hostname", hostname(args.Inputs))
	case "LoadBalancer":
		set("arn", arn)
		set("arnSuffix", "app/"+args.Name+"/0123456")
		set("dnsName", args.Name+".elb.amazonaws.com")
	case "TargetGroup":
		set("arn", arn)
		set("arnSuffix", "targetgroup/"+args.Name+"/0123456")
	case "Secret":
		id = arn
	case "TaskDefinition":
		set("arn", arn)
		set("arnWithoutRevision", arn)
	case "SecretVersion":
		outputs["arn"] = args.Inputs["secretId"]
		set("versionId", "version-1")
	case "Service":
		if c.wanted == nil {
			c.wanted = make(map[string]resource.PropertyMap)
		}
		c.wanted[name] = args.Inputs
	default:
		set("arn", arn)
	}
	return id, outputs, nil
}

// validationOptions returns ACM's answer: an option for each name. A wildcard has the record of its domain.
func validationOptions(inputs resource.PropertyMap) []any {
	names := []string{inputs["domainName"].StringValue()}
	if others := inputs["subjectAlternativeNames"]; others.IsArray() {
		for _, name := range others.ArrayValue() {
			names = append(names, name.StringValue())
		}
	}
	options := make([]any, len(names))
	for i, name := range names {
		domain := strings.TrimPrefix(name, "*.")
		options[i] = map[string]any{
			"domainName":          name,
			"resourceRecordName":  "_name." + domain + ".",
			"resourceRecordType":  "CNAME",
			"resourceRecordValue": "_value." + domain + ".acm-validations.aws.",
		}
	}
	return options
}

// Account is the caller's.
const Account = "123456789012"

// zoneID begins the ids of Cloudflare zones, before the zone's name.
const zoneID = "zone-of-"

// hostname returns a record's full name.
func hostname(record resource.PropertyMap) string {
	zone := strings.TrimPrefix(record["zoneId"].StringValue(), zoneID)
	return strings.TrimPrefix(record["name"].StringValue()+"."+zone, "@.")
}

// Call implements [pulumi.MockResourceMonitor].
func (c *Cloud) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	if c.Fail != nil {
		if err := c.Fail(args.Token, ""); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, args.Token)

	answer := map[string]any{}
	if function := c.Functions[args.Token]; function != nil {
		answer, err := function(args.Args)
		return resource.NewPropertyMapFromMap(answer), err
	}
	switch args.Token {
	case "aws:index/getRegion:getRegion":
		answer["name"] = "eu-central-1"
	case "aws:index/getCallerIdentity:getCallerIdentity":
		answer["accountId"] = Account
	case "aws:ec2/getSecurityGroup:getSecurityGroup":
		vpc, found := c.GroupVPCs[args.Args["id"].StringValue()]
		if !found {
			return nil, fmt.Errorf("no matching EC2 Security Group found: %s", args.Args["id"].StringValue())
		}
		answer["id"], answer["vpcId"] = args.Args["id"].StringValue(), vpc
	case "aws:index/getAvailabilityZones:getAvailabilityZones":
		zones := c.Zones
		if zones == nil {
			zones = []string{"eu-central-1a", "eu-central-1b", "eu-central-1c"}
		}
		answer["names"] = zones
	case "pulumi:pulumi:readStackOutputs":
		answer["outputs"] = c.Outputs
		if others, found := c.Others[args.Args["name"].StringValue()]; found {
			answer["outputs"] = others
		}
	case "cloudflare:index/getZone:getZone":
		answer["zoneId"] = zoneID + args.Args["name"].StringValue()
	case "cloudflare:index/getRecord:getRecord":
		ttl, found := c.RecordTTLs[args.Args["hostname"].StringValue()]
		if !found {
			return nil, fmt.Errorf("didn't get any DNS records for hostname: %s", args.Args["hostname"].StringValue())
		}
		answer["ttl"], answer["proxied"] = ttl, ttl == 1
	case "aws:ecr/getImage:getImage":
		if digest := args.Args["imageDigest"]; digest.IsString() {
			if refusal := c.Refused[digest.StringValue()]; refusal != "" {
				return nil, errors.New(refusal)
			}
			answer["imageDigest"] = digest.StringValue()
			break
		}
		image := args.Args["repositoryName"].StringValue() + ":" + args.Args["imageTag"].StringValue()
		digest, found := c.Images[image]
		if !found {
			return nil, fmt.Errorf("ImageNotFoundException: %s", image)
		}
		answer["imageDigest"] = digest
	case "aws:iam/getPolicy:getPolicy":
		arn := args.Args["arn"].StringValue()
		policy, found := c.Policies[arn]
		if !found {
			return nil, fmt.Errorf("reading IAM Policy (%s): couldn't find resource", arn)
		}
		answer["arn"], answer["policy"] = arn, policy
	case "aws:ecs/getService:getService":
		wanted := c.wanted[args.Args["serviceName"].StringValue()]
		outputs := resource.PropertyMap{"taskDefinition": wanted["taskDefinition"], "desiredCount": wanted["desiredCount"]}
		if c.RunningTask != "" {
			outputs["taskDefinition"] = resource.NewProperty(c.RunningTask)
		}
		if c.Scaled != 0 {
			outputs["desiredCount"] = resource.NewProperty(float64(c.Scaled))
		}
		return outputs, nil
	default:
		return nil, fmt.Errorf("the mocks do not know function %s", args.Token)
	}
	return resource.NewPropertyMapFromMap(answer), nil
}
