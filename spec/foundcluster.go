package spec

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

var clusterPattern = regexp.MustCompile(`^(arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:cluster/)?[A-Za-z0-9_-]{1,255}$`)

// CheckCluster reports what is neither the name nor the ARN of an ECS cluster.
func CheckCluster(name string) error {
	if !clusterPattern.MatchString(name) {
		return errors.New("must be the name of an ECS cluster, or its ARN: arn:aws:ecs:region:account:cluster/name")
	}
	return nil
}

// FoundCluster is what ECS says of an existing cluster.
type FoundCluster struct {
	Name, ARN, Status string
	CapacityProviders []string
	Insights          bool // Container Insights counts its tasks
}

// Capacity providers of Fargate ("Amazon ECS clusters for Fargate" in the ECS developer guide).
const (
	fargate     = "FARGATE"
	fargateSpot = "FARGATE_SPOT"
)

// Providers returns the names of the capacity providers that the capacity uses.
func (c Capacity) Providers() []string {
	var names []string
	if c.Fargate != (Share{}) {
		names = append(names, fargate)
	}
	if c.FargateSpot != (Share{}) {
		names = append(names, fargateSpot)
	}
	return names
}

// Problems reports why tasks on these capacity providers cannot run in the cluster, and if Insights are needed, that it has none.
func (c FoundCluster) Problems(providers []string, insights bool) Problems {
	var found Problems
	if c.Status != "ACTIVE" {
		found.Add(fmt.Errorf("is %s and not ACTIVE; use another cluster", c.Status), "name")
		return found
	}
	for _, provider := range providers {
		if !slices.Contains(c.CapacityProviders, provider) {
			found.Add(fmt.Errorf("lacks the capacity provider %s, on which tasks are meant to run; add it to the cluster, or change capacity", provider), "name")
		}
	}
	if insights && !c.Insights {
		found.Add(errors.New("does not count its tasks, which scaling by a queue needs; turn on Container Insights in the cluster"), "name")
	}
	return found
}
