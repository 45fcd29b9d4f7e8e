// Package ssmapi answers the API of AWS Systems Manager: that of its parameters.
package ssmapi

import (
	"cmp"
	"strings"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/ssm"
	"slipway/localcloud/cloud"
)

// Service answers Systems Manager's API.
var Service = api.Service{Target: "AmazonSSM", Operations: map[string]api.Operation{
	"GetParameter":        getParameter,
	"GetParameters":       getParameters,
	"GetParametersByPath": getParametersByPath,
}}

// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Parameter.html
type parameter struct {
	ARN      string
	DataType string
	Name     string
	Type     string
	Value    string
	Version  int
}

// parameterOf describes a parameter. Without decryption, the value of a SecureString is unreadable.
func parameterOf(r *cloud.Resource, decrypted bool) parameter {
	p := parameter{Name: r.ID, ARN: r.Text("arn"), Type: ssm.TypeOf(r), DataType: r.Text("dataType"), Value: ssm.Value(r), Version: ssm.VersionOf(r)}
	if p.Type == ssm.SecureString && !decrypted {
		p.Value = "AQICAHencryptedByTheLocalCloud="
	}
	return p
}

// may refuses a caller who may not read the parameter.
func may(r *api.Request, tx *cloud.Tx, action, name string) error {
	return iam.May(tx, r.Caller, iam.Look{Action: action, Resource: ssm.ARNOf(r.Caller.Scope, name), Of: ssm.Find(tx, r.Caller.Scope, name)})
}

// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
func getParameter(r *api.Request) (any, error) {
	var in struct {
		Name           string
		WithDecryption bool
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	var out struct{ Parameter parameter }
	return &out, r.View(func(tx *cloud.Tx) error {
		if err := may(r, tx, "ssm:GetParameter", in.Name); err != nil {
			return err
		}
		found := ssm.Find(tx, r.Caller.Scope, in.Name)
		if found == nil {
			return cloud.Errorf("ParameterNotFound", "Parameter %s not found.", in.Name)
		}
		out.Parameter = parameterOf(found, in.WithDecryption)
		return nil
	})
}

// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html
func getParameters(r *api.Request) (any, error) {
	var in struct {
		Names          []string
		WithDecryption bool
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	const most = 10
	if len(in.Names) == 0 || len(in.Names) > most {
		return nil, cloud.Errorf("ValidationException", "1 validation error detected: Value at 'names' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d, and greater than or equal to 1", most)
	}
	out := struct {
		Parameters        []parameter
		InvalidParameters []string
	}{[]parameter{}, []string{}}
	return &out, r.View(func(tx *cloud.Tx) error {
		for _, name := range in.Names {
			if err := may(r, tx, "ssm:GetParameters", name); err != nil {
				return err
			}
			if found := ssm.Find(tx, r.Caller.Scope, name); found != nil {
				out.Parameters = append(out.Parameters, parameterOf(found, in.WithDecryption))
			} else {
				out.InvalidParameters = append(out.InvalidParameters, name)
			}
		}
		return nil
	})
}

// A caller who may read a path may read everything below it.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html
func getParametersByPath(r *api.Request) (any, error) {
	var in struct {
		Path           string
		Recursive      bool
		WithDecryption bool
		MaxResults     int
		NextToken      string
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	const most = 10
	if !strings.HasPrefix(in.Path, "/") {
		return nil, cloud.Errorf("ValidationException", "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\".")
	}
	if in.MaxResults < 0 || in.MaxResults > most {
		return nil, cloud.Errorf("ValidationException", "1 validation error detected: Value at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to %d", most)
	}
	var all []parameter
	err := r.View(func(tx *cloud.Tx) error {
		if err := iam.May(tx, r.Caller, iam.Look{Action: "ssm:GetParametersByPath", Resource: ssm.ARN(r.Caller.Scope, strings.TrimSuffix(in.Path, "/"))}); err != nil {
			return err
		}
		for _, found := range tx.List(r.Caller.Scope, ssm.ParameterToken) {
			below, ok := strings.CutPrefix(found.ID, strings.TrimSuffix(in.Path, "/")+"/")
			if ok && (in.Recursive || !strings.Contains(below, "/")) {
				all = append(all, parameterOf(found, in.WithDecryption))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out struct {
		Parameters []parameter
		NextToken  string `json:",omitempty"`
	}
	some, next, ok := api.Page(all, func(p parameter) string { return p.Name }, cmp.Or(in.MaxResults, most), in.NextToken)
	if !ok {
		return nil, cloud.Errorf("InvalidNextToken", "The specified token isn't valid.")
	}
	out.Parameters, out.NextToken = append([]parameter{}, some...), next
	return &out, nil
}
