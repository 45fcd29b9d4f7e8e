// What the tests of this package look at.
package secretsmanager

const MaxVersions = maxVersions

const StageCurrent = stageCurrent
