package elbv2

import (
	"crypto/tls"
	"fmt"
)

// securityPolicies maps predefined policies to their oldest and newest TLS version, from "Security policies for your
// Application Load Balancer". Their cipher suites are left to crypto/tls.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
var securityPolicies = map[string][2]uint16{
	"ELBSecurityPolicy-TLS13-1-3-2021-06":         {tls.VersionTLS13, tls.VersionTLS13},
	"ELBSecurityPolicy-TLS13-1-3-PQ-2025-09":      {tls.VersionTLS13, tls.VersionTLS13},
	"ELBSecurityPolicy-TLS13-1-2-2021-06":         {tls.VersionTLS12, tls.VersionTLS13},
	"ELBSecurityPolicy-TLS13-1-2-PQ-2025-09":      {tls.VersionTLS12, tls.VersionTLS13},
	"ELBSecurityPolicy-TLS13-1-2-Res-2021-06":     {tls.VersionTLS12, tls.VersionTLS13},
	"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09":  {tls.VersionTLS12, tls.VersionTLS13},
	"ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06":    {tls.VersionTLS12, tls.VersionTLS13},
	"ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09": {tls.VersionTLS12, tls.VersionTLS13},
	"ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06":    {tls.VersionTLS12, tls.VersionTLS13},
	"ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09": {tls.VersionTLS12, tls.VersionTLS13},
	"ELBSecurityPolicy-TLS13-1-1-2021-06":         {tls.VersionTLS11, tls.VersionTLS13},
	"ELBSecurityPolicy-TLS13-1-0-2021-06":         {tls.VersionTLS10, tls.VersionTLS13},
	"ELBSecurityPolicy-TLS13-1-0-PQ-2025-09":      {tls.VersionTLS10, tls.VersionTLS13},
	"ELBSecurityPolicy-FS-1-2-Res-2020-10":        {tls.VersionTLS12, tls.VersionTLS12},
	"ELBSecurityPolicy-FS-1-2-Res-2019-08":        {tls.VersionTLS12, tls.VersionTLS12},
	"ELBSecurityPolicy-FS-1-2-2019-08":            {tls.VersionTLS12, tls.VersionTLS12},
	"ELBSecurityPolicy-FS-1-1-2019-08":            {tls.VersionTLS11, tls.VersionTLS12},
	"ELBSecurityPolicy-FS-2018-06":                {tls.VersionTLS10, tls.VersionTLS12},
	"ELBSecurityPolicy-TLS-1-2-Ext-2018-06":       {tls.VersionTLS12, tls.VersionTLS12},
	"ELBSecurityPolicy-TLS-1-2-2017-01":           {tls.VersionTLS12, tls.VersionTLS12},
	"ELBSecurityPolicy-TLS-1-1-2017-01":           {tls.VersionTLS11, tls.VersionTLS12},
	"ELBSecurityPolicy-2016-08":                   {tls.VersionTLS10, tls.VersionTLS12},
}

// TLSVersions returns the oldest and the newest TLS version that the named security policy allows.
func TLSVersions(policy string) (oldest, newest uint16, err error) {
	versions, ok := securityPolicies[policy]
	if !ok {
		return 0, 0, fmt.Errorf("security policy %q is not known", policy)
	}
	return versions[0], versions[1], nil
}
