package aws

import (
	"fmt"
	"regexp"
	"strings"

	"slipway/localcloud/cloud"
)

type rolesArgs struct {
	NameRegex  string `json:"nameRegex"`
	PathPrefix string `json:"pathPrefix"`
}

// getRoles lists the account's roles by name.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html
var getRoles = &cloud.Function[rolesArgs]{
	Token: "aws:iam/getRoles:getRoles",
	// written by the provider itself
	Needs: needs{Invoke: func(o *operation) { o.any("iam:ListRoles") }},
	Call: func(c *cloud.Call, args *rolesArgs) (cloud.Map, error) {
		pattern, err := regexp.Compile(args.NameRegex)
		if err != nil {
			return nil, fmt.Errorf("nameRegex: %w", err)
		}
		names, arns := []any{}, []any{}
		for _, r := range c.Tx.List(cloud.Scope{Account: c.Caller.Scope.Account}, roleToken) {
			if strings.HasPrefix(Role.Of(r).Path, args.PathPrefix) && pattern.MatchString(r.ID) {
				names, arns = append(names, r.ID), append(arns, r.Outputs["arn"])
			}
		}
		return cloud.Map{"id": c.Caller.Scope.Region, "names": names, "arns": arns}, nil
	},
}

type roleArgs struct {
	Name string `json:"name"`
}

// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
var getRole = &cloud.Function[roleArgs]{
	Token: "aws:iam/getRole:getRole",
	Needs: getRoleNeeds,
	Call: func(c *cloud.Call, args *roleArgs) (cloud.Map, error) {
		r := c.Find(cloud.Ref{Token: roleToken, Value: args.Name})
		if r == nil {
			return nil, fmt.Errorf("reading IAM Role (%s): %w", args.Name, Role.NotFound(args.Name))
		}
		in := Role.Of(r)
		return cloud.Map{
			"id": r.ID, "name": r.ID, "arn": r.Outputs["arn"], "path": in.Path, "description": in.Description,
			"assumeRolePolicy": string(in.AssumeRolePolicy), "permissionsBoundary": in.PermissionsBoundary,
			"maxSessionDuration": float64(in.MaxSessionDuration), "createDate": r.Text("createDate"),
			"uniqueId": r.Text("uniqueId"), "roleLastUseds": []any{}, "tags": asMap(tagsOf(r)),
		}, nil
	},
}

var getRoleNeeds = needs{Invoke: func(o *operation) {
	name, _ := o.args["name"].(string)
	o.arn = o.iam("role/" + name)
	if r := o.Find(cloud.Ref{Token: roleToken, Value: name}); r != nil {
		o.arn, o.tags = r.Text("arn"), tagsOf(r)
	}
	o.own("iam:GetRole")
}}
