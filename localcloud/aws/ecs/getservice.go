package ecs

import (
	"fmt"

	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

type serviceArgs struct {
	ClusterARN  string `json:"clusterArn"`
	ServiceName string `json:"serviceName"`
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html
var getService = &cloud.Function[serviceArgs]{
	Token: "aws:ecs/getService:getService",
	Needs: getServiceNeeds,
	Call: func(c *cloud.Call, args *serviceArgs) (cloud.Map, error) {
		s := c.Caller.Scope
		clusterID := ClusterARN(s, args.ClusterARN)
		if c.Find(cloud.Ref{Token: ClusterToken, Value: clusterID}) == nil {
			return nil, Cluster.NotFound(clusterID)
		}
		id := args.ServiceName
		if !arn.IsARN(id) {
			id = ServiceARN(s, clusterID, id)
		}
		r := c.Find(cloud.Ref{Token: ServiceToken, Value: id})
		if r == nil {
			return nil, fmt.Errorf("no matching ECS Service found: %s", id)
		}
		in := Service.Inputs(r)
		status := cloud.StatusOf[ServiceStatus](r)
		return cloud.Map{
			"id": id, "arn": id, "clusterArn": clusterID, "serviceName": in.Name, "desiredCount": float64(in.DesiredCount),
			"launchType": in.LaunchType, "schedulingStrategy": in.SchedulingStrategy,
			"availabilityZoneRebalancing": in.AvailabilityZoneRebalancing,
			"taskDefinition":              status.Primary().TaskDefinition, "tags": r.Outputs["tagsAll"],
		}, nil
	},
}

var getServiceNeeds = permission.Needs{Invoke: func(o *permission.Operation) {
	cluster, _ := o.Args["clusterArn"].(string)
	service, _ := o.Args["serviceName"].(string)
	cluster = ClusterARN(o.Caller.Scope, cluster)
	if !arn.IsARN(service) {
		service = o.Regional("ecs", "service/"+clusterNameOf(cluster)+"/"+service)
	}
	o.ARN = service
	if r := o.Find(cloud.Ref{Token: ServiceToken, Value: service}); r != nil {
		o.Tags = tags.Of(r)
	}
	o.Own("ecs:DescribeServices")
	o.With("ecs:cluster", cluster)
}}
