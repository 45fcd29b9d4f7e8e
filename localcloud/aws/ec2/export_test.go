// Exports for the tests of this package.
package ec2

const AnyIPv4 = anyIPv4

const AnyIPv6 = anyIPv6
