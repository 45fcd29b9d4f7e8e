package ecsapi

import (
	"slices"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html
type cluster struct {
	ARN               string    `json:"clusterArn"`
	Name              string    `json:"clusterName"`
	Status            string    `json:"status"`
	CapacityProviders []string  `json:"capacityProviders"`
	Settings          []setting `json:"settings,omitempty"` // only if they are asked for
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ClusterSetting.html
type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeClusters.html
func describeClusters(r *api.Request) (any, error) {
	var in struct {
		Clusters []string `json:"clusters"`
		Include  []string `json:"include"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	for _, more := range in.Include {
		if more != "SETTINGS" {
			return nil, cloud.Errorf("InvalidParameterException", "include %s is not modelled by the local cloud", more)
		}
	}
	out := struct {
		Clusters []cluster `json:"clusters"`
		Failures []failure `json:"failures"`
	}{[]cluster{}, []failure{}}
	return &out, r.View(func(tx *cloud.Tx) error {
		for _, name := range in.Clusters {
			arn := ecs.ClusterARN(r.Caller.Scope, name)
			found := tx.Get(cloud.Key{Scope: r.Caller.Scope, Token: ecs.Cluster.Token, ID: arn})
			if err := iam.May(tx, r.Caller, iam.Look{Action: "ecs:DescribeClusters", Resource: arn, Of: found}); err != nil {
				return err
			}
			if found == nil {
				out.Failures = append(out.Failures, failure{arn, "MISSING"})
				continue
			}
			out.Clusters = append(out.Clusters, clusterDetail(tx, found, slices.Contains(in.Include, "SETTINGS")))
		}
		return nil
	})
}

func clusterDetail(tx *cloud.Tx, r *cloud.Resource, settings bool) cluster {
	c := cluster{ARN: r.ID, Name: ecs.Cluster.Described(r).Name, Status: "ACTIVE", CapacityProviders: ecs.CapacityProvidersOf(tx, r)}
	if settings {
		for _, s := range ecs.Cluster.Outputs(r).Settings {
			c.Settings = append(c.Settings, setting(s))
		}
	}
	return c
}
