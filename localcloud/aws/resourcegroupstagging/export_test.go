// Exports for the tests of this package.
package resourcegroupstagging

var GetResources = getResources
