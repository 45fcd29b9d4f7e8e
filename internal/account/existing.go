package account

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components"
	"slipway/config"
	"slipway/spec"
)

// lookUpExisting finds what the stack uses and others keep, and reports everything for which it would not do.
func (e *Existing) lookUpExisting(ctx *pulumi.Context, c change, in Account) error {
	return errors.Join(e.lookUpNetwork(ctx, c), e.lookUpCertificate(ctx, c, in), e.lookUpCluster(ctx, c, in))
}

// lookUpListener finds the listener of others that sends requests to the stack's services.
func (e *Existing) lookUpListener(ctx *pulumi.Context, cfg *config.Config) (err error) {
	if cfg.LoadBalancerARN == "" || !cfg.TakesRequests() {
		return nil
	}
	if err := checkRegion(cfg.LoadBalancerARN, e.Region); err != nil {
		return at(err, "loadBalancer", "arn")
	}
	e.Listener, err = components.LookupListener(ctx, &components.LookupListenerArgs{
		LoadBalancerARN: cfg.LoadBalancerARN, VPCID: cfg.ExistingNetwork.VPCID,
	})
	return under("loadBalancer", err)
}

// at names the setting of an error.
func at(err error, section, key string) error {
	return fmt.Errorf("slipway:%s.%s: %w", section, key, err)
}

// lookUpCertificate checks the certificate that the load balancer presents.
func (e *Existing) lookUpCertificate(ctx *pulumi.Context, c change, in Account) error {
	if c.CertificateARN == "" || !c.HasLoadBalancer() || in == nil {
		return nil
	}
	if err := checkRegion(c.CertificateARN, e.Region); err != nil {
		return at(err, "loadBalancer", "certificateArn")
	}
	certificate, err := in.Certificate(ctx.Context(), c.CertificateARN)
	if err != nil {
		return at(err, "loadBalancer", "certificateArn")
	}
	if e.Listener != nil && !slices.Contains(c.standing.CertificateARNs, c.CertificateARN) {
		// To add it would be to remove it with the stack, also if somebody else had added it meanwhile.
		return at(errors.New("is not on the load balancer's HTTPS listener; add it there, or leave certificateArn out: then the stack requests a certificate and adds it"),
			"loadBalancer", "certificateArn")
	}
	return under("loadBalancer", certificate.Problems(c.CertificateNames()).Err())
}

// lookUpCluster finds the cluster in which the tasks run.
func (e *Existing) lookUpCluster(ctx *pulumi.Context, c change, in Account) error {
	if c.Cluster == "" {
		return nil
	}
	cluster := spec.FoundCluster{Name: c.Cluster, ARN: c.Cluster, Insights: true}
	if in != nil {
		if err := checkRegion(c.Cluster, e.Region); err != nil {
			return at(err, "cluster", "name")
		}
		var err error
		if cluster, err = in.Cluster(ctx.Context(), c.Cluster); err != nil {
			return at(err, "cluster", "name")
		}
		if err := cluster.Problems(c.providers(), c.ScalesByQueue()).Err(); err != nil {
			return under("cluster", err)
		}
	}
	e.Cluster = &components.Cluster{
		Name: pulumi.String(cluster.Name).ToStringOutput(), ARN: pulumi.String(cluster.ARN).ToStringOutput(), Region: e.Region, Insights: cluster.Insights,
	}
	return nil
}

// providers returns the capacity providers that services use. Jobs need none.
func (c change) providers() []string {
	var names []string
	for _, s := range c.Services {
		names = append(names, s.Capacity.Providers()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkRegion reports an ARN in another region than the stack's. A name is in the stack's.
func checkRegion(name, region string) error {
	if a, err := arn.Parse(name); err == nil && a.Region != region {
		return fmt.Errorf("is in region %s, and the stack in %s; use one in the stack's region", a.Region, region)
	}
	return nil
}
