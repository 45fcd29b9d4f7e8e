// Exports for the tests of this package.
package secretsmanager

const MaxVersions = maxVersions

const StageCurrent = stageCurrent
