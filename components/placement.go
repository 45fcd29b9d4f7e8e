package components

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// Placement is where tasks run.
type Placement struct {
	VPCID     pulumi.StringInput
	SubnetIDs pulumi.StringArrayInput
	// PublicIP gives each task a public address to reach the internet. Without it, the subnets need another route there.
	PublicIP bool
	// IPv6Only says that the subnets have no IPv4 addresses.
	IPv6Only bool
}

func (p Placement) check() error {
	if p.VPCID == nil || p.SubnetIDs == nil {
		return errors.New("the placement needs a VPC id and subnet ids")
	}
	return nil
}

// reference returns the reference by which tasks pull an image. Those with IPv6 addresses alone do so at a name with such addresses; who has
// none was refused.
func (p Placement) reference(image spec.Image) string {
	if p.IPv6Only {
		image, _ = image.OverIPv6()
	}
	return image.String()
}

// environment returns the variables that containers get, unless they have others of these names.
func (p Placement) environment() map[string]string {
	environment := map[string]string{}
	if p.IPv6Only {
		environment[spec.DualStackVariable] = "true"
	}
	return environment
}
