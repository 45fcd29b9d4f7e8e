// What the tests of this package look at.
package scheduler

var Threshold = threshold
