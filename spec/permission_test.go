package spec

import (
	"fmt"
	"strings"
	"testing"
)

func TestPermissionProblems(t *testing.T) {
	t.Parallel()
	const policy = "arn:aws:iam::123456789012:policy/read-orders"
	read := Permission{Actions: []string{"s3:GetObject"}, Resources: []string{"arn:aws:s3:::reports/*"}}
	many := make([]string, 11)
	for i := range many {
		many[i] = fmt.Sprint(policy, i)
	}
	manyPaths, manyVolumes := map[string]int{}, map[string]Volume{}
	for i := range 20 {
		manyPaths[fmt.Sprintf("/app/%d", i)] = 30
		manyVolumes[fmt.Sprintf("/data/%d", i)] = Volume{fmt.Sprintf("fs-%017x", i), fmt.Sprintf("fsap-%017x", i)}
	}
	for want, w := range map[string]Workload{
		"": {Policies: []string{policy, "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}, Allow: []Permission{
			read,
			{[]string{"sqs:*", "dynamodb:Get?tem"}, []string{"*"}},
			{[]string{"execute-api:Invoke"}, []string{"arn:aws:execute-api:*:*:*"}},
			{[]string{"s3:PutObject"}, []string{"arn:aws:s3:::reports/a b (1).txt"}},
		}},
		`policies.0: "arn:aws:iam::123456789012:role/r": must be the ARN of a managed policy`: {Policies: []string{"arn:aws:iam::123456789012:role/r"}},
		`policies.1: "` + policy + `": is listed more than once`:                              {Policies: []string{policy, policy}},
		"policies: has 11 policies; a role takes 10, and during a change":                     {Policies: many},
		"allow, watch, volumes and exec: make policies of about 1":                            {Watch: manyPaths, Room: Room{Volumes: manyVolumes}},
		"allow: lists the same actions and resources more than once":                          {Allow: []Permission{read, read}},
		"allow.0.actions: is missing; it is a list: what the tasks may do":                    {Allow: []Permission{{nil, []string{"*"}}}},
		"allow.0.resources: is missing; it is a list: the ARNs of what":                       {Allow: []Permission{{[]string{"s3:*"}, nil}}},
		`allow.0.actions.0: "*": allows everything`:                                           {Allow: []Permission{{[]string{"*"}, []string{"*"}}}},
		`allow.0.actions.0: "GetObject": must be an action of a service`:                      {Allow: []Permission{{[]string{"GetObject"}, []string{"*"}}}},
		`allow.0.actions.0: "s3:Get Object": must be an action`:                               {Allow: []Permission{{[]string{"s3:Get Object"}, []string{"*"}}}},
		`allow.0.resources.0: "reports": must be an ARN`:                                      {Allow: []Permission{{[]string{"s3:*"}, []string{"reports"}}}},
		`allow.0.resources.0: "arn:aws:s3": must be an ARN`:                                   {Allow: []Permission{{[]string{"s3:*"}, []string{"arn:aws:s3"}}}},
		"allow, watch, volumes and exec: make policies of about 10370 ":                       {Allow: []Permission{{[]string{"s3:*"}, []string{"arn:aws:s3:::" + strings.Repeat("x", 10_200)}}}},
	} {
		err := w.accessProblems().Err()
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
