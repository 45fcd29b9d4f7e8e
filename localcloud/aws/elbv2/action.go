package elbv2

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

// Action is a listener's or a rule's action for a request.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html
type Action struct {
	Type           string         `json:"type"`
	Order          *int           `json:"order"`
	TargetGroupARN string         `json:"targetGroupArn"`
	Forward        *Forward       `json:"forward"`
	Redirect       *Redirect      `json:"redirect"`
	FixedResponse  *FixedResponse `json:"fixedResponse"`
}

// Forward shares requests out among target groups.
type Forward struct {
	TargetGroups []WeightedTargetGroup `json:"targetGroups"`
	Stickiness   struct {
		Enabled  bool `json:"enabled"`
		Duration int  `json:"duration"`
	} `json:"stickiness"`
}

// WeightedTargetGroup receives Weight parts of the requests that an action forwards; nil is one part.
type WeightedTargetGroup struct {
	ARN    string `json:"arn"`
	Weight *int   `json:"weight"`
}

// Redirect answers with another URL. Each part may hold keywords such as #{host}; an empty one keeps the request's.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
type Redirect struct {
	Protocol   string  `json:"protocol"`
	Host       string  `json:"host"`
	Port       string  `json:"port"`
	Path       string  `json:"path"`
	Query      *string `json:"query"`
	StatusCode string  `json:"statusCode"` // HTTP_301 or HTTP_302
}

// FixedResponse answers without asking a target.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_FixedResponseActionConfig.html
type FixedResponse struct {
	ContentType string `json:"contentType"`
	MessageBody string `json:"messageBody"`
	StatusCode  string `json:"statusCode"`
}

// The types of action.
const (
	actionForward       = "forward"
	actionRedirect      = "redirect"
	actionFixedResponse = "fixed-response"
)

// Share is a target group with its part of the requests.
type Share struct {
	ARN    string
	Weight int
}

// Shares returns the target groups that the action forwards to, named in either of the two ways; none unless it forwards.
func (a *Action) Shares() []Share {
	switch {
	case a.Type != actionForward:
		return nil
	case a.TargetGroupARN != "":
		return []Share{{ARN: a.TargetGroupARN, Weight: 1}}
	case a.Forward == nil:
		return nil
	}
	var shares []Share
	for _, g := range a.Forward.TargetGroups {
		weight := 1
		if g.Weight != nil {
			weight = *g.Weight
		}
		shares = append(shares, Share{ARN: g.ARN, Weight: weight})
	}
	return shares
}

// targetGroupRefs refers to every target group that the actions forward to.
func targetGroupRefs(actions []Action) []cloud.Ref {
	var refs []cloud.Ref
	for _, a := range actions {
		for _, s := range a.Shares() {
			refs = append(refs, cloud.Ref{Token: TargetGroupToken, Value: s.ARN})
		}
	}
	return refs
}

var (
	fixedStatus  = regexp.MustCompile(`^[245]\d\d$`)
	redirectPort = regexp.MustCompile(`^(#\{port\}|[1-9]\d{0,4})$`)
)

// checkActions has the Terraform provider's refusals in the actions of a listener or a rule, and what is not modelled. Property is
// their input.
func checkActions(property string, actions []Action) []cloud.Failure {
	var f []cloud.Failure
	for i, a := range actions {
		at := fmt.Sprintf("%s[%d].", property, i)
		switch a.Type {
		case "authenticate-cognito", "authenticate-oidc":
			f = append(f, check.NotModelled(at+"type", "action "+a.Type))
		default:
			f = append(f, check.OneOf(at+"type", a.Type,
				"forward", "authenticate-oidc", "authenticate-cognito", "redirect", "fixed-response")...)
		}
		if a.Order != nil {
			f = append(f, check.Between(at+"order", *a.Order, 1, 50000)...)
		}
		if a.TargetGroupARN != "" && a.Forward != nil {
			f = append(f, cloud.Failure{
				Property: at + "forward",
				Reason:   fmt.Sprintf("Only one of %q or %q can be specified.", at+"targetGroupArn", at+"forward"),
			})
		}
		if a.Forward != nil {
			f = append(f, a.Forward.check(at+"forward.")...)
		}
		if a.Redirect != nil {
			f = append(f, a.Redirect.check(at+"redirect.")...)
		}
		if r := a.FixedResponse; r != nil {
			f = append(f, check.OneOf(at+"fixedResponse.contentType", r.ContentType,
				"text/plain", "text/css", "text/html", "application/javascript", "application/json")...)
			f = append(f, check.Length(at+"fixedResponse.messageBody", r.MessageBody, 0, 1024)...)
			if r.StatusCode != "" && !fixedStatus.MatchString(r.StatusCode) {
				f = append(f, cloud.Failure{
					Property: at + "fixedResponse.statusCode",
					Reason:   "invalid value for " + at + "fixedResponse.statusCode (must be 2XX, 4XX or 5XX)",
				})
			}
		}
	}
	return f
}

func (fw *Forward) check(at string) []cloud.Failure {
	var f []cloud.Failure
	if n := len(fw.TargetGroups); n > 5 {
		f = append(f, cloud.Failure{
			Property: at + "targetGroups",
			Reason:   fmt.Sprintf("Too many %stargetGroups blocks: No more than 5 are allowed, got %d", at, n),
		})
	}
	for i, g := range fw.TargetGroups {
		if g.Weight != nil {
			f = append(f, check.Between(fmt.Sprintf("%stargetGroups[%d].weight", at, i), *g.Weight, 0, 999)...)
		}
	}
	if fw.Stickiness.Enabled {
		f = append(f, check.NotModelled(at+"stickiness", "sticky target groups"))
	}
	return f
}

func (r *Redirect) check(at string) []cloud.Failure {
	f := check.OneOf(at+"statusCode", r.StatusCode, "HTTP_301", "HTTP_302")
	f = append(f, check.OneOf(at+"protocol", r.Protocol, "#{protocol}", "HTTP", "HTTPS")...)
	if r.Host != "" {
		f = append(f, check.Length(at+"host", r.Host, 1, 128)...)
	}
	if r.Path != "" {
		f = append(f, check.Length(at+"path", r.Path, 1, 128)...)
	}
	if r.Query != nil {
		f = append(f, check.Length(at+"query", *r.Query, 0, 128)...)
	}
	return f
}

// completeActions returns the actions with AWS's and the provider's defaults filled in, or refuses what AWS refuses.
func completeActions(property string, inputs cloud.Map, actions []Action) ([]any, error) {
	if len(actions) != 1 {
		// Only authentication could come before the one action that ends a request.
		return nil, cloud.Errorf("ValidationError", "Exactly one of 'forward', 'redirect' or 'fixed-response' actions must be specified")
	}
	a := actions[0]
	given, _ := inputs[property].([]any)[0].(cloud.Map)
	out := cloud.Map{}
	for p, v := range given {
		out[p] = v
	}
	if a.Order == nil {
		out["order"] = 1.0
	}
	missing := func(block string) error {
		return cloud.Errorf("ValidationError", "Attribute %q must be specified when %q is %q.", property+"[0]."+block, property+"[0].type", a.Type)
	}
	switch a.Type {
	case actionForward:
		shares := a.Shares()
		if len(shares) == 0 {
			return nil, missing("targetGroupArn")
		}
		if a.TargetGroupARN == "" {
			out["forward"] = a.Forward.complete(shares)
		}
	case actionRedirect:
		if a.Redirect == nil {
			return nil, missing("redirect")
		}
		r, err := a.Redirect.complete()
		if err != nil {
			return nil, err
		}
		out["redirect"] = r
	case actionFixedResponse:
		switch {
		case a.FixedResponse == nil:
			return nil, missing("fixedResponse")
		case a.FixedResponse.StatusCode == "":
			return nil, cloud.Errorf("ValidationError", "A fixed-response action must have a status code")
		}
		out["fixedResponse"] = cloud.Map{
			"contentType": a.FixedResponse.ContentType, "messageBody": a.FixedResponse.MessageBody, "statusCode": a.FixedResponse.StatusCode,
		}
	}
	return []any{out}, nil
}

func (fw *Forward) complete(shares []Share) cloud.Map {
	groups := make([]any, len(shares))
	for i, s := range shares {
		groups[i] = cloud.Map{"arn": s.ARN, "weight": float64(s.Weight)}
	}
	return cloud.Map{"targetGroups": groups, "stickiness": cloud.Map{"duration": float64(fw.Stickiness.Duration), "enabled": false}}
}

// complete also refuses a redirect to the request's own URL.
func (r *Redirect) complete() (cloud.Map, error) {
	out := cloud.Map{"protocol": "#{protocol}", "host": "#{host}", "port": "#{port}", "path": "/#{path}", "query": "#{query}"}
	changed := false
	for part, v := range map[string]string{"protocol": r.Protocol, "host": r.Host, "port": r.Port, "path": r.Path} {
		if v != "" && v != out[part] {
			out[part], changed = v, true
		}
	}
	if r.Query != nil {
		out["query"] = *r.Query
	}
	if !changed {
		return nil, cloud.Errorf("InvalidLoadBalancerAction", "The redirect configuration is not valid because it creates a loop")
	}
	if port := out["port"].(string); !redirectPort.MatchString(port) {
		return nil, cloud.Errorf("ValidationError", "The port '%s' in the redirect action is not valid: it must be 1-65535 or #{port}", port)
	} else if n, err := strconv.Atoi(port); err == nil && n > 65535 {
		return nil, cloud.Errorf("ValidationError", "The port '%s' in the redirect action is not valid: it must be 1-65535 or #{port}", port)
	}
	out["statusCode"] = r.StatusCode
	return out, nil
}

// sortedLists returns the value with the lists within it sorted: the values of a condition and the target groups of an action
// are sets.
func sortedLists(v any) any {
	switch v := v.(type) {
	case cloud.Map:
		out := make(cloud.Map, len(v))
		for k, e := range v {
			out[k] = sortedLists(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = sortedLists(e)
		}
		slices.SortStableFunc(out, func(a, b any) int { return cmp.Compare(untyped.JSON(a), untyped.JSON(b)) })
		return out
	}
	return v
}

// forwardsTo returns the ARNs of the actions' target groups, each once.
func forwardsTo(actions []Action) []string {
	var arns []string
	for _, a := range actions {
		for _, s := range a.Shares() {
			if !slices.Contains(arns, s.ARN) {
				arns = append(arns, s.ARN)
			}
		}
	}
	return arns
}
