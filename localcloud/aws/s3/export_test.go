// Exports for the tests of this package.
package s3

const VersioningSuspended = versioningSuspended
