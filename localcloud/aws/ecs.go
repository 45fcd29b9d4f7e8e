package aws

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/cloud"
)

const (
	clusterToken                  = "aws:ecs/cluster:Cluster"
	clusterCapacityProvidersToken = "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders"
	taskDefinitionToken           = "aws:ecs/taskDefinition:TaskDefinition"
	taskDefinitionRevisionToken   = "aws:ecs/taskDefinitionRevision:TaskDefinitionRevision"
	serviceToken                  = "aws:ecs/service:Service"
	taskToken                     = "aws:ecs/task:Task"
)

func ecsKinds() []any {
	return []any{Cluster, ClusterCapacityProviders, TaskDefinition, TaskDefinitionRevision, Service, Task, getService}
}

var clusterName = regexp.MustCompile(`^[0-9A-Za-z_-]{1,255}$`)

type clusterSetting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type cluster struct {
	Name     string           `json:"name"`
	Settings []clusterSetting `json:"settings"`
	Tags     tags             `json:"tags"`
}

// Cluster groups services and tasks. Its id is its ARN.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html
var Cluster = &cloud.Kind[cluster]{
	Spec: cloud.Spec{
		Token:    clusterToken,
		Label:    "ECS Cluster",
		Needs:    clusterNeeds,
		AutoName: &cloud.AutoName{Property: "name", Max: 255},
		Replace:  []string{"name"},
		Computed: []string{"settings"},
		Sets:     []string{"settings"},
		// https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/ecs_cluster#import
		Import:   func(_ *cloud.Tx, s cloud.Scope, name string) string { return ClusterARN(s, name) },
		Latency:  cloud.Latency{Create: 11, Delete: 1},
		Patience: 10 * time.Minute,
		NotFound: func(string) *cloud.Error { return cloud.Errorf("ClusterNotFoundException", "Cluster not found.") },
		InUse: func(_, by *cloud.Resource) *cloud.Error {
			if by.Token == serviceToken {
				return cloud.Errorf("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active. (%s)", by.ID)
			}
			return cloud.Errorf("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active. (%s)", by.ID)
		},
	},
	Check: func(in *cluster) []cloud.Failure {
		var f []cloud.Failure
		if in.Name != "" && !clusterName.MatchString(in.Name) {
			f = append(f, cloud.Failure{
				Property: "name",
				Reason: "invalid value for name (The cluster name must consist of alphanumerics, hyphens, and underscores, " +
					"and be at most 255 characters.)",
			})
		}
		for i, s := range in.Settings {
			if s.Name != "" && s.Name != "containerInsights" {
				f = append(f, oneOf(fmt.Sprintf("settings[%d].name", i), s.Name, "containerInsights")...)
			}
		}
		return f
	},
	Outputs: func(c *cloud.Call, in *cluster) (cloud.Map, error) {
		out := cloud.Map{"tagsAll": in.Tags.all(c)}
		for _, s := range in.Settings {
			if !slices.Contains([]string{"enabled", "disabled", "enhanced"}, s.Value) {
				return nil, cloud.Errorf("InvalidParameterException",
					"Invalid value for setting containerInsights: %s. Valid values are enabled, disabled, enhanced.", s.Value)
			}
		}
		if len(in.Settings) == 0 {
			out["settings"] = []any{cloud.Map{"name": "containerInsights", "value": "disabled"}}
		}
		if c.Old == nil {
			c.Resource.ID = ClusterARN(c.Caller.Scope, in.Name)
			if c.Tx.Get(c.Resource.Key) != nil {
				return nil, cloud.Errorf("InvalidParameterException",
					"Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
			}
			out["arn"] = c.Resource.ID
		}
		return out, nil
	},
	Delete: func(c *cloud.Call, _ *cluster) error {
		c.Tx.Delete(cloud.Key{Scope: c.Resource.Scope, Token: clusterCapacityProvidersToken, ID: clusterNameOf(c.Resource.ID)})
		// What the referrers' check let pass is a record of the past.
		for _, r := range c.Tx.List(c.Resource.Scope, taskToken) {
			if Task.Of(r).ClusterARN == c.Resource.ID {
				c.Tx.Delete(r.Key)
			}
		}
		return nil
	},
}

var clusterNeeds = needs{
	Create: func(o *operation) {
		createsECS(o, "CreateCluster", "cluster/"+o.text("name"), "cluster/"+o.text("name"))
		o.serviceRole("ecs.amazonaws.com", "AWSServiceRoleForECS", "ecs:CreateCluster")
	},
	Read: func(o *operation) { o.own("ecs:DescribeClusters") },
	Update: func(o *operation) {
		if o.changesMoreThan("tags") {
			o.own("ecs:UpdateCluster", "ecs:DescribeClusters")
		}
		retagsECS(o)
	},
	Updated: listsTagsECS,
	Delete:  func(o *operation) { o.own("ecs:DeleteCluster", "ecs:DescribeClusters") },
}

// ClusterARN returns the ARN of a cluster given by name or ARN; empty means the one called default.
func ClusterARN(s cloud.Scope, nameOrARN string) string {
	switch {
	case strings.HasPrefix(nameOrARN, "arn:"):
		return nameOrARN
	case nameOrARN == "":
		nameOrARN = "default"
	}
	return arn(s, "ecs", "cluster/"+nameOrARN)
}

// clusterNameOf returns the name in a cluster's ARN.
func clusterNameOf(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

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

// ClusterCapacityProviders says on which capacity providers the services of a cluster may run. Its id is the cluster's name.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html
var ClusterCapacityProviders = &cloud.Kind[clusterCapacityProviders]{
	Spec: cloud.Spec{
		Token:    clusterCapacityProvidersToken,
		Label:    "ECS Cluster Capacity Providers",
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
		return []cloud.Ref{{Token: clusterToken, Value: ClusterARN(c.Caller.Scope, in.ClusterName), Weak: true}}
	},
	Outputs: func(c *cloud.Call, in *clusterCapacityProviders) (cloud.Map, error) {
		for _, p := range in.CapacityProviders {
			if p != Fargate && p != FargateSpot {
				return nil, cloud.Errorf("InvalidParameterException",
					"The specified capacity provider was not found. Specify a valid name or ARN and try again. (%s)", p)
			}
		}
		if err := checkStrategy(in.DefaultCapacityProviderStrategies, in.CapacityProviders); err != nil {
			return nil, err
		}
		c.Resource.ID = clusterNameOf(ClusterARN(c.Caller.Scope, in.ClusterName))
		return cloud.Map{}, removable(c, c.Resource.ID, in.CapacityProviders)
	},
	Delete: func(c *cloud.Call, _ *clusterCapacityProviders) error { return removable(c, c.Resource.ID, nil) },
}

// The cluster always has capacity providers: to delete them is to put none.
var clusterCapacityProvidersNeeds = needs{
	Create: func(o *operation) { onCluster(o, "ecs:PutClusterCapacityProviders") },
	Read:   func(o *operation) { onCluster(o, "ecs:DescribeClusters") },
	Update: func(o *operation) { onCluster(o, "ecs:PutClusterCapacityProviders") },
	Delete: func(o *operation) { onCluster(o, "ecs:PutClusterCapacityProviders", "ecs:DescribeClusters") },
}

// removable refuses to take a capacity provider from a cluster while a service runs on it. Keep lists those that stay.
func removable(c *cloud.Call, clusterName string, keep []string) error {
	for _, r := range c.Tx.List(c.Resource.Scope, serviceToken) {
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
		f = append(f, between(fmt.Sprintf("%s[%d].base", property, i), s.Base, 0, 100_000)...)
		f = append(f, between(fmt.Sprintf("%s[%d].weight", property, i), s.Weight, 0, 1000)...)
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
