// Exports for the tests of this package.
package iam

var GetPolicyDocument = getPolicyDocument
