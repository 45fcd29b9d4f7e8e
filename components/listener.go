package components

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Listener is where requests come from: the HTTPS listener of an application load balancer.
type Listener struct {
	ARN                   pulumi.StringInput
	SecurityGroupID       pulumi.StringInput // the load balancer's
	LoadBalancerARNSuffix pulumi.StringInput // by which CloudWatch knows the load balancer; alarms and scaling by requests need it
	IdleTimeout           int                // the load balancer's, in seconds
}

func (l Listener) check() error {
	if l.ARN == nil || l.SecurityGroupID == nil || l.LoadBalancerARNSuffix == nil {
		return errors.New("the listener needs its ARN, and the load balancer's security group and ARN suffix")
	}
	return nil
}
