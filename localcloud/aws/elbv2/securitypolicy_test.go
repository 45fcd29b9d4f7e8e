package elbv2_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"slipway/localcloud/aws/elbv2"
)

func TestTLSVersions(t *testing.T) {
	oldest, newest, err := elbv2.TLSVersions("ELBSecurityPolicy-TLS13-1-2-2021-06")
	if err != nil || oldest != tls.VersionTLS12 || newest != tls.VersionTLS13 {
		t.Errorf("%x-%x, %v", oldest, newest, err)
	}
	if _, _, err := elbv2.TLSVersions("ELBSecurityPolicy-None"); err == nil || !strings.Contains(err.Error(), "ELBSecurityPolicy-None") {
		t.Errorf("unknown policy: %v", err)
	}
	for name, versions := range elbv2.SecurityPolicies {
		if versions[0] > versions[1] {
			t.Errorf("%s goes from %x to %x", name, versions[0], versions[1])
		}
	}
}
