package components

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Placement is where tasks run.
type Placement struct {
	VPCID     pulumi.StringInput
	SubnetIDs pulumi.StringArrayInput
	// PublicIP gives each task a public address, by which it reaches the internet. Without, its subnets need another way there.
	PublicIP bool
}

func (p Placement) check() error {
	if p.VPCID == nil || p.SubnetIDs == nil {
		return errors.New("where it runs needs a VPC id and subnet ids")
	}
	return nil
}
