package standing

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"slipway/internal/awsconfig"
)

// ruleLimit is Elastic Load Balancing's name for the limit of a load balancer's rules, without default rules (Limit in its API
// reference).
const ruleLimit = "rules-per-application-load-balancer"

// RuleQuota returns how many rules a load balancer of the account may have.
func RuleQuota(ctx context.Context, options awsconfig.Options) (int, error) {
	cfg, err := options.Load(ctx)
	if err != nil {
		return 0, fmt.Errorf("get AWS credentials: %w", err)
	}
	client := elb.NewFromConfig(cfg, func(o *elb.Options) { o.BaseEndpoint = cmp.Or(options.Endpoint("elbv2"), o.BaseEndpoint) })
	var marker *string
	for {
		page, err := client.DescribeAccountLimits(ctx, &elb.DescribeAccountLimitsInput{Marker: marker})
		if err != nil {
			return 0, fmt.Errorf("look up the quota of rules of a load balancer: %s", awsconfig.Reason(err))
		}
		for _, limit := range page.Limits {
			if aws.ToString(limit.Name) == ruleLimit {
				return strconv.Atoi(aws.ToString(limit.Max))
			}
		}
		if marker = page.NextMarker; aws.ToString(marker) == "" {
			return 0, fmt.Errorf("look up the quota of rules of a load balancer: AWS returned no limit %s", ruleLimit)
		}
	}
}
