package ecs

import (
	"fmt"
	"slices"
	"time"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/cloud"
)

// The capacity providers that every account has. Those of Auto Scaling groups are not modelled.
const (
	Fargate     = "FARGATE"
	FargateSpot = "FARGATE_SPOT"
)

// CapacityShare says how many of a service's tasks run on a capacity provider: the first Base of them, and of the others
// a share by Weight.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html
type CapacityShare struct {
	CapacityProvider string `json:"capacityProvider"`
	Base             int    `json:"base"`
	Weight           int    `json:"weight"`
}

type clusterCapacityProviders struct {
	ClusterName                       string          `json:"clusterName"`
	CapacityProviders                 []string        `json:"capacityProviders"`
	DefaultCapacityProviderStrategies []CapacityShare `json:"defaultCapacityProviderStrategies"`
}

func (in *clusterCapacityProviders) id(s cloud.Scope) string {
	return clusterNameOf(ClusterARN(s, in.ClusterName))
}

// ClusterCapacityProviders says on which capacity providers the services of a cluster may run. Its id is the cluster's name.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html
var ClusterCapacityProviders = &cloud.Kind[clusterCapacityProviders, struct{}]{
	Spec: cloud.Spec{
		Token:    ClusterCapacityProvidersToken,
		Label:    "ECS Cluster Capacity Providers",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"capacityProviders": []any{Fargate}}, Serves: true, Refused: "ResourceInUseException"},
		Needs:    clusterCapacityProvidersNeeds,
		Filled:   cloud.Map{"defaultCapacityProviderStrategies": []any{}},
		Replace:  []string{"clusterName"},
		Sets:     []string{"capacityProviders", "defaultCapacityProviderStrategies"},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		Patience: 10 * time.Minute,
	},
	Check: func(in *clusterCapacityProviders) []cloud.Failure {
		return checkShares("defaultCapacityProviderStrategies", in.DefaultCapacityProviderStrategies)
	},
	Refs: func(c *cloud.Call, in *clusterCapacityProviders) []cloud.Ref {
		return []cloud.Ref{{Token: ClusterToken, Value: ClusterARN(c.Caller.Scope, in.ClusterName), Weak: true}}
	},
	Rules: func(c *cloud.Call, in *clusterCapacityProviders) error {
		for _, p := range in.CapacityProviders {
			if p != Fargate && p != FargateSpot {
				return cloud.Errorf("InvalidParameterException",
					"The specified capacity provider was not found. Specify a valid name or ARN and try again. (%s)", p)
			}
		}
		if err := checkStrategy(in.DefaultCapacityProviderStrategies, in.CapacityProviders); err != nil {
			return err
		}
		return removable(c, in.id(c.Caller.Scope), in.CapacityProviders)
	},
	Create: func(c *cloud.Call, in *clusterCapacityProviders, _ *struct{}) (string, error) {
		return in.id(c.Caller.Scope), nil
	},
	Delete: func(c *cloud.Call, _ *clusterCapacityProviders) error { return removable(c, c.Resource.ID, nil) },
}

// The cluster always has this setting: its deletion sets an empty list.
var clusterCapacityProvidersNeeds = permission.Needs{
	Create: func(o *permission.Operation) { onCluster(o, "ecs:PutClusterCapacityProviders") },
	Read:   func(o *permission.Operation) { onCluster(o, "ecs:DescribeClusters") },
	Update: func(o *permission.Operation) { onCluster(o, "ecs:PutClusterCapacityProviders") },
	Delete: func(o *permission.Operation) { onCluster(o, "ecs:PutClusterCapacityProviders", "ecs:DescribeClusters") },
}

// removable refuses to remove a capacity provider from a cluster while a service runs on it. Keep lists those that stay.
func removable(c *cloud.Call, clusterName string, keep []string) error {
	for _, r := range c.Tx.List(c.Resource.Scope, ServiceToken) {
		s := cloud.InputsOf[ServiceSpec](r)
		if clusterNameOf(ClusterARN(r.Scope, s.Cluster)) != clusterName {
			continue
		}
		for _, share := range s.CapacityProviderStrategies {
			if !slices.Contains(keep, share.CapacityProvider) {
				return cloud.InUsef("ResourceInUseException", "The specified resource is in-use and can't be removed. (%s is used by %s)",
					share.CapacityProvider, r.ID)
			}
		}
	}
	return nil
}

// checkShares holds the ranges that the provider checks.
func checkShares(property string, shares []CapacityShare) []cloud.Failure {
	var f []cloud.Failure
	for i, s := range shares {
		f = append(f, check.Between(fmt.Sprintf("%s[%d].base", property, i), s.Base, 0, 100_000)...)
		f = append(f, check.Between(fmt.Sprintf("%s[%d].weight", property, i), s.Weight, 0, 1000)...)
	}
	return f
}

// checkStrategy holds the rules of a capacity provider strategy on a cluster that has the providers.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-capacity-providers.html
func checkStrategy(shares []CapacityShare, providers []string) error {
	if len(shares) == 0 {
		return nil
	}
	bases, weights := 0, 0
	seen := map[string]bool{}
	for _, s := range shares {
		switch {
		case !slices.Contains(providers, s.CapacityProvider):
			return cloud.Errorf("InvalidParameterException", "The specified capacity provider strategy cannot contain a capacity provider "+
				"that is not associated with the cluster. Associate the capacity provider with the cluster and try again. (%s)", s.CapacityProvider)
		case seen[s.CapacityProvider]:
			return cloud.Errorf("InvalidParameterException",
				"The specified capacity provider strategy cannot contain the capacity provider %s more than once.", s.CapacityProvider)
		case s.Base > 0:
			bases++
		}
		seen[s.CapacityProvider] = true
		weights += s.Weight
	}
	switch {
	case bases > 1:
		return cloud.Errorf("InvalidParameterException",
			"Only one capacity provider in a capacity provider strategy can have a base defined.")
	case weights == 0:
		return cloud.Errorf("InvalidParameterException",
			"A capacity provider strategy must contain at least one capacity provider with a weight greater than 0.")
	}
	return nil
}

// CapacityProvidersOf returns the capacity providers of a cluster.
func CapacityProvidersOf(tx *cloud.Tx, cluster *cloud.Resource) []string {
	r := tx.Get(cloud.Key{Scope: cluster.Scope, Token: ClusterCapacityProvidersToken, ID: clusterNameOf(cluster.ID)})
	if r == nil {
		return []string{}
	}
	return ClusterCapacityProviders.Inputs(r).CapacityProviders
}
