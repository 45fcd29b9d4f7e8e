package components

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Listener is the source of requests: the HTTPS listener of an application load balancer.
type Listener struct {
	ARN                   pulumi.StringInput
	SecurityGroupID       pulumi.StringInput  // the load balancer's
	LoadBalancerARNSuffix pulumi.StringInput  // the load balancer's id in CloudWatch, for alarms and scaling by requests
	DNSName               pulumi.StringOutput // the load balancer's, for records; it resolves once clients may come
	IdleTimeout           int                 // the load balancer's, in seconds
	Sharer                string              // the stack among others that have rules there; empty: it is the stack's own. See [spec.Sharer]
}

// With returns the listener once it has a certificate's names: records that lead to it come after them.
func (l Listener) With(c *Certificate) Listener {
	l.DNSName = after(l.DNSName, c.added...)
	return l
}

func (l Listener) check() error {
	if l.ARN == nil || l.SecurityGroupID == nil || l.LoadBalancerARNSuffix == nil {
		return errors.New("the listener needs its ARN, and the load balancer's security group and ARN suffix")
	}
	return nil
}
