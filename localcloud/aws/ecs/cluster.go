package ecs

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

var clusterName = regexp.MustCompile(`^[0-9A-Za-z_-]{1,255}$`)

type clusterSetting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type cluster struct {
	Name     string           `json:"name"`
	Settings []clusterSetting `json:"settings"`
	Tags     tags.Tags        `json:"tags"`
}

type clusterOutputs struct {
	ARN      string           `json:"arn"`
	Settings []clusterSetting `json:"settings"`
}

// HasInsights reports whether Container Insights counts the tasks of a cluster.
func HasInsights(r *cloud.Resource) bool {
	return slices.ContainsFunc(Cluster.Outputs(r).Settings, func(s clusterSetting) bool { return s.Name == "containerInsights" && s.Value != "disabled" })
}

// Cluster groups services and tasks. Its id is its ARN.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html
var Cluster = &cloud.Kind[cluster, clusterOutputs]{
	Spec: cloud.Spec{
		Token:    ClusterToken,
		Label:    "ECS Cluster",
		Drift:    cloud.Drift{Change: cloud.Map{"tags": cloud.Map{"By": "hand"}}, Serves: true, Refused: "ClusterContains(Services|Tasks)Exception"},
		Derived:  tags.All,
		Needs:    clusterNeeds,
		AutoName: &cloud.AutoName{Property: "name", Max: 255},
		Replace:  []string{"name"},
		Computed: []string{"settings"},
		Sets:     []string{"settings"},
		// https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/ecs_cluster#import
		Import: &cloud.Import{
			ID:   func(r *cloud.Resource) string { return clusterNameOf(r.ID) },
			Find: func(_ *cloud.Tx, s cloud.Scope, name string) string { return ClusterARN(s, name) },
		},
		Latency:  cloud.Latency{Create: 11, Delete: 1},
		Patience: 10 * time.Minute,
		NotFound: func(string) *cloud.Error { return cloud.Errorf("ClusterNotFoundException", "Cluster not found.") },
		InUse: func(_, by *cloud.Resource) *cloud.Error {
			if by.Token == ServiceToken {
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
				f = append(f, check.OneOf(fmt.Sprintf("settings[%d].name", i), s.Name, "containerInsights")...)
			}
		}
		return f
	},
	Rules: func(_ *cloud.Call, in *cluster) error {
		for _, s := range in.Settings {
			if !slices.Contains([]string{"enabled", "disabled", "enhanced"}, s.Value) {
				return cloud.Errorf("InvalidParameterException",
					"Invalid value for setting containerInsights: %s. Valid values are enabled, disabled, enhanced.", s.Value)
			}
		}
		return nil
	},
	Create: func(c *cloud.Call, in *cluster, out *clusterOutputs) (string, error) {
		out.ARN = ClusterARN(c.Caller.Scope, in.Name)
		if c.Find(cloud.Ref{Token: ClusterToken, Value: out.ARN}) != nil {
			return "", cloud.Errorf("InvalidParameterException",
				"Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
		}
		if len(in.Settings) == 0 {
			out.Settings = []clusterSetting{{Name: "containerInsights", Value: "disabled"}}
		}
		return out.ARN, nil
	},
	Delete: func(c *cloud.Call, _ *cluster) error {
		c.Tx.Delete(cloud.Key{Scope: c.Resource.Scope, Token: ClusterCapacityProvidersToken, ID: clusterNameOf(c.Resource.ID)})
		// What the referrers' check let pass is a record of the past.
		for _, r := range c.Tx.List(c.Resource.Scope, taskToken) {
			if Task.Inputs(r).ClusterARN == c.Resource.ID {
				c.Tx.Delete(r.Key)
			}
		}
		return nil
	},
}

var clusterNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		creates(o, "CreateCluster", "cluster/"+o.Text("name"), "cluster/"+o.Text("name"))
		o.ServiceRole("ecs.amazonaws.com", "AWSServiceRoleForECS", "ecs:CreateCluster")
	},
	Read: func(o *permission.Operation) { o.Own("ecs:DescribeClusters") },
	Update: func(o *permission.Operation) {
		if o.ChangesMoreThan("tags") {
			o.Own("ecs:UpdateCluster", "ecs:DescribeClusters")
		}
		retags(o)
	},
	Updated: listsTags,
	Delete:  func(o *permission.Operation) { o.Own("ecs:DeleteCluster", "ecs:DescribeClusters") },
}

// ClusterARN returns the ARN of a cluster given by name or ARN; empty means the one called default.
func ClusterARN(s cloud.Scope, nameOrARN string) string {
	switch {
	case arn.IsARN(nameOrARN):
		return nameOrARN
	case nameOrARN == "":
		nameOrARN = "default"
	}
	return arns.New(s, "ecs", "cluster/"+nameOrARN)
}

// clusterNameOf returns the name in a cluster's ARN.
func clusterNameOf(name string) string { return arns.Last(name) }
