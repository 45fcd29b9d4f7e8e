// What the tests of this package look at.
package elbv2

const DefaultSSLPolicy = defaultSSLPolicy

var HostedZones = hostedZones

const MaxCertificates = maxCertificates

var SecurityPolicies = securityPolicies
