package spec

import (
	"errors"
	"fmt"
	"strings"
)

// Tasks without IPv4 addresses reach only what has IPv6 addresses ("Using a VPC in IPv6-only mode" in "Amazon ECS task networking options
// for Fargate").

// EgressIPv6 puts tasks into private subnets with IPv6 addresses alone. An egress-only internet gateway lets them out.
const EgressIPv6 Egress = "ipv6"

// IPv6Only reports whether tasks have only IPv6 addresses.
func (e Egress) IPv6Only() bool { return e == EgressIPv6 }

// DualStackVariable makes AWS's SDKs use the endpoints that have IPv6 addresses ("Dual-stack and FIPS endpoints" in the AWS SDKs and Tools
// Reference Guide).
const DualStackVariable = "AWS_USE_DUALSTACK_ENDPOINT"

// OverIPv6 returns the image at a name of its registry that has IPv6 addresses. It is an error if the registry has none. Amazon ECR has such
// a name next to the usual one, for the same images ("Making requests to Amazon ECR registries" in the Amazon ECR user guide, and to Amazon
// ECR Public registries in its own).
func (i Image) OverIPv6() (Image, error) {
	match := ecrHost.FindStringSubmatch(i.Registry)
	switch {
	case match != nil:
		i.Registry = dualStackHost(match[1], match[2], strings.Contains(i.Registry, "ecr-fips"))
	case i.Registry == "public.ecr.aws":
		i.Registry = "ecr-public.aws.com"
	case i.Registry == "ghcr.io": // https://github.com/orgs/community/discussions/10539
		return i, errors.New("is in a registry without IPv6 addresses, which tasks with network.egress ipv6 do not reach; copy it to Amazon ECR")
	}
	return i, nil
}

// dualStackHost returns the name of a registry of Amazon ECR that has IPv6 addresses.
func dualStackHost(account, region string, fips bool) string {
	service, domain := "dkr-ecr", "on.aws"
	if fips {
		service = "dkr-ecr-fips"
	}
	if strings.HasPrefix(region, "cn-") {
		domain = "on.amazonwebservices.com.cn"
	}
	return fmt.Sprintf("%s.%s.%s.%s", account, service, region, domain)
}

// IPv6Problems reports what does not work in tasks that have only IPv6 addresses.
func (w Workload) IPv6Problems() Problems {
	var found Problems
	unreached := func(image Image, path ...string) {
		_, err := image.OverIPv6()
		found.AddValue(image.String(), err, path...)
	}
	unreached(w.Image, "image")
	if w.Before != nil && w.Before.Image != nil {
		unreached(*w.Before.Image, "before", "image")
	}
	for _, name := range w.SidecarNames() {
		unreached(w.Sidecars[name].Image, "sidecars", name, "image")
	}
	if w.Exec.Enabled {
		found.Add(errors.New("does not work with network.egress ipv6: ECS Exec needs IPv4"), "exec")
	}
	return found
}

// IPv6Problems reports what does not work in tasks that have only IPv6 addresses.
func (s Service) IPv6Problems() Problems {
	found := s.Workload.IPv6Problems()
	if canary := s.Canary(); canary != nil {
		_, err := canary.Image.OverIPv6()
		found.AddValue(canary.Image.String(), err, "canary", "image")
	}
	return found
}
