package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"slipway/internal/stack"
)

// orphan is a resource that belongs to the stack and is not in its state.
type orphan struct {
	tokens []string // its possible types in Pulumi; mostly one
	id     string   // for its import
	name   string   // its Name tag, or another name that identifies it best
	// wanted is the creation of an update that it can replace; nil if the program wants no such resource, or a different one.
	wanted *stack.Creation
}

func (o orphan) rank() int { return rank(o.tokens[0]) }

// known is the content of a state.
type known struct {
	ids  map[string]bool // and ARNs
	urns map[resource.URN]bool
	arns []string
	// balancer is the DNS name of the load balancer in the last successful update's outputs.
	balancer string
}

func knownOf(deployment apitype.DeploymentV3) known {
	k := known{ids: map[string]bool{}, urns: map[resource.URN]bool{}}
	for _, r := range deployment.Resources {
		k.urns[r.URN] = true
		if r.Type == resource.RootStackType {
			k.balancer, _ = r.Outputs["loadBalancerDnsName"].(string)
		}
		if !r.Custom {
			continue
		}
		if arn, ok := r.Outputs["arn"].(string); ok {
			k.ids[arn] = true
			k.arns = append(k.arns, arn)
		}
		k.ids[string(r.ID)] = true
	}
	return k
}

// hasParent reports whether a creation's parent exists. An import makes the stack itself if the state is empty.
func (k known) hasParent(c stack.Creation) bool {
	return k.urns[c.Parent] || c.Parent != "" && c.Parent.QualifiedType() == resource.RootStackType
}

// The kinds without tags that make an update fail if they exist already. The others are deleted with their owner, or created again.
const (
	routeToken       = "aws:ec2/route:Route"
	associationToken = "aws:ec2/routeTableAssociation:RouteTableAssociation"
	recordToken      = "cloudflare:index/record:Record"
	// AWS makes a VPC's own security group. The program only gives it rules and tags, and an update does that again.
	adoptedGroupToken = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
)

// questionOf returns the question about a stack with the given creations of its next update.
func questionOf(project, stackName string, creations []stack.Creation) question {
	q := question{project: project, stack: stackName[strings.LastIndex(stackName, "/")+1:]}
	for _, c := range creations {
		switch c.URN.Type() {
		case routeToken, associationToken:
			if table := text(c, "routeTableId"); isKnown(table) {
				q.tables = append(q.tables, table)
			}
		case recordToken:
			if r, ok := recordOf(c); ok {
				q.records = append(q.records, r)
			}
		}
	}
	slices.Sort(q.tables)
	q.tables = slices.Compact(q.tables)
	return q
}

// orphans finds the resources in an answer that are not in the state, in order of deletion.
func orphans(a answer, state known, creations []stack.Creation) []orphan {
	var found []orphan
	for _, t := range a.tagged {
		if state.ids[t.arn] || isKept(t.arn) {
			continue
		}
		k, rest := kindOf(t.arn)
		if k == nil {
			found = append(found, orphan{id: t.arn, name: t.tags["Name"], tokens: []string{""}})
			continue
		}
		o := orphan{tokens: k.tokens, id: k.id(t.arn, rest), name: t.tags["Name"]}
		if state.ids[o.id] {
			continue
		}
		matching := named(creations, t.tags["Name"], append([]string{adoptedGroupToken}, k.tokens...))
		if len(matching) == 1 && matching[0].URN.Type() == adoptedGroupToken && k.resource == "security-group/" {
			continue
		}
		if len(matching) == 1 && k.canBe(matching[0]) && state.hasParent(matching[0]) {
			o.wanted, o.tokens = &matching[0], []string{string(matching[0].URN.Type())}
		}
		found = append(found, o)
	}
	found = append(found, a.untagged(state, creations)...)
	unambiguous(found)
	slices.SortStableFunc(found, func(a, b orphan) int { return cmp.Compare(a.rank(), b.rank()) })
	return found
}

// canBe reports whether an update would accept an imported resource of the kind as the one that it would create.
func (k *kind) canBe(c stack.Creation) bool {
	return !k.named && (k.within == "" || isKnown(text(c, k.within)))
}

// named returns the creations of some kinds that would have a Name tag.
func named(creations []stack.Creation, name string, tokens []string) []stack.Creation {
	var out []stack.Creation
	for _, c := range creations {
		tags, _ := c.Inputs["tags"].(map[string]any)
		if name != "" && tags["Name"] == name && slices.Contains(tokens, string(c.URN.Type())) {
			out = append(out, c)
		}
	}
	return out
}

// untagged finds existing resources that block creations.
func (a answer) untagged(state known, creations []stack.Creation) []orphan {
	var found []orphan
	for i, c := range creations {
		token := string(c.URN.Type())
		id := ""
		switch token {
		case routeToken:
			r := route{text(c, "routeTableId"), text(c, "destinationCidrBlock") + text(c, "destinationIpv6CidrBlock")}
			if a.routes[r] {
				id = r.table + "_" + r.destination
			}
		case associationToken:
			s := association{text(c, "routeTableId"), text(c, "subnetId")}
			if a.associations[s] {
				id = s.subnet + "/" + s.table
			}
		case recordToken:
			if r, ok := recordOf(c); ok && !state.ids[a.records[r].id] && a.leadsHere(a.records[r].content, state) {
				id = r.zoneID + "/" + a.records[r].id
			}
		}
		if id != "" && state.hasParent(c) {
			found = append(found, orphan{tokens: []string{token}, id: id, name: c.URN.Name(), wanted: &creations[i]})
		}
	}
	return found
}

// unambiguous makes sure that no two orphans replace one resource, because the right one is not known.
func unambiguous(found []orphan) {
	count := map[resource.URN]int{}
	for _, o := range found {
		if o.wanted != nil {
			count[o.wanted.URN]++
		}
	}
	for i, o := range found {
		if o.wanted != nil && count[o.wanted.URN] > 1 {
			found[i].wanted = nil
		}
	}
}

// leadsHere reports whether a record's content is the name of one of the stack's load balancers, even an unknown or deleted one. Other
// records do not belong to the stack. The name is NAME-NUMBER.REGION.elb.amazonaws.com.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
func (a answer) leadsHere(content string, state known) bool {
	if content != "" && strings.EqualFold(content, state.balancer) {
		return true
	}
	arns := slices.Clone(state.arns)
	for _, t := range a.tagged {
		arns = append(arns, t.arn)
	}
	return slices.ContainsFunc(arns, func(text string) bool {
		named, _ := arn.Parse(text)                // for another text, the result is empty
		path := strings.Split(named.Resource, "/") // loadbalancer/app/NAME/ID
		return len(path) == 4 && path[0] == "loadbalancer" && strings.HasPrefix(strings.ToLower(content), strings.ToLower(path[2])+"-") &&
			strings.HasSuffix(content, ".elb.amazonaws.com")
	})
}

// recordOf returns the record that an update would create, if it is known before the update.
func recordOf(c stack.Creation) (record, bool) {
	r := record{text(c, "zoneId"), text(c, "name")}
	return r, text(c, "type") == "CNAME" && isKnown(r.zoneID) && isKnown(r.name)
}

func text(c stack.Creation, input string) string {
	s, _ := c.Inputs[input].(string)
	return s
}

// unknown is the engine's text, in its events, for a value that is not known before an update (plugin.UnknownStringValue).
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

func isKnown(s string) bool { return s != "" && s != unknown }
