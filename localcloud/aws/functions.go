package aws

import (
	"slices"

	"slipway/localcloud/cloud"
)

type zonesArgs struct {
	State        string   `json:"state"`
	ExcludeNames []string `json:"excludeNames"`
	Filters      []struct {
		Name   string   `json:"name"`
		Values []string `json:"values"`
	} `json:"filters"`
}

// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAvailabilityZones.html
var getAvailabilityZones = &cloud.Function[zonesArgs]{
	Token: "aws:index/getAvailabilityZones:getAvailabilityZones",
	Needs: needs{Invoke: func(o *operation) { o.any("ec2:DescribeAvailabilityZones") }},
	Call: func(c *cloud.Call, args *zonesArgs) (cloud.Map, error) {
		region := c.Caller.Scope.Region
		names, ids := []any{}, []any{}
		for _, f := range args.Filters {
			// Every zone of the local cloud is an ordinary one that needs no opting in.
			if f.Name != "opt-in-status" && f.Name != "zone-type" {
				return nil, cloud.Errorf("InvalidParameterValue", "The filter '%s' is not modelled by the local cloud", f.Name)
			}
		}
		for i, z := range zones(region) {
			if !slices.Contains(args.ExcludeNames, z) {
				names, ids = append(names, z), append(ids, zoneID(region, i))
			}
		}
		return cloud.Map{"id": region, "names": names, "zoneIds": ids, "groupNames": []any{region}}, nil
	},
}

var getRegion = &cloud.Function[struct{}]{
	Token: "aws:index/getRegion:getRegion",
	// The provider answers these by itself, or by a call that everybody may make.
	// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
	Needs: needs{},
	Call: func(c *cloud.Call, _ *struct{}) (cloud.Map, error) {
		region := c.Caller.Scope.Region
		return cloud.Map{"id": region, "name": region, "description": region, "endpoint": "ec2." + region + ".amazonaws.com"}, nil
	},
}

var getCallerIdentity = &cloud.Function[struct{}]{
	Token: "aws:index/getCallerIdentity:getCallerIdentity",
	Needs: needs{},
	Call: func(c *cloud.Call, _ *struct{}) (cloud.Map, error) {
		account := c.Caller.Scope.Account
		arn, userID, err := Identity(c.Tx, c.Caller)
		return cloud.Map{"id": account, "accountId": account, "arn": arn, "userId": userID}, err
	},
}

var getPartition = &cloud.Function[struct{}]{
	Token: "aws:index/getPartition:getPartition",
	Needs: needs{},
	Call: func(*cloud.Call, *struct{}) (cloud.Map, error) {
		return cloud.Map{"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}, nil
	},
}
