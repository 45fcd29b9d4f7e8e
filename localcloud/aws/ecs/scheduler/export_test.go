// Exports for the tests of this package.
package scheduler

var Threshold = threshold
