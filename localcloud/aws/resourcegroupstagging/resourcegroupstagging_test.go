package resourcegroupstagging_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws"
	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/logs"
	"slipway/localcloud/aws/resourcegroupstagging"
	"slipway/localcloud/aws/scheduler"
	"slipway/localcloud/aws/secretsmanager"
	"slipway/localcloud/aws/servicediscovery"
	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/aws/sqs"
	"slipway/localcloud/aws/ssm"
	"slipway/localcloud/cloud"
	"slipway/localcloud/schema"
)

func TestGetResources(t *testing.T) {
	c, made := awstest.DefaultStack(t, nil)
	project := func(stack string) cloud.Map { return cloud.Map{"Project": "slipway", "Stack": stack} }
	for token, r := range made {
		if _, taggable := r.Outputs["tagsAll"]; taggable {
			var err error
			if made[token], err = c.Edit(r, cloud.Map{"tags": project("dev")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	other := c.Make(ec2.VPCToken, cloud.Map{"cidrBlock": "10.0.0.0/16", "tags": project("prod")})
	arn := func(token string) string { found, _ := new(cloud.Call).Tagged(made[token]); return found }
	filter := func(key string, values ...any) cloud.Map { return cloud.Map{"key": key, "values": values} }

	for name, test := range map[string]struct {
		args        cloud.Map
		has, hasNot []string
		least       int
	}{
		"everything": {args: cloud.Map{}, has: []string{other.Outputs["arn"].(string), arn(ec2.VPCToken)}, hasNot: []string{arn(identity.RoleToken)}, least: 15},
		"of a stack": {
			args:   cloud.Map{"tagFilters": []any{filter("Project", "slipway"), filter("Stack", "dev", "stage")}},
			has:    []string{arn(ec2.VPCToken), arn(ec2.SecurityGroupEgressRuleToken), arn(ecs.ServiceToken), arn(acm.CertificateToken), arn(logs.LogGroupToken), arn(secretsmanager.SecretToken)},
			hasNot: []string{other.Outputs["arn"].(string), arn(identity.RoleToken)}, least: 15,
		},
		"with a tag whatever its value": {args: cloud.Map{"tagFilters": []any{filter("Stack")}}, has: []string{arn(ec2.VPCToken), other.Outputs["arn"].(string)}, least: 15},
		"of a type":                     {args: cloud.Map{"resourceTypeFilters": []any{"ec2:subnet"}}, has: []string{arn(ec2.SubnetToken)}, hasNot: []string{arn(ec2.VPCToken)}, least: 1},
		"of a service":                  {args: cloud.Map{"resourceTypeFilters": []any{"elasticloadbalancing"}}, has: []string{arn(elbv2.ListenerToken)}, hasNot: []string{arn(ec2.VPCToken)}, least: 4},
		"by ARN":                        {args: cloud.Map{"resourceArnLists": []any{arn(ec2.VPCToken)}}, has: []string{arn(ec2.VPCToken)}, hasNot: []string{arn(ec2.SubnetToken)}, least: 1},
		"of no stack":                   {args: cloud.Map{"tagFilters": []any{filter("Stack", "none")}}},
	} {
		out, err := c.Ask(awstest.Here, resourcegroupstagging.GetResources.Token, test.args)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, m := range out["resourceTagMappingLists"].([]any) {
			got = append(got, m.(cloud.Map)["resourceArn"].(string))
		}
		if len(got) < test.least || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("%s: %v", name, got)
		}
		for _, arn := range test.has {
			if !slices.Contains(got, arn) {
				t.Errorf("%s: %s is missing", name, arn)
			}
		}
		for _, arn := range test.hasNot {
			if slices.Contains(got, arn) {
				t.Errorf("%s: %s is there", name, arn)
			}
		}
	}

	elsewhere := awstest.Here
	elsewhere.Scope.Region = "eu-west-1"
	if out, err := c.Ask(elsewhere, resourcegroupstagging.GetResources.Token, cloud.Map{}); err != nil || len(out["resourceTagMappingLists"].([]any)) > 0 {
		t.Errorf("in another region: %v, %v", out, err)
	}
	for name, args := range map[string]cloud.Map{
		"by ARN and tag": {"resourceArnLists": []any{"arn:a"}, "tagFilters": []any{filter("Stack")}},
		"without a key":  {"tagFilters": []any{filter("")}},
	} {
		if _, err := c.Ask(awstest.Here, resourcegroupstagging.GetResources.Token, args); cloud.Code(err) != "InvalidParameterException" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// AWS keeps a task definition's revision that is not deregistered, and its tags.
func TestGetResourcesFindsWhatIsKept(t *testing.T) {
	c := awstest.New(t, aws.Kinds()...)
	kept := func(skip bool) bool {
		r := c.Make(ecs.TaskDefinitionToken, awstest.DefinitionOf(awstest.ContainerOf(nil), cloud.Map{"skipDestroy": skip, "tags": cloud.Map{"Stack": "dev"}}))
		c.Remove(r)
		out, err := c.Ask(awstest.Here, resourcegroupstagging.GetResources.Token, cloud.Map{"resourceArnLists": []any{r.ID}})
		if err != nil {
			t.Fatal(err)
		}
		return len(out["resourceTagMappingLists"].([]any)) == 1
	}
	if kept(false) || !kept(true) {
		t.Error("a revision is found that was deregistered, or one is not that was not")
	}
}

// With latency, what was deleted is listed for a while, and exists no more.
func TestGetResourcesTellsLate(t *testing.T) {
	listed := func(c *awstest.Tester, r *cloud.Resource) (stacks []string) {
		out, err := c.Ask(awstest.Here, resourcegroupstagging.GetResources.Token, cloud.Map{"resourceArnLists": []any{r.Outputs["arn"]}})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out["resourceTagMappingLists"].([]any) {
			stacks = append(stacks, m.(cloud.Map)["tags"].(cloud.Map)["Stack"].(string))
		}
		return stacks
	}
	group := func(stack string) cloud.Map { return cloud.Map{"name": "a", "tags": cloud.Map{"Stack": stack}} }

	at := awstest.New(t, aws.Kinds()...)
	r := at.Make(logs.LogGroupToken, group("dev"))
	at.Remove(r)
	if got := listed(at, r); len(got) > 0 {
		t.Errorf("without latency it is listed as %v", got)
	}

	late := func(by time.Duration) *awstest.Tester {
		c := awstest.New(t)
		c.Cloud = cloud.New(c.Store, cloud.Options{Schema: schema.SDKs{}, Deleted: resourcegroupstagging.ListDeleted(by)})
		c.Add(aws.Kinds()...)
		return c
	}
	c := late(time.Hour)
	r = c.Make(logs.LogGroupToken, group("dev"))
	c.Remove(r)
	if got := listed(c, r); !slices.Equal(got, []string{"dev"}) {
		t.Errorf("it is listed as %v", got)
	}
	if read, err := c.Read(awstest.Here, logs.LogGroupToken, r.ID); read != nil || err != nil {
		t.Errorf("it is there: %v (%v)", read, err)
	}
	c.Store.View(func(tx *cloud.Tx) {
		for r := range tx.All() {
			if c.Alive(r) {
				t.Errorf("%s is alive", r.Key)
			}
		}
	})
	again := c.Make(logs.LogGroupToken, group("prod"))
	for range 10 { // whatever the order in which the store is read
		if got := listed(c, again); !slices.Equal(got, []string{"prod"}) {
			t.Errorf("another one of that name is listed as %v", got)
		}
	}

	c = late(time.Microsecond)
	r = c.Make(logs.LogGroupToken, group("dev"))
	c.Remove(r)
	for end := time.Now().Add(time.Minute); len(listed(c, r)) > 0; {
		if time.Now().After(end) {
			t.Fatal("it is listed for ever")
		}
	}
	c.Remove(c.Make(logs.LogGroupToken, cloud.Map{"name": "b"}))
	if left := c.Left(); len(left) > 0 {
		t.Errorf("remembered for ever: %v", left)
	}
}

func TestGetRouteTable(t *testing.T) {
	c, made := awstest.DefaultStack(t, nil)
	out, err := c.Ask(awstest.Here, ec2.GetRouteTable.Token, cloud.Map{"routeTableId": made[ec2.RouteTableToken].ID})
	if err != nil {
		t.Fatal(err)
	}
	routes, associations := out["routes"].([]any), out["associations"].([]any)
	if len(routes) != 1 || routes[0].(cloud.Map)["cidrBlock"] != "0.0.0.0/0" || routes[0].(cloud.Map)["gatewayId"] != made[ec2.InternetGatewayToken].ID {
		t.Errorf("routes: %v", routes)
	}
	if len(associations) != 1 || associations[0].(cloud.Map)["subnetId"] != made[ec2.SubnetToken].ID {
		t.Errorf("associations: %v", associations)
	}
	if _, err := c.Ask(awstest.Here, ec2.GetRouteTable.Token, cloud.Map{"routeTableId": "rtb-0"}); err == nil {
		t.Error("a table was found that is not there")
	}
}

func TestGetRoles(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	for name, path := range map[string]string{"a": "/", "b": "/slipway/", "c": "/slipway/"} {
		c.Make(identity.RoleToken, cloud.Map{"name": name, "path": path, "assumeRolePolicy": awstest.TrustTasks, "tags": cloud.Map{"Stack": "dev"}})
	}
	for prefix, want := range map[string]string{"": "a b c", "/": "a b c", "/slipway/": "b c", "/other/": ""} {
		out, err := c.Ask(awstest.Here, iam.GetRoles.Token, cloud.Map{"pathPrefix": prefix})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, n := range out["names"].([]any) {
			names = append(names, n.(string))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("under %q: %s, want %s", prefix, got, want)
		}
	}
	out, err := c.Ask(awstest.Here, iam.GetRole.Token, cloud.Map{"name": "b"})
	if err != nil || out["path"] != "/slipway/" || out["tags"].(cloud.Map)["Stack"] != "dev" {
		t.Errorf("%v (%v)", out, err)
	}
	_, err = c.Ask(awstest.Here, iam.GetRole.Token, cloud.Map{"name": "d"})
	c.Refused(err, "NoSuchEntity", "d")
}

// What has tags takes along what has none and belongs to it, as on AWS.
func TestWhatHasTagsTakesTheRestAlong(t *testing.T) {
	c, made := awstest.DefaultStack(t, nil)
	if err := c.Store.Update(func(tx *cloud.Tx) error { tx.Delete(made[ecs.ServiceToken].Key); return nil }); err != nil { // without a scheduler to drain it
		t.Fatal(err)
	}
	for _, token := range []string{
		cloudwatch.MetricAlarmToken, elbv2.LoadBalancerToken, elbv2.TargetGroupToken, ecs.ClusterToken, logs.LogGroupToken, secretsmanager.SecretToken, acm.CertificateToken,
		ec2.FlowLogToken, ec2.NATGatewayToken, ec2.EIPToken, ec2.EgressOnlyInternetGatewayToken,
		ec2.SecurityGroupToken, ec2.InternetGatewayToken, ec2.SubnetToken, ec2.RouteTableToken, ec2.VPCToken, ecs.TaskDefinitionToken, ecr.RepositoryToken,
		sqs.QueueToken, ssm.ParameterToken, scheduler.ScheduleGroupToken, sfn.StateMachineToken, servicediscovery.HTTPNamespaceToken,
	} {
		for id, scope := range c.IDs(token) {
			if err := c.Delete(t.Context(), cloud.Caller{Scope: scope}, token, id, 1); err != nil && cloud.Code(err) != "CannotDelete" &&
				cloud.Code(err) != "DependencyViolation" {
				t.Errorf("delete %s: %v", token, err)
			}
		}
	}
	own := []string{ // what belongs to nothing that was deleted
		identity.RoleToken, iam.RolePolicyToken, iam.RolePolicyAttachmentToken, iam.PolicyToken, iam.OpenIDConnectProviderToken, awstest.RecordToken,
		ecs.TaskDefinitionRevisionToken, secretsmanager.DeletedSecretToken,
	}
	c.Store.View(func(tx *cloud.Tx) {
		for r := range tx.All() {
			if !slices.Contains(own, r.Token) && !strings.HasPrefix(r.Token, "aws:s3/") && !strings.HasPrefix(r.Token, "aws:appautoscaling/") {
				t.Errorf("%s is left", r.Key)
			}
		}
	})
}
