package account

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components"
	"slipway/config"
	"slipway/internal/function"
	"slipway/internal/standing"
	"slipway/spec"
)

// Platform is what another stack offers to this one.
type Platform struct {
	components.PlatformOutput
	Stack string // in full
	// Uncertified are the host names of this stack that the platform's certificates do not have.
	Uncertified []string
}

// lookUpPlatform reads the outputs of the platform's stack, as a stack reference does, and registers nothing. It reports why this stack
// cannot stand there.
func lookUpPlatform(ctx *pulumi.Context, cfg *config.Config, region string) (*Platform, error) {
	if cfg.Platform == "" {
		return nil, nil
	}
	found := Platform{Stack: cfg.Platform}
	if !strings.Contains(cfg.Platform, "/") {
		found.Stack = reference(ctx.Organization(), ctx.Project(), cfg.Platform)
	}
	wrong := func(err error) error { return fmt.Errorf("slipway:platform: stack %s %w", cfg.Platform, err) }
	output, err := readPlatformOutput(ctx, found.Stack)
	if err != nil {
		return nil, fmt.Errorf("slipway:platform: read the outputs of stack %s; is there such a stack?: %w", cfg.Platform, err)
	}
	if output == nil {
		return nil, wrong(errors.New("is not a platform: it has no output platform. Give it loadBalancer.hostnames and no services, and run `pulumi up` there first"))
	}
	found.PlatformOutput = *output
	if err := found.Check(); err != nil {
		return nil, wrong(fmt.Errorf("is not a platform that can be used: %w", err))
	}
	if !found.Open {
		return nil, wrong(errors.New("is to be destroyed: its loadBalancer.deletionProtection is false. Set it to true there and run `pulumi up`, or choose another platform"))
	}
	if err := found.checkPlace(ctx, region); err != nil {
		return nil, wrong(err)
	}
	if cfg.ScalesByQueue() && !found.Insights {
		return nil, wrong(errors.New("does not count the tasks in its cluster, which scaling by a queue needs; set cluster.insights to true there, and run `pulumi up` there first"))
	}
	for _, hostname := range cfg.Hostnames() {
		if err := spec.CheckDepth(hostname, found.Domain); err != nil {
			return nil, fmt.Errorf("slipway:services: %s: %w", hostname, err)
		}
		if !spec.Certified(hostname, found.Hostnames) {
			found.Uncertified = append(found.Uncertified, hostname)
		}
	}
	return &found, nil
}

func readPlatformOutput(ctx *pulumi.Context, stack string) (*components.PlatformOutput, error) {
	var read struct {
		Outputs struct {
			Platform *components.PlatformOutput `pulumi:"platform"`
		} `pulumi:"outputs"`
	}
	err := ctx.Invoke("pulumi:pulumi:readStackOutputs", struct {
		Name string `pulumi:"name"`
	}{stack}, &read)
	return read.Outputs.Platform, err
}

// checkPlace reports a platform in another region or account than the stack.
func (p Platform) checkPlace(ctx *pulumi.Context, region string) error {
	listener, err := arn.Parse(p.ListenerARN)
	if err != nil {
		return fmt.Errorf("is not a platform that can be used: its listener is %q: %w", p.ListenerARN, err)
	}
	if listener.Region != region {
		return fmt.Errorf("is in region %s, and this stack is in %s; a platform is only for stacks in its region", listener.Region, region)
	}
	caller, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{})
	if err != nil {
		return fmt.Errorf("must be in the same account: look up this stack's account: %w", function.Error(err))
	}
	if listener.AccountID != caller.AccountId {
		return fmt.Errorf("is in account %s, and this stack is in %s; a platform is only for stacks in its account", listener.AccountID, caller.AccountId)
	}
	return nil
}

// splitRules divides the rules of a listener into those of this stack and those of other stacks. On a listener of the stack's own, others
// are the stacks that stand on it as their platform; the rest is its own, also from before it was renamed.
func splitRules(rules []standing.Rule, project, stack string, shared bool) (own, others []standing.Rule) {
	guests := make(map[string]bool)
	for _, r := range rules {
		if spec.IsSharedAttachment(r.Hostname) {
			guests[r.Owner()] = true
		}
	}
	for _, r := range rules {
		mine := r.Project == project && r.Stack == stack
		if mine || !shared && !guests[r.Owner()] {
			own = append(own, r)
		} else {
			others = append(others, r)
		}
	}
	return own, others
}

// owners returns the names of the stacks to which rules belong.
func owners(rules []standing.Rule) string {
	var names []string
	for _, r := range rules {
		names = append(names, r.Owner())
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// checkSharing reports host names that another stack on the platform has already. Its rules would take the requests, or this stack's would
// take the other's; and a host name has one DNS record, which one stack keeps.
func (c change) checkSharing() error {
	var problems []error
	for _, s := range c.Services {
		for _, hostname := range s.Hostnames {
			i := slices.IndexFunc(c.others, func(r standing.Rule) bool { return strings.EqualFold(r.Hostname, hostname) })
			if i >= 0 && c.platform == "" && c.LoadBalancerARN != "" {
				problems = append(problems, fmt.Errorf("services.%s.hostnames: %s has a rule on the load balancer already, with priority %d, which is not this stack's; "+
					"choose another host name, or remove that rule first", s.Name, hostname, c.others[i].Priority))
			} else if i >= 0 {
				problems = append(problems, fmt.Errorf("services.%s.hostnames: %s is a host name of stack %s, which stands on the same platform; "+
					"choose another, or first take it out of that stack and run `pulumi up` there", s.Name, hostname, c.others[i].Owner()))
			}
		}
	}
	return errors.Join(problems...)
}

// checkMoves reports a change from one platform to another, or between a platform and what the stack makes itself; and from or to a load
// balancer of others: a target group belongs to one load balancer, and the rules on another one cannot lead to it.
func (c change) checkMoves() error {
	last, now := c.last.Network, c.network()
	if last == nil || last.Platform == now.Platform && last.Balancer == now.Balancer {
		return nil
	}
	key := "platform"
	if last.Platform == now.Platform {
		key = "loadBalancer.arn"
	}
	return fmt.Errorf("%s: the stack stands on %s, and one update cannot move it to %s; bring up another stack there, with other host names, "+
		"and destroy this one", key, last.ground(), now.ground())
}

// ground is what a stack with the network stands on.
func (n lastNetwork) ground() string {
	switch {
	case n.Platform != "":
		return "platform " + n.Platform
	case n.Balancer != "":
		return "load balancer " + n.Balancer
	case n.VPCID != "":
		return "a load balancer of its own"
	}
	return "a network and a load balancer of its own"
}

// checkGuests reports changes of a platform that would break the stacks that stand on it.
func (c change) checkGuests() error {
	if len(c.others) == 0 || c.platform != "" || c.LoadBalancerARN != "" {
		return nil
	}
	guests := owners(c.others)
	switch {
	case !c.IsPlatform():
		return fmt.Errorf("loadBalancer.hostnames: is needed while other stacks stand on this platform: %s; destroy them first", guests)
	case !c.LoadBalancer.DeletionProtection:
		return fmt.Errorf("loadBalancer.deletionProtection: is false, and other stacks stand on this platform: %s; destroy them first", guests)
	case c.moves():
		return fmt.Errorf("network: this change makes another network and load balancer, and other stacks stand on these: %s; destroy them first, or bring up "+
			"another platform for them", guests)
	}
	problems := []error{c.checkSubnets(guests)}
	for _, r := range c.others {
		if c.last.Platform != nil && !spec.IsAttachment(r.Hostname) &&
			spec.Certified(r.Hostname, c.last.Platform.Hostnames) && !spec.Certified(r.Hostname, c.PlatformNames) {
			problems = append(problems, fmt.Errorf("loadBalancer.hostnames: no certificate would be left for %s of stack %s; keep the name that covers it",
				r.Hostname, r.Owner()))
		}
	}
	return errors.Join(problems...)
}

// checkSubnets reports a change that takes subnets away in which other stacks' tasks run. EC2 refuses to delete those, but only at the end.
func (c change) checkSubnets(guests string) error {
	last := c.last.Platform
	switch {
	case last == nil || c.ExistingNetwork != nil:
		return nil
	case c.Network.Zones < len(last.SubnetIDs):
		return fmt.Errorf("network.zones: tasks of other stacks run in each of the %d zones: %s; destroy them first", len(last.SubnetIDs), guests)
	case spec.Egress(last.Egress).Private() && last.Egress != "" && last.Egress != string(c.Network.Egress):
		return fmt.Errorf("network.egress: tasks of other stacks run in the subnets of %s, which another way out takes away: %s; destroy them first", last.Egress, guests)
	}
	return nil
}

// maxCertificates is how many certificates a listener has in addition to its default one ("Quotas for your Application Load Balancers").
// The quota can be raised, so exceeding it is a warning.
const maxCertificates = 25

// certificateWarnings warns of more certificates than the platform's load balancer takes.
func (c change) certificateWarnings(uncertified []string) []string {
	if len(uncertified) == 0 {
		return nil
	}
	groups, err := spec.CertificateGroups(uncertified, nil)
	if err != nil {
		return nil // which is reported with the config
	}
	groups = slices.DeleteFunc(groups, func(group []string) bool {
		return slices.ContainsFunc(c.certificates, func(names []string) bool { return slices.Equal(slices.Sorted(slices.Values(names)), group) })
	})
	if n := max(len(c.certificates)-1, 0) + len(groups); len(groups) > 0 && n > maxCertificates {
		return []string{fmt.Sprintf("the load balancer would have %d certificates in addition to its default one; AWS's quota is %d unless you have "+
			"raised it. A certificate with a wildcard on the listener takes the place of many: in the platform's loadBalancer.hostnames, or as loadBalancer.certificateArn", n, maxCertificates)}
	}
	return nil
}
