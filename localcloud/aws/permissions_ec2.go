package aws

import (
	"cmp"
	"strings"
)

func securityGroupRuleNeeds(direction string) needs {
	return needs{
		Create: func(o *operation) {
			o.other(securityGroupToken, "securityGroupId", "ec2:AuthorizeSecurityGroup"+direction)
			if len(o.wantedTags()) > 0 {
				createsEC2(o, "ec2:AuthorizeSecurityGroup"+direction, "security-group-rule")
			}
		},
		Read: func(o *operation) { o.any("ec2:DescribeSecurityGroupRules") },
		Update: func(o *operation) {
			if o.changesMoreThan("tags") {
				o.other(securityGroupToken, "securityGroupId", "ec2:ModifySecurityGroupRules")
				o.own("ec2:ModifySecurityGroupRules")
			}
			retagsEC2(o)
		},
		Delete: func(o *operation) {
			o.other(securityGroupToken, "securityGroupId", "ec2:RevokeSecurityGroup"+direction)
		},
	}
}

// createsEC2 is creates for a resource of EC2, which has an identifier once it is there.
func createsEC2(o *operation, action, kind string) {
	prefix := map[string]string{
		"internet-gateway": "igw", "route-table": "rtb", "security-group": "sg", "security-group-rule": "sgr",
		"elastic-ip": "eipalloc", "natgateway": "nat",
	}[kind]
	id := newID(cmp.Or(prefix, kind))
	o.creates(action, o.regional("ec2", kind+"/*"), o.regional("ec2", kind+"/"+id), "ec2:CreateTags", "ec2:createaction")
}

func retagsEC2(o *operation) { o.retags("ec2:CreateTags", "ec2:DeleteTags") }

// authorizes adds the call that puts the rules of an input into the group, if it has any.
func authorizes(o *operation, input, action string) {
	if rules, _ := o.Resource.Inputs[input].([]any); len(rules) > 0 {
		o.own(action)
	}
}

// rerules is the update of a group that has its rules itself.
func rerules(o *operation) {
	for _, input := range []string{"ingress", "egress"} {
		if !o.changes(input) {
			continue
		}
		direction := strings.ToUpper(input[:1]) + input[1:]
		if old, _ := o.Old.Inputs[input].([]any); len(old) > 0 {
			o.own("ec2:RevokeSecurityGroup" + direction)
		}
		authorizes(o, input, "ec2:AuthorizeSecurityGroup"+direction)
	}
	retagsEC2(o)
}
