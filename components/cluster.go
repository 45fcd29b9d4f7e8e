package components

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The capacity providers that ECS has for Fargate.
const (
	fargate     = "FARGATE"
	fargateSpot = "FARGATE_SPOT"
)

// ClusterArgs describe a [Cluster].
type ClusterArgs struct {
	Region string // of the cluster and of its tasks' logs
	// Insights turns on Container Insights, which counts the running tasks of each service and costs by the metric. Scaling by a queue needs
	// it. AWS keeps it on once it was.
	Insights bool
	Tags     Tags
}

// Cluster is an ECS cluster for tasks on Fargate and Fargate Spot.
//
// The service-linked role that ECS needs is not created: ECS makes it with the account's first cluster, and making it again fails.
type Cluster struct {
	pulumi.ResourceState

	Name   pulumi.StringOutput
	Region string
	// Insights tells whether Container Insights counts the tasks of its services.
	Insights bool
	// ARN has the capacity providers as a dependency: services are created after them and deleted before them.
	ARN pulumi.StringOutput
}

// NewCluster creates a cluster.
func NewCluster(ctx *pulumi.Context, name string, args *ClusterArgs, opts ...pulumi.ResourceOption) (*Cluster, error) {
	if args == nil {
		return nil, errors.New("cluster: args are missing")
	}
	problems := []error{args.Tags.problems().Err()}
	if args.Region == "" {
		problems = append(problems, errors.New("the region is missing"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	cluster := &Cluster{Region: args.Region, Insights: args.Insights}
	if err := ctx.RegisterComponentResource("slipway:index:Cluster", name, cluster, opts...); err != nil {
		return nil, err
	}
	parent := pulumi.Parent(cluster)

	var settings ecs.ClusterSettingArray
	if args.Insights {
		settings = ecs.ClusterSettingArray{ecs.ClusterSettingArgs{Name: pulumi.String("containerInsights"), Value: pulumi.String("enabled")}}
	}
	c, err := ecs.NewCluster(ctx, name, &ecs.ClusterArgs{Settings: settings, Tags: args.Tags.named(name)}, parent)
	if err != nil {
		return nil, err
	}
	providers, err := ecs.NewClusterCapacityProviders(ctx, name, &ecs.ClusterCapacityProvidersArgs{
		ClusterName:       c.Name,
		CapacityProviders: pulumi.ToStringArray([]string{fargate, fargateSpot}),
	}, parent)
	if err != nil {
		return nil, err
	}

	cluster.Name = c.Name
	cluster.ARN = after(c.Arn, providers)
	return cluster, ctx.RegisterResourceOutputs(cluster, pulumi.Map{"name": cluster.Name, "arn": cluster.ARN})
}
