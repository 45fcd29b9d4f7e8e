package components

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// after returns the output with more dependencies: a resource with this input is created after the given resources and deleted before
// them. The result is known whenever the output is, because URNs are known even in a preview.
//
// [pulumi.OutputWithDependencies] is meant for this too, but it reads an output's state while that is being written.
func after(output pulumi.StringOutput, resources ...pulumi.Resource) pulumi.StringOutput {
	all := []any{output}
	for _, resource := range resources {
		all = append(all, resource.URN())
	}
	return pulumi.All(all...).ApplyT(func(known []any) string { return known[0].(string) }).(pulumi.StringOutput)
}
