package components

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// newReaches opens others' security groups to the members of a group, which may send to everywhere. Only the rules belong to the stack.
// They are named by group and port, so that another element of the list changes none of them.
func newReaches(
	ctx *pulumi.Context, name string, reaches []spec.Reach, group pulumi.StringInput, tags Tags, parent pulumi.ResourceOption,
) ([]pulumi.Resource, error) {
	var rules []pulumi.Resource
	for _, r := range reaches {
		rule, err := allowTCPFrom(ctx, fmt.Sprintf("%s-reaches-%s-%d", name, r.SecurityGroupID, r.Port),
			pulumi.String(r.SecurityGroupID), peer{group: group}, r.Port, tags, parent)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	return rules, nil
}
