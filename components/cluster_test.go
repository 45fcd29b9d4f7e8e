package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
)

// The service-linked role of ECS is not there: AWS makes it, and making it again fails.
func TestCluster(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	err := cloud.Run(func(ctx *pulumi.Context) error {
		_, err := NewCluster(ctx, "dev", &ClusterArgs{Region: "eu-central-1"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	cloud.Expect(t, `
slipway:index:Cluster dev
aws:ecs/cluster:Cluster dev
aws:ecs/clusterCapacityProviders:ClusterCapacityProviders dev {"capacityProviders":["FARGATE","FARGATE_SPOT"],"clusterName":"dev-0123456"}
`)
}

func TestClusterWithInsights(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	err := cloud.Run(func(ctx *pulumi.Context) error {
		_, err := NewCluster(ctx, "dev", &ClusterArgs{Region: "eu-central-1", Insights: true})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	cloud.Expect(t, `
slipway:index:Cluster dev
aws:ecs/cluster:Cluster dev {"settings":[{"name":"containerInsights","value":"enabled"}]}
aws:ecs/clusterCapacityProviders:ClusterCapacityProviders dev {"capacityProviders":["FARGATE","FARGATE_SPOT"],"clusterName":"dev-0123456"}
`)
}

func TestClusterRefuses(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	err := cloud.Run(func(ctx *pulumi.Context) error {
		_, err := NewCluster(ctx, "dev", nil)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "args are missing") {
		t.Errorf("no args: %v", err)
	}
}
