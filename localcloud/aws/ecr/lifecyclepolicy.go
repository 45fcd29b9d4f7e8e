package ecr

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

type lifecyclePolicy struct {
	Repository string          `json:"repository"`
	Policy     policy.Document `json:"policy"`
}

// LifecyclePolicy says which images of a repository expire. A repository has at most one, which is deleted with it. It is checked and
// stored: ECR takes up to a day to expire an image, and here none expires.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
var LifecyclePolicy = &cloud.Kind[lifecyclePolicy, ofRegistry]{
	Spec: cloud.Spec{
		Token:  LifecyclePolicyToken,
		Label:  "ECR Lifecycle Policy",
		Import: cloud.ByID,
		Drift: cloud.Drift{Change: cloud.Map{
			"policy": `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":7},"action":{"type":"expire"}}]}`,
		}, Serves: true, ServesWithout: true},
		Needs:               repositorySettingNeeds("ecr:GetLifecyclePolicy", "ecr:PutLifecyclePolicy", "ecr:DeleteLifecyclePolicy"),
		Replace:             []string{"repository", "policy"},
		DeleteBeforeReplace: true, // as pulumi-aws has it: the deletion of the old one would take the new one's place
		Normal:              map[string]func(any) any{"policy": normalLifecycle},
		Latency:             cloud.Latency{Create: 1, Delete: 1},
	},
	Check: func(in *lifecyclePolicy) []cloud.Failure {
		if in.Policy != "" && !json.Valid([]byte(in.Policy)) {
			return []cloud.Failure{{Property: "policy", Reason: `"policy" contains an invalid JSON`}}
		}
		return nil
	},
	Refs: func(_ *cloud.Call, in *lifecyclePolicy) []cloud.Ref {
		return []cloud.Ref{{Token: RepositoryToken, Value: in.Repository, Weak: true}}
	},
	Rules: func(_ *cloud.Call, in *lifecyclePolicy) error { return checkLifecycle(in.Policy) },
	Create: func(c *cloud.Call, in *lifecyclePolicy, out *ofRegistry) (string, error) {
		out.RegistryID = c.Caller.Scope.Account
		return in.Repository, nil
	},
}

// checkLifecycle is the document of a lifecycle policy.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
type lifecycle struct {
	Rules []lifecycleRule `json:"rules"`
}

type lifecycleRule struct {
	RulePriority *int                `json:"rulePriority,omitempty"`
	Description  string              `json:"description,omitempty"`
	Selection    *lifecycleSelection `json:"selection,omitempty"`
	Action       *struct {
		Type string `json:"type"`
	} `json:"action,omitempty"`
}

type lifecycleSelection struct {
	TagStatus      string   `json:"tagStatus,omitempty"`
	TagPatternList []string `json:"tagPatternList,omitempty"`
	TagPrefixList  []string `json:"tagPrefixList,omitempty"`
	CountType      string   `json:"countType,omitempty"`
	CountUnit      string   `json:"countUnit,omitempty"`
	CountNumber    *int     `json:"countNumber,omitempty"`
}

// What a rule of a lifecycle policy counts.
const (
	countImages = "imageCountMoreThan"
	countDays   = "sinceImagePushed"
)

// checkLifecycle refuses a document that ECR does not take as a lifecycle policy.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutLifecyclePolicy.html
func checkLifecycle(d policy.Document) error {
	invalid := func(format string, args ...any) error {
		return invalidParameter("LifecyclePolicyText", "Lifecycle policy validation failure: "+fmt.Sprintf(format, args...))
	}
	var p lifecycle
	if err := policy.DecodeStrictly([]byte(d), &p); err != nil {
		return invalid("Could not map policyString into LifecyclePolicy. (%v)", err)
	}
	switch {
	case p.Rules == nil:
		return invalid(`object has missing required properties (["rules"])`)
	case len(p.Rules) == 0 || len(p.Rules) > 50:
		return invalid("a policy has between 1 and 50 rules, and this one %d", len(p.Rules))
	}
	priorities, of := map[int]bool{}, map[string]int{}
	for _, r := range p.Rules {
		if why := r.invalid(); why != "" {
			return invalid("%s", why)
		}
		if priorities[*r.RulePriority] {
			return invalid("rulePriority %d is not unique", *r.RulePriority)
		}
		priorities[*r.RulePriority] = true
		if status := r.Selection.TagStatus; status != "tagged" {
			if _, again := of[status]; again {
				return invalid("Only one rule can select %s images per storage class", strings.ToUpper(status[:1])+status[1:])
			}
			of[status] = *r.RulePriority
		}
	}
	for priority := range priorities {
		if last, ok := of["any"]; ok && priority > last {
			return invalid("Rule for tagStatus=ANY must have the lowest priority per storage class")
		}
	}
	return nil
}

// invalid returns what is wrong with a rule by itself, or "".
func (r *lifecycleRule) invalid() string {
	if r.RulePriority == nil || r.Selection == nil || r.Action == nil {
		return `object has missing required properties (["rulePriority","selection","action"])`
	}
	s := r.Selection
	unlike := func(value string, values ...string) string {
		if slices.Contains(values, value) {
			return ""
		}
		return fmt.Sprintf("instance value (%q) not found in enum (possible values: %q)", value, values)
	}
	if why := cmp.Or(
		unlike(r.Action.Type, "expire"), unlike(s.TagStatus, "any", "tagged", "untagged"), unlike(s.CountType, countImages, countDays),
	); why != "" {
		return why
	}
	lists := len(s.TagPrefixList) + len(s.TagPatternList)
	tooWild := slices.ContainsFunc(s.TagPatternList, func(p string) bool { return strings.Count(p, "*") > 4 })
	switch {
	case *r.RulePriority < 1:
		return fmt.Sprintf("numeric instance is lower than the required minimum (minimum: 1, found: %d)", *r.RulePriority)
	case s.CountNumber == nil:
		return `object has missing required properties (["countNumber"])`
	case *s.CountNumber < 1:
		return fmt.Sprintf("numeric instance is lower than the required minimum (minimum: 1, found: %d)", *s.CountNumber)
	case s.CountType == countDays && s.CountUnit != "days", s.CountType == countImages && s.CountUnit != "":
		return "instance failed to match exactly one schema (matched 0 out of 2) (countUnit is days with " + countDays + ", and only there)"
	case s.TagStatus == "tagged" && lists == 0:
		return "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED."
	case s.TagStatus != "tagged" && lists > 0:
		return "tagPrefixList and tagPatternList are for tagStatus=TAGGED alone"
	case len(s.TagPrefixList) > 0 && len(s.TagPatternList) > 0:
		return "tagPrefixList and tagPatternList exclude each other in a rule"
	case tooWild:
		return "a pattern of tagPatternList has at most four wildcards"
	}
	return ""
}

// normalLifecycle writes a lifecycle policy, be it a text or an object, so that two that mean the same have one text: in what
// order its rules and tags are written does not matter.
// terraform-provider-aws, internal/service/ecr/lifecycle_policy.go, equivalentLifecyclePolicyJSON
func normalLifecycle(v any) any {
	raw, ok := v.(string)
	if !ok {
		raw = untyped.JSON(v)
	}
	var p lifecycle
	if err := json.Unmarshal([]byte(raw), &p); err != nil || p.Rules == nil {
		return v // nothing, or what Rules refuses
	}
	for _, r := range p.Rules {
		if r.Selection != nil {
			slices.Sort(r.Selection.TagPatternList)
			slices.Sort(r.Selection.TagPrefixList)
		}
	}
	slices.SortStableFunc(p.Rules, func(a, b lifecycleRule) int { return cmp.Compare(a.priority(), b.priority()) })
	return untyped.JSON(p)
}

func (r *lifecycleRule) priority() int {
	if r.RulePriority == nil {
		return 0
	}
	return *r.RulePriority
}
