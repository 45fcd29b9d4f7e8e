package ec2_test

import (
	"maps"
	"slices"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/cloud"
)

func TestFlowLogRules(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, slices.Concat(ec2.Kinds(), iam.Kinds())...)
	v := awstest.NewVPC(c)
	const group = "arn:aws:logs:eu-central-1:000000000000:log-group:flows"
	role := awstest.FlowLogRole(c)
	foreign := c.Make(identity.RoleToken, cloud.Map{"name": "tasks", "assumeRolePolicy": awstest.TrustTasks})
	powerless := c.Make(identity.RoleToken, cloud.Map{"name": "powerless", "assumeRolePolicy": role.Inputs["assumeRolePolicy"]})
	right := cloud.Map{"vpcId": v.ID, "trafficType": "ALL", "logDestination": group, "iamRoleArn": role.Text("arn")}
	made := c.Make(ec2.FlowLogToken, right)
	if out := ec2.FlowLog.Outputs(made); out.LogGroupName != "flows" || out.LogFormat == "" {
		t.Errorf("the flow log is %+v", out)
	}
	for _, test := range []struct {
		change      cloud.Map
		code, words string
	}{
		{cloud.Map{}, "FlowLogAlreadyExists", "There is an existing Flow Log with the same configuration and log destination."},
		{cloud.Map{"vpcId": "vpc-0"}, "InvalidVpcID.NotFound", "vpc-0"},
		{cloud.Map{"trafficType": "SOME"}, "Check", "trafficType"},
		{cloud.Map{"trafficType": "REJECT", "logDestinationType": "disk"}, "Check", "logDestinationType"},
		{cloud.Map{"trafficType": "REJECT", "iamRoleArn": ""}, "MissingParameter", "DeliverLogsPermissionArn"},
		{cloud.Map{"trafficType": "REJECT", "iamRoleArn": foreign.Text("arn")}, "InvalidParameter", "Unable to assume given IAM role"},
		{cloud.Map{"trafficType": "REJECT", "iamRoleArn": powerless.Text("arn")}, "InvalidParameter", "Access error."},
		{cloud.Map{"trafficType": "REJECT", "vpcId": "", "subnetId": "subnet-0"}, "", "not modelled"},
		{cloud.Map{"trafficType": "REJECT", "logDestinationType": "s3"}, "", "not modelled"},
		{cloud.Map{"trafficType": "REJECT", "logDestination": "arn:aws:s3:::logs"}, "", "not modelled"},
		{cloud.Map{"trafficType": "REJECT", "logFormat": "${srcaddr}"}, "", "not modelled"},
		{cloud.Map{"trafficType": "REJECT", "maxAggregationInterval": 61.0}, "", "not modelled"},
	} {
		in := maps.Clone(right)
		maps.Copy(in, test.change)
		_, err := c.Try(ec2.FlowLogToken, in)
		c.Refused(err, test.code, test.words)
	}
	c.Remove(made)
}
