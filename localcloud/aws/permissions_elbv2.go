package aws

import (
	"maps"
	"strings"
)

// createsELB is creates for what has a name and, once it is there, an identifier behind it.
func createsELB(o *operation, call, resource string) {
	name := o.regional("elasticloadbalancing", resource+"/")
	o.creates("elasticloadbalancing:"+call, name+"*", name+randomHex(16), "elasticloadbalancing:AddTags", "elasticloadbalancing:createaction")
}

// createsPart is creates for what belongs to another resource: that is what making it is about, and only tagging is about the
// part.
func createsPart(o *operation, token, input, call, kind string) {
	parent := o.text(input)
	name := o.regional("elasticloadbalancing", kind+strings.Join(arnParts(parent), "/")+"/")
	first := len(o.steps)
	o.creates("elasticloadbalancing:"+call, name+"*", name+randomHex(16), "elasticloadbalancing:AddTags", "elasticloadbalancing:createaction")
	made := &o.steps[first]
	made.Resource = parent
	if r := o.referred(token, input); r != nil {
		maps.Copy(made.Context, resourceTags(made.Action, tagsOf(r)))
	}
}

// looksAtEC2 adds what Elastic Load Balancing asks of its caller beside the call itself.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-permissions.html
func looksAtEC2(o *operation, call string, actions ...string) {
	for _, a := range actions {
		o.any("ec2:" + a)
		o.asPartOf("elasticloadbalancing:" + call)
	}
}

func retagsELB(o *operation) {
	o.retags("elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags")
}
