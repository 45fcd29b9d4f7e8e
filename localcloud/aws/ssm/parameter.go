package ssm

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

type parameter struct {
	ARN            string    `json:"arn"`
	Name           string    `json:"name"`
	Type           string    `json:"type"`
	Value          *string   `json:"value"`
	InsecureValue  *string   `json:"insecureValue"`
	Tier           string    `json:"tier"`
	DataType       string    `json:"dataType"`
	KeyID          string    `json:"keyId"`
	AllowedPattern string    `json:"allowedPattern"`
	Description    string    `json:"description"`
	Overwrite      bool      `json:"overwrite"`
	Tags           tags.Tags `json:"tags"`
}

// text is the parameter's value.
func (p *parameter) text() string {
	switch {
	case p.Value != nil:
		return *p.Value
	case p.InsecureValue != nil:
		return *p.InsecureValue
	}
	return ""
}

// SecureString is the type of a parameter that is encrypted.
const SecureString = "SecureString"

// The tiers of a parameter.
const (
	standardTier = "Standard"
	advancedTier = "Advanced"
	// ownKey encrypts a SecureString if no other key is given.
	ownKey = "alias/aws/ssm"
)

type parameterOutputs struct {
	ARN      string `json:"arn"`
	Version  int    `json:"version"`
	Tier     string `json:"tier"`
	DataType string `json:"dataType"`
	KeyID    string `json:"keyId"`
}

// Parameter is a value with a name, which may be a path.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
var Parameter = &cloud.Kind[parameter, parameterOutputs]{
	Spec: cloud.Spec{
		Token:    ParameterToken,
		Label:    "SSM Parameter",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"description": "by hand"}, Serves: true, ServesWithout: true},
		Derived:  tags.All,
		Needs:    parameterNeeds,
		AutoName: &cloud.AutoName{Property: "name", Max: 2048},
		Replace:  []string{"name", "dataType"},
		Computed: []string{"arn", "dataType", "insecureValue", "keyId", "name", "tier", "value"},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: func(id string) *cloud.Error { return cloud.Errorf("ParameterNotFound", "Parameter %s not found.", id) },
	},
	Check: func(in *parameter) []cloud.Failure {
		var f []cloud.Failure
		f = append(f, check.OneOf("type", in.Type, "String", "StringList", SecureString)...)
		f = append(f, check.OneOf("tier", in.Tier, standardTier, advancedTier, "Intelligent-Tiering")...)
		f = append(f, check.OneOf("dataType", in.DataType, "aws:ec2:image", "aws:ssm:integration", "text")...)
		f = append(f, check.Length("description", in.Description, 0, 1024)...)
		f = append(f, check.Length("allowedPattern", in.AllowedPattern, 0, 1024)...)
		if in.Value != nil && in.InsecureValue != nil {
			f = append(f, cloud.Failure{Property: "value", Reason: `"value": only one of insecure_value,value can be specified`})
		}
		return f
	},
	Rules: func(_ *cloud.Call, in *parameter) error { return in.refusal() },
	Create: func(c *cloud.Call, in *parameter, out *parameterOutputs) (string, error) {
		if Find(c.Tx, c.Caller.Scope, in.Name) != nil {
			if in.Overwrite {
				return "", check.Unimplemented("overwrite of a parameter that the stack has not made")
			}
			return "", cloud.Errorf("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
		}
		out.ARN = ARN(c.Caller.Scope, in.Name)
		out.put(in)
		return in.Name, nil
	},
	Update: func(c *cloud.Call, in *parameter, out *parameterOutputs) error {
		if cloud.OutputsOf[parameterOutputs](c.Old).Tier == advancedTier && in.Tier == standardTier {
			return cloud.Errorf("ValidationException", "This parameter uses the advanced-parameter tier. You can't downgrade a parameter "+
				"from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter.")
		}
		if changesMoreThanTags(c) {
			out.put(in)
		}
		return nil
	},
}

// changesMoreThanTags reports whether an update puts the parameter, which makes another version of it.
func changesMoreThanTags(c *cloud.Call) bool {
	return (&permission.Operation{Call: c}).ChangesMoreThan("overwrite", "tags")
}

// put notes another version.
func (out *parameterOutputs) put(in *parameter) {
	out.Version++
	out.Tier = cmp.Or(in.Tier, out.Tier, standardTier)
	out.DataType = cmp.Or(in.DataType, out.DataType, "text")
	if in.Type == SecureString {
		out.KeyID = cmp.Or(in.KeyID, out.KeyID, ownKey)
	}
}

// https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-parameter-name-constraints.html
var (
	parameterName = regexp.MustCompile(`^[a-zA-Z0-9_.\-/]+$`)
	reservedName  = regexp.MustCompile(`(?i)^/?(aws|ssm)`)
)

const (
	maxName   = 1011 // with the rest of the ARN
	maxLevels = 15
	// https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
	maxStandard = 4 << 10
	maxAdvanced = 8 << 10
)

// refusal has the rules of PutParameter.
func (p *parameter) refusal() error {
	invalid := func(format string, args ...any) error { return cloud.Errorf("ValidationException", format, args...) }
	value := p.text()
	switch {
	case p.KeyID != "" && p.KeyID != ownKey:
		return check.Unimplemented("keyId of a parameter")
	case p.DataType != "" && p.DataType != "text":
		return check.Unimplemented("dataType " + p.DataType + " of a parameter")
	case p.Type == SecureString && p.InsecureValue != nil:
		return fmt.Errorf("invalid configuration, cannot set type = %s and insecure_value", p.Type)
	case !parameterName.MatchString(p.Name) || len(p.Name) > maxName:
		return invalid("Parameter name: can't be longer than %d characters, and has only letters, digits and any of . - _ /", maxName)
	case reservedName.MatchString(p.Name):
		return invalid(`Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`)
	case strings.Contains(p.Name, "/") && !strings.HasPrefix(p.Name, "/"):
		return invalid("Parameter name must be a fully qualified name.")
	case strings.Count(p.Name, "/") > maxLevels:
		return cloud.Errorf("HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of %d levels.", maxLevels)
	case value == "":
		return invalid("1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case p.Tier == advancedTier && len(value) > maxAdvanced:
		return invalid("Advanced tier parameters support a maximum parameter value of %d characters.", maxAdvanced)
	case p.Tier != advancedTier && p.Tier != "Intelligent-Tiering" && len(value) > maxStandard:
		return invalid("Standard tier parameters support a maximum parameter value of %d characters. To create a larger parameter value, "+
			"upgrade the parameter to use the advanced-parameter tier.", maxStandard)
	}
	if p.AllowedPattern == "" {
		return nil
	}
	pattern, err := regexp.Compile("^(?:" + p.AllowedPattern + ")$")
	if err != nil {
		return cloud.Errorf("InvalidAllowedPatternException", "The regular expression %s is not valid.", p.AllowedPattern)
	}
	if !pattern.MatchString(value) { // the value is not repeated: it may be a secret
		return cloud.Errorf("ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: %s", p.AllowedPattern)
	}
	return nil
}

var parameterNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		name := ARN(o.Caller.Scope, o.Name("name", "name"))
		o.Creates("ssm:PutParameter", name, name, "ssm:AddTagsToResource", "")
	},
	Read: func(o *permission.Operation) {
		o.Own("ssm:GetParameter")
		o.Any("ssm:DescribeParameters") // takes no resource in its form with filters
		o.Own("ssm:ListTagsForResource")
	},
	Update: func(o *permission.Operation) {
		if o.ChangesMoreThan("overwrite", "tags") {
			o.Own("ssm:PutParameter")
		}
		o.Retags("ssm:AddTagsToResource", "ssm:RemoveTagsFromResource")
	},
	Delete: func(o *permission.Operation) { o.Own("ssm:DeleteParameter") },
}

// ARN returns a parameter's ARN, which leaves out the name's first slash.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-parameter-name-constraints.html
func ARN(s cloud.Scope, name string) string {
	return arns.New(s, "ssm", "parameter/"+strings.TrimPrefix(name, "/"))
}

// ARNOf returns the ARN of the parameter that is given by its name in a scope, or by its ARN.
func ARNOf(s cloud.Scope, nameOrARN string) string {
	if strings.HasPrefix(nameOrARN, "arn:") {
		return nameOrARN
	}
	return ARN(s, nameOrARN)
}

// Find returns the parameter with the name in a scope, or with the ARN; nil if there is none.
func Find(tx *cloud.Tx, s cloud.Scope, name string) *cloud.Resource {
	if a, err := arn.Parse(name); err == nil {
		s = cloud.Scope{Account: a.AccountID, Region: a.Region}
		name = strings.TrimPrefix(a.Resource, "parameter")
		if r := tx.Get(cloud.Key{Scope: s, Token: ParameterToken, ID: name}); r != nil {
			return r
		}
		name = strings.TrimPrefix(name, "/") // a name that is no path
	}
	return tx.Get(cloud.Key{Scope: s, Token: ParameterToken, ID: name})
}

// Value returns a parameter's value.
func Value(r *cloud.Resource) string { return Parameter.Inputs(r).text() }

// TypeOf returns a parameter's type.
func TypeOf(r *cloud.Resource) string { return Parameter.Inputs(r).Type }

// VersionOf returns how many times a parameter was put.
func VersionOf(r *cloud.Resource) int { return Parameter.Outputs(r).Version }
