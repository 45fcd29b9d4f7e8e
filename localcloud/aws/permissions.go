package aws

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"slipway/localcloud/cloud"
)

// needs says what must be allowed to a role that works on resources of a kind: which actions of IAM the Terraform AWS
// provider 5.100 needs, on which resources. It is written after two sources: the provider's own, internal/service/*, for the
// calls, and the Service Authorization Reference for the action, the resource and the condition keys of each. A call whose
// refusal the provider only logs is left out, as is one that waits for what the local cloud does at once.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
type needs struct {
	// Read is what a look at the resource needs, which ends each create and update.
	Read                   func(*operation)
	Create, Update, Delete func(*operation)
	// Updated is what ends an update that does not look at the resource: its tags alone are listed.
	// terraform-provider-aws, internal/provider/tags_interceptor.go
	Updated func(*operation)
	// Invoke is what the function needs.
	Invoke func(*operation)
}

// operation collects what it needs to be allowed.
type operation struct {
	*cloud.Call
	args cloud.Map
	// arn is the name of the operation's resource, or, before it has one, one like it, and tags are those that it has.
	arn   string
	tags  map[string]string
	steps []cloud.Permission
}

// Permissions implements [cloud.Needs].
func (n needs) Permissions(c *cloud.Call, o cloud.Operation) []cloud.Permission {
	op := &operation{Call: c, args: o.Args}
	if r := cmp.Or(c.Old, c.Resource); r != nil {
		op.arn, op.tags = cmp.Or(r.Text("arn"), r.ID), tagsOf(r) // where it is no output, it is the id
	}
	for _, ask := range n.of(o.Verb) {
		if ask != nil {
			ask(op)
		}
	}
	return op.steps
}

func (n needs) of(v cloud.Verb) []func(*operation) {
	switch v {
	case cloud.Create:
		return []func(*operation){n.Create, n.Read}
	case cloud.Update:
		if n.Updated != nil {
			return []func(*operation){n.Update, n.Updated}
		}
		return []func(*operation){n.Update, n.Read}
	case cloud.Delete:
		return []func(*operation){n.Delete}
	case cloud.Invoke:
		return []func(*operation){n.Invoke}
	}
	return []func(*operation){n.Read}
}

// Authorize refuses an operation to a caller with a role that may not do all of what it takes, before anything is done.
func Authorize(c *cloud.Call, permissions []cloud.Permission) error {
	role, _ := sessionRole(c.Tx, c.Caller.Identity)
	if role == nil {
		return errInvalidToken()
	}
	rights := authorityOf(c.Tx, role)
	for _, p := range permissions {
		if why := rights.denial(requestFor(p, c, role)); why != "" {
			return denied(p, c.Caller.Identity, why)
		}
	}
	return nil
}

// requestFor is the request for a permission, with the condition keys that every request has.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
func requestFor(p cloud.Permission, c *cloud.Call, role *cloud.Resource) request {
	region := c.Caller.Scope.Region
	if strings.HasPrefix(p.Action, "iam:") && p.Action != "iam:PassRole" {
		region = "us-east-1" // where IAM is, for all regions; nobody calls it to pass a role
	}
	r := request{action: p.Action, resource: p.Resource, lists: map[string][]string{}, context: map[string]string{
		"aws:principalarn": role.Text("arn"), "aws:principalaccount": role.Scope.Account,
		"aws:resourceaccount": cmp.Or(accountOf(p.Resource), c.Caller.Scope.Account), "aws:requestedregion": region, "aws:securetransport": "true",
	}}
	maps.Copy(r.context, p.Context)
	if p.TagKeys != nil {
		r.lists["aws:tagkeys"] = p.TagKeys
	}
	return r
}

// clients are the services by the prefix of their actions: what the SDK calls them, and the code with which they refuse.
var clients = map[string]struct{ name, code string }{
	"acm":                     {"ACM", "AccessDeniedException"},
	"ec2":                     {"EC2", "UnauthorizedOperation"},
	"ecr":                     {"ECR", "AccessDeniedException"},
	"ecs":                     {"ECS", "AccessDeniedException"},
	"application-autoscaling": {"Application Auto Scaling", "AccessDeniedException"},
	"cloudwatch":              {"CloudWatch", "AccessDenied"},
	"elasticloadbalancing":    {"Elastic Load Balancing v2", "AccessDenied"},
	"iam":                     {"IAM", "AccessDenied"},
	"logs":                    {"CloudWatch Logs", "AccessDeniedException"},
	"s3":                      {"S3", "AccessDenied"},
	"secretsmanager":          {"Secrets Manager", "AccessDeniedException"},
	"tag":                     {"Resource Groups Tagging API", "AccessDeniedException"},
}

// denied is the refusal of a permission in the words of its service.
func denied(p cloud.Permission, who, why string) error {
	prefix, call, _ := strings.Cut(p.API, ":")
	client := clients[prefix]
	resource := p.Resource
	if prefix == "s3" {
		resource = strconv.Quote(resource)
	}
	err := accessDenied(client.code, who, p.Action, resource, why)
	if prefix == "ec2" {
		// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
		err.Message = "You are not authorized to perform this operation. " + err.Message
	}
	return fmt.Errorf("operation error %s: %s, %w", client.name, call, err)
}

// accessDenied is how services say it. They name a resource where it could have been allowed by itself.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
func accessDenied(code, who, action, resource, why string) *cloud.Error {
	if resource != "*" {
		action += " on resource: " + resource
	}
	return cloud.Errorf(code, "User: %s is not authorized to perform: %s %s", who, action, why)
}

// any adds calls that cannot be allowed for some resources and not for others.
func (o *operation) any(actions ...string) {
	for _, a := range actions {
		o.steps = append(o.steps, cloud.Permission{API: a, Action: a, Resource: "*"})
	}
}

// on adds calls that are about the resource with the name, and no other one.
func (o *operation) on(resource string, actions ...string) {
	for _, a := range actions {
		o.steps = append(o.steps, cloud.Permission{API: a, Action: a, Resource: resource, Context: map[string]string{}})
	}
}

// own adds calls that are about the operation's resource.
func (o *operation) own(actions ...string) {
	for _, a := range actions {
		o.steps = append(o.steps, cloud.Permission{API: a, Action: a, Resource: o.arn, Context: resourceTags(a, o.tags)})
	}
}

// other adds calls that are about another resource, which an input refers to by its id.
func (o *operation) other(token, input string, actions ...string) {
	r := o.referred(token, input)
	if r == nil {
		return // the operation is going to be refused for that
	}
	for _, a := range actions {
		o.steps = append(o.steps, cloud.Permission{API: a, Action: a, Resource: r.Text("arn"), Context: resourceTags(a, tagsOf(r))})
	}
}

// referred returns the resource whose id is an input, or nil.
func (o *operation) referred(token, input string) *cloud.Resource {
	return o.Find(cloud.Ref{Token: token, Value: o.text(input)})
}

// with gives the last step a condition key.
func (o *operation) with(key, value string) *operation {
	o.steps[len(o.steps)-1].Context[key] = value
	return o
}

// asPartOf makes the last step one that IAM is asked by another call to AWS.
func (o *operation) asPartOf(api string) { o.steps[len(o.steps)-1].API = api }

// creates adds the call that makes the resource, whose name is not complete before it is there, and the call that tags it at the
// same time, which is allowed apart. That is told which call it is for, by a condition key where createAction names one. From then
// on the operation's own resource is the one of the complete name.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
func (o *operation) creates(action, incomplete, complete, tagging, createAction string) {
	tags := o.wantedTags()
	o.arn, o.tags = complete, tags
	o.steps = append(o.steps, cloud.Permission{API: action, Action: action, Resource: incomplete, Context: requestTags(tags), TagKeys: keys(tags)})
	if len(tags) == 0 {
		return
	}
	context := requestTags(tags)
	if createAction != "" {
		_, call, _ := strings.Cut(action, ":")
		context[createAction] = call
	}
	o.steps = append(o.steps, cloud.Permission{API: action, Action: tagging, Resource: incomplete, Context: context, TagKeys: keys(tags)})
}

// retags adds the calls that change the tags of a living resource, if they change.
func (o *operation) retags(tagging, untagging string) {
	now, want := o.tags, o.wantedTags()
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
		o.own(untagging)
		o.steps[len(o.steps)-1].TagKeys = keys(gone)
	}
	if len(changed) > 0 {
		o.own(tagging)
		s := &o.steps[len(o.steps)-1]
		maps.Copy(s.Context, requestTags(changed))
		s.TagKeys = keys(changed)
	}
}

// wantedTags are those that the resource is to have, the provider's defaults among them.
func (o *operation) wantedTags() map[string]string {
	t := tags{}
	if m, ok := o.Resource.Inputs["tags"].(cloud.Map); ok {
		t = texts(m)
	}
	return texts(t.all(o.Call))
}

// resourceTags are the condition keys of the tags that a resource has: IAM's, and those of the action's service where it has its
// own.
func resourceTags(action string, tags map[string]string) map[string]string {
	context := map[string]string{}
	prefix, _, _ := strings.Cut(action, ":")
	for k, v := range tags {
		k = strings.ToLower(k)
		context["aws:resourcetag/"+k] = v
		if slices.Contains(contextKeys, prefix+":resourcetag/*") {
			context[prefix+":resourcetag/"+k] = v
		}
	}
	return context
}

func tagsOf(r *cloud.Resource) map[string]string {
	m, _ := r.Outputs["tagsAll"].(cloud.Map)
	return texts(m)
}

func texts(m cloud.Map) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	return out
}

func asMap(texts map[string]string) cloud.Map {
	out := cloud.Map{}
	for k, v := range texts {
		out[k] = v
	}
	return out
}

func requestTags(tags map[string]string) map[string]string {
	context := map[string]string{}
	for k, v := range tags {
		context["aws:requesttag/"+strings.ToLower(k)] = v
	}
	return context
}

func keys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// changed are the inputs that an update changes.
func (o *operation) changed() []string {
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

// changes tells whether an update changes one of the inputs.
func (o *operation) changes(inputs ...string) bool {
	return slices.ContainsFunc(o.changed(), func(p string) bool { return slices.Contains(inputs, p) })
}

// changesMoreThan tells whether an update changes an input other than these.
func (o *operation) changesMoreThan(inputs ...string) bool {
	return slices.ContainsFunc(o.changed(), func(p string) bool { return !slices.Contains(inputs, p) })
}

// text returns an input that is a text.
func (o *operation) text(input string) string {
	s, _ := o.Resource.Inputs[input].(string)
	return s
}

// given tells whether the inputs say something of it, true where it is a switch.
func (o *operation) given(input string) bool {
	if b, ok := o.Resource.Inputs[input].(bool); ok {
		return b
	}
	return given(o.Resource.Inputs[input])
}

// name returns the name that the resource has or will have, by its inputs for the name and the name's prefix.
func (o *operation) name(name, prefix string) string {
	return cmp.Or(o.Resource.Text(name), o.text(name), o.text(prefix)+uniqueSuffix())
}

// regional and iam make the names of resources in the caller's account.
func (o *operation) regional(service, resource string) string {
	return arn(o.Caller.Scope, service, resource)
}

func (o *operation) iam(resource string) string {
	return "arn:aws:iam::" + o.Caller.Scope.Account + ":" + resource
}

// serviceRole adds the role that a service makes for itself in an account that does not have it yet: so that a policy that lacks
// the permission is found out, every account is taken for new.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
func (o *operation) serviceRole(service, role, api string) {
	o.on(o.iam("role/aws-service-role/"+service+"/"+role), "iam:CreateServiceLinkedRole")
	o.with("iam:awsservicename", service).asPartOf(api)
}

func unimplemented(what string) error { return fmt.Errorf("%s: %w", what, cloud.ErrUnimplemented) }
