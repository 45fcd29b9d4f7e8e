package aws

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/cloud"
)

const (
	roleToken                 = "aws:iam/role:Role"
	rolePolicyToken           = "aws:iam/rolePolicy:RolePolicy"
	rolePolicyAttachmentToken = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
	policyToken               = "aws:iam/policy:Policy"
)

func iamKinds() []any {
	return []any{Role, RolePolicy, RolePolicyAttachment, ManagedPolicy, getPolicyDocument, getRole, getRoles}
}

// iamPropagation is how long the provider waits for one change in IAM to be seen by the next.
const iamPropagation = 2 * time.Minute

type role struct {
	Name                string   `json:"name"`
	NamePrefix          string   `json:"namePrefix"`
	Path                string   `json:"path"`
	ForceDetachPolicies bool     `json:"forceDetachPolicies"`
	AssumeRolePolicy    document `json:"assumeRolePolicy"`
	Description         string   `json:"description"`
	MaxSessionDuration  int      `json:"maxSessionDuration"`
	PermissionsBoundary string   `json:"permissionsBoundary"`
	ManagedPolicyARNs   []string `json:"managedPolicyArns"`
	InlinePolicies      []struct {
		Name   string   `json:"name"`
		Policy document `json:"policy"`
	} `json:"inlinePolicies"`
	Tags tags `json:"tags"`
}

// Role is an identity that services take on, and whose policies then say what they may do.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
var Role = &cloud.Kind[role]{
	Spec: cloud.Spec{
		Token:    roleToken,
		Label:    "IAM Role",
		Needs:    roleNeeds,
		JSON:     []string{"assumeRolePolicy"},
		Filled:   cloud.Map{"inlinePolicies": []any{}, "managedPolicyArns": []any{}},
		Global:   true,
		Defaults: cloud.Map{"maxSessionDuration": 3600.0, "path": "/", "forceDetachPolicies": false},
		AutoName: &cloud.AutoName{Property: "name", Max: 64},
		Replace:  []string{"name", "namePrefix", "path"},
		Computed: []string{"inlinePolicies", "managedPolicyArns", "name", "namePrefix"},
		Sets:     []string{"managedPolicyArns", "inlinePolicies"},
		Normal:   map[string]func(any) any{"assumeRolePolicy": normalPolicy, "inlinePolicies": normalInlinePolicies},
		Latency:  cloud.Latency{Create: 2, Delete: 1},
		Patience: iamPropagation,
		NotFound: notFound("NoSuchEntity", "The role with name %s cannot be found."),
		InUse: func(_, by *cloud.Resource) *cloud.Error {
			if by.Token == rolePolicyToken {
				return cloud.Errorf("DeleteConflict", "Cannot delete entity, must delete policies first.")
			}
			return cloud.Errorf("DeleteConflict", "Cannot delete entity, must detach all policies first.")
		},
		Seen: func(tx *cloud.Tx, r *cloud.Resource) {
			inside := slices.ContainsFunc(tx.List(r.Scope, rolePolicyToken), func(p *cloud.Resource) bool { return p.Inputs["role"] == r.ID })
			if inside != cloud.StatusOf[roleStatus](r).InlinePolicies {
				r = r.Clone()
				r.SetStatus(roleStatus{InlinePolicies: inside})
				tx.Put(r)
			}
		},
	},
	Check: func(in *role) []cloud.Failure {
		failures := slices.Concat(
			checkIAMName("name", in.Name, 64), checkIAMName("namePrefix", in.NamePrefix, 64-suffixLength),
			in.AssumeRolePolicy.check("assumeRolePolicy"),
		)
		for i, p := range in.InlinePolicies {
			failures = append(failures, p.Policy.check(fmt.Sprintf("inlinePolicies[%d].policy", i))...)
		}
		if d := in.MaxSessionDuration; d != 0 && (d < 3600 || d > 43200) {
			failures = append(failures, cloud.Failure{
				Property: "maxSessionDuration", Reason: fmt.Sprintf("expected max_session_duration to be in the range (3600 - 43200), got %d", d),
			})
		}
		if len(in.Path) > 512 {
			failures = append(failures, cloud.Failure{Property: "path", Reason: "expected length of path to be in the range (0 - 512)"})
		}
		if in.PermissionsBoundary != "" && !policyARN.MatchString(in.PermissionsBoundary) {
			failures = append(failures, cloud.Failure{
				Property: "permissionsBoundary", Reason: fmt.Sprintf("(%s) is an invalid ARN: not the ARN of a policy", in.PermissionsBoundary),
			})
		}
		if len(in.Description) > 1000 {
			failures = append(failures, cloud.Failure{Property: "description", Reason: "expected length of description to be in the range (0 - 1000)"})
		}
		return failures
	},
	// A policy stays for as long as a role has it, or has it as its boundary. That there is none is for Outputs to say, in other
	// words.
	Refs: func(_ *cloud.Call, in *role) []cloud.Ref {
		var refs []cloud.Ref
		for _, arn := range append(slices.Clone(in.ManagedPolicyARNs), in.PermissionsBoundary) {
			refs = append(refs, cloud.Ref{Token: policyToken, Value: arn, Lenient: true})
		}
		return refs
	},
	Outputs: func(c *cloud.Call, in *role) (cloud.Map, error) {
		if !iamPath.MatchString(in.Path) {
			return nil, cloud.Errorf("ValidationError", "The specified value for path is invalid. It must begin and end with / and contain only "+
				"alphanumeric characters and/or / characters.")
		}
		if b := in.PermissionsBoundary; b != "" {
			if err := attachable(c, b, "Scope ARN:"); err != nil {
				return nil, err
			}
		}
		if _, err := in.AssumeRolePolicy.trustPolicy(c.Tx); err != nil {
			return nil, err
		}
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
		if in.AssumeRolePolicy.size() > 2048 {
			return nil, cloud.Errorf("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
		}
		for _, p := range in.InlinePolicies {
			if _, err := p.Policy.identityPolicy(); err != nil {
				return nil, err
			}
		}
		for _, name := range in.ManagedPolicyARNs {
			if err := attachable(c, name, "Policy"); err != nil {
				return nil, err
			}
		}
		if err := in.reattach(c); err != nil {
			return nil, err
		}
		out := cloud.Map{"tagsAll": in.Tags.all(c)}
		if err := tagRole(c, out); err != nil || c.Old != nil {
			return out, err
		}
		name := in.Name
		if name == "" {
			name = in.NamePrefix + uniqueSuffix()
		}
		// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html: names are not distinguished by case.
		for _, r := range c.Tx.List(c.Resource.Scope, roleToken) {
			if strings.EqualFold(r.ID, name) {
				return nil, cloud.Errorf("EntityAlreadyExists", "Role with name %s already exists.", name)
			}
		}
		c.Resource.ID = name
		out["name"] = name
		out["arn"] = "arn:aws:iam::" + c.Caller.Scope.Account + ":role" + in.Path + name
		out["uniqueId"] = "AROA" + randomID(17)
		out["createDate"] = timestamp(time.Now())
		return out, nil
	},
	Release: func(c *cloud.Call, in *role) error {
		// Before it deletes the role, the provider takes away all of its policies if told to, and those inside it if the last read showed
		// any (terraform-provider-aws, internal/service/iam, resourceRoleDelete).
		var tokens []string
		if in.ForceDetachPolicies || cloud.StatusOf[roleStatus](c.Resource).InlinePolicies {
			tokens = append(tokens, rolePolicyToken)
		}
		if in.ForceDetachPolicies {
			tokens = append(tokens, rolePolicyAttachmentToken)
		}
		return c.Store.Update(func(tx *cloud.Tx) error {
			for _, token := range tokens {
				for _, r := range tx.List(c.Resource.Scope, token) {
					if r.Inputs["role"] != c.Resource.ID {
						continue
					}
					tx.Delete(r.Key)
					if arn, ok := r.Inputs["policyArn"].(string); ok {
						attach(tx, r.Scope, -1, arn)
					}
				}
			}
			return nil
		})
	},
	Delete: func(c *cloud.Call, in *role) error {
		attach(c.Tx, c.Resource.Scope, -1, in.ManagedPolicyARNs...)
		return nil
	},
}

var roleNeeds = needs{
	Create: func(o *operation) {
		name := o.iam("role" + o.text("path") + o.name("name", "namePrefix"))
		o.creates("iam:CreateRole", name, name, "iam:TagRole", "")
		if b := o.text("permissionsBoundary"); b != "" {
			o.steps[0].Context["iam:permissionsboundary"] = b
		}
		for range list(o.Resource.Inputs["inlinePolicies"]) {
			bounded(o, o.Resource, "iam:PutRolePolicy")
		}
		attaches(o, o.Resource, list(o.Resource.Inputs["managedPolicyArns"]), "iam:AttachRolePolicy")
	},
	Read: func(o *operation) {
		o.own("iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies")
		if hasInlinePolicies(o) {
			o.own("iam:GetRolePolicy")
		}
	},
	Update: func(o *operation) {
		for _, change := range []struct{ input, action string }{
			{"assumeRolePolicy", "iam:UpdateAssumeRolePolicy"},
			{"description", "iam:UpdateRoleDescription"},
			{"maxSessionDuration", "iam:UpdateRole"},
		} {
			if o.changes(change.input) {
				o.own(change.action)
			}
		}
		if o.changes("permissionsBoundary") {
			if b := o.text("permissionsBoundary"); b != "" {
				o.own("iam:PutRolePermissionsBoundary")
				o.with("iam:permissionsboundary", b)
			} else {
				bounded(o, o.Old, "iam:DeleteRolePermissionsBoundary")
			}
		}
		if o.changes("inlinePolicies") {
			was, want := list(o.Old.Inputs["inlinePolicies"]), list(o.Resource.Inputs["inlinePolicies"])
			if len(without(was, want)) > 0 {
				bounded(o, o.Resource, "iam:DeleteRolePolicy")
			}
			if len(without(want, was)) > 0 {
				bounded(o, o.Resource, "iam:PutRolePolicy")
			}
		}
		was, want := list(o.Old.Inputs["managedPolicyArns"]), list(o.Resource.Inputs["managedPolicyArns"])
		attaches(o, o.Resource, without(was, want), "iam:DetachRolePolicy")
		attaches(o, o.Resource, without(want, was), "iam:AttachRolePolicy")
		o.retags("iam:TagRole", "iam:UntagRole")
	},
	Delete: func(o *operation) {
		o.own("iam:ListInstanceProfilesForRole")
		force := o.given("forceDetachPolicies")
		if managed := list(o.Resource.Inputs["managedPolicyArns"]); force || len(managed) > 0 {
			o.own("iam:ListAttachedRolePolicies")
			for _, r := range o.Tx.List(o.Resource.Scope, rolePolicyAttachmentToken) {
				if r.Inputs["role"] == o.Resource.ID && force {
					managed = append(managed, r.Inputs["policyArn"])
				}
			}
			attaches(o, o.Resource, managed, "iam:DetachRolePolicy")
		}
		if inline := list(o.Resource.Inputs["inlinePolicies"]); force || len(inline) > 0 {
			o.own("iam:ListRolePolicies")
			if hasInlinePolicies(o) {
				bounded(o, o.Resource, "iam:DeleteRolePolicy")
			}
		}
		o.own("iam:DeleteRole")
	},
}

// roleStatus is what the provider remembers of a role: whether there were policies inside it when it was last read.
type roleStatus struct{ InlinePolicies bool }

type rolePolicy struct {
	Name       string   `json:"name"`
	NamePrefix string   `json:"namePrefix"`
	Role       string   `json:"role"`
	Policy     document `json:"policy"`
}

// RolePolicy is a policy inside a role. Putting a second one of the same name replaces the first.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
var RolePolicy = &cloud.Kind[rolePolicy]{
	Spec: cloud.Spec{
		Token:    rolePolicyToken,
		Label:    "IAM Role Policy",
		Needs:    rolePolicyNeeds,
		JSON:     []string{"policy"},
		Global:   true,
		AutoName: &cloud.AutoName{Property: "name", Max: 128},
		Replace:  []string{"name", "namePrefix", "role"},
		Computed: []string{"name", "namePrefix"},
		Normal:   map[string]func(any) any{"policy": normalPolicy},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: notFound("NoSuchEntity", "The role policy with name %s cannot be found."),
	},
	Check: func(in *rolePolicy) []cloud.Failure {
		return slices.Concat(checkIAMName("name", in.Name, 128), in.Policy.check("policy"))
	},
	Refs: func(_ *cloud.Call, in *rolePolicy) []cloud.Ref {
		return []cloud.Ref{{Token: roleToken, Value: in.Role}}
	},
	Outputs: func(c *cloud.Call, in *rolePolicy) (cloud.Map, error) {
		if _, err := in.Policy.identityPolicy(); err != nil {
			return nil, err
		}
		size := in.Policy.size()
		for _, r := range c.Tx.Where(c.Resource.Scope, rolePolicyToken, "role", in.Role) {
			if r.ID != c.Resource.ID {
				size += cloud.InputsOf[rolePolicy](r).Policy.size()
			}
		}
		if size > 10240 {
			return nil, cloud.Errorf("LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role %s", in.Role)
		}
		if c.Old != nil {
			return nil, nil
		}
		name := in.Name
		if name == "" {
			name = in.NamePrefix + uniqueSuffix()
		}
		c.Resource.ID = in.Role + ":" + name
		return cloud.Map{"name": name}, nil
	},
}

var rolePolicyNeeds = needs{
	Create: func(o *operation) { onRole(o, "iam:PutRolePolicy") },
	Read:   func(o *operation) { onRole(o, "iam:GetRolePolicy") },
	Update: func(o *operation) { onRole(o, "iam:PutRolePolicy") },
	Delete: func(o *operation) { onRole(o, "iam:DeleteRolePolicy") },
}

type rolePolicyAttachment struct {
	Role      string `json:"role"`
	PolicyARN string `json:"policyArn"`
}

// RolePolicyAttachment gives a role a policy that exists by itself.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html
var RolePolicyAttachment = &cloud.Kind[rolePolicyAttachment]{
	Spec: cloud.Spec{
		Token:   rolePolicyAttachmentToken,
		Label:   "IAM Role Policy Attachment",
		Needs:   rolePolicyAttachmentNeeds,
		Global:  true,
		Replace: []string{"role", "policyArn"},
		Latency: cloud.Latency{Create: 1, Delete: 1},
		// https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/iam_role_policy_attachment#import
		Import: func(tx *cloud.Tx, s cloud.Scope, id string) string {
			role, policy, _ := strings.Cut(id, "/")
			for _, r := range tx.List(s, rolePolicyAttachmentToken) {
				if r.Inputs["role"] == role && r.Inputs["policyArn"] == policy {
					return r.ID
				}
			}
			return ""
		},
	},
	Refs: func(_ *cloud.Call, in *rolePolicyAttachment) []cloud.Ref {
		refs := []cloud.Ref{{Token: roleToken, Value: in.Role}}
		if !strings.HasPrefix(in.PolicyARN, awsManaged) {
			refs = append(refs, cloud.Ref{Token: policyToken, Value: in.PolicyARN})
		}
		return refs
	},
	Outputs: func(c *cloud.Call, in *rolePolicyAttachment) (cloud.Map, error) {
		if err := attachable(c, in.PolicyARN, "Policy"); err != nil {
			return nil, err
		}
		attached := 0
		for _, r := range c.Tx.List(c.Resource.Scope, rolePolicyAttachmentToken) {
			if r.Inputs["role"] == in.Role && r.ID != c.Resource.ID {
				attached++
			}
		}
		if attached >= 10 {
			return nil, cloud.Errorf("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")
		}
		if c.Old == nil {
			c.Resource.ID = in.Role + "-" + uniqueSuffix() // made up by the provider: an attachment has no id
			attach(c.Tx, c.Resource.Scope, 1, in.PolicyARN)
		}
		return nil, nil
	},
	Delete: func(c *cloud.Call, in *rolePolicyAttachment) error {
		attach(c.Tx, c.Resource.Scope, -1, in.PolicyARN)
		return nil
	},
}

var rolePolicyAttachmentNeeds = needs{
	Create: func(o *operation) { onRole(o, "iam:AttachRolePolicy") },
	Read:   func(o *operation) { onRole(o, "iam:ListAttachedRolePolicies") },
	Delete: func(o *operation) { onRole(o, "iam:DetachRolePolicy") },
}

type customerPolicy struct {
	Name        string   `json:"name"`
	NamePrefix  string   `json:"namePrefix"`
	Path        string   `json:"path"`
	Description string   `json:"description"`
	Policy      document `json:"policy"`
	Tags        tags     `json:"tags"`
}

// ManagedPolicy is an account's own policy, to be attached to its roles.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html
var ManagedPolicy = &cloud.Kind[customerPolicy]{
	Spec: cloud.Spec{
		Token:    policyToken,
		Label:    "IAM Policy",
		Needs:    managedPolicyNeeds,
		JSON:     []string{"policy"},
		Global:   true,
		Defaults: cloud.Map{"path": "/"},
		AutoName: &cloud.AutoName{Property: "name", Max: 128},
		Replace:  []string{"name", "namePrefix", "path", "description"},
		Computed: []string{"name", "namePrefix"},
		Normal:   map[string]func(any) any{"policy": normalPolicy},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		Patience: iamPropagation,
		NotFound: noSuchPolicy,
		InUse: func(_, _ *cloud.Resource) *cloud.Error {
			return cloud.Errorf("DeleteConflict", "Cannot delete a policy attached to entities.")
		},
	},
	Check: func(in *customerPolicy) []cloud.Failure {
		return slices.Concat(
			checkIAMName("name", in.Name, 128), checkIAMName("namePrefix", in.NamePrefix, 128-suffixLength), in.Policy.check("policy"),
		)
	},
	Outputs: func(c *cloud.Call, in *customerPolicy) (cloud.Map, error) {
		if _, err := in.Policy.identityPolicy(); err != nil {
			return nil, err
		}
		if in.Policy.size() > 6144 {
			return nil, cloud.Errorf("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
		}
		out := cloud.Map{"tagsAll": in.Tags.all(c), "attachmentCount": 0.0}
		if c.Old != nil {
			delete(out, "attachmentCount")
			return out, nil
		}
		name := in.Name
		if name == "" {
			name = in.NamePrefix + uniqueSuffix()
		}
		for _, r := range c.Tx.List(c.Resource.Scope, policyToken) {
			if n, _ := r.Outputs["name"].(string); strings.EqualFold(n, name) {
				return nil, cloud.Errorf("EntityAlreadyExists", "A policy called %s already exists. Duplicate names are not allowed.", name)
			}
		}
		c.Resource.ID = "arn:aws:iam::" + c.Caller.Scope.Account + ":policy" + in.Path + name
		out["name"] = name
		out["arn"] = c.Resource.ID
		out["policyId"] = "ANPA" + randomID(17)
		return out, nil
	},
}

var managedPolicyNeeds = needs{
	Create: func(o *operation) {
		name := o.iam("policy" + o.text("path") + o.name("name", "namePrefix"))
		o.creates("iam:CreatePolicy", name, name, "iam:TagPolicy", "")
	},
	Read: func(o *operation) { o.own("iam:GetPolicy", "iam:GetPolicyVersion") },
	// How many versions a policy has is not modelled. It is taken to have as many as it can, of which one must go before there
	// is another one, and all before the policy itself can.
	Update: func(o *operation) {
		if o.changes("policy") {
			o.own("iam:ListPolicyVersions", "iam:DeletePolicyVersion", "iam:CreatePolicyVersion")
		}
		o.retags("iam:TagPolicy", "iam:UntagPolicy")
	},
	Delete: func(o *operation) { o.own("iam:ListPolicyVersions", "iam:DeletePolicyVersion", "iam:DeletePolicy") },
}

// awsManaged begins the names of the policies that AWS has in every account.
const awsManaged = "arn:aws:iam::aws:policy/"

// awsPolicies are those of them that the local cloud has.
var awsPolicies = map[string]document{
	// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonECSTaskExecutionRolePolicy.html
	awsManaged + "service-role/AmazonECSTaskExecutionRolePolicy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` +
		`"ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage",` +
		`"logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}`,
	// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AdministratorAccess.html
	awsManaged + "AdministratorAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
	// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/PowerUserAccess.html, version 12
	awsManaged + "PowerUserAccess": `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},` +
		`{"Effect":"Allow","Action":["account:GetAccountInformation","account:GetGovCloudAccountInformation","account:GetPrimaryEmail",` +
		`"account:ListRegions","iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles",` +
		`"organizations:DescribeEffectivePolicy","organizations:DescribeOrganization"],"Resource":"*"}]}`,
}

// attachable refuses a policy that is not there, in words that begin with what it is wanted as. Of AWS's own ones there are more
// than a thousand, ReadOnlyAccess among them, that are not here.
func attachable(c *cloud.Call, name, what string) error {
	_, ok := managedPolicy(c.Tx, c.Resource.Scope, name)
	switch {
	case ok:
		return nil
	case strings.HasPrefix(name, awsManaged):
		return unimplemented("AWS's managed policy " + name)
	}
	return cloud.Errorf("NoSuchEntity", "%s %s does not exist or is not attachable.", what, name)
}

// managedPolicy returns the text of a policy by its ARN.
func managedPolicy(tx *cloud.Tx, s cloud.Scope, name string) (document, bool) {
	if d, ok := awsPolicies[name]; ok {
		return d, true
	}
	r := tx.Get(cloud.Key{Scope: s, Token: policyToken, ID: name})
	if r == nil {
		return "", false
	}
	return ManagedPolicy.Of(r).Policy, true
}

func noSuchPolicy(name string) *cloud.Error {
	return cloud.Errorf("NoSuchEntity", "Policy %s does not exist or is not attachable.", name)
}

// roleByARN returns the role of any account, or nil.
func roleByARN(tx *cloud.Tx, name string) *cloud.Resource {
	for _, r := range tx.Everywhere(roleToken) {
		if r.Outputs["arn"] == name {
			return r
		}
	}
	return nil
}

// policyARN is of AWS's own policies, which have no account, and of an account's.
var policyARN = regexp.MustCompile(`^arn:aws:iam::(aws|\d{12}):policy/.+$`)

// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html#API_CreateRole_RequestParameters
var iamPath = regexp.MustCompile(`^/([!-~]+/)?$`)

var iamName = regexp.MustCompile(`^[\w+=,.@-]+$`)

func checkIAMName(property, name string, limit int) []cloud.Failure {
	switch {
	case name == "":
	case len(name) > limit:
		return []cloud.Failure{{Property: property, Reason: fmt.Sprintf("expected length of %s to be in the range (1 - %d), got %s", property, limit, name)}}
	case !iamName.MatchString(name):
		return []cloud.Failure{{Property: property, Reason: fmt.Sprintf(`invalid value for %s (must match [\w+=,.@-])`, property)}}
	}
	return nil
}

const suffixLength = 26

// uniqueSuffix is how the provider makes a name of a prefix: a time of 18 digits and 8 hexadecimal ones.
// terraform-plugin-sdk, helper/id
func uniqueSuffix() string {
	return strings.ReplaceAll(time.Now().UTC().Format("20060102150405.0000"), ".", "") + randomHex(8)
}

// randomID returns n random characters of those that IAM's unique identifiers have.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
func randomID(n int) string {
	return rand.Text()[:n]
}

// timestamp writes a time as the provider's outputs have it.
func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
