package account

import (
	"strings"
	"testing"

	"slipway/components/mocks"
	"slipway/config/configtest"
	"slipway/internal/standing"
)

func TestLookUpFindsGroupsOfOtherVPCs(t *testing.T) {
	t.Parallel()
	const group = "sg-0123456789abcdef0"
	of := func(vpc, cidr string) map[string]any {
		return map[string]any{"vpcId": vpc, "images": map[string]any{}, "network": map[string]any{"cidr": cidr, "ipv6": true}}
	}
	for name, test := range map[string]struct {
		outputs map[string]any
		groups  map[string]string
		want    string
	}{
		"its own":        {of("vpc-1", "10.0.0.0/16"), map[string]string{group: "vpc-1"}, ""},
		"another":        {of("vpc-1", "10.0.0.0/16"), map[string]string{group: "vpc-2"}, "services.hello.reaches[1].securityGroupId: " + group + ": is in vpc-2; use a group in vpc-1, the VPC of the stack"},
		"not known":      {of("", "10.0.0.0/16"), map[string]string{group: "vpc-2"}, ""},
		"none":           {of("vpc-1", "10.0.0.0/16"), nil, "look up the security group: no matching EC2 Security Group found: " + group},
		"of a new stack": {nil, map[string]string{group: "vpc-2"}, "is in vpc-2, and the stack has no VPC yet; first leave reaches out"},
		"of a moved one": {of("vpc-1", "10.9.0.0/16"), map[string]string{group: "vpc-1"}, "is in vpc-1, and this update gives the stack another VPC; first leave"},
	} {
		cloud := &mocks.Cloud{Outputs: test.outputs, GroupVPCs: test.groups}
		services := configtest.Service(`"reaches": [{"securityGroupId": "` + group + `", "port": 5432}, {"securityGroupId": "` + group + `", "port": 5433}]`)
		_, _, err := lookUpIn(t, cloud, services, &holds{listener: standing.Listener{}})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
