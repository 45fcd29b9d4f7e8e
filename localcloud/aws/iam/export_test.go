// What the tests of this package look at.
package iam

var GetPolicyDocument = getPolicyDocument
