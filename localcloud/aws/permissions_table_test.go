package aws_test

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/appautoscaling"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/aws/logs"
	"slipway/localcloud/aws/scheduler"
	"slipway/localcloud/aws/secretsmanager"
	"slipway/localcloud/aws/servicediscovery"
	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/aws/sts"
	"slipway/localcloud/cloud"
)

// The program says in a table of its own which actions the provider needs, and makes the policies of those who deploy of it. Neither
// table is made of the other: each is read from the provider's source, and they have to say the same.
const programTable = "../../bootstrap/permissions/testdata/table.json"

type programOperations struct {
	Create, Read, Tags, Delete []string
	Update                     map[string][]string // by property; the empty one stands for all others
}

// updates returns what a change of the property takes.
func (o programOperations) updates(property string) []string {
	if actions, ok := o.Update[property]; ok {
		return actions
	}
	return o.Update[""]
}

// readProgramTable returns the kinds that the program uses, and what may be done by who deploys it in the account of the tests.
func readProgramTable(t *testing.T) (kinds map[string]programOperations, deploy iam.Authority) {
	t.Helper()
	text, err := os.ReadFile(programTable)
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Kinds  map[string]programOperations
		Deploy json.RawMessage
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), "123456789012", sts.DefaultAccount)), &table); err != nil {
		t.Fatal(err)
	}
	rights, err := policy.Document(`{"Version":"2012-10-17","Statement":` + string(table.Deploy) + `}`).IdentityPolicy()
	if err != nil {
		t.Fatal(err)
	}
	return table.Kinds, iam.Authority{Policies: []*policy.Policy{rights}}
}

// gone is a value that a property had before.
type gone struct{ value any }

// changes are other values for the properties of the default stack's resources that change in place, by kind: of each property
// whose change takes actions of its own, and of one that stands for the others.
func changes(made map[string]*cloud.Resource) map[string][]cloud.Map {
	boundary := "arn:aws:iam::" + sts.DefaultAccount + ":policy/slipway-boundary"
	list := func(token, input string) []any { l, _ := made[token].Inputs[input].([]any); return l }
	return map[string][]cloud.Map{
		acm.CertificateToken:                nil,
		acm.CertificateValidationToken:      nil,
		appautoscaling.ScalingPolicyToken:   {{"targetTrackingScalingPolicyConfiguration": cloud.Map{"targetValue": 50.0}}},
		appautoscaling.ScheduledActionToken: {{"schedule": "cron(0 9 ? * MON-FRI *)"}},
		appautoscaling.ScalableTargetToken:  {{"maxCapacity": 7.0}, {"minCapacity": 2.0}},
		logs.LogGroupToken:                  {{"retentionInDays": 7.0}},
		cloudwatch.MetricAlarmToken:         {{"threshold": 6.0}, {"metricQueries": list(cloudwatch.MetricAlarmToken, "metricQueries")[:1]}},
		ec2.DefaultSecurityGroupToken:       {{"ingress": gone{[]any{cloud.Map{}}}}, {"egress": gone{[]any{cloud.Map{}}}}}, // what somebody added
		ec2.EIPToken:                        nil,
		ec2.FlowLogToken:                    nil,
		ec2.NATGatewayToken:                 nil,
		ec2.InternetGatewayToken:            {{"vpcId": "vpc-00000000000000000"}},
		ec2.RouteToken:                      {{"gatewayId": "igw-00000000000000000"}},
		ec2.RouteTableToken:                 nil,
		ec2.RouteTableAssociationToken:      {{"routeTableId": made[ec2.RouteTableToken].ID}},
		ec2.SecurityGroupToken:              nil,
		ec2.SubnetToken:                     {{"ipv6CidrBlock": "2600:1f18::/64"}, {"ipv6CidrBlock": gone{"2600:1f18::/64"}}, {"mapPublicIpOnLaunch": true}, {"assignIpv6AddressOnCreation": false}},
		ec2.VPCToken:                        {{"assignGeneratedIpv6CidrBlock": false}, {"assignGeneratedIpv6CidrBlock": true}, {"enableDnsHostnames": false}},
		ecs.ClusterToken:                    {{"settings": []any{}}},
		ecs.ClusterCapacityProvidersToken: {
			{"capacityProviders": []any{ecs.Fargate}},
		},
		ecs.ServiceToken: {
			{"taskDefinition": "slipway-dev-hello:2"},
			{"desiredCount": 2.0},
			{"loadBalancers": []any{}},
			{"networkConfiguration": cloud.Map{}},
			{"deploymentMinimumHealthyPercent": 50.0},
			{"healthCheckGracePeriodSeconds": 5.0},
			{"alarms": cloud.Map{}},
		},
		ecs.TaskDefinitionToken:        nil,
		identity.RoleToken:             {{"assumeRolePolicy": `{}`}, {"description": "other"}, {"permissionsBoundary": boundary}},
		iam.RolePolicyToken:            {{"policy": "{}"}},
		iam.RolePolicyAttachmentToken:  nil,
		elbv2.ListenerToken:            {{"sslPolicy": "other"}, {"certificateArn": "other"}, {"defaultActions": []any{}}, {"routingHttpResponseServerEnabled": true}},
		elbv2.ListenerCertificateToken: nil,
		elbv2.ListenerRuleToken:        {{"priority": 2.0}, {"conditions": []any{}}, {"actions": []any{}}},
		elbv2.LoadBalancerToken: {
			{"ipAddressType": "ipv4"}, {"securityGroups": []any{}}, {"subnets": []any{}}, {"idleTimeout": 30.0}, {"enableDeletionProtection": true},
		},
		elbv2.TargetGroupToken:              {{"healthCheck": cloud.Map{}}, {"deregistrationDelay": 1.0}, {"slowStart": 30.0}},
		secretsmanager.SecretToken:          {{"description": "other"}},
		secretsmanager.SecretVersionToken:   nil,
		servicediscovery.HTTPNamespaceToken: nil,
		scheduler.ScheduleToken:             {{"state": "DISABLED"}},
		scheduler.ScheduleGroupToken:        nil,
		sfn.StateMachineToken:               {{"definition": `{}`}, {"roleArn": "arn:aws:iam::" + sts.DefaultAccount + ":role/slipway/other"}},
		ec2.EgressOnlyInternetGatewayToken:  nil,
		ec2.SecurityGroupEgressRuleToken:    {{"toPort": 8081.0}, {"description": "other"}},
		ec2.SecurityGroupIngressRuleToken:   {{"toPort": 8081.0}, {"cidrIpv6": "::1/128"}},
	}
}

// unasked are actions of the program's table that the local cloud does not ask for, each with why.
var unasked = map[string]string{
	"ec2:DescribeNetworkAcls Read":                          "its refusal is only logged",
	"ec2:DescribeRouteTables Read":                          "its refusal is only logged, where it is not what is read",
	"ec2:DescribeSecurityGroups Read":                       "its refusal is only logged, where it is not what is read",
	"elasticloadbalancing:DescribeCapacityReservation Read": "its refusal says that there is none",
	"ec2:DescribeNetworkInterfaces Delete":                  "its refusal is only logged, for load balancers",
	"ec2:DisassociateAddress Delete":                        "of an address whose NAT gateway a refresh found",
	"ec2:DisassociateRouteTable Delete":                     "the associations of a table are resources of their own here, and gone before it",
	"iam:DeleteRolePolicy Delete":                           "of inline policies that a refresh found",
	"secretsmanager:UpdateSecretVersionStage Delete":        "of a version that a newer one came after",
	"ec2:AuthorizeSecurityGroupEgress Update":               "",
}

// comparison holds what the local cloud asks for against the program's table.
type comparison struct {
	t      *testing.T
	c      *awstest.Tester
	deploy iam.Authority
	asked  map[string]bool // actions, with the operation
}

// operation finds out what an operation asks for, each of which has to be in the lists, and allowed to who deploys.
func (p *comparison) operation(verb cloud.Verb, name, token string, call *cloud.Call, lists ...[]string) {
	p.t.Helper()
	call.Context, call.Store, call.Caller = p.t.Context(), p.c.Store, awstest.Session
	p.c.Store.View(func(tx *cloud.Tx) {
		call.Tx = tx
		role := tx.Get(cloud.Key{Scope: cloud.Scope{Account: sts.DefaultAccount}, Token: identity.RoleToken, ID: "ci"})
		for _, s := range allNeeds()[token].Permissions(call, cloud.Operation{Verb: verb, Token: token}) {
			if !slices.Contains(slices.Concat(lists...), s.Action) {
				p.t.Errorf("%s of %s takes %s, which the program's table does not say", name, token, s.Action)
			}
			if why := p.deploy.Denial(iam.RequestFor(s, call, role)); why != "" {
				p.t.Errorf("%s of %s: who deploys may not %s on %s, %s", name, token, s.Action, s.Resource, why)
			}
			p.asked[token+" "+s.Action+" "+strings.SplitN(name, " ", 2)[0]] = true
		}
	})
}

// Both tables say the same of every operation of every kind that the program uses, and who deploys may do all of it.
func TestTablesAgree(t *testing.T) {
	kinds, deploy := readProgramTable(t)
	p := comparison{t: t, deploy: deploy, asked: map[string]bool{}}
	_, made := awstest.DefaultStack(t, func(c *awstest.Tester, token string, in cloud.Map) {
		if p.c == nil {
			p.c = c
			c.MayDo("")
			c.Make(iam.PolicyToken, cloud.Map{"name": "slipway-boundary", "policy": awstest.TrustOf(awstest.Everything)})
		}
		if token == identity.RoleToken { // as the program makes it
			delete(in, "inlinePolicies")
			in["path"], in["permissionsBoundary"] = "/slipway/", "arn:aws:iam::"+sts.DefaultAccount+":policy/slipway-boundary"
		}
		if token == ec2.VPCToken {
			in["enableDnsHostnames"] = true
		}
		table, used := kinds[token]
		if !used {
			return
		}
		inputs := maps.Clone(in)
		if len(table.Tags) > 0 {
			inputs["tags"] = cloud.Map{"Project": "slipway", "Stack": "dev"}
		}
		checked, _, err := c.Check(token, inputs)
		if err != nil {
			t.Fatal(err)
		}
		r := &cloud.Resource{Key: cloud.Key{Scope: awstest.Here.Scope, Token: token}, Inputs: checked}
		p.operation(cloud.Create, "Create", token, &cloud.Call{Resource: r}, table.Create, table.Read)
	})
	changes := changes(made)
	for _, token := range slices.Sorted(maps.Keys(kinds)) {
		table, r := kinds[token], made[token]
		if r == nil {
			t.Errorf("the stack has no %s", token)
			continue
		}
		p.operation(cloud.Read, "Read", token, &cloud.Call{Resource: r}, table.Read)
		p.operation(cloud.Delete, "Delete", token, &cloud.Call{Resource: r}, table.Delete, table.Read)
		if len(table.Tags) > 0 {
			with := r.Clone()
			with.Inputs["tags"] = cloud.Map{"Team": "web"}
			with.Outputs["tagsAll"] = cloud.Map{"Team": "web"}
			p.operation(cloud.Update, "Tags come", token, &cloud.Call{Resource: with, Old: r}, table.Tags, table.Read)
			p.operation(cloud.Update, "Tags go", token, &cloud.Call{Resource: r, Old: with}, table.Tags, table.Read)
		}
		listed, known := changes[token]
		if !known {
			t.Errorf("nothing is said of how %s changes in place", token)
		}
		for _, change := range listed {
			for property, value := range change {
				old, changed := r.Clone(), r.Clone()
				if was, ok := value.(gone); ok {
					old.Inputs[property] = was.value
					delete(changed.Inputs, property)
				} else {
					changed.Inputs[property] = value
				}
				if reflect.DeepEqual(old.Inputs[property], changed.Inputs[property]) { // then there was nothing before
					delete(old.Inputs, property)
				}
				p.operation(cloud.Update, "Update of "+property, token, &cloud.Call{Resource: changed, Old: old}, table.updates(property), table.Read)
			}
		}
		p.everything(token, table)
	}
}

// everything of the program's table is asked for.
func (p *comparison) everything(token string, table programOperations) {
	lists := map[string][]string{"Create": table.Create, "Read": table.Read, "Tags": table.Tags, "Delete": table.Delete}
	for _, actions := range table.Update {
		lists["Update"] = append(lists["Update"], actions...)
	}
	for name, actions := range lists {
		for _, action := range actions {
			if _, known := unasked[action+" "+name]; !known && !p.asked[token+" "+action+" "+name] {
				p.t.Errorf("the local cloud does not ask for %s, which %s of %s takes in the program's table", action, name, token)
			}
		}
	}
}
