package aws

import (
	"cmp"
	"strings"

	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
// terraform-provider-aws, internal/service/ec2
var ec2Needs = map[string]needs{
	vpcToken: {
		create: func(o *operation) {
			o.createsEC2("ec2:CreateVpc", "vpc")
			// A new VPC has DNS support and no DNS host names.
			if o.given("enableDnsHostnames") || !o.given("enableDnsSupport") {
				o.own("ec2:ModifyVpcAttribute")
			}
		},
		read: func(o *operation) {
			o.any("ec2:DescribeVpcs")
			o.own("ec2:DescribeVpcAttribute")
		},
		update: func(o *operation) {
			if o.changes("enableDnsHostnames", "enableDnsSupport", "enableNetworkAddressUsageMetrics") {
				o.own("ec2:ModifyVpcAttribute")
			}
			if o.changes("instanceTenancy") {
				o.own("ec2:ModifyVpcTenancy")
			}
			if o.changes("assignGeneratedIpv6CidrBlock") {
				if o.given("assignGeneratedIpv6CidrBlock") {
					o.own("ec2:AssociateVpcCidrBlock")
				} else {
					o.own("ec2:DisassociateVpcCidrBlock")
				}
			}
			o.retagsEC2()
		},
		delete: func(o *operation) {
			o.own("ec2:DeleteVpc")
			o.any("ec2:DescribeVpcs")
		},
	},
	subnetToken: {
		create: func(o *operation) {
			o.createsEC2("ec2:CreateSubnet", "subnet")
			o.other(vpcToken, "vpcId", "ec2:CreateSubnet")
			if o.given("assignIpv6AddressOnCreation") || o.given("mapPublicIpOnLaunch") {
				o.own("ec2:ModifySubnetAttribute")
			}
		},
		read: func(o *operation) { o.any("ec2:DescribeSubnets") },
		update: func(o *operation) {
			if o.changes("ipv6CidrBlock") {
				if o.Old.Inputs["ipv6CidrBlock"] != nil {
					o.own("ec2:DisassociateSubnetCidrBlock")
				}
				if o.given("ipv6CidrBlock") {
					o.own("ec2:AssociateSubnetCidrBlock")
				}
			}
			if o.changesMoreThan("ipv6CidrBlock", "tags") {
				o.own("ec2:ModifySubnetAttribute")
			}
			o.retagsEC2()
		},
		delete: func(o *operation) {
			o.any("ec2:DescribeNetworkInterfaces") // those that services left behind
			o.own("ec2:DeleteSubnet")
			o.any("ec2:DescribeSubnets")
		},
	},
	internetGatewayToken: {
		create: func(o *operation) {
			o.createsEC2("ec2:CreateInternetGateway", "internet-gateway")
			if o.given("vpcId") {
				o.own("ec2:AttachInternetGateway")
				o.other(vpcToken, "vpcId", "ec2:AttachInternetGateway")
			}
		},
		read: func(o *operation) { o.any("ec2:DescribeInternetGateways") },
		update: func(o *operation) {
			if o.changes("vpcId") {
				if before, _ := o.Old.Inputs["vpcId"].(string); before != "" {
					o.own("ec2:DetachInternetGateway")
					o.on(o.regional("ec2", "vpc/"+before), "ec2:DetachInternetGateway")
				}
				if o.given("vpcId") {
					o.own("ec2:AttachInternetGateway")
					o.other(vpcToken, "vpcId", "ec2:AttachInternetGateway")
				}
			}
			o.retagsEC2()
		},
		delete: func(o *operation) {
			if o.given("vpcId") {
				o.own("ec2:DetachInternetGateway")
				o.other(vpcToken, "vpcId", "ec2:DetachInternetGateway")
				o.any("ec2:DescribeInternetGateways")
			}
			o.own("ec2:DeleteInternetGateway")
		},
	},
	routeTableToken: {
		create: func(o *operation) {
			o.createsEC2("ec2:CreateRouteTable", "route-table")
			o.other(vpcToken, "vpcId", "ec2:CreateRouteTable")
		},
		read:   func(o *operation) { o.any("ec2:DescribeRouteTables") },
		update: (*operation).retagsEC2,
		delete: func(o *operation) {
			o.any("ec2:DescribeRouteTables")
			o.own("ec2:DeleteRouteTable")
		},
	},
	routeToken: {
		create: func(o *operation) { o.other(routeTableToken, "routeTableId", "ec2:CreateRoute") },
		read:   func(o *operation) { o.any("ec2:DescribeRouteTables") },
		update: func(o *operation) { o.other(routeTableToken, "routeTableId", "ec2:ReplaceRoute") },
		delete: func(o *operation) {
			o.other(routeTableToken, "routeTableId", "ec2:DeleteRoute")
			o.any("ec2:DescribeRouteTables")
		},
	},
	routeTableAssociationToken: {
		create: func(o *operation) {
			o.other(routeTableToken, "routeTableId", "ec2:AssociateRouteTable")
			o.other(subnetToken, "subnetId", "ec2:AssociateRouteTable")
		},
		read: func(o *operation) { o.any("ec2:DescribeRouteTables") },
		update: func(o *operation) {
			o.other(routeTableToken, "routeTableId", "ec2:ReplaceRouteTableAssociation")
			o.other(subnetToken, "subnetId", "ec2:ReplaceRouteTableAssociation")
		},
		delete: func(o *operation) {
			o.other(routeTableToken, "routeTableId", "ec2:DisassociateRouteTable")
			o.other(subnetToken, "subnetId", "ec2:DisassociateRouteTable")
			o.any("ec2:DescribeRouteTables")
		},
	},
	securityGroupToken: {
		create: func(o *operation) {
			o.createsEC2("ec2:CreateSecurityGroup", "security-group")
			o.other(vpcToken, "vpcId", "ec2:CreateSecurityGroup")
			o.own("ec2:RevokeSecurityGroupEgress") // the rule that lets everything out, which every new group has
			o.authorizes("ingress", "ec2:AuthorizeSecurityGroupIngress")
			o.authorizes("egress", "ec2:AuthorizeSecurityGroupEgress")
		},
		read:   func(o *operation) { o.any("ec2:DescribeSecurityGroups") },
		update: (*operation).rerules,
		delete: func(o *operation) {
			o.any("ec2:DescribeNetworkInterfaces")
			o.own("ec2:DeleteSecurityGroup")
			o.any("ec2:DescribeSecurityGroups")
		},
	},
	// The default group is there already and stays: to create it is to take it over.
	defaultSecurityGroupToken: {
		create: func(o *operation) {
			o.any("ec2:DescribeSecurityGroups")
			if network := o.Find(cloud.Ref{Token: vpcToken, Value: o.text("vpcId")}); network != nil {
				o.arn = o.regional("ec2", "security-group/"+outputText(network, "defaultSecurityGroupId"))
			}
			o.own("ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress")
			o.authorizes("ingress", "ec2:AuthorizeSecurityGroupIngress")
			o.authorizes("egress", "ec2:AuthorizeSecurityGroupEgress")
			if tags := o.wantedTags(); len(tags) > 0 {
				o.own("ec2:CreateTags")
				s := &o.steps[len(o.steps)-1]
				s.context, s.tagKeys = requestTags(tags), keys(tags)
			}
		},
		read:   func(o *operation) { o.any("ec2:DescribeSecurityGroups") },
		update: (*operation).rerules,
	},
	securityGroupIngressRuleToken: securityGroupRuleNeeds("Ingress"),
	securityGroupEgressRuleToken:  securityGroupRuleNeeds("Egress"),

	getAvailabilityZones.Token: {invoke: func(o *operation) { o.any("ec2:DescribeAvailabilityZones") }},
	getRouteTable.Token:        {invoke: func(o *operation) { o.any("ec2:DescribeRouteTables") }},
	// The provider answers these by itself, or by a call that everybody may make.
	// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
	getRegion.Token: {}, getPartition.Token: {}, getCallerIdentity.Token: {},
}

func securityGroupRuleNeeds(direction string) needs {
	return needs{
		create: func(o *operation) {
			o.other(securityGroupToken, "securityGroupId", "ec2:AuthorizeSecurityGroup"+direction)
			if len(o.wantedTags()) > 0 {
				o.createsEC2("ec2:AuthorizeSecurityGroup"+direction, "security-group-rule")
			}
		},
		read: func(o *operation) { o.any("ec2:DescribeSecurityGroupRules") },
		update: func(o *operation) {
			if o.changesMoreThan("tags") {
				o.other(securityGroupToken, "securityGroupId", "ec2:ModifySecurityGroupRules")
				o.own("ec2:ModifySecurityGroupRules")
			}
			o.retagsEC2()
		},
		delete: func(o *operation) {
			o.other(securityGroupToken, "securityGroupId", "ec2:RevokeSecurityGroup"+direction)
		},
	}
}

// createsEC2 is creates for a resource of EC2, which has an identifier once it is there.
func (o *operation) createsEC2(action, kind string) {
	prefix := map[string]string{
		"internet-gateway": "igw", "route-table": "rtb", "security-group": "sg", "security-group-rule": "sgr",
		"elastic-ip": "eipalloc", "natgateway": "nat",
	}[kind]
	id := newID(cmp.Or(prefix, kind))
	o.creates(action, o.regional("ec2", kind+"/*"), o.regional("ec2", kind+"/"+id), "ec2:CreateTags", "ec2:createaction")
}

func (o *operation) retagsEC2() { o.retags("ec2:CreateTags", "ec2:DeleteTags") }

// authorizes adds the call that puts the rules of an input into the group, if it has any.
func (o *operation) authorizes(input, action string) {
	if rules, _ := o.Resource.Inputs[input].([]any); len(rules) > 0 {
		o.own(action)
	}
}

// rerules is the update of a group that has its rules itself.
func (o *operation) rerules() {
	for _, input := range []string{"ingress", "egress"} {
		if !o.changes(input) {
			continue
		}
		direction := strings.ToUpper(input[:1]) + input[1:]
		if old, _ := o.Old.Inputs[input].([]any); len(old) > 0 {
			o.own("ec2:RevokeSecurityGroup" + direction)
		}
		o.authorizes(input, "ec2:AuthorizeSecurityGroup"+direction)
	}
	o.retagsEC2()
}
