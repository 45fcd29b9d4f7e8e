// Exports for the tests of this package.
package balancers

var Admits = admits
