// What the tests of this package look at.
package resourcegroupstagging

var GetResources = getResources
