package components

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/servicediscovery"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// NamespaceArgs describe a [Namespace].
type NamespaceArgs struct {
	// VPCID is the VPC of the services. Those of another VPC get another namespace: while they take over, both have the same names.
	VPCID pulumi.StringInput
	Tags  Tags
}

// Namespace has the names by which services call each other with ECS Service Connect. It is an HTTP namespace of AWS Cloud Map: ECS alone
// reads it, no DNS server answers its names, and it costs nothing (Cloud Map's pricing: resources that ECS registers for Service Connect).
type Namespace struct {
	pulumi.ResourceState

	ARN pulumi.StringOutput
}

// NewNamespace creates a namespace. Its name is unique in the account and region, so Pulumi adds random characters.
func NewNamespace(ctx *pulumi.Context, name string, args *NamespaceArgs, opts ...pulumi.ResourceOption) (*Namespace, error) {
	if args == nil {
		return nil, errors.New("namespace: args are missing")
	}
	problems := []error{args.Tags.problems().Err()}
	if args.VPCID == nil {
		problems = append(problems, errors.New("the VPC's id is missing"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("namespace %s: %w", name, err)
	}
	namespace := &Namespace{}
	if err := ctx.RegisterComponentResource("slipway:index:Namespace", name, namespace, opts...); err != nil {
		return nil, err
	}
	n, err := servicediscovery.NewHttpNamespace(ctx, name, &servicediscovery.HttpNamespaceArgs{Tags: args.Tags.named(name)},
		pulumi.Parent(namespace), pulumi.ReplacementTrigger(args.VPCID))
	if err != nil {
		return nil, err
	}
	namespace.ARN = n.Arn
	return namespace, ctx.RegisterResourceOutputs(namespace, pulumi.Map{"arn": namespace.ARN})
}
