package aws

import (
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/cloud"
	"slipway/localcloud/schema"
)

// invoke asks a function as the engine would, and holds what it answers against the SDK.
func (c *testCloud) invoke(caller cloud.Caller, token string, args cloud.Map) (cloud.Map, error) {
	c.t.Helper()
	out, failures, err := c.Invoke(c.t.Context(), caller, token, args)
	if len(failures) > 0 {
		c.t.Fatalf("arguments of %s: %v", token, failures)
	}
	if err != nil {
		return nil, err
	}
	function, ok := schema.LookupFunction(token)
	if !ok {
		c.t.Fatalf("%s is not in schema/tokens.txt", token)
	}
	for _, f := range function.CheckResult(out, nil) {
		c.t.Errorf("result %s of %s: %s", f.Property, token, f.Reason)
	}
	return out, nil
}

func TestGetResources(t *testing.T) {
	c, made := defaultStack(t, nil)
	project := func(stack string) cloud.Map { return cloud.Map{"Project": "slipway", "Stack": stack} }
	for token, r := range made {
		if _, taggable := r.Outputs["tagsAll"]; taggable {
			var err error
			if made[token], err = c.update(r, cloud.Map{"tags": project("dev")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	other := c.create(vpcToken, cloud.Map{"cidrBlock": "10.0.0.0/16", "tags": project("prod")})
	arn := func(token string) string { found, _ := new(cloud.Call).Tagged(made[token]); return found }
	filter := func(key string, values ...any) cloud.Map { return cloud.Map{"key": key, "values": values} }

	for name, test := range map[string]struct {
		args        cloud.Map
		has, hasNot []string
		least       int
	}{
		"everything": {args: cloud.Map{}, has: []string{other.Outputs["arn"].(string), arn(vpcToken)}, hasNot: []string{arn(roleToken)}, least: 15},
		"of a stack": {
			args:   cloud.Map{"tagFilters": []any{filter("Project", "slipway"), filter("Stack", "dev", "stage")}},
			has:    []string{arn(vpcToken), arn(securityGroupEgressRuleToken), arn(serviceToken), arn(certificateToken), arn(logGroupToken), arn(secretToken)},
			hasNot: []string{other.Outputs["arn"].(string), arn(roleToken)}, least: 15,
		},
		"with a tag whatever its value": {args: cloud.Map{"tagFilters": []any{filter("Stack")}}, has: []string{arn(vpcToken), other.Outputs["arn"].(string)}, least: 15},
		"of a type":                     {args: cloud.Map{"resourceTypeFilters": []any{"ec2:subnet"}}, has: []string{arn(subnetToken)}, hasNot: []string{arn(vpcToken)}, least: 1},
		"of a service":                  {args: cloud.Map{"resourceTypeFilters": []any{"elasticloadbalancing"}}, has: []string{arn(listenerToken)}, hasNot: []string{arn(vpcToken)}, least: 4},
		"by ARN":                        {args: cloud.Map{"resourceArnLists": []any{arn(vpcToken)}}, has: []string{arn(vpcToken)}, hasNot: []string{arn(subnetToken)}, least: 1},
		"of no stack":                   {args: cloud.Map{"tagFilters": []any{filter("Stack", "none")}}},
	} {
		out, err := c.invoke(here, getResources.Token, test.args)
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

	elsewhere := here
	elsewhere.Scope.Region = "eu-west-1"
	if out, err := c.invoke(elsewhere, getResources.Token, cloud.Map{}); err != nil || len(out["resourceTagMappingLists"].([]any)) > 0 {
		t.Errorf("in another region: %v, %v", out, err)
	}
	for name, args := range map[string]cloud.Map{
		"by ARN and tag": {"resourceArnLists": []any{"arn:a"}, "tagFilters": []any{filter("Stack")}},
		"without a key":  {"tagFilters": []any{filter("")}},
	} {
		if _, err := c.invoke(here, getResources.Token, args); cloud.Code(err) != "InvalidParameterException" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// AWS keeps a task definition's revision that is not deregistered, and its tags.
func TestGetResourcesFindsWhatIsKept(t *testing.T) {
	c := newCloud(t, Kinds()...)
	kept := func(skip bool) bool {
		r := c.create(taskDefinitionToken, definitionOf(containerOf(nil), cloud.Map{"skipDestroy": skip, "tags": cloud.Map{"Stack": "dev"}}))
		c.delete(r)
		out, err := c.invoke(here, getResources.Token, cloud.Map{"resourceArnLists": []any{r.ID}})
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
	listed := func(c *testCloud, r *cloud.Resource) (stacks []string) {
		out, err := c.invoke(here, getResources.Token, cloud.Map{"resourceArnLists": []any{r.Outputs["arn"]}})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out["resourceTagMappingLists"].([]any) {
			stacks = append(stacks, m.(cloud.Map)["tags"].(cloud.Map)["Stack"].(string))
		}
		return stacks
	}
	group := func(stack string) cloud.Map { return cloud.Map{"name": "a", "tags": cloud.Map{"Stack": stack}} }

	at := newCloud(t, Kinds()...)
	r := at.create(logGroupToken, group("dev"))
	at.delete(r)
	if got := listed(at, r); len(got) > 0 {
		t.Errorf("without latency it is listed as %v", got)
	}

	late := func(by time.Duration) *testCloud {
		c := newCloud(t)
		c.Cloud = cloud.New(c.Store, cloud.Options{Schema: schema.SDKs{}, Deleted: ListDeleted(by)})
		c.Add(Kinds()...)
		return c
	}
	c := late(time.Hour)
	r = c.create(logGroupToken, group("dev"))
	c.delete(r)
	if got := listed(c, r); !slices.Equal(got, []string{"dev"}) {
		t.Errorf("it is listed as %v", got)
	}
	if read, err := c.Read(here, logGroupToken, r.ID); read != nil || err != nil {
		t.Errorf("it is there: %v (%v)", read, err)
	}
	c.Store.View(func(tx *cloud.Tx) {
		for r := range tx.All() {
			if c.Alive(r) {
				t.Errorf("%s is alive", r.Key)
			}
		}
	})
	again := c.create(logGroupToken, group("prod"))
	for range 10 { // whatever the order in which the store is read
		if got := listed(c, again); !slices.Equal(got, []string{"prod"}) {
			t.Errorf("another one of that name is listed as %v", got)
		}
	}

	c = late(time.Microsecond)
	r = c.create(logGroupToken, group("dev"))
	c.delete(r)
	for end := time.Now().Add(time.Minute); len(listed(c, r)) > 0; {
		if time.Now().After(end) {
			t.Fatal("it is listed for ever")
		}
	}
	c.delete(c.create(logGroupToken, cloud.Map{"name": "b"}))
	if left := c.left(); len(left) > 0 {
		t.Errorf("remembered for ever: %v", left)
	}
}

func TestGetRouteTable(t *testing.T) {
	c, made := defaultStack(t, nil)
	out, err := c.invoke(here, getRouteTable.Token, cloud.Map{"routeTableId": made[routeTableToken].ID})
	if err != nil {
		t.Fatal(err)
	}
	routes, associations := out["routes"].([]any), out["associations"].([]any)
	if len(routes) != 1 || routes[0].(cloud.Map)["cidrBlock"] != "0.0.0.0/0" || routes[0].(cloud.Map)["gatewayId"] != made[internetGatewayToken].ID {
		t.Errorf("routes: %v", routes)
	}
	if len(associations) != 1 || associations[0].(cloud.Map)["subnetId"] != made[subnetToken].ID {
		t.Errorf("associations: %v", associations)
	}
	if _, err := c.invoke(here, getRouteTable.Token, cloud.Map{"routeTableId": "rtb-0"}); err == nil {
		t.Error("a table was found that is not there")
	}
}

func TestGetRoles(t *testing.T) {
	c := newCloud(t, iamKinds()...)
	for name, path := range map[string]string{"a": "/", "b": "/slipway/", "c": "/slipway/"} {
		c.create(roleToken, cloud.Map{"name": name, "path": path, "assumeRolePolicy": trustTasks, "tags": cloud.Map{"Stack": "dev"}})
	}
	for prefix, want := range map[string]string{"": "a b c", "/": "a b c", "/slipway/": "b c", "/other/": ""} {
		out, err := c.invoke(here, getRoles.Token, cloud.Map{"pathPrefix": prefix})
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
	out, err := c.invoke(here, getRole.Token, cloud.Map{"name": "b"})
	if err != nil || out["path"] != "/slipway/" || out["tags"].(cloud.Map)["Stack"] != "dev" {
		t.Errorf("%v (%v)", out, err)
	}
	_, err = c.invoke(here, getRole.Token, cloud.Map{"name": "d"})
	c.refused(err, "NoSuchEntity", "d")
}

// What has tags takes along what has none and belongs to it, as on AWS.
func TestWhatHasTagsTakesTheRestAlong(t *testing.T) {
	c, made := defaultStack(t, nil)
	if err := c.Store.Update(func(tx *cloud.Tx) error { tx.Delete(made[serviceToken].Key); return nil }); err != nil { // without a scheduler to drain it
		t.Fatal(err)
	}
	for _, token := range []string{
		metricAlarmToken, loadBalancerToken, targetGroupToken, clusterToken, logGroupToken, secretToken, certificateToken,
		securityGroupToken, internetGatewayToken, subnetToken, routeTableToken, vpcToken, taskDefinitionToken, repositoryToken,
	} {
		for id, scope := range c.ids(token) {
			if err := c.Delete(t.Context(), cloud.Caller{Scope: scope}, token, id, 1); err != nil && cloud.Code(err) != "CannotDelete" &&
				cloud.Code(err) != "DependencyViolation" {
				t.Errorf("delete %s: %v", token, err)
			}
		}
	}
	own := []string{ // what belongs to nothing that was deleted
		roleToken, rolePolicyToken, rolePolicyAttachmentToken, policyToken, openIDConnectProviderToken, recordToken,
		taskDefinitionRevisionToken, deletedSecretToken,
	}
	c.Store.View(func(tx *cloud.Tx) {
		for r := range tx.All() {
			if !slices.Contains(own, r.Token) && !strings.HasPrefix(r.Token, "aws:s3/") && !strings.HasPrefix(r.Token, "aws:appautoscaling/") {
				t.Errorf("%s is left", r.Key)
			}
		}
	})
}

// ids returns the ids of all resources of a kind, and where they are.
func (c *testCloud) ids(token string) map[string]cloud.Scope {
	out := map[string]cloud.Scope{}
	c.Store.View(func(tx *cloud.Tx) {
		for _, r := range tx.Everywhere(token) {
			out[r.ID] = r.Scope
		}
	})
	return out
}
