package ec2

import (
	"fmt"
	"slices"
	"strings"

	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/regions"
	"slipway/localcloud/cloud"
)

// zoneID returns an availability zone's identifier, which is the same in every account, such as euc1-az2.
// https://docs.aws.amazon.com/global-infrastructure/latest/regions/az-ids.html
func zoneID(region string, index int) string {
	parts := strings.Split(region, "-") // such as ap, northeast and 1
	direction := parts[1][:1]
	if strings.HasSuffix(parts[1], "east") && direction != "e" {
		direction += "e"
	}
	return fmt.Sprintf("%s%s%s-az%d", parts[0], direction, parts[2], index+1)
}

type zonesArgs struct {
	State        string   `json:"state"`
	ExcludeNames []string `json:"excludeNames"`
	Filters      []struct {
		Name   string   `json:"name"`
		Values []string `json:"values"`
	} `json:"filters"`
}

// GetAvailabilityZones lists the zones of the region.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAvailabilityZones.html
var GetAvailabilityZones = &cloud.Function[zonesArgs]{
	Token: "aws:index/getAvailabilityZones:getAvailabilityZones",
	Needs: permission.Needs{Invoke: func(o *permission.Operation) { o.Any("ec2:DescribeAvailabilityZones") }},
	Call: func(c *cloud.Call, args *zonesArgs) (cloud.Map, error) {
		region := c.Caller.Scope.Region
		names, ids := []any{}, []any{}
		for _, f := range args.Filters {
			// Every zone of the local cloud is an ordinary one that needs no opting in.
			if f.Name != "opt-in-status" && f.Name != "zone-type" {
				return nil, cloud.Errorf("InvalidParameterValue", "The filter '%s' is not modelled by the local cloud", f.Name)
			}
		}
		for i, z := range regions.Zones(region) {
			if !slices.Contains(args.ExcludeNames, z) {
				names, ids = append(names, z), append(ids, zoneID(region, i))
			}
		}
		return cloud.Map{"id": region, "names": names, "zoneIds": ids, "groupNames": []any{region}}, nil
	},
}
