// What the tests of this package look at.
package sts

const MaxToken = maxToken
