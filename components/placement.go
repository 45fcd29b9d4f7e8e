package components

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Placement is where tasks run.
type Placement struct {
	VPCID     pulumi.StringInput
	SubnetIDs pulumi.StringArrayInput
	// PublicIP gives each task a public address to reach the internet. Without it, the subnets need another route there.
	PublicIP bool
}

func (p Placement) check() error {
	if p.VPCID == nil || p.SubnetIDs == nil {
		return errors.New("the placement needs a VPC id and subnet ids")
	}
	return nil
}
