// What the tests of this package look at.
package appautoscaling

const RequestPerTarget = requestPerTarget

const ServiceCPU = serviceCPU

const ServiceMemory = serviceMemory
