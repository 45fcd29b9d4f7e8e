package iam

import (
	"fmt"
	"regexp"
	"strings"

	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

type rolesArgs struct {
	NameRegex  string `json:"nameRegex"`
	PathPrefix string `json:"pathPrefix"`
}

// GetRoles lists the account's roles by name.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html
var GetRoles = &cloud.Function[rolesArgs]{
	Token: "aws:iam/getRoles:getRoles",
	// written by the provider itself
	Needs: permission.Needs{Invoke: func(o *permission.Operation) { o.Any("iam:ListRoles") }},
	Call: func(c *cloud.Call, args *rolesArgs) (cloud.Map, error) {
		pattern, err := regexp.Compile(args.NameRegex)
		if err != nil {
			return nil, fmt.Errorf("nameRegex: %w", err)
		}
		names, arns := []any{}, []any{}
		for _, r := range c.Tx.List(cloud.Scope{Account: c.Caller.Scope.Account}, identity.RoleToken) {
			if strings.HasPrefix(Role.Inputs(r).Path, args.PathPrefix) && pattern.MatchString(r.ID) {
				names, arns = append(names, r.ID), append(arns, Role.Outputs(r).ARN)
			}
		}
		return cloud.Map{"id": c.Caller.Scope.Region, "names": names, "arns": arns}, nil
	},
}

type roleArgs struct {
	Name string `json:"name"`
}

// GetRole describes a role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
var GetRole = &cloud.Function[roleArgs]{
	Token: "aws:iam/getRole:getRole",
	Needs: getRoleNeeds,
	Call: func(c *cloud.Call, args *roleArgs) (cloud.Map, error) {
		r := c.Find(cloud.Ref{Token: identity.RoleToken, Value: args.Name})
		if r == nil {
			return nil, fmt.Errorf("reading IAM Role (%s): %w", args.Name, Role.NotFound(args.Name))
		}
		in, out := Role.Inputs(r), Role.Outputs(r)
		return cloud.Map{
			"id": r.ID, "name": r.ID, "arn": out.ARN, "path": in.Path, "description": in.Description,
			"assumeRolePolicy": string(in.AssumeRolePolicy), "permissionsBoundary": in.PermissionsBoundary,
			"maxSessionDuration": float64(in.MaxSessionDuration), "createDate": out.CreateDate,
			"uniqueId": out.UniqueID, "roleLastUseds": []any{}, "tags": untyped.Map(tags.Of(r)),
		}, nil
	},
}

var getRoleNeeds = permission.Needs{Invoke: func(o *permission.Operation) {
	name, _ := o.Args["name"].(string)
	o.ARN = o.IAM("role/" + name)
	if r := o.Find(cloud.Ref{Token: identity.RoleToken, Value: name}); r != nil {
		o.ARN, o.Tags = Role.Outputs(r).ARN, tags.Of(r)
	}
	o.Own("iam:GetRole")
}}
