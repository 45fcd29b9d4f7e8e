// Exports for the tests of this package.
package ecs

var Registrable = registrable

const TaskToken = taskToken
