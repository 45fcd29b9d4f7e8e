// What the tests of this package look at.
package balancers

var Admits = admits
