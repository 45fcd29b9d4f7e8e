package components

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// newNATGateway creates the NAT gateway of a zone, in its public subnet, with the address from which the internet sees the tasks. Its name
// is the zone's alone: a stack that gets a gateway in each zone keeps the one that it has, with its address.
func (n *Network) newNATGateway(ctx *pulumi.Context, zone zone) (*ec2.NatGateway, error) {
	name := fmt.Sprintf("%s-nat-%d", n.name, zone.number)
	address, err := ec2.NewEip(ctx, name, &ec2.EipArgs{
		Domain: pulumi.String("vpc"),
		Tags:   n.args.Tags.named(name),
		// Another public subnet gets another gateway before the old one goes, and an address has one gateway at a time
		// (CreateNatGateway in the Amazon EC2 API reference).
	}, n.parent(), pulumi.ReplacementTrigger(zone.public.ID()))
	if err != nil {
		return nil, err
	}
	return ec2.NewNatGateway(ctx, name, &ec2.NatGatewayArgs{
		AllocationId: address.ID(),
		SubnetId:     zone.subnetID,
		Tags:         n.args.Tags.named(name),
	}, n.parent())
}
