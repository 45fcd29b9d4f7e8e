// Package permission collects the permissions that an operation needs.
package permission

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

// Needs has the permissions that a role needs for resources of a kind: the IAM actions of the Terraform AWS provider 5.100, and their
// resources. It has two sources: the provider's code, internal/service/*, for the calls, and the Service Authorization Reference for
// the action, the resource and the condition keys of each. It leaves out calls whose refusal the provider only logs, and waits for what
// the local cloud does at once.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
type Needs struct {
	// Read is what a read of the resource needs, which ends each create and update.
	Read                   func(*Operation)
	Create, Update, Delete func(*Operation)
	// Updated is the end of an update that does not read the resource: it only lists the tags. terraform-provider-aws,
	// internal/provider/tags_interceptor.go
	Updated func(*Operation)
	// Invoke is what the function needs.
	Invoke func(*Operation)
}

// Operation collects its needed permissions.
type Operation struct {
	*cloud.Call
	Args cloud.Map
	// ARN is the name of the operation's resource, or, before it has one, a similar one, and tags are its tags.
	ARN   string
	Tags  map[string]string
	Steps []cloud.Permission
}

// Permissions implements [cloud.Needs].
func (n Needs) Permissions(c *cloud.Call, o cloud.Operation) []cloud.Permission {
	op := &Operation{Call: c, Args: o.Args}
	if r := cmp.Or(c.Old, c.Resource); r != nil {
		op.ARN, op.Tags = cmp.Or(r.Text("arn"), r.ID), tags.Of(r) // if it is not an output, it is the id
	}
	for _, ask := range n.of(o.Verb) {
		if ask != nil {
			ask(op)
		}
	}
	return op.Steps
}

func (n Needs) of(v cloud.Verb) []func(*Operation) {
	switch v {
	case cloud.Create:
		return []func(*Operation){n.Create, n.Read}
	case cloud.Update:
		if n.Updated != nil {
			return []func(*Operation){n.Update, n.Updated}
		}
		return []func(*Operation){n.Update, n.Read}
	case cloud.Delete:
		return []func(*Operation){n.Delete}
	case cloud.Invoke:
		return []func(*Operation){n.Invoke}
	}
	return []func(*Operation){n.Read}
}

// Any adds calls that cannot be allowed for some resources and not for others.
func (o *Operation) Any(actions ...string) {
	for _, a := range actions {
		o.Steps = append(o.Steps, cloud.Permission{API: a, Action: a, Resource: "*"})
	}
}

// On adds calls that are about the resource with the name, and no other one.
func (o *Operation) On(resource string, actions ...string) {
	for _, a := range actions {
		o.Steps = append(o.Steps, cloud.Permission{API: a, Action: a, Resource: resource, Context: map[string]string{}})
	}
}

// Own adds calls that are about the operation's resource.
func (o *Operation) Own(actions ...string) {
	for _, a := range actions {
		o.Steps = append(o.Steps, cloud.Permission{API: a, Action: a, Resource: o.ARN, Context: ResourceTags(a, o.Tags)})
	}
}

// Other adds calls that are about another resource, which an input refers to by its id.
func (o *Operation) Other(token, input string, actions ...string) {
	r := o.Referred(token, input)
	if r == nil {
		return // the operation is going to be refused for that
	}
	for _, a := range actions {
		o.Steps = append(o.Steps, cloud.Permission{API: a, Action: a, Resource: r.Text("arn"), Context: ResourceTags(a, tags.Of(r))})
	}
}

// Referred returns the resource whose id is an input, or nil.
func (o *Operation) Referred(token, input string) *cloud.Resource {
	return o.Find(cloud.Ref{Token: token, Value: o.Text(input)})
}

// With gives the last step a condition key.
func (o *Operation) With(key, value string) *Operation {
	o.Steps[len(o.Steps)-1].Context[key] = value
	return o
}

// AsPartOf makes the last step one that another call to AWS checks with IAM.
func (o *Operation) AsPartOf(api string) { o.Steps[len(o.Steps)-1].API = api }

// Creates adds the call that makes the resource, whose name is complete only after its creation, and the call that tags it at the same
// time, which needs a separate permission. A condition key names the creating call if createAction is given. From then on the
// operation's resource has the complete name.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
func (o *Operation) Creates(action, incomplete, complete, tagging, createAction string) {
	tags := o.WantedTags()
	o.ARN, o.Tags = complete, tags
	o.Steps = append(o.Steps, cloud.Permission{API: action, Action: action, Resource: incomplete, Context: RequestTags(tags), TagKeys: untyped.Keys(tags)})
	if len(tags) == 0 {
		return
	}
	context := RequestTags(tags)
	if createAction != "" {
		_, call, _ := strings.Cut(action, ":")
		context[createAction] = call
	}
	o.Steps = append(o.Steps, cloud.Permission{API: action, Action: tagging, Resource: incomplete, Context: context, TagKeys: untyped.Keys(tags)})
}

// Retags adds the calls that change the tags of a living resource, if they change.
func (o *Operation) Retags(tagging, untagging string) {
	now, want := o.Tags, o.WantedTags()
	changed := map[string]string{}
	for k, v := range want {
		if old, ok := now[k]; !ok || old != v {
			changed[k] = v
		}
	}
	gone := map[string]string{}
	for k, v := range now {
		if _, ok := want[k]; !ok {
			gone[k] = v
		}
	}
	if len(gone) > 0 {
		o.Own(untagging)
		o.Steps[len(o.Steps)-1].TagKeys = untyped.Keys(gone)
	}
	if len(changed) > 0 {
		o.Own(tagging)
		s := &o.Steps[len(o.Steps)-1]
		maps.Copy(s.Context, RequestTags(changed))
		s.TagKeys = untyped.Keys(changed)
	}
}

// WantedTags are the resource's wanted tags, including the provider's defaults.
func (o *Operation) WantedTags() map[string]string {
	t := tags.Tags{}
	if m, ok := o.Resource.Inputs["tags"].(cloud.Map); ok {
		t = untyped.Texts(m)
	}
	return untyped.Texts(t.All(o.Call))
}

// ResourceTags are the condition keys of a resource's tags: IAM's, and those of the action's service if it has its own.
func ResourceTags(action string, tags map[string]string) map[string]string {
	context := map[string]string{}
	prefix, _, _ := strings.Cut(action, ":")
	for k, v := range tags {
		k = strings.ToLower(k)
		context["aws:resourcetag/"+k] = v
		if slices.Contains(policy.ContextKeys, prefix+":resourcetag/*") {
			context[prefix+":resourcetag/"+k] = v
		}
	}
	return context
}

// RequestTags are the condition keys of the tags that a request sends.
func RequestTags(tags map[string]string) map[string]string {
	context := map[string]string{}
	for k, v := range tags {
		context["aws:requesttag/"+strings.ToLower(k)] = v
	}
	return context
}

// Changed are the inputs that an update changes.
func (o *Operation) Changed() []string {
	var out []string
	for _, m := range []cloud.Map{o.Old.Inputs, o.Resource.Inputs} {
		for p := range m {
			// Those that begin so are the engine's notes.
			if !strings.HasPrefix(p, "__") && !reflect.DeepEqual(o.Old.Inputs[p], o.Resource.Inputs[p]) {
				out = append(out, p)
			}
		}
	}
	return out
}

// Changes reports whether an update changes one of the inputs.
func (o *Operation) Changes(inputs ...string) bool {
	return slices.ContainsFunc(o.Changed(), func(p string) bool { return slices.Contains(inputs, p) })
}

// ChangesMoreThan reports whether an update changes an input other than these.
func (o *Operation) ChangesMoreThan(inputs ...string) bool {
	return slices.ContainsFunc(o.Changed(), func(p string) bool { return !slices.Contains(inputs, p) })
}

// Text returns an input that is a text.
func (o *Operation) Text(input string) string {
	s, _ := o.Resource.Inputs[input].(string)
	return s
}

// Given reports whether the input is given, and true if it is a switch.
func (o *Operation) Given(input string) bool {
	if b, ok := o.Resource.Inputs[input].(bool); ok {
		return b
	}
	return untyped.Given(o.Resource.Inputs[input])
}

// Name returns the name that the resource has or will have, by its inputs for the name and the name's prefix.
func (o *Operation) Name(name, prefix string) string {
	return cmp.Or(o.Resource.Text(name), o.Text(name), o.Text(prefix)+ids.Suffix())
}

// Regional and iam make the names of resources in the caller's account.
func (o *Operation) Regional(service, resource string) string {
	return arns.New(o.Caller.Scope, service, resource)
}

// IAM makes the name of a resource of IAM in the caller's account.
func (o *Operation) IAM(resource string) string {
	return arns.Global("iam", o.Caller.Scope.Account, resource)
}

// ServiceRole adds the role that a service makes for itself in an account that does not have it yet: so that a policy that lacks
// the permission is found out, every account is taken for new.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
func (o *Operation) ServiceRole(service, role, api string) {
	o.On(o.IAM("role/aws-service-role/"+service+"/"+role), "iam:CreateServiceLinkedRole")
	o.With("iam:awsservicename", service).AsPartOf(api)
}
