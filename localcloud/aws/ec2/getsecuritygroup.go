package ec2

import (
	"fmt"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

type securityGroupArgs struct {
	ID      string      `json:"id"`
	Name    string      `json:"name"`
	VPCID   string      `json:"vpcId"`
	Tags    tags.Tags   `json:"tags"`
	Filters []cloud.Map `json:"filters"`
}

// GetSecurityGroup returns what a security group is, but for its rules. It is found only by its id.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html
var GetSecurityGroup = &cloud.Function[securityGroupArgs]{
	Token: "aws:ec2/getSecurityGroup:getSecurityGroup",
	Needs: permission.Needs{Invoke: func(o *permission.Operation) { o.Any("ec2:DescribeSecurityGroups") }},
	Call: func(c *cloud.Call, args *securityGroupArgs) (cloud.Map, error) {
		if args.ID == "" || args.Name+args.VPCID != "" || len(args.Tags)+len(args.Filters) > 0 {
			return nil, check.Unimplemented("looking for a security group by anything but its id")
		}
		group := c.Find(cloud.Ref{Token: SecurityGroupToken, Value: args.ID})
		if group == nil {
			return nil, fmt.Errorf("no matching EC2 Security Group found: %s", args.ID)
		}
		in := SecurityGroup.Inputs(group)
		return cloud.Map{
			"id": group.ID, "arn": SecurityGroup.Outputs(group).ARN, "name": in.Name, "description": in.Description, "vpcId": in.VPCID,
			"tags": untyped.Map(tags.Of(group)),
		}, nil
	},
}
