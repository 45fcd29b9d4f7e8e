package standing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"slipway/internal/awsconfig"
	"slipway/spec"
)

// Certificate returns what ACM says of a certificate. The AWS provider finds certificates only by their names.
func Certificate(ctx context.Context, options awsconfig.Options, arn string) (spec.FoundCertificate, error) {
	cfg, err := options.Load(ctx)
	if err != nil {
		return spec.FoundCertificate{}, fmt.Errorf("get AWS credentials: %w", err)
	}
	client := acm.NewFromConfig(cfg, func(o *acm.Options) { o.BaseEndpoint = cmp.Or(options.Endpoint("acm"), o.BaseEndpoint) })
	out, err := client.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &arn})
	if err != nil {
		return spec.FoundCertificate{}, fmt.Errorf("look up the certificate in the stack's region; is it there?: %s", awsconfig.Reason(err))
	}
	return spec.FoundCertificate{Status: string(out.Certificate.Status), Names: out.Certificate.SubjectAlternativeNames}, nil
}

// Cluster returns what ECS says of a cluster, given by name or ARN. The AWS provider's function does not say which capacity providers it
// has.
func Cluster(ctx context.Context, options awsconfig.Options, nameOrARN string) (spec.FoundCluster, error) {
	cfg, err := options.Load(ctx)
	if err != nil {
		return spec.FoundCluster{}, fmt.Errorf("get AWS credentials: %w", err)
	}
	client := ecs.NewFromConfig(cfg, func(o *ecs.Options) { o.BaseEndpoint = cmp.Or(options.Endpoint("ecs"), o.BaseEndpoint) })
	out, err := client.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{nameOrARN}, Include: []ecstypes.ClusterField{ecstypes.ClusterFieldSettings}})
	if err != nil {
		return spec.FoundCluster{}, fmt.Errorf("look up the cluster; may the caller do that?: %s", awsconfig.Reason(err))
	}
	if len(out.Clusters) == 0 { // ECS names it among the failures, as MISSING
		return spec.FoundCluster{}, errors.New("there is no such cluster in the stack's region; use the name of one that is there, or leave it out")
	}
	c := out.Clusters[0]
	return spec.FoundCluster{
		Name: aws.ToString(c.ClusterName), ARN: aws.ToString(c.ClusterArn), Status: aws.ToString(c.Status), CapacityProviders: c.CapacityProviders,
		Insights: slices.ContainsFunc(c.Settings, func(s ecstypes.ClusterSetting) bool {
			return s.Name == ecstypes.ClusterSettingNameContainerInsights && aws.ToString(s.Value) != "disabled"
		}),
	}, nil
}
