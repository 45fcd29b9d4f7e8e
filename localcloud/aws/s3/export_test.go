// What the tests of this package look at.
package s3

const VersioningSuspended = versioningSuspended
