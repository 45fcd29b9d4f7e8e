package spec

import (
	"errors"
	"fmt"
	"regexp"
)

var loadBalancerPattern = regexp.MustCompile(`^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:loadbalancer/app/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}$`)

// CheckLoadBalancerARN reports what is not the ARN of an application load balancer.
func CheckLoadBalancerARN(arn string) error {
	if !loadBalancerPattern.MatchString(arn) {
		return errors.New("must be the ARN of an application load balancer: arn:aws:elasticloadbalancing:region:account:loadbalancer/app/name/id")
	}
	return nil
}

// FoundLoadBalancer is what AWS says of an existing application load balancer.
type FoundLoadBalancer struct {
	VPCID          string
	Internal       bool // only the VPC reaches it
	SecurityGroups []string
	// Listener is the protocol of its listener on port 443, empty if there is none.
	Listener string
}

// Problems reports why services with tasks in the VPC cannot get requests by the load balancer.
func (b FoundLoadBalancer) Problems(vpcID string) Problems {
	var found Problems
	report := func(err error) { found.Add(err, "arn") }
	if b.Internal {
		report(errors.New("is internal, so clients on the internet do not reach it; use an internet-facing one"))
	}
	if b.VPCID != vpcID {
		report(fmt.Errorf("is in %s, and the tasks in %s; it reaches only tasks in its own VPC", b.VPCID, vpcID))
	}
	if len(b.SecurityGroups) == 0 {
		report(errors.New("has no security group that could be let into the tasks'; give it one"))
	}
	switch b.Listener {
	case "HTTPS":
	case "":
		report(errors.New("has no listener on port 443; add an HTTPS listener there"))
	default:
		report(fmt.Errorf("has a listener for %s on port 443; make it one for HTTPS", b.Listener))
	}
	return found
}
