package account

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// lastUpdate has the outputs of the stack's last successful update. After a rename or a change of region, a program knows nothing else
// about the old stack: its AWS resources have other tags, or are in another region.
type lastUpdate struct {
	LoadBalancer string              `pulumi:"loadBalancerDnsName"`
	Images       map[string]string   `pulumi:"images"`
	Calls        map[string][]string `pulumi:"calls"`
	Network      *lastNetwork        `pulumi:"network"` // nil: an older program did not export it
	VPCID        string              `pulumi:"vpcId"`   // "": as above
	TTL          int                 `pulumi:"dnsTtl"`
	Platform     *ownPlatform        `pulumi:"platform"` // nil: the stack is no platform
}

// ownPlatform is the part of a platform's output that the platform's own updates need.
type ownPlatform struct {
	Hostnames []string `pulumi:"hostnames"`
	SubnetIDs []string `pulumi:"subnetIds"`
	Egress    string   `pulumi:"egress"`
}

// lastNetwork has the network settings whose change makes a new load balancer, and the tasks' way out.
type lastNetwork struct {
	CIDR     string      `pulumi:"cidr"`
	IPv6     bool        `pulumi:"ipv6"`
	VPCID    string      `pulumi:"vpcId"`           // of an existing network, which has nothing else
	Balancer string      `pulumi:"loadBalancerArn"` // of others, in an existing network
	Platform string      `pulumi:"platform"`        // the stack of the platform, in full, which has nothing else
	Egress   spec.Egress `pulumi:"egress"`          // of the stack's own network; "": an older program did not export it
}

// readLastUpdate asks the engine for the stack's own outputs, as a stack reference does (pulumi/pulumi#3722), but registers nothing. An
// update changes them only when it has succeeded.
func readLastUpdate(ctx *pulumi.Context) (lastUpdate, error) {
	var read struct {
		Outputs lastUpdate `pulumi:"outputs"`
	}
	err := ctx.Invoke("pulumi:pulumi:readStackOutputs", struct {
		Name string `pulumi:"name"`
	}{reference(ctx.Organization(), ctx.Project(), ctx.Stack())}, &read)
	if err != nil {
		return lastUpdate{}, fmt.Errorf("read the outputs of the stack's last update: %w", err)
	}
	return read.Outputs, nil
}

// diyOrganization is the organization of every stack whose state is in a folder or a bucket.
const diyOrganization = "organization"

// reference returns the name by which the engine finds the stack. A folder or bucket of Pulumi's older layout, without projects, takes
// only a bare name, and the newer layout takes it too (ParseReference in pkg/backend/diy/store.go of pulumi/pulumi).
func reference(organization, project, stack string) string {
	if organization == diyOrganization {
		return stack
	}
	return fmt.Sprintf("%s/%s/%s", organization, project, stack)
}
