package account

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/config"
	"slipway/internal/function"
)

// lookUpGroups returns the VPC of each security group that services and jobs reach, by the group's id.
func lookUpGroups(ctx *pulumi.Context, cfg *config.Config) (map[string]string, error) {
	vpcs := make(map[string]string)
	var problems []error
	for key, w := range cfg.Workloads() {
		for i, r := range w.Reaches {
			if _, known := vpcs[r.SecurityGroupID]; known {
				continue
			}
			group, err := ec2.LookupSecurityGroup(ctx, &ec2.LookupSecurityGroupArgs{Id: &r.SecurityGroupID})
			if err != nil {
				problems = append(problems, fmt.Errorf("slipway:%s.reaches[%d].securityGroupId: look up the security group: %w", key, i, function.Error(err)))
				continue
			}
			vpcs[r.SecurityGroupID] = group.VpcId
		}
	}
	return vpcs, errors.Join(problems...)
}

// checkReaches reports security groups of another VPC than the stack's own. EC2 refuses a rule about two VPCs, but only after much of the
// stack is made ("Security group rules" in the Amazon VPC user guide).
func (c change) checkReaches(vpcs map[string]string) error {
	var problems []error
	for key, w := range c.Workloads() {
		for i, r := range w.Reaches {
			if err := c.checkVPC(vpcs[r.SecurityGroupID]); err != nil {
				problems = append(problems, fmt.Errorf("%s.reaches[%d].securityGroupId: %s: %w", key, i, r.SecurityGroupID, err))
			}
		}
	}
	return errors.Join(problems...)
}

// checkVPC reports a VPC that is not the one that the stack has after the update.
func (c change) checkVPC(vpc string) error {
	switch {
	case c.ExistingNetwork != nil && c.ExistingNetwork.VPCID != vpc:
		return fmt.Errorf("is in %s; use a group in %s, the VPC of the stack", vpc, c.ExistingNetwork.VPCID)
	case c.vpcID != "" && c.vpcID != vpc:
		return fmt.Errorf("is in %s; use a group in %s, the VPC of the platform", vpc, c.vpcID)
	case c.ExistingNetwork != nil, c.vpcID != "":
		return nil
	case c.moves() || c.replacesNetwork():
		return fmt.Errorf("is in %s, and this update gives the stack another VPC; first leave reaches out and run `pulumi up`", vpc)
	case c.last.Images == nil: // no update has succeeded yet
		return fmt.Errorf("is in %s, and the stack has no VPC yet; first leave reaches out and run `pulumi up`: the output vpcId is where the group must be", vpc)
	case c.last.VPCID != "" && c.last.VPCID != vpc:
		return fmt.Errorf("is in %s; use a group in %s, the VPC of the stack", vpc, c.last.VPCID)
	}
	return nil // or an older program did not export the VPC, and EC2 decides
}
