// Exports for the tests of this package.
package elbv2

const DefaultSSLPolicy = defaultSSLPolicy

var HostedZones = hostedZones

const MaxCertificates = maxCertificates

var SecurityPolicies = securityPolicies
