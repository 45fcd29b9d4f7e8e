package account

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// lastUpdate is what the outputs of the stack's last successful update say. It is all that a program is told about what the stack was
// before it was renamed, or before somebody configured another region: what AWS has then carries other tags, or is elsewhere.
type lastUpdate struct {
	LoadBalancer string            `pulumi:"loadBalancerDnsName"`
	Images       map[string]string `pulumi:"images"`
	Network      *lastNetwork      `pulumi:"network"` // nil: the program did not tell yet
	TTL          int               `pulumi:"dnsTtl"`
}

// lastNetwork is what another of makes another load balancer.
type lastNetwork struct {
	CIDR string `pulumi:"cidr"`
	IPv6 bool   `pulumi:"ipv6"`
}

// readLastUpdate asks the engine for the stack's own outputs, as a reference to the stack does (pulumi/pulumi#3722), but registers nothing.
// An update changes them when it has succeeded, and not before.
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

// reference returns by which name the engine finds the stack. A folder or bucket of Pulumi's older layout, without projects, takes a bare
// name only, which the newer one takes as well (ParseReference in pkg/backend/diy/store.go of pulumi/pulumi).
func reference(organization, project, stack string) string {
	if organization == diyOrganization {
		return stack
	}
	return fmt.Sprintf("%s/%s/%s", organization, project, stack)
}
