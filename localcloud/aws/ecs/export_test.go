// What the tests of this package look at.
package ecs

var Registrable = registrable

const TaskToken = taskToken
