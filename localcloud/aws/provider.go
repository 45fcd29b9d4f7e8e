package aws

import (
	"errors"
	"fmt"
	"time"

	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/cloud"
	"slipway/localcloud/fault"
)

// ReplacingSettings are the settings of the provider whose change replaces all resources: version 6 of pulumi-aws moves them to
// another region, and does nothing of the kind for another account.
// https://github.com/pulumi/pulumi-aws/pull/4000; version 7 no longer does it: https://github.com/pulumi/pulumi-aws/pull/5656
var ReplacingSettings = []string{"region"}

// Manners returns how the AWS provider handles faults. It retries a throttled request with pauses that double, up to five minutes, and
// gives up after 25 attempts (terraform-provider-aws v5.100.0 internal/provider, MaxRetries, and internal/conns, v1CompatibleBackoff;
// the pauses are those of aws-sdk-go v1's DefaultRetryer for throttling). Its error is aws-sdk-go-v2's (aws/retry, MaxAttemptsError;
// smithy-go transport/http, RequestSendError).
//
// It also retries a request without a reply. Here the network is down for all of these attempts, so the request took effect exactly
// once: with EC2, which has no names, another one would have made a second resource.
func Manners() fault.Manners {
	const attempts = 25
	gaveUp := func(n int, err error) error { return fmt.Errorf("exceeded maximum number of attempts, %d, %w", n, err) }
	return fault.Manners{
		// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
		Denied:    cloud.Errorf("AccessDenied", "You do not have sufficient access to perform this action."),
		Throttled: cloud.Errorf("ThrottlingException", "Rate exceeded"),
		Attempts:  attempts,
		Backoff:   fault.Exponential(500*time.Millisecond, 5*time.Minute),
		GaveUp:    gaveUp,
		Lost: gaveUp(attempts,
			errors.New("https response error StatusCode: 0, RequestID: , request send failed, context deadline exceeded")),
		Waits: fault.Waits(Kinds()...),
	}
}

var getRegion = &cloud.Function[struct{}]{
	Token: "aws:index/getRegion:getRegion",
	// The provider answers these by itself, or with a call that everyone may make.
	// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
	Needs: permission.Needs{},
	Call: func(c *cloud.Call, _ *struct{}) (cloud.Map, error) {
		region := c.Caller.Scope.Region
		return cloud.Map{"id": region, "name": region, "description": region, "endpoint": "ec2." + region + ".amazonaws.com"}, nil
	},
}

var getPartition = &cloud.Function[struct{}]{
	Token: "aws:index/getPartition:getPartition",
	Needs: permission.Needs{},
	Call: func(*cloud.Call, *struct{}) (cloud.Map, error) {
		return cloud.Map{"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}, nil
	},
}
