// Exports for the tests of this package.
package sts

const MaxToken = maxToken
